//! Nodes over real sockets: gossip reaches all, verdicts decide what travels on, requests go both ways, over TCP and
//! QUIC, and the counters tell.

use driftless_node::p2p::{Command, Event, MAX_GOSSIP_BYTES, MAX_REQUEST_BYTES, RequestFailure, Verdict};

use crate::support::{MESH, Node, QUIC, TCP, config, key, mesh, pair};

/// A line of three: the ends know only the middle.
async fn line(topic: &str) -> [Node; 3] {
    let mut middle = Node::start(2, config(MESH, TCP, 2)).await;
    middle.members(&[key(1), key(3)]).await;
    let (mut first, mut last) = (Vec::new(), Vec::new());
    for (seed, ends) in [(1, &mut first), (3, &mut last)] {
        let mut config = config(MESH, TCP, seed);
        config.peers = vec![middle.named()];
        ends.push(Node::start(seed, config).await);
    }
    let (mut first, mut last) = (first.pop().unwrap(), last.pop().unwrap());
    for node in [&first, &middle, &last] {
        node.subscribe(topic).await;
    }
    first.connected(key(2)).await;
    last.connected(key(2)).await;
    middle.connected(key(1)).await;
    middle.connected(key(3)).await;
    [first, middle, last]
}

#[tokio::test]
async fn gossip_reaches_all_three() {
    let mut nodes = mesh(&[1, 2, 3], TCP, "shop").await;
    nodes[0].publish("shop", b"hello").await;
    for index in [1, 2] {
        let (topic, id, from) = nodes[index].gossip(b"hello").await;
        assert_eq!(topic, "shop");
        nodes[index].judge(id, from, Verdict::Accept).await;
    }
    assert!(nodes[0].handle.traffic().sent_bytes() > 0 && nodes[0].handle.traffic().received_bytes() > 0);
}

#[tokio::test]
async fn only_what_was_accepted_travels_on() {
    let [first, mut middle, mut last] = line("shop").await;
    // The middle has the last one in its mesh for sure once something of the last one arrived there.
    last.publish("shop", b"warm up").await;
    let (_, id, from) = middle.gossip(b"warm up").await;
    middle.judge(id, from, Verdict::Accept).await;
    for (content, verdict) in
        [(b"rejected", Verdict::Reject), (b"ignored.", Verdict::Ignore), (b"accepted", Verdict::Accept)]
    {
        first.publish("shop", content).await;
        let (_, id, from) = middle.gossip(content).await;
        assert_eq!(from, key(1));
        middle.judge(id, from, verdict).await;
    }
    let (_, _, from) = last.gossip(b"accepted").await;
    assert_eq!(from, key(2), "it came through the middle");
    assert!(!last.has_unread(|event| matches!(event, Event::Gossip { .. })), "the others did not travel");
}

#[tokio::test]
async fn the_same_message_is_heard_once() {
    let mut nodes = mesh(&[1, 2, 3], TCP, "shop").await;
    // Two publish the very same bytes; the third hears them once, and one more message ends the wait.
    nodes[0].publish("shop", b"twin").await;
    let (_, id, from) = nodes[2].gossip(b"twin").await;
    nodes[2].judge(id, from, Verdict::Accept).await;
    nodes[1].send(Command::Publish { topic: "shop".into(), bytes: b"twin".to_vec() }).await;
    nodes[1].publish("shop", b"end").await;
    nodes[2].gossip(b"end").await;
    assert!(!nodes[2].has_unread(|event| matches!(event, Event::Gossip { bytes, .. } if bytes == b"twin")));
}

#[tokio::test]
async fn requests_are_answered_in_both_directions() {
    let mut nodes = mesh(&[1, 2], TCP, "shop").await;
    let (a, b) = pair(&mut nodes, 0, 1);
    a.ask(b, 7, b"what have you").await;
    b.ask(a, 8, b"and you").await;
    a.ask(b, 9, &vec![5; MAX_REQUEST_BYTES - 20]).await;
    assert_eq!(a.handle.traffic().requests_sent(), 2);
    assert_eq!(a.handle.traffic().requests_received(), 1);
}

#[tokio::test]
async fn requests_that_cannot_be_are_refused_at_once() {
    let mut nodes = mesh(&[1, 2], TCP, "shop").await;
    let (a, b) = pair(&mut nodes, 0, 1);
    a.send(Command::Request { peer: key(9), corr: 1, bytes: vec![] }).await;
    assert_eq!(a.answer(1).await, Err(RequestFailure::NotConnected));
    a.send(Command::Request { peer: b.key(), corr: 2, bytes: vec![0; MAX_REQUEST_BYTES + 1] }).await;
    assert_eq!(a.answer(2).await, Err(RequestFailure::Refused));
    // An answer that is too large never arrives, and the connection goes on.
    a.send(Command::Request { peer: b.key(), corr: 3, bytes: b"much".to_vec() }).await;
    let (_, token) = b.request(b"much").await;
    b.send(Command::Respond { token, bytes: vec![0; MAX_REQUEST_BYTES + 1] }).await;
    assert_eq!(a.answer(3).await, Err(RequestFailure::Stream));
    a.ask(b, 4, b"still there").await;
}

#[tokio::test]
async fn quic_carries_the_same() {
    let mut nodes = mesh(&[1, 2], QUIC, "shop").await;
    let (a, b) = pair(&mut nodes, 0, 1);
    a.publish("shop", b"over udp").await;
    b.gossip(b"over udp").await;
    b.ask(a, 1, b"over udp too").await;
    assert!(a.handle.traffic().sent_bytes() > 100 && a.handle.traffic().received_bytes() > 100);
}

#[tokio::test]
async fn metrics_of_libp2p_and_ours_share_a_registry() {
    let mut nodes = mesh(&[1, 2], TCP, "shop").await;
    let published = nodes[0].handle.traffic().published() + 1;
    nodes[0].publish("shop", b"counted").await;
    nodes[1].gossip(b"counted").await;
    let mut text = String::new();
    prometheus_client::encoding::text::encode(&mut text, &nodes[0].registry).unwrap();
    for name in [
        "driftless_p2p_sent_bytes_total",
        &format!("driftless_p2p_gossip_published_total {published}"),
        "libp2p_swarm_",
        "libp2p_gossipsub_router_",
    ] {
        assert!(text.contains(name), "{name} is missing in\n{text}");
    }
}

#[tokio::test]
async fn shutting_down_ends_the_events_and_is_seen_by_peers() {
    let mut nodes = mesh(&[1, 2], TCP, "shop").await;
    let mut b = nodes.pop().unwrap();
    let a = nodes.pop().unwrap();
    a.stop().await;
    b.disconnected(key(1)).await;
}

#[tokio::test]
async fn the_largest_message_travels_and_a_larger_one_is_dropped() {
    let mut nodes = mesh(&[1, 2], TCP, "shop").await;
    let (a, b) = pair(&mut nodes, 0, 1);
    let largest = vec![3; MAX_GOSSIP_BYTES];
    a.publish("shop", &largest).await;
    b.gossip(&largest).await;
    a.send(Command::Publish { topic: "shop".into(), bytes: vec![4; MAX_GOSSIP_BYTES + 1] }).await;
    a.publish("shop", b"end").await;
    b.gossip(b"end").await;
    assert_eq!(a.handle.traffic().dropped(), 1);
    assert!(!b.has_unread(|event| matches!(event, Event::Gossip { .. })));
}

#[tokio::test]
async fn who_unsubscribes_hears_no_more() {
    let mut nodes = mesh(&[1, 2], TCP, "shop").await;
    let (a, b) = pair(&mut nodes, 0, 1);
    for node in [&*a, &*b] {
        node.subscribe("other").await;
    }
    a.publish("shop", b"heard").await;
    b.gossip(b"heard").await;
    b.send(Command::Unsubscribe { topic: "shop".into() }).await;
    // What travels on another topic behind it on the same stream shows that the farewell has arrived.
    b.publish("other", b"left").await;
    a.gossip(b"left").await;
    let unheard = a.handle.traffic().unheard();
    a.send(Command::Publish { topic: "shop".into(), bytes: b"to nobody".to_vec() }).await;
    a.publish("other", b"end").await;
    b.gossip(b"end").await;
    assert_eq!(a.handle.traffic().unheard(), unheard + 1);
    assert!(!b.has_unread(|event| matches!(event, Event::Gossip { .. })));
}

/// Who is muted is not heard; what it handed on first is still news from another; and in time it is heard again.
#[tokio::test]
async fn who_is_muted_is_not_heard_for_a_while() {
    let mut nodes = mesh(&[1, 2, 3], TCP, "shop").await;
    let lasts = std::time::Duration::from_secs(2);
    let muted = std::time::Instant::now();
    nodes[2].send(Command::Mute { peer: key(1), lasts }).await;
    nodes[2].obeyed().await;
    nodes[0].publish("shop", b"first by one").await;
    // The other one has it from the muted one, and hands it on.
    let (_, id, from) = nodes[1].gossip(b"first by one").await;
    nodes[1].judge(id, from, Verdict::Accept).await;
    let (_, _, from) = nodes[2].gossip(b"first by one").await;
    assert_eq!(from, key(2));
    // Requests go on.
    let (a, b) = pair(&mut nodes, 0, 2);
    a.ask(b, 1, b"still there").await;
    a.reach(b, "shop").await;
    assert!(muted.elapsed() >= lasts, "heard after {:?}", muted.elapsed());
}

/// Gossip would not tell a peer that comes while it is muted what is listened to here.
#[tokio::test]
async fn who_comes_back_is_heard() {
    let mut node = Node::start(1, config(MESH, TCP, 1)).await;
    node.members(&[key(2)]).await;
    node.subscribe("shop").await;
    let lasts = std::time::Duration::from_secs(3_600);
    for _ in 0..2 {
        let mut config = config(MESH, TCP, 2);
        config.peers = vec![node.named()];
        let mut other = Node::start(2, config).await;
        other.subscribe("shop").await;
        other.connected(key(1)).await;
        node.connected(key(2)).await;
        other.reach(&mut node, "shop").await;
        node.send(Command::Mute { peer: key(2), lasts }).await;
        node.obeyed().await;
        other.stop().await;
        node.disconnected(key(2)).await;
    }
}
