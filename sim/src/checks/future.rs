//! Bounded future: nobody sees a statement whose time is more than the allowed skew ahead of every time that the node's
//! clock ever showed. Such a statement is stored and handed on, and waits.

use std::collections::BTreeMap;
use std::sync::Arc;

use driftless_core::machine::{Effect, Fate};
use driftless_core::view::{Since, View};
use driftless_statement::limits::SKEW_MS;
use driftless_statement::{Path, Prefix};

use super::history::made;
use super::per_node::PerNode;
use super::{Check, Scene, Seen};

/// The rule.
#[derive(Default)]
pub struct Future {
    nodes: PerNode<Here>,
    ahead: u64,
    waited: u64,
}

#[derive(Default)]
struct Here {
    latest_ms: u64,
    before: Option<Arc<View>>,
}

impl Check for Future {
    fn name(&self) -> &'static str {
        "bounded-future"
    }

    fn source(&self) -> &'static str {
        "threats P16 and row 26; design §4 (due)"
    }

    fn look(&mut self, scene: &Scene, seen: &Seen) -> Result<(), String> {
        let here = self.nodes.of(scene.at);
        match seen {
            Seen::Before(_) => here.latest_ms = here.latest_ms.max(scene.now.wall_ms),
            Seen::Effect(Effect::Show(view)) => return self.shows(scene, view),
            Seen::Synced(ids) => {
                let far = |id: &&driftless_statement::StatementId| {
                    let time = made(scene.facts, id).map(|made| made.statement().hlc.millis());
                    time.is_some_and(|time| time > here.latest_ms + SKEW_MS)
                };
                self.waited += ids.iter().filter(far).count() as u64;
            }
            _ => {}
        }
        Ok(())
    }

    fn sometimes(&self) -> BTreeMap<&'static str, u64> {
        BTreeMap::from([
            ("a statement from ahead of the clock was shown", self.ahead),
            ("a statement had to wait for its time", self.waited),
        ])
    }
}

impl Future {
    fn shows(&mut self, scene: &Scene, view: &Arc<View>) -> Result<(), String> {
        let before = self.nodes.of(scene.at).before.replace(view.clone());
        let since = before.map_or(Since::Behind, |before| view.since(&before.revision()));
        match since {
            Since::Changed(paths) => paths.iter().try_for_each(|path| self.shown(scene, view, path)),
            Since::Behind => {
                let all = Prefix::all();
                view.under(&all, None).try_for_each(|(path, _)| self.shown(scene, view, path))
            }
        }
    }

    fn shown(&mut self, scene: &Scene, view: &View, path: &Path) -> Result<(), String> {
        let latest_ms = self.nodes.of(scene.at).latest_ms;
        for head in view.get(path).iter().flat_map(|entry| entry.heads.iter()) {
            let Some(time) = made(scene.facts, head).map(|made| made.statement().hlc.millis()) else { continue };
            if time > latest_ms + SKEW_MS {
                let ahead = time - latest_ms;
                return Err(format!("{path} shows {}, {ahead} ms ahead of this node's clock", head.short()));
            }
            self.ahead += u64::from(time > scene.now.wall_ms + 1_000);
            let told = scene.node().machine.as_ref().and_then(|machine| machine.statement(head));
            if told.is_some_and(|told| told.fate == Fate::NotDue) {
                return Err(format!("{path} shows {}, which is not due", head.short()));
            }
        }
        Ok(())
    }
}
