//! `audit`: who did what, when, why, and what became of it; the export of it; and judging an export without a node.

use std::fs::File;
use std::io::{BufReader, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::Path as FilePath;

use driftless_client::api::{Attempt, AuditRecord};
use driftless_client::audit::{self, Unverified};
use driftless_client::clock;
use driftless_client::export::{End, Line};
use driftless_client::route::AuditQuery;
use driftless_statement::{MeshId, Prefix, Scope};
use serde::Serialize;

use crate::args::Format;
use crate::args::audit::{AuditArgs, AuditCommand, AuditListArgs, Outcome};
use crate::exit::Failure;
use crate::render::{self, Now};
use crate::session::Session;

/// Records that a node gives on one page at most.
const PAGE: u32 = 1000;
/// Longer than the last line of any export.
const END_BYTES: usize = 1024;

pub async fn run(arguments: AuditArgs, session: &Session) -> Result<(), Failure> {
    match arguments.command {
        Some(AuditCommand::Export { file, scope }) => export(session, &file, scope.as_ref()).await,
        Some(AuditCommand::Verify { file, mesh }) => verify(session, &file, mesh),
        None => list(session, &arguments.list).await,
    }
}

/// What an audit lists.
#[derive(Debug, Serialize)]
struct Listed {
    records: Vec<AuditRecord>,
    attempts: Vec<Attempt>,
}

async fn list(session: &Session, wanted: &AuditListArgs) -> Result<(), Failure> {
    let client = session.client()?;
    let fate = wanted.outcome.filter(|outcome| *outcome != Outcome::Refused);
    let query = AuditQuery {
        prefix: Some(wanted.prefix.clone()),
        author: wanted.author,
        kind: wanted.kind.map(|kind| kind.word().to_owned()),
        fate: fate.map(|fate| fate.word().to_owned()),
        since: wanted.since.map(crate::args::audit::Moment::millis),
        until: wanted.until.map(crate::args::audit::Moment::millis),
    };
    let mut listed = Listed { records: Vec::new(), attempts: Vec::new() };
    let mut next = None;
    if wanted.outcome != Some(Outcome::Refused) {
        loop {
            let missing = wanted.limit.saturating_sub(u32::try_from(listed.records.len()).unwrap_or(u32::MAX));
            if missing == 0 {
                break;
            }
            let page = client.audit(&query, missing.min(PAGE), next.as_deref()).await?;
            let empty = page.records.is_empty();
            listed.records.extend(page.records);
            next = page.next;
            if next.is_none() || empty {
                break;
            }
        }
    }
    if fate.is_none() {
        let all = client.attempts().await?;
        listed.attempts = all.attempts.into_iter().filter(|attempt| is_wanted(attempt, &query)).collect();
        if all.dropped > 0 {
            session.out.say(&format!("{} more refused cases gave way to later ones", all.dropped));
        }
    }
    show(session, &listed, wanted.long)?;
    if next.is_some() {
        session.out.say("there are more; show them with --limit, or all with `driftless audit export`");
    }
    Ok(())
}

fn is_wanted(attempt: &Attempt, query: &AuditQuery) -> bool {
    let last = clock::parse_rfc3339(&attempt.last).unwrap_or(0);
    let under = |prefix: &Prefix| {
        prefix.contains(&Prefix::from(&attempt.scope)) || attempt.paths.iter().any(|path| prefix.covers(path))
    };
    query.author.is_none_or(|author| author == attempt.author)
        && query.kind.as_ref().is_none_or(|kind| *kind == attempt.kind)
        && query.since.is_none_or(|since| last >= since)
        && query.until.is_none_or(|until| last <= until)
        && query.prefix.as_ref().is_none_or(under)
}

fn show(session: &Session, listed: &Listed, long: bool) -> Result<(), Failure> {
    if session.out.format == Some(Format::Jsonl) {
        let records = listed.records.iter().map(|record| crate::out::line(&One::Record(record)));
        let attempts = listed.attempts.iter().map(|attempt| crate::out::line(&One::Attempt(attempt)));
        let lines: Result<Vec<String>, Failure> = records.chain(attempts).collect();
        return session.out.print(&lines?.concat());
    }
    session.out.show(listed, |paint| {
        let shown = if long { render::audit::long } else { render::audit::short };
        shown(paint, Now::here(), &listed.records) + &render::audit::attempts(paint, &listed.attempts)
    })
}

/// One line of `-o jsonl`.
#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
enum One<'a> {
    Record(&'a AuditRecord),
    Attempt(&'a Attempt),
}

/// Writes an export as it comes. Under its name it lies only when it is whole.
async fn export(session: &Session, file: &FilePath, scope: Option<&Scope>) -> Result<(), Failure> {
    let client = session.client()?;
    if file == FilePath::new("-") {
        let (mut stdout, mut tail) = (std::io::stdout(), Vec::new());
        let take = |part: &[u8]| -> Result<(), Failure> {
            stdout.write_all(part)?;
            tail.extend_from_slice(part);
            tail.drain(..tail.len().saturating_sub(END_BYTES));
            Ok(stdout.flush()?)
        };
        client.audit_export(scope, take).await?;
        return end_in(&tail).map(drop).ok_or_else(cut_short);
    }
    let failed = |error: std::io::Error| Failure::file(file, error);
    let mut fresh = file.as_os_str().to_owned();
    fresh.push(".part");
    let part_file = std::path::PathBuf::from(fresh);
    let mut writer = BufWriter::new(File::create(&part_file).map_err(failed)?);
    let written = client.audit_export(scope, |part| writer.write_all(part).map_err(failed)).await;
    let end = written.and_then(|()| {
        writer.flush().map_err(failed)?;
        end_of(&part_file).map_err(failed)?.ok_or_else(cut_short)
    });
    match end {
        Ok(end) => {
            std::fs::rename(&part_file, file).map_err(failed)?;
            session.out.say(&format!(
                "wrote {} and {} to {}; judge it anywhere with `driftless audit verify`",
                render::count(usize::try_from(end.statements).unwrap_or(usize::MAX), "statement", "statements"),
                render::count(
                    usize::try_from(end.attempts).unwrap_or(usize::MAX),
                    "refused attempt",
                    "refused attempts"
                ),
                file.display()
            ));
            Ok(())
        }
        Err(failure) => {
            // What is left of it is of no use; if it cannot be removed either, the first failure says more.
            let _ = std::fs::remove_file(&part_file);
            Err(failure)
        }
    }
}

fn cut_short() -> Failure {
    Failure::Unreachable("the export ended before it was whole; does the node shut down? Run it again".to_owned())
}

/// The last line of a file, if it is an export's end.
fn end_of(file: &FilePath) -> std::io::Result<Option<End>> {
    let mut file = File::open(file)?;
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(END_BYTES as u64)))?;
    let mut tail = Vec::new();
    file.read_to_end(&mut tail)?;
    Ok(end_in(&tail))
}

/// The end of an export, if it is the last line of what is given.
fn end_in(tail: &[u8]) -> Option<End> {
    let last = tail.strip_suffix(b"\n")?.rsplit(|byte| *byte == b'\n').next()?;
    match serde_json::from_slice(last) {
        Ok(Line::End(end)) => Some(end),
        _ => None,
    }
}

/// A verdict for programs.
#[derive(Debug, Serialize)]
struct Verdict<'a> {
    verified: bool,
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    report: Option<&'a audit::Report>,
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<driftless_statement::StatementId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    flaw: Option<String>,
}

fn verify(session: &Session, file: &FilePath, mesh: Option<MeshId>) -> Result<(), Failure> {
    let mut input = BufReader::new(File::open(file).map_err(|error| Failure::file(file, error))?);
    match audit::verify(&mut input, mesh) {
        Ok(audited) => {
            let verdict = Verdict { verified: true, report: Some(&audited.report), line: None, id: None, flaw: None };
            session.out.show(&verdict, |paint| render::audit::report(paint, &audited.report))?;
            if mesh.is_none() {
                session.out.say(&render::audit::unvouched(&audited.report.mesh));
            }
            Ok(())
        }
        Err(Unverified::Io(error)) => Err(Failure::file(file, error)),
        Err(Unverified::Broken(broken)) => {
            let flaw = Some(broken.flaw.to_string());
            let verdict = Verdict { verified: false, report: None, line: Some(broken.line), id: broken.id, flaw };
            session.out.show(&verdict, |_| String::new())?;
            Err(Failure::Differs(format!("{}: not verified: {broken}", file.display())))
        }
    }
}
