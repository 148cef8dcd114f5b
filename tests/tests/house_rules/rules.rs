//! The rules. Each has a name, a check over all sources, and violations that it must catch.

use std::fmt;

use crate::source::Source;

/// A place that breaks a rule.
pub struct Violation {
    pub rule: &'static str,
    pub place: String,
    pub what: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}: {}", self.rule, self.place, self.what)
    }
}

/// One rule. In planted texts `¶` ends a line.
pub struct Rule {
    pub name: &'static str,
    pub check: fn(&[Source]) -> Vec<Violation>,
    pub planted: &'static [(&'static str, &'static str)],
}

pub const RULES: &[Rule] = &[
    Rule {
        name: "core is pure",
        check: core_is_pure,
        planted: &[
            ("core/src/log/mod.rs", "//! x¶use std::time::Instant;"),
            ("core/src/log/mod.rs", "//! x¶use std::collections::HashMap;"),
            ("core/src/fold/mod.rs", "//! x¶fn f() { tokio::spawn(g()); }"),
            ("core/statement/src/id.rs", "//! x¶use std::fs;"),
            ("core/src/view/mod.rs", "//! x¶let n = getrandom::u64();"),
        ],
    },
    Rule {
        name: "automerge stays in the fold's documents",
        check: automerge_stays,
        planted: &[("core/src/fold/entry.rs", "//! x¶use automerge::Automerge;")],
    },
    Rule {
        name: "rooms do not import what they must not know",
        check: rooms,
        planted: &[
            ("client/src/lib.rs", "//! x¶use driftless_core::fold::Entry;"),
            ("node/src/p2p/swarm.rs", "//! x¶use crate::store::Store;"),
            ("node/src/store/open.rs", "//! x¶use crate::http::serve;"),
            ("node/src/http/serve.rs", "//! x¶use crate::p2p::Event;"),
            ("node/src/secrets/keeper.rs", "//! x¶use crate::http::serve;"),
            ("core/statement/src/id.rs", "//! x¶use driftless_core::log::Log;"),
            ("core/trust/src/rank.rs", "//! x¶use driftless_core::log::Log;"),
            ("sim/src/lib.rs", "//! x¶use libp2p::Swarm;"),
        ],
    },
    Rule {
        name: "every file says what its room is for",
        check: module_docs,
        planted: &[("node/src/driver.rs", "use std::fmt;")],
    },
    Rule { name: "files are at most 600 lines", check: file_sizes, planted: &[("core/src/log/mod.rs", LONG_FILE)] },
    Rule {
        name: "functions are at most 70 lines",
        check: function_sizes,
        planted: &[("core/src/log/mod.rs", LONG_FUNCTION)],
    },
    Rule {
        name: "one place checks signatures",
        check: one_verifier,
        planted: &[
            ("core/src/log/mod.rs", "//! x¶fn f() { key.verify_strict(m, s); }"),
            ("node/src/p2p/mod.rs", "//! x¶use ed25519_dalek::Verifier;"),
        ],
    },
    Rule {
        name: "tests wait for conditions",
        check: no_sleep,
        planted: &[
            ("tests/tests/e2e.rs", "//! x¶fn f() { std::thread::sleep(d); }"),
            ("node/tests/store.rs", "//! x¶fn f() { tokio::time::sleep(d).await; }"),
        ],
    },
    Rule {
        name: "nothing is unfinished by its own words",
        check: unfinished,
        planted: &[("node/src/driver.rs", "//! x¶fn f() { todo!() }"), ("node/src/driver.rs", "//! x¶// FIXME: later")],
    },
    Rule {
        name: "no names without meaning",
        check: names,
        planted: &[("core/src/utils.rs", "//! x"), ("core/src/log/mod.rs", "//! x¶pub struct LogManager;")],
    },
    Rule {
        name: "lints are not switched off where we serve",
        check: no_allow,
        planted: &[("core/src/log/mod.rs", "//! x¶#[allow(clippy::unwrap_used)]¶fn f() {}")],
    },
];

const LONG_FILE: &str = concat!(
    "//! x¶",
    "¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶",
    "¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶",
    "¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶",
    "¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶",
    "¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶¶x",
);
const LONG_FUNCTION: &str = concat!(
    "//! x¶fn f() {¶",
    "    g();¶    g();¶    g();¶    g();¶    g();¶    g();¶    g();¶    g();¶    g();¶    g();¶    g();¶    g();¶    g();¶",
    "    g();¶    g();¶    g();¶    g();¶    g();¶    g();¶    g();¶    g();¶    g();¶    g();¶    g();¶    g();¶    g();¶",
    "    g();¶    g();¶    g();¶    g();¶    g();¶    g();¶    g();¶    g();¶    g();¶    g();¶    g();¶    g();¶    g();¶",
    "    g();¶    g();¶    g();¶    g();¶    g();¶    g();¶    g();¶    g();¶    g();¶    g();¶    g();¶    g();¶    g();¶",
    "    g();¶    g();¶    g();¶    g();¶    g();¶    g();¶    g();¶    g();¶    g();¶    g();¶    g();¶    g();¶    g();¶",
    "    g();¶    g();¶    g();¶    g();¶    g();¶    g();¶}¶",
);

/// Serving lines in `room` that contain one of `words`.
fn words(sources: &[Source], rule: &'static str, room: fn(&Source) -> bool, words: &[&str]) -> Vec<Violation> {
    let mut found = Vec::new();
    for source in sources.iter().filter(|source| room(source)) {
        for (number, line) in source.code() {
            for word in words.iter().filter(|word| line.contains(*word)) {
                found.push(Violation { rule, place: format!("{}:{number}", source.path), what: format!("`{word}`") });
            }
        }
    }
    found
}

fn core_is_pure(sources: &[Source]) -> Vec<Violation> {
    let banned = [
        "tokio",
        "libp2p",
        "redb",
        "axum",
        "hyper",
        "std::time",
        "SystemTime",
        "Instant",
        "std::net",
        "std::fs",
        "std::io",
        "std::env",
        "std::thread",
        "getrandom",
        "rand::",
        "HashMap",
        "HashSet",
        "async ",
        ".await;",
        ".await?",
        ".await)",
        ".await.",
        "println!",
    ];
    words(sources, "core is pure", |source| source.is_in("core/") && source.serves(), &banned)
}

fn automerge_stays(sources: &[Source]) -> Vec<Violation> {
    let room = |source: &Source| source.serves() && !source.is_in("core/src/fold/doc");
    words(sources, "automerge stays", room, &["automerge::", "use automerge"])
}

fn rooms(sources: &[Source]) -> Vec<Violation> {
    let rule = "rooms";
    let mut found = Vec::new();
    let mut ban = |room: fn(&Source) -> bool, banned: &[&str]| found.extend(words(sources, rule, room, banned));
    ban(|s| s.is_in("client/src/"), &["driftless_core", "driftless_node", "libp2p", "redb"]);
    ban(|s| s.is_in("core/statement/src/"), &["driftless_core", "driftless_client", "driftless_node"]);
    ban(|s| s.is_in("core/trust/src/"), &["driftless_core", "driftless_client", "driftless_node"]);
    ban(|s| s.is_in("core/src/"), &["driftless_client", "driftless_node"]);
    ban(
        |s| s.is_in("node/src/p2p/"),
        &["crate::store", "crate::http", "crate::driver", "crate::door", "driftless_core"],
    );
    ban(
        |s| s.is_in("node/src/store/"),
        &["crate::p2p", "crate::http", "crate::driver", "crate::door", "driftless_core"],
    );
    ban(|s| s.is_in("node/src/http/"), &["crate::p2p", "crate::store", "crate::driver", "libp2p", "redb"]);
    ban(
        |s| s.is_in("node/src/secrets/"),
        &["crate::p2p", "crate::store", "crate::http", "crate::driver", "axum::", "libp2p", "redb"],
    );
    ban(|s| s.is_in("node/src/driver"), &["libp2p::", "redb::", "axum::"]);
    ban(|s| s.is_in("sim/"), &["libp2p", "tokio", "driftless_node"]);
    found
}

fn module_docs(sources: &[Source]) -> Vec<Violation> {
    let silent =
        |source: &&Source| !source.lines.iter().find(|l| !l.trim().is_empty()).is_some_and(|l| l.starts_with("//!"));
    let violation = |source: &Source| Violation {
        rule: "module docs",
        place: source.path.clone(),
        what: "does not begin with `//!`: say what the room is for and what it must not know".to_owned(),
    };
    sources.iter().filter(silent).map(violation).collect()
}

fn file_sizes(sources: &[Source]) -> Vec<Violation> {
    let long = sources.iter().filter(|source| source.lines.len() > 600);
    let violation = |source: &Source| Violation {
        rule: "file size",
        place: source.path.clone(),
        what: format!("{} lines, at most 600: split it where it has two ideas", source.lines.len()),
    };
    long.map(violation).collect()
}

fn function_sizes(sources: &[Source]) -> Vec<Violation> {
    let mut found = Vec::new();
    let mut lengths = Vec::new();
    for source in sources {
        for function in source.functions() {
            lengths.push(function.length);
            // A table of cases in a test is data, and reads better whole.
            let cap = if source.serves() { 70 } else { 130 };
            if function.length > cap {
                found.push(Violation {
                    rule: "function size",
                    place: format!("{}:{}", source.path, function.line),
                    what: format!("`{}` has {} lines, at most {cap}", function.name, function.length),
                });
            }
        }
    }
    lengths.sort_unstable();
    let ninety_fifth = lengths.get(lengths.len() * 95 / 100).copied().unwrap_or(0);
    if lengths.len() > 100 && ninety_fifth > 40 {
        let what = format!("the 95th percentile of function lengths is {ninety_fifth}, at most 40");
        found.push(Violation { rule: "function size", place: "all sources".to_owned(), what });
    }
    found
}

fn one_verifier(sources: &[Source]) -> Vec<Violation> {
    let room = |source: &Source| source.serves() && source.path != "core/statement/src/sign.rs";
    words(sources, "one verifier", room, &["verify_strict", "ed25519_dalek", "verify_batch"])
}

fn no_sleep(sources: &[Source]) -> Vec<Violation> {
    let mut found = Vec::new();
    for source in sources.iter().filter(|source| !source.path.starts_with("tests/tests/house_rules")) {
        let tests = source.path.contains("/tests/") || source.path.starts_with("tests/");
        let from = if tests { 0 } else { source.tests_from };
        for (number, line) in source.all_code().filter(|(number, _)| *number > from) {
            if line.contains("thread::sleep(") || line.contains("time::sleep(") {
                let what = "sleeps: wait for a condition with a deadline".to_owned();
                found.push(Violation { rule: "no sleep", place: format!("{}:{number}", source.path), what });
            }
        }
    }
    found
}

fn unfinished(sources: &[Source]) -> Vec<Violation> {
    let mut found = Vec::new();
    for source in sources.iter().filter(|source| !source.path.starts_with("tests/tests/house_rules")) {
        for (at, line) in source.lines.iter().enumerate() {
            for word in ["todo!(", "unimplemented!(", "FIXME", "XXX", "HACK"] {
                if line.contains(word) {
                    let place = format!("{}:{}", source.path, at + 1);
                    found.push(Violation { rule: "unfinished", place, what: format!("`{word}`") });
                }
            }
        }
    }
    found
}

fn names(sources: &[Source]) -> Vec<Violation> {
    let mut found = Vec::new();
    for source in sources.iter().filter(|source| !source.path.starts_with("tests/tests/house_rules")) {
        let file = source.path.rsplit('/').next().unwrap_or_default();
        if ["utils.rs", "util.rs", "common.rs", "helpers.rs", "misc.rs"].contains(&file) {
            let what = "a file's name says what it is for".to_owned();
            found.push(Violation { rule: "names", place: source.path.clone(), what });
        }
        for (number, line) in source.code() {
            if line.contains("struct ") && line.contains("Manager") {
                let what = "no `Manager`: name what it does".to_owned();
                found.push(Violation { rule: "names", place: format!("{}:{number}", source.path), what });
            }
        }
    }
    found
}

fn no_allow(sources: &[Source]) -> Vec<Violation> {
    let switches =
        ["allow(clippy::unwrap_used", "allow(clippy::expect_used", "allow(clippy::panic", "allow(clippy::indexing"];
    words(sources, "lints stay on", Source::serves, &switches)
}
