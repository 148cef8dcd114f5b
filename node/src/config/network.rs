//! The sections about other machines and other processes: `[p2p]` and `[http]`.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use libp2p::Multiaddr;
use libp2p::multiaddr::Protocol;
use toml::Value;

use super::keys;
use super::layers::Environment;
use super::parse::{self, Refused};
use super::reader::Reader;
use super::{Http, P2p};

/// Bytes of a Unix socket's path: the system allows 107, a client's temporary names need some.
const SOCKET_PATH: usize = 100;
const SOCKET_NAME: &str = "driftless.sock";
/// A peer id that holds an Ed25519 key itself, as all of ours do, begins with these bytes.
const ED25519_PEER: [u8; 6] = [0x00, 0x24, 0x08, 0x01, 0x12, 0x20];

/// `[p2p]`
pub(super) fn p2p(reader: &mut Reader<'_>) -> Option<P2p> {
    let listen = reader.read(keys::P2P_LISTEN, |value| {
        let list = parse::addresses(value)?;
        list.iter().try_for_each(listenable)?;
        Ok(list)
    });
    let peers = reader.read(keys::P2P_PEERS, |value| {
        let list = parse::addresses(value)?;
        list.iter().try_for_each(names_its_peer)?;
        Ok(list)
    });
    let mdns = reader.read(keys::P2P_MDNS, parse::flag);
    let max_connections = reader.count(keys::P2P_MAX_CONNECTIONS);
    let max_memory_bytes = reader.bytes(keys::P2P_MAX_MEMORY_BYTES);
    let first_ban = reader.duration(keys::P2P_FIRST_BAN);
    let longest_ban = reader.duration(keys::P2P_LONGEST_BAN);
    Some(P2p {
        listen: listen?,
        peers: peers?,
        mdns: mdns?,
        max_connections: max_connections?,
        max_memory_bytes: max_memory_bytes?,
        first_ban: first_ban?,
        longest_ban: longest_ban?,
    })
}

fn listenable(address: &Multiaddr) -> Result<(), Refused> {
    let parts: Vec<Protocol<'_>> = address.iter().collect();
    match parts.as_slice() {
        [Protocol::Ip4(_) | Protocol::Ip6(_), Protocol::Tcp(_)] => Ok(()),
        [Protocol::Ip4(_) | Protocol::Ip6(_), Protocol::Udp(_), Protocol::QuicV1] => Ok(()),
        _ => Err((
            format!("{address} cannot be listened on"),
            "write /ip4/0.0.0.0/tcp/7474 or /ip4/0.0.0.0/udp/7474/quic-v1 (or /ip6/…)".to_owned(),
        )),
    }
}

fn names_its_peer(address: &Multiaddr) -> Result<(), Refused> {
    match address.iter().last() {
        Some(Protocol::P2p(peer)) if peer.to_bytes().starts_with(&ED25519_PEER) => Ok(()),
        Some(Protocol::P2p(_)) => Err((
            format!("{address} names a peer that is no Ed25519 key"),
            "copy the peer's address from its own `driftless status`".to_owned(),
        )),
        _ => Err((format!("{address} does not name its peer"), "add /p2p/ and the peer's id at its end".to_owned())),
    }
}

/// `[http]`
pub(super) fn http(reader: &mut Reader<'_>, environment: &Environment, data_dir: &Path) -> Option<Http> {
    let socket = match reader.given(keys::HTTP_SOCKET) {
        Some(_) => reader.path(keys::HTTP_SOCKET)?,
        None => default_socket(environment, data_dir),
    };
    if socket.as_os_str().len() > SOCKET_PATH {
        let limit = format!("{}: a socket's path has at most {SOCKET_PATH} bytes", socket.display());
        reader.conflict(keys::HTTP_SOCKET, &limit, "choose a shorter one, such as /run/driftless/driftless.sock");
    }
    let socket = Some(socket).filter(|path| !path.as_os_str().is_empty());
    let listen = reader.read(keys::HTTP_LISTEN, |value| loopback(parse::text(value)?));
    if socket.is_none() && reader.given(keys::HTTP_LISTEN).is_none() {
        reader.conflict(
            keys::HTTP_SOCKET,
            "is empty and http.listen is not set: nobody could connect",
            "set one of both",
        );
    }
    let socket_mode = reader.read(keys::HTTP_SOCKET_MODE, parse::mode);
    let allowed_hosts = reader.read(keys::HTTP_ALLOWED_HOSTS, hosts);
    let max_connections = reader.count(keys::HTTP_MAX_CONNECTIONS);
    let max_body_bytes = reader.bytes(keys::HTTP_MAX_BODY_BYTES);
    let max_header_bytes = reader.bytes(keys::HTTP_MAX_HEADER_BYTES);
    let header_timeout = reader.duration(keys::HTTP_HEADER_TIMEOUT);
    let request_timeout = reader.duration(keys::HTTP_REQUEST_TIMEOUT);
    let max_watchers = reader.count(keys::HTTP_MAX_WATCHERS);
    let watch_heartbeat = reader.duration(keys::HTTP_WATCH_HEARTBEAT);
    Some(Http {
        socket,
        listen,
        socket_mode: socket_mode?,
        allowed_hosts: allowed_hosts?,
        max_connections: max_connections?,
        max_body_bytes: max_body_bytes?,
        max_header_bytes: max_header_bytes?,
        header_timeout: header_timeout?,
        request_timeout: request_timeout?,
        max_watchers: max_watchers?,
        watch_heartbeat: watch_heartbeat?,
    })
}

fn default_socket(environment: &Environment, data_dir: &Path) -> PathBuf {
    let runtime = environment.get("RUNTIME_DIRECTORY").and_then(|list| list.split(':').next());
    let directory = runtime.or_else(|| environment.get("XDG_RUNTIME_DIR")).map_or(data_dir, Path::new);
    directory.join(SOCKET_NAME)
}

fn loopback(text: &str) -> Result<SocketAddr, Refused> {
    let address: SocketAddr = text
        .parse()
        .map_err(|_| ("must be an address and a port".to_owned(), "write 127.0.0.1:7475 or [::1]:7475".to_owned()))?;
    if address.ip().is_loopback() {
        return Ok(address);
    }
    let fix = "write 127.0.0.1:7475; to serve other machines, put a proxy that authenticates them in front";
    Err(("must be a loopback address: this interface is not encrypted".to_owned(), fix.to_owned()))
}

fn hosts(value: &Value) -> Result<Vec<String>, Refused> {
    let list = parse::texts(value)?;
    let fine = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '[' | ']' | ':');
    let bracketed = |host: &str| host.starts_with('[') && host.ends_with(']');
    let good = |host: &&&str| {
        !host.is_empty() && host.len() <= 255 && host.chars().all(fine) && (bracketed(host) || !host.contains(':'))
    };
    if list.is_empty() || list.iter().filter(good).count() != list.len() {
        let limit = "must be names or addresses of hosts, at least one, without port and without *";
        return Err((limit.to_owned(), "write [\"localhost\", \"127.0.0.1\", \"[::1]\"]".to_owned()));
    }
    Ok(list.into_iter().map(str::to_lowercase).collect())
}
