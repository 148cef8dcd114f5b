//! Typed calls to a node, one for each route. It must not know sockets, nor what the command line makes of the answers.

mod secrets;

use std::time::Duration;

use driftless_statement::{Note, Path, Prefix, PublicKey, Scope, Signed, StatementId, Value, Verified, json};
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HOST, HeaderValue, IF_MATCH, IF_NONE_MATCH};
use hyper::http::request::Builder;
use hyper::{Method, Request, Response};
use serde::de::DeserializeOwned;

use crate::api::{
    Attempts, AuditPage, Author, Change, Conflicts, Divergence, Explanation, Grants, History, ITEM, Item, Listing,
    Merged, PendingList, Preview, Problem, Status, Submission, Written, header,
};
use crate::bundle;
use crate::endpoint::Endpoint;
use crate::error::{ClientError, PROBLEM};
use crate::export::JSON_LINES;
use crate::route;
use crate::tokens::Token;
use crate::transport::{Answer, Transport};

pub use secrets::{NodeRecipient, Opened};

/// How long a call may take unless told otherwise. A guess: local sockets answer in milliseconds, a write waits for a
/// disk's sync.
const TIMEOUT: Duration = Duration::from_secs(10);
/// Entries a page when everything is read.
const PAGE: u32 = 500;

/// What must hold of an entry's merged heads for a write to happen.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Precondition {
    /// Nothing.
    #[default]
    None,
    /// The entry is absent.
    Absent,
    /// The entry is present.
    Present,
    /// Its entity tag is this one.
    Tag(String),
}

/// What goes along with a write that the node signs.
#[derive(Debug, Clone, Default)]
pub struct Write {
    /// What must hold before.
    pub precondition: Precondition,
    /// Why: kept in the statement.
    pub note: Note,
}

/// Calls one node. Cheap to clone; connections are shared.
#[derive(Debug, Clone)]
pub struct Client {
    transport: Transport,
    token: Option<Token>,
}

impl Client {
    /// A client of the node at an endpoint. Connects with the first call.
    pub fn new(endpoint: Endpoint) -> Self {
        Self::with_timeout(endpoint, TIMEOUT)
    }

    /// A client whose calls may each take this long.
    pub fn with_timeout(endpoint: Endpoint, timeout: Duration) -> Self {
        Self { transport: Transport::new(endpoint, timeout), token: None }
    }

    /// The same client, showing a token with every call.
    #[must_use]
    pub fn with_token(mut self, token: Token) -> Self {
        self.token = Some(token);
        self
    }

    /// Where the node is.
    pub fn endpoint(&self) -> &Endpoint {
        self.transport.endpoint()
    }

    /// One entry, with its effective value.
    pub async fn item(&self, path: &Path) -> Result<Item, ClientError> {
        self.ask(self.request(Method::GET, &route::entry(path)).header(ACCEPT, ITEM), Bytes::new()).await
    }

    /// A page of the entries under a prefix, ascending by path.
    pub async fn listing(&self, prefix: &Prefix, after: Option<&Path>, limit: u32) -> Result<Listing, ClientError> {
        self.get(&route::listing(prefix, after, Some(limit))).await
    }

    /// All entries under a prefix, page by page. Pages may come from successive views.
    pub async fn items(&self, prefix: &Prefix) -> Result<Vec<Item>, ClientError> {
        let mut items = Vec::new();
        let mut after: Option<Path> = None;
        loop {
            let page = self.listing(prefix, after.as_ref(), PAGE).await?;
            items.extend(page.items);
            match page.next {
                // A node that does not move on must not keep us here for ever.
                Some(next) if after.as_ref().is_none_or(|after| next > *after) => after = Some(next),
                Some(_) => return Err(self.answer("a page of a listing did not go on".to_owned())),
                None => return Ok(items),
            }
        }
    }

    /// The merged state of an entry, also of one that is absent; with the author's heads and grant when one is named.
    pub async fn merged(&self, path: &Path, author: Option<&PublicKey>) -> Result<Merged, ClientError> {
        self.get(&route::merged(path, author)).await
    }

    /// Statements about an entry, latest first.
    pub async fn history(&self, path: &Path, limit: u32, before: Option<&str>) -> Result<History, ClientError> {
        self.get(&route::history(path, limit, before)).await
    }

    /// Why an entry reads as it does.
    pub async fn explain(&self, path: &Path) -> Result<Explanation, ClientError> {
        self.get(&route::explain(path)).await
    }

    /// Open conflicts under a prefix.
    pub async fn conflicts(&self, prefix: &Prefix, limit: u32) -> Result<Conflicts, ClientError> {
        self.get(&route::conflicts(prefix, limit)).await
    }

    /// What waits for signatures or approvals under a prefix.
    pub async fn pending(&self, prefix: &Prefix, limit: u32) -> Result<PendingList, ClientError> {
        self.get(&route::pending(prefix, limit)).await
    }

    /// All statements of the scopes held, or of one, latest first.
    pub async fn log(&self, scope: Option<&Scope>, limit: u32, before: Option<&str>) -> Result<History, ClientError> {
        self.get(&route::log(scope, limit, before)).await
    }

    /// One statement as it was signed.
    pub async fn statement(&self, id: &StatementId) -> Result<Bytes, ClientError> {
        let request = self.request(Method::GET, &route::statement(id)).header(ACCEPT, route::WIRE);
        let answer = self.transport.exchange(build(request, Bytes::new())?).await?;
        if !answer.head.status.is_success() {
            return Err(self.problem(&answer));
        }
        match Signed::decode(&answer.body) {
            Ok(signed) if signed.id() == *id => Ok(answer.body),
            Ok(signed) => Err(self.answer(format!("statement {} instead of {id}", signed.id()))),
            Err(invalid) => Err(self.answer(invalid.to_string())),
        }
    }

    /// How far one change got.
    pub async fn change(&self, id: &StatementId) -> Result<Change, ClientError> {
        self.get(&route::change(id)).await
    }

    /// How far this node is from the others.
    pub async fn divergence(&self) -> Result<Divergence, ClientError> {
        self.get(route::DIVERGENCE).await
    }

    /// This node.
    pub async fn status(&self) -> Result<Status, ClientError> {
        self.get(route::STATUS).await
    }

    /// Grants of the mesh; with an author's own heads in `@mesh` when one is named.
    pub async fn grants(&self, author: Option<&PublicKey>) -> Result<Grants, ClientError> {
        self.get(&route::grants(author)).await
    }

    /// What a key has said as far as it counts, up to a time in Unix milliseconds.
    pub async fn author(&self, key: &PublicKey, until: Option<u64>) -> Result<Author, ClientError> {
        self.get(&route::author(key, until)).await
    }

    /// A page of statements with authority and reach, latest first.
    pub async fn audit(
        &self,
        wanted: &route::AuditQuery,
        limit: u32,
        before: Option<&str>,
    ) -> Result<AuditPage, ClientError> {
        self.get(&route::audit(wanted, limit, before)).await
    }

    /// What this node refused since its start.
    pub async fn attempts(&self) -> Result<Attempts, ClientError> {
        self.get(route::ATTEMPTS).await
    }

    /// All that the node has on disk of `@mesh` and a scope, or of all scopes, as JSON lines; given to `take` in parts as
    /// they come. Only the head of the answer must come in time.
    pub async fn audit_export<E: From<ClientError>>(
        &self,
        scope: Option<&Scope>,
        mut take: impl FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        let request = self.request(Method::GET, &route::audit_export(scope)).header(ACCEPT, JSON_LINES);
        let response = self.transport.stream(build(request, Bytes::new())?).await?;
        let (head, mut body) = response.into_parts();
        if !head.status.is_success() {
            let body = http_body_util::BodyExt::collect(http_body_util::Limited::new(body, 65_536)).await;
            let body = body.map(http_body_util::Collected::to_bytes).unwrap_or_default();
            return Err(self.problem(&Answer { head, body }).into());
        }
        while let Some(frame) = http_body_util::BodyExt::frame(&mut body).await {
            let frame = frame.map_err(|error| ClientError::Unreachable {
                endpoint: self.endpoint().to_string(),
                reason: format!("the export ended before it was whole: {error}"),
            })?;
            frame.data_ref().map_or(Ok(()), |data| take(data))?;
        }
        Ok(())
    }

    /// What acts would change if they were submitted, and if all root keys approved them. Nothing is kept of them.
    pub async fn preview(&self, acts: &[Verified]) -> Result<Preview, ClientError> {
        let request = self.request(Method::POST, route::PREVIEW).header(CONTENT_TYPE, route::BUNDLE);
        self.ask(request, bundle::encode(acts.iter().map(|act| act.wire())).into()).await
    }

    /// Writes a whole value, signed by the node with its own key.
    pub async fn put(&self, path: &Path, value: &Value, write: &Write) -> Result<Written, ClientError> {
        let request = self.writing(Method::PUT, path, write)?.header(CONTENT_TYPE, route::JSON);
        self.ask(request, json::to_string(value).into()).await
    }

    /// Applies an RFC 7396 merge patch, signed by the node with its own key.
    pub async fn merge_patch(&self, path: &Path, patch: &Value, write: &Write) -> Result<Written, ClientError> {
        let request = self.writing(Method::PATCH, path, write)?.header(CONTENT_TYPE, route::MERGE_PATCH);
        self.ask(request, json::to_string(patch).into()).await
    }

    /// Applies an RFC 6902 JSON patch, signed by the node with its own key.
    pub async fn json_patch(&self, path: &Path, patch: &Value, write: &Write) -> Result<Written, ClientError> {
        let request = self.writing(Method::PATCH, path, write)?.header(CONTENT_TYPE, route::JSON_PATCH);
        self.ask(request, json::to_string(patch).into()).await
    }

    /// Deletes an entry, signed by the node with its own key.
    pub async fn delete(&self, path: &Path, write: &Write) -> Result<Written, ClientError> {
        let request = self.writing(Method::DELETE, path, write)?;
        self.ask(request, Bytes::new()).await
    }

    /// Sends statements signed here. Sending one again is safe: it is known then.
    pub async fn submit(&self, statements: &[Verified]) -> Result<Submission, ClientError> {
        self.submit_bundle(bundle::encode(statements.iter().map(|statement| statement.wire()))).await
    }

    /// Sends a bundle of statements signed elsewhere.
    pub async fn submit_bundle(&self, bundle: Vec<u8>) -> Result<Submission, ClientError> {
        let request = self.request(Method::POST, route::STATEMENTS).header(CONTENT_TYPE, route::BUNDLE);
        self.ask(request, bundle.into()).await
    }

    /// Opens a watch; `resume` is the revision of the last event that was taken in.
    pub async fn watch(&self, prefix: &Prefix, resume: Option<&str>) -> Result<Response<Incoming>, ClientError> {
        let mut request = self.request(Method::GET, &route::watch(prefix)).header(ACCEPT, route::EVENTS);
        if let Some(revision) = resume {
            request = request.header("last-event-id", revision);
        }
        let response = self.transport.stream(build(request, Bytes::new())?).await?;
        if response.status().is_success() {
            return Ok(response);
        }
        let (head, body) = response.into_parts();
        let body = http_body_util::BodyExt::collect(http_body_util::Limited::new(body, 65_536)).await;
        let body = body.map(http_body_util::Collected::to_bytes).unwrap_or_default();
        Err(self.problem(&Answer { head, body }))
    }

    fn request(&self, method: Method, route: &str) -> Builder {
        let request = Request::builder().method(method).uri(route).header(HOST, self.endpoint().authority());
        // A token's text is always a header's value.
        let bearer =
            self.token.as_ref().and_then(|token| HeaderValue::try_from(format!("Bearer {}", token.expose())).ok());
        match bearer {
            Some(mut bearer) => {
                bearer.set_sensitive(true);
                request.header(AUTHORIZATION, bearer)
            }
            None => request,
        }
    }

    fn writing(&self, method: Method, path: &Path, write: &Write) -> Result<Builder, ClientError> {
        let mut request = self.request(method, &route::entry(path));
        request = match &write.precondition {
            Precondition::None => request,
            Precondition::Absent => request.header(IF_NONE_MATCH, "*"),
            Precondition::Present => request.header(IF_MATCH, "*"),
            Precondition::Tag(tag) => request.header(IF_MATCH, format!("\"{tag}\"")),
        };
        let notes = [(header::REASON, &write.note.reason), (header::TICKET, &write.note.ticket)];
        for (name, text) in notes.into_iter().chain([("traceparent", &write.note.traceparent)]) {
            if text.chars().any(char::is_control) {
                return Err(ClientError::Request(format!("{name} must be one line of text")));
            }
            if !text.is_empty() {
                request = request.header(name, text.as_bytes());
            }
        }
        Ok(request)
    }

    async fn get<T: DeserializeOwned>(&self, route: &str) -> Result<T, ClientError> {
        self.ask(self.request(Method::GET, route).header(ACCEPT, route::JSON), Bytes::new()).await
    }

    async fn ask<T: DeserializeOwned>(&self, request: Builder, body: Bytes) -> Result<T, ClientError> {
        let answer = self.transport.exchange(build(request, body)?).await?;
        if !answer.head.status.is_success() {
            return Err(self.problem(&answer));
        }
        json::read(&answer.body).map_err(|error| self.answer(error.to_string()))
    }

    fn answer(&self, reason: String) -> ClientError {
        ClientError::Answer { endpoint: self.endpoint().to_string(), reason }
    }

    /// The problem in an answer that is no success; made up from the status when the body holds none.
    fn problem(&self, answer: &Answer) -> ClientError {
        let status = answer.head.status;
        if let Ok(problem) = serde_json::from_slice::<Problem>(&answer.body) {
            return ClientError::Problem(Box::new(problem));
        }
        let title = status.canonical_reason().unwrap_or("unexpected status").to_owned();
        ClientError::Problem(Box::new(Problem {
            kind: format!("{PROBLEM}http_{}", status.as_u16()),
            detail: format!("the node at {} answered {status} and gave no reason", self.endpoint()),
            title,
            status: status.as_u16(),
            instance: None,
            held_by: Vec::new(),
        }))
    }
}

fn build(request: Builder, body: Bytes) -> Result<Request<Full<Bytes>>, ClientError> {
    request.body(Full::new(body)).map_err(|error| ClientError::Request(error.to_string()))
}
