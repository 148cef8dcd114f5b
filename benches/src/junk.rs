//! Honest writers beside hostile peers: the slowest hundredth of acknowledged writes on a node while members send it
//! 10,000 messages a second that nobody wants, held against the same writes without them.

use std::path::Path as FilePath;
use std::time::{Duration, Instant};

use driftless_client::founding::peer;
use driftless_client::{Client, Endpoint};
use driftless_core::wire::Gossip;
use driftless_node::metrics::Metrics;
use driftless_node::p2p::{self, Command, P2pConfig, P2pHandle};
use driftless_statement::{MeshId, Verified};

use crate::durable::{VALUE, request};
use crate::forge::{Forge, key, path, put, text};
use crate::load;
use crate::pairing::{Effort, pair, span};
use crate::peers::keys;
use crate::rig::{Homes, Running, wait_for};
use crate::table::{Row, Want};

/// Hostile members at a time.
const FOES: u8 = 4;
/// How often there are other ones, so that each round meets members whom nobody has had enough of yet.
const GANGS: u8 = 32;
/// Messages of all of them, a second.
const RATE: usize = 10_000;
/// Honest writers.
const WRITERS: usize = 8;
/// Entries that are there.
const ENTRIES: usize = 1_000;

/// Statements by a key without any grant: in proper form, so each has to be read before it is dropped, and no reason to
/// ban who hands it on.
struct Junk {
    wire: Vec<u8>,
}

impl Junk {
    fn of(mesh: MeshId) -> Self {
        let forge = Forge::found(&keys(1));
        let write = forge.write(1, path(0), vec![], vec![put(&[], text(1, VALUE))]);
        let mut statement = write.statement().clone();
        (statement.mesh, statement.author) = (mesh, key(250).public());
        Self { wire: Verified::sign(statement, &key(250)).unwrap().wire().to_vec() }
    }

    /// Another message each time: its signature is looked at last, and so never.
    fn message(&self, number: u64) -> Vec<u8> {
        let mut wire = self.wire.clone();
        let end = wire.len();
        wire[end - 8..].copy_from_slice(&number.to_be_bytes());
        Gossip::Statement { wire: wire.into() }.encode()
    }
}

/// The role of the hostile members: sends until it is killed.
pub fn role(mesh: &str, address: &str, rate: usize, gang: u8) {
    let mesh: MeshId = mesh.parse().unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    runtime.block_on(async {
        let mut foes: Vec<P2pHandle> = Vec::new();
        let first = 2 + gang * FOES;
        for number in first..first + FOES {
            let mut config = P2pConfig::new(mesh);
            (config.peers, config.seed) = (vec![address.parse().unwrap()], number.into());
            let spawned = Metrics::default().with_registry(|registry| p2p::spawn(config, &key(number), registry));
            let (foe, mut events) = spawned.unwrap();
            tokio::spawn(async move { while events.recv().await.is_some() {} });
            foe.send(Command::Subscribe { topic: "shop".to_owned() }).await.unwrap();
            foes.push(foe);
        }
        let (junk, begin) = (Junk::of(mesh), Instant::now());
        let mut sent = 0u64;
        loop {
            let due = (begin.elapsed().as_secs_f64() * rate as f64) as u64;
            while sent < due {
                let foe = &foes[sent as usize % foes.len()];
                let _ = foe.try_send(Command::Publish { topic: "shop".to_owned(), bytes: junk.message(sent) });
                sent += 1;
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    });
}

/// How many peers a node has.
fn peers(runtime: &tokio::runtime::Runtime, socket: &FilePath) -> usize {
    let endpoint: Endpoint = format!("unix:{}", socket.display()).parse().unwrap();
    runtime.block_on(Client::new(endpoint).status()).map_or(0, |status| status.peers.len())
}

/// The row about junk.
pub fn run(effort: Effort) -> Vec<Row> {
    let forge = Forge::found(&keys(1 + FOES * GANGS));
    let homes = Homes::make(&forge, 1);
    homes.fill(&forge, 1, &forge.history(ENTRIES, 1, VALUE));
    let _node = homes.start(1, Some(0));
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let socket = homes.socket(1);
    let settings = std::fs::read_to_string(homes.config(1)).unwrap();
    let listens = settings.split('"').find(|text| text.starts_with("/ip4/")).unwrap();
    let address = format!("{listens}/p2p/{}", peer::id(&key(1).public()));
    let lasts = Duration::from_millis(effort.size(3_000, 500) as u64);
    let slowest = || {
        let load = runtime.block_on(load::run(&socket, WRITERS, lasts, load::http, request));
        load.times.quantile(0.99)
    };
    let gangs = std::cell::Cell::new(0);
    let beside_junk = || {
        let gang = gangs.replace((gangs.get() + 1) % GANGS);
        let arguments = ["junk", &forge.mesh.to_string(), &address, &RATE.to_string(), &gang.to_string()];
        let _foes = Running::role(&arguments, Some(1));
        wait_for("the hostile members", || peers(&runtime, &socket) == usize::from(FOES));
        slowest()
    };
    let alone = || {
        wait_for("the hostile members to go", || peers(&runtime, &socket) == 0);
        slowest()
    };
    let paired = pair(effort, beside_junk, alone);
    let note = format!(
        "p99 {} beside them, {} alone; {WRITERS} writers, {FOES} members, statements in proper form by a key without a grant",
        span(paired.ours.median()),
        span(paired.theirs.median())
    );
    let what = "p99 of acknowledged writes beside 10,000 junk messages a second";
    vec![Row::ratio(what, "the same without", Want::AtMost(2.0), &paired).note(note)]
}
