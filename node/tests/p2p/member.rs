//! A member that misbehaves: raw frames inside a proper connection. The node survives, others are not disturbed, and
//! who sends nonsense is no longer listened to.

use std::time::Duration;

use driftless_node::p2p::{Command, Event, MAX_REQUEST_BYTES, Multiaddr, RequestFailure, Verdict};
use driftless_statement::id::hex;
use futures::StreamExt;
use libp2p::core::upgrade::Version;
use libp2p::identity::Keypair;
use libp2p::request_response::{self as rr, Codec, ProtocolSupport};
use libp2p::swarm::{self, SwarmEvent, dial_opts::DialOpts};
use libp2p::{StreamProtocol, Swarm, Transport, noise, tcp, yamux};
use tokio::time::timeout;

use crate::support::{self, MESH, Node, TCP, config, key, secret};

/// Sends raw bytes on streams of one protocol and keeps them open.
#[derive(Debug, Clone)]
struct Raw {
    /// Never ends a message and reads nothing. Otherwise messages are whole, and it notices when a stream is ended.
    deaf: bool,
}

impl Codec for Raw {
    type Protocol = StreamProtocol;
    type Request = Vec<u8>;
    type Response = Vec<u8>;

    async fn read_request<T: Send>(&mut self, _: &StreamProtocol, _: &mut T) -> std::io::Result<Vec<u8>> {
        std::future::pending().await
    }

    async fn read_response<T>(&mut self, _: &StreamProtocol, io: &mut T) -> std::io::Result<Vec<u8>>
    where
        T: futures::AsyncRead + Unpin + Send,
    {
        use futures::AsyncReadExt;
        let mut answer = Vec::new();
        io.read_to_end(&mut answer).await?;
        Err(std::io::ErrorKind::UnexpectedEof.into())
    }

    async fn write_request<T>(&mut self, _: &StreamProtocol, io: &mut T, bytes: Vec<u8>) -> std::io::Result<()>
    where
        T: futures::AsyncWrite + Unpin + Send,
    {
        use futures::AsyncWriteExt;
        io.write_all(&bytes).await?;
        io.flush().await?;
        if self.deaf { std::future::pending().await } else { Ok(()) }
    }

    async fn write_response<T: Send>(&mut self, _: &StreamProtocol, _: &mut T, _: Vec<u8>) -> std::io::Result<()> {
        Ok(())
    }
}

/// A program with a member's key that is not ours.
struct Rogue(Swarm<rr::Behaviour<Raw>>);

impl Rogue {
    fn new(seed: u8, protocol: &str) -> Self {
        Self::with(seed, protocol, Raw { deaf: true })
    }

    fn with(seed: u8, protocol: &str, codec: Raw) -> Self {
        let key = Keypair::ed25519_from_bytes(*secret(seed).expose()).unwrap();
        let noise = noise::Config::new(&key).unwrap().with_prologue(MESH.as_bytes().to_vec());
        let tcp = tcp::tokio::Transport::new(tcp::Config::new());
        let transport = tcp.upgrade(Version::V1Lazy).authenticate(noise).multiplex(yamux::Config::default()).boxed();
        let tag = hex(&MESH.as_bytes()[..8]);
        let protocol = StreamProtocol::try_from_owned(format!("/driftless/{tag}/{protocol}/1")).unwrap();
        let setup =
            rr::Config::default().with_request_timeout(Duration::from_secs(60)).with_max_concurrent_streams(999);
        let raw = rr::Behaviour::with_codec(codec, [(protocol, ProtocolSupport::Full)], setup);
        let swarm = swarm::Config::with_tokio_executor().with_idle_connection_timeout(Duration::from_secs(600));
        Self(Swarm::new(transport, raw, key.public().to_peer_id(), swarm))
    }

    async fn connect(&mut self, to: &Multiaddr) {
        self.0.dial(DialOpts::unknown_peer_id().address(to.clone()).build()).unwrap();
        let open = self.wait(|event| matches!(event, SwarmEvent::ConnectionEstablished { .. }));
        timeout(support::DEADLINE, open).await.expect("the rogue never got in");
    }

    async fn wait<E>(&mut self, is: impl Fn(&SwarmEvent<rr::Event<Vec<u8>, Vec<u8>, E>>) -> bool)
    where
        SwarmEvent<rr::Event<Vec<u8>, Vec<u8>>>: Into<SwarmEvent<rr::Event<Vec<u8>, Vec<u8>, E>>>,
    {
        while !is(&self.0.select_next_some().await.into()) {}
    }

    /// Each on a stream of its own.
    fn send(&mut self, frames: Vec<Vec<u8>>) {
        let peer = *self.0.connected_peers().next().expect("not connected");
        for frame in frames {
            self.0.behaviour_mut().send_request(&peer, frame);
        }
    }

    /// Waits until the other side has ended so many of the streams.
    async fn refused(&mut self, count: usize) {
        let is = |event: &_| matches!(event, SwarmEvent::Behaviour(rr::Event::OutboundFailure { .. }));
        for _ in 0..count {
            timeout(support::DEADLINE, self.wait(is)).await.expect("the node keeps all streams open");
        }
    }

    /// Keeps talking while `other` happens.
    async fn during<T>(&mut self, other: impl Future<Output = T>) -> T {
        tokio::pin!(other);
        loop {
            tokio::select! {
                done = &mut other => return done,
                _ = self.0.select_next_some() => {}
            }
        }
    }
}

fn varint(mut number: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    while number >= 0x80 {
        bytes.push(number as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
    bytes
}

/// A protobuf field of bytes.
fn field(number: u64, content: &[u8]) -> Vec<u8> {
    [varint(number << 3 | 2), varint(content.len() as u64), content.to_vec()].concat()
}

/// A protobuf field that is a number.
fn count(number: u64, value: u64) -> Vec<u8> {
    [varint(number << 3), varint(value)].concat()
}

fn framed(content: Vec<u8>) -> Vec<u8> {
    [varint(content.len() as u64), content].concat()
}

fn wire_topic(topic: &str) -> String {
    format!("driftless/{}/{topic}", hex(&MESH.as_bytes()[..8]))
}

fn message(topic: &str, content: &[u8]) -> Vec<u8> {
    field(2, &[field(2, content), field(4, wire_topic(topic).as_bytes())].concat())
}

/// Frames in the shapes of published advisories and of plain nonsense.
fn frames() -> Vec<Vec<u8>> {
    let topic = wire_topic("shop");
    let prune = |topic: &str, backoff| field(3, &field(4, &[field(1, topic.as_bytes()), count(3, backoff)].concat()));
    let graft = |topic: &str| field(3, &field(3, &field(1, topic.as_bytes())));
    let many = |make: &dyn Fn(usize) -> Vec<u8>| (0..2_000).flat_map(make).collect::<Vec<u8>>();
    let subscribe = |topic: &str| field(1, &[count(1, 1), field(2, topic.as_bytes())].concat());
    vec![
        framed(prune(&topic, u64::MAX)),
        framed(prune(&topic, u64::MAX / 2)),
        framed(prune(&topic, i64::MAX as u64)),
        framed(prune("never joined", 7)),
        framed(many(&|number| graft(&format!("{topic}{number}")))),
        framed(many(&|number| subscribe(&format!("{topic}{number}")))),
        framed(many(&|number| message("shop", &number.to_be_bytes()))),
        framed(field(3, &field(1, &[field(1, topic.as_bytes()), many(&|id| field(2, &id.to_be_bytes()))].concat()))),
        framed(field(3, &field(2, &many(&|id| field(1, &id.to_be_bytes()))))),
        framed(field(2, &[field(2, b"signed?"), field(3, &[0; 8]), field(5, &[1; 64])].concat())),
        framed(field(2, b"\xff\xff\xff\xff\xff")),
        framed(vec![0xff; 60_000]),
        varint(u64::MAX),
        varint(1 << 40),
        vec![0xff; 100_000],
        vec![],
    ]
}

async fn two_honest() -> (Node, Node) {
    let mut a = Node::start(1, config(MESH, TCP, 1)).await;
    a.members(&[key(2), key(3)]).await;
    let mut b = config(MESH, TCP, 2);
    b.peers = vec![a.named()];
    let mut b = Node::start(2, b).await;
    for node in [&a, &b] {
        node.subscribe("shop").await;
    }
    a.connected(key(2)).await;
    b.connected(key(1)).await;
    (a, b)
}

#[tokio::test]
async fn crafted_gossip_frames_do_no_harm() {
    let (mut a, mut b) = two_honest().await;
    for (number, frame) in frames().into_iter().enumerate() {
        let mut rogue = Rogue::new(3, "gossip");
        rogue.connect(&a.addr).await;
        a.connected(key(3)).await;
        // A proper message before it on the same stream shows that the frame is read at all.
        let proper = (number as u64).to_be_bytes();
        rogue.send(vec![[framed(message("shop", &proper)), frame].concat()]);
        rogue.during(a.gossip(&proper)).await;
        // The node answers requests of an honest peer meanwhile: it lives, and its loop turns.
        rogue.during(b.ask(&mut a, 1, b"alive?")).await;
        drop(rogue);
        a.disconnected(key(3)).await;
    }
    b.publish("shop", b"still here").await;
    a.gossip(b"still here").await;
}

#[tokio::test]
async fn who_sends_nonsense_is_no_longer_listened_to() {
    let (mut a, b) = two_honest().await;
    let mut rogue = Rogue::new(3, "gossip");
    rogue.connect(&a.addr).await;
    let nonsense: Vec<Vec<u8>> = (0..5u8).map(|number| framed(message("shop", &[number]))).collect();
    rogue.send(vec![nonsense.concat()]);
    for number in 0..5u8 {
        let (_, id, from) = rogue.during(a.gossip(&[number])).await;
        assert_eq!(from, key(3));
        a.judge(id, from, Verdict::Reject).await;
    }
    let banned = a.find("the ban", |event| match event {
        Event::Banned { who, .. } => Some(who.clone()),
        _ => None,
    });
    assert_eq!(rogue.during(banned).await, key(3).to_string());
    rogue.during(a.disconnected(key(3))).await;
    b.publish("shop", b"honest").await;
    rogue.during(a.gossip(b"honest")).await;
}

/// Who was banned is refused altogether, until the ban is over.
#[tokio::test]
async fn who_sends_nonsense_over_and_over_is_banned_and_comes_back_when_that_is_over() {
    let mut config = config(MESH, TCP, 1);
    (config.first_ban, config.longest_ban) = (Duration::from_secs(2), Duration::from_secs(2));
    let mut a = Node::start(1, config).await;
    a.members(&[key(2), key(3)]).await;
    let mut others = Vec::new();
    for seed in [2, 3] {
        let mut config = support::config(MESH, TCP, seed);
        config.peers = vec![a.named()];
        let mut other = Node::start(seed, config).await;
        other.connected(key(1)).await;
        a.connected(key(seed)).await;
        others.push(other);
    }
    for _ in 0..5 {
        a.send(Command::Fault { peer: key(3), why: "nonsense" }).await;
    }
    let banned = a.find("the ban", |event| match event {
        Event::Banned { who, why, lasts } => Some((who.clone(), *why, *lasts)),
        _ => None,
    });
    assert_eq!(banned.await, (key(3).to_string(), "nonsense", Duration::from_secs(2)));
    a.disconnected(key(3)).await;
    assert_eq!(a.handle.traffic().bans(), 1);
    // It dials on, gets through the handshake, and is cut again: all that time it is no peer.
    others[1].disconnected(key(1)).await;
    others[1].connected(key(1)).await;
    others[1].disconnected(key(1)).await;
    assert!(!a.has_unread(|event| matches!(event, Event::Connected { .. })));
    let (b, c) = others.split_at_mut(1);
    b[0].ask(&mut a, 1, b"served?").await;
    // The ban ends by itself.
    a.connected(key(3)).await;
    c[0].ask(&mut a, 2, b"and I?").await;
    assert!(!a.has_unread(|event| matches!(event, Event::Disconnected { .. })), "nobody else was cut");
}

/// The driver says who lost its membership; the network must do the rest within a heartbeat of gossip.
#[tokio::test]
async fn who_was_expelled_is_cut_within_a_heartbeat_and_neither_heard_nor_let_in_again() {
    const HEARTBEAT: Duration = Duration::from_secs(1);
    let mut nodes = support::mesh(&[1, 2, 3], TCP, "shop").await;
    // Node 3 dialled the others, and has node 1 among its configured peers.
    nodes[0].send(Command::Expelled([key(3)].into())).await;
    let gone = |event: &Event| matches!(event, Event::Disconnected { peer } if *peer == key(3)).then_some(());
    assert_eq!(nodes[0].find_within(HEARTBEAT, gone).await, Some(()), "still connected after a heartbeat");
    nodes[2].disconnected(key(1)).await;
    nodes[2].send(Command::Publish { topic: "shop".into(), bytes: b"from an expelled one".to_vec() }).await;
    // Two refused dials later it is still out, and nothing of it was heard here, nor forwarded by node 2, which has not
    // judged it.
    for _ in 0..2 {
        nodes[2].connected(key(1)).await;
        nodes[2].disconnected(key(1)).await;
    }
    let heard = |event: &Event| matches!(event, Event::Gossip { bytes, .. } if bytes == b"from an expelled one");
    assert!(!nodes[0].has_unread(|event| heard(event) || matches!(event, Event::Connected { .. })));
    nodes[0].send(Command::Request { peer: key(3), corr: 1, bytes: vec![1] }).await;
    assert_eq!(nodes[0].answer(1).await, Err(RequestFailure::NotConnected));
    let (a, b) = support::pair(&mut nodes, 0, 1);
    a.ask(b, 2, b"still there").await;
}

#[tokio::test]
async fn a_flood_of_requests_from_one_member_leaves_the_others_served() {
    let (mut a, mut b) = two_honest().await;
    let mut rogue = Rogue::new(3, "sync");
    rogue.connect(&a.addr).await;
    a.connected(key(3)).await;
    // None of them ever ends: each tries to hold a stream open.
    rogue.send(vec![b"never ends".to_vec(); 900]);
    rogue.during(b.ask(&mut a, 1, b"served?")).await;
    rogue.during(a.ask(&mut b, 2, b"and you?")).await;
    assert_eq!(a.handle.traffic().requests_received(), 1);
}

/// What one connection can hold open: the bound of docs/operations.md on the memory that a hostile member costs.
#[tokio::test]
async fn streams_beyond_the_bound_are_refused_and_the_others_stay() {
    const STREAMS: usize = 32;
    let mut patient = config(MESH, TCP, 1);
    // No stream ends for want of time while the test runs.
    patient.request_timeout = Duration::from_secs(3_600);
    let mut a = Node::start(1, patient).await;
    a.members(&[key(2), key(3)]).await;
    let mut rogue = Rogue::with(3, "sync", Raw { deaf: false });
    rogue.connect(&a.addr).await;
    a.connected(key(3)).await;
    // Messages of the greatest size that needs no room, which nobody here answers.
    rogue.send(vec![vec![7; 64 * 1024]; STREAMS + 9]);
    rogue.refused(9).await;
    let mut b = config(MESH, TCP, 2);
    b.peers = vec![a.named()];
    let mut b = Node::start(2, b).await;
    rogue.during(b.connected(key(1))).await;
    rogue.during(b.ask(&mut a, 1, b"served?")).await;
    // The bound is exact: whatever is added is refused, and none of those that are held ended.
    rogue.send(vec![b"and one more".to_vec()]);
    rogue.refused(1).await;
    let rogues = a.handle.traffic().requests_received() - 1;
    assert_eq!(rogues, STREAMS as u64);
}

/// Large messages take room, and one connection gets room for two of them: the others wait, and small ones pass.
#[tokio::test]
async fn large_requests_wait_for_room_and_small_ones_do_not() {
    let (mut a, mut b) = two_honest().await;
    let mut rogue = Rogue::with(3, "sync", Raw { deaf: false });
    rogue.connect(&a.addr).await;
    a.connected(key(3)).await;
    rogue.send((0..9).map(|number| vec![number; MAX_REQUEST_BYTES]).collect());
    let large = |event: &Event| matches!(event, Event::Request { bytes, .. } if bytes.len() == MAX_REQUEST_BYTES);
    let token = |event: &Event| match event {
        Event::Request { token, .. } if large(event) => Some(*token),
        _ => None,
    };
    let first = rogue.during(a.find("a large request", token)).await;
    rogue.during(a.find("another one", token)).await;
    rogue.during(b.ask(&mut a, 1, b"small")).await;
    rogue.during(b.ask(&mut a, 2, &vec![9; MAX_REQUEST_BYTES - 64])).await;
    assert!(!a.has_unread(large), "a third one has to wait");
    a.send(Command::Respond { token: first, bytes: b"done".to_vec() }).await;
    rogue.during(a.find("the next one", token)).await;
}

#[tokio::test]
async fn a_peer_that_never_answers_costs_a_timeout_and_no_more() {
    let mut slow = config(MESH, TCP, 1);
    // Long enough for the honest request at the end, which has to be answered within it, too.
    slow.request_timeout = Duration::from_secs(3);
    let mut a = Node::start(1, slow).await;
    a.members(&[key(2)]).await;
    let mut b = config(MESH, TCP, 2);
    b.peers = vec![a.named()];
    let mut b = Node::start(2, b).await;
    a.connected(key(2)).await;
    for corr in 0..100 {
        a.send(Command::Request { peer: key(2), corr, bytes: b"?".to_vec() }).await;
    }
    for corr in 0..100 {
        // Those beyond what one connection carries at once are refused by the peer; the others wait in vain.
        let failure = a.answer(corr).await.unwrap_err();
        assert!(matches!(failure, RequestFailure::Timeout | RequestFailure::Stream), "{failure}");
    }
    let (_, token) = b.request(b"?").await;
    b.send(Command::Respond { token, bytes: b"too late".to_vec() }).await;
    b.ask(&mut a, 7, b"alive?").await;
}
