//! HTTP by hand: requests as the bytes that they are, so that wrong ones can be sent.

use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpStream, UnixStream};

use super::World;

const PATIENCE: Duration = Duration::from_secs(60);

/// An answer as it came.
#[derive(Debug, Clone, Default)]
pub struct Reply {
    /// 0: the connection was closed without an answer.
    pub status: u16,
    pub head: String,
    pub body: Vec<u8>,
}

impl Reply {
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        let lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines.into_iter().find(|(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }

    /// The word of the problem in the body.
    pub fn problem(&self) -> String {
        assert_eq!(self.header("content-type"), Some("application/problem+json"), "{self:?}");
        let problem = self.json();
        assert_eq!(problem["status"], self.status, "{problem}");
        assert!(problem["detail"].as_str().unwrap().len() > 10, "{problem}");
        problem["type"].as_str().unwrap().strip_prefix("urn:driftless:problem:").unwrap().to_owned()
    }
}

/// Reads one answer. Whatever breaks the connection ends it.
pub async fn read(stream: &mut (impl AsyncRead + Unpin)) -> Reply {
    tokio::time::timeout(PATIENCE, read_forever(stream)).await.expect("an answer within the test's patience")
}

async fn read_forever(stream: &mut (impl AsyncRead + Unpin)) -> Reply {
    let mut bytes = Vec::new();
    let end = loop {
        if let Some(at) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            break at + 4;
        }
        if !more(stream, &mut bytes).await {
            assert!(bytes.is_empty(), "half a head: {:?}", String::from_utf8_lossy(&bytes));
            return Reply::default();
        }
    };
    let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
    let mut reply =
        Reply { status: head.split(' ').nth(1).unwrap().parse().unwrap(), head, body: bytes[end..].to_vec() };
    let length: usize = reply.header("content-length").map_or(0, |text| text.parse().unwrap());
    while reply.body.len() < length && more(stream, &mut reply.body).await {}
    reply
}

pub async fn more(stream: &mut (impl AsyncRead + Unpin), bytes: &mut Vec<u8>) -> bool {
    matches!(stream.read_buf(bytes).await, Ok(count) if count > 0)
}

/// A request as text.
pub fn request(method: &str, target: &str, headers: &[(&str, &str)], body: &str) -> Vec<u8> {
    let mut text = format!("{method} {target} HTTP/1.1\r\n");
    if !headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("host")) {
        text.push_str("host: localhost\r\n");
    }
    for (name, value) in headers {
        text.push_str(&format!("{name}: {value}\r\n"));
    }
    if !body.is_empty() || method == "PUT" || method == "PATCH" || method == "POST" {
        text.push_str(&format!("content-length: {}\r\n", body.len()));
    }
    text.push_str("\r\n");
    text.push_str(body);
    text.into_bytes()
}

/// Sends bytes and reads one answer; what is not taken is not sent.
pub async fn exchange(stream: &mut (impl AsyncRead + AsyncWrite + Unpin), bytes: &[u8]) -> Reply {
    let _ = stream.write_all(bytes).await;
    read(stream).await
}

impl World {
    pub async fn unix(&self) -> UnixStream {
        UnixStream::connect(&self.socket).await.unwrap()
    }

    pub async fn tcp(&self) -> TcpStream {
        TcpStream::connect(self.tcp).await.unwrap()
    }

    /// One request on a new connection to the Unix socket.
    pub async fn ask(&self, method: &str, target: &str, headers: &[(&str, &str)], body: &str) -> Reply {
        self.send(&request(method, target, headers, body)).await
    }

    pub async fn get(&self, target: &str) -> Reply {
        self.ask("GET", target, &[], "").await
    }

    pub async fn send(&self, bytes: &[u8]) -> Reply {
        let mut stream = self.unix().await;
        exchange(&mut stream, bytes).await
    }

    /// One request on a new TCP connection, with the right `Host` when none is given.
    pub async fn ask_tcp(&self, method: &str, target: &str, headers: &[(&str, &str)], body: &str) -> Reply {
        let mut stream = self.tcp().await;
        let host = format!("127.0.0.1:{}", self.tcp.port());
        let mut with_host = vec![("host", host.as_str())];
        if headers.iter().any(|(name, _)| *name == "host") {
            with_host.clear();
        }
        with_host.extend_from_slice(headers);
        exchange(&mut stream, &request(method, target, &with_host, body)).await
    }
}
