//! Values that are sealed to this node: the identity that opens them, the opening, and what is known of all sealed entries.
//! What was opened lives in buffers that are wiped, for one answer or one trial, and is kept nowhere. It must not know
//! HTTP, libp2p or redb, nor who may open what.

mod census;
mod follow;
mod keeper;
mod process;

pub use follow::Follower;
pub use keeper::{Keeper, Unopened};
pub use process::keep_to_itself;
