//! Peers whose gossip is not heard for a while. Pure: time comes in as an argument, and what is to be told to gossip goes
//! out as an answer. It must not know why anybody is muted.

use std::collections::BTreeMap;
use std::time::Instant;

use driftless_statement::PublicKey;

/// Who is not heard, and until when. Bounded by who is connected: who leaves is forgotten.
#[derive(Debug, Default)]
pub(super) struct Muted {
    until: BTreeMap<PublicKey, Instant>,
}

impl Muted {
    /// A connected peer is not heard until then.
    pub(super) fn mute(&mut self, peer: PublicKey, until: Instant) {
        self.until.insert(peer, until);
    }

    /// A peer went. Whether it was not heard.
    pub(super) fn left(&mut self, peer: &PublicKey) -> bool {
        self.until.remove(peer).is_some()
    }

    /// When the next one is to be heard again.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.until.values().min().copied()
    }

    /// Who is to be heard again by now. Forgets them.
    pub(super) fn over(&mut self, now: Instant) -> Vec<PublicKey> {
        self.until.extract_if(.., |_, until| *until <= now).map(|(peer, _)| peer).collect()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::time::Duration;

    use super::*;

    #[test]
    fn who_is_muted_is_heard_again_in_time_or_when_it_left() {
        let (mut muted, now, second) = (Muted::default(), Instant::now(), Duration::from_secs(1));
        let [one, two, three] = [1, 2, 3].map(|number| PublicKey([number; 32]));
        assert_eq!(muted.deadline(), None);
        muted.mute(one, now + 2 * second);
        muted.mute(two, now + second);
        muted.mute(two, now + 3 * second);
        muted.mute(three, now + 2 * second);
        assert_eq!(muted.deadline(), Some(now + 2 * second));
        assert_eq!(muted.over(now + second), []);
        assert!(muted.left(&three) && !muted.left(&three));
        assert_eq!(muted.over(now + 2 * second), [one]);
        assert_eq!(muted.deadline(), Some(now + 3 * second), "the longer one holds");
    }
}
