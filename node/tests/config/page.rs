//! `docs/configuration.md` says what the code does. `DRIFTLESS_BLESS=1` writes the page anew.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use driftless_node::config::{Config, Environment, Flags, KEYS, SECTIONS, page};

const MESH: &str = "0101010101010101010101010101010101010101010101010101010101010101";

#[test]
fn the_page_is_up_to_date() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/configuration.md");
    if std::env::var_os("DRIFTLESS_BLESS").is_some() {
        fs::write(&path, page()).unwrap();
    }
    let written = fs::read_to_string(&path).unwrap();
    assert!(written == page(), "docs/configuration.md is not what node/src/config/keys.rs says; see its first lines");
}

#[test]
fn every_key_is_documented_once_and_has_a_default_or_says_what_holds() {
    let names: BTreeSet<_> = KEYS.iter().map(|key| key.name).collect();
    assert_eq!(names.len(), KEYS.len(), "a key is listed twice");
    let variables: BTreeSet<_> = KEYS.iter().map(|key| key.variable()).collect();
    assert_eq!(variables.len(), KEYS.len(), "two keys share a variable");
    for key in KEYS {
        assert!(key.doc.ends_with('.') && key.doc.len() > 15, "{}: not documented", key.name);
        assert_ne!(key.default.is_empty(), key.unset.is_empty(), "{}: a default, or what holds without", key.name);
        assert!(SECTIONS.iter().any(|(section, _)| *section == key.section()), "{}: no such section", key.name);
        let row = format!("| `{}` |", key.name.split_once('.').unwrap().1);
        assert!(page().contains(&row), "{}: not on the page", key.name);
    }
}

/// A field of `Config` that no key fills, or a key that fills no field, shows here: the configuration is printed as
/// Rust's `Debug`, whose field names are the keys'.
#[test]
fn keys_and_fields_are_the_same() {
    let flags = Flags { mesh: Some(MESH.to_owned()), data_dir: Some("/d".to_owned()), ..Flags::default() };
    let mut config = Config::load(&flags, &Environment::default()).unwrap();
    config.origins.clear();
    let shown = format!("{config:#?}");
    let mut section = String::new();
    let mut fields = BTreeSet::new();
    for line in shown.lines() {
        let indent = line.len() - line.trim_start().len();
        let Some((name, _)) = line.trim().split_once(": ") else { continue };
        match indent {
            4 => section = name.to_owned(),
            8 => {
                fields.insert(format!("{section}.{name}"));
            }
            _ => {}
        }
    }
    let keys: BTreeSet<_> = KEYS.iter().map(|key| key.name.to_owned()).collect();
    assert_eq!(fields, keys);
}

#[test]
fn what_is_shown_is_read_back_the_same() {
    let dir = tempfile::tempdir().unwrap();
    let environment: Environment =
        [("HOME", "/home/ada"), ("DRIFTLESS_P2P_LISTEN", ""), ("DRIFTLESS_LOG_LEVEL", "debug")].into_iter().collect();
    let flags = Flags { mesh: Some(MESH.to_owned()), set: vec!["beacon.expiry=1m".to_owned()], ..Flags::default() };
    let config = Config::load(&flags, &environment).unwrap();
    let shown = config.show();
    for line in [
        "# data_dir = \"/home/ada/.local/state/driftless\" (derived)",
        "level = \"debug\" # environment DRIFTLESS_LOG_LEVEL",
        "expiry = \"1m\" # flag --set",
        "interval = \"15s\" # default",
    ] {
        assert!(shown.lines().any(|shown| shown == line), "{line} is not in:\n{shown}");
    }
    let file = dir.path().join("node.toml");
    fs::write(&file, &shown).unwrap();
    let again = Config::check_file(&file, &environment).unwrap();
    assert_eq!(Config { origins: vec![], ..again }, Config { origins: vec![], ..config });
}
