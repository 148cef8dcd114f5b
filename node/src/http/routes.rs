//! The routes, and what all of them need: the door, the settings, the wait for a demanded revision.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get, post};
use driftless_client::api::header;
use driftless_core::view::View;
use tokio::sync::{Semaphore, watch};

use super::access::{Callers, Permit, Who};
use super::hot::Hot;
use super::problem::{Answer, Kind, Problem};
use super::settings::HttpSettings;
use super::stamp::Stamps;
use super::target::{self, Query};
use super::watch::Latest;
use super::{ask, audit, edit, health, openapi, secret, submit};
use crate::door::Door;
use crate::metrics::Metrics;
use crate::secrets::Keeper;

/// How long a read waits for the revision that it demands, when it does not say.
const WAIT_SECONDS: u64 = 2;

/// What every handler may use.
pub struct Shared {
    /// The way to the driver.
    pub door: Door,
    /// Settings.
    pub settings: HttpSettings,
    /// What opens secrets.
    pub keeper: Arc<Keeper>,
    /// What is counted.
    pub metrics: Arc<Metrics>,
    /// Freshness headers.
    pub stamps: Stamps,
    /// What answers about the entries read last share.
    pub hot: Hot,
    /// What watches tell of the newest change.
    pub latest: Latest,
    /// Who may do what.
    pub callers: Callers,
    /// Turns true when the node shuts down.
    pub shutdown: watch::Receiver<bool>,
    /// Exports that may run: each keeps the fate of all that is held for as long as its reader takes.
    pub exports: Arc<Semaphore>,
    /// Mebibytes of large bodies that are being read.
    pub bodies: Arc<Semaphore>,
}

/// Exports at once. A guess: an auditor or two; each costs some hundred bytes for each statement held.
const EXPORTS: usize = 2;
/// Mebibytes of large bodies at once, over all connections: eight of the greatest size. Without this bound a thousand
/// bodies that never end took 1.7 GiB (measured, `tests/tests/floods.rs`).
const BODIES_MIB: usize = 32;

impl Shared {
    /// Puts together what handlers use.
    pub fn new(
        door: Door,
        settings: HttpSettings,
        keeper: Arc<Keeper>,
        metrics: Arc<Metrics>,
        callers: Callers,
        shutdown: watch::Receiver<bool>,
    ) -> Self {
        // Whatever the largest body may be, one always fits.
        let bodies = BODIES_MIB.max(settings.body_bytes.div_ceil(1 << 20));
        Self {
            door,
            settings,
            keeper,
            metrics,
            stamps: Stamps::default(),
            hot: Hot::default(),
            latest: Latest::default(),
            callers,
            shutdown,
            exports: Arc::new(Semaphore::new(EXPORTS)),
            bodies: Arc::new(Semaphore::new(bodies)),
        }
    }

    /// Refuses while the store was not read or no mesh is known: an empty answer would be a lie.
    pub fn must_be_ready(&self) -> Answer<()> {
        if self.door.standing().ready {
            return Ok(());
        }
        let detail = "the store is not read yet, or the mesh's genesis is not held yet; see /readyz";
        Err(Problem::new(Kind::NotReady, detail))
    }

    /// The newest view; when the request demands a revision, one that covers it, waited for within bounds.
    pub async fn demanded(&self, query: &mut Query, headers: &HeaderMap) -> Answer<Arc<View>> {
        let demanded = match query.revision("min_revision")? {
            Some(revision) => Some(revision),
            None => from_header(headers)?,
        };
        let wait = Duration::from_secs(query.wait()?.unwrap_or(WAIT_SECONDS));
        let Some(demanded) = demanded else { return Ok(self.door.view()) };
        let mut changed = self.door.changed.clone();
        let deadline = tokio::time::Instant::now() + wait;
        loop {
            // Seen before the view is loaded: a view that comes in between wakes the wait below at once.
            let _ = *changed.borrow_and_update();
            let view = self.door.view();
            match view.revision().covers(&demanded) {
                Some(true) => return Ok(view),
                Some(false) => {}
                None => {
                    let detail = format!("revision {demanded} is of another store; this one is at {}", view.revision());
                    return Err(Problem::new(Kind::Revision, detail));
                }
            }
            if !matches!(tokio::time::timeout_at(deadline, changed.changed()).await, Ok(Ok(()))) {
                let detail = format!(
                    "revision {demanded} is not here yet, this node is at {}; ask again, or wait longer (wait=SECONDS)",
                    view.revision()
                );
                return Err(Problem::new(Kind::Behind, detail));
            }
        }
    }
}

fn from_header(headers: &HeaderMap) -> Answer<Option<driftless_core::view::Revision>> {
    match headers.get(header::MIN_REVISION).map(HeaderValue::to_str) {
        None => Ok(None),
        Some(Ok(text)) => target::revision(header::MIN_REVISION, text).map(Some),
        Some(Err(_)) => Err(Problem::new(Kind::Revision, format!("{}: not ASCII text", header::MIN_REVISION))),
    }
}

/// What the caller of a request may do. A request that did not come through the door may do nothing.
pub fn permit(request: &Request) -> Permit {
    request.extensions().get::<Permit>().cloned().unwrap_or_else(|| Permit::nothing(Who::Unknown))
}

/// Every route: template, and what answers it. The order is the one of the documentation.
fn table() -> Vec<(&'static str, MethodRouter<Arc<Shared>>)> {
    let entries = || get(edit::get).put(edit::put).patch(edit::patch).delete(edit::delete);
    vec![
        ("/v1/config/{*path}", entries()),
        ("/v1/config/", get(edit::list_all)),
        ("/v1/config", get(edit::list)),
        ("/v1/secrets/{*path}", get(secret::open)),
        ("/v1/merged/{*path}", get(ask::merged)),
        ("/v1/history/{*path}", get(ask::history)),
        ("/v1/explain/{*path}", get(ask::explain)),
        ("/v1/conflicts", get(ask::conflicts)),
        ("/v1/pending", get(ask::pending)),
        ("/v1/divergence", get(ask::divergence)),
        ("/v1/changes/{id}", get(ask::change)),
        ("/v1/statements", get(ask::statements).post(submit::submit)),
        ("/v1/statements/{id}", get(ask::statement)),
        ("/v1/log", get(ask::statements)),
        ("/v1/audit", get(audit::audit)),
        ("/v1/audit/export", get(audit::export)),
        ("/v1/attempts", get(audit::attempts)),
        ("/v1/grants", get(ask::grants)),
        ("/v1/authors/{key}", get(ask::author)),
        ("/v1/preview", post(submit::preview)),
        ("/v1/status", get(ask::status)),
        ("/openapi.json", get(openapi::openapi)),
        ("/metrics", get(health::metrics)),
        ("/livez", get(health::live)),
        ("/readyz", get(health::ready)),
    ]
}

/// The router. Whatever goes wrong, the answer is a problem.
pub fn router(shared: Arc<Shared>) -> Router {
    let routes = table().into_iter().fold(Router::new(), |router, (path, methods)| router.route(path, methods));
    routes
        .fallback(no_route)
        .method_not_allowed_fallback(no_method)
        .layer(from_fn_with_state(shared.clone(), in_time))
        .with_state(shared)
}

async fn no_route(request: Request) -> Response {
    let detail = "no such route; /openapi.json lists them all";
    Problem::new(Kind::NoRoute, detail).about(shortened(request.uri().path())).into_response()
}

async fn no_method(request: Request) -> Response {
    let detail = format!("{} is not a method of this route; the Allow header lists those it has", request.method());
    Problem::new(Kind::Method, detail).about(shortened(request.uri().path())).into_response()
}

fn shortened(path: &str) -> String {
    path.chars().take(200).collect()
}

/// Bounds the time to an answer's head. A write may still come true after it: the problem says so.
async fn in_time(State(shared): State<Arc<Shared>>, request: Request, next: Next) -> Response {
    let limit = shared.settings.request_timeout;
    match tokio::time::timeout(limit, next.run(request)).await {
        Ok(response) => response,
        Err(_) => {
            let detail = format!(
                "no answer within {} s; a write may or may not have been made: read the entry before trying again",
                limit.as_secs()
            );
            Problem::new(Kind::Timeout, detail).into_response()
        }
    }
}

/// The template of the route that a path belongs to: what metrics are labelled with.
pub fn template(path: &str) -> &'static str {
    const PREFIXES: [(&str, &str); 8] = [
        ("/v1/config/", "/v1/config/{path}"),
        (secret::SECRETS, "/v1/secrets/{path}"),
        ("/v1/merged/", "/v1/merged/{path}"),
        ("/v1/history/", "/v1/history/{path}"),
        ("/v1/explain/", "/v1/explain/{path}"),
        ("/v1/changes/", "/v1/changes/{id}"),
        ("/v1/statements/", "/v1/statements/{id}"),
        ("/v1/authors/", "/v1/authors/{key}"),
    ];
    const WHOLE: [&str; 16] = [
        "/v1/config",
        "/v1/conflicts",
        "/v1/pending",
        "/v1/divergence",
        "/v1/statements",
        "/v1/log",
        "/v1/audit",
        "/v1/audit/export",
        "/v1/attempts",
        "/v1/grants",
        "/v1/preview",
        "/v1/status",
        "/openapi.json",
        "/metrics",
        "/livez",
        "/readyz",
    ];
    let prefixed = PREFIXES.iter().find(|(prefix, _)| path.starts_with(prefix)).map(|(_, template)| *template);
    prefixed.or_else(|| WHOLE.into_iter().find(|whole| *whole == path)).unwrap_or("none")
}
