//! Questions about the merged state, statements, trust and the mesh: each asks the core once and tells its answer.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::header::{ACCEPT, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderValue, Response};
use driftless_client::api;
use driftless_core::machine::Machine;
use driftless_statement::{Hlc, Path, Scope};

use super::edit::json;
use super::nodes::{self, Seen};
use super::problem::{Answer, Kind, Problem};
use super::routes::{Shared, permit};
use super::stamp::{About, now_ms, staleness};
use super::target::{self, Query};
use super::{listing, refuse, tell};

type Server = State<Arc<Shared>>;
type Reply = Answer<Response<Body>>;

impl Shared {
    /// Asks the core.
    async fn ask<T: Send + 'static>(&self, question: impl FnOnce(&Machine) -> T + Send + 'static) -> Answer<T> {
        self.must_be_ready()?;
        self.door.read(question).await.map_err(refuse::closed)
    }

    /// An answer in JSON with the freshness of one scope.
    fn told(&self, scope: &Scope, answer: &impl serde::Serialize) -> Response<Body> {
        let mut response = json(answer);
        let about = About { scope: Some(scope.as_str()), differs: None };
        self.stamps.put(response.headers_mut(), &self.door, &self.door.view(), &about);
        response
    }
}

fn query(request: &Request) -> Answer<Query> {
    Query::parse(request.uri().query())
}

fn behind<'a>(request: &'a Request, route: &str) -> &'a str {
    request.uri().path().strip_prefix(route).unwrap_or_default()
}

/// Waits for the revision that the request demands, if any, and refuses parameters left over.
async fn settle(shared: &Shared, mut query: Query, headers: &HeaderMap) -> Answer<()> {
    shared.demanded(&mut query, headers).await?;
    query.end()
}

/// `GET /v1/merged/{path}?author=`.
pub async fn merged(State(shared): Server, request: Request) -> Reply {
    let path = target::path(behind(&request, "/v1/merged/"))?;
    let mut query = query(&request)?;
    let author = query.key("author")?;
    settle(&shared, query, request.headers()).await?;
    let asked = path.clone();
    let answer = shared.ask(move |machine| machine.merged(&asked, author.as_ref())).await?;
    let answer = answer.map_err(|not_held| refuse::not_held(&not_held))?;
    Ok(shared.told(&path.scope(), &tell::merged(&path, &answer)))
}

/// `GET /v1/history/{path}?before=&limit=`.
pub async fn history(State(shared): Server, request: Request) -> Reply {
    let path = target::path(behind(&request, "/v1/history/"))?;
    let mut query = query(&request)?;
    let (before, limit) = (query.before()?, query.limit()?);
    settle(&shared, query, request.headers()).await?;
    let asked = path.clone();
    let told = shared.ask(move |machine| machine.history(&asked, before, limit + 1)).await?;
    let told = told.map_err(|not_held| refuse::not_held(&not_held))?;
    let mut page = tell::page(told, limit);
    permit(&request).cut_page(&mut page);
    Ok(shared.told(&path.scope(), &page))
}

/// `GET /v1/explain/{path}`.
pub async fn explain(State(shared): Server, request: Request) -> Reply {
    let path = target::path(behind(&request, "/v1/explain/"))?;
    settle(&shared, query(&request)?, request.headers()).await?;
    let asked = path.clone();
    let told = shared.ask(move |machine| machine.explain(&asked)).await?;
    let told = told.map_err(|not_held| refuse::not_held(&not_held))?;
    let told = told
        .ok_or_else(|| Problem::new(Kind::NotFound, format!("no statement was ever made about {path}")).about(&path))?;
    let mut explanation = tell::explanation(&path, &told);
    permit(&request).cut_explanation(&mut explanation);
    Ok(shared.told(&path.scope(), &explanation))
}

/// `GET /v1/conflicts?prefix=&limit=`.
pub async fn conflicts(State(shared): Server, request: Request) -> Reply {
    let mut query = query(&request)?;
    let (prefix, limit) = (query.prefix()?, query.limit()?);
    settle(&shared, query, request.headers()).await?;
    shared.must_hold_prefix(&prefix).await?;
    let parts = permit(&request).parts(&prefix);
    let asked = move |machine: &Machine| parts.iter().map(|part| machine.conflicts(part, limit)).collect::<Vec<_>>();
    let told = shared.ask(asked).await?;
    let total = told.iter().map(|(_, total)| total).sum();
    let conflicts: Vec<_> = told.into_iter().flat_map(|(conflicts, _)| conflicts).take(limit).collect();
    let answer = api::Conflicts { conflicts: conflicts.iter().map(tell::conflict).collect(), total };
    Ok(match listing::scope_of(&prefix) {
        Some(scope) => shared.told(&scope, &answer),
        None => json(&answer),
    })
}

/// `GET /v1/pending?prefix=&limit=`.
pub async fn pending(State(shared): Server, request: Request) -> Reply {
    let mut query = query(&request)?;
    let (prefix, limit) = (query.prefix()?, query.limit()?);
    settle(&shared, query, request.headers()).await?;
    let asked = prefix.clone();
    let (permit, seen) = (permit(&request), permit(&request));
    let tells = move |statement: &_| seen.tells(statement);
    let (pending, total) = shared.ask(move |machine| machine.pending(&asked, tells, limit)).await?;
    let mut answer = api::PendingList { pending: pending.iter().map(tell::pending).collect(), total };
    answer.pending.iter_mut().for_each(|one| permit.cut_statement(&mut one.statement));
    Ok(shared.told(&listing::scope_of(&prefix).unwrap_or_else(Scope::mesh), &answer))
}

/// `GET /v1/divergence`.
pub async fn divergence(State(shared): Server, request: Request) -> Reply {
    query(&request)?.end()?;
    let seen =
        |machine: &Machine| Seen { picture: machine.divergence(), nodes: machine.nodes(), own: machine.status() };
    let seen = shared.ask(seen).await?;
    let mut told = nodes::divergence(&seen, &shared.door.standing(), &shared.settings.name, now_ms());
    permit(&request).cut_divergence(&mut told);
    Ok(json(&told))
}

/// `GET /v1/changes/{id}`.
pub async fn change(State(shared): Server, request: Request) -> Reply {
    let id = target::statement_id(behind(&request, "/v1/changes/"))?;
    settle(&shared, query(&request)?, request.headers()).await?;
    let asked = move |machine: &Machine| (machine.change(&id), machine.nodes(), machine.node());
    let (reach, others, node) = shared.ask(asked).await?;
    let permit = permit(&request);
    let reach =
        reach.filter(|reach| permit.tells(reach.told.statement.statement())).ok_or_else(|| no_statement(&id))?;
    // Its own by its settings, others as their beacons say; who was never heard has none.
    let mut names: tell::Names = others.into_iter().map(|other| (other.node, other.name)).collect();
    names.insert(node, shared.settings.name.clone());
    let mut told = tell::change(&reach, &names, now_ms());
    permit.cut_statement(&mut told.statement);
    Ok(json(&told))
}

fn no_statement(id: &driftless_statement::StatementId) -> Box<Problem> {
    Problem::new(Kind::NotFound, "this node does not hold a statement of this id").about(id)
}

/// `GET /v1/statements?scope=&before=&limit=`, also `GET /v1/log`.
pub async fn statements(State(shared): Server, request: Request) -> Reply {
    let mut query = query(&request)?;
    let (scope, before, limit) = (query.scope()?, query.before()?, query.limit()?);
    settle(&shared, query, request.headers()).await?;
    if let Some(scope) = &scope {
        shared.must_hold(scope).await?;
    }
    let (asked, permit) = (scope.clone(), permit(&request));
    let seen = permit.clone();
    let told = move |machine: &Machine| {
        machine.statements_that(asked.as_ref(), before, limit + 1, |statement| seen.tells(statement))
    };
    let mut answer = tell::page(shared.ask(told).await?, limit);
    permit.cut_page(&mut answer);
    Ok(match scope {
        Some(scope) => shared.told(&scope, &answer),
        None => json(&answer),
    })
}

/// `GET /v1/statements/{id}`: in words, or as wire bytes for who accepts `application/octet-stream`.
pub async fn statement(State(shared): Server, request: Request) -> Reply {
    let id = target::statement_id(behind(&request, "/v1/statements/"))?;
    settle(&shared, query(&request)?, request.headers()).await?;
    let accept = request.headers().get(ACCEPT).and_then(|accept| accept.to_str().ok()).unwrap_or_default();
    let (permit, wire) = (permit(&request), accept.contains("application/octet-stream"));
    let told = shared.ask(move |machine| machine.statement(&id)).await?;
    // Bytes cannot be cut. What may not be told is told of like what is not there.
    let told = told.filter(|told| {
        let statement = told.statement.statement();
        if wire { permit.tells_whole(statement) } else { permit.tells(statement) }
    });
    let told = told.ok_or_else(|| no_statement(&id))?;
    if wire {
        let mut response = Response::new(Body::from(told.statement.wire().to_vec()));
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
        return Ok(response);
    }
    let mut answer = tell::statement(&told);
    permit.cut_statement(&mut answer);
    Ok(shared.told(&told.statement.statement().scope.clone(), &answer))
}

/// `GET /v1/grants?key=&author=`.
pub async fn grants(State(shared): Server, request: Request) -> Reply {
    let mut query = query(&request)?;
    let (key, author) = (query.key("key")?, query.key("author")?);
    settle(&shared, query, request.headers()).await?;
    let answer = shared.ask(move |machine| grants_of(machine, key, author)).await?;
    let answer =
        answer.ok_or_else(|| Problem::new(Kind::NotFounded, "this node does not hold the mesh's genesis yet"))?;
    Ok(shared.told(&Scope::mesh(), &answer))
}

/// `GET /v1/authors/{key}?until=`.
pub async fn author(State(shared): Server, request: Request) -> Reply {
    let key = target::key(behind(&request, "/v1/authors/"))?;
    let mut query = query(&request)?;
    let until = query.until()?.map_or(Hlc(u64::MAX), |millis| Hlc(millis << 16 | 0xffff));
    settle(&shared, query, request.headers()).await?;
    let (told, held) = shared.ask(move |machine| (machine.author(&key, until), machine.held())).await?;
    let mut told = tell::author(key, &told, held);
    permit(&request).cut_author(&mut told);
    Ok(shared.told(&Scope::mesh(), &told))
}

type Key = Option<driftless_statement::PublicKey>;

fn grants_of(machine: &Machine, key: Key, author: Key) -> Option<api::Grants> {
    let epochs = machine.epochs();
    let last = epochs.last()?.clone();
    let newest = machine.statements(Some(&Scope::mesh()), None, 1);
    // Any path of `@mesh` serves to ask for an author's heads there.
    let probe = Path::parse("@mesh/_").ok().filter(|_| author.is_some());
    let heads = probe.and_then(|probe| machine.merged(&probe, author.as_ref()).ok());
    let grants = machine.grants();
    let of_key = |of: &driftless_statement::PublicKey| key.is_none_or(|key| *of == key);
    let wanted = grants.iter().filter(|grant| of_key(&grant.standing.grant.key));
    Some(api::Grants {
        genesis: tell::genesis_id(machine.mesh()),
        epoch: last.id,
        roots: last.roots,
        threshold: last.threshold,
        epochs: epochs.iter().map(tell::epoch).collect(),
        grants: wanted.map(tell::grant).collect(),
        revocations: machine
            .revocations()
            .iter()
            .filter(|told| of_key(&told.revocation.key))
            .map(tell::revocation)
            .collect(),
        prev: heads.map(|heads| heads.prev).unwrap_or_default(),
        after: newest.first().map_or(Hlc::default(), |told| told.statement.statement().hlc),
    })
}

/// `GET /v1/status`. Answers also while nothing is ready: that is when it is asked.
pub async fn status(State(shared): Server, request: Request) -> Reply {
    query(&request)?.end()?;
    let told = shared.door.read(Machine::status).await.map_err(refuse::closed)?;
    let (view, standing) = (shared.door.view(), shared.door.standing());
    let shell = tell::Shell {
        name: &shared.settings.name,
        recipient: shared.keeper.recipient(),
        revision: view.revision().to_string(),
        entries: view.len() as u64,
        standing: &standing,
        store_bytes: shared.metrics.store_bytes(),
        staleness: staleness(&standing, now_ms()),
        bans: tell::bans(&shared.door.bans.load(), now_ms()),
    };
    let mut status = tell::status(&told, &shell);
    permit(&request).cut_scopes(&mut status.scopes);
    Ok(json(&status))
}
