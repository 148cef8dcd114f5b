//! What a run came to, in one sentence, and what to do next where it went wrong. It must not know where it is shown.

use super::figures::reached;
use super::words::plural;
use crate::record::{Record, Violation};

/// How a run went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Every rule held, and every state worth reaching was reached.
    Good,
    /// Every rule held, but in a world too tame to prove it.
    Tame,
    /// A rule was broken.
    Broken,
}

/// How a run went, and in words.
pub fn verdict(record: &Record) -> (Verdict, String) {
    let (reached, of) = reached(record);
    match (record.violations.len() as u64, of - reached) {
        (0, 0) if of == 0 => (Verdict::Tame, "every rule held; no states worth reaching were counted".to_owned()),
        (0, 0) => (Verdict::Good, "every rule held".to_owned()),
        (0, never) => (Verdict::Tame, format!("every rule held; {} never reached", plural(never as u64, "state"))),
        (broken, _) => (Verdict::Broken, format!("{} broken", plural(broken, "rule"))),
    }
}

/// A moment of a violation, exact enough to find it in a trace.
pub fn moment(violation: &Violation) -> String {
    let (seconds, millis) = (violation.at_ms / 1_000, violation.at_ms % 1_000);
    format!("{}:{:02}.{millis:03}", seconds / 60, seconds % 60)
}

/// What to do about broken rules; `None` where none is.
pub fn next(record: &Record) -> Option<String> {
    (!record.violations.is_empty()).then(|| {
        format!(
            "the same version ({}) with the same scenario ({}), seed ({}) and number of nodes ({}) gives the same run \
             with the same trace; look at the first violation first, the others may follow from it",
            record.version, record.scenario, record.seed, record.nodes
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::fixture;

    #[test]
    fn a_run_is_good_only_when_rules_held_and_states_were_reached() {
        let mut record = fixture::record();
        assert_eq!(verdict(&record), (Verdict::Broken, "1 rule broken".to_owned()));
        assert!(next(&record).is_some_and(|text| text.contains("seed (7)")));
        record.violations.clear();
        assert_eq!(verdict(&record), (Verdict::Tame, "every rule held; 1 state never reached".to_owned()));
        assert_eq!(next(&record), None);
        record.sometimes.values_mut().for_each(|times| *times += 1);
        assert_eq!(verdict(&record), (Verdict::Good, "every rule held".to_owned()));
        assert_eq!(verdict(&Record::default()).0, Verdict::Tame);
    }
}
