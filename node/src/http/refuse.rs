//! Refusals of the core as problems: pure, one by one, so that none falls through as a server error.

use driftless_client::api::Submitted;
use driftless_core::machine::{NotHeld, SubmitOutcome, WriteRefused};
use driftless_statement::{Path, StatementId};

use super::problem::{Kind, Problem};
use crate::door::Closed;
use crate::metrics::words;

/// Why a local edit of `path` was not made.
pub fn write(refused: &WriteRefused, path: &Path) -> Box<Problem> {
    let detail = refused.to_string();
    let problem = match refused {
        WriteRefused::NotFounded => Problem::new(Kind::NotFounded, detail),
        WriteRefused::NotHeld { held_by, .. } => Problem::new(Kind::NotHeld, detail).held_by(held_by),
        WriteRefused::Precondition { etag } => Problem::new(Kind::Precondition, detail).etag(etag.as_deref()),
        WriteRefused::Absent(_) => Problem::new(Kind::NotFound, detail),
        WriteRefused::NoGrant { .. } => Problem::new(Kind::NoGrant, detail),
        WriteRefused::Patch(_) => Problem::new(Kind::Patch, detail),
        WriteRefused::Invalid(_) => Problem::new(Kind::Invalid, detail),
        WriteRefused::Unfit(_) => Problem::new(Kind::Unfit, detail),
        WriteRefused::Clock { .. } => Problem::new(Kind::Clock, detail),
        WriteRefused::ReadOnly { .. } => Problem::new(Kind::ReadOnly, detail),
        WriteRefused::Busy => Problem::new(Kind::Busy, detail),
    };
    problem.about(path)
}

/// The scope asked about is not held here.
pub fn not_held(not_held: &NotHeld) -> Box<Problem> {
    Problem::new(Kind::NotHeld, not_held.to_string()).about(&not_held.scope).held_by(&not_held.held_by)
}

/// The driver could not be asked.
pub fn closed(closed: Closed) -> Box<Problem> {
    let kind = match closed {
        Closed::ShuttingDown => Kind::ShuttingDown,
        Closed::Busy => Kind::Busy,
    };
    Problem::new(kind, closed.to_string())
}

/// What became of one submitted statement. `id` is what its bytes claim, when they could be read.
pub fn submitted(outcome: &SubmitOutcome) -> Submitted {
    let (word, reason) = words::of_submit(outcome);
    let (id, detail) = match outcome {
        SubmitOutcome::Stored { id, .. } | SubmitOutcome::Known { id, .. } => (Some(*id), None),
        SubmitOutcome::Waiting { id, missing } => (Some(*id), Some(waiting(missing))),
        SubmitOutcome::Invalid(invalid) => (None, Some(invalid.to_string())),
        SubmitOutcome::Refused { id, refusal } => (Some(*id), Some(refusal.to_string())),
        SubmitOutcome::NotHeld { id, scope } => {
            (Some(*id), Some(format!("scope {scope} is not held by this node; submit it to one that holds it")))
        }
        SubmitOutcome::ReadOnly { id, reason } => {
            (Some(*id), Some(format!("the store takes no writes now: {reason}; submit it again later")))
        }
        SubmitOutcome::Full { id } => {
            (Some(*id), Some("too many statements wait already; submit it again later".to_owned()))
        }
    };
    Submitted { id, outcome: word.to_owned(), reason: reason.map(str::to_owned), detail }
}

fn waiting(missing: &[StatementId]) -> String {
    let names: Vec<String> = missing.iter().take(4).map(ToString::to_string).collect();
    match names.as_slice() {
        [] => "waits in memory until trust lets it in; submit it again if it matters".to_owned(),
        names => format!(
            "waits in memory for {} statement(s) that it names, such as {}; submit those first",
            missing.len(),
            names.join(", ")
        ),
    }
}
