//! How gossip is set up. It is the accelerator only: whatever it loses, reconciliation brings back.

use std::collections::HashSet;
use std::time::Duration;

use libp2p::gossipsub::{
    Behaviour, Config, ConfigBuilder, IdentTopic, IdentityTransform, MaxCountSubscriptionFilter, Message,
    MessageAuthenticity, MessageId, MetricsConfig, PeerScoreParams, PeerScoreThresholds, TopicHash, TopicScoreParams,
    TopicSubscriptionFilter, ValidationMode, Version,
};
use prometheus_client::registry::Registry;

use super::names::{Names, gossip_id};
use super::{MAX_GOSSIP_BYTES, P2pError};

/// Topics that a peer may listen to, and that this node may. All of them travel in one greeting, which must fit into
/// [`GREETING_BYTES`] with names of the greatest length.
pub(super) const TOPICS: usize = 384;
/// Bytes of the control part of one frame.
const GREETING_BYTES: usize = 64 * 1024;
/// Room that a frame needs beside the content: topic, lengths and tags.
const FRAME_BYTES: usize = 1024;
/// Messages of one frame that are looked at. Our own nodes send one a frame; the default of 5,000 is an amplifier.
const MESSAGES_A_FRAME: usize = 64;
/// Messages waiting for one slow peer: 8 MiB if all are as large as a flooded statement may be. When full they are
/// dropped. A burst of 5,000 given at once on one thread lost 40 % at half of this.
const QUEUE: usize = 512;
/// How long a name is remembered, so that a message is not heard twice. Not a replay protection, and nothing hangs on it:
/// what is heard again is known by its id, and is not handed on. Longer than the three heartbeats for which a peer offers
/// what it has, and a slow way there; the default of a minute kept the names of a flood for as long.
const REMEMBER: Duration = Duration::from_secs(10);

/// Gossip as this mesh runs it.
pub(super) type Gossip = Behaviour<IdentityTransform, MaxCountSubscriptionFilter<OfMesh>>;

/// Lets peers listen only to topics of our mesh.
#[derive(Debug, Clone)]
pub(super) struct OfMesh(Names);

impl TopicSubscriptionFilter for OfMesh {
    fn can_subscribe(&mut self, topic: &TopicHash) -> bool {
        self.0.plain(topic).is_some()
    }
}

/// Builds it, with its metrics in the registry.
pub(super) fn behaviour(names: &Names, registry: &mut Registry) -> Result<Gossip, P2pError> {
    let filter = MaxCountSubscriptionFilter {
        filter: OfMesh(names.clone()),
        max_subscribed_topics: TOPICS,
        max_subscriptions_per_request: TOPICS,
    };
    // Anonymous: statements and beacons carry their author's signature. A second one, with a sequence number, would
    // cost some 110 bytes a message and make the same content look like two messages.
    let gossip = Behaviour::new_with_subscription_filter(MessageAuthenticity::Anonymous, config(names)?, filter);
    let mut gossip = gossip.map_err(P2pError::setup)?;
    gossip.with_peer_score(score(), thresholds()).map_err(P2pError::setup)?;
    let limits = MetricsConfig { max_topics: TOPICS, max_never_subscribed_topics: 16, ..MetricsConfig::default() };
    Ok(gossip.with_metrics(registry.sub_registry_with_prefix("libp2p_gossipsub_router"), limits))
}

/// The topic as gossipsub wants it, with the score that peers earn and lose there.
pub(super) fn listen(gossip: &mut Gossip, topic: TopicHash) -> bool {
    let topic = IdentTopic::new(topic.into_string());
    gossip.set_topic_params(topic.clone(), topic_score()).is_ok() && gossip.subscribe(&topic).is_ok()
}

fn config(names: &Names) -> Result<Config, P2pError> {
    let id = |message: &Message| MessageId::new(&gossip_id(&message.topic, &message.data).0);
    ConfigBuilder::default()
        .protocol_id(names.gossip(), Version::V1_1)
        .validation_mode(ValidationMode::Anonymous)
        .validate_messages()
        .message_id_fn(id)
        .max_transmit_size(MAX_GOSSIP_BYTES + FRAME_BYTES)
        .max_publish_messages(MESSAGES_A_FRAME)
        .max_control_message_size(GREETING_BYTES)
        .max_control_messages_sent(MESSAGES_A_FRAME * 8)
        .connection_handler_queue_len(QUEUE)
        .duplicate_cache_time(REMEMBER)
        // A mesh of three has two neighbours each: `low` is then never reached, and all that means is that every
        // heartbeat looks for more. The sizes are gossipsub's own, simulated at up to 4,096 nodes.
        .mesh_n_low(4)
        .mesh_n(6)
        .mesh_n_high(12)
        .mesh_outbound_min(2)
        // A node's own statements go to all its peers, not only to those of its mesh: one slow neighbour delays none.
        .flood_publish(true)
        // After a healed cut the mesh must not wait five seconds, the default, for its first repair.
        .heartbeat_initial_delay(Duration::from_millis(100))
        .heartbeat_interval(Duration::from_secs(1))
        .build()
        .map_err(P2pError::setup)
}

/// Penalties for what no honest node does, and for nothing else.
fn score() -> PeerScoreParams {
    PeerScoreParams {
        // Many nodes behind one address are the rule: containers, one laboratory, address translation. The default
        // puts every one of 14 such peers on the grey list. Who they are is proven by their keys.
        ip_colocation_factor_weight: 0.0,
        ip_colocation_factor_whitelist: HashSet::new(),
        // A full queue towards a peer is as often our fault as its own, and reconciliation repairs what it missed.
        slow_peer_weight: 0.0,
        // Broken promises happen to honest peers whose own queue was full; a handful a second is free.
        behaviour_penalty_threshold: 6.0,
        behaviour_penalty_weight: -10.0,
        behaviour_penalty_decay: 0.8,
        topic_score_cap: 100.0,
        app_specific_weight: 0.0,
        ..PeerScoreParams::default()
    }
}

/// One rejected message costs 10, two 40, three 90: below −80 a peer is no longer listened to. Forgotten in minutes.
fn topic_score() -> TopicScoreParams {
    TopicScoreParams {
        topic_weight: 1.0,
        time_in_mesh_weight: 0.01,
        time_in_mesh_quantum: Duration::from_secs(1),
        time_in_mesh_cap: 300.0,
        first_message_deliveries_weight: 0.1,
        first_message_deliveries_decay: 0.9,
        first_message_deliveries_cap: 50.0,
        // A configuration mesh is quiet most of the day: silence must cost nothing.
        mesh_message_deliveries_weight: 0.0,
        mesh_failure_penalty_weight: 0.0,
        invalid_message_deliveries_weight: -10.0,
        invalid_message_deliveries_decay: 0.97,
        ..TopicScoreParams::default()
    }
}

fn thresholds() -> PeerScoreThresholds {
    PeerScoreThresholds {
        gossip_threshold: -10.0,
        publish_threshold: -50.0,
        graylist_threshold: -80.0,
        accept_px_threshold: 1000.0,
        opportunistic_graft_threshold: 1.0,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use driftless_statement::MeshId;
    use libp2p::core::transport::PortUse;
    use libp2p::core::{ConnectedPoint, Endpoint};
    use libp2p::swarm::behaviour::ConnectionEstablished;
    use libp2p::swarm::{ConnectionId, FromSwarm, NetworkBehaviour};
    use libp2p::{Multiaddr, PeerId};

    use super::*;

    /// Connects `count` peers from one address and says the lowest score.
    fn lowest_score(gossip: &mut Gossip, count: usize) -> f64 {
        let here: Multiaddr = "/ip4/127.0.0.1/tcp/1".parse().unwrap();
        let peers: Vec<PeerId> = (0..count).map(|_| PeerId::random()).collect();
        for (index, peer) in peers.iter().enumerate() {
            let there: Multiaddr = format!("/ip4/198.51.100.7/tcp/{}", index + 1).parse().unwrap();
            let id = ConnectionId::new_unchecked(index);
            let _handler =
                gossip.handle_established_outbound_connection(id, *peer, &there, Endpoint::Dialer, PortUse::New);
            let endpoint = ConnectedPoint::Listener { local_addr: here.clone(), send_back_addr: there };
            gossip.on_swarm_event(FromSwarm::ConnectionEstablished(ConnectionEstablished {
                peer_id: *peer,
                connection_id: id,
                endpoint: &endpoint,
                failed_addresses: &[],
                other_established: 0,
            }));
        }
        peers.iter().map(|peer| gossip.peer_score(peer).unwrap()).fold(f64::INFINITY, f64::min)
    }

    #[tokio::test]
    async fn fifty_peers_on_one_address_lose_nothing() {
        let names = Names::new(MeshId([1; 32]));
        let mut gossip = behaviour(&names, &mut Registry::default()).unwrap();
        assert!(listen(&mut gossip, names.topic("shop").unwrap()));
        assert!(lowest_score(&mut gossip, 50) >= 0.0);
    }

    #[tokio::test]
    async fn the_default_score_would_have_banned_them() {
        let names = Names::new(MeshId([1; 32]));
        let mut gossip = Gossip::new_with_subscription_filter(
            MessageAuthenticity::Anonymous,
            config(&names).unwrap(),
            MaxCountSubscriptionFilter {
                filter: OfMesh(names),
                max_subscribed_topics: TOPICS,
                max_subscriptions_per_request: TOPICS,
            },
        )
        .unwrap();
        gossip.with_peer_score(PeerScoreParams::default(), thresholds()).unwrap();
        assert!(lowest_score(&mut gossip, 50) < thresholds().graylist_threshold);
    }

    #[test]
    fn the_parameters_hold_together() {
        score().validate().unwrap();
        topic_score().validate().unwrap();
        thresholds().validate().unwrap();
        let config = config(&Names::new(MeshId([1; 32]))).unwrap();
        assert!(config.validate_messages() && config.flood_publish() && !config.do_px());
        assert_eq!(config.max_transmit_size(), MAX_GOSSIP_BYTES + FRAME_BYTES);
        // Subscriptions: topic, two tags, two lengths and a flag each.
        let longest = Names::new(MeshId([1; 32])).topic(&"x".repeat(super::super::names::TOPIC_BYTES)).unwrap();
        assert!(TOPICS * (longest.as_str().len() + 8) < GREETING_BYTES);
    }

    #[test]
    fn peers_listen_to_our_mesh_only() {
        let (ours, theirs) = (Names::new(MeshId([1; 32])), Names::new(MeshId([2; 32])));
        let mut filter = OfMesh(ours.clone());
        assert!(filter.can_subscribe(&ours.topic("shop").unwrap()));
        assert!(!filter.can_subscribe(&theirs.topic("shop").unwrap()));
        assert!(!filter.can_subscribe(&TopicHash::from_raw("shop")));
    }
}
