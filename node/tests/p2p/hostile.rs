//! Strangers and broken peers on the port: whatever they send, an honest connection works afterwards.

use std::net::SocketAddr;
use std::time::Duration;

use driftless_node::p2p::{Event, Multiaddr};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UdpSocket};
use tokio::time::timeout;

use crate::support::{DEADLINE, MESH, Node, QUIC, TCP, config, key};

/// The socket address inside a multiaddress.
fn socket(addr: &Multiaddr) -> SocketAddr {
    let text = addr.to_string();
    let parts: Vec<&str> = text.split('/').collect();
    format!("{}:{}", parts[2], parts[4]).parse().unwrap()
}

async fn works_for_an_honest_peer(node: &mut Node) {
    node.members(&[key(2)]).await;
    let mut honest = config(MESH, TCP, 2);
    honest.peers = vec![node.named()];
    let mut honest = Node::start(2, honest).await;
    honest.connected(key(1)).await;
    node.connected(key(2)).await;
    honest.ask(node, 1, b"fine").await;
    assert!(!node.has_unread(|event| matches!(event, Event::Connected { .. })));
}

/// Greetings that are none, and greetings that stop in the middle.
fn garbage() -> Vec<Vec<u8>> {
    let select = b"\x13/multistream/1.0.0\n".to_vec();
    let noise = [&select[..], b"\x07/noise\n"].concat();
    vec![
        b"GET / HTTP/1.1\r\nHost: x\r\n\r\n".to_vec(),
        vec![0; 70_000],
        vec![0xff; 70_000],
        b"\x13/multistream/9.9.9\n".to_vec(),
        [&select[..], b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"].concat(),
        [&select[..], &b"\x03na\n".repeat(5_000)].concat(),
        [&noise[..], &[0xff, 0xff], &[7; 65_535]].concat(),
        [&noise[..], &[0, 0]].concat(),
        [&noise[..], &[0, 32], &[0; 32]].concat(),
        (0u8..=255).cycle().take(9_999).collect(),
    ]
}

#[tokio::test]
async fn garbage_on_the_tcp_port_does_no_harm() {
    let mut node = Node::start(1, config(MESH, TCP, 1)).await;
    for bytes in garbage() {
        let mut stream = TcpStream::connect(socket(&node.addr)).await.unwrap();
        // The node may close while we still write: that is its right.
        let _ = stream.write_all(&bytes).await;
        let _ = stream.shutdown().await;
        let mut rest = Vec::new();
        let _ = timeout(DEADLINE, stream.read_to_end(&mut rest)).await.expect("the node never closed");
    }
    works_for_an_honest_peer(&mut node).await;
    assert!(node.handle.traffic().connections_refused() > 0);
}

#[tokio::test]
async fn half_open_connections_do_no_harm() {
    let mut impatient = config(MESH, TCP, 1);
    impatient.handshake_timeout = Duration::from_secs(3);
    let mut node = Node::start(1, impatient).await;
    let mut open = Vec::new();
    for index in 0..100 {
        let mut stream = TcpStream::connect(socket(&node.addr)).await.unwrap();
        if index % 2 == 0 {
            stream.write_all(b"\x13/multistream/1.0.0\n\x07/noise\n").await.unwrap();
        }
        open.push(stream);
    }
    works_for_an_honest_peer(&mut node).await;
    // They are dropped in the end, by the node.
    for stream in &mut open {
        let mut rest = Vec::new();
        let _ = timeout(DEADLINE, stream.read_to_end(&mut rest)).await.expect("the node keeps half-open connections");
    }
}

#[tokio::test]
async fn garbage_on_the_udp_port_does_no_harm() {
    let mut node = Node::start(1, config(MESH, QUIC, 1)).await;
    let stranger = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    for bytes in garbage() {
        stranger.send_to(bytes.get(..1_200).unwrap_or(&bytes), socket(&node.addr)).await.unwrap();
    }
    works_for_an_honest_peer(&mut node).await;
}
