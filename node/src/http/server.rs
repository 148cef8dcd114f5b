//! The server: accepts connections within a bound, speaks HTTP/1.1 on each, and cuts who is too slow.

use std::borrow::Cow;
use std::convert::Infallible;
use std::future::poll_fn;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, Method, Request, Response, Uri};
use axum::response::IntoResponse;
use http_body_util::Either;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::Service;
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::Instant;

use super::access::{self, Callers, Denied, Permit};
use super::alarm::Alarm;
use super::entry::{self, Plain};
use super::guard::{Guard, Marks};
use super::listen::{HttpError, Listeners, Unix};
use super::problem::{Answer, Kind, Problem};
use super::routes::{self, Shared};
use super::settings::{HEADER_FIELDS, HttpSettings, TARGET_BYTES};
use super::stalled::Stalled;
use super::stamp::now_ms;
use crate::door::Door;
use crate::metrics::{Metrics, Request as Counted};
use crate::secrets::Keeper;

/// hyper's own bounds lie above ours, so that almost every oversized head gets an answer that explains itself. Its bound on
/// fields is a hundred unless one is named, and naming one costs two allocations of many KiB a request.
const HYPER_SPARE: usize = 112 * 1024;

/// A server whose sockets are bound. It answers as soon as it runs.
pub struct Served {
    /// The TCP address really bound.
    pub tcp: Option<SocketAddr>,
    listeners: Listeners,
    callers: Callers,
    door: Door,
    settings: HttpSettings,
    keeper: Arc<Keeper>,
    metrics: Arc<Metrics>,
    shutdown: watch::Receiver<bool>,
}

/// Resolves roles, and binds the sockets that the settings name.
pub async fn serve(
    door: Door,
    settings: HttpSettings,
    keeper: Arc<Keeper>,
    metrics: Arc<Metrics>,
    shutdown: watch::Receiver<bool>,
) -> Result<Served, HttpError> {
    let callers = Callers::new(&settings.access, metrics.clone())?;
    let listeners = Listeners::bind(&settings).await?;
    Ok(Served { tcp: listeners.tcp_address, listeners, callers, door, settings, keeper, metrics, shutdown })
}

impl Served {
    /// Serves until `shutdown` turns true (or its sender is gone) and running answers are done, or cut after a while.
    pub async fn run(self) {
        let Self { mut listeners, callers, door, settings, keeper, metrics, shutdown, tcp: _ } = self;
        let guard = listeners.tcp_address.map(|address| Guard::tcp(address, &settings.hosts));
        let slots = Arc::new(Semaphore::new(settings.max_connections));
        let all = u32::try_from(settings.max_connections).unwrap_or(u32::MAX);
        let drain = settings.drain;
        let shared = Arc::new(Shared::new(door, settings, keeper, metrics, callers, shutdown.clone()));
        let router = TowerToHyperService::new(routes::router(shared.clone()));
        let server = Server { router, shared: shared.clone(), slots, shutdown };
        let unix = async {
            match listeners.unix.take() {
                Some(unix) => server.serve_unix(&unix).await,
                None => stopped(server.shutdown.clone()).await,
            }
        };
        let tcp = async {
            match listeners.tcp.take().zip(guard) {
                Some((tcp, guard)) => server.serve_tcp(&tcp, guard).await,
                None => stopped(server.shutdown.clone()).await,
            }
        };
        tokio::select! {
            _ = async { tokio::join!(unix, tcp) } => {}
            // For ever: it never ends by itself.
            () = shared.callers.follow() => {}
        }
        if tokio::time::timeout(drain, server.slots.acquire_many(all)).await.is_err() {
            tracing::warn!("HTTP connections still open at shutdown are cut");
        }
    }
}

/// Waits until shutdown is asked for. A sender that is gone asks for it too.
pub(super) async fn stopped(mut shutdown: watch::Receiver<bool>) {
    // The value is copied out, the guard dropped.
    let _ = shutdown.wait_for(|stop| *stop).await.map(|stop| *stop);
}

struct Server {
    shared: Arc<Shared>,
    router: TowerToHyperService<axum::Router>,
    slots: Arc<Semaphore>,
    shutdown: watch::Receiver<bool>,
}

/// Where a connection came in, and what who made it may do without a token.
#[derive(Clone)]
struct Entrance {
    guard: Arc<Guard>,
    /// Whether the system says who is at the other end.
    local: bool,
    /// `None`: a token is needed.
    permit: Option<Permit>,
}

impl Server {
    async fn serve_unix(&self, unix: &Unix) {
        let guard = Arc::new(Guard::unix());
        let accept = || async {
            let stream = unix.accept().await?;
            // Of the moment of connecting: a socket that is handed on keeps the rights of who opened it.
            let peer = stream.peer_cred().ok().map(|peer| (peer.uid(), peer.gid()));
            Ok((stream, Entrance { guard: guard.clone(), local: true, permit: Some(self.shared.callers.unix(peer)) }))
        };
        self.accept_all(accept).await;
    }

    async fn serve_tcp(&self, tcp: &TcpListener, guard: Guard) {
        let entrance = Entrance { guard: Arc::new(guard), local: false, permit: self.shared.callers.tcp() };
        let accept = || async {
            let (stream, _) = tcp.accept().await?;
            // Answers are written whole; waiting for more bytes only adds delay.
            stream.set_nodelay(true)?;
            Ok((stream, entrance.clone()))
        };
        self.accept_all(accept).await;
    }

    async fn accept_all<S, F>(&self, accept: impl Fn() -> F)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
        F: Future<Output = std::io::Result<(S, Entrance)>>,
    {
        let mut stop = pin!(stopped(self.shutdown.clone()));
        loop {
            let accepted = tokio::select! {
                () = &mut stop => return,
                accepted = accept() => accepted,
            };
            match accepted {
                Ok((stream, entrance)) => self.take(stream, entrance),
                Err(error) => {
                    // Mostly: out of file descriptors. Some connection will end.
                    tracing::warn!(%error, "cannot accept an HTTP connection");
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
            }
        }
    }

    fn take<S>(&self, stream: S, entrance: Entrance)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let stream = Stalled::new(stream, self.shared.settings.write_timeout);
        let shared = self.shared.clone();
        let Ok(slot) = self.slots.clone().try_acquire_owned() else {
            shared.metrics.connection_cut("too_many");
            tokio::spawn(refuse(stream));
            return;
        };
        let connection =
            Connection { service: Answering { shared, router: self.router.clone(), entrance }, _slot: slot };
        tokio::spawn(connection.run(stream, self.shutdown.clone()));
    }
}

/// Tells a client that all connections are taken. It takes one write into an empty buffer, or is given up.
async fn refuse<S: AsyncWrite + Unpin>(mut stream: S) {
    let problem = Problem::new(Kind::Busy, "this node has as many HTTP connections as http.max_connections allows");
    let _ = tokio::time::timeout(Duration::from_secs(1), async {
        stream.write_all(&problem.to_raw()).await?;
        stream.shutdown().await
    })
    .await;
}

/// One connection and its place among those allowed.
struct Connection {
    service: Answering,
    _slot: OwnedSemaphorePermit,
}

impl Connection {
    async fn run<S>(self, stream: S, shutdown: watch::Receiver<bool>)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let shared = self.service.shared.clone();
        shared.metrics.connections(1);
        let mut connection = http1::Builder::new()
            .timer(Alarm::new())
            .header_read_timeout(shared.settings.header_timeout)
            .max_buf_size(shared.settings.header_bytes + HYPER_SPARE)
            .serve_connection(TokioIo::new(stream), self.service);
        let news = shutdown.clone();
        let mut stop = pin!(stopped(shutdown));
        let (mut listening, mut stopping) = (false, false);
        let ended = poll_fn(|cx| {
            // Asked once, it wakes this task; until there is news it need not be asked again at each request.
            let look = !stopping && (!std::mem::replace(&mut listening, true) || news.has_changed().unwrap_or(true));
            if look && stop.as_mut().poll(cx).is_ready() {
                stopping = true;
                Pin::new(&mut connection).graceful_shutdown();
            }
            connection.poll_without_shutdown(cx)
        })
        .await;
        let parts = connection.into_parts();
        let mut stream = parts.io.into_inner();
        if let Err(error) = ended {
            shared.metrics.connection_cut(cut_word(&error));
            // A client that began a request and did not finish it is told; one that was merely idle is not.
            if error.is_timeout() && !parts.read_buf.is_empty() {
                let problem = Problem::new(Kind::Slow, "the request's head did not arrive in time; send it at once");
                let _ = stream.write_all(&problem.to_raw()).await;
            }
        }
        let _ = stream.shutdown().await;
        shared.metrics.connections(-1);
    }
}

fn cut_word(error: &hyper::Error) -> &'static str {
    if error.is_timeout() {
        "slow_head"
    } else if error.is_parse_too_large() {
        "head_too_large"
    } else if error.is_parse() {
        "not_http"
    } else if error.is_incomplete_message() {
        "gone"
    } else {
        "other"
    }
}

type Reply = Response<Either<Plain, Body>>;

/// What answers on one connection: the read of one entry directly, everything else through the router.
struct Answering {
    shared: Arc<Shared>,
    router: TowerToHyperService<axum::Router>,
    entrance: Entrance,
}

impl Answering {
    /// Decides whether a request is answered at all: from its head and its caller, before anything is looked up.
    fn admit(&self, request: &Request<Incoming>) -> Result<Cow<'_, Permit>, Denied> {
        let (method, uri, headers) = (request.method(), request.uri(), request.headers());
        let bad = |problem| Denied { problem, reason: None };
        let marks = check_head(uri, headers, self.shared.settings.header_bytes).map_err(bad)?;
        self.entrance.guard.check(marks, method, uri, headers).map_err(|problem| {
            let reason = if problem.kind == Kind::Host { "host" } else { "origin" };
            let reason = matches!(problem.kind, Kind::Host | Kind::Origin).then_some(reason);
            Denied { problem, reason }
        })?;
        if !self.entrance.local
            && let Some(denied) = access::not_over_tcp(uri)
        {
            return Err(denied);
        }
        // A token is what its bearer wants to be judged by, also where the socket would give more.
        let token = if marks.authorization { self.shared.callers.bearer(headers, now_ms())? } else { None };
        let permit = match (token, &self.entrance.permit) {
            (Some(permit), _) => Cow::Owned(permit),
            (None, Some(permit)) => Cow::Borrowed(permit),
            (None, None) => return Err(Callers::no_token()),
        };
        access::judge(&permit, method, uri)?;
        Ok(permit)
    }

    /// Counts and logs a refusal. What was shown as a token is in neither.
    fn refuse(&self, mut asked: Asked, denied: Denied) -> Reply {
        if let Some(reason) = denied.reason {
            self.shared.metrics.denied(reason);
            let who = self.entrance.permit.as_ref().map(|permit| permit.who().to_string());
            tracing::debug!(reason, route = asked.route, method = asked.method, connection = ?who, "request denied");
        }
        // Nor does a stranger learn from it whether something changed.
        asked.path_is_api = false;
        Self::finish(&self.shared, &asked, denied.problem.into_response().map(Either::Right))
    }

    /// Counts the answer and sees to it that it carries the freshness headers.
    fn finish(shared: &Shared, asked: &Asked, mut reply: Reply) -> Reply {
        if asked.path_is_api {
            shared.stamps.put_missing(reply.headers_mut(), &shared.door);
        }
        if !asked.whole {
            // A digest of more than may be read lets its reader try out what the rest could be.
            reply.headers_mut().remove(driftless_client::api::header::DIGEST);
        }
        reply.headers_mut().insert(axum::http::header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        let status = status_class(reply.status().as_u16());
        let counted = Counted { route: asked.route, method: asked.method, status };
        shared.metrics.request(&counted, asked.at.elapsed().as_secs_f64());
        reply
    }
}

/// What is remembered of a request until its answer is counted.
struct Asked {
    route: &'static str,
    method: &'static str,
    path_is_api: bool,
    /// Whether the caller may read everything.
    whole: bool,
    at: Instant,
}

impl Asked {
    fn of(request: &Request<Incoming>) -> Self {
        let path = request.uri().path();
        Self {
            route: routes::template(path),
            method: method_word(request.method()),
            path_is_api: path.starts_with("/v1/"),
            whole: false,
            at: Instant::now(),
        }
    }
}

impl Service<Request<Incoming>> for Answering {
    type Response = Reply;
    type Error = Infallible;
    type Future = Soon<Pin<Box<dyn Future<Output = Result<Reply, Infallible>> + Send>>>;

    fn call(&self, mut request: Request<Incoming>) -> Self::Future {
        let mut asked = Asked::of(&request);
        let permit = match self.admit(&request) {
            Ok(permit) => permit,
            Err(denied) => return Soon::Now(Some(self.refuse(asked, denied))),
        };
        asked.whole = permit.is_whole();
        if let Some(reply) = entry::read_directly(&self.shared, &request) {
            return Soon::Now(Some(Self::finish(&self.shared, &asked, reply.map(Either::Left))));
        }
        request.extensions_mut().insert(permit.into_owned());
        let answer = self.router.call(request);
        let shared = self.shared.clone();
        Soon::Later(Box::pin(async move {
            let Ok(reply) = answer.await;
            Ok(Self::finish(&shared, &asked, reply.map(Either::Right)))
        }))
    }
}

/// An answer that is there already, or a future of one. Spares the hot read an allocation.
enum Soon<F> {
    Now(Option<Reply>),
    Later(F),
}

impl<F: Future<Output = Result<Reply, Infallible>> + Unpin> Future for Soon<F> {
    type Output = Result<Reply, Infallible>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut std::task::Context<'_>) -> std::task::Poll<Self::Output> {
        match &mut *self {
            Self::Now(reply) => match reply.take() {
                Some(reply) => std::task::Poll::Ready(Ok(reply)),
                // Polled again after it was ready: nobody may do that, and nobody is told anything.
                None => std::task::Poll::Pending,
            },
            Self::Later(future) => Pin::new(future).poll(cx),
        }
    }
}

/// Bounds a request's head, and looks at each of its fields once.
fn check_head(uri: &Uri, headers: &HeaderMap, max: usize) -> Answer<Marks> {
    let target = uri.path_and_query().map_or(0, |target| target.as_str().len());
    if target > TARGET_BYTES {
        let detail = format!("the request target has {target} bytes; at most {TARGET_BYTES} are taken");
        return Err(Problem::new(Kind::Target, detail));
    }
    if headers.len() > HEADER_FIELDS {
        let detail = format!("the request has {} header fields; at most {HEADER_FIELDS} are taken", headers.len());
        return Err(Problem::new(Kind::Headers, detail));
    }
    let (mut bytes, mut marks) = (0, Marks::default());
    for (name, value) in headers {
        let name = name.as_str();
        bytes += name.len() + value.len() + 4;
        marks.note(name, value);
    }
    if bytes > max {
        let detail = format!("the request's header fields have {bytes} bytes; at most {max} are taken");
        return Err(Problem::new(Kind::Headers, detail));
    }
    Ok(marks)
}

fn method_word(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::POST => "POST",
        _ => "other",
    }
}

fn status_class(status: u16) -> &'static str {
    match status {
        100..=199 => "1xx",
        200..=299 => "2xx",
        300..=399 => "3xx",
        400..=499 => "4xx",
        _ => "5xx",
    }
}
