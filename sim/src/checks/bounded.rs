//! Bounded queues and memory: whatever happens, each queue stays within its bound, by name; and when all is over nothing is
//! left in any of them.

use std::collections::{BTreeMap, BTreeSet};

use driftless_core::machine::{CallId, Effect, Event};
use driftless_statement::PublicKey;

use super::per_node::PerNode;
use super::{Check, Scene, Seen};

/// Requests that one peer may owe an answer to: sixteen fetches and a session.
const REQUESTS: usize = 17;
/// Statements that may wait for what they name: the room's own bound.
const ROOM: usize = 32 * 1_024;
/// Statements that may wait for the disk: the machine's own bound, and one message more.
const DISK: usize = 65_536 + 256;
/// Edits that may stand in line, over all entries.
const LINE: usize = 4_096;

/// The rule.
#[derive(Default)]
pub struct Bounded {
    nodes: PerNode<Here>,
    longest: [usize; 5],
}

#[derive(Default)]
struct Here {
    writes: BTreeSet<CallId>,
    submissions: BTreeSet<CallId>,
    links: BTreeSet<PublicKey>,
}

impl Check for Bounded {
    fn name(&self) -> &'static str {
        "bounded-queues"
    }

    fn source(&self) -> &'static str {
        "threats P29 and rows 5, 16; design §5 (bounded everywhere)"
    }

    fn look(&mut self, scene: &Scene, seen: &Seen) -> Result<(), String> {
        let here = self.nodes.of(scene.at);
        match seen {
            Seen::Before(Event::Write { call, .. }) => drop(here.writes.insert(*call)),
            Seen::Before(Event::Submit { call, .. }) => drop(here.submissions.insert(*call)),
            Seen::Before(Event::Connected { peer }) => drop(here.links.insert(*peer)),
            Seen::Before(Event::Disconnected { peer }) => drop(here.links.remove(peer)),
            Seen::Effect(Effect::Wrote { call, .. }) => drop(here.writes.remove(call)),
            Seen::Effect(Effect::Submitted { call, .. }) => drop(here.submissions.remove(call)),
            Seen::After => return self.after(scene),
            Seen::Died => self.nodes.forget(scene.at),
            Seen::End => return at_the_end(scene),
            _ => {}
        }
        Ok(())
    }

    fn sometimes(&self) -> BTreeMap<&'static str, u64> {
        let [room, disk, line, submissions, requests] = self.longest.map(|longest| longest as u64);
        BTreeMap::from([
            ("statements waited for what they name", room),
            ("several statements waited for the disk", disk.saturating_sub(1)),
            ("a write stood in line", line),
            ("a submission waited for the disk", submissions),
            ("requests waited for an answer", requests),
        ])
    }
}

impl Bounded {
    fn after(&mut self, scene: &Scene) -> Result<(), String> {
        let here = self.nodes.of(scene.at);
        let Some(machine) = &scene.node().machine else { return Ok(()) };
        let bounds = [
            ("room", ROOM),
            ("disk", DISK),
            // More cannot stand there than wait for an answer.
            ("line", LINE.min(here.writes.len())),
            ("submissions", here.submissions.len()),
            ("requests", REQUESTS * here.links.len()),
        ];
        for (at, ((name, length), (known, bound))) in machine.queues().into_iter().zip(bounds).enumerate() {
            if name != known || length > bound {
                return Err(format!("queue {name} holds {length}, its bound is {bound}"));
            }
            self.longest[at] = self.longest[at].max(length);
        }
        Ok(())
    }
}

/// Nothing is under way any more but questions to peers, which never end; and what names a statement that is lost for
/// good, or that somebody hostile keeps back, waits for it as long as there is room.
fn at_the_end(scene: &Scene) -> Result<(), String> {
    let may_wait = !scene.facts.beyond_help.is_empty() || scene.scenario.hostile.is_on();
    for (number, node) in scene.nodes.iter().enumerate() {
        let queues = node.machine.as_ref().map(|machine| machine.queues());
        let endless = |name: &str| name == "requests" || (name == "room" && may_wait);
        let left = queues.into_iter().flatten().find(|(name, length)| !endless(name) && *length > 0);
        if let Some((name, length)) = left {
            return Err(format!("node {number} ends with {length} in queue {name}"));
        }
    }
    Ok(())
}
