//! No unexplained change: when an entry reads differently, a statement about it that counts since this very moment, or that
//! a revocation struck in it, is the witness. Matrix's "state resets" were changes without one.

use std::collections::BTreeMap;
use std::sync::Arc;

use driftless_core::machine::Effect;
use driftless_core::view::{Since, View};

use super::history::made;
use super::news::News;
use super::per_node::PerNode;
use super::{Check, Scene, Seen};

/// The rule.
#[derive(Default)]
pub struct Unexplained {
    nodes: PerNode<Here>,
    explained: u64,
    late: u64,
    fallen: u64,
    hostile: bool,
}

#[derive(Default)]
struct Here {
    news: News,
    before: Option<Arc<View>>,
}

impl Check for Unexplained {
    fn name(&self) -> &'static str {
        "no-unexplained-change"
    }

    fn source(&self) -> &'static str {
        "threats P7 and row 25; design §4"
    }

    fn look(&mut self, scene: &Scene, seen: &Seen) -> Result<(), String> {
        self.hostile = scene.scenario.hostile.is_on();
        let here = self.nodes.of(scene.at);
        here.news.follow(scene, seen);
        match seen {
            Seen::Effect(Effect::Show(view)) => self.shows(scene, view),
            Seen::After => {
                here.news.close(scene);
                Ok(())
            }
            Seen::Died => {
                here.before = None;
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn sometimes(&self) -> BTreeMap<&'static str, u64> {
        let mut states = BTreeMap::from([
            ("a change was explained by its witness", self.explained),
            ("a late statement changed an entry", self.late),
        ]);
        if self.hostile {
            states.insert("a change was explained by what was struck", self.fallen);
        }
        states
    }
}

impl Unexplained {
    fn shows(&mut self, scene: &Scene, view: &Arc<View>) -> Result<(), String> {
        let here = self.nodes.of(scene.at);
        let before = here.before.replace(view.clone());
        let (Some(before), Some(machine)) = (before, &scene.node().machine) else { return Ok(()) };
        // What a start shows is compared with the life before by the rules for reads.
        let Since::Changed(paths) = view.since(&before.revision()) else { return Ok(()) };
        for path in paths {
            let about = |id: &&driftless_statement::StatementId| {
                made(scene.facts, id).is_some_and(|made| made.statement().bases_of(&path).is_some())
            };
            let Some(witness) = here.news.counting(machine).find(about) else {
                let fell = |id: &&driftless_statement::StatementId| about(id) && here.news.fell(machine, id);
                if scene.facts.durable[scene.at].iter().any(|id| fell(&id)) {
                    self.fallen += 1;
                    continue;
                }
                let json = |view: &View| view.get(&path).and_then(|entry| entry.json.clone());
                let (old, new) = (json(&before), json(view));
                return Err(format!("{path} changed from {old:?} to {new:?} without a witness"));
            };
            self.explained += 1;
            let heads = view.get(&path).map(|entry| entry.heads.clone()).unwrap_or_else(|| Arc::new([]));
            self.late += u64::from(heads.len() > 1 && heads.contains(witness));
        }
        Ok(())
    }
}
