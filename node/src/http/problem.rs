//! Problems: every error is an RFC 9457 answer that names what is wrong, which limit, and what to do.

use axum::body::Body;
use axum::http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, ETAG, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderMap, HeaderValue, Response, StatusCode};
use axum::response::IntoResponse;
use driftless_client::api;

/// The kinds of problem. The word is stable and part of the API.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// No entry, or nothing effective at the path; no such statement.
    NotFound,
    /// No such route.
    NoRoute,
    /// The route exists, not with this method.
    Method,
    /// A path, prefix or scope breaks the rules.
    Path,
    /// A query parameter is unknown, repeated or not of its form.
    Query,
    /// A request header is not of its form.
    Header,
    /// A statement id or key is not of its form.
    Id,
    /// The revision demanded is not of its form or of another store.
    Revision,
    /// The revision demanded was not reached in time.
    Behind,
    /// The scope is not held here.
    NotHeld,
    /// The body is no valid JSON value.
    Json,
    /// The body is no sequence of CBOR byte strings.
    Statements,
    /// The content type is not one that the route takes.
    MediaType,
    /// The body is too large.
    Body,
    /// The request's header fields are too many or too large.
    Headers,
    /// The request's target is too long.
    Target,
    /// The request did not arrive in time.
    Slow,
    /// The answer was not found in time.
    Timeout,
    /// `If-Match` or `If-None-Match` failed.
    Precondition,
    /// The key has no grant that covers the edit.
    NoGrant,
    /// The patch does not apply.
    Patch,
    /// The statement would not be valid.
    Invalid,
    /// The merged value would break a limit.
    Unfit,
    /// The node's clock is too far behind.
    Clock,
    /// The store takes no writes.
    ReadOnly,
    /// Too much waits already.
    Busy,
    /// An author is over its intake rate.
    AuthorRate,
    /// The node does not hold the mesh's genesis yet.
    NotFounded,
    /// The node is not ready.
    NotReady,
    /// The node is shutting down.
    ShuttingDown,
    /// The `Host` is not one of this node's.
    Host,
    /// The request comes from a web page.
    Origin,
    /// No token, or none that is in force.
    Unauthorized,
    /// The caller's roles or token do not reach so far.
    Forbidden,
    /// The entry is no sealed value.
    NotSealed,
    /// The entry is sealed to others.
    NotARecipient,
    /// The sealed value is not whole.
    Damaged,
}

impl Kind {
    /// Every kind, for the documentation and its test.
    pub const ALL: [Kind; 37] = [
        Self::NotFound,
        Self::NoRoute,
        Self::Method,
        Self::Path,
        Self::Query,
        Self::Header,
        Self::Id,
        Self::Revision,
        Self::Behind,
        Self::NotHeld,
        Self::Json,
        Self::Statements,
        Self::MediaType,
        Self::Body,
        Self::Headers,
        Self::Target,
        Self::Slow,
        Self::Timeout,
        Self::Precondition,
        Self::NoGrant,
        Self::Patch,
        Self::Invalid,
        Self::Unfit,
        Self::Clock,
        Self::ReadOnly,
        Self::Busy,
        Self::AuthorRate,
        Self::NotFounded,
        Self::NotReady,
        Self::ShuttingDown,
        Self::Host,
        Self::Origin,
        Self::Unauthorized,
        Self::Forbidden,
        Self::NotSealed,
        Self::NotARecipient,
        Self::Damaged,
    ];

    /// Word, status and title.
    pub fn parts(self) -> (&'static str, StatusCode, &'static str) {
        match self {
            Self::NotFound => ("not_found", StatusCode::NOT_FOUND, "Nothing is there"),
            Self::NoRoute => ("no_route", StatusCode::NOT_FOUND, "No such route"),
            Self::Method => ("method", StatusCode::METHOD_NOT_ALLOWED, "Method not allowed here"),
            Self::Path => ("path", StatusCode::BAD_REQUEST, "Not a path"),
            Self::Query => ("query", StatusCode::BAD_REQUEST, "Bad query parameter"),
            Self::Header => ("header", StatusCode::BAD_REQUEST, "Bad header"),
            Self::Id => ("id", StatusCode::BAD_REQUEST, "Not an id"),
            Self::Revision => ("revision", StatusCode::BAD_REQUEST, "Not a revision of this store"),
            Self::Behind => ("behind", StatusCode::SERVICE_UNAVAILABLE, "The revision demanded is not here yet"),
            Self::NotHeld => ("not_held", StatusCode::MISDIRECTED_REQUEST, "The scope is not held here"),
            Self::Json => ("json", StatusCode::BAD_REQUEST, "Not a JSON value"),
            Self::Statements => ("statements", StatusCode::BAD_REQUEST, "Not a sequence of statements"),
            Self::MediaType => ("media_type", StatusCode::UNSUPPORTED_MEDIA_TYPE, "Wrong content type"),
            Self::Body => ("body", StatusCode::PAYLOAD_TOO_LARGE, "Body too large"),
            Self::Headers => ("headers", StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, "Headers too large"),
            Self::Target => ("target", StatusCode::URI_TOO_LONG, "Request target too long"),
            Self::Slow => ("slow", StatusCode::REQUEST_TIMEOUT, "The request did not arrive in time"),
            Self::Timeout => ("timeout", StatusCode::SERVICE_UNAVAILABLE, "The answer was not found in time"),
            Self::Precondition => ("precondition", StatusCode::PRECONDITION_FAILED, "Precondition failed"),
            Self::NoGrant => ("no_grant", StatusCode::FORBIDDEN, "No grant covers this"),
            Self::Patch => ("patch", StatusCode::UNPROCESSABLE_ENTITY, "The patch does not apply"),
            Self::Invalid => ("invalid", StatusCode::UNPROCESSABLE_ENTITY, "Not a valid change"),
            Self::Unfit => ("unfit", StatusCode::UNPROCESSABLE_ENTITY, "The result would break a limit"),
            Self::Clock => ("clock", StatusCode::SERVICE_UNAVAILABLE, "This node's clock is behind"),
            Self::ReadOnly => ("read_only", StatusCode::SERVICE_UNAVAILABLE, "The store takes no writes"),
            Self::Busy => ("busy", StatusCode::SERVICE_UNAVAILABLE, "Too much waits already"),
            Self::AuthorRate => ("author_rate", StatusCode::TOO_MANY_REQUESTS, "An author is over its intake rate"),
            Self::NotFounded => ("not_founded", StatusCode::SERVICE_UNAVAILABLE, "No mesh yet"),
            Self::NotReady => ("not_ready", StatusCode::SERVICE_UNAVAILABLE, "Not ready"),
            Self::ShuttingDown => ("shutting_down", StatusCode::SERVICE_UNAVAILABLE, "Shutting down"),
            Self::Host => ("host", StatusCode::FORBIDDEN, "Foreign Host"),
            Self::Origin => ("origin", StatusCode::FORBIDDEN, "Not for web pages"),
            Self::Unauthorized => ("unauthorized", StatusCode::UNAUTHORIZED, "No token in force"),
            Self::Forbidden => ("forbidden", StatusCode::FORBIDDEN, "Not for this caller"),
            Self::NotSealed => ("not_sealed", StatusCode::CONFLICT, "Not a sealed value"),
            Self::NotARecipient => ("not_a_recipient", StatusCode::CONFLICT, "Sealed to others"),
            Self::Damaged => ("damaged", StatusCode::CONFLICT, "The sealed value is damaged"),
        }
    }
}

/// A problem on its way to the client.
#[derive(Debug, Clone)]
pub struct Problem {
    /// Its kind.
    pub kind: Kind,
    detail: String,
    instance: Option<String>,
    held_by: Vec<String>,
    headers: HeaderMap,
}

/// How an answer that may be a problem is written. Boxed: problems are rare and large.
pub type Answer<T> = Result<T, Box<Problem>>;

impl Problem {
    /// A problem with its detail: what is wrong here, which limit, what to do.
    pub fn new(kind: Kind, detail: impl Into<String>) -> Box<Self> {
        let mut headers = HeaderMap::new();
        if matches!(kind, Kind::Busy | Kind::ReadOnly | Kind::NotFounded | Kind::Behind | Kind::Timeout) {
            headers.insert(RETRY_AFTER, HeaderValue::from_static("1"));
        }
        Box::new(Self { kind, detail: detail.into(), instance: None, held_by: Vec::new(), headers })
    }

    /// Says when to come again, in whole seconds.
    #[must_use]
    pub fn retry_after(mut self: Box<Self>, seconds: u64) -> Box<Self> {
        self.headers.insert(RETRY_AFTER, HeaderValue::from(seconds.max(1)));
        self
    }

    /// Names the path or id that the problem is about.
    #[must_use]
    pub fn about(mut self: Box<Self>, instance: impl ToString) -> Box<Self> {
        self.instance = Some(instance.to_string());
        self
    }

    /// Names the nodes that hold what was asked for.
    #[must_use]
    pub fn held_by(mut self: Box<Self>, nodes: impl IntoIterator<Item = impl ToString>) -> Box<Self> {
        self.held_by = nodes.into_iter().map(|node| node.to_string()).collect();
        self
    }

    /// Says which methods the route has.
    #[must_use]
    pub fn allow(mut self: Box<Self>, methods: &'static str) -> Box<Self> {
        self.headers.insert(ALLOW, HeaderValue::from_static(methods));
        self
    }

    /// Says how the caller can show who it is (RFC 6750).
    #[must_use]
    pub fn challenge(mut self: Box<Self>, challenge: &'static str) -> Box<Self> {
        self.headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static(challenge));
        self
    }

    /// Carries the entity tag that the entry has now.
    #[must_use]
    pub fn etag(mut self: Box<Self>, etag: Option<&str>) -> Box<Self> {
        if let Some(value) = etag.and_then(|etag| HeaderValue::from_str(&format!("\"{etag}\"")).ok()) {
            self.headers.insert(ETAG, value);
        }
        self
    }

    /// The body.
    pub fn to_api(&self) -> api::Problem {
        let (word, status, title) = self.kind.parts();
        api::Problem {
            kind: format!("urn:driftless:problem:{word}"),
            title: title.to_owned(),
            status: status.as_u16(),
            detail: self.detail.clone(),
            instance: self.instance.clone(),
            held_by: self.held_by.clone(),
        }
    }

    /// The body as JSON. A struct of texts always has one.
    fn json(&self) -> Vec<u8> {
        serde_json::to_vec(&self.to_api()).unwrap_or_default()
    }

    /// The whole answer as bytes, for a connection on which HTTP has ended.
    pub fn to_raw(&self) -> Vec<u8> {
        let (_, status, _) = self.kind.parts();
        let body = self.json();
        let head = format!(
            "HTTP/1.1 {} {}\r\ncontent-type: application/problem+json\r\ncontent-length: {}\r\n\
             cache-control: no-store\r\nconnection: close\r\n\r\n",
            status.as_u16(),
            status.canonical_reason().unwrap_or_default(),
            body.len(),
        );
        [head.into_bytes(), body].concat()
    }
}

impl IntoResponse for Box<Problem> {
    fn into_response(self) -> Response<Body> {
        let (_, status, _) = self.kind.parts();
        let mut response = Response::new(Body::from(self.json()));
        *response.status_mut() = status;
        *response.headers_mut() = self.headers;
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        response
    }
}
