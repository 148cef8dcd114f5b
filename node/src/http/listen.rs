//! Sockets: a Unix socket with its mode set before anyone can open it, and a TCP port on loopback only.

use std::io;
use std::net::SocketAddr;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use tokio::net::{TcpListener, UnixListener, UnixStream};

use super::access::AccessError;
use super::settings::{HttpSettings, UnixSocket};

/// Why a socket could not be had. Nothing listens; a file that was there still is.
#[derive(Debug, thiserror::Error)]
pub enum HttpError {
    /// Some process answers on the socket.
    #[error("{0}: another process listens on this socket; stop it, or choose another path")]
    Taken(PathBuf),
    /// A file that is no socket lies there.
    #[error("{0}: a file that is no socket lies there; remove it, or choose another path")]
    NotASocket(PathBuf),
    /// The address is not on loopback.
    #[error("{0}: the HTTP API listens on loopback addresses only (127.0.0.1 or [::1])")]
    NotLoopback(SocketAddr),
    /// A role cannot be put in force.
    #[error("{0}")]
    Access(#[from] AccessError),
    /// The system refused.
    #[error("{what}: {error}")]
    Io {
        /// The path or address.
        what: String,
        /// Why.
        error: io::Error,
    },
}

fn failed(what: impl ToString) -> impl FnOnce(io::Error) -> HttpError {
    move |error| HttpError::Io { what: what.to_string(), error }
}

/// A Unix socket that removes its file when dropped, if the file is still its own.
pub struct Unix {
    listener: UnixListener,
    path: PathBuf,
    inode: (u64, u64),
}

impl Unix {
    async fn bind(socket: &UnixSocket) -> Result<Self, HttpError> {
        let path = &socket.path;
        let what = path.display();
        make_way(path).await?;
        // Bound under another name, given its mode, then moved into place: nobody can open it in between.
        let mut fresh = path.clone().into_os_string();
        fresh.push(".new");
        let fresh = PathBuf::from(fresh);
        make_way(&fresh).await?;
        remove(&fresh).map_err(failed(fresh.display()))?;
        let listener = UnixListener::bind(&fresh).map_err(failed(fresh.display()))?;
        std::fs::set_permissions(&fresh, std::fs::Permissions::from_mode(socket.mode)).map_err(failed(&what))?;
        std::fs::rename(&fresh, path).map_err(failed(&what))?;
        let inode = identity(path).map_err(failed(&what))?;
        Ok(Self { listener, path: path.clone(), inode })
    }

    /// The next connection.
    pub async fn accept(&self) -> io::Result<UnixStream> {
        self.listener.accept().await.map(|(stream, _)| stream)
    }
}

impl Drop for Unix {
    fn drop(&mut self) {
        if identity(&self.path).is_ok_and(|inode| inode == self.inode) {
            // Gone already is as good; a next start removes a stale one anyway.
            let _ = remove(&self.path);
        }
    }
}

fn identity(path: &Path) -> io::Result<(u64, u64)> {
    std::fs::symlink_metadata(path).map(|found| (found.dev(), found.ino()))
}

fn remove(path: &Path) -> io::Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Makes sure that what lies at a path, if anything, is a socket on which nobody answers.
async fn make_way(path: &Path) -> Result<(), HttpError> {
    let found = match std::fs::symlink_metadata(path) {
        Ok(found) => found,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(failed(path.display())(error)),
    };
    if !found.file_type().is_socket() {
        return Err(HttpError::NotASocket(path.to_owned()));
    }
    match UnixStream::connect(path).await {
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => Ok(()),
        // Answered, or its queue is full, or we may not even ask: somebody's.
        Ok(_) | Err(_) => Err(HttpError::Taken(path.to_owned())),
    }
}

/// Sockets that are bound and do not answer yet.
pub struct Listeners {
    pub(super) unix: Option<Unix>,
    pub(super) tcp: Option<TcpListener>,
    /// The TCP address really bound.
    pub tcp_address: Option<SocketAddr>,
}

impl Listeners {
    /// Binds what the settings name.
    pub async fn bind(settings: &HttpSettings) -> Result<Self, HttpError> {
        let unix = match &settings.unix {
            Some(socket) => Some(Unix::bind(socket).await?),
            None => None,
        };
        let tcp = match settings.tcp {
            Some(address) if !address.ip().is_loopback() => return Err(HttpError::NotLoopback(address)),
            Some(address) => Some(TcpListener::bind(address).await.map_err(failed(address))?),
            None => None,
        };
        let tcp_address = tcp.as_ref().and_then(|tcp| tcp.local_addr().ok());
        Ok(Self { unix, tcp, tcp_address })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(path: PathBuf) -> HttpSettings {
        HttpSettings { unix: Some(UnixSocket { path, mode: 0o600 }), ..HttpSettings::default() }
    }

    #[tokio::test]
    async fn a_stale_socket_is_replaced_and_a_living_one_is_not() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("door.sock");
        drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
        let first = Listeners::bind(&at(path.clone())).await.unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert!(matches!(Listeners::bind(&at(path.clone())).await, Err(HttpError::Taken(_))));
        UnixStream::connect(&path).await.unwrap();
        drop(first);
        assert!(!path.exists());
    }

    #[tokio::test]
    async fn a_file_is_never_removed() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("precious");
        std::fs::write(&path, "data").unwrap();
        assert!(matches!(Listeners::bind(&at(path.clone())).await, Err(HttpError::NotASocket(_))));
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "data");
        let link = dir.path().join("link.sock");
        std::os::unix::fs::symlink(&path, &link).unwrap();
        assert!(matches!(Listeners::bind(&at(link)).await, Err(HttpError::NotASocket(_))));
    }

    #[tokio::test]
    async fn only_loopback_is_bound() {
        let settings = HttpSettings { tcp: Some("0.0.0.0:0".parse().unwrap()), ..HttpSettings::default() };
        assert!(matches!(Listeners::bind(&settings).await, Err(HttpError::NotLoopback(_))));
        let settings = HttpSettings { tcp: Some("127.0.0.1:0".parse().unwrap()), ..HttpSettings::default() };
        assert!(Listeners::bind(&settings).await.unwrap().tcp_address.unwrap().port() > 0);
    }
}
