//! Structured logs on standard error. Whatever a peer or a client managed to get into a field, a line stays one line
//! and moves no terminal's cursor. Secrets have no `Debug` and no `Display`, so none can be logged.

use std::io::{self, Write};

use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::ParseError;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::util::{SubscriberInitExt, TryInitError};

use crate::config::{Log, LogFormat};

/// Libraries that tell more than an operator wants at `info`; a filter that names them itself wins.
const QUIET: &str = "libp2p=warn,libp2p_gossipsub=error,hyper=warn";

/// Reads a filter such as `info` or `info,driftless_node::store=debug`, or says why it is none.
pub fn filter(directives: &str) -> Result<EnvFilter, ParseError> {
    // The later of two directives for one target wins, so ours go first.
    EnvFilter::builder().parse(format!("{QUIET},{directives}"))
}

/// Why logging did not start. Nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// The filter is none.
    #[error("log.level: {0}")]
    Filter(#[from] ParseError),
    /// This process logs already.
    #[error("logging: {0}")]
    Started(#[from] TryInitError),
}

/// Starts logging to standard error, for the whole process, once.
pub fn start(config: &Log) -> Result<(), LogError> {
    Ok(subscriber(config, io::stderr)?.try_init()?)
}

/// What [`start`] installs, writing elsewhere: for tests.
pub fn subscriber<W>(config: &Log, writer: W) -> Result<Box<dyn tracing::Subscriber + Send + Sync>, ParseError>
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let builder = tracing_subscriber::fmt().with_env_filter(filter(&config.level)?).with_writer(Clean(writer));
    Ok(match config.format {
        LogFormat::Text => Box::new(builder.with_ansi(false).finish()),
        LogFormat::Json => Box::new(builder.json().flatten_event(true).with_current_span(false).finish()),
    })
}

/// Escapes what could break out of a line, whichever formatter let it through.
struct Clean<W>(W);

impl<'a, W: MakeWriter<'a>> MakeWriter<'a> for Clean<W> {
    type Writer = CleanWriter<W::Writer>;

    fn make_writer(&'a self) -> Self::Writer {
        CleanWriter(self.0.make_writer())
    }

    fn make_writer_for(&'a self, meta: &tracing::Metadata<'_>) -> Self::Writer {
        CleanWriter(self.0.make_writer_for(meta))
    }
}

struct CleanWriter<W>(W);

impl<W: Write> Write for CleanWriter<W> {
    /// The formatter hands over each event whole, with its newline at the end.
    fn write(&mut self, event: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(event);
        let (line, end) = text.strip_suffix('\n').map_or((text.as_ref(), ""), |line| (line, "\n"));
        let clean: String = line.chars().map(escape).chain([end.to_owned()]).collect();
        self.0.write_all(clean.as_bytes())?;
        Ok(event.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

/// Control characters, and those that turn the direction of text or hide it, as JSON would write them.
fn escape(c: char) -> String {
    let hides = matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}');
    if c.is_control() || hides { format!("\\u{:04x}", u32::from(c)) } else { c.to_string() }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::sync::{Arc, Mutex};

    use super::*;

    #[derive(Clone, Default)]
    struct Kept(Arc<Mutex<Vec<u8>>>);

    impl Write for Kept {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn logged(format: LogFormat, level: &str, log: impl FnOnce()) -> String {
        let kept = Kept::default();
        let writer = kept.clone();
        let config = Log { level: level.to_owned(), format };
        let subscriber = subscriber(&config, move || writer.clone()).unwrap();
        tracing::subscriber::with_default(subscriber, log);
        String::from_utf8(kept.0.lock().unwrap().clone()).unwrap()
    }

    const HOSTILE: &str = "a\nINFO forged\r\x1b[2J\u{7f}\u{9b}2J\u{202e}z";

    #[test]
    fn a_hostile_field_stays_on_its_line() {
        for format in [LogFormat::Text, LogFormat::Json] {
            let text = logged(format, "info", || {
                tracing::info!(path = HOSTILE, shown = %HOSTILE, "{HOSTILE}");
            });
            assert_eq!(text.lines().count(), 1, "{text:?}");
            let body = text.strip_suffix('\n').unwrap();
            assert!(!body.chars().any(|c| c.is_control() || c == '\u{202e}'), "{body:?}");
        }
    }

    #[test]
    fn a_json_line_is_json_and_gives_the_field_back() {
        let text = logged(LogFormat::Json, "info", || tracing::info!(path = HOSTILE, count = 3, "stored"));
        let line: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(line.get("path").and_then(|path| path.as_str()), Some(HOSTILE));
        assert_eq!(line.get("count").and_then(serde_json::Value::as_u64), Some(3));
        assert_eq!(line.get("message").and_then(|message| message.as_str()), Some("stored"));
    }

    #[test]
    fn the_level_filters_and_libraries_are_quiet_unless_named() {
        let both = || {
            tracing::debug!("ours");
            tracing::info!(target: "libp2p_gossipsub", "theirs");
        };
        assert_eq!(logged(LogFormat::Text, "info", both), "");
        assert_eq!(logged(LogFormat::Text, "debug", both).lines().count(), 1);
        assert_eq!(logged(LogFormat::Text, "debug,libp2p_gossipsub=info", both).lines().count(), 2);
        assert!(filter("loud=very").is_err());
    }
}
