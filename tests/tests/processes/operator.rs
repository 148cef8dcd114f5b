//! An operator's day at the command line, against real nodes: apply, compare, edit, grant, delete, watch.

use std::io::{BufRead, BufReader, Write};
use std::path::Path as FilePath;
use std::process::{Command, Stdio};

use crate::mesh::{Mesh, binary, wait};

/// How a run ended.
pub struct Ended {
    pub code: Option<i32>,
    pub out: String,
    pub err: String,
}

impl Ended {
    pub fn good(self) -> String {
        assert_eq!(self.code, Some(0), "{}{}", self.err, self.out);
        self.out
    }

    pub fn bad(&self, code: i32, part: &str) {
        assert_eq!(self.code, Some(code), "{}{}", self.err, self.out);
        assert!(self.err.contains(part), "{}", self.err);
    }
}

pub fn command(mesh: &Mesh, node: usize, key: &FilePath, arguments: &[&str]) -> Command {
    let mut command = Command::new(binary("driftless"));
    command.env_clear().env("HOME", mesh.home.path()).env("PATH", std::env::var_os("PATH").unwrap_or_default());
    command.current_dir(mesh.home.path()).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command.args(["--endpoint", &mesh.made.nodes[node].endpoint, "--key"]).arg(key).args(arguments);
    command
}

pub fn finish(mut command: Command, stdin: &str) -> Ended {
    let mut child = command.spawn().unwrap();
    // A command that refuses its arguments does not read.
    let _ = child.stdin.take().unwrap().write_all(stdin.as_bytes());
    let ended = child.wait_with_output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    Ended { code: ended.status.code(), out: text(ended.stdout), err: text(ended.stderr) }
}

pub fn run(mesh: &Mesh, arguments: &[&str], stdin: &str) -> Ended {
    finish(command(mesh, 0, &mesh.made.operator_key, arguments), stdin)
}

/// A new key in the home of a mesh; its public half.
pub fn key(mesh: &Mesh, name: &str) -> String {
    run(mesh, &["keys", "new", name], "").good().trim().to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn files_become_entries_and_entries_files() {
    let mesh = Mesh::running(2).await;
    let documents = "path: shop/limits\nvalue: {max: 30, tags: [a, b], f: 1.0}\n---\npath: web/motd\nvalue: hi\n";
    run(&mesh, &["diff", "-f", "-"], documents).bad(1, "");
    let applied = run(&mesh, &["apply", "-f", "-", "-m", "first"], documents).good();
    assert!(applied.contains("+ shop/limits") && applied.contains("+ web/motd"), "{applied}");
    run(&mesh, &["diff", "-f", "-"], documents).good();
    let again = run(&mesh, &["apply", "-f", "-"], documents);
    assert!(again.err.contains("2 unchanged") && again.err.contains("0 statements signed"), "{}", again.err);
    for format in ["yaml", "json"] {
        let printed = run(&mesh, &["get", "/", "-o", format], "").good();
        run(&mesh, &["diff", "-f", "-", "--prune", "--under", "/"], &printed).good();
    }
    let changed = run(
        &mesh,
        &["apply", "-f", "-", "--prune", "--under", "/"],
        "path: shop/limits\nvalue: {max: 31, tags: [a, x, b], f: 1.0}\n",
    );
    let shown = changed.good();
    assert!(
        shown.contains("put /max 31") && shown.contains("insert /tags/1 \"x\"") && shown.contains("- web/motd"),
        "{shown}"
    );
    mesh.wait_read(1, "shop/limits", r#"{"f":1.0,"max":31,"tags":["a","x","b"]}"#).await;
    run(&mesh, &["get", "web/motd"], "").bad(4, "web/motd");
    mesh.wait_equal().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_entries_travel_in_few_statements() {
    let mesh = Mesh::running(2).await;
    let documents: Vec<String> =
        (0..300).map(|n| format!("{{\"path\":\"shop/many/e{n:03}\",\"value\":{n}}}")).collect();
    let applied = run(&mesh, &["apply", "-f", "-"], &documents.join("\n"));
    assert!(applied.err.contains("300 created") && applied.err.contains("2 statements signed"), "{}", applied.err);
    mesh.wait_read(1, "shop/many/e299", "299").await;
    let listed = run(&mesh, &["get", "shop/many/", "-o", "json"], "").good();
    assert_eq!(listed.matches("\"path\"").count(), 300);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_granted_key_writes_where_it_may_and_nowhere_else() {
    let mesh = Mesh::running(1).await;
    let file = mesh.home.path().join("job.key");
    let key = run(&mesh, &["keys", "new", "job.key"], "").good();
    let as_job = |arguments: &[&str]| finish(command(&mesh, 0, &file, arguments), "");
    as_job(&["set", "shop/checkout/limits", "1"]).bad(3, "has no grant to write");
    run(&mesh, &["grant", key.trim(), "write", "shop/checkout", "-m", "the job"], "").good();
    as_job(&["set", "shop/checkout/limits", "1"]).good();
    as_job(&["set", "shop/other", "1"]).bad(3, "has no grant to write");
    as_job(&["grant", key.trim(), "write", "shop"]).bad(3, "delegate");
    run(&mesh, &["grant", key.trim(), "member", "/"], "").bad(3, "delegate");
    let root = finish(command(&mesh, 0, &mesh.made.root_key, &["grant", key.trim(), "member", "/"]), "");
    root.good();
    assert!(run(&mesh, &["grant"], "").good().contains("shop/checkout"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn entries_are_edited_and_deleted_by_hand() {
    let mesh = Mesh::running(1).await;
    run(&mesh, &["set", "shop/flags", r#"{"dark": false, "n": 1}"#], "").good();
    let mut edit = command(&mesh, 0, &mesh.made.operator_key, &["edit", "shop/flags"]);
    edit.env("EDITOR", "sed -i 's/dark: false/dark: true/'");
    let edited = finish(edit, "");
    assert!(edited.err.contains("put /dark true"), "{}", edited.err);
    edited.good();
    let mut nothing = command(&mesh, 0, &mesh.made.operator_key, &["edit", "shop/flags"]);
    nothing.env("EDITOR", "true");
    assert!(finish(nothing, "").err.contains("nothing was changed"));
    let mut broken = command(&mesh, 0, &mesh.made.operator_key, &["edit", "shop/flags"]);
    broken.env("EDITOR", "echo '{' >");
    finish(broken, "").bad(2, "kept in");
    run(&mesh, &["set", "shop/flags", "2", "--at", "/n", "--if-match", "old"], "").bad(1, "entity tag");
    run(&mesh, &["set", "shop/flags", "2", "--at", "/none/n"], "").bad(2, "no such key");
    run(&mesh, &["delete", "shop/flags", "shop/none"], "").bad(4, "nothing was deleted");
    assert_eq!(mesh.read(0, "shop/flags").await.as_deref(), Some(r#"{"dark":true,"n":1}"#));
    run(&mesh, &["delete", "shop/flags", "-m", "\u{1b}[31mred\u{202e}"], "").good();
    run(&mesh, &["get", "shop/flags"], "").bad(4, "");
    let history = run(&mesh, &["history", "shop/flags", "--long"], "").good();
    assert!(history.contains("red") && !history.contains('\u{1b}') && !history.contains('\u{202e}'), "{history:?}");
    let unknown = "1ed1e8fae2c4a144b8be8fd4b47bf3d3b34b871c3cacf6010f0e42d474fce27e";
    run(&mesh, &["wait", unknown, "--timeout", "300ms"], "").bad(6, "did not reach this node");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_watch_goes_on_when_its_node_was_killed() {
    let mut mesh = Mesh::running(1).await;
    mesh.put(0, "shop/a", "1").await.unwrap();
    let mut watch =
        command(&mesh, 0, &mesh.made.operator_key, &["get", "shop/", "--watch", "-o", "json"]).spawn().unwrap();
    let mut lines = BufReader::new(watch.stdout.take().unwrap()).lines();
    let mut next = || lines.next().unwrap().unwrap();
    assert!(next().contains(r#""path":"shop/a","value":1"#));
    mesh.put(0, "shop/b", "2").await.unwrap();
    assert!(next().contains(r#""path":"shop/b","value":2"#));
    mesh.kill(0);
    mesh.start(0, &[]);
    wait("the node to be back", || async { mesh.read(0, "shop/b").await.is_some() }).await;
    mesh.put(0, "shop/c", "3").await.unwrap();
    assert!(next().contains(r#""path":"shop/c","value":3"#), "what stayed the same is not told again");
    watch.kill().unwrap();
    watch.wait().unwrap();
}
