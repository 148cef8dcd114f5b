//! Memory of a real node under every flood: a fresh `driftlessd` for each, hostile members over real sockets (the network
//! room itself, with a member's key and no scruples) and hostile local services, and the node's peak of resident memory at
//! the end. Not part of the gate: `cargo build --release -p driftless-node -p driftless-client --bins && cargo test --release
//! -p driftless-tests --test floods -- --ignored --nocapture`; `DRIFTLESS_FLOOD_SECONDS` says how long each lasts. An
//! unoptimised node takes in a tenth as much, and hides what a flood costs.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::print_stdout)]

#[allow(dead_code, reason = "it serves other tests too")]
#[path = "processes/mesh.rs"]
mod mesh;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

use driftless_client::keys;
use driftless_core::wire::{Gossip, Request};
use driftless_node::metrics::Metrics;
use driftless_node::p2p::{self, Command, Multiaddr, P2pConfig, P2pHandle};
use driftless_statement::{
    Body, Edit, Hlc, MeshId, Note, Op, Path, PublicKey, SecretKey, Statement, StatementId, Touch, Value, Verified,
    Write,
};
use mesh::{Mesh, wait};
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpStream, UnixStream};

/// What a node may use at most, whatever happens to it.
const BOUND_MIB: u64 = 256;
/// Members: one is the node, one its honest peer, the others are hostile.
const NODES: u16 = 8;
/// Local services that connect and do not read, or send and do not end.
const SERVICES: usize = 900;

/// A member's key in the wrong hands.
struct Foe {
    key: SecretKey,
    network: P2pHandle,
    grant: StatementId,
    mesh: MeshId,
    sent: Arc<AtomicU64>,
}

/// Where node 0 is reached by peers.
fn address(mesh: &Mesh) -> Multiaddr {
    let settings = std::fs::read_to_string(&mesh.made.nodes[0].config).unwrap();
    let tcp = settings.split('"').find(|text| text.starts_with("/ip4/") && text.contains("/tcp/")).unwrap();
    format!("{tcp}/p2p/{}", mesh.made.nodes[0].peer_id).parse().unwrap()
}

/// A network that dials node 0 and reads nothing of what it hears.
fn network(mesh: &Mesh, key: &SecretKey, seed: u64) -> P2pHandle {
    let mut config = P2pConfig::new(mesh.made.mesh);
    (config.peers, config.seed) = (vec![address(mesh)], seed);
    let (network, mut events) = Metrics::default().with_registry(|registry| p2p::spawn(config, key, registry)).unwrap();
    tokio::spawn(async move { while events.recv().await.is_some() {} });
    network
}

impl Foe {
    async fn of(mesh: &Mesh, index: usize) -> Self {
        let key = keys::load(&mesh.made.nodes[index].config.parent().unwrap().join("node.key")).unwrap();
        let grants = mesh.client(0).grants(None).await.unwrap().grants;
        let writes = |verbs: &[String]| verbs.iter().any(|verb| verb == "write");
        let grant = grants.iter().find(|grant| grant.key == key.public() && writes(&grant.verbs)).unwrap().id;
        let network = network(mesh, &key, index as u64);
        network.send(Command::Subscribe { topic: "shop".to_owned() }).await.unwrap();
        network.send(Command::Subscribe { topic: "@beacons".to_owned() }).await.unwrap();
        Self { key, network, grant, mesh: mesh.made.mesh, sent: Arc::default() }
    }

    /// A statement that it may make, or that names what nobody has.
    fn statement(&self, number: u64, bytes: usize, bases: Vec<StatementId>) -> Vec<u8> {
        let path = Path::parse(&format!("shop/flood-{}", number % 500)).unwrap();
        let edit = Edit { at: Vec::new(), op: Op::Put(Value::Text(letters(number, bytes).into())) };
        let statement = Statement {
            mesh: self.mesh,
            scope: path.scope(),
            author: self.key.public(),
            grant: self.grant,
            prev: Vec::new(),
            touches: vec![Touch { path, bases }],
            hlc: Hlc(Hlc::from_millis(driftless_client::clock::now_ms()).0 + number % 1_000),
            body: Body::Write(Write { edits: vec![vec![edit]] }),
            note: Note::default(),
            unknown: Vec::new(),
        };
        Verified::sign(statement, &self.key).unwrap().wire().to_vec()
    }

    fn publish(&self, topic: &str, bytes: Vec<u8>) {
        let published = self.network.try_send(Command::Publish { topic: topic.to_owned(), bytes }).is_ok();
        self.sent.fetch_add(u64::from(published), Ordering::Relaxed);
    }

    fn ask(&self, peer: PublicKey, corr: u64, bytes: Vec<u8>) {
        let sent = self.network.try_send(Command::Request { peer, corr, bytes }).is_ok();
        self.sent.fetch_add(u64::from(sent), Ordering::Relaxed);
    }

    /// One act of a flood.
    fn act(&self, flood: Flood, node: PublicKey, number: u64) {
        match flood {
            Flood::Junk => {
                let topic = if number.is_multiple_of(2) { "shop" } else { "@beacons" };
                self.publish(topic, noise(number, 60_000));
            }
            Flood::Author => {
                let wire = self.statement(number, 200, Vec::new());
                self.publish("shop", Gossip::Statement { wire: wire.into() }.encode());
            }
            Flood::Room => {
                let wire = self.statement(number, 12_000, vec![invented(number)]);
                self.publish("shop", Gossip::Statement { wire: wire.into() }.encode());
            }
            Flood::Requests => self.ask(node, number, noise(number, 1_000_000)),
            Flood::Pushes => {
                let many =
                    (0..60).map(|part| self.statement(number * 60 + part, 12_000, vec![invented(number)]).into());
                self.ask(node, number, Request::Push { statements: many.collect() }.encode());
            }
            Flood::Nothing | Flood::Strangers | Flood::Watchers | Flood::Bodies | Flood::Connections => {}
        }
    }
}

/// What is done to a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Flood {
    Nothing,
    Junk,
    Author,
    Room,
    Requests,
    Pushes,
    Strangers,
    Watchers,
    Bodies,
    Connections,
}

impl Flood {
    const ALL: [Self; 10] = [
        Self::Nothing,
        Self::Junk,
        Self::Author,
        Self::Room,
        Self::Requests,
        Self::Pushes,
        Self::Strangers,
        Self::Watchers,
        Self::Bodies,
        Self::Connections,
    ];

    fn says(self) -> &'static str {
        match self {
            Self::Nothing => "nothing: two nodes at rest",
            Self::Junk => "six members gossip noise, 60 KB a message",
            Self::Author => "six members gossip writes that they may make",
            Self::Room => "six members gossip writes of 12 KB whose bases nobody has",
            Self::Requests => "six members ask nonsense of 1 MB",
            Self::Pushes => "six members push writes whose bases nobody has, 60 at a time",
            Self::Strangers => "60 keys without a grant dial without end",
            Self::Watchers => "900 watches that nobody reads, while values change",
            Self::Bodies => "900 requests with a body of 4 MiB that never ends",
            Self::Connections => "900 connections to the peers' port that say nothing, 900 to the socket",
        }
    }
}

/// Another text for each number, and cheap: a flood must not wait for its own words.
fn letters(number: u64, bytes: usize) -> String {
    static ALL: LazyLock<String> =
        LazyLock::new(|| random(7, 16_384).into_iter().map(|byte| char::from(b'a' + byte % 26)).collect());
    let mut text = format!("{number}:");
    text.push_str(ALL.get(..bytes).unwrap());
    text
}

/// Other bytes for each number, likewise.
fn noise(number: u64, bytes: usize) -> Vec<u8> {
    static ALL: LazyLock<Vec<u8>> = LazyLock::new(|| random(11, 1 << 20));
    let mut noise = ALL[..bytes].to_vec();
    noise.iter_mut().zip(number.to_be_bytes()).for_each(|(byte, digit)| *byte = digit | 0x80);
    noise
}

fn random(number: u64, bytes: usize) -> Vec<u8> {
    let mut state = number.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 56) as u8
    };
    std::iter::repeat_with(next).take(bytes).collect()
}

fn invented(number: u64) -> StatementId {
    StatementId(random(number ^ 0x5bd1_e995, 32).try_into().unwrap())
}

fn lasts() -> Duration {
    let seconds = std::env::var("DRIFTLESS_FLOOD_SECONDS").ok().and_then(|text| text.parse().ok());
    Duration::from_secs(seconds.unwrap_or(15))
}

/// Kilobytes of resident memory at the peak.
fn peak_kib(mesh: &Mesh) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", mesh.pid(0))).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

/// Hostile members act as fast as they can.
async fn members(mesh: &Mesh, flood: Flood) -> u64 {
    let node = mesh.made.nodes[0].key;
    let mut acting = Vec::new();
    let mut foes = Vec::new();
    for index in 2..usize::from(NODES) {
        foes.push((index, Foe::of(mesh, index).await));
    }
    // A flood that nobody hears proves nothing.
    let all = usize::from(NODES) - 1;
    wait("the hostile members to be let in", || async {
        mesh.client(0).status().await.is_ok_and(|status| status.peers.len() == all)
    })
    .await;
    let until = Instant::now() + lasts();
    for (index, foe) in foes {
        acting.push(tokio::spawn(async move {
            let mut number = index as u64 * 1_000_000_000;
            while Instant::now() < until {
                foe.act(flood, node, number);
                number += 1;
                tokio::task::yield_now().await;
            }
            foe.sent.load(Ordering::Relaxed)
        }));
    }
    let mut sent = 0;
    for foe in acting {
        sent += foe.await.unwrap();
    }
    sent
}

/// Connections that say this and then nothing.
async fn services(mesh: &Mesh, says: &[u8]) -> Vec<UnixStream> {
    let socket = mesh.made.nodes[0].endpoint.trim_start_matches("unix:").to_owned();
    let mut open = Vec::new();
    for _ in 0..SERVICES {
        let Ok(mut stream) = UnixStream::connect(&socket).await else { continue };
        let _ = tokio::time::timeout(Duration::from_millis(200), stream.write_all(says)).await;
        open.push(stream);
    }
    open
}

/// Values that change a hundred times a second: what is measured is what watches take, and not the history that a faster
/// node would write in the same time.
async fn writes(mesh: &Mesh, until: Instant) -> u64 {
    let mut number = 0;
    let mut pace = tokio::time::interval(Duration::from_millis(10));
    while Instant::now() < until {
        pace.tick().await;
        let value = format!("\"{}\"", letters(number, 10_000));
        let _ = mesh.put(0, &format!("shop/watched-{}", number % 20), &value).await;
        number += 1;
    }
    number
}

async fn flooded(mesh: &Mesh, flood: Flood) -> u64 {
    let until = Instant::now() + lasts();
    match flood {
        Flood::Nothing => {
            tokio::time::sleep_until(until.into()).await;
            0
        }
        Flood::Junk | Flood::Author | Flood::Room | Flood::Requests | Flood::Pushes => members(mesh, flood).await,
        Flood::Strangers => {
            let key = |number: u8| SecretKey::from_bytes([number; 32]);
            let all: Vec<P2pHandle> = (100..160).map(|number| network(mesh, &key(number), u64::from(number))).collect();
            tokio::time::sleep_until(until.into()).await;
            all.len() as u64
        }
        Flood::Watchers => {
            let open = services(mesh, b"GET /v1/config/shop/?watch HTTP/1.1\r\nHost: localhost\r\n\r\n").await;
            writes(mesh, until).await + open.len() as u64
        }
        Flood::Bodies => {
            let head = "PUT /v1/config/shop/body HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 4194304\r\n\r\n\"";
            let mut says = head.as_bytes().to_vec();
            says.resize(3 << 20, b'x');
            let open = services(mesh, &says).await;
            tokio::time::sleep_until(until.into()).await;
            open.len() as u64
        }
        Flood::Connections => {
            let settings = address(mesh).to_string();
            let port: u16 = settings.split('/').nth(4).unwrap().parse().unwrap();
            let mut peers = Vec::new();
            for _ in 0..SERVICES {
                peers.extend(TcpStream::connect(("127.0.0.1", port)).await);
            }
            let open = services(mesh, b"GET /v1/status HTTP/1.1\r\n").await;
            tokio::time::sleep_until(until.into()).await;
            (peers.len() + open.len()) as u64
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a measurement of minutes: run it by name, as the head of this file says"]
async fn memory_under_every_flood_is_bounded() {
    let only = std::env::var("DRIFTLESS_FLOOD").ok();
    let chosen = |flood: &Flood| only.as_ref().is_none_or(|only| format!("{flood:?}").eq_ignore_ascii_case(only));
    println!(
        "| flood | sent | held | waiting | bans | peak resident memory, MiB |\n| --- | --- | --- | --- | --- | --- |"
    );
    let mut over = Vec::new();
    for flood in Flood::ALL.into_iter().filter(chosen) {
        let mut mesh = Mesh::found(NODES);
        mesh.start(0, &[]);
        mesh.start(1, &[]);
        wait("the nodes to meet", || async {
            mesh.client(0).status().await.is_ok_and(|status| !status.peers.is_empty() && status.statements > 8)
        })
        .await;
        // Now the scope is held, so that its gossip is heard.
        wait("a write to be taken", || async { mesh.put(0, "shop/before", "1").await.is_ok() }).await;
        let sent = flooded(&mesh, flood).await;
        let peak = peak_kib(&mesh) / 1024;
        let told = mesh.client(0).status().await.unwrap();
        let (held, waiting, bans) = (told.statements, told.waiting, told.bans.len());
        println!("| {} | {sent} | {held} | {waiting} | {bans} | {peak} |", flood.says());
        if peak >= BOUND_MIB {
            over.push((flood, peak));
        }
        // It lived through it, and serves.
        wait("a write to be taken", || async { mesh.put(0, "shop/after", "1").await.is_ok() }).await;
        mesh.wait_read(0, "shop/after", "1").await;
    }
    assert!(over.is_empty(), "over {BOUND_MIB} MiB: {over:?}");
}
