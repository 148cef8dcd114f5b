//! From a checked configuration to a running node: every room is started here, and ended here in the reverse order.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use driftless_client::sealed::IdentityError;
use driftless_client::{bundle, keys};
use driftless_core::machine::{Machine, Pace, Rates, Setup};
use driftless_statement::{MeshId, PublicKey, Signed};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tracing::{error, info, warn};

use crate::config::Config;
use crate::door::Door;
use crate::driver::{Clock, Driver, Parts};
use crate::http::{self, HttpSettings};
use crate::metrics::Metrics;
use crate::p2p::{self, P2pConfig, P2pError};
use crate::secrets::{Follower, Keeper};
use crate::store::{self, Directory, Store, StoreError, Writer};

/// Why a node did not start. Nothing of it runs afterwards; what is on disk is as it was, the boot counter excepted.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The key file cannot be used.
    #[error("{0}")]
    Key(#[from] keys::KeyError),
    /// The file of the identity that opens secrets cannot be used.
    #[error("node.secrets_key_file: {0}")]
    Secrets(#[from] IdentityError),
    /// The bundle cannot be read.
    #[error("node.bundle {path}: {reason}")]
    Bundle {
        /// As configured.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// The store cannot be opened.
    #[error("{0}")]
    Store(#[from] StoreError),
    /// The system gave no randomness.
    #[error("the system's randomness is not available: {0}")]
    Entropy(String),
    /// The network cannot start.
    #[error("{0}")]
    Network(#[from] P2pError),
    /// Local services cannot be served.
    #[error("{0}")]
    Http(#[from] http::HttpError),
    /// The writer's thread cannot start.
    #[error("cannot start the store's thread: {0}")]
    Thread(#[source] std::io::Error),
}

/// A running node.
pub struct Node {
    /// Where local services, and whoever runs the node in this process, reach it.
    pub door: Door,
    /// The loopback TCP address, when one was asked for.
    pub tcp: Option<std::net::SocketAddr>,
    heartbeat: Arc<AtomicU64>,
    shutdown: watch::Sender<bool>,
    tasks: Vec<JoinHandle<()>>,
}

impl Node {
    /// Rises at least twice a second while the node works.
    pub fn heartbeat(&self) -> u64 {
        self.heartbeat.load(Ordering::Relaxed)
    }

    /// Ends the node: calls under way are answered, what is queued for the disk is written, links are closed.
    pub async fn stop(self) {
        let _ = self.shutdown.send(true);
        for task in self.tasks {
            if let Err(failed) = task.await {
                error!(%failed, "a part of the node ended badly");
            }
        }
    }
}

/// Starts a node on the current tokio runtime. When this returns it serves what its disk holds; peers may come later.
pub async fn start(config: &Config) -> Result<Node, StartError> {
    let key = keys::load(&config.node.key_file)?;
    let mesh = config.mesh.id;
    let first = config.node.bundle.as_deref().map(|path| read_bundle(path, mesh)).transpose()?.unwrap_or_default();
    let (store, loaded) = open_store(config).await?;
    for bad in &loaded.quarantined {
        warn!(seq = bad.seq, reason = %bad.reason, "a record failed its hash and was put aside; peers supply it again");
    }
    if loaded.missing > 0 {
        warn!(missing = loaded.missing, "records are missing from the store; peers supply them again");
    }
    info!(statements = loaded.statements.len(), boot = loaded.boot, "store opened");
    let keeper = Arc::new(Keeper::start(&config.node.secrets_key_file)?);
    let metrics = Arc::new(Metrics::new(env!("CARGO_PKG_VERSION")));
    let seed = u64::from_le_bytes(entropy()?);
    let network = metrics.with_registry(|registry| p2p::spawn(p2p_config(config, seed), &key, registry))?;
    let pace = store::Pace {
        queue: usize::try_from(config.store.queue).unwrap_or(1024),
        longest_pause: config.store.longest_pause,
        ..store::Pace::default()
    };
    let writer = Writer::spawn(store, pace).map_err(StartError::Thread)?;
    let clock = Clock::start();
    let node = key.public();
    let name = name_of(config, &node);
    let settings = HttpSettings::of(&config.http, &config.access, &name);
    let setup = Setup {
        key,
        mesh: config.mesh.id,
        name,
        wants: None,
        store: u64::from_be_bytes(loaded.store_id),
        boot: loaded.boot,
        floor_ms: loaded.floor_ms,
        keep_struck_bytes: usize::try_from(config.store.keep_struck_bytes).unwrap_or(usize::MAX),
        seed,
        pace: core_pace(config),
        rates: core_rates(config),
        proofs: driftless_core::machine::Proofs::default(),
    };
    let machine = Machine::new(setup, clock.now());
    let (shutdown, ends) = watch::channel(false);
    let parts = Parts { machine, clock, network, store: writer, metrics: metrics.clone(), shutdown: ends.clone() };
    let (driver, door) = Driver::new(parts);
    let heartbeat = driver.heartbeat();
    let follower = Follower::new(keeper.clone(), node, door.clone(), metrics.clone());
    let served = http::serve(door.clone(), settings, keeper, metrics, ends.clone()).await?;
    let tcp = served.tcp;
    let tasks = vec![
        tokio::spawn(served.run()),
        tokio::spawn(follower.run(ends)),
        tokio::spawn(driver.run(loaded.statements, first)),
    ];
    Ok(Node { door, tcp, heartbeat, shutdown, tasks })
}

/// Puts a store aside that cannot be opened because it is damaged; a good one, or none, is left as it is.
pub fn rebuild_damaged(config: &Config) -> Result<(), StartError> {
    match Store::open(&config.node.data_dir, config.mesh.id, entropy()?) {
        Err(error @ StoreError::Corrupt { .. }) => {
            warn!(%error, "the store is damaged");
            if let Some(aside) = store::rebuild(&config.node.data_dir)? {
                warn!(path = %aside.display(), "the damaged store was put aside; peers supply its statements again");
            }
            Ok(())
        }
        Err(error) => Err(error.into()),
        Ok(_) => Ok(()),
    }
}

fn entropy() -> Result<[u8; 8], StartError> {
    let mut bytes = [0; 8];
    getrandom::fill(&mut bytes).map_err(|error| StartError::Entropy(error.to_string()))?;
    Ok(bytes)
}

/// The statements of a bundle, all of this mesh.
fn read_bundle(path: &Path, mesh: MeshId) -> Result<Vec<Vec<u8>>, StartError> {
    let failed = |reason: String| StartError::Bundle { path: path.to_owned(), reason };
    let missing = |error| failed(format!("{error}; correct the key, or remove it when a peer has the mesh already"));
    let bytes = std::fs::read(path).map_err(missing)?;
    let wires = bundle::decode(&bytes).map_err(|error| failed(error.to_string()))?;
    for wire in &wires {
        let signed = Signed::decode(wire).map_err(|invalid| failed(invalid.to_string()))?;
        signed.check_mesh(mesh).map_err(|invalid| failed(format!("{invalid}; correct mesh.id or node.bundle")))?;
    }
    Ok(wires.into_iter().map(<[u8]>::to_vec).collect())
}

async fn open_store(config: &Config) -> Result<(Store, store::Loaded), StartError> {
    let (dir, mesh, entropy) = (config.node.data_dir.clone(), config.mesh.id, entropy()?);
    let options = store::Options {
        cache_bytes: usize::try_from(config.store.cache_bytes).unwrap_or(usize::MAX),
        reserve_bytes: config.store.reserve_bytes,
        boot_from: Clock::start().now().wall_ms / 1_000,
    };
    let open = move || Store::open_on(Directory::take(&dir, options.reserve_bytes)?, mesh, entropy, options);
    // Reading and hashing a large store takes seconds: not on a thread that others need.
    match tokio::task::spawn_blocking(open).await {
        Ok(opened) => Ok(opened?),
        Err(failed) => Err(StartError::Thread(std::io::Error::other(failed))),
    }
}

fn p2p_config(config: &Config, seed: u64) -> P2pConfig {
    P2pConfig {
        listen: config.p2p.listen.clone(),
        peers: config.p2p.peers.clone(),
        mdns: config.p2p.mdns,
        max_connections: config.p2p.max_connections,
        max_memory_bytes: usize::try_from(config.p2p.max_memory_bytes).unwrap_or(usize::MAX),
        first_ban: config.p2p.first_ban,
        longest_ban: config.p2p.longest_ban,
        request_timeout: config.reconcile.request_timeout,
        seed,
        ..P2pConfig::new(config.mesh.id)
    }
}

fn core_pace(config: &Config) -> Pace {
    Pace {
        beacon_ms: millis(config.beacon.interval),
        beacon_expiry_ms: millis(config.beacon.expiry),
        reconcile_ms: millis(config.reconcile.interval),
        repair_ms: millis(config.reconcile.repair_interval),
        request_ms: millis(config.reconcile.request_timeout),
    }
}

fn core_rates(config: &Config) -> Rates {
    Rates {
        author_statements: config.intake.author_statements.into(),
        author_bytes: config.intake.author_bytes,
        peer_bytes: config.intake.peer_bytes,
        peer_checks: config.intake.peer_checks.into(),
        burst_ms: millis(config.intake.burst),
    }
}

/// The configured name, or the first ten digits of the node's key.
fn name_of(config: &Config, node: &PublicKey) -> String {
    if config.node.name.is_empty() { node.short() } else { config.node.name.clone() }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
