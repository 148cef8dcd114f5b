//! From layers to a checked [`Config`]: every key on its own, then what keys must keep between them.

use std::path::{Path, PathBuf};

use driftless_statement::MeshId;

use super::access::access;
use super::error::{ConfigError, Source};
use super::keys::{self, KEYS, Key};
use super::layers::{Environment, Layers, shown};
use super::network::{http, p2p};
use super::parse;
use super::reader::Reader;
use super::{Beacon, Config, Intake, Log, LogFormat, Mesh, Node, Reconcile, Store};

/// Makes the configuration, or says all that is wrong.
pub(super) fn check(layers: &Layers, environment: &Environment) -> Result<Config, ConfigError> {
    let mut reader = Reader { layers, problems: layers.problems.clone() };
    let config = read(&mut reader, environment);
    match config {
        Some(config) if reader.problems.is_empty() => Ok(config),
        _ => Err(ConfigError::Problems(reader.problems)),
    }
}

fn read(reader: &mut Reader<'_>, environment: &Environment) -> Option<Config> {
    // Every section is read before any is missed, so that one run shows everything.
    let node = node(reader, environment);
    let data_dir = node.as_ref().map(|node| node.data_dir.clone()).unwrap_or_default();
    let (mesh, p2p, http) = (mesh(reader), p2p(reader), http(reader, environment, &data_dir));
    let access = access(reader, &data_dir);
    let (store, reconcile) = (store(reader), reconcile(reader));
    let (intake, beacon, log) = (intake(reader), beacon(reader), log(reader));
    Some(Config {
        node: node?,
        mesh: mesh?,
        p2p: p2p?,
        http: http?,
        access: access?,
        store: store?,
        reconcile: reconcile?,
        intake: intake?,
        beacon: beacon?,
        log: log?,
        origins: origins(reader),
    })
}

fn origins(reader: &Reader<'_>) -> Vec<(&'static str, String, Source)> {
    let origin = |key: &&'static Key| {
        let given = reader.given(key)?;
        Some((key.name, shown(&given.value), given.source))
    };
    KEYS.iter().filter_map(origin).collect()
}

fn node(reader: &mut Reader<'_>, environment: &Environment) -> Option<Node> {
    let key_file = reader.file(keys::NODE_KEY_FILE);
    let secrets_key_file = reader.file(keys::NODE_SECRETS_KEY_FILE);
    let bundle = reader.file(keys::NODE_BUNDLE);
    let name = reader.read(keys::NODE_NAME, |value| parse::name(parse::text(value)?).map(str::to_owned));
    let data_dir = match reader.given(keys::NODE_DATA_DIR) {
        Some(_) => reader.file(keys::NODE_DATA_DIR),
        None => default_data_dir(environment).or_else(|| {
            reader.conflict(
                keys::NODE_DATA_DIR,
                "must be set where neither STATE_DIRECTORY, XDG_STATE_HOME nor HOME is",
                "set it, for example to /var/lib/driftless",
            );
            None
        }),
    }?;
    Some(Node {
        key_file: key_file.unwrap_or_else(|| data_dir.join("node.key")),
        secrets_key_file: secrets_key_file.unwrap_or_else(|| data_dir.join("secrets.key")),
        bundle,
        name: name.unwrap_or_default(),
        data_dir,
    })
}

fn default_data_dir(environment: &Environment) -> Option<PathBuf> {
    let home = || Some(Path::new(environment.get("HOME")?).join(".local/state"));
    // systemd separates several directories with colons; the first is ours.
    let state = environment.get("STATE_DIRECTORY").and_then(|list| list.split(':').next());
    match state {
        Some(directory) => Some(PathBuf::from(directory)),
        None => Some(environment.get("XDG_STATE_HOME").map(PathBuf::from).or_else(home)?.join("driftless")),
    }
}

fn mesh(reader: &mut Reader<'_>) -> Option<Mesh> {
    if reader.given(keys::MESH_ID).is_none() {
        reader.conflict(keys::MESH_ID, "is required", "set it to the id that `driftless init` printed");
        return None;
    }
    let id = reader.read(keys::MESH_ID, |value| {
        let fix = || "copy it from `driftless init` or from another node's configuration".to_owned();
        let id: MeshId = parse::text(value)?.parse().map_err(|error| (format!("{error}"), fix()))?;
        if id == MeshId::UNFOUNDED { Err(("must not be all zero".to_owned(), fix())) } else { Ok(id) }
    })?;
    Some(Mesh { id })
}

fn store(reader: &mut Reader<'_>) -> Option<Store> {
    let cache_bytes = reader.bytes(keys::STORE_CACHE_BYTES);
    let reserve_bytes = reader.bytes(keys::STORE_RESERVE_BYTES);
    let queue = reader.count(keys::STORE_QUEUE);
    let keep_struck_bytes = reader.bytes(keys::STORE_KEEP_STRUCK_BYTES);
    let longest_pause = reader.duration(keys::STORE_LONGEST_PAUSE);
    Some(Store {
        cache_bytes: cache_bytes?,
        reserve_bytes: reserve_bytes?,
        queue: queue?,
        keep_struck_bytes: keep_struck_bytes?,
        longest_pause: longest_pause?,
    })
}

fn reconcile(reader: &mut Reader<'_>) -> Option<Reconcile> {
    let interval = reader.duration(keys::RECONCILE_INTERVAL);
    let repair_interval = reader.duration(keys::RECONCILE_REPAIR_INTERVAL);
    let request_timeout = reader.duration(keys::RECONCILE_REQUEST_TIMEOUT);
    let (interval, repair_interval) = (interval?, repair_interval?);
    if repair_interval > interval {
        let limit = format!("must not exceed reconcile.interval ({interval:?})");
        reader.conflict(keys::RECONCILE_REPAIR_INTERVAL, &limit, "lower it, or raise the other");
    }
    Some(Reconcile { interval, repair_interval, request_timeout: request_timeout? })
}

fn intake(reader: &mut Reader<'_>) -> Option<Intake> {
    let author_statements = reader.count(keys::INTAKE_AUTHOR_STATEMENTS);
    let author_bytes = reader.bytes(keys::INTAKE_AUTHOR_BYTES);
    let peer_bytes = reader.bytes(keys::INTAKE_PEER_BYTES);
    let peer_checks = reader.count(keys::INTAKE_PEER_CHECKS);
    let burst = reader.duration(keys::INTAKE_BURST);
    Some(Intake {
        author_statements: author_statements?,
        author_bytes: author_bytes?,
        peer_bytes: peer_bytes?,
        peer_checks: peer_checks?,
        burst: burst?,
    })
}

fn beacon(reader: &mut Reader<'_>) -> Option<Beacon> {
    let interval = reader.duration(keys::BEACON_INTERVAL);
    let expiry = reader.duration(keys::BEACON_EXPIRY);
    let (interval, expiry) = (interval?, expiry?);
    if expiry < interval * 2 {
        let limit =
            format!("must be at least twice beacon.interval ({interval:?}), or one lost beacon looks like silence");
        reader.conflict(keys::BEACON_EXPIRY, &limit, "raise it, or lower the other");
    }
    Some(Beacon { interval, expiry })
}

fn log(reader: &mut Reader<'_>) -> Option<Log> {
    let level = reader.read(keys::LOG_LEVEL, |value| {
        let text = parse::text(value)?;
        let fix = || "write error, warn, info, debug or trace, or a list such as info,driftless_node::store=debug";
        crate::logging::filter(text).map_err(|why| (format!("is no filter: {why}"), fix().to_owned()))?;
        // One word alone would be taken for the name of a module, and nothing would ever be logged.
        let levels = ["off", "error", "warn", "info", "debug", "trace"];
        let bare = |part: &str| !part.contains('=') && !part.contains("::");
        let unknown = |part: &&str| bare(part) && !levels.contains(&part.trim().to_ascii_lowercase().as_str());
        if let Some(part) = text.split(',').find(unknown) {
            return Err((format!("names no level: {part:?}"), fix().to_owned()));
        }
        Ok(text.to_owned())
    });
    let format = reader.read(keys::LOG_FORMAT, |value| match parse::text(value)? {
        "text" => Ok(LogFormat::Text),
        "json" => Ok(LogFormat::Json),
        _ => Err(("must be text or json".to_owned(), "write one of both".to_owned())),
    });
    Some(Log { level: level?, format: format? })
}
