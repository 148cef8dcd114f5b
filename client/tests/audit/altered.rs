//! Laws: whatever byte of an export is altered, and whatever line removed, it is noticed or changes nothing that was signed.

use std::sync::LazyLock;

use driftless_client::export::{Line, Record};
use proptest::prelude::*;

use crate::figures;
use crate::world::{body, eventful, judge, sealed};

static EXPORT: LazyLock<String> = LazyLock::new(|| eventful().export());

fn cases() -> ProptestConfig {
    ProptestConfig { cases: figures::law(figures::asked()), failure_persistence: None, ..ProptestConfig::default() }
}

fn records(text: &str) -> Vec<Record> {
    let lines = text.lines().map(|line| serde_json::from_str(line).unwrap());
    let record = |line| match line {
        Line::Record(record) => Some(*record),
        Line::Export(_) | Line::Attempt(_) | Line::End(_) => None,
    };
    lines.filter_map(record).collect()
}

/// All that a reader learns of what was signed, and of what became of it by trust.
fn meaning(text: &str) -> Vec<String> {
    let of = |record: Record| {
        let Record { mut statement, wire, .. } = record;
        statement.skipped.clear();
        if statement.fate == "not_due" {
            statement.reason = None;
        }
        format!("{wire} {}", serde_json::to_string(&statement).unwrap())
    };
    records(text).into_iter().map(of).collect()
}

/// The end tells what no other line does, so it is tried whole: each byte of it, with what else could stand there.
#[test]
fn no_byte_of_the_end_can_be_altered_unnoticed() {
    let from = body(&EXPORT).len();
    for at in from..EXPORT.len() {
        for to in b"0123456789abcdef\",:{} \n-.x\\".iter().copied().filter(|to| *to != EXPORT.as_bytes()[at]) {
            let mut bytes = EXPORT.clone().into_bytes();
            bytes[at] = to;
            let text = String::from_utf8(bytes).unwrap();
            assert!(judge(&text, None).is_err(), "{}", &text[from..]);
        }
    }
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn an_altered_byte_is_noticed_or_changes_nothing_signed(at in any::<prop::sample::Index>(), to in any::<u8>()) {
        let mut bytes = EXPORT.clone().into_bytes();
        let at = at.index(bytes.len());
        prop_assume!(bytes[at] != to);
        bytes[at] = to;
        // Whoever alters it by accident leaves the end as it is.
        let text = String::from_utf8_lossy(&bytes).into_owned();
        prop_assert!(text.into_bytes() != bytes || judge(std::str::from_utf8(&bytes).unwrap(), None).is_err());
        // Whoever does it on purpose writes the end anew.
        let end = body(&EXPORT).len();
        if at < end && let Ok(text) = String::from_utf8(sealed(&bytes[..end])) && judge(&text, None).is_ok() {
            prop_assert_eq!(meaning(&text), meaning(&EXPORT));
        }
    }

    #[test]
    fn a_removed_line_is_noticed_when_something_names_it(at in any::<prop::sample::Index>()) {
        let lines: Vec<&str> = body(&EXPORT).lines().collect();
        let at = at.index(lines.len());
        let left: Vec<&str> = lines.iter().enumerate().filter(|(place, _)| *place != at).map(|(_, line)| *line).collect();
        let text = String::from_utf8(sealed((left.join("\n") + "\n").as_bytes())).unwrap();
        let named = match serde_json::from_str(lines[at]).unwrap() {
            Line::Export(_) => true,
            Line::Attempt(_) | Line::End(_) => false,
            Line::Record(gone) => {
                let id = gone.statement.id;
                let names = |one: &Record| {
                    let said = &one.statement;
                    said.grant == id || said.prev.contains(&id) || said.bases.values().flatten().any(|base| *base == id)
                };
                records(&EXPORT).iter().any(names)
            }
        };
        prop_assert!(!named || judge(&text, None).is_err(), "line {} is named and was not missed", at + 1);
    }
}
