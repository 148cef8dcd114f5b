//! Refusals of the core as problems: pure, one by one, so that none falls through as a server error.

use driftless_client::api::Submitted;
use driftless_core::machine::{NotHeld, SubmitOutcome, WriteRefused};
use driftless_statement::{Path, PublicKey, StatementId};

use super::problem::{Kind, Problem};
use crate::door::Closed;
use crate::metrics::words;

/// Why a local edit of `path` was not made.
pub fn write(refused: &WriteRefused, path: &Path) -> Box<Problem> {
    let detail = refused.to_string();
    let problem = match refused {
        WriteRefused::NotFounded => Problem::new(Kind::NotFounded, detail),
        WriteRefused::NotHeld { held_by, .. } => Problem::new(Kind::NotHeld, detail).held_by(held_by),
        WriteRefused::Precondition { etag } => {
            Problem::new(Kind::Precondition, precondition(etag.as_deref())).etag(etag.as_deref())
        }
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

fn precondition(etag: Option<&str>) -> String {
    match etag {
        Some(etag) => format!("the entry's entity tag is now \"{etag}\"; read it again, and decide again"),
        None => "the entry is absent; send no If-Match, or If-None-Match: * to create it".to_owned(),
    }
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
        SubmitOutcome::Delayed { author, .. } => (None, Some(over_rate(author))),
        SubmitOutcome::Full { id } => {
            (Some(*id), Some("too many statements wait already; submit it again later".to_owned()))
        }
    };
    Submitted { id, outcome: word.to_owned(), reason: reason.map(str::to_owned), detail }
}

/// Nothing of a submission was taken, because an author in it is over its intake rate.
pub fn delayed(author: &PublicKey, wait_ms: u64) -> Box<Problem> {
    Problem::new(Kind::AuthorRate, over_rate(author)).about(author).retry_after(wait_ms.div_ceil(1_000))
}

fn over_rate(author: &PublicKey) -> String {
    format!(
        "author {author} signs faster than intake.author_statements or intake.author_bytes of this node allow; nothing of the \
         submission was taken: send it again after the time in Retry-After, or raise them"
    )
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

#[cfg(test)]
mod tests {
    use driftless_core::fold::Breach;
    use driftless_core::view::Revision;
    use driftless_statement::{Hlc, Invalid, Scope, patch};

    use super::*;

    #[test]
    fn every_refusal_has_its_own_kind() {
        let path = Path::parse("shop/limits").unwrap();
        let node = PublicKey([7; 32]);
        let scope = Scope::parse("shop").unwrap();
        let cases = [
            (WriteRefused::NotFounded, Kind::NotFounded),
            (WriteRefused::NotHeld { scope, held_by: vec![node] }, Kind::NotHeld),
            (WriteRefused::Precondition { etag: Some("ab".to_owned()) }, Kind::Precondition),
            (WriteRefused::Precondition { etag: None }, Kind::Precondition),
            (WriteRefused::Absent(path.clone()), Kind::NotFound),
            (WriteRefused::NoGrant { node, verb: "write", path: path.clone() }, Kind::NoGrant),
            (WriteRefused::Patch(patch::BadPatch::NotAList), Kind::Patch),
            (WriteRefused::Invalid(Invalid::Short), Kind::Invalid),
            (WriteRefused::Unfit(Breach::Size { got: 2, max: 1 }), Kind::Unfit),
            (WriteRefused::Clock { after: Hlc(1) }, Kind::Clock),
            (WriteRefused::ReadOnly { reason: "no space".to_owned() }, Kind::ReadOnly),
            (WriteRefused::Busy, Kind::Busy),
        ];
        for (refused, kind) in cases {
            let problem = write(&refused, &path);
            assert_eq!(problem.kind, kind, "{refused:?}");
            let body = problem.to_api();
            assert_eq!(body.instance.as_deref(), Some("shop/limits"));
            assert!(body.detail.len() > 10 && !body.detail.contains("Some("), "{}", body.detail);
            assert_eq!(body.held_by.len(), usize::from(kind == Kind::NotHeld));
        }
    }

    #[test]
    fn every_outcome_of_a_submission_has_its_words() {
        let id = StatementId([3; 32]);
        let revision = Revision { store: 1, boot: 1, count: 1 };
        let scope = Scope::parse("shop").unwrap();
        for (outcome, word, reason) in [
            (SubmitOutcome::Stored { id, revision }, "stored", None),
            (SubmitOutcome::Known { id, revision }, "known", None),
            (SubmitOutcome::Waiting { id, missing: vec![id] }, "waiting", Some("missing")),
            (SubmitOutcome::Waiting { id, missing: vec![] }, "waiting", Some("trust")),
            (SubmitOutcome::Invalid(Invalid::Short), "refused", Some("short")),
            (SubmitOutcome::NotHeld { id, scope }, "refused", Some("not_held")),
            (SubmitOutcome::ReadOnly { id, reason: "full".to_owned() }, "refused", Some("read_only")),
            (SubmitOutcome::Full { id }, "refused", Some("full")),
            (SubmitOutcome::Delayed { author: PublicKey([7; 32]), wait_ms: 9 }, "refused", Some("author_rate")),
        ] {
            let told = submitted(&outcome);
            assert_eq!((told.outcome.as_str(), told.reason.as_deref()), (word, reason), "{outcome:?}");
            assert_eq!(told.detail.is_some(), reason.is_some(), "{outcome:?}");
        }
    }
}
