//! Monotonic reads: what services of one node read never goes back, across views and across the lives of its process. The
//! heads of each entry are, or follow, the heads shown before.

use std::collections::BTreeMap;
use std::sync::Arc;

use driftless_core::machine::Machine;
use driftless_core::view::{Since, View};
use driftless_statement::{Path, Prefix};

use super::history::{follows, is_fit};
use super::per_node::PerNode;
use super::{Check, Scene, Seen};

/// The rule.
#[derive(Default)]
pub struct Monotonic {
    shown: PerNode<Option<Arc<View>>>,
    merged: u64,
    lives: u64,
}

impl Check for Monotonic {
    fn name(&self) -> &'static str {
        "monotonic-reads"
    }

    fn source(&self) -> &'static str {
        "threats P18; Terry et al. 1994 (session guarantees)"
    }

    fn look(&mut self, scene: &Scene, seen: &Seen) -> Result<(), String> {
        match seen {
            Seen::Shown => self.shown(scene),
            // Its disk holds less than what it showed: no software can bring that back alone.
            Seen::Forgot => {
                self.shown.forget(scene.at);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn sometimes(&self) -> BTreeMap<&'static str, u64> {
        BTreeMap::from([
            ("an entry was shown with several heads", self.merged),
            ("a process showed no less than its life before", self.lives),
        ])
    }
}

impl Monotonic {
    fn shown(&mut self, scene: &Scene) -> Result<(), String> {
        let (new, Some(machine)) = (&scene.node().shown, &scene.node().machine) else { return Ok(()) };
        let Some(old) = self.shown.of(scene.at).replace(new.clone()) else { return Ok(()) };
        match new.revision().covers(&old.revision()) {
            None => return Ok(()),
            Some(false) => return Err(format!("view {} follows {}", new.revision(), old.revision())),
            Some(true) => {}
        }
        match new.since(&old.revision()) {
            Since::Changed(paths) => {
                for path in paths {
                    self.merged += u64::from(new.get(&path).is_some_and(|entry| entry.heads.len() > 1));
                    goes_on(scene, machine, &old, &path)?;
                }
            }
            Since::Behind => {
                self.lives += 1;
                let all = Prefix::all();
                for (path, _) in old.under(&all, None) {
                    goes_on(scene, machine, &old, path)?;
                }
            }
        }
        Ok(())
    }
}

/// An entry's heads in the view shown now follow those of the old one. A statement that counts no longer is another rule's,
/// and one that is unfit since an earlier one came in its entry shows no more by the rules.
fn goes_on(scene: &Scene, machine: &Machine, old: &View, path: &Path) -> Result<(), String> {
    let Some(before) = old.get(path) else { return Ok(()) };
    let now = scene.node().shown.get(path).map(|entry| entry.heads.clone()).unwrap_or_else(|| Arc::new([]));
    let gone = before.heads.iter().find(|head| !follows(scene.facts, path, &now, head) && is_fit(machine, head));
    match gone {
        None => Ok(()),
        Some(head) => Err(format!("{path} no longer shows, nor follows, {}", head.short())),
    }
}
