//! Entries: reads, listings and watches under `/v1/config`, and the edits that this node signs with its own key.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::header::{CONTENT_TYPE, ETAG};
use axum::http::{HeaderMap, HeaderValue, Response, StatusCode};
use driftless_client::api::Written;
use driftless_core::machine::{Fate, LocalChange, LocalEdit, Receipt};
use driftless_statement::{Path, Prefix};

use super::access::Permit;
use super::problem::{Answer, Kind, Problem};
use super::routes::{self, Shared};
use super::stamp::About;
use super::target::{self, Query};
use super::watch::{self, Target};
use super::{body, entry, etag, listing, refuse};
use crate::metrics::words;

type Server = State<Arc<Shared>>;

fn raw(request: &Request) -> &str {
    request.uri().path().strip_prefix(entry::CONFIG).unwrap_or_default()
}

fn query(request: &Request) -> Answer<Query> {
    Query::parse(request.uri().query())
}

/// `GET /v1/config/{path}`: the entry; `GET /v1/config/{prefix}/`: what lies under it. With `watch`, as it changes.
pub async fn get(State(shared): Server, request: Request) -> Answer<Response<Body>> {
    let mut query = query(&request)?;
    if let Some(prefix) = raw(&request).strip_suffix('/') {
        let prefix = target::prefix(prefix)?;
        return under(&shared, routes::permit(&request), prefix, query, request.headers()).await;
    }
    let path = target::path(raw(&request))?;
    if query.watch()? {
        let permit = routes::permit(&request);
        return watch::open(&shared, permit, Target::Entry(path), query, request.headers()).await;
    }
    entry::read(&shared, &path, query, request.headers()).await
}

/// `GET /v1/config/`: everything held.
pub async fn list_all(State(shared): Server, request: Request) -> Answer<Response<Body>> {
    under(&shared, routes::permit(&request), Prefix::all(), query(&request)?, request.headers()).await
}

/// `GET /v1/config?prefix=`: what lies under a prefix.
pub async fn list(State(shared): Server, request: Request) -> Answer<Response<Body>> {
    let mut query = query(&request)?;
    let prefix = query.prefix()?;
    under(&shared, routes::permit(&request), prefix, query, request.headers()).await
}

async fn under(
    shared: &Arc<Shared>,
    permit: Permit,
    prefix: Prefix,
    mut query: Query,
    headers: &HeaderMap,
) -> Answer<Response<Body>> {
    if query.watch()? {
        return watch::open(shared, permit, Target::Under(prefix), query, headers).await;
    }
    listing::page(shared, &permit, &prefix, query, headers).await
}

/// `PUT /v1/config/{path}`: the whole value.
pub async fn put(State(shared): Server, request: Request) -> Answer<Response<Body>> {
    let taken = ["application/json"];
    write(&shared, request, &taken, |_, bytes| body::value(bytes).map(LocalChange::Put)).await
}

/// `PATCH /v1/config/{path}`: RFC 7396 or RFC 6902.
pub async fn patch(State(shared): Server, request: Request) -> Answer<Response<Body>> {
    let taken = ["application/merge-patch+json", "application/json-patch+json"];
    let read = |kind: &str, bytes: &[u8]| {
        let value = body::value(bytes)?;
        Ok(if kind == "application/json-patch+json" {
            LocalChange::JsonPatch(value)
        } else {
            LocalChange::MergePatch(value)
        })
    };
    write(&shared, request, &taken, read).await
}

/// `DELETE /v1/config/{path}`.
pub async fn delete(State(shared): Server, request: Request) -> Answer<Response<Body>> {
    write(&shared, request, &[], |_, _| Ok(LocalChange::Delete)).await
}

/// Reads an edit, has it signed and stored, and tells what came of it. `taken`: media types; none means no body.
async fn write(
    shared: &Shared,
    request: Request,
    taken: &[&'static str],
    read: impl FnOnce(&str, &[u8]) -> Answer<LocalChange>,
) -> Answer<Response<Body>> {
    let path = target::path(raw(&request))?;
    query(&request)?.end()?;
    shared.must_be_ready()?;
    let permit = routes::permit(&request);
    let (head, body) = request.into_parts();
    let kind = if taken.is_empty() { "" } else { body::media(&head.headers, taken)? };
    let precondition = etag::precondition(&head.headers)?;
    let note = body::note(&head.headers)?;
    let bytes = body::read(shared, &head.headers, body).await?;
    if taken.is_empty() && !bytes.is_empty() {
        return Err(Problem::new(Kind::Body, "a DELETE has no body; use PATCH to remove a part of an entry"));
    }
    let change = read(kind, &bytes)?;
    let edit = LocalEdit { path: path.clone(), change, precondition, note };
    match shared.door.write(edit).await.map_err(refuse::closed)? {
        Ok(receipt) => {
            tracing::debug!(%path, id = ?receipt.id, revision = %receipt.revision, by = %permit.who(), "local edit stored");
            Ok(written(shared, &path, &receipt))
        }
        Err(refused) => Err(refuse::write(&refused, &path)),
    }
}

fn written(shared: &Shared, path: &Path, receipt: &Receipt) -> Response<Body> {
    let fate = match &receipt.fate {
        Some(fate) => words::why_of_fate(fate)
            .map_or_else(|| words::of_fate(fate).to_owned(), |why| format!("{}: {why}", words::of_fate(fate))),
        None => "unchanged".to_owned(),
    };
    let written = Written {
        id: receipt.id,
        revision: receipt.revision.to_string(),
        fate,
        etag: (!receipt.etag.is_empty()).then(|| receipt.etag.clone()),
    };
    let mut response = json(&written);
    if matches!(receipt.fate, Some(Fate::Pending(_))) {
        *response.status_mut() = StatusCode::ACCEPTED;
    }
    if let Ok(tag) = HeaderValue::from_str(&format!("\"{}\"", receipt.etag)) {
        response.headers_mut().insert(ETAG, tag);
    }
    let about = About::under(path.as_str());
    shared.stamps.put(response.headers_mut(), &shared.door, &shared.door.view(), &about);
    response
}

/// An answer in JSON.
pub fn json(answer: &impl serde::Serialize) -> Response<Body> {
    // Every answer type is a struct of texts, numbers and lists of them: it always has a JSON form.
    let mut response = Response::new(Body::from(serde_json::to_vec(answer).unwrap_or_default()));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}
