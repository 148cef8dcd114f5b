//! Read your writes: from the moment a write is acknowledged, whoever reads on that node sees it or what follows it; and
//! the receipt names a view in which that is so.

use std::collections::BTreeMap;
use std::sync::Arc;

use driftless_core::machine::{Effect, Fate, SubmitOutcome};
use driftless_core::view::{Revision, View};
use driftless_statement::{Body, StatementId};

use super::history::{follows, is_fit, made};
use super::per_node::PerNode;
use super::{Check, Scene, Seen};

/// The rule.
#[derive(Default)]
pub struct OwnWrites {
    nodes: PerNode<Here>,
    read: u64,
}

#[derive(Default)]
struct Here {
    /// The last view that the machine gave out.
    latest: Option<Arc<View>>,
    /// Acknowledged in this event, with the view that the receipt names.
    acknowledged: Vec<(StatementId, Revision)>,
}

impl Check for OwnWrites {
    fn name(&self) -> &'static str {
        "read-your-writes"
    }

    fn source(&self) -> &'static str {
        "threats P19; Terry et al. 1994 (session guarantees)"
    }

    fn look(&mut self, scene: &Scene, seen: &Seen) -> Result<(), String> {
        match seen {
            Seen::Effect(effect) => self.effect(scene, effect),
            Seen::After => self.after(scene),
            Seen::Died => {
                self.nodes.forget(scene.at);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn sometimes(&self) -> BTreeMap<&'static str, u64> {
        BTreeMap::from([("a write was read back", self.read)])
    }
}

impl OwnWrites {
    fn effect(&mut self, scene: &Scene, effect: &Effect) -> Result<(), String> {
        let Some(machine) = &scene.node().machine else { return Ok(()) };
        match effect {
            Effect::Show(view) => {
                self.nodes.of(scene.at).latest = Some(view.clone());
                Ok(())
            }
            Effect::Wrote { outcome: Ok(receipt), .. } => {
                let Some(id) = receipt.id else { return Ok(()) };
                match &receipt.fate {
                    Some(Fate::Fit) => self.acknowledged(scene, id, receipt.revision),
                    // Another write that came first may have filled the entry meanwhile: the receipt says so.
                    Some(Fate::Unfit { .. }) => Ok(()),
                    fate => Err(format!("{} was acknowledged and is {fate:?}", id.short())),
                }
            }
            Effect::Submitted { outcome, .. } => outcome.iter().try_for_each(|outcome| match outcome {
                SubmitOutcome::Stored { id, revision } if is_fit(machine, id) => {
                    self.acknowledged(scene, *id, *revision)
                }
                _ => Ok(()),
            }),
            _ => Ok(()),
        }
    }

    /// The machine gave out the view that shows a write before it answered.
    fn acknowledged(&mut self, scene: &Scene, id: StatementId, revision: Revision) -> Result<(), String> {
        let here = self.nodes.of(scene.at);
        here.acknowledged.push((id, revision));
        match here.latest.clone() {
            Some(view) => self.reads(scene, &view, id, revision, "answered before the view came"),
            None => Ok(()),
        }
    }

    /// What services read shows it.
    fn after(&mut self, scene: &Scene) -> Result<(), String> {
        for (id, revision) in std::mem::take(&mut self.nodes.of(scene.at).acknowledged) {
            self.reads(scene, &scene.node().shown, id, revision, "services do not see the view yet")?;
            self.read += 1;
        }
        Ok(())
    }

    fn reads(
        &mut self,
        scene: &Scene,
        view: &View,
        id: StatementId,
        revision: Revision,
        why: &str,
    ) -> Result<(), String> {
        if view.revision().covers(&revision) != Some(true) {
            return Err(format!(
                "{} was acknowledged for view {revision}, read is {}: {why}",
                id.short(),
                view.revision()
            ));
        }
        // What an act of trust touches, it only names.
        let writes = made(scene.facts, &id).filter(|made| matches!(made.statement().body, Body::Write(_)));
        let touches = writes.map(|made| made.statement().touches.as_slice()).unwrap_or_default();
        for touch in touches {
            let heads = view.get(&touch.path).map(|entry| entry.heads.clone()).unwrap_or_else(|| Arc::new([]));
            if !follows(scene.facts, &touch.path, &heads, &id) {
                return Err(format!("{} was acknowledged and {} does not show it: {why}", id.short(), touch.path));
            }
        }
        Ok(())
    }
}
