//! The pass over an export: each line checked against the bytes in it, against the lines before it, and against trust.

use std::collections::BTreeSet;
use std::io::{BufRead, Seek};
use std::sync::Arc;

use driftless_statement::limits::SKEW_MS;
use driftless_statement::{Body, Hlc, MeshId, Points, Scope, Signed, StatementId, Verified};
use driftless_trust::{Accepted, Refusal, Trust};

use super::flaw::{Broken, Flaw, Unverified};
use super::held::Held;
use super::lines::Lines;
use super::report::{Audit, Kept, Report};
use crate::api::StatementInfo;
use crate::export::{self, End, FORM, Head, Line, Record};
use crate::readable;

/// What the file says became of a statement.
struct Claim {
    line: u64,
    fate: String,
    reason: Option<String>,
}

/// Authority, once all of `@mesh` was seen.
struct Authority {
    /// From what was due: what counts.
    settled: Trust,
    /// From all that was held, when that is more: what was put aside.
    held: Option<Trust>,
    /// The scopes in which revocations that count list something.
    listing: BTreeSet<Scope>,
    listed_ids: BTreeSet<StatementId>,
}

/// A statement whose fate hangs on what revocations accept.
struct Deferred {
    claim: Claim,
    offset: u64,
    id: StatementId,
}

pub(super) struct Verifier<'a, R> {
    lines: Lines<'a, R>,
    head: Head,
    held: Held,
    points: Points,
    last: Option<(bool, Hlc, StatementId)>,
    genesis: Option<Arc<Verified>>,
    mesh: Vec<(Arc<Verified>, Claim)>,
    authority: Option<Authority>,
    listed: Vec<Arc<Verified>>,
    deferred: Vec<Deferred>,
    report: Report,
    kept: Option<Vec<Kept>>,
}

impl<'a, R: BufRead + Seek> Verifier<'a, R> {
    /// Reads the head.
    pub fn begin(input: &'a mut R, expected: Option<MeshId>, keep: bool) -> Result<Self, Unverified> {
        let mut lines = Lines::of(input);
        let (text, line) = lines.next()?.ok_or_else(|| lines.broken(Flaw::CutOff))?;
        if export::text(&line) != text {
            return Err(lines.broken(Flaw::Words { field: "the head".to_owned() }).into());
        }
        let Line::Export(head) = line else {
            return Err(lines.broken(Flaw::Kind { got: kind(&line), want: "the head" }).into());
        };
        if head.form != FORM {
            return Err(lines.broken(Flaw::UnknownForm { got: head.form, want: FORM }).into());
        }
        if let Some(want) = expected.filter(|want| *want != head.mesh) {
            return Err(lines.broken(Flaw::OtherMesh { got: head.mesh, want }).into());
        }
        let report = report(&head, expected.is_some());
        Ok(Self {
            lines,
            head,
            held: Held::default(),
            points: Points::default(),
            last: None,
            genesis: None,
            mesh: Vec::new(),
            authority: None,
            listed: Vec::new(),
            deferred: Vec::new(),
            report,
            kept: keep.then(Vec::new),
        })
    }

    /// Follows all lines to the end.
    pub fn run(mut self) -> Result<Audit, Unverified> {
        loop {
            let (text, line) = self.lines.next()?.ok_or_else(|| self.lines.broken(Flaw::CutOff))?;
            if !matches!(line, Line::Record(_)) && export::text(&line) != text {
                return Err(self.lines.broken(Flaw::Words { field: kind(&line).to_owned() }).into());
            }
            match line {
                Line::Export(_) => {
                    let flaw = Flaw::Kind { got: "a second head", want: "a record, an attempt or the end" };
                    return Err(self.lines.broken(flaw).into());
                }
                Line::Record(_) if self.report.attempts > 0 => {
                    let flaw = Flaw::Kind { got: "a record", want: "an attempt or the end" };
                    return Err(self.lines.broken(flaw).into());
                }
                Line::Record(record) => self.record(&text, *record)?,
                Line::Attempt(_) => self.report.attempts += 1,
                Line::End(end) => return self.end(&text, &end),
            }
        }
    }

    fn record(&mut self, text: &str, record: Record) -> Result<(), Unverified> {
        let told_id = record.statement.id;
        let checked = self
            .check(text, &record)
            .map_err(|flaw| Box::new(Broken { line: self.lines.number(), id: Some(told_id), flaw }));
        let verified = checked?;
        self.report.note(&verified, &record.statement);
        let StatementInfo { fate, reason, .. } = record.statement;
        if let Some(kept) = &mut self.kept {
            kept.push(Kept { statement: verified.clone(), unfit: fate == "unfit" });
        }
        let claim = Claim { line: self.lines.number(), fate, reason };
        if verified.statement().scope.is_mesh() {
            self.genesis.get_or_insert_with(|| verified.clone());
            self.mesh.push((verified, claim));
            return Ok(());
        }
        self.settle()?;
        let Some(authority) = &self.authority else { return Ok(()) };
        if authority.listed_ids.contains(&verified.id()) && self.is_due(&verified) {
            self.listed.push(verified.clone());
        }
        let verdict = authority.settled.authorised(&verified, &Accepted::default());
        let may_be_accepted = authority.listing.contains(&verified.statement().scope);
        if matches!(verdict, Err(Refusal::Struck { .. })) && may_be_accepted {
            self.deferred.push(Deferred { claim, offset: self.lines.offset(), id: verified.id() });
            return Ok(());
        }
        self.compare(&verified, &claim, &Accepted::default())
    }

    /// All that needs no trust.
    fn check(&mut self, text: &str, record: &Record) -> Result<Arc<Verified>, Flaw> {
        let wire = export::from_base64(&record.wire).ok_or(Flaw::Base64)?;
        let signed = Signed::decode(&wire)?;
        signed.check_mesh(self.head.mesh)?;
        let verified = Arc::new(signed.verify_with(&mut self.points)?);
        check_words(text, record, &verified)?;
        let (id, said) = (verified.id(), verified.statement());
        if self.held.contains(&id) {
            return Err(Flaw::Twice);
        }
        if self.last.is_none() && !matches!(said.body, Body::Genesis(_)) {
            return Err(Flaw::NoGenesis { mesh: self.head.mesh });
        }
        let place = (!said.scope.is_mesh(), said.hlc, id);
        if self.last.is_some_and(|last| last >= place) {
            return Err(Flaw::Order);
        }
        if !self.head.scopes.contains(&said.scope) {
            return Err(Flaw::Scope(said.scope.clone()));
        }
        for named in said.names() {
            self.held.check_named(said, &named).ok_or(Flaw::Missing { named })??;
        }
        self.held.insert(id, said);
        self.last = Some(place);
        Ok(verified)
    }

    fn is_due(&self, statement: &Verified) -> bool {
        statement.statement().hlc.millis() <= self.head.floor_ms.saturating_add(SKEW_MS)
    }

    /// All of `@mesh` was seen: evaluates trust and judges `@mesh` itself.
    fn settle(&mut self) -> Result<(), Unverified> {
        if self.authority.is_some() {
            return Ok(());
        }
        let Some(genesis) = &self.genesis else {
            return Err(self.lines.broken(Flaw::NoGenesis { mesh: self.head.mesh }).into());
        };
        let all = || self.mesh.iter().map(|(statement, _)| &**statement);
        let settled = Trust::evaluate(genesis, all().filter(|statement| self.is_due(statement)));
        let early = all().any(|statement| !self.is_due(statement));
        let held = early.then(|| Trust::evaluate(genesis, all()));
        let outside = settled.frontiers().filter(|(_, scope)| !scope.is_mesh());
        let (listed_ids, listing) = outside.map(|(id, scope)| (*id, scope.clone())).unzip();
        self.authority = Some(Authority { settled, held, listing, listed_ids });
        self.mesh.iter().try_for_each(|(statement, claim)| self.compare(statement, claim, &Accepted::default()))
    }

    /// Compares the fate told with the one that trust gives.
    fn compare(&self, statement: &Verified, claim: &Claim, accepted: &Accepted) -> Result<(), Unverified> {
        let Some(authority) = &self.authority else { return Ok(()) };
        let told = (claim.fate.as_str(), claim.reason.as_deref());
        let verdict = authority.settled.authorised(statement, accepted);
        let agrees = if self.is_due(statement) { fits(&verdict, told) } else { told.0 == "not_due" };
        let aside = || authority.held.as_ref().is_some_and(|held| fits(&held.authorised(statement, accepted), told));
        if agrees || (told.0 == "void" && aside()) {
            return Ok(());
        }
        let found = if self.is_due(statement) { words(&verdict) } else { "not_due".to_owned() };
        let said = claim.reason.as_ref().map_or_else(|| claim.fate.clone(), |why| format!("{}: {why}", claim.fate));
        Err(Box::new(Broken { line: claim.line, id: Some(statement.id()), flaw: Flaw::Fate { said, found } }).into())
    }

    fn end(mut self, text: &str, end: &End) -> Result<Audit, Unverified> {
        self.settle()?;
        let sum = self.lines.sum(export::before_sum(text, &end.sum));
        let closing = self.close(end, &sum);
        // They stand before the end: the first broken line is named.
        self.judge_deferred()?;
        closing?;
        self.report.close(self.held.authors(), sum);
        let founded = self.head.mesh;
        let flaw = || self.lines.broken(Flaw::NoGenesis { mesh: founded });
        let trust = self.authority.map(|authority| authority.settled).ok_or_else(flaw)?;
        let mesh = self.mesh.into_iter().map(|(statement, _)| statement).collect();
        Ok(Audit { report: self.report, head: self.head, trust, mesh, kept: self.kept.unwrap_or_default() })
    }

    /// Whether the end fits the lines, and is one.
    fn close(&mut self, end: &End, sum: &str) -> Result<(), Unverified> {
        let told = [
            ("statements", end.statements.to_string(), self.report.statements.to_string()),
            ("attempts", end.attempts.to_string(), self.report.attempts.to_string()),
            ("sum", end.sum.clone(), sum.to_owned()),
        ];
        if let Some((what, said, found)) = told.into_iter().find(|(_, said, found)| said != found) {
            return Err(self.lines.broken(Flaw::End { what, said, found }).into());
        }
        match self.lines.next()? {
            Some(_) => Err(self.lines.broken(Flaw::BehindEnd).into()),
            None => Ok(()),
        }
    }

    /// Judges what hangs on accepted frontiers, now that all they may reach was seen.
    fn judge_deferred(&mut self) -> Result<(), Unverified> {
        let deferred = std::mem::take(&mut self.deferred);
        if deferred.is_empty() {
            return Ok(());
        }
        let accepted = self.accepted();
        for Deferred { claim, offset, id } in deferred {
            let changed =
                || Box::new(Broken { line: claim.line, id: Some(id), flaw: Flaw::Form("changed".to_owned()) });
            let Some(Line::Record(record)) = self.lines.again(offset)? else { return Err(changed().into()) };
            let wire = export::from_base64(&record.wire).ok_or_else(changed)?;
            // Its signature was checked in the pass; the id says that these are the same bytes.
            let verified = Signed::decode(&wire).ok().and_then(|signed| signed.trust_stored(id)).ok_or_else(changed)?;
            self.compare(&verified, &claim, &accepted)?;
        }
        Ok(())
    }

    /// What the revocations that count accept outside of `@mesh`.
    fn accepted(&self) -> Accepted {
        let mut accepted = Accepted::default();
        let Some(Authority { settled, .. }) = &self.authority else { return accepted };
        for listed in &self.listed {
            let mut alone = Accepted::default();
            settled.accept(listed, |_| None, &mut alone);
            let revocations = settled.revocations().map(|one| one.id).filter(|one| alone.has(one, &listed.id()));
            for revocation in revocations {
                self.held.closure(&listed.id(), |id| {
                    let new = !accepted.has(&revocation, &id);
                    accepted.add(revocation, id);
                    new
                });
            }
        }
        accepted
    }
}

fn report(head: &Head, mesh_expected: bool) -> Report {
    Report {
        mesh: head.mesh,
        mesh_expected,
        node: head.node,
        at: head.at.clone(),
        scopes: head.scopes.clone(),
        statements: 0,
        authors: 0,
        kinds: std::collections::BTreeMap::new(),
        fates: std::collections::BTreeMap::new(),
        first: None,
        last: None,
        taken_on_word: 0,
        attempts: 0,
        last_id: None,
        sum: String::new(),
        span: None,
    }
}

fn kind(line: &Line) -> &'static str {
    match line {
        Line::Export(_) => "the head",
        Line::Record(_) => "a record",
        Line::Attempt(_) => "an attempt",
        Line::End(_) => "the end",
    }
}

/// The fate that a verdict of trust gives. What is let in and understood may still be unfit, which trust does not know.
fn fits(verdict: &Result<(), Refusal>, told: (&str, Option<&str>)) -> bool {
    match (verdict, told) {
        (Ok(()), ("fit", None) | ("unfit", Some(_))) => true,
        (Err(refusal), (fate, Some(why))) => fate == fate_of(refusal) && why == refusal.to_string(),
        _ => false,
    }
}

fn fate_of(refusal: &Refusal) -> &'static str {
    match refusal {
        refusal if refusal.is_pending() => "pending",
        _ => "void",
    }
}

fn words(verdict: &Result<(), Refusal>) -> String {
    match verdict {
        Ok(()) => "fit".to_owned(),
        Err(refusal) => format!("{}: {refusal}", fate_of(refusal)),
    }
}

/// Writes the line anew from the signed bytes and compares.
fn check_words(text: &str, record: &Record, verified: &Verified) -> Result<(), Flaw> {
    let told = &record.statement;
    let statement = StatementInfo {
        fate: told.fate.clone(),
        reason: told.reason.clone(),
        skipped: told.skipped.clone(),
        ..readable::statement(verified)
    };
    let anew = Record { statement, reach: record.reach.clone(), wire: export::to_base64(&verified.wire()) };
    let anew = Line::Record(Box::new(anew));
    if export::text(&anew) == text {
        return Ok(());
    }
    let field = first_difference(text, &anew).unwrap_or_else(|| "the form of the line".to_owned());
    Err(Flaw::Words { field })
}

/// The first field of the words that differs.
fn first_difference(text: &str, anew: &Line) -> Option<String> {
    let told: serde_json::Value = serde_json::from_str(text).ok()?;
    let anew = serde_json::to_value(anew).ok()?;
    let (told, anew) = (told.get("record")?.get("statement")?, anew.get("record")?.get("statement")?);
    let names = anew.as_object()?.keys().chain(told.as_object()?.keys());
    names.into_iter().find(|name| told.get(*name) != anew.get(*name)).cloned()
}
