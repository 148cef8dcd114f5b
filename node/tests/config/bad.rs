//! Bad configuration: each named case and its refusal, which names the key, the value, the limit and what to do.

use std::fs;

use driftless_node::config::{Config, ConfigError, Environment, Flags};

const MESH: &str = "0101010101010101010101010101010101010101010101010101010101010101";
const PEER: &str = "/ip4/192.0.2.1/tcp/7474/p2p/12D3KooWGRUrHuTaFQwLPBBMcFVJFdpKtxCrqi6vXMTEgSWRhZyU";

fn refused(text: &[u8], environment: &[(&str, &str)], set: &[&str]) -> String {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("node.toml");
    fs::write(&path, text).unwrap();
    let environment: Environment = environment.iter().copied().chain([("HOME", "/home/ada")]).collect();
    let set = set.iter().map(ToString::to_string).collect();
    match Config::load(&Flags { config: Some(path), set, ..Flags::default() }, &environment) {
        Ok(_) => "accepted".to_owned(),
        Err(why) => why.to_string(),
    }
}

/// Case, the file after a good `[mesh]`, what the refusal must say.
const FILES: &[(&str, &str, &[&str])] = &[
    ("unknown key", "[p2p]\nlisen = []", &["p2p.lisen (file", "there is no such key", "did you mean p2p.listen?"]),
    ("unknown key, nothing like it", "[p2p]\nfoobarbazqux = 1", &["docs/configuration.md lists every key"]),
    ("unknown section", "[peer2peer]\nx = 1", &["peer2peer", "there is no such section"]),
    ("key of another section", "[node]\nlisten = []", &["node.listen", "there is no such key"]),
    ("upper case key", "[log]\nLevel = \"info\"", &["log.Level", "did you mean log.level?"]),
    ("array of tables", "[[p2p]]\nmdns = true", &["p2p", "must be a section, not a value"]),
    (
        "text for a number",
        "[p2p]\nmax_connections = \"many\"",
        &["p2p.max_connections = \"many\"", "between 1 and 65535"],
    ),
    ("zero connections", "[p2p]\nmax_connections = 0", &["= 0 (file", "must be between 1 and 65535", "nearest is 1"]),
    ("negative connections", "[p2p]\nmax_connections = -1", &["= -1", "must be between 1 and 65535"]),
    ("too many connections", "[p2p]\nmax_connections = 65536", &["nearest is 65535"]),
    ("float for a number", "[p2p]\nmax_connections = 1.5", &["must be a whole number"]),
    ("text for a flag", "[p2p]\nmdns = \"yes\"", &["p2p.mdns = \"yes\"", "must be true or false", "without quotes"]),
    ("text for a list", "[p2p]\nlisten = \"/ip4/0.0.0.0/tcp/1\"", &["p2p.listen", "must be a list of texts"]),
    ("number in a list", "[p2p]\nlisten = [1]", &["must be a list of texts"]),
    (
        "no multiaddr",
        "[p2p]\nlisten = [\"0.0.0.0:7474\"]",
        &["0.0.0.0:7474 is no multiaddr", "/ip4/192.0.2.1/tcp/7474"],
    ),
    ("level that is none", "[log]\nlevel = \"loud\"", &["log.level", "names no level", "info"]),
    ("listen on a name", "[p2p]\nlisten = [\"/dns4/a/tcp/1\"]", &["cannot be listened on", "/ip4/0.0.0.0/tcp/7474"]),
    ("listen on plain udp", "[p2p]\nlisten = [\"/ip4/0.0.0.0/udp/1\"]", &["cannot be listened on", "quic-v1"]),
    ("listen with a port too large", "[p2p]\nlisten = [\"/ip4/0.0.0.0/tcp/70000\"]", &["is no multiaddr"]),
    ("the same address twice", "[p2p]\nlisten = [\"/ip4/0.0.0.0/tcp/1\", \"/ip4/0.0.0.0/tcp/1\"]", &["twice"]),
    ("peer without key", "[p2p]\npeers = [\"/ip4/192.0.2.1/tcp/1\"]", &["does not name its peer", "add /p2p/"]),
    (
        "peer with an RSA key",
        "[p2p]\npeers = [\"/ip4/192.0.2.1/tcp/1/p2p/QmYyQSo1c1Ym7orWxLYvCrM2EmxFTANf8wXmmE7DWjhx5N\"]",
        &["names a peer that is no Ed25519 key"],
    ),
    ("misspelt section", "[recocile]\nx = 1", &["did you mean reconcile?"]),
    (
        "repair slower than the slow tick",
        "[reconcile]\nrepair_interval = \"1m\"",
        &["reconcile.repair_interval = \"1m\"", "exceed"],
    ),
    ("duration without unit", "[beacon]\ninterval = \"5\"", &["beacon.interval = \"5\"", "with its unit", "\"500ms\""]),
    ("duration as number", "[beacon]\ninterval = 5", &["must be a duration with its unit"]),
    ("duration in days", "[beacon]\ninterval = \"1d\"", &["must be a duration with its unit"]),
    ("negative duration", "[beacon]\ninterval = \"-1s\"", &["must be a duration with its unit"]),
    (
        "duration that overflows",
        "[beacon]\ninterval = \"99999999999999999999s\"",
        &["must be a duration with its unit"],
    ),
    ("duration that overflows when scaled", "[beacon]\ninterval = \"9999999999999999h\"", &["with its unit"]),
    ("duration too short", "[beacon]\ninterval = \"1ms\"", &["must be between 100ms and 10m", "the nearest is 100ms"]),
    (
        "expiry too close to the interval",
        "[beacon]\ninterval = \"20s\"",
        &["beacon.expiry = \"10s\"", "at least twice"],
    ),
    ("size in an odd unit", "[store]\ncache_bytes = \"4MB\"", &["store.cache_bytes = \"4MB\"", "\"64KiB\""]),
    ("size too small", "[store]\ncache_bytes = 1", &["must be between 1MiB and 64GiB", "the nearest is 1MiB"]),
    ("negative size", "[store]\ncache_bytes = -4", &["must be a number of bytes"]),
    ("socket mode as number", "[http]\nsocket_mode = 660", &["http.socket_mode = 660", "octal", "\"0660\""]),
    ("socket mode not octal", "[http]\nsocket_mode = \"0698\"", &["octal between \"0600\" and \"0777\""]),
    ("socket mode that locks the owner out", "[http]\nsocket_mode = \"0077\"", &["\"0600\" and \"0777\""]),
    ("socket mode with a plus", "[http]\nsocket_mode = \"+660\"", &["octal"]),
    ("listen to the world", "[http]\nlisten = \"0.0.0.0:80\"", &["must be a loopback address", "not encrypted"]),
    ("listen on a name", "[http]\nlisten = \"localhost:80\"", &["must be an address and a port", "127.0.0.1:7475"]),
    ("no way in", "[http]\nsocket = \"\"", &["nobody could connect", "set one of both"]),
    (
        "socket path too long",
        "[http]\nsocket = \"/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\"",
        &["has at most 100 bytes", "shorter"],
    ),
    ("any host", "[http]\nallowed_hosts = [\"*\"]", &["http.allowed_hosts", "without *"]),
    ("host with port", "[http]\nallowed_hosts = [\"localhost:80\"]", &["without port"]),
    ("no host", "[http]\nallowed_hosts = []", &["at least one"]),
    ("empty path", "[node]\ndata_dir = \"\"", &["node.data_dir = \"\"", "must not be empty"]),
    ("path with a zero byte", "[node]\ndata_dir = \"a\\u0000b\"", &["holds no zero byte"]),
    ("path as number", "[node]\nkey_file = 7", &["node.key_file = 7", "must be a text"]),
    ("name with a space", "[node]\nname = \"a b\"", &["node.name = \"a b\"", "A-Z a-z 0-9 . _ -"]),
    ("name that moves the cursor", "[node]\nname = \"\\u001b[2J\"", &["node.name", "A-Z a-z 0-9 . _ -"]),
    (
        "level unknown",
        "[log]\nlevel = \"loud=very\"",
        &["log.level = \"loud=very\"", "error, warn, info, debug or trace"],
    ),
    ("role as a table", "[access]\nrole = 1", &["access.role = 1", "tables", "[[access.role]]"]),
    ("role as a list of texts", "[access]\nrole = [\"ops\"]", &["access.role", "write each as [[access.role]]"]),
    ("role without a name", "[[access.role]]\nusers = [1]", &["access.role[1].name", "is required"]),
    (
        "role with an unknown field",
        "[[access.role]]\nname = \"a\"\nusers = [1]\nreed = [\"/\"]",
        &["access.role[1].reed", "a role has: name"],
    ),
    ("role that may everything by a word", "[[access.role]]\nname = \"a\"\nusers = [1]\nadmin = true", &["[1].admin"]),
    (
        "role for nobody",
        "[[access.role]]\nname = \"a\"\nread = [\"/\"]",
        &["role \"a\" is for nobody", "access.tcp_role"],
    ),
    (
        "two roles of one name",
        "[[access.role]]\nname = \"a\"\nusers = [1]\n[[access.role]]\nname = \"a\"\nusers = [2]",
        &["access.role[2].name = \"a\"", "another role"],
    ),
    ("role name with a space", "[[access.role]]\nname = \"a b\"\nusers = [1]", &["[1].name = \"a b\"", "A-Z a-z 0-9"]),
    (
        "users as a text",
        "[[access.role]]\nname = \"a\"\nusers = \"ada\"",
        &["access.role[1].users", "[\"checkout\", 1001]"],
    ),
    ("user below zero", "[[access.role]]\nname = \"a\"\nusers = [-1]", &["[1].users", "from 0 to 4294967294"]),
    ("user that means none", "[[access.role]]\nname = \"a\"\nusers = [4294967295]", &["from 0 to 4294967294"]),
    ("user number as a text", "[[access.role]]\nname = \"a\"\nusers = [\"1001\"]", &["names or numbers"]),
    ("user with a colon", "[[access.role]]\nname = \"a\"\nusers = [\"a:b\"]", &["[1].users", "names or numbers"]),
    ("user without a name", "[[access.role]]\nname = \"a\"\nusers = [\"\"]", &["[1].users", "names or numbers"]),
    ("group as a float", "[[access.role]]\nname = \"a\"\ngroups = [1.5]", &["[1].groups", "names or numbers"]),
    (
        "prefix of a role as a text",
        "[[access.role]]\nname = \"a\"\nusers = [1]\nread = \"/\"",
        &["[1].read", "list of texts"],
    ),
    (
        "prefix of a role that walks",
        "[[access.role]]\nname = \"a\"\nusers = [1]\nread = [\"shop/..\"]",
        &["[1].read", "must not be"],
    ),
    (
        "prefix of a role with a star",
        "[[access.role]]\nname = \"a\"\nusers = [1]\nwrite = [\"shop/*\"]",
        &["[1].write", "found '*'"],
    ),
    (
        "empty prefix of a role",
        "[[access.role]]\nname = \"a\"\nusers = [1]\nread = [\"\"]",
        &["write `/` for everything"],
    ),
    (
        "right as a text",
        "[[access.role]]\nname = \"a\"\nusers = [1]\nsubmit = \"yes\"",
        &["[1].submit = \"yes\"", "true or false"],
    ),
    (
        "TCP role that is none",
        "[access]\ntcp_role = \"all\"",
        &["access.tcp_role = \"all\"", "names no role", "a token is needed"],
    ),
    ("empty TCP role", "[access]\ntcp_role = \"\"", &["access.tcp_role = \"\"", "1 to 64"]),
    ("tokens without a path", "[access]\ntokens_file = \"\"", &["access.tokens_file", "must not be empty"]),
    ("misspelt access", "[acces]\ntcp_role = \"a\"", &["did you mean access?"]),
    ("format unknown", "[log]\nformat = \"xml\"", &["log.format = \"xml\"", "must be text or json"]),
];

#[test]
fn bad_files_are_refused() {
    let mut seen = std::collections::BTreeSet::new();
    for (name, text, want) in FILES {
        assert!(seen.insert((name, text)), "{name}: listed twice");
        let said = refused(format!("[mesh]\nid = \"{MESH}\"\n{text}\n").as_bytes(), &[], &[]);
        for part in *want {
            assert!(said.contains(part), "{name}: wanted {part:?} in: {said}");
        }
        assert!(!said.contains('\u{1b}') && !said.contains('\0'), "{name}: control characters in: {said:?}");
    }
}

#[test]
fn bad_meshes_are_refused() {
    let upper = MESH.replace("01", "AB");
    let zero = "0".repeat(64);
    let cases: &[(&str, String, &str)] = &[
        ("no mesh", String::new(), "mesh.id: is required; set it to the id that `driftless init` printed"),
        ("short", "id = \"0101\"".to_owned(), "must be 64 lowercase hexadecimal digits, got 4 characters"),
        ("upper case", format!("id = \"{upper}\""), "must be 64 lowercase hexadecimal digits"),
        ("all zero", format!("id = \"{zero}\""), "must not be all zero"),
        ("number", "id = 1".to_owned(), "must be a text"),
    ];
    for (name, line, want) in cases {
        let said = refused(format!("[mesh]\n{line}\n").as_bytes(), &[], &[]);
        assert!(said.contains(want), "{name}: {said}");
    }
}

#[test]
fn what_is_no_toml_is_refused() {
    let large = vec![b'#'; (1 << 20) + 1];
    let cases: &[(&str, &[u8], &str)] = &[
        ("garbage", b"\x01\x02 = [", "not valid TOML"),
        ("open text", b"[mesh]\nid = \"0101", "line 2"),
        ("the same key twice", b"[log]\nlevel = \"info\"\nlevel = \"info\"", "duplicate key"),
        ("not UTF-8", b"[node]\nname = \"\xff\"", "cannot be read"),
        ("too large", &large, "more than 1048576 bytes"),
        ("a value without section", b"listen = []", "there is no such section"),
        ("deeply nested", &[b"x = ".as_slice(), &[b'['; 100_000]].concat(), "not valid TOML"),
    ];
    for (name, text, want) in cases {
        let said = refused(text, &[], &[]);
        assert!(said.contains(want), "{name}: {said}");
    }
}

#[test]
fn bad_variables_and_flags_are_refused() {
    let good = format!("[mesh]\nid = \"{MESH}\"\n[p2p]\npeers = [\"{PEER}\"]\n");
    type Case = (&'static str, &'static [(&'static str, &'static str)], &'static [&'static str], &'static str);
    let cases: &[Case] = &[
        ("unknown variable", &[("DRIFTLESS_P2P_LISEN", "x")], &[], "p2p.lisen (environment DRIFTLESS_P2P_LISEN)"),
        ("text for a number", &[("DRIFTLESS_STORE_QUEUE", "much")], &[], "store.queue = \"much\" (environment"),
        ("empty number", &[("DRIFTLESS_STORE_QUEUE", "")], &[], "must be a whole number between 1 and 65536"),
        (
            "unknown key in --set",
            &[],
            &["log.levle=info"],
            "log.levle (flag --set): there is no such key; did you mean log.level?",
        ),
        ("no value in --set", &[], &["log.level"], "must be of the form section.key=value"),
        ("bad value in --set", &[], &["p2p.mdns=maybe"], "p2p.mdns = \"maybe\" (flag --set): must be true or false"),
    ];
    for (name, environment, set, want) in cases {
        let said = refused(good.as_bytes(), environment, set);
        assert!(said.contains(want), "{name}: {said}");
    }
}

#[test]
fn everything_wrong_is_said_at_once() {
    let said = refused(b"[p2p]\nmdns = 1\nlisen = []\n[beacon]\ninterval = \"x\"\n[log]\nformat = \"xml\"\n", &[], &[]);
    assert!(said.contains("5 problems"), "{said}");
    for key in ["p2p.mdns", "p2p.lisen", "beacon.interval", "log.format", "mesh.id"] {
        assert!(said.contains(key), "{key}: {said}");
    }
}

#[test]
fn a_missing_file_and_no_home_are_said() {
    let flags = Flags { config: Some("/no/such/file.toml".into()), ..Flags::default() };
    let said = Config::load(&flags, &Environment::default()).unwrap_err();
    assert!(matches!(said, ConfigError::Unreadable { .. }), "{said}");
    assert!(said.to_string().contains("/no/such/file.toml: cannot be read"), "{said}");
    let homeless =
        Config::load(&Flags { mesh: Some(MESH.into()), ..Flags::default() }, &Environment::default()).unwrap_err();
    assert!(homeless.to_string().contains("node.data_dir: must be set where neither"), "{homeless}");
}
