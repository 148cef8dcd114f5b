//! Names on the wire. Each carries the mesh, so that two meshes share no protocol and no topic.

use driftless_statement::MeshId;
use driftless_statement::id::hex;
use libp2p::StreamProtocol;
use libp2p::gossipsub::TopicHash;

use super::GossipId;

/// Bytes of a topic outside this room. A scope is one path segment; longer ones replicate by reconciliation alone.
pub(super) const TOPIC_BYTES: usize = 96;
/// Bytes of the mesh id in names: 64 bits keep meshes apart; the handshake and every statement carry all of it.
const TAG_BYTES: usize = 8;

/// The names that one mesh uses.
#[derive(Debug, Clone)]
pub(super) struct Names {
    prefix: String,
    tag: String,
}

impl Names {
    pub(super) fn new(mesh: MeshId) -> Self {
        let tag = hex(mesh.as_bytes().get(..TAG_BYTES).unwrap_or_default());
        Self { prefix: format!("driftless/{tag}/"), tag }
    }

    /// The protocol of requests and answers.
    pub(super) fn sync(&self) -> Option<StreamProtocol> {
        StreamProtocol::try_from_owned(format!("/driftless/{}/sync/1", self.tag)).ok()
    }

    /// The protocol of gossip.
    pub(super) fn gossip(&self) -> String {
        format!("/driftless/{}/gossip/1", self.tag)
    }

    /// What identify says about the mesh.
    pub(super) fn mesh(&self) -> String {
        format!("/driftless/{}/1", self.tag)
    }

    /// The wire's name for a topic. None when it is empty or too long.
    pub(super) fn topic(&self, topic: &str) -> Option<TopicHash> {
        let fits = !topic.is_empty() && topic.len() <= TOPIC_BYTES;
        fits.then(|| TopicHash::from_raw(format!("{}{topic}", self.prefix)))
    }

    /// The topic behind the wire's name. None when it is of another mesh.
    pub(super) fn plain<'a>(&self, topic: &'a TopicHash) -> Option<&'a str> {
        let plain = topic.as_str().strip_prefix(&self.prefix)?;
        (!plain.is_empty() && plain.len() <= TOPIC_BYTES).then_some(plain)
    }
}

/// The name of a message. The topic is part of it: else a peer could publish somebody's message on another topic first,
/// and all would take the real one for a duplicate.
pub(super) fn gossip_id(topic: &TopicHash, bytes: &[u8]) -> GossipId {
    let mut hash = blake3::Hasher::new();
    hash.update(topic.as_str().as_bytes()).update(&[0]).update(bytes);
    let mut id = [0; 16];
    hash.finalize_xof().fill(&mut id);
    GossipId(id)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn topics_come_back_as_they_went() {
        let names = Names::new(MeshId([7; 32]));
        for topic in ["shop", "@mesh", "a/b", &"x".repeat(TOPIC_BYTES)] {
            assert_eq!(names.plain(&names.topic(topic).unwrap()), Some(topic));
        }
        assert_eq!(names.topic(""), None);
        assert_eq!(names.topic(&"x".repeat(TOPIC_BYTES + 1)), None);
    }

    #[test]
    fn meshes_share_no_name() {
        let (one, two) = (Names::new(MeshId([1; 32])), Names::new(MeshId([2; 32])));
        assert_eq!(two.plain(&one.topic("shop").unwrap()), None);
        assert_ne!(one.sync().unwrap(), two.sync().unwrap());
        assert_ne!(one.gossip(), two.gossip());
        assert_ne!(one.mesh(), two.mesh());
        assert_eq!(one.plain(&TopicHash::from_raw("shop")), None);
        assert_eq!(one.plain(&TopicHash::from_raw("driftless/0101010101010101/")), None);
    }

    #[test]
    fn a_message_is_named_by_topic_and_content() {
        let topic = |name| TopicHash::from_raw(name);
        assert_eq!(gossip_id(&topic("a"), b"x"), gossip_id(&topic("a"), b"x"));
        assert_ne!(gossip_id(&topic("a"), b"x"), gossip_id(&topic("b"), b"x"));
        assert_ne!(gossip_id(&topic("a"), b"x"), gossip_id(&topic("a"), b"y"));
        assert_ne!(gossip_id(&topic("a"), b"bx"), gossip_id(&topic("ab"), b"x"));
    }
}
