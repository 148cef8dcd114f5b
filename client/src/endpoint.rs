//! Where a node listens: a Unix socket or loopback TCP. It must not know how to speak to it.

use core::fmt;
use core::str::FromStr;
use std::path::PathBuf;

/// Where a node serves its HTTP interface.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Endpoint {
    /// A Unix socket, written `unix:/path/to/socket`.
    Unix(PathBuf),
    /// TCP, written `http://HOST:PORT`.
    Tcp {
        /// Name or address, without brackets.
        host: String,
        /// Port.
        port: u16,
    },
}

/// Why a text is no endpoint.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadEndpoint {
    /// Neither form.
    #[error("endpoint {0:?}: write `unix:/path/to/socket` or `http://127.0.0.1:PORT`")]
    Form(String),
    /// A socket path that depends on the working directory.
    #[error("endpoint {0:?}: the socket's path must be absolute, like `unix:/run/driftless/driftless.sock`")]
    Relative(String),
    /// HTTPS was asked for.
    #[error("endpoint {0:?}: a node speaks plain HTTP on loopback only; use http://, or a tunnel to the node's socket")]
    Https(String),
    /// No port, or no number from 1 to 65535.
    #[error("endpoint {0:?}: needs a port from 1 to 65535, like `http://127.0.0.1:7780`")]
    Port(String),
    /// Something follows the port.
    #[error("endpoint {0:?}: must end after the port, without a path")]
    Rest(String),
}

impl FromStr for Endpoint {
    type Err = BadEndpoint;

    fn from_str(text: &str) -> Result<Self, BadEndpoint> {
        if let Some(path) = text.strip_prefix("unix:") {
            let path = path.strip_prefix("//").unwrap_or(path);
            if path.contains('\0') {
                return Err(BadEndpoint::Form(text.to_owned()));
            }
            let path = PathBuf::from(path);
            return if path.is_absolute() { Ok(Self::Unix(path)) } else { Err(BadEndpoint::Relative(text.to_owned())) };
        }
        if text.starts_with("https://") {
            return Err(BadEndpoint::Https(text.to_owned()));
        }
        let rest = text.strip_prefix("http://").ok_or_else(|| BadEndpoint::Form(text.to_owned()))?;
        let authority = rest.strip_suffix('/').unwrap_or(rest);
        if authority.contains(['/', '?', '#']) {
            return Err(BadEndpoint::Rest(text.to_owned()));
        }
        let (host, port) = authority.rsplit_once(':').ok_or_else(|| BadEndpoint::Port(text.to_owned()))?;
        let port: u16 =
            port.parse().ok().filter(|port| *port != 0).ok_or_else(|| BadEndpoint::Port(text.to_owned()))?;
        let host = host.strip_prefix('[').and_then(|inner| inner.strip_suffix(']')).unwrap_or(host);
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | ':' | '_');
        if host.is_empty() || !host.chars().all(plain) {
            return Err(BadEndpoint::Form(text.to_owned()));
        }
        Ok(Self::Tcp { host: host.to_owned(), port })
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
            Self::Tcp { .. } => write!(f, "http://{}", self.authority()),
        }
    }
}

impl Endpoint {
    /// What a request's `Host` header says.
    pub fn authority(&self) -> String {
        match self {
            Self::Unix(_) => "localhost".to_owned(),
            Self::Tcp { host, port } if host.contains(':') => format!("[{host}]:{port}"),
            Self::Tcp { host, port } => format!("{host}:{port}"),
        }
    }
}

impl serde::Serialize for Endpoint {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> serde::Deserialize<'de> for Endpoint {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn reads_back_what_it_writes() {
        for text in ["unix:/run/driftless.sock", "http://127.0.0.1:7780", "http://[::1]:80", "http://localhost:65535"] {
            assert_eq!(text.parse::<Endpoint>().unwrap().to_string(), text);
        }
        assert_eq!("unix:///run/a.sock".parse::<Endpoint>().unwrap().to_string(), "unix:/run/a.sock");
        assert_eq!("http://127.0.0.1:1/".parse::<Endpoint>().unwrap().to_string(), "http://127.0.0.1:1");
    }

    #[test]
    fn refuses_what_it_cannot_reach() {
        let bad = |text: &str| text.parse::<Endpoint>().unwrap_err();
        assert!(matches!(bad("/run/a.sock"), BadEndpoint::Form(_)));
        assert!(matches!(bad("unix:a.sock"), BadEndpoint::Relative(_)));
        assert!(matches!(bad("https://127.0.0.1:1"), BadEndpoint::Https(_)));
        assert!(matches!(bad("http://127.0.0.1"), BadEndpoint::Port(_)));
        assert!(matches!(bad("http://127.0.0.1:0"), BadEndpoint::Port(_)));
        assert!(matches!(bad("http://127.0.0.1:65536"), BadEndpoint::Port(_)));
        assert!(matches!(bad("http://127.0.0.1:1/v1"), BadEndpoint::Rest(_)));
        assert!(matches!(bad("http://us er:1"), BadEndpoint::Form(_)));
        assert!(matches!(bad("http://:1"), BadEndpoint::Form(_)));
    }
}
