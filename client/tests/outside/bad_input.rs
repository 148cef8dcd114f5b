//! Bad input on the command line: each case with its exit code and what it says. Nothing is signed, nothing half done.

use std::io::{Read, Write};
use std::os::unix::net::UnixListener;
use std::path::Path;

use super::process::{driftless, with_env};

/// A case: its name, arguments, standard input, exit code, and a part of the message.
type Case = (&'static str, &'static [&'static str], &'static str, i32, &'static str);

const ID: &str = "0000000000000000000000000000000000000000000000000000000000000000";
/// A sound key.
const KEY: &str = "1ed1e8fae2c4a144b8be8fd4b47bf3d3b34b871c3cacf6010f0e42d474fce27e";
const GONE: &str = "unix:/nonexistent/driftless.sock";

const CASES: &[Case] = &[
    ("token without a file", &["token", "list"], "", 2, "--tokens"),
    ("token new without a name", &["token", "new", "--tokens", "t.json", "--observe"], "", 2, "NAME"),
    ("token new with nothing", &["token", "new", "n", "--tokens", "t.json"], "", 2, "may do nothing is of no use"),
    ("token name with a slash", &["token", "new", "a/b", "--tokens", "t.json", "--observe"], "", 2, "A-Z a-z 0-9"),
    ("token for a bad prefix", &["token", "new", "n", "--tokens", "t.json", "--read", "../x"], "", 2, "must not be"),
    ("token for an empty prefix", &["token", "new", "n", "--tokens", "t.json", "--read", ""], "", 2, "write `/`"),
    ("token for ever", &["token", "new", "n", "--tokens", "t.json", "--observe", "--expires", "never"], "", 2, "30d"),
    (
        "token that is over",
        &["token", "new", "n", "--tokens", "t.json", "--observe", "--expires", "2020-01-01T00:00:00Z"],
        "",
        2,
        "that time is over",
    ),
    ("token in a missing directory", &["token", "new", "n", "--tokens", "none/t.json", "--observe"], "", 7, "opening"),
    ("tokens of a missing file", &["token", "list", "--tokens", "none.json"], "", 7, "not found; correct the path"),
    ("tokens open to others", &["token", "list", "--tokens", "open.key"], "", 7, "chmod 600"),
    ("tokens of garbage", &["token", "list", "--tokens", "garbage.key"], "", 7, "line 1 column 2: not JSON"),
    ("token new over garbage", &["token", "new", "n", "--tokens", "garbage.key", "--observe"], "", 7, "not JSON"),
    ("token to revoke unknown", &["token", "revoke", "n", "--tokens", "none.json"], "", 7, "not found"),
    (
        "token file missing",
        &["--endpoint", GONE, "--token-file", "none", "status"],
        "",
        7,
        "token file none: not found",
    ),
    ("token file open to others", &["--endpoint", GONE, "--token-file", "open.key", "status"], "", 7, "chmod 600"),
    ("token file of garbage", &["--endpoint", GONE, "--token-file", "garbage.key", "status"], "", 7, "not a token"),
    (
        "token file is a directory",
        &["--endpoint", GONE, "--token-file", "empty", "status"],
        "",
        7,
        "not a regular file",
    ),
    ("no command", &[], "", 2, "Usage"),
    ("unknown command", &["frobnicate"], "", 2, "unrecognized subcommand"),
    ("unknown flag", &["status", "--frob"], "", 2, "unexpected argument"),
    ("unknown format", &["status", "-o", "xml"], "", 2, "possible values: table, json, jsonl, yaml"),
    ("no node named", &["status"], "", 2, "no node to call"),
    ("endpoint without scheme", &["--endpoint", "/run/x.sock", "status"], "", 2, "write `unix:/path/to/socket`"),
    ("endpoint with https", &["--endpoint", "https://127.0.0.1:1", "status"], "", 2, "plain HTTP"),
    ("endpoint without port", &["--endpoint", "http://127.0.0.1", "status"], "", 2, "needs a port"),
    ("relative socket", &["--endpoint", "unix:x.sock", "status"], "", 2, "must be absolute"),
    ("no such socket", &["--endpoint", GONE, "status"], "", 5, "is driftlessd running there"),
    ("closed port", &["--endpoint", "http://127.0.0.1:1", "status"], "", 5, "no answer from the node"),
    ("unknown context", &["--context", "prod", "status"], "", 4, "no context is called \"prod\""),
    ("context to use unknown", &["context", "use", "prod"], "", 4, "no context is called"),
    ("context to delete unknown", &["context", "delete", "prod"], "", 4, "no context is called"),
    ("context name with a slash", &["context", "set", "a/b", "--endpoint", "unix:/x"], "", 2, "context name"),
    ("context of nothing", &["context", "set", "a"], "", 2, "--endpoint, --key or --token-file"),
    ("timeout without unit", &["--timeout", "5", "status"], "", 2, "a number and its unit"),
    ("timeout of zero", &["--timeout", "0s", "status"], "", 2, "from 1ms"),
    ("path of one segment", &["explain", "shop"], "", 2, "at least two segments"),
    ("path that walks", &["explain", "shop/../x"], "", 2, "must not be `.` or `..`"),
    ("path with a blank", &["explain", "shop/a b"], "", 2, "found ' '"),
    ("path with a look-alike", &["explain", "shop/аdmin"], "", 2, "found 'а'"),
    ("path with an empty segment", &["history", "shop//a"], "", 2, "empty segment"),
    ("reserved scope", &["explain", "@root/a"], "", 2, "only `@mesh` exists"),
    ("get of a bare scope", &["get", "shop"], "", 2, "write `shop/`"),
    ("get of a bad prefix", &["get", "sh op/"], "", 2, "found ' '"),
    ("set without a key", &["--endpoint", GONE, "set", "shop/a", "1"], "", 2, "no key to sign with"),
    ("set with broken JSON", &["--endpoint", GONE, "set", "shop/a", "{\"a\":"], "", 2, "not JSON"),
    ("set with a repeated key", &["set", "shop/a", "{\"a\":1,\"a\":2}"], "", 2, "given twice"),
    ("set with a huge integer", &["set", "shop/a", "18446744073709551616"], "", 2, "64 bits"),
    ("set with nothing", &["set", "shop/a", ""], "", 2, "not JSON"),
    ("set from empty input", &["set", "shop/a", "-"], "", 2, "not JSON"),
    ("key file missing", &["--endpoint", GONE, "--key", "none.key", "set", "shop/a", "1"], "", 7, "not found"),
    ("key file open to others", &["--endpoint", GONE, "--key", "open.key", "set", "shop/a", "1"], "", 7, "chmod 600"),
    ("key file of garbage", &["keys", "show", "garbage.key"], "", 7, "64 lowercase hexadecimal"),
    ("key file is a directory", &["keys", "show", "."], "", 7, "not a regular file"),
    ("no key to show", &["keys", "show"], "", 2, "no key file"),
    ("passphrase file missing", &["keys", "new", "n.key", "--passphrase-file", "none"], "", 7, "passphrase file none"),
    (
        "passphrase file open to others",
        &["keys", "new", "n.key", "--passphrase-file", "open.key"],
        "",
        7,
        "lets others than its owner",
    ),
    ("passphrase of a missing key", &["keys", "passphrase", "none.key", "--remove"], "", 7, "not found"),
    ("passphrase of garbage", &["keys", "passphrase", "garbage.key", "--remove"], "", 7, "64 lowercase"),
    (
        "passphrase both new and removed",
        &["keys", "passphrase", "n.key", "--remove", "--new-passphrase-file", "p"],
        "",
        2,
        "cannot be used with",
    ),
    ("passphrase over an existing key", &["keys", "new", "garbage.key", "--passphrase"], "", 7, "never overwritten"),
    ("submit of nothing", &["submit"], "", 2, "BUNDLE"),
    ("submit of a missing bundle", &["--endpoint", GONE, "submit", "none.bundle"], "", 7, "none.bundle"),
    ("submit of garbage", &["--endpoint", GONE, "submit", "garbage.key"], "", 2, "byte 0: not a CBOR byte string"),
    ("inspect of a missing bundle", &["inspect", "none.bundle"], "", 7, "none.bundle"),
    ("inspect of garbage", &["inspect", "garbage.key"], "", 2, "byte 0: not a CBOR byte string"),
    ("sign from an export to nowhere", &["set", "shop/a", "1", "--from", "e"], "", 2, "--from goes with --to FILE"),
    ("sign from nothing", &["set", "shop/a", "1", "--from", "e", "--to", "b"], "", 7, "e: No such file"),
    ("sign from garbage", &["set", "shop/a", "1", "--from", "garbage.key", "--to", "b"], "", 2, "is an export"),
    ("sign over a file", &["delete", "shop/a", "--from", "e", "--to", "garbage.key"], "", 7, "is there already"),
    ("sign for a mesh without an export", &["set", "shop/a", "1", "--mesh", ID], "", 2, "--from"),
    ("key over an existing file", &["keys", "new", "garbage.key"], "", 7, "never overwritten"),
    ("apply without a file", &["apply"], "", 2, "--file"),
    ("apply of a missing file", &["apply", "-f", "none.yaml"], "", 7, "none.yaml"),
    ("apply of an empty directory", &["apply", "-f", "empty"], "", 2, "no .json, .yaml or .yml file"),
    ("apply of no document", &["apply", "-f", "-"], "- 3\n", 2, "found a number"),
    ("apply of a document without path", &["apply", "-f", "-"], "value: 3\n", 2, "no `path`"),
    (
        "apply of a document with a typo",
        &["apply", "-f", "-"],
        "path: a/b\nvalue: 1\nvalu: 2\n",
        2,
        "unknown key \"valu\"",
    ),
    ("apply of broken YAML", &["apply", "-f", "-"], "a: [1,\n", 2, "standard input:1:4: "),
    (
        "apply of YAML with a repeated key",
        &["apply", "-f", "-"],
        "path: a/b\nvalue:\n  x: 1\n  x: 2\n",
        2,
        "standard input:4:3: a key is given twice in one map; keep one of them",
    ),
    ("apply of a YAML bomb", &["apply", "-f", "bomb.yaml"], "", 2, "write it out in several smaller entries"),
    ("apply of deep JSON", &["apply", "-f", "deep.json"], "", 2, "nested at most 32 levels deep; change the value"),
    ("apply of JSON without a comma", &["apply", "-f", "comma.json"], "", 2, "comma.json:3:3: not JSON; look at the"),
    ("apply of JSON cut off", &["apply", "-f", "cut.json"], "", 2, "not JSON: the text ends too early"),
    ("apply of JSON with a repeated key", &["apply", "-f", "twice.json"], "", 2, "twice.json:3:5: key \"a\" is given"),
    ("apply of JSON with a huge integer", &["apply", "-f", "huge.json"], "", 2, "huge.json:2:10: integer"),
    ("apply of not UTF-8", &["apply", "-f", "latin.yaml"], "", 2, "not UTF-8"),
    (
        "apply of the same path twice",
        &["apply", "-f", "-"],
        "path: a/b\nvalue: 1\n---\npath: a/b\nvalue: 2\n",
        2,
        "given twice",
    ),
    ("apply of NaN", &["apply", "-f", "-"], "path: a/b\nvalue: .nan\n", 2, "must be finite"),
    (
        "prune without a place",
        &["--endpoint", GONE, "apply", "--dry-run", "-f", "-", "--prune"],
        "path: a/b\nvalue: 1\n",
        2,
        "--under",
    ),
    ("prune with nothing", &["apply", "-f", "-", "--prune", "--under", "a"], "[]", 2, "would delete everything"),
    ("prefix with standard input", &["apply", "-f", "-", "--prefix", "shop"], "1", 2, "has no place"),
    ("diff of a missing file", &["diff", "-f", "none.yaml"], "", 7, "none.yaml"),
    ("wait for no id", &["wait", "abc"], "", 2, "64 lowercase hexadecimal digits"),
    (
        "wait for an upper-case id",
        &["wait", "ABCDEF00000000000000000000000000000000000000000000000000000000AB"],
        "",
        2,
        "lowercase",
    ),
    ("wait for no node", &["wait", ID, "--for", "0"], "", 2, "from 1"),
    ("wait for too many", &["wait", ID, "--for", "101%"], "", 2, "1% to 100%"),
    (
        "wait with nobody there",
        &["--endpoint", GONE, "--timeout", "300ms", "wait", ID],
        "",
        6,
        "did not reach this node",
    ),
    ("node add without a peer", &["node", "add", "n", "--out", "n"], "", 2, "--peer"),
    ("node add without a directory", &["node", "add", "n", "--peer", "/a"], "", 2, "--out"),
    (
        "node add with a bad scope",
        &["node", "add", "n", "--out", "n", "--peer", "/a", "--scopes", "a/b"],
        "",
        2,
        "segment",
    ),
    ("grant to no key", &["grant", "abc", "write", "shop"], "", 2, "64 lowercase hexadecimal"),
    (
        "grant to a small-order key",
        &["grant", "0100000000000000000000000000000000000000000000000000000000000000", "write", "shop"],
        "",
        2,
        "not a sound",
    ),
    ("grant without a prefix", &["grant", "abc", "write"], "", 2, ""),
    ("init of no nodes", &["init", "m", "--nodes", "0"], "", 2, "1..=100"),
    ("init with a port too high", &["init", "m2", "--base-port", "65500", "--nodes", "100"], "", 2, "too high"),
    ("init over a directory in use", &["init", "."], "", 7, "not empty"),
    ("init with a bad scope", &["init", "m2", "--scopes", "a/b"], "", 2, "one path segment"),
    ("init that lets nodes write in @mesh", &["init", "m2", "--node-write", "@mesh"], "", 2, "do not write in @mesh"),
    ("edit without an editor", &["--endpoint", GONE, "edit", "shop/a"], "", 2, "VISUAL or EDITOR"),
    ("delete of nothing", &["delete"], "", 2, "PATHS"),
    ("if-match with many", &["delete", "a/b", "a/c", "--if-match", "x"], "", 2, "one PATH"),
    ("limit of zero", &["log", "-n", "0"], "", 2, "1..=100000"),
    ("audit of an unknown outcome", &["audit", "--outcome", "good"], "", 2, "possible values: fit"),
    ("audit since a day without a time", &["audit", "--since", "2026-11-26"], "", 2, "write a UTC time"),
    ("audit by no key", &["audit", "--author", "12"], "", 2, "a public key must be 64"),
    ("verify of a missing export", &["audit", "verify", "none.jsonl"], "", 7, "none.jsonl"),
    ("verify of an empty export", &["audit", "verify", "/dev/null"], "", 1, "line 1: the file ends here"),
    ("verify of garbage", &["audit", "verify", "garbage.key"], "", 1, "line 1: "),
    ("verify for no mesh", &["audit", "verify", "garbage.key", "--mesh", "x"], "", 2, "a mesh id must be 64"),
    ("trust check of an unknown verb", &["trust", "check", KEY, "own", "shop/a"], "", 2, "no verb is called"),
    ("trust check of a bad path", &["trust", "check", KEY, "write", "shop/../a"], "", 2, "must not be"),
    ("trust show of garbage", &["trust", "show", "--from", "garbage.key"], "", 1, "not verified"),
    ("secret as an argument", &["secret", "set", "a/b", "hunter2"], "", 2, "a secret is never an argument"),
    ("new secret as an argument", &["secret", "rotate", "a/b", "-x", "hunter2"], "", 2, "unexpected argument"),
    ("secret of too few random bytes", &["secret", "set", "a/b", "--generate", "8"], "", 2, "16..=1024"),
    (
        "secret from two places",
        &["secret", "set", "a/b", "--generate", "32", "--from-file", "x"],
        "",
        2,
        "cannot be used with",
    ),
    ("secret get as JSON", &["secret", "get", "a/b", "-o", "json"], "", 2, "-o does not go with `secret get`"),
    ("identity file missing", &["secret", "get", "a/b", "--identity", "none"], "", 7, "identity file none: not found"),
    ("identity file open to others", &["secret", "get", "a/b", "--identity", "open.key"], "", 7, "chmod 600"),
    ("identity file of garbage", &["secret", "get", "a/b", "--identity", "garbage.key"], "", 7, "AGE-SECRET-KEY-1"),
    ("recipient that is none", &["secret", "recipients", "add", "g", "n", "age1x"], "", 2, "not an age recipient"),
    ("recipient of SSH", &["secret", "recipients", "add", "g", "n", "ssh-ed25519 A"], "", 2, "only X25519 recipients"),
    (
        "identity as a recipient",
        &["secret", "recipients", "add", "g", "n", "AGE-SECRET-KEY-1QQ"],
        "",
        2,
        "this is an identity, the SECRET half",
    ),
    ("recipient of no kind", &["secret", "recipients", "add", "g", "n"], "", 2, "RECIPIENT"),
    ("group with a slash", &["secret", "recipients", "remove", "a/b", "n"], "", 2, "group: must be 1 to 64"),
    (
        "identity without re-sealing",
        &["secret", "recipients", "remove", "g", "n", "--identity", "x"],
        "",
        2,
        "--reseal",
    ),
    ("completion for no shell", &["completion", "cmd"], "", 2, "possible values"),
];

fn prepare(dir: &Path) {
    use std::os::unix::fs::PermissionsExt;
    std::fs::create_dir(dir.join("empty")).unwrap();
    std::fs::write(dir.join("garbage.key"), "not a key\n").unwrap();
    std::fs::write(dir.join("open.key"), format!("{}\n", "11".repeat(32))).unwrap();
    let mode =
        |name: &str, mode| std::fs::set_permissions(dir.join(name), std::fs::Permissions::from_mode(mode)).unwrap();
    mode("garbage.key", 0o600);
    mode("open.key", 0o644);
    let bomb = "a: &a [x,x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b,*b]\n\
                d: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c,*c]\ne: &e [*d,*d,*d,*d,*d,*d,*d,*d,*d,*d]\nf: &f [*e,*e,*e,*e,*e,*e,*e,*e,*e,*e]\n\
                g: &g [*f,*f,*f,*f,*f,*f,*f,*f,*f,*f]\nh: [*g,*g,*g,*g,*g,*g,*g,*g,*g,*g]\n";
    std::fs::write(dir.join("bomb.yaml"), bomb).unwrap();
    std::fs::write(dir.join("deep.json"), format!("{}{}", "[".repeat(100_000), "]".repeat(100_000))).unwrap();
    std::fs::write(dir.join("comma.json"), "{\n  \"path\": \"a/b\"\n  \"value\": 1\n}\n").unwrap();
    std::fs::write(dir.join("cut.json"), "{\n  \"path\": \"a/b\",\n  \"value\": [1, 2").unwrap();
    std::fs::write(dir.join("twice.json"), "{\"path\": \"a/b\", \"value\": {\n  \"a\": 1,\n  \"a\": 2}}\n").unwrap();
    std::fs::write(dir.join("huge.json"), "{\"path\": \"a/b\",\n\"value\": 18446744073709551616}\n").unwrap();
    std::fs::write(dir.join("latin.yaml"), b"path: a/b\nvalue: \xe4\n").unwrap();
}

#[test]
fn each_case_ends_as_it_should() {
    let dir = tempfile::tempdir().unwrap();
    prepare(dir.path());
    let mut wrong = Vec::new();
    for (name, args, stdin, code, part) in CASES {
        let ended = driftless(dir.path(), args, stdin);
        let one_line = ended.err.lines().filter(|line| line.contains("panicked")).count() == 0;
        if ended.code != *code || !ended.err.contains(part) || !one_line || (*code != 0 && !ended.out.is_empty()) {
            wrong.push(format!("{name}: {ended:?}"));
        }
    }
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), CASES.len(), wrong.join("\n"));
    assert!(!dir.path().join("contexts.toml").exists(), "a refused command changed the contexts");
    assert!(!dir.path().join("m2").exists(), "a refused init left something behind");
}

#[test]
fn a_token_in_the_environment_that_is_none_is_not_repeated() {
    let dir = tempfile::tempdir().unwrap();
    let ended = with_env(dir.path(), &["--endpoint", GONE, "status"], "", &[("DRIFTLESS_TOKEN", "dlt_c0ffee")]);
    assert!(ended.code == 2 && ended.err.contains("DRIFTLESS_TOKEN: not a token"), "{ended:?}");
    assert!(!ended.err.contains("c0ffee"), "{ended:?}");
}

#[test]
fn a_secret_or_an_identity_among_the_arguments_is_not_repeated() {
    let dir = tempfile::tempdir().unwrap();
    for args in [
        &["secret", "set", "a/b", "hunter2"][..],
        &["secret", "rotate", "a/b", "hunter2"],
        &["-v", "-v", "secret", "recipients", "add", "g", "n", "AGE-SECRET-KEY-1HUNTER2"],
    ] {
        let ended = driftless(dir.path(), args, "");
        assert!(ended.code == 2 && !ended.err.to_lowercase().contains("hunter2"), "{ended:?}");
    }
}

#[test]
fn the_table_is_long_and_its_names_are_unique() {
    let names: std::collections::BTreeSet<_> = CASES.iter().map(|case| case.0).collect();
    assert_eq!(names.len(), CASES.len());
    assert!(CASES.len() >= 60);
}

/// Answers each connection with the same bytes, for as long as the test runs.
fn answering(path: &Path, answer: &'static [u8]) {
    let listener = UnixListener::bind(path).unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut head = [0u8; 4096];
            let _ = stream.read(&mut head);
            let _ = stream.write_all(answer);
        }
    });
}

#[test]
fn odd_answers_of_a_node_end_clearly() {
    let cases: &[(&str, &'static [u8], i32, &str)] = &[
        ("garbage", b"\x00\xff\x00\xff\r\n\r\n", 5, "no answer from the node"),
        ("closes at once", b"", 5, "no answer from the node"),
        ("not the answer", b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}", 5, "differ in version"),
        ("a web page", b"HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\n<html>", 5, "differ in version"),
        ("cut off", b"HTTP/1.1 200 OK\r\ncontent-length: 600\r\n\r\n{", 5, "no answer from the node"),
        ("not found", b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n", 4, "404"),
        ("forbidden", b"HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n", 3, "403"),
        ("overloaded", b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n", 5, "cannot answer now"),
        ("precondition", b"HTTP/1.1 412 Precondition Failed\r\ncontent-length: 0\r\n\r\n", 1, "412"),
    ];
    let dir = tempfile::tempdir().unwrap();
    for (index, (name, answer, code, part)) in cases.iter().enumerate() {
        let socket = dir.path().join(format!("s{index}"));
        answering(&socket, answer);
        let endpoint = format!("unix:{}", socket.display());
        let ended = driftless(dir.path(), &["--endpoint", &endpoint, "get", "shop/a"], "");
        assert_eq!(ended.code, *code, "{name}: {ended:?}");
        assert!(ended.err.contains(part), "{name}: {ended:?}");
        assert!(ended.out.is_empty(), "{name}: {ended:?}");
    }
}

#[test]
fn a_node_that_says_nothing_is_given_up() {
    let dir = tempfile::tempdir().unwrap();
    let socket = dir.path().join("s");
    let _listener = UnixListener::bind(&socket).unwrap();
    let endpoint = format!("unix:{}", socket.display());
    let ended = driftless(dir.path(), &["--endpoint", &endpoint, "--timeout", "200ms", "status"], "");
    assert_eq!(ended.code, 6, "{ended:?}");
    assert!(ended.err.contains("--timeout"), "{ended:?}");
}

#[test]
fn a_broken_contexts_file_is_named() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("contexts.toml"), "current = 3\n").unwrap();
    let ended = driftless(dir.path(), &["status"], "");
    assert_eq!(ended.code, 7, "{ended:?}");
    assert!(ended.err.contains("contexts.toml"), "{ended:?}");
    assert_eq!(driftless(dir.path(), &["completion", "bash"], "").code, 0);
}
