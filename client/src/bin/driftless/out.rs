//! Where output goes: data to standard output, words to standard error, colours only where somebody looks. The one place
//! of the command line that writes to either.

use std::fs::File;
use std::io::{self, IsTerminal, Write};
use std::os::fd::AsFd;

use serde::Serialize;

use crate::args::Format;
use crate::exit::Failure;

/// Colours, or none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Paint(bool);

/// What a text means to the eye.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ink {
    Good,
    Warn,
    Bad,
    Dim,
    Strong,
}

impl Paint {
    /// No colours.
    pub const NONE: Self = Self(false);
    /// Colours when this stream is a terminal and NO_COLOR is not set (no-color.org).
    fn of(terminal: bool) -> Self {
        let refused = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let dumb = std::env::var_os("TERM").is_some_and(|value| value == "dumb");
        Self(terminal && !refused && !dumb)
    }

    /// A text in an ink.
    pub fn ink(self, ink: Ink, text: &str) -> String {
        let code = match ink {
            Ink::Good => "32",
            Ink::Warn => "33",
            Ink::Bad => "31",
            Ink::Dim => "2",
            Ink::Strong => "1",
        };
        if self.0 { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }
}

/// Standard output and error of one command.
#[derive(Debug, Clone, Copy)]
pub struct Out {
    /// What was asked for with `-o`.
    pub format: Option<Format>,
    /// How much is said on standard error.
    pub verbose: u8,
    /// Colours of standard output.
    pub paint: Paint,
    /// Whether somebody looks at standard error.
    pub interactive: bool,
}

impl Out {
    pub fn new(format: Option<Format>, verbose: u8) -> Self {
        let paint = Paint::of(io::stdout().is_terminal());
        Self { format, verbose, paint, interactive: io::stderr().is_terminal() }
    }

    /// Prints data as it is.
    pub fn print(&self, text: &str) -> Result<(), Failure> {
        let mut stdout = io::stdout().lock();
        stdout.write_all(text.as_bytes())?;
        if !text.is_empty() && !text.ends_with('\n') {
            stdout.write_all(b"\n")?;
        }
        Ok(stdout.flush()?)
    }

    /// Prints data in the format asked for; as a table when none was.
    pub fn show<T: Serialize>(&self, data: &T, table: impl FnOnce(Paint) -> String) -> Result<(), Failure> {
        match self.format {
            None | Some(Format::Table) => self.print(&table(self.paint)),
            Some(Format::Json) => self.print(&json(data)?),
            Some(Format::Jsonl) => self.print(&lines(data)?),
            Some(Format::Yaml) => self.print(&yaml(data)?),
        }
    }

    /// Prints a secret: exactly its bytes, past the buffer of standard output, which nobody wipes.
    pub fn secret(&self, bytes: &[u8]) -> Result<(), Failure> {
        let mut stdout = File::from(io::stdout().as_fd().try_clone_to_owned()?);
        stdout.write_all(bytes)?;
        Ok(stdout.flush()?)
    }

    /// Whether standard output is a terminal.
    pub fn terminal(&self) -> bool {
        io::stdout().is_terminal()
    }

    /// Says something to the person.
    pub fn say(&self, text: &str) {
        // Nobody can be told that standard error is gone.
        let _ = writeln!(io::stderr().lock(), "{text}");
    }

    /// Says something only when asked to say more.
    pub fn detail(&self, text: &str) {
        if self.verbose > 0 {
            self.say(text);
        }
    }
}

/// Data as indented JSON.
pub fn json<T: Serialize>(data: &T) -> Result<String, Failure> {
    serde_json::to_string_pretty(data).map_err(|error| Failure::Usage(format!("cannot be written as JSON: {error}")))
}

/// Data as one line of JSON, with its end.
pub fn line<T: Serialize>(data: &T) -> Result<String, Failure> {
    let text = serde_json::to_string(data);
    text.map(|text| text + "\n").map_err(|error| Failure::Usage(format!("cannot be written as JSON: {error}")))
}

/// Data as JSON lines: one for each element of a list, else one.
fn lines<T: Serialize>(data: &T) -> Result<String, Failure> {
    let value = serde_json::to_value(data);
    match value.map_err(|error| Failure::Usage(format!("cannot be written as JSON: {error}")))? {
        serde_json::Value::Array(items) => items.iter().map(line).collect(),
        other => line(&other),
    }
}

/// Data as YAML.
pub fn yaml<T: Serialize>(data: &T) -> Result<String, Failure> {
    serde_saphyr::to_string(data).map_err(|error| Failure::Usage(format!("cannot be written as YAML: {error}")))
}

#[cfg(test)]
impl Paint {
    /// Colours, terminal or not.
    pub const ALWAYS: Self = Self(true);
}
