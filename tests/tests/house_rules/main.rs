//! The house rules as a test: who may import whom, sizes, module docs, banned calls. Each rule is proven by a violation
//! planted in a text of its own. To run: `cargo test -p driftless-tests --test house_rules`.

#![allow(clippy::unwrap_used)]

mod rules;
mod source;

use rules::{RULES, Violation};
use source::Source;

#[test]
fn the_house_keeps_its_rules() {
    let sources = source::all();
    assert!(sources.len() > 50, "found only {} source files: the walk is broken", sources.len());
    let violations: Vec<Violation> = RULES.iter().flat_map(|rule| (rule.check)(&sources)).collect();
    let list: Vec<String> = violations.iter().map(ToString::to_string).collect();
    assert!(violations.is_empty(), "{} violations:\n{}", list.len(), list.join("\n"));
}

#[test]
fn every_rule_catches_its_planted_violation() {
    for rule in RULES {
        assert!(!rule.planted.is_empty(), "{}: no violation is planted", rule.name);
        for (path, text) in rule.planted {
            let found = (rule.check)(&[Source::new(path, &text.replace("¶", "\n"))]);
            assert!(!found.is_empty(), "{}: the violation planted in {path} was not found", rule.name);
        }
    }
}

#[test]
fn no_rule_cries_without_reason() {
    let good = "//! A room.\n\n/// Adds.\npub fn add(a: u64, b: u64) -> u64 {\n    a.saturating_add(b)\n}\n";
    for rule in RULES {
        let found = (rule.check)(&[Source::new("core/src/log/mod.rs", good)]);
        assert!(found.is_empty(), "{}: cried about {:?}", rule.name, found.first().map(ToString::to_string));
    }
}
