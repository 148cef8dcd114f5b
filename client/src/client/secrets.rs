//! What concerns secrets: having the node open one, and asking for its recipient.

use driftless_statement::{Path, PublicKey};
use hyper::Method;
use hyper::body::Bytes;
use hyper::header::{ACCEPT, ETAG};
use serde::Deserialize;
use zeroize::Zeroizing;

use super::{Client, build};
use crate::error::ClientError;
use crate::route;

/// A secret that the node opened. It has no `Debug`.
pub struct Opened {
    /// The secret.
    pub bytes: Zeroizing<Vec<u8>>,
    /// The entity tag of the entry that it was read from; empty when the node did not say.
    pub etag: String,
}

/// Whom to seal to so that a node can open it.
#[derive(Debug, Clone, Deserialize)]
pub struct NodeRecipient {
    /// The node's key.
    pub node: PublicKey,
    /// Its age recipient; empty: a node of an earlier version.
    #[serde(default)]
    pub recipient: String,
}

impl Client {
    /// A secret, opened by the node: only over its Unix socket, and for who may.
    pub async fn secret(&self, path: &Path) -> Result<Opened, ClientError> {
        let request = self.request(Method::GET, &route::secret(path)).header(ACCEPT, route::WIRE);
        let answer = self.transport.exchange(build(request, Bytes::new())?).await?;
        if !answer.head.status.is_success() {
            return Err(self.problem(&answer));
        }
        let tag = answer.head.headers.get(ETAG).and_then(|tag| tag.to_str().ok()).unwrap_or_default();
        let etag = tag.trim_start_matches("W/").trim_matches('"').to_owned();
        // The buffer itself and no copy of it, as nobody else holds it.
        Ok(Opened { bytes: Zeroizing::new(Vec::from(answer.body)), etag })
    }

    /// The node's own recipient.
    pub async fn recipient(&self) -> Result<NodeRecipient, ClientError> {
        self.get(route::STATUS).await
    }
}
