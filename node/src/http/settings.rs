//! How the HTTP side is set up. Configuration is read elsewhere; every default names its reason.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use crate::config::{Access, Http};

/// The Unix socket that local services use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnixSocket {
    /// Where.
    pub path: PathBuf,
    /// File mode. While no role names a user, who may open the socket may read and write configuration: 0660 keeps
    /// strangers out.
    pub mode: u32,
}

/// Settings of the HTTP side.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpSettings {
    /// The Unix socket; `None`: none.
    pub unix: Option<UnixSocket>,
    /// A loopback TCP address; `None`: none. Any other address is refused: this API is for this machine.
    pub tcp: Option<SocketAddr>,
    /// Names that `Host` may give on TCP, without the port, which must be the one bound.
    pub hosts: Vec<String>,
    /// Who may do what. By default: on the Unix socket everything, over TCP nothing without a token.
    pub access: Access,
    /// The node's name, as `status` shows it.
    pub name: String,
    /// Connections at once. A local service needs one or two; this bounds memory to some hundred MiB at the worst.
    pub max_connections: usize,
    /// Watches at once; they hold their connection, so fewer than connections.
    pub max_watchers: usize,
    /// Bytes of a request body: a whole-value PUT of the largest entry as indented JSON, or a batch of statements.
    pub body_bytes: usize,
    /// Bytes of a request's header fields. The longest that makes sense is an `If-Match` with 64 tags: 3 KiB.
    pub header_bytes: usize,
    /// A request's head must arrive within this time; also how long an idle connection is kept. Long enough for a
    /// client that polls every few seconds.
    pub header_timeout: Duration,
    /// A request's body must arrive within this time.
    pub body_timeout: Duration,
    /// An answer (a watch excepted) must be found within this time. A write waits for the disk: a healthy one takes
    /// milliseconds.
    pub request_timeout: Duration,
    /// A client that takes no byte for so long is cut.
    pub write_timeout: Duration,
    /// Between two signs of life on a quiet watch.
    pub heartbeat: Duration,
    /// On shutdown, how long running answers may take.
    pub drain: Duration,
}

impl Default for HttpSettings {
    fn default() -> Self {
        Self {
            unix: None,
            tcp: None,
            hosts: ["localhost", "127.0.0.1", "[::1]"].map(str::to_owned).into(),
            access: Access::default(),
            name: String::new(),
            max_connections: 1024,
            max_watchers: 1024,
            body_bytes: 4 * 1024 * 1024,
            header_bytes: 16 * 1024,
            header_timeout: Duration::from_secs(5),
            body_timeout: Duration::from_secs(10),
            request_timeout: Duration::from_secs(30),
            write_timeout: Duration::from_secs(30),
            heartbeat: Duration::from_secs(5),
            drain: Duration::from_secs(5),
        }
    }
}

impl HttpSettings {
    /// What the configuration says, for a node of this name.
    pub fn of(http: &Http, access: &Access, name: &str) -> Self {
        let bytes = |bytes: u64| usize::try_from(bytes).unwrap_or(usize::MAX);
        Self {
            unix: http.socket.clone().map(|path| UnixSocket { path, mode: http.socket_mode }),
            tcp: http.listen,
            hosts: http.allowed_hosts.clone(),
            access: access.clone(),
            name: name.to_owned(),
            max_connections: bytes(http.max_connections.into()),
            max_watchers: bytes(http.max_watchers.into()),
            body_bytes: bytes(http.max_body_bytes),
            header_bytes: bytes(http.max_header_bytes),
            header_timeout: http.header_timeout,
            request_timeout: http.request_timeout,
            heartbeat: http.watch_heartbeat,
            ..Self::default()
        }
    }
}

/// Header fields of a request. Browsers and proxies send about twenty.
pub const HEADER_FIELDS: usize = 64;
/// Bytes of a request's target: the longest path fully percent-encoded is 1.5 KiB.
pub const TARGET_BYTES: usize = 4 * 1024;
/// Statements in one submission: what one redb commit takes without holding up other writers for long (a guess).
pub const SUBMIT_STATEMENTS: usize = 256;
/// Items on a page of a listing when the request does not say.
pub const PAGE_DEFAULT: usize = 100;
/// The most items on a page.
pub const PAGE_MAX: usize = 1000;
/// A page ends early when its values exceed this many bytes, so that 1,000 entries of 1 MiB are not one answer.
pub const PAGE_BYTES: usize = 4 * 1024 * 1024;
