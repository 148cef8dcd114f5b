//! One HTTP/1.1 exchange with a node over hyper, on a Unix socket or TCP, with idle connections kept for the next one.
//! It must not know routes or what bodies mean.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use http_body_util::{BodyExt, Full, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1::{self, SendRequest};
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpStream, UnixStream};

use crate::clock;
use crate::endpoint::Endpoint;
use crate::error::ClientError;

/// The largest answer that is read whole: a page of the largest entries, with room. Guards a client against its node.
const ANSWER_BYTES: usize = 256 * 1024 * 1024;
/// Idle connections kept. A guess: what a handful of tasks use at once.
const IDLE: usize = 4;

type Sender = SendRequest<Full<Bytes>>;

/// Sends requests to one endpoint. Cheap to clone.
#[derive(Clone)]
pub struct Transport {
    endpoint: Arc<Endpoint>,
    idle: Arc<Mutex<Vec<Sender>>>,
    timeout: Duration,
}

/// A whole answer.
pub struct Answer {
    /// Status, version and headers.
    pub head: hyper::http::response::Parts,
    /// The body.
    pub body: Bytes,
}

impl Answer {
    /// A header's text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.head.headers.get(name).and_then(|value| value.to_str().ok())
    }
}

impl Transport {
    /// A transport; each exchange may take `timeout`.
    pub fn new(endpoint: Endpoint, timeout: Duration) -> Self {
        Self { endpoint: Arc::new(endpoint), idle: Arc::default(), timeout }
    }

    /// Where requests go.
    pub fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// Sends a request and reads the whole answer.
    pub async fn exchange(&self, request: Request<Full<Bytes>>) -> Result<Answer, ClientError> {
        self.in_time(async {
            let (response, sender) = self.send(request).await?;
            let (head, body) = response.into_parts();
            let collected = Limited::new(body, ANSWER_BYTES).collect().await;
            let body = collected.map_err(|error| self.unreachable(&*error))?.to_bytes();
            self.keep(sender);
            Ok(Answer { head, body })
        })
        .await
    }

    /// Sends a request and gives back the answer with its body still to come; only the head must come in time.
    pub async fn stream(&self, request: Request<Full<Bytes>>) -> Result<Response<Incoming>, ClientError> {
        let (response, _) = self.in_time(self.send(request)).await?;
        Ok(response)
    }

    async fn in_time<T>(&self, work: impl Future<Output = Result<T, ClientError>>) -> Result<T, ClientError> {
        match tokio::time::timeout(self.timeout, work).await {
            Ok(outcome) => outcome,
            Err(_) => Err(ClientError::Timeout { endpoint: self.endpoint.to_string(), after: self.timeout }),
        }
    }

    /// Sends on an idle connection, or on a new one. A request that an idle connection gave back unsent goes out again;
    /// one that may have been sent never does.
    async fn send(&self, mut request: Request<Full<Bytes>>) -> Result<(Response<Incoming>, Sender), ClientError> {
        while let Some(mut sender) = self.take() {
            if sender.ready().await.is_err() {
                continue;
            }
            match sender.try_send_request(request).await {
                Ok(response) => return Ok((response, sender)),
                Err(mut failed) => match failed.take_message() {
                    Some(unsent) => request = unsent,
                    None => return Err(self.unreachable(failed.error())),
                },
            }
        }
        let mut sender = self.connect().await?;
        let response = sender.send_request(request).await.map_err(|error| self.unreachable(&error))?;
        Ok((response, sender))
    }

    async fn connect(&self) -> Result<Sender, ClientError> {
        match &*self.endpoint {
            Endpoint::Unix(path) => {
                let stream = UnixStream::connect(path).await.map_err(|error| self.unreachable(&error))?;
                self.shake_hands(TokioIo::new(stream)).await
            }
            Endpoint::Tcp { host, port } => {
                let stream =
                    TcpStream::connect((host.as_str(), *port)).await.map_err(|error| self.unreachable(&error))?;
                // Requests are small and wait for their answer: do not hold them back for more bytes.
                let _ = stream.set_nodelay(true);
                self.shake_hands(TokioIo::new(stream)).await
            }
        }
    }

    async fn shake_hands<T>(&self, stream: T) -> Result<Sender, ClientError>
    where
        T: hyper::rt::Read + hyper::rt::Write + Unpin + Send + 'static,
    {
        let (sender, connection) = http1::handshake(stream).await.map_err(|error| self.unreachable(&error))?;
        // Ends when the sender is dropped or the peer closes; who waits for an answer is told by hyper.
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "connection to the node ended");
            }
        });
        Ok(sender)
    }

    fn take(&self) -> Option<Sender> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.pop()
    }

    fn keep(&self, sender: Sender) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < IDLE && !sender.is_closed() {
            idle.push(sender);
        }
    }

    fn unreachable(&self, error: &(dyn std::error::Error + 'static)) -> ClientError {
        let mut reason = error.to_string();
        let mut source = error.source();
        while let Some(inner) = source {
            reason = format!("{reason}: {inner}");
            source = inner.source();
        }
        ClientError::Unreachable { endpoint: self.endpoint.to_string(), reason }
    }
}

impl core::fmt::Debug for Transport {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Transport({}, {})", self.endpoint, clock::span(self.timeout))
    }
}
