//! Configuration: file, environment and flags, read once and checked into a [`Config`] that cannot be wrong. It knows
//! what may be set, and nothing of what is done with it.

mod access;
mod check;
mod error;
mod flags;
mod keys;
mod layers;
mod network;
mod page;
mod parse;
mod reader;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use driftless_statement::MeshId;
use libp2p::Multiaddr;

pub use access::{Access, Principal, Role};
pub use error::{ConfigError, Problem, Source};
pub use flags::Flags;
pub use keys::{KEYS, Key, Kind, SECTIONS};
pub use layers::Environment;
pub use page::page;

/// Everything that can be set, checked. Each field is one key of the same name; `docs/configuration.md` explains them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// `[node]`
    pub node: Node,
    /// `[mesh]`
    pub mesh: Mesh,
    /// `[p2p]`
    pub p2p: P2p,
    /// `[http]`
    pub http: Http,
    /// `[access]`
    pub access: Access,
    /// `[store]`
    pub store: Store,
    /// `[reconcile]`
    pub reconcile: Reconcile,
    /// `[intake]`
    pub intake: Intake,
    /// `[beacon]`
    pub beacon: Beacon,
    /// `[log]`
    pub log: Log,
    /// Each key's value as TOML and where it came from, in the order of [`KEYS`]; what `config show` prints.
    pub origins: Vec<(&'static str, String, Source)>,
}

/// `[node]`: who this node is and where it keeps things.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs, reason = "each field is the key of that name, explained in keys.rs")]
pub struct Node {
    pub data_dir: PathBuf,
    pub key_file: PathBuf,
    pub secrets_key_file: PathBuf,
    pub bundle: Option<PathBuf>,
    pub name: String,
}

/// `[mesh]`: which mesh it belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs, reason = "each field is the key of that name, explained in keys.rs")]
pub struct Mesh {
    pub id: MeshId,
}

/// `[p2p]`: how it meets its peers.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs, reason = "each field is the key of that name, explained in keys.rs")]
pub struct P2p {
    pub listen: Vec<Multiaddr>,
    pub peers: Vec<Multiaddr>,
    pub mdns: bool,
    pub max_connections: u32,
    pub max_memory_bytes: u64,
    pub first_ban: Duration,
    pub longest_ban: Duration,
}

/// `[http]`: how services and operators on this machine reach it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs, reason = "each field is the key of that name, explained in keys.rs")]
pub struct Http {
    pub socket: Option<PathBuf>,
    pub socket_mode: u32,
    pub listen: Option<SocketAddr>,
    pub allowed_hosts: Vec<String>,
    pub max_connections: u32,
    pub max_body_bytes: u64,
    pub max_header_bytes: u64,
    pub header_timeout: Duration,
    pub request_timeout: Duration,
    pub max_watchers: u32,
    pub watch_heartbeat: Duration,
}

/// `[store]`: how it keeps statements.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs, reason = "each field is the key of that name, explained in keys.rs")]
pub struct Store {
    pub cache_bytes: u64,
    pub reserve_bytes: u64,
    pub queue: u32,
    pub keep_struck_bytes: u64,
    pub longest_pause: Duration,
}

/// `[reconcile]`: how differences are found for certain.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs, reason = "each field is the key of that name, explained in keys.rs")]
pub struct Reconcile {
    pub interval: Duration,
    pub repair_interval: Duration,
    pub request_timeout: Duration,
}

/// `[intake]`: how much of one author and of one peer is taken in how fast.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs, reason = "each field is the key of that name, explained in keys.rs")]
pub struct Intake {
    pub author_statements: u32,
    pub author_bytes: u64,
    pub peer_bytes: u64,
    pub peer_checks: u32,
    pub burst: Duration,
}

/// `[beacon]`: how nodes report their state.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs, reason = "each field is the key of that name, explained in keys.rs")]
pub struct Beacon {
    pub interval: Duration,
    pub expiry: Duration,
}

/// `[log]`: what it tells its operator.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs, reason = "each field is the key of that name, explained in keys.rs")]
pub struct Log {
    pub level: String,
    pub format: LogFormat,
}

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

impl Config {
    /// Reads the file that the flags name (or none), the environment and the flags. Flags win over the environment,
    /// that over the file, that over the defaults. Says everything that is wrong at once.
    pub fn load(flags: &Flags, environment: &Environment) -> Result<Self, ConfigError> {
        check::check(&layers::Layers::read(flags.config.as_deref(), environment, flags)?, environment)
    }

    /// Checks a file alone, as `driftlessd config check FILE` does: no flags, and of the environment nothing but what
    /// default paths derive from.
    pub fn check_file(path: &Path, environment: &Environment) -> Result<Self, ConfigError> {
        let environment = environment.without_keys();
        check::check(&layers::Layers::read(Some(path), &environment, &Flags::default())?, &environment)
    }

    /// The configuration in force as a TOML file, with the origin of each value beside it.
    pub fn show(&self) -> String {
        page::show(self)
    }
}
