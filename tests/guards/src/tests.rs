//! The table cannot rot: every guard's text is there, once, and the page says what the table says.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::table::Check;
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

/// Found by taking all guards out: ten named a test that had got another name, and would have been missed one at a time.
#[test]
fn every_check_is_a_test_that_exists() {
    let mut wrong = Vec::new();
    for guard in table::read(&root()).unwrap() {
        let Check { package, target, test } = &guard.check;
        let home = match package.strip_prefix("driftless-").unwrap() {
            part @ ("statement" | "trust") => root().join("core").join(part),
            part => root().join(part),
        };
        let place = if target == "lib" { home.join("src") } else { home.join("tests") };
        let head = format!("fn {}(", test.rsplit("::").next().unwrap());
        // The targets `trust` and `trust_reference` are two: the whole first part of the way is the target's name.
        let holds = |file: &PathBuf| {
            let first = file.strip_prefix(&place).unwrap().iter().next().map(Path::new).and_then(Path::file_stem);
            let within = target == "lib" || first.is_some_and(|first| first == target.as_str());
            within && std::fs::read_to_string(file).unwrap().contains(&head)
        };
        if !sources(&place).iter().any(holds) {
            wrong.push(format!("{}: {package} {target} has no test {test}", guard.name));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Every Rust file below a directory.
fn sources(place: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(place).unwrap().map(Result::unwrap) {
        let path = entry.path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|kind| kind == "rs") {
            found.push(path);
        }
    }
    found
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
