//! Draws who is hostile, when each acts, and when honest operators strike. From numbers of its own, so that a scenario
//! without hostile actors is planned as ever.

use driftless_core::rng::Rng;
use serde::{Deserialize, Serialize};

use super::draw::{gap, stream};
use super::strategy::{AuthorKind, PeerKind};
use crate::scenario::Scenario;

/// Everything that hostile actors do, and what honest operators do about them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hostility {
    /// The authors.
    pub authors: Vec<AuthorKind>,
    /// The peers.
    pub peers: Vec<PeerKind>,
    /// What they do, in the order of time.
    pub acts: Vec<Act>,
    /// When operators strike whom.
    pub strikes: Vec<Strike>,
}

/// Who acts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Who {
    /// A hostile author, by its place.
    Author(usize),
    /// A hostile peer, by its place.
    Peer(usize),
    /// An honest author far below the roots, whom others try to strike.
    Junior,
}

/// One act. Times are milliseconds after the load began.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Act {
    /// When.
    pub at_ms: u64,
    /// Who.
    pub who: Who,
    /// Draws what the act leaves to chance.
    pub value: u64,
}

/// A strike by honest operators.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Strike {
    /// When.
    pub at_ms: u64,
    /// Whom.
    pub who: Who,
    /// Whether what is known of it then is accepted.
    pub accepts: bool,
    /// Draws what the strike leaves to chance.
    pub value: u64,
}

impl Hostility {
    /// Whether nobody is hostile.
    pub fn is_empty(&self) -> bool {
        self.authors.is_empty() && self.peers.is_empty()
    }
}

/// Draws all of it.
pub fn hostility(scenario: &Scenario, seed: u64) -> Hostility {
    let hostile = &scenario.hostile;
    if hostile.is_off() {
        return Hostility::default();
    }
    let mut rng = stream(seed, "hostile");
    let halved = hostile.halves && rng.below(2) == 0;
    let authors = deal(hostile.author_kinds(), hostile.authors, halved, &mut rng);
    let peers = deal(hostile.peer_kinds(), hostile.peers, halved, &mut rng);
    let (begin_ms, end_ms) = (hostile.begin * 1_000, scenario.minutes * 60_000);
    let mut all: Vec<Who> = (0..authors.len()).map(Who::Author).collect();
    all.extend((0..peers.len()).map(Who::Peer));
    let (mut acts, mut strikes) = (Vec::new(), Vec::new());
    for who in all.iter().copied().chain([Who::Junior]) {
        let mean_ms = 60_000.0 / hostile.acts_per_minute.max(0.001);
        let mut at_ms = begin_ms + gap(&mut rng, mean_ms);
        while at_ms < end_ms {
            acts.push(Act { at_ms, who, value: rng.next_u64() });
            at_ms += gap(&mut rng, mean_ms);
        }
    }
    let span_ms = end_ms.saturating_sub(begin_ms);
    for who in all {
        let (drawn, accepts, value) = (rng.below(1_000), rng.below(2) == 0, rng.next_u64());
        // A hostile revoker acts for most of the run, so that there is something to recover; others go at any time.
        let (from, to) = if is_revoker(&authors, who) { (60, 80) } else { (25, 80) };
        let at_ms = begin_ms + span_ms * (from + rng.below(to - from)) / 100;
        // Striking a root key strikes nothing: it relies on the epoch, and that is no grant.
        if (drawn < hostile.struck && !is_root(&authors, who)) || is_revoker(&authors, who) {
            strikes.push(Strike { at_ms, who, accepts, value });
        }
    }
    acts.sort_by_key(|act| (act.at_ms, act.who, act.value));
    strikes.sort_by_key(|strike| (strike.at_ms, strike.who));
    Hostility { authors, peers, acts, strikes }
}

fn is_revoker(authors: &[AuthorKind], who: Who) -> bool {
    is(authors, who, AuthorKind::Sideways)
}

fn is_root(authors: &[AuthorKind], who: Who) -> bool {
    matches!(who, Who::Author(at) if authors.get(at).is_some_and(|kind| kind.is_root()))
}

fn is(authors: &[AuthorKind], who: Who, kind: AuthorKind) -> bool {
    matches!(who, Who::Author(at) if authors.get(at) == Some(&kind))
}

/// So many strategies, each once before any twice, in a drawn order.
fn deal<K: Copy>(kinds: Vec<K>, count: usize, halved: bool, rng: &mut Rng) -> Vec<K> {
    let mut kinds: Vec<K> = kinds.into_iter().filter(|_| rng.below(2) == 0 || !halved).collect();
    for at in (1..kinds.len()).rev() {
        kinds.swap(at, rng.below(at as u64 + 1) as usize);
    }
    kinds.iter().copied().cycle().take(if kinds.is_empty() { 0 } else { count }).collect()
}
