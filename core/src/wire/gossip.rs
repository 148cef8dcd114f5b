//! What floods through the gossip topic of a scope.

use driftless_statement::codec::Item;
use driftless_statement::statement::Bytes;
use driftless_statement::{Scope, StatementId, limits};

use super::item::{BadMessage, Fields, frame, pack_ids, scope, statement};
use super::{ANNOUNCE_IDS, BEACON_BYTES, GOSSIP_MESSAGE_BYTES};

/// A gossip payload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Gossip {
    /// A statement small enough to be flooded.
    Statement {
        /// Its wire bytes.
        wire: Bytes,
    },
    /// Statements held by the sender, to be fetched from it.
    Announce {
        /// Their scope.
        scope: Scope,
        /// Their ids, ascending, at least one.
        ids: Vec<StatementId>,
    },
    /// A beacon.
    Beacon {
        /// Its bytes, see [`crate::beacon::Beacon`].
        bytes: Vec<u8>,
    },
}

const STATEMENT: u64 = 0;
const ANNOUNCE: u64 = 1;
const BEACON: u64 = 2;

impl Gossip {
    /// The word for the kind, for metrics and logs.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Statement { .. } => "statement",
            Self::Announce { .. } => "announce",
            Self::Beacon { .. } => "beacon",
        }
    }

    /// The payload for a statement: itself when it is small, else its announcement.
    pub fn of(id: StatementId, name: &Scope, wire: Bytes) -> Self {
        if wire.len() <= limits::GOSSIP_BYTES {
            Self::Statement { wire }
        } else {
            Self::Announce { scope: name.clone(), ids: vec![id] }
        }
    }

    /// The bytes.
    pub fn encode(&self) -> Vec<u8> {
        match self {
            Self::Statement { wire } => frame(STATEMENT, [Item::bytes(wire)]),
            Self::Announce { scope: name, ids } => frame(ANNOUNCE, [scope(name), pack_ids(ids)]),
            Self::Beacon { bytes } => frame(BEACON, [Item::bytes(bytes)]),
        }
    }

    /// Reads the bytes: the exact inverse of [`Gossip::encode`].
    pub fn decode(bytes: &[u8]) -> Result<Self, BadMessage> {
        let mut fields = Fields::open(bytes, GOSSIP_MESSAGE_BYTES)?;
        let gossip = match fields.kind {
            STATEMENT => {
                let wire = fields.bytes("statement")?;
                if wire.len() > limits::GOSSIP_BYTES {
                    let max = limits::GOSSIP_BYTES;
                    return Err(BadMessage::TooMany { what: "bytes of a flooded statement", max, got: wire.len() });
                }
                Self::Statement { wire: statement(wire)? }
            }
            ANNOUNCE => Self::read_announce(&mut fields)?,
            BEACON => {
                let bytes = fields.bytes("beacon")?;
                match bytes.len() {
                    0..=BEACON_BYTES => Self::Beacon { bytes },
                    got => return Err(BadMessage::TooMany { what: "bytes of a beacon", max: BEACON_BYTES, got }),
                }
            }
            kind => return Err(BadMessage::Kind(kind)),
        };
        fields.close(gossip)
    }

    fn read_announce(fields: &mut Fields) -> Result<Self, BadMessage> {
        let (scope, ids) = (fields.scope()?, fields.ids("ids", ANNOUNCE_IDS)?);
        if ids.is_empty() { Err(BadMessage::Field("ids")) } else { Ok(Self::Announce { scope, ids }) }
    }
}
