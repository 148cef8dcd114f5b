//! How long a change takes from its acknowledgement on one node until it is effective on the last of three, which meet over
//! loopback. Held against one durable commit of the same bytes, and the whole way against etcd's from put to watch.

use std::sync::Arc;
use std::time::{Duration, Instant};

use driftless_core::machine::{LocalChange, LocalEdit, Precondition};
use driftless_node::assemble::{self, Node};
use driftless_node::config::{Config, Environment};
use driftless_statement::{Note, Path, json};

use crate::durable::{Bare, VALUE};
use crate::etcd::Etcd;
use crate::forge::{Forge, path, text};
use crate::pairing::{Effort, Paired, Spread, pair, span};
use crate::peers::keys;
use crate::rig::{Homes, etcd, free_port};
use crate::table::{Row, Want};

const NODES: u8 = 3;

struct Mesh {
    nodes: Vec<Node>,
    written: usize,
}

/// One change: seconds from the acknowledgement, and from the call, until the last node showed it.
struct Travel {
    from_ack: f64,
    from_call: f64,
}

async fn shown(node: &Node, path: &Path, json: &str) -> Instant {
    let mut changed = node.door.changed.clone();
    loop {
        let _ = *changed.borrow_and_update();
        if node.door.view().get(path).and_then(|entry| entry.json().map(|held| held == json)) == Some(true) {
            return Instant::now();
        }
        changed.changed().await.unwrap();
    }
}

impl Mesh {
    async fn start(homes: &Homes) -> Self {
        let mut nodes = Vec::new();
        for number in 1..=homes.count() {
            let config = Config::check_file(&homes.config(number), &Environment::of_process()).unwrap();
            nodes.push(assemble::start(&config).await.unwrap());
        }
        let mut mesh = Self { nodes, written: 0 };
        // Gossip meshes form in the first second; what is written before them reconciliation carries.
        let begin = Instant::now();
        let mut quick = 0;
        while quick < 20 {
            assert!(begin.elapsed() < Duration::from_secs(60), "the nodes meet");
            quick = if mesh.change().await.from_call < 0.1 { quick + 1 } else { 0 };
        }
        mesh
    }

    async fn change(&mut self) -> Travel {
        self.written += 1;
        let (path, value) = (path(self.written % 100), text(self.written, VALUE));
        let json = json::to_string(&value);
        let edit = LocalEdit {
            path: path.clone(),
            change: LocalChange::Put(value),
            precondition: Precondition::None,
            note: Note::default(),
        };
        let called = Instant::now();
        let others = self.nodes[1..].iter().map(|node| shown(node, &path, &json));
        let all = async {
            let mut last = called;
            for other in others {
                last = last.max(other.await);
            }
            last
        };
        let write = async {
            let outcome = self.nodes[0].door.write(edit).await.unwrap();
            assert!(outcome.is_ok(), "{outcome:?}");
            Instant::now()
        };
        let (acknowledged, last) = tokio::join!(write, all);
        Travel {
            from_ack: last.saturating_duration_since(acknowledged).as_secs_f64(),
            from_call: last.duration_since(called).as_secs_f64(),
        }
    }
}

async fn etcd_travel(etcd: &mut Etcd, watch: &mut crate::etcd::Watch, number: usize) -> f64 {
    let value = json::to_string(&text(number, VALUE));
    let called = Instant::now();
    let seen = async {
        watch.next().await;
        Instant::now()
    };
    let (seen, ()) = tokio::join!(seen, etcd.put(b"shop/key", value.as_bytes()));
    seen.duration_since(called).as_secs_f64()
}

/// All rows about propagation.
pub fn run(effort: Effort) -> Vec<Row> {
    let forge = Arc::new(Forge::found(&keys(NODES)));
    let homes = Homes::make(&forge, NODES);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let mut mesh = runtime.block_on(Mesh::start(&homes));
    let mut bare = Bare::new();
    let each = effort.size(200, 30);
    let travels = |mesh: &mut Mesh| -> Vec<Travel> {
        runtime.block_on(async {
            let mut all = Vec::new();
            for _ in 0..each {
                all.push(mesh.change().await);
            }
            all
        })
    };
    let mut rows = Vec::new();
    let note = |paired: &Paired| format!("{} against {}", span(paired.ours.median()), span(paired.theirs.median()));
    for (share, name, want) in [(0.5, "p50", 4.0), (0.99, "p99", 12.0)] {
        let ours = || Spread::of(travels(&mut mesh).into_iter().map(|travel| travel.from_ack)).quantile(share);
        let theirs = || Spread::of((0..each).map(|_| bare.commit(1))).median();
        let paired = pair(effort, ours, theirs);
        let what = format!("acknowledged on one node → effective on the last of {NODES}, {name}");
        rows.push(Row::ratio(what, "one durable commit (median)", Want::AtMost(want), &paired).note(note(&paired)));
    }
    let (data, port) = (tempfile::tempdir().unwrap(), free_port());
    if let Some(_etcd) = etcd(data.path(), port) {
        let (mut client, mut watch) = runtime.block_on(async {
            let mut client = Etcd::connect(port).await;
            let watch = Etcd::connect(port).await.watch(b"shop/key").await;
            client.put(b"shop/other", b"warm").await;
            (client, watch)
        });
        for (share, name) in [(0.5, "p50"), (0.99, "p99")] {
            let ours = || Spread::of(travels(&mut mesh).into_iter().map(|travel| travel.from_call)).quantile(share);
            let mut number = 0;
            let theirs = || {
                let times = (0..each).map(|_| {
                    number += 1;
                    runtime.block_on(etcd_travel(&mut client, &mut watch, number))
                });
                Spread::of(times.collect::<Vec<_>>()).quantile(share)
            };
            let paired = pair(effort, ours, theirs);
            let what = format!("write called → effective on the last of {NODES}, {name}");
            rows.push(Row::ratio(what, "etcd put → watch, one server", Want::AtMost(1.0), &paired).note(note(&paired)));
        }
    }
    rows
}
