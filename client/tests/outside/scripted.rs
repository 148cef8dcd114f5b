//! A node's side of the socket, driven by the test byte by byte: what a real one cannot be made to do on demand.

use std::path::{Path, PathBuf};
use std::time::Duration;

use driftless_client::Endpoint;
use driftless_client::api::{Item, WatchEvent};
use driftless_statement::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{UnixListener, UnixStream};

/// Longer than anything here takes on a busy machine.
pub const SOON: Duration = Duration::from_secs(60);

/// Waits for something that must come.
pub async fn soon<T>(what: impl Future<Output = T>) -> T {
    tokio::time::timeout(SOON, what).await.expect("did not happen in time")
}

/// A listening socket.
pub struct Node {
    listener: UnixListener,
    path: PathBuf,
}

impl Node {
    pub fn listen(path: &Path) -> Self {
        let _ = std::fs::remove_file(path);
        Self { listener: UnixListener::bind(path).unwrap(), path: path.to_owned() }
    }

    pub fn endpoint(&self) -> Endpoint {
        Endpoint::Unix(self.path.clone())
    }

    /// The next request.
    pub async fn request(&self) -> Request {
        let (mut stream, _) = soon(self.listener.accept()).await.unwrap();
        let head = read_head(&mut stream).await;
        Request { stream, head }
    }
}

async fn read_head(stream: &mut UnixStream) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(soon(stream.read_u8()).await.unwrap());
    }
    String::from_utf8(head).unwrap()
}

/// A request that waits for its answer.
pub struct Request {
    stream: UnixStream,
    pub head: String,
}

impl Request {
    pub fn header(&self, name: &str) -> Option<&str> {
        let named = |line: &&str| line.to_ascii_lowercase().starts_with(&format!("{name}:"));
        self.head.lines().find(named).and_then(|line| line.split_once(": ")).map(|(_, value)| value)
    }

    /// Answers with bytes as they are.
    pub async fn raw(&mut self, bytes: &[u8]) {
        soon(self.stream.write_all(bytes)).await.unwrap();
    }

    /// Answers whole.
    pub async fn answer(mut self, status: &str, media: &str, body: &str) {
        let head = format!("HTTP/1.1 {status}\r\ncontent-type: {media}\r\ncontent-length: {}\r\n\r\n", body.len());
        self.raw(format!("{head}{body}").as_bytes()).await;
    }

    /// Begins a stream of events.
    pub async fn stream(&mut self) {
        self.raw(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n").await;
    }

    /// Sends an event.
    pub async fn event(&mut self, event: &WatchEvent, id: Option<&str>) {
        let id = id.map(|id| format!("id: {id}\n")).unwrap_or_default();
        self.raw(format!("{id}data: {}\n\n", serde_json::to_string(event).unwrap()).as_bytes()).await;
    }

    /// Sends a whole state.
    pub async fn state(&mut self, entries: &[(&str, &str)], revision: &str) {
        self.event(&WatchEvent::Reset { reason: "test".into() }, None).await;
        for (path, value) in entries {
            self.event(&put(path, value, revision), None).await;
        }
        self.event(&WatchEvent::Synced { revision: revision.into() }, Some(revision)).await;
    }
}

/// A put event.
pub fn put(path: &str, value: &str, revision: &str) -> WatchEvent {
    WatchEvent::Put(item(path, value, revision))
}

/// An entry.
pub fn item(path: &str, value: &str, revision: &str) -> Item {
    let value: Value = json::parse(value.as_bytes()).unwrap();
    let etag = json::to_string(&value);
    Item { path: path.parse().unwrap(), value, etag, revision: revision.into(), differs: false, conflicts: 0 }
}
