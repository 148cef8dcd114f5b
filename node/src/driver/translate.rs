//! Between the network's words and core's: pure functions, nothing decided.

use driftless_core::machine::{Event, Topic, Verdict};

use crate::p2p;

/// The topic that carries beacons; no scope can have this name.
const BEACONS: &str = "@beacons";

/// The network's name of a topic.
pub(super) fn topic(topic: &Topic) -> String {
    match topic {
        Topic::Scope(scope) => scope.to_string(),
        Topic::Beacons => BEACONS.to_owned(),
    }
}

/// The network's verdict.
pub(super) fn verdict(verdict: Verdict) -> p2p::Verdict {
    match verdict {
        Verdict::Accept => p2p::Verdict::Accept,
        Verdict::Ignore => p2p::Verdict::Ignore,
        Verdict::Reject => p2p::Verdict::Reject,
    }
}

/// What core hears of a network event; `None`: only the log does.
pub(super) fn event(event: p2p::Event) -> Option<Event> {
    match event {
        p2p::Event::Connected { peer, .. } => Some(Event::Connected { peer }),
        p2p::Event::Disconnected { peer } => Some(Event::Disconnected { peer }),
        p2p::Event::Gossip { id, from, bytes, .. } => {
            Some(Event::Gossip { id: id.0.to_vec(), from, bytes: bytes.into() })
        }
        p2p::Event::Request { peer, token, bytes } => Some(Event::Request { peer, token: token.0, bytes }),
        p2p::Event::Response { peer, corr, bytes } => Some(Event::Response { peer, corr, bytes }),
        p2p::Event::RequestFailed { peer, corr, .. } => Some(Event::RequestFailed { peer, corr }),
        p2p::Event::Listening { .. } | p2p::Event::DialFailed { .. } | p2p::Event::Banned { .. } => None,
    }
}

/// Where a peer that just connected stands, as core is told.
pub(super) fn group(event: &p2p::Event) -> Option<Event> {
    match event {
        p2p::Event::Connected { peer, group, .. } => group.map(|group| Event::Group { peer: *peer, group }),
        _ => None,
    }
}

/// The peer whose own words core reads in this event: nobody else can be blamed for them.
pub(super) fn asked_by(event: &p2p::Event) -> Option<driftless_statement::PublicKey> {
    match event {
        p2p::Event::Request { peer, .. } | p2p::Event::Response { peer, .. } => Some(*peer),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use driftless_statement::{PublicKey, Scope};

    use super::*;

    #[test]
    fn beacons_have_a_topic_that_no_scope_can_take() {
        assert!(Scope::parse(&topic(&Topic::Beacons)).is_err());
        assert_eq!(topic(&Topic::Scope(Scope::parse("shop").unwrap())), "shop");
    }

    #[test]
    fn what_core_need_not_hear_is_kept_from_it() {
        assert!(event(p2p::Event::Listening { addr: "/ip4/127.0.0.1".to_owned() }).is_none());
        let peer = PublicKey([7; 32]);
        assert!(matches!(event(p2p::Event::Disconnected { peer }), Some(Event::Disconnected { peer: p }) if p == peer));
    }
}
