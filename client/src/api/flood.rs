//! Authors that sign faster than a node takes in.

use driftless_statement::PublicKey;
use serde::{Deserialize, Serialize};

/// An author that is or was over its intake rate, as far as one node saw.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Flood {
    /// The author.
    #[schema(value_type = String)]
    pub author: PublicKey,
    /// Since when it was signing faster than the rate, RFC 3339, by the node's clock: before it, nothing was a flood.
    pub since: String,
    /// When something of it was delayed last, RFC 3339.
    pub last: String,
    /// How often something of it was delayed. Nothing of it was lost.
    pub delayed: u64,
    /// Whether it is over its rate now.
    pub now: bool,
}

impl Flood {
    /// The command that prepares the end of it.
    pub fn remedy(&self) -> String {
        remedy(&self.author)
    }
}

/// The command that prepares the revocation of an author that floods: it keeps what the author said before.
pub fn remedy(author: &PublicKey) -> String {
    format!("driftless revoke {author} --flood --to revocation.bundle")
}
