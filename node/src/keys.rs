//! The node's own key: the same files as an operator's, read and written by the same code.

pub use driftless_client::keys::{KeyError, generate, load, save};
