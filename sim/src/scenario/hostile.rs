//! Which hostile authors and peers a scenario has.

use serde::{Deserialize, Serialize};

use super::check::{BadScenario, bad};
use crate::plan::{AUTHORS, AuthorKind, PEERS, PeerKind};

/// The state in which a node delayed an author, when intake rates are narrow enough for its flooders.
pub const AUTHOR_DELAYED: &str = "an author was over its intake rate";
/// The state in which a node delayed a peer.
pub const PEER_DELAYED: &str = "a peer was over its intake rate";

/// Hostile authors and peers. None by default.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Hostile {
    /// Hostile authors. Strategies are dealt out in an order that the seed draws.
    pub authors: usize,
    /// Hostile peers, likewise; one that has several identities counts once.
    pub peers: usize,
    /// Strategies that authors may follow, by name; empty: all.
    pub author_strategies: Vec<AuthorKind>,
    /// Strategies that peers may follow, by name; empty: all.
    pub peer_strategies: Vec<PeerKind>,
    /// How often each author and each peer acts, a minute.
    pub acts_per_minute: f64,
    /// When they begin, seconds after the load began.
    pub begin: u64,
    /// How many of them honest operators strike in the course of the run, in thousandths. A hostile revoker always is.
    pub struck: u64,
    /// Whether each other seed switches a random half of the strategies off.
    pub halves: bool,
    /// Whether all that is honest is written by one author, the operator: n−1 of n authors are hostile.
    pub lone: bool,
}

impl Default for Hostile {
    fn default() -> Self {
        Self {
            authors: 0,
            peers: 0,
            author_strategies: Vec::new(),
            peer_strategies: Vec::new(),
            acts_per_minute: 12.0,
            begin: 5,
            struck: 700,
            halves: false,
            lone: false,
        }
    }
}

impl Hostile {
    /// Whether anybody is hostile.
    pub fn is_on(&self) -> bool {
        self.authors + self.peers > 0
    }

    /// Whether nobody is.
    pub fn is_off(&self) -> bool {
        !self.is_on()
    }

    /// Strategies that authors may follow.
    pub fn author_kinds(&self) -> Vec<AuthorKind> {
        let all = AUTHORS.iter().map(|row| row.kind);
        let allowed = |kind: &AuthorKind| self.author_strategies.is_empty() || self.author_strategies.contains(kind);
        all.filter(|kind| self.authors > 0 && allowed(kind)).collect()
    }

    /// Strategies that peers may follow.
    pub fn peer_kinds(&self) -> Vec<PeerKind> {
        let all = PEERS.iter().map(|row| row.kind);
        let allowed = |kind: &PeerKind| self.peer_strategies.is_empty() || self.peer_strategies.contains(kind);
        all.filter(|kind| self.peers > 0 && allowed(kind)).collect()
    }

    /// States worth reaching when a campaign has seeds enough: one for each strategy that is allowed.
    pub fn states(&self) -> Vec<&'static str> {
        let authors = self.author_kinds().into_iter().map(|kind| kind.row().state);
        let peers = self.peer_kinds().into_iter().map(|kind| kind.row().state);
        let flood = self.author_kinds().contains(&AuthorKind::Flooder).then_some(AUTHOR_DELAYED);
        let pushes = self.peer_kinds().contains(&PeerKind::Flooder).then_some(PEER_DELAYED);
        authors.chain(peers).chain(flood).chain(pushes).collect()
    }

    pub(super) fn check(&self) -> Result<(), BadScenario> {
        if self.authors > 64 || self.peers > 64 {
            return Err(bad("hostile", "has more than 64 authors or peers; at most 64 of each"));
        }
        if !(0.0..=600.0).contains(&self.acts_per_minute) {
            return Err(bad("hostile.acts_per_minute", format!("is {}; from 0 to 600", self.acts_per_minute)));
        }
        if self.struck > 1_000 {
            return Err(bad("hostile.struck", format!("is {}; at most 1000 thousandths", self.struck)));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::Scenario;

    #[test]
    fn a_strategy_that_is_not_there_is_refused_by_name() {
        let text = "name = \"x\"\n[hostile]\nauthors = 1\nauthor_strategies = [\"no-such\"]\n";
        let bad = Scenario::parse(text).unwrap_err().to_string();
        assert!(bad.contains("no-such") && bad.contains("back-dater"), "{bad}");
        let text = "name = \"x\"\n[hostile]\nstruck = 1001\n";
        assert!(Scenario::parse(text).unwrap_err().to_string().contains("hostile.struck"));
        let text = "name = \"x\"\n[hostile]\nauthorz = 1\n";
        assert!(Scenario::parse(text).unwrap_err().to_string().contains("authorz"));
    }
}
