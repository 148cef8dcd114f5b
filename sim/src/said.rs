//! What a node says in a message, read once for all checks: reading is a good part of what they cost.

use driftless_core::beacon::{Beacon, Claim};
use driftless_core::wire::Gossip;
use driftless_statement::{PublicKey, Signed, StatementId};

use crate::facts::Facts;

/// What a message says, as far as checks look at it.
#[derive(Debug)]
pub enum Said {
    /// A beacon.
    Beacon {
        /// Names the message: the hash of its bytes.
        name: [u8; 32],
        /// What it tells.
        beacon: Box<Beacon>,
    },
    /// A statement, to everybody.
    Statement {
        /// Which.
        id: StatementId,
        /// Who signed it.
        author: PublicKey,
    },
    /// Word of large statements.
    Announced(Vec<StatementId>),
    /// Statements to one peer, who asked or is thought to lack them.
    Gave(Vec<StatementId>),
    /// What a peer pushed is safe here.
    Took(Vec<StatementId>),
    /// What cannot be read, and why.
    Nonsense(String),
}

impl Said {
    /// Reads what is published.
    pub fn published(bytes: &[u8], facts: &Facts) -> Self {
        match Gossip::decode(bytes) {
            Err(bad) => Self::Nonsense(format!("publishes what is no message: {bad}")),
            Ok(Gossip::Announce { ids, .. }) => Self::Announced(ids),
            Ok(Gossip::Statement { wire }) => {
                let known = Signed::id_of(&wire).and_then(|id| facts.made.get(&id));
                if let Some(made) = known.filter(|made| made.statement.wire() == wire) {
                    return Self::Statement { id: made.statement.id(), author: made.statement.statement().author };
                }
                match Signed::decode(&wire) {
                    Ok(signed) => Self::Statement { id: signed.id(), author: signed.statement().author },
                    Err(bad) => Self::Nonsense(format!("publishes what is no statement: {bad}")),
                }
            }
            Ok(Gossip::Beacon { bytes: inner }) => match Claim::decode(&inner) {
                Ok(claim) => {
                    let name = *blake3::hash(bytes).as_bytes();
                    Self::Beacon { name, beacon: Box::new(claim.into_beacon()) }
                }
                Err(bad) => Self::Nonsense(format!("sends a bad beacon: {bad}")),
            },
        }
    }
}
