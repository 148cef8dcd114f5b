//! Opening a sealed value for a local user: in memory, for this one answer, and kept nowhere. Who may is decided before, at
//! the door. It must not know how values are sealed.

use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG};
use axum::http::{HeaderValue, Response, StatusCode};
use driftless_client::sealed::OpenError;
use driftless_statement::Path;
use zeroize::Zeroizing;

use super::problem::{Answer, Kind, Problem};
use super::routes::Shared;
use super::stamp::About;
use super::target::{self, Query};
use super::{entry, etag};
use crate::secrets::Unopened;

/// Where secrets are opened.
pub const SECRETS: &str = "/v1/secrets/";

/// A secret on its way out. hyper writes it from here, in pieces, without a copy of its own; it is wiped when the last byte is
/// handed to the system, or the client is gone.
struct Opened(Zeroizing<Vec<u8>>);

impl AsRef<[u8]> for Opened {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

/// `GET /v1/secrets/{path}`.
pub async fn open(State(shared): State<Arc<Shared>>, request: Request) -> Answer<Response<Body>> {
    let path = target::path(request.uri().path().strip_prefix(SECRETS).unwrap_or_default())?;
    let mut query = Query::parse(request.uri().query())?;
    let view = shared.demanded(&mut query, request.headers()).await?;
    query.end()?;
    let Some((found, json)) = view.get(&path).and_then(|entry| Some((entry, entry.effective.as_ref()?.shared())))
    else {
        return Err(entry::absent(&shared, &view, &path).await);
    };
    let tag = etag::of(found, &view);
    let unchanged = etag::unchanged(request.headers(), &tag)?;
    let keeper = shared.keeper.clone();
    // Opening agrees on a key with each recipient in turn: not on a thread that others need.
    let opened = tokio::task::spawn_blocking(move || keeper.open(&json)).await;
    let opened = opened.map_err(|_| Problem::new(Kind::Busy, "opening was broken off; ask again").about(&path))?;
    let secret = opened.map_err(|why| refused(&why, &path, shared.keeper.recipient()))?;
    let mut response = if unchanged {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        response
    } else {
        Response::new(Body::from(Bytes::from_owner(Opened(secret))))
    };
    let headers = response.headers_mut();
    if !unchanged {
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
    }
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Ok(tag) = HeaderValue::from_str(&format!("\"{tag}\"")) {
        headers.insert(ETAG, tag);
    }
    let about = About { scope: path.as_str().split('/').next(), differs: Some(found.differs) };
    shared.stamps.put(headers, &shared.door, &view, &about);
    Ok(response)
}

/// Why an entry was not opened, and what to do. `recipient` is this node's.
fn refused(why: &Unopened, path: &Path, recipient: &str) -> Box<Problem> {
    let problem = match why {
        Unopened::NotSealed => {
            let detail = format!(
                "the value of {path} is not sealed: read it under /v1/config/, or seal it with `driftless secret set`"
            );
            Problem::new(Kind::NotSealed, detail)
        }
        Unopened::Bad(_) | Unopened::Shut(OpenError::Damaged(_)) => Problem::new(Kind::Damaged, why.to_string()),
        Unopened::Shut(OpenError::NotARecipient { .. }) => {
            Problem::new(Kind::NotARecipient, format!("{why}; this node's recipient is {recipient}"))
        }
    };
    problem.about(path)
}
