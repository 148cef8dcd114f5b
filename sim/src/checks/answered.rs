//! Every call is answered, once: writes and submissions of local services, requests of peers, and messages that wait for a
//! verdict. Who waits for nothing must not wait for ever.

use std::collections::BTreeMap;

use driftless_core::machine::{CallId, Effect, Event};

use super::per_node::PerNode;
use super::{Check, Scene, Seen};

/// How long a verdict may wait: gossip forgets the message after five seconds, and the machine looks every second or so.
const VERDICT_MS: u64 = 10_000;

/// The rule.
#[derive(Default)]
pub struct Answered {
    nodes: PerNode<Here>,
    calls: u64,
    held_back: u64,
}

/// What waits on one node, since when in world milliseconds.
#[derive(Default)]
struct Here {
    calls: BTreeMap<CallId, u64>,
    requests: BTreeMap<u64, u64>,
    /// Messages, how often each came, and since when it waits.
    messages: BTreeMap<Vec<u8>, (u64, u64)>,
    awake_ms: u64,
}

impl Check for Answered {
    fn name(&self) -> &'static str {
        "every-call-is-answered"
    }

    fn source(&self) -> &'static str {
        "design §2 (receipt), §5; wire (every request is answered by exactly one response)"
    }

    fn look(&mut self, scene: &Scene, seen: &Seen) -> Result<(), String> {
        let (here, now_ms) = (self.nodes.of(scene.at), scene.world_ms);
        match seen {
            Seen::Before(Event::Write { call, .. } | Event::Submit { call, .. }) => {
                here.calls.insert(*call, now_ms);
            }
            Seen::Before(Event::Request { token, .. }) => drop(here.requests.insert(*token, now_ms)),
            Seen::Before(Event::Gossip { id, .. }) => here.messages.entry(id.clone()).or_insert((0, now_ms)).0 += 1,
            Seen::Effect(Effect::Wrote { call, .. } | Effect::Submitted { call, .. }) => {
                self.calls += 1;
                return here.calls.remove(call).map(drop).ok_or(format!("{call:?} is answered and did not wait"));
            }
            Seen::Effect(Effect::Respond { token, .. }) => {
                let known = here.requests.remove(token);
                return known.map(drop).ok_or(format!("request {token} is answered and did not wait"));
            }
            Seen::Effect(Effect::Verdict { id, .. }) => return self.judged(scene, id),
            Seen::Died => self.nodes.forget(scene.at),
            Seen::Second => return (0..scene.nodes.len()).try_for_each(|node| self.second(scene, node)),
            Seen::End => return (0..scene.nodes.len()).try_for_each(|node| self.left(node, 0, u64::MAX)),
            _ => {}
        }
        Ok(())
    }

    fn sometimes(&self) -> BTreeMap<&'static str, u64> {
        BTreeMap::from([
            ("a call was answered", self.calls),
            ("a verdict waited for a statement to come", self.held_back),
        ])
    }
}

impl Answered {
    fn judged(&mut self, scene: &Scene, id: &[u8]) -> Result<(), String> {
        let messages = &mut self.nodes.of(scene.at).messages;
        let Some((count, since_ms)) = messages.get_mut(id) else {
            return Err("a verdict for a message that waits for none".to_owned());
        };
        self.held_back += u64::from(scene.world_ms > *since_ms);
        *count -= 1;
        if *count == 0 {
            messages.remove(id);
        }
        Ok(())
    }

    fn second(&mut self, scene: &Scene, number: usize) -> Result<(), String> {
        let (here, node, now_ms) = (self.nodes.of(number), &scene.nodes[number], scene.world_ms);
        if !node.is_up() || node.is_paused() || node.is_slow() {
            here.awake_ms = now_ms;
            return Ok(());
        }
        let patient = |since_ms: u64, patience_ms: u64| since_ms.max(here.awake_ms) + patience_ms >= now_ms;
        if here.messages.values().any(|(_, since_ms)| !patient(*since_ms, VERDICT_MS)) {
            return Err(format!("node {number} leaves a message without a verdict"));
        }
        // Under faults a call may wait long: for a slow disk, behind others.
        match scene.calm_since_ms {
            Some(since_ms) if since_ms + scene.bound_ms < now_ms => self.left(number, scene.bound_ms, now_ms),
            _ => Ok(()),
        }
    }

    /// Nothing waits for longer than it may.
    fn left(&mut self, number: usize, patience_ms: u64, now_ms: u64) -> Result<(), String> {
        let here = self.nodes.of(number);
        let overdue = |since_ms: &u64| since_ms + patience_ms < now_ms;
        let calls = here.calls.values().filter(|since_ms| overdue(since_ms)).count();
        let requests = here.requests.values().filter(|since_ms| overdue(since_ms)).count();
        match (calls, requests) {
            (0, 0) => Ok(()),
            (0, requests) => Err(format!("node {number} leaves {requests} requests of peers without an answer")),
            (calls, _) => Err(format!("node {number} leaves {calls} calls without an answer")),
        }
    }
}
