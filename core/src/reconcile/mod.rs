//! Reconciliation: the exact difference of two sets of statement ids at a cost that follows the difference, not the sets.
//! It knows ids and wire messages. It must not know what statements say, trust, connections, or when to begin.
//!
//! Need: gossip loses messages, so peers must find out what one of them lacks, cheaply when that is little. Idea: each
//! side keeps rateless coded symbols of its set; subtracting two prefixes leaves the symbols of the difference, which peel
//! apart when there are about 1.4 symbols a difference. A session asks for digest and first symbols in one round trip, and
//! for the right number of symbols, sized by an estimator, in the second. When symbols fail (too many differences, a liar,
//! ground ids), ranges of ids are compared by digest and listed: dearer, but it always ends and always moves on.

pub mod limits;
mod outcome;
mod peel;
mod respond;
mod session;
mod short;
mod sketch;
mod summary;

pub use outcome::{End, Outcome};
pub use peel::{Decoded, NeedMore, decode};
pub use respond::{Shelf, answer};
pub use session::{Lookup, Session, Step};
pub use short::{Element, Indices, Short, SketchKey, Symbol};
pub use sketch::{Estimate, Sketch, symbols_for};
pub(crate) use summary::Set;
pub use summary::Summary;
