//! Draws when root keys are rotated, when an author writes whose grant demands approvals, and when its approvers act. From
//! numbers of its own, so that a scenario without any of it is planned as ever.

use serde::{Deserialize, Serialize};

use super::draw::{gap, stream};
use crate::scenario::Scenario;

/// What honest keys do about trust.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Doing {
    /// The root keys found the next epoch, and accept all that they signed.
    Rotate,
    /// The author whose grant demands approvals writes.
    Write,
    /// One of its approvers approves what it sees pending, or most of it.
    Approve,
}

/// One such act. Times are milliseconds after the load began.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct TrustAct {
    /// When.
    pub at_ms: u64,
    /// What.
    pub doing: Doing,
    /// Draws what the act leaves to chance.
    pub value: u64,
}

/// Draws all of it.
pub fn trust_acts(scenario: &Scenario, seed: u64) -> Vec<TrustAct> {
    let (trust, span_ms) = (&scenario.trust, scenario.minutes * 60_000);
    if trust.is_off() {
        return Vec::new();
    }
    let mut rng = stream(seed, "trust");
    let mut acts = Vec::new();
    let (rotates, twice) = (rng.below(1_000) < trust.rotated, rng.below(3) == 0);
    let mut at_ms = span_ms * (25 + rng.below(35)) / 100;
    for _ in 0..if rotates { 1 + u64::from(twice) } else { 0 } {
        acts.push(TrustAct { at_ms, doing: Doing::Rotate, value: rng.next_u64() });
        at_ms += span_ms * (10 + rng.below(25)) / 100;
    }
    if trust.demanded_per_minute > 0.0 {
        for doing in [Doing::Write, Doing::Approve] {
            let mean_ms = 60_000.0 / trust.demanded_per_minute;
            let mut at_ms = gap(&mut rng, mean_ms);
            while at_ms < span_ms {
                acts.push(TrustAct { at_ms, doing, value: rng.next_u64() });
                at_ms += gap(&mut rng, mean_ms);
            }
        }
    }
    acts.sort_unstable();
    acts
}
