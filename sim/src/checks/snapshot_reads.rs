//! Snapshot reads: a service that reads several entries in one request reads one view. Two entries that are always written
//! together therefore always read alike.

use std::collections::BTreeMap;

use super::{Check, Scene, Seen};

/// The rule.
#[derive(Default)]
pub struct SnapshotReads {
    alike: u64,
}

impl Check for SnapshotReads {
    fn name(&self) -> &'static str {
        "snapshot-reads"
    }

    fn source(&self) -> &'static str {
        "threats P20; design §4 (a write is fit in all its entries or in none)"
    }

    fn look(&mut self, _: &Scene, seen: &Seen) -> Result<(), String> {
        let Seen::ReadPair(left, right) = seen else { return Ok(()) };
        if left != right {
            return Err(format!("one request read {left:?} and {right:?}, which are always written together"));
        }
        self.alike += u64::from(left.is_some());
        Ok(())
    }

    fn sometimes(&self) -> BTreeMap<&'static str, u64> {
        BTreeMap::from([("a pair was read and was alike", self.alike)])
    }
}
