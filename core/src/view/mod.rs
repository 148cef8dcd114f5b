//! The view: an immutable snapshot of effective values. Reads never lock and never wait. It knows nothing of statements'
//! insides, of Automerge or of how a value came to be.

mod activate;
mod effective;
mod revision;
mod snapshot;

pub use activate::{Candidate, activate};
pub use effective::Effective;
pub use revision::Revision;
pub use snapshot::{EntryView, Since, View, etag};
