//! Statements signed elsewhere: an RFC 8742 sequence of CBOR byte strings, each the wire bytes of one statement.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::Response;
use driftless_client::api::Submission;
use driftless_core::machine::{PreviewRefused, SubmitOutcome};
use driftless_core::view::Revision;
use driftless_statement::bundle;

use super::edit::json;
use super::problem::{Answer, Kind, Problem};
use super::routes::{self, Shared};
use super::settings::SUBMIT_STATEMENTS;
use super::target::Query;
use super::{body, refuse, tell};

/// `POST /v1/statements`.
pub async fn submit(State(shared): State<Arc<Shared>>, request: Request) -> Answer<Response<Body>> {
    Query::parse(request.uri().query())?.end()?;
    let (head, body) = request.into_parts();
    body::media(&head.headers, &["application/cbor-seq"])?;
    let bytes = body::read(&shared, &head.headers, body).await?;
    let statements = split(&bytes).map_err(|detail| Problem::new(Kind::Statements, detail))?;
    let outcomes = shared.door.submit(statements).await.map_err(refuse::closed)?;
    if let Some(SubmitOutcome::Delayed { author, wait_ms }) = outcomes.first() {
        return Err(refuse::delayed(author, *wait_ms));
    }
    let reached = outcomes.iter().filter_map(revision).max_by_key(|revision| (revision.boot, revision.count));
    let revision = reached.unwrap_or_else(|| shared.door.view().revision());
    Ok(json(&Submission { results: outcomes.iter().map(refuse::submitted).collect(), revision: revision.to_string() }))
}

/// `POST /v1/preview`: what acts would change. Nothing is kept of them.
pub async fn preview(State(shared): State<Arc<Shared>>, request: Request) -> Answer<Response<Body>> {
    Query::parse(request.uri().query())?.end()?;
    let permit = routes::permit(&request);
    let (head, body) = request.into_parts();
    body::media(&head.headers, &["application/cbor-seq"])?;
    let bytes = body::read(&shared, &head.headers, body).await?;
    let acts = split(&bytes).map_err(|detail| Problem::new(Kind::Statements, detail))?;
    shared.must_be_ready()?;
    let told = shared.door.read(move |machine| machine.preview(&acts)).await.map_err(refuse::closed)?;
    let kind = |refused: &PreviewRefused| match refused {
        PreviewRefused::Invalid { .. } => Kind::Invalid,
        PreviewRefused::NotAnAct { .. } => Kind::Statements,
        PreviewRefused::NotFounded => Kind::NotFounded,
    };
    let cut = |preview| {
        let mut told = tell::preview(preview);
        permit.cut_preview(&mut told);
        json(&told)
    };
    told.map(cut).map_err(|refused| Problem::new(kind(&refused), refused.to_string()))
}

fn revision(outcome: &SubmitOutcome) -> Option<Revision> {
    match outcome {
        SubmitOutcome::Stored { revision, .. } | SubmitOutcome::Known { revision, .. } => Some(*revision),
        SubmitOutcome::Waiting { .. }
        | SubmitOutcome::Invalid(_)
        | SubmitOutcome::Refused { .. }
        | SubmitOutcome::NotHeld { .. }
        | SubmitOutcome::ReadOnly { .. }
        | SubmitOutcome::Full { .. }
        | SubmitOutcome::Delayed { .. } => None,
    }
}

/// The wire bytes of a submission, in the one form that a bundle has; what is wrong with it otherwise.
fn split(body: &[u8]) -> Result<Vec<Vec<u8>>, String> {
    let wires = bundle::decode_at_most(body, SUBMIT_STATEMENTS).map_err(|bad| bad.to_string())?;
    if wires.is_empty() {
        return Err("the body holds no statement".to_owned());
    }
    Ok(wires.into_iter().map(<[u8]>::to_vec).collect())
}

#[cfg(test)]
mod tests {
    use driftless_statement::limits;

    use super::*;

    /// The longest byte string taken: a statement with its signature.
    const STRING_BYTES: usize = limits::STATEMENT_BYTES + 64;

    fn string(bytes: &[u8]) -> Vec<u8> {
        driftless_statement::codec::encode(&driftless_statement::codec::Item::bytes(bytes))
    }

    #[test]
    fn a_sequence_comes_apart_again() {
        let strings: Vec<Vec<u8>> =
            [0, 1, 23, 24, 255, 256, 65_535, 65_536, STRING_BYTES].map(|len| vec![7; len]).into();
        let sequence: Vec<u8> = strings.iter().flat_map(|bytes| string(bytes)).collect();
        assert_eq!(split(&sequence).unwrap(), strings);
    }

    #[test]
    fn what_is_no_such_sequence_is_said() {
        let too_many: Vec<u8> = string(&[1]).repeat(SUBMIT_STATEMENTS + 1);
        let too_long = string(&vec![0; STRING_BYTES + 1]);
        for (bytes, part) in [
            (&b""[..], "no statement"),
            (b"{}", "byte 0: not a CBOR byte string"),
            (b"\x41", "byte 0: the bundle ends within a statement"),
            (b"\x58", "byte 0"),
            (b"\x5b\xff\xff\xff\xff\xff\xff\xff\xff", "the limit is"),
            (b"\x5f\x41\x00\xff", "definite length in its shortest form"),
            (b"\x58\x01\x00", "shortest form"),
            (b"\x59\x00\x18aaaaaaaaaaaaaaaaaaaaaaaa", "shortest form"),
            (b"\x5b\x00\x00\x00\x00\x00\x00\x00\x01\x00", "shortest form"),
            (b"\x41\x00\x61a", "byte 2"),
            (&too_many, "more than 256 statements"),
            (&too_long, "the limit is"),
        ] {
            let error = split(bytes).unwrap_err();
            assert!(error.contains(part), "{error}");
        }
        assert_eq!(split(&string(&[1]).repeat(SUBMIT_STATEMENTS)).unwrap().len(), SUBMIT_STATEMENTS);
    }
}
