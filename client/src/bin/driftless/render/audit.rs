//! What `audit` shows: records, refused attempts, and what was verified.

use std::collections::BTreeMap;

use driftless_client::api::{Attempt, AuditReach, AuditRecord, Laggard};
use driftless_client::audit::Report;
use driftless_statement::{MeshId, StatementId};

use super::{Now, count, statements};
use crate::out::{Ink, Paint};
use crate::table::{Cell, plain, row, shorten, table};

/// A table of records, latest first.
pub fn short(paint: Paint, _: Now, records: &[AuditRecord]) -> String {
    if records.is_empty() {
        return String::new();
    }
    let rows: Vec<Vec<Cell>> = records
        .iter()
        .map(|record| {
            let info = &record.statement;
            row![
                info.time.as_str(),
                info.id.short(),
                info.author.short(),
                Cell::ink(info.fate.as_str(), statements::ink(&info.fate)),
                format!("{}/{}", record.reach.has, record.reach.expected),
                approvals(record),
                shorten(&what(record), 56),
                shorten(&why(record), 40)
            ]
        })
        .collect();
    table(paint, &["TIME", "STATEMENT", "AUTHOR", "OUTCOME", "NODES", "APPROVALS", "WHAT", "WHY"], &rows)
}

fn approvals(record: &AuditRecord) -> String {
    let good = record.approvals.iter().filter(|approval| approval.fate == "fit").count();
    if record.approvals.is_empty() { String::new() } else { good.to_string() }
}

/// Trust bodies touch nothing; what they say is their one edit in words.
fn what(record: &AuditRecord) -> String {
    let info = &record.statement;
    match (info.paths.as_slice(), info.edits.first().and_then(|edits| edits.first())) {
        ([], Some(said)) => said.clone(),
        _ => statements::what(info),
    }
}

/// What its author gave as a reason, or the rule that keeps it out.
fn why(record: &AuditRecord) -> String {
    let info = &record.statement;
    info.reason.clone().unwrap_or_else(|| info.note.reason.clone())
}

/// Records in full.
pub fn long(paint: Paint, now: Now, records: &[AuditRecord]) -> String {
    let one = |record: &AuditRecord| {
        let mut text = statements::one(paint, now, &record.statement);
        if !record.chain.is_empty() {
            let links: Vec<String> = record.chain.iter().map(StatementId::short).collect();
            text.push_str(&format!("  relies on {}\n", links.join(" → ")));
        }
        for approval in &record.approvals {
            let fate = if approval.fate == "fit" { String::new() } else { format!(" ({})", approval.fate) };
            text.push_str(&format!("  approved by {} at {}{fate}\n", approval.key, approval.time));
        }
        text + &reach(&record.reach)
    };
    records.iter().map(one).collect::<Vec<_>>().join("\n")
}

fn reach(reach: &AuditReach) -> String {
    let name = |one: &Laggard| {
        let name = if one.name.is_empty() { one.node.short() } else { plain(&one.name) };
        format!("{name} ({})", one.why.replace('_', " "))
    };
    let rest: Vec<String> = reach.lacks.iter().chain(&reach.unknown).map(name).collect();
    let rest = if rest.is_empty() { String::new() } else { format!("; not {}", rest.join(", ")) };
    format!("  on {} of {} nodes{rest}\n", reach.has, reach.expected)
}

/// What a node refused; nothing when there is none.
pub fn attempts(paint: Paint, attempts: &[Attempt]) -> String {
    if attempts.is_empty() {
        return String::new();
    }
    let rows: Vec<Vec<Cell>> = attempts
        .iter()
        .map(|attempt| {
            let proven = matches!(attempt.signature.as_str(), "good" | "own");
            let paths: Vec<&str> = attempt.paths.iter().map(|path| path.as_str()).collect();
            let place = if paths.is_empty() { attempt.scope.as_str().to_owned() } else { paths.join(", ") };
            row![
                attempt.last.as_str(),
                attempt.author.short(),
                Cell::ink(attempt.signature.replace('_', " "), if proven { Ink::Good } else { Ink::Warn }),
                attempt.count.to_string(),
                attempt.came.as_str(),
                shorten(&format!("{} in {place}", attempt.kind), 48),
                Cell::ink(attempt.rule.as_str(), Ink::Bad)
            ]
        })
        .collect();
    let head = "Refused here since the node started (its own observation, signed by nobody):";
    let heading = ["LAST", "AUTHOR", "SIGNATURE", "COUNT", "CAME", "WHAT", "RULE"];
    format!("\n{}\n{}", paint.ink(Ink::Warn, head), table(paint, &heading, &rows))
}

fn counts(counts: &BTreeMap<String, u64>) -> String {
    counts.iter().map(|(word, count)| format!("{count} {word}")).collect::<Vec<_>>().join(", ")
}

/// What was verified, and what was not.
pub fn report(paint: Paint, report: &Report) -> String {
    let number = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
    let scopes: Vec<&str> = report.scopes.iter().map(|scope| scope.as_str()).collect();
    let head = format!(
        "{} of {} in {}: signed by who they say, nothing that they name missing, authority as told",
        count(number(report.statements), "statement", "statements"),
        count(report.authors, "key", "keys"),
        scopes.join(", ")
    );
    let mut lines = vec![
        format!("{} {head}", paint.ink(Ink::Good, "verified")),
        format!("  mesh     {}", report.mesh),
        format!("  kinds    {}", counts(&report.kinds)),
        format!("  fates    {}", counts(&report.fates)),
    ];
    if let Some((first, last)) = report.first.as_ref().zip(report.last.as_ref()) {
        lines.push(format!("  times    {first} to {last}, as their authors claim"));
    }
    lines.push(format!("  written  {}, by node {}, as it says itself", plain(&report.at), report.node));
    lines.push(format!("  sum      {}", report.sum));
    let mut word = Vec::new();
    if report.taken_on_word > 0 {
        let unfit = count(number(report.taken_on_word), "statement is unfit", "statements are unfit");
        word.push(format!("that {unfit}"));
    }
    word.extend(["edits skipped", "on which nodes statements were"].map(str::to_owned));
    if report.attempts > 0 {
        word.push(count(number(report.attempts), "refused attempt", "refused attempts"));
    }
    lines.push(format!("On the node's word alone: {}", word.join(", ")));
    lines.iter().map(|line| format!("{line}\n")).collect()
}

/// What is said when nobody named the mesh.
pub fn unvouched(mesh: &MeshId) -> String {
    format!(
        "nothing vouches for mesh {mesh}: anybody can found one. Compare it with the id that you know, or give it with --mesh"
    )
}
