//! Cut networks: isolation on command, peers that die and come back, double dials, and a driver that does not listen.

use std::time::Duration;

use driftless_node::p2p::{Command, Event, RequestFailure};

use crate::support::{MESH, Node, TCP, config, key, mesh, pair, until};

#[tokio::test]
async fn isolation_cuts_everything_and_healing_resumes_at_once() {
    let mut nodes = mesh(&[1, 2, 3], TCP, "shop").await;
    // The one in the middle of the order both dials and is dialled.
    nodes[1].send(Command::Isolate(true)).await;
    for (index, other) in [(0, key(1)), (2, key(3))] {
        nodes[1].disconnected(other).await;
        nodes[index].disconnected(key(2)).await;
    }
    // Node 3 dials node 2 and fails; nobody gets through.
    nodes[2].find("refused dial", |event| matches!(event, Event::DialFailed { .. }).then_some(())).await;
    assert!(!nodes[1].has_unread(|event| matches!(event, Event::Connected { .. })));
    nodes[1].send(Command::Request { peer: key(1), corr: 1, bytes: vec![] }).await;
    assert_eq!(nodes[1].answer(1).await, Err(RequestFailure::NotConnected));
    nodes[1].send(Command::Isolate(false)).await;
    nodes[1].connected(key(1)).await;
    nodes[0].connected(key(2)).await;
    let (a, b) = pair(&mut nodes, 0, 1);
    a.ask(b, 2, b"welcome back").await;
    a.reach(b, "shop").await;
    b.reach(a, "shop").await;
}

#[tokio::test]
async fn a_cut_that_is_healed_in_the_same_moment_still_cuts() {
    let mut nodes = mesh(&[1, 2], TCP, "shop").await;
    nodes[1].send(Command::Isolate(true)).await;
    nodes[1].send(Command::Isolate(false)).await;
    nodes[1].disconnected(key(1)).await;
    nodes[1].connected(key(1)).await;
}

#[tokio::test]
async fn a_configured_peer_that_dies_is_dialled_until_it_is_back() {
    let mut first = Node::start(1, config(MESH, TCP, 1)).await;
    first.members(&[key(2)]).await;
    let addr = first.addr.clone();
    let mut other = config(MESH, TCP, 2);
    other.peers = vec![first.named()];
    let mut other = Node::start(2, other).await;
    other.connected(key(1)).await;
    first.stop().await;
    other.disconnected(key(1)).await;
    other.find("a failed dial", |event| matches!(event, Event::DialFailed { .. }).then_some(())).await;
    let mut again = Node::start(1, config(MESH, &addr.to_string(), 1)).await;
    again.members(&[key(2)]).await;
    other.connected(key(1)).await;
}

#[tokio::test]
async fn both_may_dial_at_once_and_it_counts_as_one_connection() {
    let (a, b) = (config(MESH, TCP, 1), config(MESH, TCP, 2));
    let (mut a, mut b) = (Node::start(1, a).await, Node::start(2, b).await);
    a.members(&[key(2)]).await;
    b.members(&[key(1)]).await;
    a.send(Command::Addresses { peer: key(2), addrs: vec![b.addr.to_string()] }).await;
    b.send(Command::Addresses { peer: key(1), addrs: vec![a.addr.to_string()] }).await;
    a.connected(key(2)).await;
    b.connected(key(1)).await;
    // Past the time at which one of two connections is closed, requests still go through and nobody saw a cut.
    let seen = |event: &Event| matches!(event, Event::Connected { .. } | Event::Disconnected { .. }).then_some(());
    assert_eq!(a.find_within(Duration::from_secs(3), seen).await, None);
    a.ask(&mut b, 1, b"one").await;
    b.ask(&mut a, 2, b"two").await;
    assert!(!b.has_unread(|event| seen(event).is_some()));
}

#[tokio::test]
async fn a_driver_that_does_not_listen_loses_gossip_but_no_connection() {
    let listener = {
        let mut config = config(MESH, TCP, 1);
        config.events = 1;
        config
    };
    let mut deaf = Node::start(1, listener).await;
    deaf.members(&[key(2)]).await;
    deaf.subscribe("shop").await;
    let mut config = config(MESH, TCP, 2);
    config.peers = vec![deaf.named()];
    let mut loud = Node::start(2, config).await;
    loud.subscribe("shop").await;
    loud.connected(key(1)).await;
    // The room for one event is taken by the connection; all else finds it full.
    loud.publish("shop", b"first").await;
    for number in 0..50u8 {
        loud.publish("shop", &[number; 9]).await;
    }
    loud.send(Command::Request { peer: key(1), corr: 1, bytes: b"hello".to_vec() }).await;
    assert_eq!(loud.answer(1).await, Err(RequestFailure::Stream), "refused, not left to time out");
    // Gossip has a stream of its own, and the request may have overtaken some of it.
    until("gossip to be dropped", || deaf.handle.traffic().dropped() > 40).await;
    assert_eq!(deaf.handle.traffic().requests_refused(), 1);
    loud.stop().await;
    deaf.connected(key(2)).await;
    deaf.disconnected(key(2)).await;
}
