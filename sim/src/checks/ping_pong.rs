//! Replicated sets become equal and never ping-pong: while nothing is wrong, a node does not hand a statement to the same
//! honest peer again and again that has it on its disk for long. A node whose disk takes no writes cannot follow a
//! revocation, and goes on to offer what its peers have put aside: that is a fault's, and ends with it.

use std::collections::BTreeMap;

use driftless_core::machine::{Effect, Event};
use driftless_statement::{PublicKey, StatementId};

use super::per_node::PerNode;
use super::{Check, Scene, Seen};
use crate::said::Said;

/// How long a peer has a statement before handing it over counts as again: what was under way has arrived by then.
const HAD_MS: u64 = 10_000;
/// So often it may happen all the same: a link that was cut in the middle of a session, a revocation that only one of the
/// two has heard of.
const AGAIN: u64 = 8;

/// The rule.
#[derive(Default)]
pub struct PingPong {
    nodes: PerNode<Here>,
    handed: BTreeMap<(usize, usize, StatementId), u64>,
    given: u64,
}

#[derive(Default)]
struct Here {
    /// Since when each statement is on its disk, world milliseconds.
    since_ms: BTreeMap<StatementId, u64>,
    /// Who asked, by token.
    asked: BTreeMap<u64, PublicKey>,
    /// What the effect that comes next hands out.
    gives: Vec<StatementId>,
}

impl Check for PingPong {
    fn name(&self) -> &'static str {
        "no-ping-pong"
    }

    fn source(&self) -> &'static str {
        "threats P3; design §5 (exchange exactly the difference)"
    }

    fn look(&mut self, scene: &Scene, seen: &Seen) -> Result<(), String> {
        let here = self.nodes.of(scene.at);
        match seen {
            Seen::Synced(ids) => {
                for id in *ids {
                    here.since_ms.entry(*id).or_insert(scene.world_ms);
                }
            }
            Seen::Forgot => {
                let durable = &scene.facts.durable[scene.at];
                here.since_ms.retain(|id, _| durable.contains(id));
            }
            Seen::Before(Event::Request { peer, token, .. }) => drop(here.asked.insert(*token, *peer)),
            Seen::Said(Said::Gave(ids)) => here.gives.clone_from(ids),
            Seen::Effect(Effect::Request { peer, .. }) => {
                let (ids, peer) = (std::mem::take(&mut here.gives), *peer);
                return self.gave(scene, &peer, &ids);
            }
            Seen::Effect(Effect::Respond { token, .. }) => {
                let (ids, peer) = (std::mem::take(&mut here.gives), here.asked.remove(token));
                return peer.map_or(Ok(()), |peer| self.gave(scene, &peer, &ids));
            }
            Seen::Died => here.asked.clear(),
            _ => {}
        }
        Ok(())
    }

    fn sometimes(&self) -> BTreeMap<&'static str, u64> {
        BTreeMap::from([("a statement was handed to one peer", self.given)])
    }
}

impl PingPong {
    fn gave(&mut self, scene: &Scene, peer: &PublicKey, ids: &[StatementId]) -> Result<(), String> {
        if ids.is_empty() {
            return Ok(());
        }
        let honest = |node: &crate::world::Node| node.key == *peer && node.is_up();
        let Some(to) = scene.nodes.iter().position(honest) else { return Ok(()) };
        self.given += ids.len() as u64;
        for id in ids {
            let had = self.nodes.of(to).since_ms.get(id).is_some_and(|since| since + HAD_MS < scene.world_ms);
            if !had || scene.calm_since_ms.is_none() {
                continue;
            }
            let times = self.handed.entry((scene.at, to, *id)).or_default();
            *times += 1;
            if *times > AGAIN {
                let id = id.short();
                return Err(format!("hands {id} to node {to} for the {times}th time, which has had it for long"));
            }
        }
        Ok(())
    }
}
