//! Audits: statements with their authority and reach page by page, all of them at one moment as JSON lines, and what this node
//! refused. Filters are words of the caller; nothing is decided here.

use std::collections::{BTreeSet, VecDeque};
use std::convert::Infallible;
use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{HeaderValue, Response};
use driftless_client::api;
use driftless_client::clock::rfc3339_millis;
use driftless_client::export::{FORM, Head, HeadNode, JSON_LINES, Line, Record, Writer, to_base64};
use driftless_core::machine::{Attempt, Audited, ChangeReach, Exported, Machine, Told};
use driftless_statement::{Body as Said, Hlc, PublicKey, Scope, StatementId, Verified};

use tokio::sync::OwnedSemaphorePermit;

use super::edit::json;
use super::nodes::{self, Seen};
use super::problem::{Answer, Kind, Problem};
use super::routes::Shared;
use super::stamp::now_ms;
use super::target::{Query, cursor_text};
use super::{refuse, tell};
use crate::door::Door;
use crate::metrics::words;

type Server = State<Arc<Shared>>;
type Reply = Answer<Response<Body>>;

/// Nodes named that are not known to have a statement: which ones they all are, `GET /v1/changes/{id}` says.
const NAMED: usize = 16;
/// Statements of an export for which the driver is asked at once how far they got.
const ASKED: usize = 256;

/// Which statements are wanted.
struct Wanted {
    prefix: driftless_statement::Prefix,
    author: Option<PublicKey>,
    kind: Option<&'static str>,
    fate: Option<&'static str>,
    since: Hlc,
    until: Hlc,
}

impl Wanted {
    fn read(query: &mut Query) -> Answer<Self> {
        Ok(Self {
            prefix: query.prefix()?,
            author: query.key("author")?,
            kind: query.word("kind", &Said::WORDS)?,
            fate: query.word("fate", &["fit", "unfit", "pending", "void", "not_due"])?,
            since: query.millis("since")?.map_or(Hlc(0), |millis| Hlc(millis << 16)),
            until: query.millis("until")?.map_or(Hlc(u64::MAX), |millis| Hlc(millis << 16 | 0xffff)),
        })
    }

    fn takes(&self, statement: &Verified) -> bool {
        let said = statement.statement();
        self.author.is_none_or(|author| author == said.author)
            && self.kind.is_none_or(|kind| kind == said.body.word())
            && (self.since..=self.until).contains(&said.hlc)
            && self.concerns(statement)
    }

    /// It touches an entry under the prefix, or gives or takes authority there, or says something in that scope.
    fn concerns(&self, statement: &Verified) -> bool {
        let said = statement.statement();
        let about = match &said.body {
            Said::Grant(grant) => Some(&grant.prefix),
            Said::Revoke(revoke) => Some(&revoke.prefix),
            Said::Genesis(_)
            | Said::Write(_)
            | Said::Approve(_)
            | Said::Accept(_)
            | Said::Rotate(_)
            | Said::Unknown { .. } => None,
        };
        about.is_some_and(|about| self.prefix.contains(about))
            || self.prefix.contains(&driftless_statement::Prefix::from(&said.scope))
            || said.touches.iter().any(|touch| self.prefix.covers(&touch.path))
    }
}

/// `GET /v1/audit?prefix=&author=&kind=&fate=&since=&until=&before=&limit=`.
pub async fn audit(State(shared): Server, request: Request) -> Reply {
    let mut query = Query::parse(request.uri().query())?;
    let wanted = Wanted::read(&mut query)?;
    let (before, limit) = (query.before()?, query.limit()?);
    query.end()?;
    shared.must_be_ready()?;
    shared.must_hold_prefix(&wanted.prefix).await?;
    let asked = move |machine: &Machine| {
        let fate = |fate: &_| wanted.fate.is_none_or(|wanted| wanted == words::of_fate(fate));
        (machine.audit(|statement| wanted.takes(statement), fate, before, limit + 1), names(machine))
    };
    let (mut audited, names) = shared.door.read(asked).await.map_err(refuse::closed)?;
    let more = audited.len() > limit;
    audited.truncate(limit);
    let next = audited.last().filter(|_| more).map(|last| cursor_text(&last.reach.told.statement.key()));
    let records = audited.iter().map(|one| record(one, &names)).collect();
    Ok(json(&api::AuditPage { records, next }))
}

fn names(machine: &Machine) -> tell::Names {
    machine.nodes().into_iter().map(|other| (other.node, other.name)).collect()
}

fn record(audited: &Audited, names: &tell::Names) -> api::AuditRecord {
    api::AuditRecord {
        statement: tell::statement(&audited.reach.told),
        chain: audited.chain.clone(),
        approvals: audited.approvals.iter().map(tell::approval).collect(),
        reach: reach(&audited.reach, names),
    }
}

fn reach(reach: &ChangeReach, names: &tell::Names) -> api::AuditReach {
    let laggards = |list: &[(PublicKey, u64, &'static str)]| {
        let laggard = |(node, _, why): &(PublicKey, u64, &'static str)| api::Laggard {
            node: *node,
            name: names.get(node).cloned().unwrap_or_default(),
            why: (*why).to_owned(),
        };
        list.iter().take(NAMED).map(laggard).collect()
    };
    api::AuditReach {
        expected: reach.expected,
        has: u32::try_from(reach.has.len()).unwrap_or(u32::MAX),
        lacks: laggards(&reach.lacks),
        unknown: laggards(&reach.unknown),
    }
}

/// `GET /v1/attempts`.
pub async fn attempts(State(shared): Server, request: Request) -> Reply {
    Query::parse(request.uri().query())?.end()?;
    let (attempts, dropped) = shared.door.read(Machine::attempts).await.map_err(refuse::closed)?;
    Ok(json(&api::Attempts { attempts: attempts.iter().map(attempt).collect(), dropped }))
}

fn attempt(attempt: &Attempt) -> api::Attempt {
    api::Attempt {
        author: attempt.author,
        signature: attempt.signature.word().to_owned(),
        came: attempt.came.to_owned(),
        kind: attempt.kind.to_owned(),
        scope: attempt.scope.clone(),
        rule: attempt.rule.to_owned(),
        why: attempt.why.clone(),
        id: attempt.id,
        grant: attempt.grant,
        paths: attempt.paths.clone(),
        first: rfc3339_millis(attempt.first_ms),
        last: rfc3339_millis(attempt.last_ms),
        count: attempt.count,
    }
}

/// `GET /v1/audit/export?scope=`: everything on disk at one moment, as JSON lines.
pub async fn export(State(shared): Server, request: Request) -> Reply {
    let mut query = Query::parse(request.uri().query())?;
    let scope = query.scope()?;
    query.end()?;
    shared.must_be_ready()?;
    if let Some(scope) = &scope {
        shared.must_hold(scope).await?;
    }
    let Ok(slot) = shared.exports.clone().try_acquire_owned() else {
        return Err(Problem::new(Kind::Busy, "as many exports are being read as this node gives at once; try again"));
    };
    let asked = move |machine: &Machine| {
        let scopes: Option<BTreeSet<Scope>> = scope.map(|scope| BTreeSet::from([scope]));
        let seen = Seen { picture: machine.divergence(), nodes: machine.nodes(), own: machine.status() };
        (machine.export(scopes.as_ref()), seen, names(machine))
    };
    let (exported, seen, names) = shared.door.read(asked).await.map_err(refuse::closed)?;
    let head = head(&shared, &exported, &seen);
    let stream = Stream {
        door: shared.door.clone(),
        names,
        writer: Writer::default(),
        head: Some(head),
        told: exported.told.into(),
        attempts: exported.attempts,
        dropped: exported.dropped,
        ended: false,
        _slot: slot,
    };
    let parts = futures::stream::unfold(stream, |mut stream| async move {
        let text = stream.next().await?;
        Some((Ok::<_, Infallible>(Bytes::from(text)), stream))
    });
    let mut response = Response::new(Body::from_stream(parts));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(JSON_LINES));
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}

fn head(shared: &Shared, exported: &Exported, seen: &Seen) -> Head {
    let told = nodes::divergence(seen, &shared.door.standing(), &shared.settings.name, now_ms());
    let others = told.nodes.into_iter().filter(|node| !node.this);
    Head {
        form: FORM,
        mesh: seen.own.mesh,
        mesh_name: seen.own.mesh_name.clone(),
        node: seen.own.node,
        node_name: shared.settings.name.clone(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        at: rfc3339_millis(now_ms()),
        floor_ms: exported.floor_ms,
        scopes: exported.scopes.clone(),
        nodes: others
            .map(|node| HeadNode {
                node: node.node,
                name: node.name,
                state: node.state,
                heard_seconds: node.heard_seconds,
            })
            .collect(),
    }
}

/// An export on its way to one reader. The statements are shared with the core; only what is being sent is written out.
struct Stream {
    door: Door,
    names: tell::Names,
    writer: Writer,
    head: Option<Head>,
    told: VecDeque<Told>,
    attempts: Vec<Attempt>,
    dropped: u64,
    ended: bool,
    _slot: OwnedSemaphorePermit,
}

impl Stream {
    /// The next lines; `None` after the end. If the node shuts down the file lacks its end, and the reader sees that.
    async fn next(&mut self) -> Option<String> {
        if let Some(head) = self.head.take() {
            return Some(self.writer.line(&Line::Export(head)));
        }
        let part: Vec<Told> = self.told.drain(..self.told.len().min(ASKED)).collect();
        if !part.is_empty() {
            let ids: Vec<StatementId> = part.iter().map(|told| told.statement.id()).collect();
            let asked = move |machine: &Machine| ids.iter().map(|id| machine.change(id)).collect::<Vec<_>>();
            let reached = self.door.read(asked).await.ok()?;
            return Some(part.iter().zip(&reached).map(|(told, reach)| self.record(told, reach.as_ref())).collect());
        }
        if std::mem::replace(&mut self.ended, true) {
            return None;
        }
        let attempts = std::mem::take(&mut self.attempts);
        let mut text: String = attempts.iter().map(|one| self.writer.line(&Line::Attempt(attempt(one)))).collect();
        text.push_str(&std::mem::take(&mut self.writer).end(self.dropped));
        Some(text)
    }

    fn record(&mut self, told: &Told, reached: Option<&ChangeReach>) -> String {
        let record = Record {
            statement: tell::statement(told),
            reach: reached.map(|reached| reach(reached, &self.names)),
            wire: to_base64(&told.statement.wire()),
        };
        self.writer.line(&Line::Record(Box::new(record)))
    }
}
