//! Revisions: which view of which store answered. They order the views of one store, across restarts, and no others.

use core::fmt;
use core::str::FromStr;

/// A view of one store: its boot and how many views came before in it. Views of later boots are later: what an earlier
/// boot acknowledged was on disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Revision {
    /// The store, by the random number it got when it was made.
    pub store: u64,
    /// Greater each time the store is opened: Unix seconds, or one more than the last.
    pub boot: u64,
    /// Views since then.
    pub count: u64,
}

/// A text that is no revision. Nothing was changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a revision looks like `5f3a09c2b1d4e6f8-12.345` (store, boot, count), as answers of this node carry it")]
pub struct BadRevision;

impl Revision {
    /// Whether this view includes everything that `other` showed. `None`: views of different stores cannot be compared.
    pub fn covers(&self, other: &Self) -> Option<bool> {
        (self.store == other.store).then_some((self.boot, self.count) >= (other.boot, other.count))
    }
}

impl fmt::Display for Revision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}-{}.{}", self.store, self.boot, self.count)
    }
}

impl FromStr for Revision {
    type Err = BadRevision;

    fn from_str(text: &str) -> Result<Self, BadRevision> {
        let (store, rest) = text.split_once('-').ok_or(BadRevision)?;
        let (boot, count) = rest.split_once('.').ok_or(BadRevision)?;
        if store.len() != 16 {
            return Err(BadRevision);
        }
        let revision = Self {
            store: u64::from_str_radix(store, 16).map_err(|_| BadRevision)?,
            boot: boot.parse().map_err(|_| BadRevision)?,
            count: count.parse().map_err(|_| BadRevision)?,
        };
        if revision.to_string() == text { Ok(revision) } else { Err(BadRevision) }
    }
}
