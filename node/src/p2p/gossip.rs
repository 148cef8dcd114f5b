//! How gossip is set up. It is the accelerator only: whatever it loses, reconciliation brings back.

use std::time::Duration;

use libp2p::gossipsub::{
    Behaviour, Config, ConfigBuilder, IdentTopic, IdentityTransform, MaxCountSubscriptionFilter, Message,
    MessageAuthenticity, MessageId, MetricsConfig, TopicHash, TopicSubscriptionFilter, ValidationMode, Version,
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
    let gossip = gossip.map_err(P2pError::setup)?;
    // No scores. Who hands on what no honest node does is banned (`bans.rs`), which says why and ends; what is merely not
    // sent, reconciliation brings. Gossip's own scores would remember who brought each message for two minutes, with no
    // setting for it: under a flood more memory than all the rest. And by default they punish peers behind one address.
    let limits = MetricsConfig { max_topics: TOPICS, max_never_subscribed_topics: 16, ..MetricsConfig::default() };
    Ok(gossip.with_metrics(registry.sub_registry_with_prefix("libp2p_gossipsub_router"), limits))
}

/// Listens to a topic. False: there are too many.
pub(super) fn listen(gossip: &mut Gossip, topic: TopicHash) -> bool {
    gossip.subscribe(&IdentTopic::new(topic.into_string())).is_ok()
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use driftless_statement::MeshId;
    use libp2p::PeerId;

    use super::*;

    #[tokio::test]
    async fn nobody_is_punished_for_its_address() {
        let names = Names::new(MeshId([1; 32]));
        let mut gossip = behaviour(&names, &mut Registry::default()).unwrap();
        assert!(listen(&mut gossip, names.topic("shop").unwrap()));
        assert_eq!(gossip.peer_score(&PeerId::random()), None, "nobody has a score");
    }

    #[test]
    fn the_parameters_hold_together() {
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
