//! The read of one entry: the route that services call most, so it touches the view, writes headers, and nothing else.

use std::borrow::Cow;
use std::fmt::Display;
use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::http::header::{ACCEPT, CACHE_CONTROL, CONTENT_TYPE, ETAG};
use axum::http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode};
use driftless_client::api::{self, header};
use driftless_core::view::{EntryView, Revision, View};
use driftless_statement::{Path, Scope};
use http_body_util::Full;

use super::etag;
use super::problem::{Answer, Kind, Problem};
use super::refuse;
use super::routes::Shared;
use super::stamp::About;
use super::target::{self, Query};

/// The body of an answer that is there already.
pub type Plain = Full<Bytes>;

/// Where entries are read and written.
pub const CONFIG: &str = "/v1/config/";

/// Header fields of an answer, for which room is made at once.
const FIELDS: usize = 12;

/// Answers a read that needs nothing but the newest view. `None`: it needs more, or is not such a read.
pub fn read_directly<B>(shared: &Shared, request: &Request<B>) -> Option<Response<Plain>> {
    let (uri, headers) = (request.uri(), request.headers());
    let plain = matches!(*request.method(), Method::GET | Method::HEAD)
        && uri.query().is_none()
        && !headers.contains_key(header::MIN_REVISION);
    let raw = uri.path().strip_prefix(CONFIG).filter(|_| plain)?;
    let path = match raw.contains('%') {
        true => Cow::Owned(target::path(raw).ok()?.as_str().to_owned()),
        false => Cow::Borrowed(raw),
    };
    let view = shared.door.view.load();
    let entry = view.get_text(&path)?;
    found(shared, &view, &path, entry, headers)?.ok()
}

/// The answer for an entry that is there. `None`: nothing is effective.
fn found(
    shared: &Shared,
    view: &View,
    path: &str,
    entry: &Arc<EntryView>,
    asked: &HeaderMap,
) -> Option<Answer<Response<Plain>>> {
    let ready = shared.hot.of(entry, view)?;
    let unchanged = match etag::unchanged(asked, &ready.tag) {
        Ok(unchanged) => unchanged,
        Err(problem) => return Some(Err(problem)),
    };
    let wants_item = wants_item(asked);
    let body = match (unchanged, wants_item) {
        (true, _) => Full::default(),
        (false, true) => Full::from(item(path, entry, &entry.json()?, view)),
        (false, false) => Full::from(ready.body.clone()),
    };
    let mut response = Response::new(body);
    let headers = response.headers_mut();
    headers.reserve(FIELDS);
    if let Some(tag) = &ready.field {
        headers.insert(ETAG, tag.clone());
    }
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    headers.insert(axum::http::header::VARY, HeaderValue::from_static("accept"));
    let about = About { scope: path.split('/').next(), differs: Some(entry.differs) };
    shared.stamps.put(headers, &shared.door, view, &about);
    if unchanged {
        *response.status_mut() = StatusCode::NOT_MODIFIED;
    } else {
        let kind = if wants_item { api::ITEM } else { "application/json" };
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    }
    Some(Ok(response))
}

fn wants_item(headers: &HeaderMap) -> bool {
    let named = |value: &HeaderValue| value.to_str().is_ok_and(|text| text.contains(api::ITEM));
    headers.get_all(ACCEPT).iter().any(named)
}

/// An entry as an [`api::Item`], around the text that the view keeps ready. Nothing in a path needs escaping.
pub fn item(path: impl Display, entry: &EntryView, json: &str, view: &View) -> String {
    let revision = Revision { count: entry.changed, ..view.revision() };
    let differs = if entry.differs { ",\"differs\":true" } else { "" };
    format!(
        "{{\"path\":\"{path}\",\"value\":{json},\"etag\":\"{}\",\"revision\":\"{revision}\"{differs},\"conflicts\":{}}}",
        etag::of(entry, view),
        entry.conflicts
    )
}

/// Reads one entry, with everything that a request may ask of it.
pub async fn read(shared: &Shared, path: &Path, mut query: Query, headers: &HeaderMap) -> Answer<Response<Body>> {
    let view = shared.demanded(&mut query, headers).await?;
    query.end()?;
    if let Some(answer) = view.get(path).and_then(|entry| found(shared, &view, path.as_str(), entry, headers)) {
        return Ok(answer?.map(Body::new));
    }
    Err(absent(shared, &view, path).await)
}

/// Why nothing is effective at a path.
pub async fn absent(shared: &Shared, view: &View, path: &Path) -> Box<Problem> {
    if let Err(problem) = shared.must_hold(&path.scope()).await {
        return problem;
    }
    let detail = match view.get(path) {
        Some(entry) if !entry.merged_heads.is_empty() && entry.differs => {
            format!("nothing is effective at {path} yet: its merged value waits for activation")
        }
        Some(_) => format!("there is no entry at {path}; it was deleted"),
        None => format!("there is no entry at {path}"),
    };
    Problem::new(Kind::NotFound, detail).about(path)
}

impl Shared {
    /// Refuses a question about a scope that is not held here, naming who holds it: it is never an empty answer.
    pub async fn must_hold(&self, scope: &Scope) -> Answer<()> {
        self.must_be_ready()?;
        if self.door.standing().held.contains(scope) {
            return Ok(());
        }
        // A scope in which nothing was ever written is held as well, when this node may hold it.
        let Ok(probe) = Path::parse(&format!("{scope}/_")) else { return Ok(()) };
        let verdict =
            self.door.read(move |machine| machine.merged(&probe, None).err()).await.map_err(refuse::closed)?;
        verdict.map_or(Ok(()), |not_held| Err(refuse::not_held(&not_held)))
    }
}
