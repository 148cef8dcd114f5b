//! What supervisors and scrapers ask: alive, ready, metrics.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::header::{ACCEPT, CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderValue, Response};

use super::problem::{Answer, Kind, Problem};
use super::refuse;
use super::routes::Shared;
use crate::metrics::Format;

fn text(body: String, kind: &'static str) -> Response<Body> {
    let mut response = Response::new(Body::from(body));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// `GET /livez`: 200 while the driver answers.
pub async fn live(State(shared): State<Arc<Shared>>) -> Answer<Response<Body>> {
    shared.door.read(|_| ()).await.map_err(refuse::closed)?;
    Ok(text("ok\n".to_owned(), "text/plain; charset=utf-8"))
}

/// `GET /readyz`: 200 once the store was read and the mesh is known. Needs no peer: a cut-off node still serves.
pub async fn ready(State(shared): State<Arc<Shared>>) -> Answer<Response<Body>> {
    if *shared.shutdown.borrow() {
        return Err(Problem::new(Kind::ShuttingDown, "the node is shutting down"));
    }
    shared.must_be_ready().map_err(|_| {
        let detail = "not ready: the store is not read yet, or the mesh's genesis is not held yet (give the node a \
                      bundle, or a peer that has it)";
        Problem::new(Kind::NotReady, detail)
    })?;
    let standing = shared.door.standing();
    let mut lines = vec!["ok".to_owned()];
    lines.extend(standing.read_only.iter().map(|reason| format!("reads only: {reason}")));
    lines.extend(standing.isolated.then(|| "isolated: no other node is heard".to_owned()));
    let stale = "stale peers: fewer than two independent nodes agree with this one".to_owned();
    lines.extend(standing.stale_peers.then_some(stale));
    lines.extend(shared.callers.complaint().map(|why| format!("tokens: the last good set holds: {why}")));
    Ok(text(lines.join("\n") + "\n", "text/plain; charset=utf-8"))
}

/// `GET /metrics`.
pub async fn metrics(State(shared): State<Arc<Shared>>, headers: HeaderMap) -> Response<Body> {
    let format = Format::wanted(headers.get(ACCEPT).and_then(|accept| accept.to_str().ok()));
    text(shared.metrics.render(format), format.content_type())
}
