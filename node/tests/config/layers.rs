//! File, environment and flags: which wins, and how each writes the same value.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use driftless_node::config::{Config, Environment, Flags, LogFormat, Principal, Source};

const MESH: &str = "0101010101010101010101010101010101010101010101010101010101010101";

fn load(file: &Path, environment: &[(&str, &str)], flags: Flags) -> Config {
    let environment = environment.iter().copied().chain([("HOME", "/home/ada")]).collect();
    Config::load(&Flags { config: Some(file.to_owned()), ..flags }, &environment).unwrap_or_else(|why| panic!("{why}"))
}

fn file(dir: &Path, text: &str) -> PathBuf {
    let path = dir.join("node.toml");
    fs::write(&path, format!("{text}\n[mesh]\nid = \"{MESH}\"\n")).unwrap();
    path
}

#[test]
fn flag_over_environment_over_file_over_default() {
    let dir = tempfile::tempdir().unwrap();
    let path = file(dir.path(), "[reconcile]\ninterval = \"11s\"");
    let variable = [("DRIFTLESS_RECONCILE_INTERVAL", "12s")];
    let flags = || Flags { set: vec!["reconcile.interval=13s".to_owned()], ..Flags::default() };
    let interval = |config: &Config| config.reconcile.interval.as_secs();
    let empty = file(&tempfile::tempdir().unwrap().keep(), "");
    assert_eq!(interval(&load(&empty, &[], Flags::default())), 15);
    assert_eq!(interval(&load(&path, &[], Flags::default())), 11);
    assert_eq!(interval(&load(&path, &variable, Flags::default())), 12);
    let all = load(&path, &variable, flags());
    assert_eq!(interval(&all), 13);
    let origin = all.origins.iter().find(|(key, ..)| *key == "reconcile.interval").unwrap();
    assert_eq!(origin.2, Source::Flag("--set".to_owned()));
    fs::remove_dir_all(empty.parent().unwrap()).unwrap();
}

#[test]
fn every_kind_is_read_from_the_environment() {
    let dir = tempfile::tempdir().unwrap();
    let peer = "/ip4/192.0.2.1/tcp/7474/p2p/12D3KooWGRUrHuTaFQwLPBBMcFVJFdpKtxCrqi6vXMTEgSWRhZyU";
    let peers =
        format!("{peer}, /dns4/a.example/udp/7474/quic-v1/p2p/12D3KooWGRUrHuTaFQwLPBBMcFVJFdpKtxCrqi6vXMTEgSWRhZyU");
    let config = load(
        &file(dir.path(), ""),
        &[
            ("DRIFTLESS_NODE_NAME", "berlin-1"),
            ("DRIFTLESS_P2P_PEERS", &peers),
            ("DRIFTLESS_P2P_LISTEN", ""),
            ("DRIFTLESS_P2P_MDNS", "true"),
            ("DRIFTLESS_P2P_MAX_CONNECTIONS", "7"),
            ("DRIFTLESS_P2P_MAX_MEMORY_BYTES", "96MiB"),
            ("DRIFTLESS_HTTP_LISTEN", "[::1]:7475"),
            ("DRIFTLESS_HTTP_SOCKET", ""),
            ("DRIFTLESS_HTTP_SOCKET_MODE", "0600"),
            ("DRIFTLESS_HTTP_MAX_BODY_BYTES", "2MiB"),
            ("DRIFTLESS_STORE_CACHE_BYTES", "1048576"),
            ("DRIFTLESS_LOG_FORMAT", "json"),
            ("DRIFTLESS_CASES", "not ours to read"),
        ],
        Flags::default(),
    );
    assert_eq!(config.node.name, "berlin-1");
    assert_eq!((config.p2p.peers.len(), config.p2p.listen.len()), (2, 0));
    assert_eq!(config.p2p.peers[0].to_string(), peer);
    assert!(config.p2p.mdns);
    assert_eq!((config.p2p.max_connections, config.p2p.max_memory_bytes), (7, 96 << 20));
    assert_eq!((config.http.socket, config.http.socket_mode), (None, 0o600));
    assert_eq!(config.http.listen.unwrap().to_string(), "[::1]:7475");
    assert_eq!((config.http.max_body_bytes, config.store.cache_bytes), (2 << 20, 1 << 20));
    assert_eq!(config.log.format, LogFormat::Json);
}

#[test]
fn short_flags_set_their_keys() {
    let dir = tempfile::tempdir().unwrap();
    let flags = Flags {
        data_dir: Some("/data".to_owned()),
        listen: vec!["/ip4/127.0.0.1/tcp/1".to_owned(), "/ip6/::1/udp/2/quic-v1".to_owned()],
        http_listen: Some("127.0.0.1:0".to_owned()),
        log_level: Some("warn,driftless_node::store=trace".to_owned()),
        ..Flags::default()
    };
    let config = load(&file(dir.path(), "[node]\ndata_dir = \"elsewhere\""), &[], flags);
    assert_eq!(config.node.data_dir, Path::new("/data"));
    assert_eq!(config.node.key_file, Path::new("/data/node.key"));
    assert_eq!(config.p2p.listen.len(), 2);
    assert_eq!(config.http.listen.unwrap().port(), 0);
}

#[test]
fn paths_in_a_file_are_relative_to_it() {
    let dir = tempfile::tempdir().unwrap();
    let path = file(dir.path(), "[node]\ndata_dir = \"data\"\nkey_file = \"keys/a.key\"\nbundle = \"/etc/bundle\"");
    let config = load(&path, &[("DRIFTLESS_HTTP_SOCKET", "here.sock")], Flags::default());
    assert_eq!(config.node.data_dir, dir.path().join("data"));
    assert_eq!(config.node.key_file, dir.path().join("keys/a.key"));
    assert_eq!(config.node.bundle.unwrap(), Path::new("/etc/bundle"));
    assert_eq!(config.http.socket.unwrap(), Path::new("here.sock"));
}

#[test]
fn default_places_follow_systemd_then_xdg_then_home() {
    let dir = tempfile::tempdir().unwrap();
    let path = file(dir.path(), "");
    let places = |environment: &[(&str, &str)]| {
        let config = load(&path, environment, Flags::default());
        (config.node.data_dir.display().to_string(), config.http.socket.unwrap().display().to_string())
    };
    let home = "/home/ada/.local/state/driftless";
    assert_eq!(places(&[]), (home.to_owned(), format!("{home}/driftless.sock")));
    let xdg = [("XDG_STATE_HOME", "/s"), ("XDG_RUNTIME_DIR", "/r")];
    assert_eq!(places(&xdg), ("/s/driftless".to_owned(), "/r/driftless.sock".to_owned()));
    let systemd = [("STATE_DIRECTORY", "/var/lib/d:/x"), ("RUNTIME_DIRECTORY", "/run/d"), ("XDG_RUNTIME_DIR", "/r")];
    assert_eq!(places(&systemd), ("/var/lib/d".to_owned(), "/run/d/driftless.sock".to_owned()));
}

#[test]
fn a_file_is_checked_without_what_the_environment_sets() {
    let dir = tempfile::tempdir().unwrap();
    let path = file(dir.path(), "[beacon]\ninterval = \"2s\"");
    let environment: Environment =
        [("HOME", "/h"), ("DRIFTLESS_BEACON_INTERVAL", "nonsense"), ("DRIFTLESS_P2P_NONSENSE", "1")]
            .into_iter()
            .collect();
    assert_eq!(Config::check_file(&path, &environment).unwrap().beacon.interval, Duration::from_secs(2));
    let flags = Flags { config: Some(path), ..Flags::default() };
    assert!(Config::load(&flags, &environment).is_err());
}

/// The example in docs/access.md, as it stands there.
#[test]
fn the_roles_on_the_page_are_read() {
    let page = include_str!("../../../docs/access.md");
    let example = page.split("```toml\n").nth(1).unwrap().split("```").next().unwrap();
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("node.toml");
    std::fs::write(&path, format!("[mesh]\nid = \"{MESH}\"\n{example}")).unwrap();
    let environment: Environment = [("HOME", "/home/ada")].into_iter().collect();
    let flags = Flags { config: Some(path), ..Flags::default() };
    let access = Config::load(&flags, &environment).unwrap().access;
    assert_eq!(
        access.role.iter().map(|role| role.name.as_str()).collect::<Vec<_>>(),
        ["checkout", "operators", "dashboard"]
    );
    assert_eq!(access.role[0].users, [Principal::Name("checkout".to_owned()), Principal::Number(1007)]);
    assert_eq!((access.role[0].rights.read.len(), access.role[1].rights.read[0].as_str()), (2, ""));
    assert!(access.role[1].rights.observe && !access.role[1].rights.write.iter().any(|_| true));
    assert_eq!(
        (access.tcp_role.as_deref(), access.tokens_file.ends_with("driftless/tokens.json")),
        (Some("dashboard"), true)
    );
    // And from the environment, as TOML on one line.
    let environment = [
        ("HOME", "/home/ada"),
        ("DRIFTLESS_MESH_ID", MESH),
        ("DRIFTLESS_ACCESS_ROLE", "[{name = \"a\", users = [1], write = [\"shop\"]}]"),
    ];
    let config = Config::load(&Flags::default(), &environment.into_iter().collect()).unwrap();
    assert_eq!(config.access.role[0].rights.write[0].as_str(), "shop");
}
