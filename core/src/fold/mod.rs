//! The fold: from the set of authorised, due statements of a scope to its merged state.
mod conflict;
mod digest;
mod doc;
mod entry;
mod explain;
mod fate;
mod order;
mod replay;
mod scope;
mod size;

pub use conflict::{Conflict, LISTED, Side};
pub use entry::Entry;
pub use explain::{Explanation, Leaf, Past};
pub use fate::{Breach, Change, Fate, Limits, Member, Skipped};
pub use scope::ScopeFold;
