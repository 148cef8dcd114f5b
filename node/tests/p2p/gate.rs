//! Who may be connected: members and configured peers, nobody else, at every moment.

use driftless_node::p2p::{Command, Event, P2pError, spawn};
use driftless_statement::MeshId;
use prometheus_client::registry::Registry;

use crate::support::{MESH, Node, QUIC, TCP, config, key, mesh, pair, secret};

#[tokio::test]
async fn a_stranger_is_refused_until_it_is_a_member() {
    let mut inside = Node::start(1, config(MESH, TCP, 1)).await;
    let mut outside = config(MESH, TCP, 2);
    outside.peers = vec![inside.named()];
    let mut outside = Node::start(2, outside).await;
    // It gets through the handshake and is cut before anything else.
    outside.connected(key(1)).await;
    outside.disconnected(key(1)).await;
    assert!(inside.handle.traffic().connections_refused() > 0);
    inside.members(&[key(2)]).await;
    inside.connected(key(2)).await;
    assert!(!inside.has_unread(|event| matches!(event, Event::Connected { .. } | Event::Disconnected { .. })));
}

#[tokio::test]
async fn who_is_no_longer_a_member_is_cut_at_once() {
    let mut nodes = mesh(&[1, 2, 3], TCP, "shop").await;
    // Node 1 was started first: it knows the others as members only.
    nodes[0].members(&[key(3)]).await;
    nodes[0].disconnected(key(2)).await;
    let (a, c) = pair(&mut nodes, 0, 2);
    a.ask(c, 1, b"still there").await;
}

#[tokio::test]
async fn an_address_without_an_id_is_dialled_and_its_peer_must_be_a_member() {
    let mut inside = Node::start(1, config(MESH, TCP, 1)).await;
    inside.members(&[key(2)]).await;
    let mut outside = config(MESH, TCP, 2);
    outside.peers = vec![inside.addr.clone()];
    let mut outside = Node::start(2, outside).await;
    outside
        .find("refusal", |event| match event {
            Event::DialFailed { reason, .. } => reason.contains("not a member").then_some(()),
            _ => None,
        })
        .await;
    outside.members(&[key(1)]).await;
    outside.connected(key(1)).await;
}

#[tokio::test]
async fn a_name_is_resolved_and_a_bad_one_is_tried_again() {
    let mut inside = Node::start(1, config(MESH, TCP, 1)).await;
    inside.members(&[key(2)]).await;
    let by_name = |addr: &str| addr.replace("/ip4/127.0.0.1/", "/dns4/localhost/").parse().unwrap();
    let mut outside = config(MESH, TCP, 2);
    outside.peers = vec![by_name(&inside.named().to_string()), "/dns/nowhere.invalid/tcp/1".parse().unwrap()];
    let mut outside = Node::start(2, outside).await;
    outside.connected(key(1)).await;
    inside.connected(key(2)).await;
    for _ in 0..2 {
        outside
            .find("a name that stands for nothing", |event| match event {
                Event::DialFailed { addr, .. } => addr.contains("nowhere.invalid").then_some(()),
                _ => None,
            })
            .await;
    }
}

#[tokio::test]
async fn a_node_that_is_told_to_dial_itself_does_so_once() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let mut own = config(MESH, &format!("/ip4/127.0.0.1/tcp/{free}"), 1);
    own.peers = own.listen.clone();
    let mut own = Node::start(1, own).await;
    own.members(&[key(2)]).await;
    let mut other = config(MESH, TCP, 2);
    other.peers = vec![own.named()];
    let mut other = Node::start(2, other).await;
    other.connected(key(1)).await;
    own.connected(key(2)).await;
    assert_eq!(own.unread(), &[]);
}

#[tokio::test]
async fn a_told_address_is_dialled_once_its_peer_is_a_member() {
    let mut inside = Node::start(1, config(MESH, TCP, 1)).await;
    inside.members(&[key(2)]).await;
    let mut outside = Node::start(2, config(MESH, TCP, 2)).await;
    let addrs = vec!["no address".to_owned(), inside.addr.to_string()];
    outside.send(Command::Addresses { peer: key(1), addrs }).await;
    outside.members(&[key(1)]).await;
    outside.connected(key(1)).await;
}

#[tokio::test]
async fn another_peer_at_a_configured_address_is_not_taken_for_it() {
    let mut other = Node::start(1, config(MESH, TCP, 1)).await;
    other.members(&[key(2)]).await;
    let mut config = config(MESH, TCP, 2);
    config.peers = vec![driftless_node::p2p::address_of(&other.addr, &key(7)).unwrap()];
    let mut node = Node::start(2, config).await;
    node.members(&[key(1), key(7)]).await;
    node.find("another peer", |event| match event {
        Event::DialFailed { reason, .. } => reason.contains(&key(1).to_string()).then_some(()),
        _ => None,
    })
    .await;
    assert!(!node.has_unread(|event| matches!(event, Event::Connected { .. })));
}

#[tokio::test]
async fn two_meshes_do_not_talk() {
    let theirs = MeshId([0xbb; 32]);
    for listen in [TCP, QUIC] {
        let mut a = Node::start(1, config(MESH, listen, 1)).await;
        let mut b = config(theirs, listen, 2);
        b.peers = vec![a.named()];
        let mut b = Node::start(2, b).await;
        // Both would let the other in: only the mesh keeps them apart.
        a.members(&[key(2)]).await;
        a.subscribe("shop").await;
        b.subscribe("shop").await;
        let over_tcp = listen == TCP;
        b.find("parted", |event| match event {
            Event::DialFailed { .. } if over_tcp => Some(()),
            Event::Disconnected { .. } if !over_tcp => Some(()),
            _ => None,
        })
        .await;
        assert!(!over_tcp || !b.has_unread(|event| matches!(event, Event::Connected { .. })), "no handshake over TCP");
        b.send(Command::Publish { topic: "shop".into(), bytes: b"leak".to_vec() }).await;
        b.send(Command::Request { peer: key(1), corr: 1, bytes: b"leak".to_vec() }).await;
        assert!(b.answer(1).await.is_err());
        assert_eq!(b.handle.traffic().published(), 0);
        let leaked = |event: &Event| matches!(event, Event::Gossip { .. } | Event::Request { .. }).then_some(());
        assert!(a.find_within(std::time::Duration::from_millis(200), leaked).await.is_none());
    }
}

#[tokio::test]
async fn a_bad_setup_is_refused_with_its_reason() {
    for listen in [TCP, QUIC] {
        let taken = Node::start(1, config(MESH, listen, 1)).await;
        let same = config(MESH, &taken.addr.to_string(), 2);
        let error = spawn(same, &secret(2), &mut Registry::default()).err();
        assert!(matches!(error, Some(P2pError::Listen { .. })), "{listen}: {error:?}");
    }
    let unknown = config(MESH, "/ip4/127.0.0.1/sctp/1", 2);
    assert!(matches!(spawn(unknown, &secret(2), &mut Registry::default()), Err(P2pError::Listen { .. })));
    let mut rsa = config(MESH, TCP, 2);
    rsa.peers = vec!["/ip4/127.0.0.1/tcp/1/p2p/QmYyQSo1c1Ym7orWxLYvCrM2EmxFTANf8wXmmE7DWjhx5N".parse().unwrap()];
    assert!(matches!(spawn(rsa, &secret(2), &mut Registry::default()), Err(P2pError::PeerId { .. })));
}

#[tokio::test]
async fn connections_are_bounded() {
    let mut small = config(MESH, TCP, 1);
    small.max_connections = 2;
    let mut small = Node::start(1, small).await;
    small.members(&[key(2), key(3), key(4)]).await;
    let mut others = Vec::new();
    for seed in [2, 3, 4] {
        let mut config = config(MESH, TCP, seed);
        config.peers = vec![small.named()];
        let mut other = Node::start(seed, config).await;
        other.connected(key(1)).await;
        others.push(other);
    }
    small.connected(key(2)).await;
    small.connected(key(3)).await;
    others[2].disconnected(key(1)).await;
    assert!(!small.has_unread(|event| matches!(event, Event::Connected { .. })));
    // A place that becomes free is taken by the one that keeps trying.
    others.remove(0).stop().await;
    small.connected(key(4)).await;
}

/// Every process uses more memory than this: nobody is let in, and nobody dialled, while the same setup with room connects.
#[tokio::test]
async fn no_connection_is_made_or_taken_over_the_memory_limit() {
    let mut full = config(MESH, TCP, 1);
    full.max_memory_bytes = 1 << 20;
    let mut full = Node::start(1, full).await;
    full.members(&[key(2)]).await;
    let mut dials = config(MESH, TCP, 2);
    dials.peers = vec![full.named()];
    let mut dials = Node::start(2, dials).await;
    dials.members(&[key(1)]).await;
    // Whether the dial fails or the new link is cut depends on how far the handshake got.
    dials
        .find("the refusal", |event| match event {
            Event::DialFailed { .. } => Some(()),
            Event::Disconnected { peer } => (*peer == key(1)).then_some(()),
            _ => None,
        })
        .await;
    assert!(full.handle.traffic().connections_refused() > 0);
    assert!(!full.has_unread(|event| matches!(event, Event::Connected { .. })));

    let mut roomy = Node::start(3, config(MESH, TCP, 3)).await;
    roomy.members(&[key(4)]).await;
    let mut full = config(MESH, TCP, 4);
    full.max_memory_bytes = 1 << 20;
    full.peers = vec![roomy.named()];
    let mut full = Node::start(4, full).await;
    full.members(&[key(3)]).await;
    let refusal = full.find("its own refusal", |event| match event {
        Event::DialFailed { reason, .. } => Some(reason.clone()),
        _ => None,
    });
    let reason = refusal.await;
    assert!(reason.contains("memory"), "{reason}");
    assert!(!full.has_unread(|event| matches!(event, Event::Connected { .. })));
}

#[tokio::test]
async fn a_peer_that_is_disconnected_comes_back() {
    let mut nodes = mesh(&[1, 2], TCP, "shop").await;
    nodes[0].send(Command::Disconnect { peer: key(2), reason: "test".into() }).await;
    nodes[0].disconnected(key(2)).await;
    nodes[0].connected(key(2)).await;
}
