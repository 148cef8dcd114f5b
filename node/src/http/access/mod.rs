//! Who may do what over the local API. A caller becomes a [`Permit`] once, at the door: by the user behind a Unix socket, by
//! a token, or by the TCP port alone. What a route needs is decided from the permit and the request's target alone, before
//! anything is looked up, so that no answer tells the forbidden from the absent. It must not know what entries hold.

mod bearer;
mod hide;
mod need;
mod peers;
mod permit;
mod tokens;

use std::sync::Arc;

use axum::http::HeaderMap;

use super::problem::{Kind, Problem};
use crate::config::Access;
use crate::metrics::Metrics;

pub use need::{judge, not_over_tcp};
pub use peers::{AccessError, Peers};
pub use permit::{Permit, Who};
pub use tokens::Lease;

use tokens::Tokens;

/// A refusal, with the word that it is counted under.
pub struct Denied {
    /// What the caller is told.
    pub problem: Box<Problem>,
    /// One of a few words; `None`: the request was bad, whoever sent it.
    pub reason: Option<&'static str>,
}

impl Denied {
    fn new(kind: Kind, reason: &'static str, detail: impl Into<String>) -> Self {
        Self { problem: Problem::new(kind, detail), reason: Some(reason) }
    }
}

/// All that is known about callers.
pub struct Callers {
    peers: Peers,
    tokens: Arc<Tokens>,
}

impl Callers {
    /// Resolves roles, and reads the file of tokens for the first time.
    pub fn new(access: &Access, metrics: Arc<Metrics>) -> Result<Self, AccessError> {
        Ok(Self { peers: Peers::resolve(access)?, tokens: Arc::new(Tokens::open(&access.tokens_file, metrics)) })
    }

    /// What the user behind a connection to the Unix socket may do. `None`: the system did not say who it is.
    pub fn unix(&self, peer: Option<(u32, u32)>) -> Permit {
        self.peers.unix(peer)
    }

    /// What whoever comes over TCP may do without a token. `None`: a token is needed.
    pub fn tcp(&self) -> Option<Permit> {
        self.peers.tcp()
    }

    /// What the token in a request may do; `None`: there is none.
    pub fn bearer(&self, headers: &HeaderMap, now_ms: u64) -> Result<Option<Permit>, Denied> {
        bearer::permit(headers, &self.tokens, now_ms)
    }

    /// The refusal of a caller who has to show a token and did not.
    pub fn no_token() -> Denied {
        bearer::none()
    }

    /// What is wrong with the file of tokens, if something is.
    pub fn complaint(&self) -> Option<String> {
        self.tokens.complaint()
    }

    /// Reads the file of tokens again whenever it changed, for ever.
    pub async fn follow(&self) {
        self.tokens.follow().await;
    }
}
