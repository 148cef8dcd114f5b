//! The trace: a hash over everything that happened to every node and everything that nodes asked for, in order. Equal
//! hashes, equal runs.

use driftless_core::machine::{Effect, Event};
use driftless_statement::id;

/// Bytes that are hashed at once: many blocks side by side cost a fraction of as many one by one.
const AT_ONCE: usize = 64 << 10;

/// A trace, as far as it went.
pub struct Trace {
    hasher: blake3::Hasher,
    /// What is not hashed yet.
    waiting: Vec<u8>,
}

impl Trace {
    /// The trace of a run that has not begun.
    pub fn new(seed: u64) -> Self {
        let mut hasher = blake3::Hasher::new_derive_key("driftless 2026 simulator trace v1");
        hasher.update(&seed.to_le_bytes());
        Self { hasher, waiting: Vec::with_capacity(2 * AT_ONCE) }
    }

    fn note(&mut self, kind: u8, parts: &[&[u8]]) {
        self.waiting.push(kind);
        for part in parts {
            self.waiting.extend_from_slice(&(part.len() as u32).to_le_bytes());
            self.waiting.extend_from_slice(part);
        }
        if self.waiting.len() >= AT_ONCE {
            self.hasher.update(&self.waiting);
            self.waiting.clear();
        }
    }

    /// Something happens to a node.
    pub fn event(&mut self, now_us: u64, node: usize, event: &Event) {
        self.waiting.extend_from_slice(&now_us.to_le_bytes());
        self.waiting.extend_from_slice(&(node as u32).to_le_bytes());
        match event {
            Event::Loaded(statements) => self.note(1, &[&(statements.len() as u64).to_le_bytes()]),
            Event::Write { call, .. } => self.note(2, &[&call.0.to_le_bytes()]),
            Event::Submit { call, statements } => {
                self.note(3, &[&call.0.to_le_bytes()]);
                statements.iter().for_each(|wire| self.note(0, &[ends(wire)]));
            }
            Event::Connected { peer } => self.note(4, &[peer.as_bytes()]),
            Event::Group { peer, group } => self.note(15, &[peer.as_bytes(), &group.to_le_bytes()]),
            Event::Disconnected { peer } => self.note(5, &[peer.as_bytes()]),
            Event::Gossip { id, from, bytes } => self.note(6, &[id, from.as_bytes(), ends(bytes)]),
            Event::Request { peer, token, bytes } => {
                self.note(7, &[peer.as_bytes(), &token.to_le_bytes(), ends(bytes)]);
            }
            Event::Response { peer, corr, bytes } => {
                self.note(8, &[peer.as_bytes(), &corr.to_le_bytes(), ends(bytes)]);
            }
            Event::RequestFailed { peer, corr } => self.note(9, &[peer.as_bytes(), &corr.to_le_bytes()]),
            Event::Stored { batch } => self.note(10, &[&batch.to_le_bytes()]),
            Event::StoreFailed { batch, .. } => self.note(11, &[&batch.to_le_bytes()]),
            Event::StoreRecovered => self.note(12, &[]),
            Event::StoreLost { ids } => self.note(13, &[&(ids.len() as u64).to_le_bytes()]),
            Event::Tick => self.note(14, &[]),
            Event::Ails(health) => self.note(15, &[&health.0.to_le_bytes()]),
        }
    }

    /// A node asks for something.
    pub fn effect(&mut self, effect: &Effect) {
        match effect {
            Effect::Store { batch, gone, statements, floor_ms } => {
                self.note(21, &[&batch.to_le_bytes(), &floor_ms.to_le_bytes()]);
                gone.iter().for_each(|id| self.note(1, &[id.as_bytes()]));
                statements.iter().for_each(|statement| self.note(0, &[statement.id().as_bytes()]));
            }
            Effect::Publish { bytes, .. } => self.note(22, &[ends(bytes)]),
            Effect::Verdict { id, verdict, .. } => self.note(23, &[id, &[*verdict as u8]]),
            Effect::Mute { peer, lasts_ms } => self.note(34, &[peer.as_bytes(), &lasts_ms.to_le_bytes()]),
            Effect::Request { peer, corr, bytes } => {
                self.note(24, &[peer.as_bytes(), &corr.to_le_bytes(), ends(bytes)]);
            }
            Effect::Respond { token, bytes } => self.note(25, &[&token.to_le_bytes(), ends(bytes)]),
            Effect::Expelled(keys) => self.note(33, &[&(keys.len() as u64).to_le_bytes()]),
            Effect::Members(members) => self.note(26, &[&(members.len() as u64).to_le_bytes()]),
            Effect::Subscribe(_) => self.note(27, &[]),
            Effect::Wrote { call, outcome } => self.note(28, &[&call.0.to_le_bytes(), &[u8::from(outcome.is_ok())]]),
            Effect::Submitted { call, outcome } => {
                self.note(29, &[&call.0.to_le_bytes(), &(outcome.len() as u64).to_le_bytes()]);
            }
            Effect::Show(view) => self.note(30, &[&view.revision().count.to_le_bytes()]),
            Effect::Effective { id, delay_ms, .. } => self.note(31, &[id.as_bytes(), &delay_ms.to_le_bytes()]),
        }
    }

    /// Its name: 32 hexadecimal digits.
    pub fn name(&self) -> String {
        id::hex(&self.hasher.clone().update(&self.waiting).finalize().as_bytes()[..16])
    }
}

/// The first and last bytes: statements and beacons end in their signature, other messages are short.
fn ends(bytes: &[u8]) -> &[u8] {
    &bytes[bytes.len().saturating_sub(64)..]
}
