//! Watchers miss nothing: whenever one has gone through what changed, its copy equals what it watches, however slow it was,
//! however often it was stuck, and whatever the node lived through meanwhile.

use std::collections::BTreeMap;

use super::{Check, Scene, Seen};

/// The rule.
#[derive(Default)]
pub struct Watchers {
    equal: u64,
    behind: u64,
}

impl Check for Watchers {
    fn name(&self) -> &'static str {
        "watchers-miss-nothing"
    }

    fn source(&self) -> &'static str {
        "design §6 (watchers); threats row 57"
    }

    fn look(&mut self, scene: &Scene, seen: &Seen) -> Result<(), String> {
        let Seen::Watched(equal) = seen else { return Ok(()) };
        if !equal {
            return Err(format!("a watcher's copy is not what view {} shows", scene.node().shown.revision()));
        }
        self.equal += 1;
        self.behind += scene.node().watchers.iter().map(|watcher| watcher.behind.saturating_sub(1)).max().unwrap_or(0);
        Ok(())
    }

    fn sometimes(&self) -> BTreeMap<&'static str, u64> {
        BTreeMap::from([
            ("a watcher's copy was compared", self.equal),
            ("a watcher had begun from the whole state again", self.behind),
        ])
    }
}
