//! Nodes for the network's tests: real sockets on loopback, free ports, and waiting for conditions with a deadline.

use std::time::Duration;

use driftless_node::p2p::{
    Command, Event, Events, GossipId, Multiaddr, P2pConfig, P2pHandle, RequestFailure, RequestToken, Verdict,
    address_of, spawn,
};
use driftless_statement::{MeshId, PublicKey, SecretKey};
use prometheus_client::registry::Registry;
use tokio::time::timeout;

/// Longer than anything takes on a machine with much else to do; reached only when a test fails.
pub const DEADLINE: Duration = Duration::from_secs(60);
pub const MESH: MeshId = MeshId([0xaa; 32]);
pub const TCP: &str = "/ip4/127.0.0.1/tcp/0";
pub const QUIC: &str = "/ip4/127.0.0.1/udp/0/quic-v1";

pub fn secret(seed: u8) -> SecretKey {
    SecretKey::from_bytes([seed; 32])
}

pub fn key(seed: u8) -> PublicKey {
    secret(seed).public()
}

/// A running node and what it has said so far that no test has asked for yet.
pub struct Node {
    pub handle: P2pHandle,
    pub addr: Multiaddr,
    pub registry: Registry,
    events: Events,
    unread: Vec<Event>,
}

/// Settings of a node that most tests share.
pub fn config(mesh: MeshId, listen: &str, seed: u8) -> P2pConfig {
    let mut config = P2pConfig::new(mesh);
    config.listen = vec![listen.parse().unwrap()];
    config.seed = u64::from(seed);
    config
}

impl Node {
    pub async fn start(seed: u8, config: P2pConfig) -> Self {
        let mut registry = Registry::default();
        let (handle, events) = spawn(config, &secret(seed), &mut registry).unwrap();
        let addr = TCP.parse().unwrap();
        let mut node = Self { handle, addr, registry, events, unread: Vec::new() };
        let addr = node.find("listening", |event| match event {
            Event::Listening { addr } => Some(addr.parse().unwrap()),
            _ => None,
        });
        node.addr = addr.await;
        node
    }

    pub fn key(&self) -> PublicKey {
        self.handle.local()
    }

    /// The node's address with its id.
    pub fn named(&self) -> Multiaddr {
        address_of(&self.addr, &self.key()).unwrap()
    }

    pub async fn send(&self, command: Command) {
        self.handle.send(command).await.unwrap();
    }

    /// The first event, unread or still to come, of which `pick` makes something. Others stay unread, in order.
    pub async fn find<T>(&mut self, what: &str, pick: impl FnMut(&Event) -> Option<T>) -> T {
        self.find_within(DEADLINE, pick).await.unwrap_or_else(|| panic!("never: {what}; unread: {:?}", self.unread))
    }

    pub async fn find_within<T>(&mut self, within: Duration, mut pick: impl FnMut(&Event) -> Option<T>) -> Option<T> {
        if let Some((index, found)) = self.unread.iter().enumerate().find_map(|(i, event)| Some((i, pick(event)?))) {
            self.unread.remove(index);
            return Some(found);
        }
        let search = async {
            loop {
                let event = self.events.recv().await?;
                if let Some(found) = pick(&event) {
                    return Some(found);
                }
                self.unread.push(event);
            }
        };
        timeout(within, search).await.ok().flatten()
    }

    pub async fn connected(&mut self, peer: PublicKey) {
        self.find("connected", |event| matches!(event, Event::Connected { peer: p, .. } if *p == peer).then_some(()))
            .await;
    }

    pub async fn disconnected(&mut self, peer: PublicKey) {
        self.find("disconnected", |event| matches!(event, Event::Disconnected { peer: p } if *p == peer).then_some(()))
            .await;
    }

    pub async fn gossip(&mut self, content: &[u8]) -> (String, GossipId, PublicKey) {
        self.find("gossip", |event| match event {
            Event::Gossip { topic, id, from, bytes } if bytes == content => Some((topic.clone(), *id, *from)),
            _ => None,
        })
        .await
    }

    pub async fn request(&mut self, content: &[u8]) -> (PublicKey, RequestToken) {
        self.find("request", |event| match event {
            Event::Request { peer, token, bytes } if bytes == content => Some((*peer, *token)),
            _ => None,
        })
        .await
    }

    /// What the answer to request `corr` was, or how it failed.
    pub async fn answer(&mut self, corr: u64) -> Result<Vec<u8>, driftless_node::p2p::RequestFailure> {
        self.find("answer", |event| match event {
            Event::Response { corr: c, bytes, .. } if *c == corr => Some(Ok(bytes.clone())),
            Event::RequestFailed { corr: c, reason, .. } if *c == corr => Some(Err(*reason)),
            _ => None,
        })
        .await
    }

    /// What came so far that no test has asked for.
    pub fn unread(&self) -> &[Event] {
        &self.unread
    }

    /// Whether anything unread so far is such an event.
    pub fn has_unread(&self, is: impl Fn(&Event) -> bool) -> bool {
        self.unread.iter().any(is)
    }

    pub async fn subscribe(&self, topic: &str) {
        self.send(Command::Subscribe { topic: topic.to_owned() }).await;
    }

    /// Names the members. When this returns the gate knows them: whoever is started now is let in at once.
    pub async fn members(&mut self, members: &[PublicKey]) {
        self.send(Command::Members(members.iter().copied().collect())).await;
        self.obeyed().await;
    }

    /// Waits until every command sent so far was obeyed: they are in the order in which they came, and a request to
    /// nobody is answered at once.
    pub async fn obeyed(&mut self) {
        const NOBODY: PublicKey = PublicKey([0; 32]);
        self.send(Command::Request { peer: NOBODY, corr: u64::MAX, bytes: vec![] }).await;
        assert_eq!(self.answer(u64::MAX).await, Err(RequestFailure::NotConnected));
    }

    pub async fn judge(&self, id: GossipId, from: PublicKey, verdict: Verdict) {
        self.send(Command::Verdict { id, from, verdict }).await;
    }

    /// Publishes until the message has left: until some peer is known to listen.
    pub async fn publish(&self, topic: &str, content: &[u8]) {
        let before = self.handle.traffic().published();
        let mut again = tokio::time::interval(Duration::from_millis(20));
        let sent = async {
            while self.handle.traffic().published() == before {
                self.send(Command::Publish { topic: topic.to_owned(), bytes: content.to_vec() }).await;
                again.tick().await;
            }
        };
        timeout(DEADLINE, sent).await.expect("nobody ever listened");
    }

    /// Publishes until `other` hears it from here: until this node knows that the other one listens. Not judged there,
    /// so it travels no further.
    pub async fn reach(&mut self, other: &mut Self, topic: &str) {
        let own = self.key();
        let heard = async {
            for number in 0u32.. {
                let bytes = [b"reach ", own.as_bytes().as_slice(), &number.to_be_bytes()].concat();
                self.send(Command::Publish { topic: topic.to_owned(), bytes }).await;
                let from_here = |event: &Event| match event {
                    Event::Gossip { from, bytes, .. } => (*from == own && bytes.starts_with(b"reach ")).then_some(()),
                    _ => None,
                };
                if other.find_within(Duration::from_millis(100), from_here).await.is_some() {
                    return;
                }
            }
        };
        timeout(DEADLINE, heard).await.expect("never reached");
    }

    /// Sends a request and answers it on the other side.
    pub async fn ask(&mut self, other: &mut Self, corr: u64, content: &[u8]) {
        self.send(Command::Request { peer: other.key(), corr, bytes: content.to_vec() }).await;
        let (peer, token) = other.request(content).await;
        assert_eq!(peer, self.key());
        let answer = [b"answer to ", content].concat();
        other.send(Command::Respond { token, bytes: answer.clone() }).await;
        assert_eq!(self.answer(corr).await, Ok(answer));
    }

    /// Shuts down and waits until it has ended.
    pub async fn stop(mut self) {
        self.send(Command::Shutdown).await;
        timeout(DEADLINE, async { while self.events.recv().await.is_some() {} }).await.expect("never ended");
    }
}

/// Nodes that all know each other by id and listen to `topic`: each dials those started before it. Each knows that
/// the others listen, and nothing is under way.
pub async fn mesh(seeds: &[u8], listen: &str, topic: &str) -> Vec<Node> {
    let mut nodes: Vec<Node> = Vec::new();
    for seed in seeds {
        let mut config = config(MESH, listen, *seed);
        config.peers = nodes.iter().map(Node::named).collect();
        let mut node = Node::start(*seed, config).await;
        let members: Vec<_> = seeds.iter().map(|seed| key(*seed)).collect();
        node.members(&members).await;
        node.subscribe(topic).await;
        nodes.push(node);
    }
    for node in &mut nodes {
        let own = node.key();
        for other in seeds.iter().map(|seed| key(*seed)).filter(|other| *other != own) {
            node.connected(other).await;
        }
    }
    for (a, b) in (0..seeds.len()).flat_map(|a| (0..seeds.len()).map(move |b| (a, b))).filter(|(a, b)| a != b) {
        let (a, b) = pair(&mut nodes, a, b);
        a.reach(b, topic).await;
    }
    // What a node says last arrives last: then all of the above has arrived, and is forgotten.
    for speaker in 0..seeds.len() {
        let last = [b"settled ", nodes[speaker].key().as_bytes().as_slice()].concat();
        nodes[speaker].publish(topic, &last).await;
        for listener in (0..seeds.len()).filter(|listener| *listener != speaker) {
            nodes[listener].gossip(&last).await;
        }
    }
    for node in &mut nodes {
        node.unread.retain(|event| !matches!(event, Event::Gossip { .. }));
    }
    nodes
}

/// Waits for a condition that nothing tells of.
pub async fn until(what: &str, is: impl Fn() -> bool) {
    let mut look = tokio::time::interval(Duration::from_millis(20));
    let becomes = async {
        while !is() {
            look.tick().await;
        }
    };
    timeout(DEADLINE, becomes).await.unwrap_or_else(|_| panic!("waited in vain: {what}"));
}

/// A second mutable view on two nodes of a mesh.
pub fn pair(nodes: &mut [Node], a: usize, b: usize) -> (&mut Node, &mut Node) {
    let [a, b] = nodes.get_disjoint_mut([a, b]).unwrap();
    (a, b)
}
