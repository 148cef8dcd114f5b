//! The table cannot rot: every guard's text is there, once, and the page says what the table says.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;

use crate::{page, root, table};

#[test]
fn every_guard_is_where_the_table_says() {
    let guards = table::read(&root()).unwrap();
    assert!(guards.len() >= 40, "only {} guards", guards.len());
    let names: BTreeSet<&str> = guards.iter().map(|guard| guard.name.as_str()).collect();
    assert_eq!(names.len(), guards.len(), "a name is given twice");
    let mut wrong = Vec::new();
    for guard in &guards {
        let text = std::fs::read_to_string(root().join(&guard.file)).unwrap();
        match guard.switched_off(&text) {
            Ok(off) => assert_ne!(off, text, "{}: off is the same as on", guard.name),
            Err(why) => wrong.push(why),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// A package with binaries would put the binary of the broken copy where the house's own one lies.
#[test]
fn no_check_builds_a_binary() {
    for guard in table::read(&root()).unwrap() {
        let bins = ["driftless-node", "driftless-client", "driftless-sim", "driftless-tests"];
        let safe = guard.check.target == "lib" || !bins.contains(&guard.check.package.as_str());
        assert!(safe, "{}: use a test beside the code", guard.name);
    }
}

#[test]
fn the_page_is_up_to_date() {
    let guards = table::read(&root()).unwrap();
    let page = std::fs::read_to_string(root().join("docs/guards.md")).unwrap();
    assert_eq!(page, page::page(&guards), "write it with `cargo run -p driftless-guards -- --write`");
}
