//! What peers say to each other: requests, responses and gossip, as versioned canonical CBOR. It only reads and writes
//! messages; it must not know what anybody answers, or why. Every decoder is total and bounded before it allocates.

mod gossip;
pub(crate) mod item;
mod request;
mod response;

pub use gossip::Gossip;
pub use item::{BadMessage, Word};
pub use request::Request;
pub use response::{Part, Response};

/// Version of the messages; a node reads its own version only and refuses others by name.
pub const WIRE_VERSION: u64 = 1;
/// Bytes of a request or a response: twice the largest batch of statements, so framing never decides.
pub const MESSAGE_BYTES: usize = 1024 * 1024;
/// Bytes of a gossip payload: a statement small enough to be flooded, its signature, and the framing.
pub const GOSSIP_MESSAGE_BYTES: usize = driftless_statement::limits::GOSSIP_BYTES + 256;
/// CBOR items in one message: a full batch with its refusals needs about 800. Bounds what a decoder allocates.
pub const MESSAGE_ITEMS: usize = 2_048;
/// Ids in one question who holds what: 128 KiB.
pub const HAS_IDS: usize = 4_096;
/// Ids in one announcement.
pub const ANNOUNCE_IDS: usize = 256;
/// Bytes of a beacon, signature included.
pub const BEACON_BYTES: usize = 4 * 1024;
/// The word for what was pushed over an intake rate: whoever refused it asks for it later, so nobody pushes on.
pub const DELAYED: &str = "delayed";
/// Bytes of a word that names a reason.
pub const WORD_BYTES: usize = 32;
