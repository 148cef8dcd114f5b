//! How the demonstration looks on a terminal: data to standard output, in plain words and small tables.

use std::io::{IsTerminal, Write};
use std::time::Duration;

use driftless_client::api::{Conflicts, Divergence};

use super::cast::Cast;

/// Where it is told.
pub struct Stage {
    colour: bool,
}

/// A duration as a person would say it.
pub fn span(duration: Duration) -> String {
    match duration.as_millis() {
        0 => format!("{} µs", duration.as_micros()),
        millis @ 1..10_000 => format!("{millis} ms"),
        millis => format!("{}.{} s", millis / 1000, millis % 1000 / 100),
    }
}

impl Stage {
    pub fn new() -> Self {
        let plain = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        Self { colour: std::io::stdout().is_terminal() && !plain }
    }

    /// A terminal that has gone away ends nothing: the story is told to whoever still listens.
    fn line(&self, text: &str) {
        let _ = writeln!(std::io::stdout(), "{text}");
    }

    fn bold(&self, text: &str) -> String {
        if self.colour { format!("\u{1b}[1m{text}\u{1b}[0m") } else { text.to_owned() }
    }

    pub fn title(&self, text: &str) {
        self.line(&self.bold(text));
    }

    pub fn chapter(&self, text: &str) {
        self.line("");
        self.line(&self.bold(text));
    }

    pub fn say(&self, text: &str) {
        self.line(&format!("   {text}"));
    }

    /// The mesh as one node sees it.
    pub fn nodes(&self, divergence: &Divergence) {
        self.say("");
        self.say("node        state      since     heard       lag      peers  statements");
        for row in &divergence.nodes {
            let name = if row.name.is_empty() { row.node.short() } else { row.name.clone() };
            let heard = match (row.this, row.heard_seconds) {
                (true, _) => "this node".to_owned(),
                (false, Some(seconds)) => format!("{seconds} s ago"),
                (false, None) => "never".to_owned(),
            };
            let statements: u64 = row.scopes.iter().map(|scope| scope.statements).sum();
            self.say(&format!(
                "{name:<11} {:<10} {:<9} {heard:<11} {:<8} {:<6} {statements}",
                row.state,
                format!("{} s", row.since_seconds),
                format!("{} ms", row.lag_ms),
                row.peers,
            ));
        }
        let in_step = divergence.nodes.iter().filter(|row| row.this || row.state == "in_sync").count();
        self.say(&format!(
            "{in_step} of {} nodes in step; divergence {:.2} for {} s; {} expected, {} heard, {} silent",
            divergence.nodes.len(),
            divergence.ratio,
            divergence.age_seconds,
            divergence.expected,
            divergence.heard,
            divergence.silent
        ));
        self.say("");
    }

    pub fn conflicts(&self, conflicts: &Conflicts) {
        self.say(&format!("{} open conflict(s), none hidden:", conflicts.total));
        for conflict in &conflicts.conflicts {
            self.say(&format!("{}{}", conflict.path, conflict.pointer));
            for (word, side) in [("shows", &conflict.winner), ("lost ", &conflict.loser)] {
                self.say(&format!("  {word}  {}  by {} at {}", side.edit, side.author.short(), side.time));
            }
        }
    }

    pub fn where_to_look(&self, cast: &Cast) {
        self.chapter("Where to look");
        let socket = |home: &std::path::Path| home.join("driftless.sock").display().to_string();
        let eu = socket(&cast.eu().home);
        self.say(&format!("curl --unix-socket {eu} http://node/v1/config/shop/checkout/limits"));
        self.say(&format!("curl --unix-socket {eu} 'http://node/v1/config?prefix=shop&watch=1' --no-buffer"));
        self.say(&format!("curl --unix-socket {eu} http://node/metrics"));
        let operator = cast.home.join("operator.key");
        let driftless = format!("cargo run --release --bin driftless -- --endpoint unix:{eu}");
        self.say(&format!("{driftless} status"));
        self.say(&format!("{driftless} explain shop/checkout/limits"));
        self.say(&format!("{driftless} --key {} set shop/checkout/limits 80 --at /max_items", operator.display()));
        self.say(&format!("stores, keys and configurations: {}", cast.home.display()));
    }
}
