//! Peers whose gossip is not heard for a while.
//!
//! Need: a statement by a key that was never granted anything costs nobody a signature check, but each still costs its way
//! through the node, and whoever is a member can send them without end. No single one is a fault: who hands it on may
//! know a grant that has not come here yet. Idea: such a statement hastens the comparison of `@mesh` that brings the grant,
//! and who hands on more of them than that can explain is not heard in gossip for a while, twice as long each time. That
//! delays, like every intake rate, and changes nothing else: what was not heard comes by comparison.

use std::collections::BTreeMap;

use driftless_statement::PublicKey;

use super::delays::Way;
use super::rates::Meters;
use crate::machine::Machine;
use crate::machine::effect::Effect;
use crate::now::Now;

/// Statements by strangers that a peer may hand on a second, in the long run.
const STRANGERS: u64 = 50;
/// What of this may be saved up, in time: five hundred at once. An author at its rate who was granted something half a
/// second ago makes as many, and the comparison that brings the grant takes less.
const BURST_MS: u64 = 10_000;
/// How long a peer is first not heard, milliseconds.
const FIRST_MS: u64 = 5_000;
/// How long at most, and for how long after one the next is longer, milliseconds.
const LONGEST_MS: u64 = 300_000;
/// Peers of whom it is remembered: 80 bytes each.
const PEERS: usize = 1_024;

/// For how long one peer is not heard.
#[derive(Debug, Clone, Copy)]
struct Mute {
    until_ms: u64,
    lasts_ms: u64,
}

/// What peers hand on by strangers, and who is not heard for it. Pure, on the timer clock.
#[derive(Debug)]
pub(in crate::machine) struct Mutes {
    strangers: Meters,
    mutes: BTreeMap<PublicKey, Mute>,
}

impl Default for Mutes {
    fn default() -> Self {
        Self { strangers: Meters::new([STRANGERS, 1], BURST_MS), mutes: BTreeMap::new() }
    }
}

impl Mutes {
    /// For how long a peer still is not heard, milliseconds, if it is not.
    fn left_ms(&self, peer: &PublicKey, mono_ms: u64) -> Option<u64> {
        self.mutes.get(peer)?.until_ms.checked_sub(mono_ms).filter(|left_ms| *left_ms > 0)
    }

    /// A peer handed on a statement by a stranger. For how long it is not heard, when this was one too many, milliseconds.
    /// What was on its way when it was muted counts for nothing.
    fn stranger(&mut self, peer: PublicKey, now: Now) -> Option<u64> {
        if self.left_ms(&peer, now.mono_ms).is_some() {
            return None;
        }
        let spender = (peer, false);
        self.strangers.spend(spender, [1, 0], now);
        self.strangers.over(&spender, now.mono_ms)?;
        let again = self.mutes.get(&peer).filter(|mute| now.mono_ms < mute.until_ms.saturating_add(LONGEST_MS));
        let lasts_ms = again.map_or(FIRST_MS, |mute| mute.lasts_ms.saturating_mul(2).min(LONGEST_MS));
        if self.mutes.len() >= PEERS
            && !self.mutes.contains_key(&peer)
            && let Some(first) = self.mutes.iter().min_by_key(|(_, mute)| mute.until_ms).map(|(peer, _)| *peer)
        {
            self.mutes.remove(&first);
        }
        self.mutes.insert(peer, Mute { until_ms: now.mono_ms.saturating_add(lasts_ms), lasts_ms });
        Some(lasts_ms)
    }
}

impl Machine {
    /// Coming back shortens nothing.
    pub(in crate::machine) fn still_muted(&self, peer: PublicKey, effects: &mut Vec<Effect>) {
        let left_ms = self.mutes.left_ms(&peer, self.now.mono_ms);
        effects.extend(left_ms.map(|lasts_ms| Effect::Mute { peer, lasts_ms }));
    }

    /// A statement came whose author trust does not know.
    pub(in crate::machine) fn note_stranger(&mut self, way: Way, effects: &mut Vec<Effect>) {
        let Way::Gossip(peer) = way else { return };
        self.compare_soon(&peer);
        if let Some(lasts_ms) = self.mutes.stranger(peer, self.now) {
            self.counts.mutes += 1;
            effects.push(Effect::Mute { peer, lasts_ms });
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn peer(number: u64) -> PublicKey {
        PublicKey([&number.to_be_bytes()[..], &[0; 24]].concat().try_into().unwrap())
    }

    fn at(mono_ms: u64) -> Now {
        Now { mono_ms, wall_ms: mono_ms }
    }

    /// Hands on strangers' statements until there are too many: how many, and for how long the peer is not heard then.
    fn flood(mutes: &mut Mutes, number: u64, mono_ms: u64) -> (u64, u64) {
        (1..).find_map(|count| mutes.stranger(peer(number), at(mono_ms)).map(|lasts_ms| (count, lasts_ms))).unwrap()
    }

    #[test]
    fn a_mute_is_earned_grows_ends_and_is_forgotten() {
        let (mut mutes, mut now_ms) = (Mutes::default(), 7);
        let burst = STRANGERS * BURST_MS / 1_000;
        for (round, seconds) in [5, 10, 20, 40, 80, 160, 300, 300].into_iter().enumerate() {
            let (count, lasts_ms) = flood(&mut mutes, 1, now_ms);
            assert_eq!(lasts_ms, seconds * 1_000);
            // The first wait is too short for all of it to come back.
            assert_eq!(count, if round == 1 { burst / 2 } else { burst });
            assert_eq!((0..1_000).find_map(|_| mutes.stranger(peer(1), at(now_ms))), None, "it is muted already");
            assert_eq!((mutes.left_ms(&peer(1), now_ms), mutes.left_ms(&peer(2), now_ms)), (Some(lasts_ms), None));
            now_ms += lasts_ms;
            assert_eq!(mutes.left_ms(&peer(1), now_ms), None);
        }
        assert_eq!(flood(&mut mutes, 1, now_ms + LONGEST_MS).1, FIRST_MS, "after so long it begins anew");
    }

    #[test]
    fn a_few_now_and_then_mute_nobody() {
        let mut mutes = Mutes::default();
        for second in 0..10_000 {
            let muted = (0..STRANGERS).find_map(|_| mutes.stranger(peer(1), at(second * 1_000)));
            assert_eq!(muted, None, "after {second} s");
        }
    }

    #[test]
    fn what_is_remembered_is_bounded_and_the_longest_stay() {
        let mut mutes = Mutes::default();
        flood(&mut mutes, 0, 0);
        flood(&mut mutes, 0, FIRST_MS);
        for number in 1..=3_000 {
            flood(&mut mutes, number, FIRST_MS);
        }
        assert_eq!(mutes.mutes.len(), PEERS);
        assert!(mutes.left_ms(&peer(0), 2 * FIRST_MS + 1).is_some(), "no crowd of others ends it");
    }
}
