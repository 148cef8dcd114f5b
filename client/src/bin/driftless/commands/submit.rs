//! `submit` and `inspect`: bundles of statements that were signed elsewhere, handed in at any node, or only read.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path as FilePath, PathBuf};

use driftless_client::api::{StatementInfo, Submitted};
use driftless_client::{Client, bundle, readable};
use driftless_statement::{MeshId, Signed, StatementId, Verified};
use serde::Serialize;

use crate::args::Format;
use crate::exit::Failure;
use crate::render::{self, Now, count};
use crate::session::Session;
use crate::source;

/// What one request carries at most. A node takes 4 MiB and 256 statements.
const PART_BYTES: usize = 1024 * 1024;
const PART_STATEMENTS: usize = 128;

/// What became of a statement, for programs.
#[derive(Debug, Serialize)]
struct Outcome {
    id: StatementId,
    kind: &'static str,
    /// `stored`, `known`, `waiting` or `refused`.
    outcome: String,
    /// The stable word of the rule.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<String>,
}

impl Outcome {
    fn is_held(&self) -> bool {
        matches!(self.outcome.as_str(), "stored" | "known")
    }
}

pub async fn submit(session: &Session, files: &[PathBuf]) -> Result<(), Failure> {
    let statements = read(files)?;
    let client = session.client()?;
    let mut outcomes: Vec<Outcome> = Vec::new();
    for part in parts(&statements) {
        match hand_in(&client, part).await {
            Ok(told) => outcomes.extend(told),
            Err(failure) => {
                show(session, &outcomes)?;
                session.out.say(&format!(
                    "{} of {} were handed in before this; run the same command again, what is there already does no harm",
                    outcomes.len(),
                    count(statements.len(), "statement", "statements")
                ));
                return Err(failure);
            }
        }
        if outcomes.len() < statements.len() {
            session.out.say(&format!("{} of {} handed in", outcomes.len(), statements.len()));
        }
    }
    again(&client, &statements, &mut outcomes).await?;
    show(session, &outcomes)?;
    for stored in outcomes.iter().filter(|one| one.outcome == "stored") {
        session.report_fate(&client, &stored.id).await;
    }
    let left = outcomes.iter().filter(|one| !one.is_held()).count();
    match left {
        0 => {
            session.out.say(&format!("the node has {}", count(outcomes.len(), "statement", "statements")));
            Ok(())
        }
        left => Err(Failure::Refused(format!(
            "the node does not have {left} of {}: they are listed with the reason; what waits can be submitted again once what it waits for is there",
            count(outcomes.len(), "statement", "statements")
        ))),
    }
}

/// What waited may be let in by what came after it: handed in once more.
async fn again(client: &Client, statements: &[Verified], outcomes: &mut [Outcome]) -> Result<(), Failure> {
    if !outcomes.iter().any(|one| one.outcome == "stored") {
        return Ok(());
    }
    let waiting = |(_, told): &(&Verified, &mut Outcome)| told.outcome == "waiting";
    for (one, told) in statements.iter().zip(outcomes).filter(waiting) {
        if let Some(now) = hand_in(client, std::slice::from_ref(one)).await?.pop() {
            *told = now;
        }
    }
    Ok(())
}

/// Consecutive statements that go into one request.
fn parts(statements: &[Verified]) -> Vec<&[Verified]> {
    let mut parts = Vec::new();
    let mut rest = statements;
    while !rest.is_empty() {
        let mut bytes = 0;
        let fits = rest.iter().take(PART_STATEMENTS).take_while(|one| {
            bytes += one.wire_len() + 9;
            bytes <= PART_BYTES
        });
        let length = fits.count().max(1);
        let (part, behind) = rest.split_at_checked(length).unwrap_or((rest, &[]));
        parts.push(part);
        rest = behind;
    }
    parts
}

async fn hand_in(client: &Client, part: &[Verified]) -> Result<Vec<Outcome>, Failure> {
    let answer = client.submit(part).await?;
    if answer.results.len() != part.len() {
        return Err(Failure::Unreachable("the node did not say what became of every statement".to_owned()));
    }
    let told = |(one, result): (&Verified, Submitted)| Outcome {
        id: one.id(),
        kind: one.statement().body.word(),
        outcome: result.outcome,
        reason: result.reason,
        detail: result.detail,
    };
    Ok(part.iter().zip(answer.results).map(told).collect())
}

fn show(session: &Session, outcomes: &[Outcome]) -> Result<(), Failure> {
    if session.out.format == Some(Format::Jsonl) {
        let lines: Result<Vec<String>, Failure> = outcomes.iter().map(crate::out::line).collect();
        return session.out.print(&lines?.concat());
    }
    session.out.show(&outcomes, |paint| render::statements::outcomes(paint, outcomes.iter().map(row)))
}

fn row(one: &Outcome) -> (StatementId, &str, &str, String) {
    let why = [&one.reason, &one.detail].into_iter().flatten().map(String::as_str).collect::<Vec<_>>().join(": ");
    (one.id, one.kind, &one.outcome, why)
}

/// The statements of bundles, each once and its signature checked, in an order in which what is named comes first.
fn read(files: &[PathBuf]) -> Result<Vec<Verified>, Failure> {
    let mut statements: BTreeMap<(bool, driftless_statement::Hlc, StatementId), Verified> = BTreeMap::new();
    for file in files {
        for one in read_one(file)? {
            let (hlc, id) = one.key();
            statements.insert((!one.statement().scope.is_mesh(), hlc, id), one);
        }
    }
    let meshes: BTreeSet<MeshId> = statements.values().map(|one| one.statement().mesh).collect();
    let founded = meshes.iter().filter(|mesh| **mesh != MeshId::UNFOUNDED).count();
    if founded > 1 {
        return Err(Failure::Usage("the bundles hold statements of more than one mesh; submit them apart".to_owned()));
    }
    Ok(statements.into_values().collect())
}

fn read_one(file: &FilePath) -> Result<Vec<Verified>, Failure> {
    let bytes = source::read_bundle(file)?;
    let bad = |place: Option<usize>, why: String| {
        let place = place.map(|place| format!("statement {place}: ")).unwrap_or_default();
        Failure::Usage(format!("{}: {place}{why}; nothing was submitted", file.display()))
    };
    let wires = bundle::decode(&bytes).map_err(|error| bad(None, error.to_string()))?;
    let verify = |(place, wire): (usize, &&[u8])| {
        Signed::decode(wire).and_then(Signed::verify).map_err(|invalid| bad(Some(place), invalid.to_string()))
    };
    wires.iter().enumerate().map(verify).collect()
}

/// Shows what bundles say; with an export also what would become of it.
pub fn inspect(session: &Session, files: &[PathBuf], from: &[PathBuf], mesh: Option<MeshId>) -> Result<(), Failure> {
    let statements = read(files)?;
    let told: Vec<StatementInfo> = if from.is_empty() {
        statements.iter().map(readable::statement).collect()
    } else {
        let mut offline = source::load(session.out, from, mesh)?;
        let wires: Vec<_> = statements.iter().map(Verified::wire).collect();
        offline.add(&wires).map_err(|bad| Failure::Differs(bad.to_string()))?;
        statements.iter().map(|one| offline.words(one)).collect()
    };
    session.out.show(&told, |paint| render::statements::long(paint, Now::here(), &told))?;
    let judged = if from.is_empty() { "; what would become of them is not judged: give --from EXPORT" } else { "" };
    session.out.say(&format!("{}, every signature good{judged}", count(told.len(), "statement", "statements")));
    match told.iter().filter(|one| one.fate == "void").count() {
        0 => Ok(()),
        void => Err(Failure::Differs(format!("{} would be void", count(void, "statement", "statements")))),
    }
}
