//! Stable words for outcomes and refusals, as metrics label them and answers carry them. Adding one is fine; changing
//! one breaks somebody's alert.

use driftless_core::machine::{Fate, SubmitOutcome, WriteRefused};

/// The word for a statement's fate.
pub fn of_fate(fate: &Fate) -> &'static str {
    match fate {
        Fate::Fit => "fit",
        Fate::Unfit { .. } => "unfit",
        Fate::Pending(_) => "pending",
        Fate::Void(_) => "void",
        Fate::NotDue => "not_due",
        Fate::Storing => "storing",
    }
}

/// Why a statement is not fit, in words; `None` when it is.
pub fn why_of_fate(fate: &Fate) -> Option<String> {
    match fate {
        Fate::Fit => None,
        Fate::Unfit { path, breach } => Some(format!("{path}: {breach}")),
        Fate::Pending(refusal) | Fate::Void(refusal) => Some(refusal.to_string()),
        Fate::NotDue => Some("its time, or that of something it names, is too far ahead of this node's".to_owned()),
        Fate::Storing => Some("it is not on disk yet".to_owned()),
    }
}

/// The word for why a local edit was not made.
pub fn of_write_refused(refused: &WriteRefused) -> &'static str {
    match refused {
        WriteRefused::NotFounded => "not_founded",
        WriteRefused::NotHeld { .. } => "not_held",
        WriteRefused::Precondition { .. } => "precondition",
        WriteRefused::Absent(_) => "absent",
        WriteRefused::NoGrant { .. } => "no_grant",
        WriteRefused::Patch(bad) => bad.word(),
        WriteRefused::Invalid(invalid) => invalid.word(),
        WriteRefused::Unfit(breach) => breach.word(),
        WriteRefused::Clock { .. } => "clock",
        WriteRefused::ReadOnly { .. } => "read_only",
        WriteRefused::Busy => "busy",
    }
}

/// Outcome and reason of a submitted statement.
pub fn of_submit(outcome: &SubmitOutcome) -> (&'static str, Option<&'static str>) {
    match outcome {
        SubmitOutcome::Stored { .. } => ("stored", None),
        SubmitOutcome::Known { .. } => ("known", None),
        SubmitOutcome::Waiting { missing, .. } if missing.is_empty() => ("waiting", Some("trust")),
        SubmitOutcome::Waiting { .. } => ("waiting", Some("missing")),
        SubmitOutcome::Invalid(invalid) => ("refused", Some(invalid.word())),
        SubmitOutcome::Refused { refusal, .. } => ("refused", Some(refusal.word())),
        SubmitOutcome::NotHeld { .. } => ("refused", Some("not_held")),
        SubmitOutcome::ReadOnly { .. } => ("refused", Some("read_only")),
        SubmitOutcome::Full { .. } => ("refused", Some("full")),
        SubmitOutcome::Delayed { .. } => ("refused", Some("author_rate")),
    }
}
