//! Signing on a machine without network: an export goes in, bundles of signed statements come out, and any node takes them. A directory
//! stands for the air gap; what runs in it knows no node.

use std::path::{Path as FilePath, PathBuf};
use std::process::{Command, Stdio};

use driftless_client::api::Merged;
use driftless_client::offline::{Need, Offline, Unmerged};
use driftless_client::sign::{self, Desired};
use driftless_client::{Client, Signer, clock, keys};
use driftless_statement::{Note, Path, PublicKey, json};

use crate::mesh::{Mesh, binary, wait};
use crate::operator::{Ended, finish, run};

/// A machine that reaches nothing.
struct Gap {
    directory: PathBuf,
}

impl Gap {
    fn beside(mesh: &Mesh) -> Self {
        let directory = mesh.home.path().join("gap");
        std::fs::create_dir(&directory).unwrap();
        Self { directory }
    }

    /// Without a terminal to ask on, whatever the test was started from.
    fn command(&self, key: &FilePath, arguments: &[&str]) -> Command {
        let mut command = Command::new("setsid");
        command.arg("--wait").arg(binary("driftless")).arg("--key").arg(key).args(arguments);
        command.env_clear().env("HOME", &self.directory).env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command.current_dir(&self.directory).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    fn run(&self, key: &FilePath, arguments: &[&str]) -> Ended {
        finish(self.command(key, arguments), "")
    }

    fn path(&self, name: &str) -> String {
        self.directory.join(name).display().to_string()
    }
}

fn export(mesh: &Mesh, gap: &Gap, name: &str) {
    run(mesh, &["audit", "export", &gap.path(name)], "").good();
}

/// Two concurrent writes of one entry: both are signed from the same merged state.
async fn clash(mesh: &Mesh, path: &str) {
    let client = mesh.client(0);
    let signer = Signer::new(keys::load(&mesh.made.operator_key).unwrap());
    let merged = client.merged(&Path::parse(path).unwrap(), Some(&signer.public())).await.unwrap();
    let mut signed = Vec::new();
    for value in ["{\"a\":1}", "{\"b\":2}"] {
        let wanted = Desired::Value(json::parse(value.as_bytes()).unwrap());
        let edited = sign::plan(&merged, &wanted).unwrap().unwrap();
        signed.extend(sign::statements(&signer, vec![edited], &Note::default(), clock::now_ms()).unwrap());
    }
    client.submit(&signed).await.unwrap();
}

fn text(merged: &Merged) -> String {
    serde_json::to_string_pretty(merged).unwrap()
}

async fn answers(client: &Client, offline: &Offline, path: &str, key: &PublicKey) {
    let path = Path::parse(path).unwrap();
    let told = client.merged(&path, Some(key)).await.unwrap();
    let own = offline.merged(&path, Some(key), Need::Value, clock::now_ms()).unwrap();
    assert_eq!(text(&own), text(&told), "{path}");
}

const SCHEMA: &str = r#"{"governs": "shop/flags", "schema": {"type": "object"}}"#;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_export_answers_what_a_signer_asks_as_the_node_does() {
    let mesh = Mesh::running(1).await;
    let gap = Gap::beside(&mesh);
    let set = |arguments: &[&str]| run(&mesh, arguments, "").good();
    set(&["set", "shop/limits", r#"{"max": 5, "tags": ["a", "b"]}"#]);
    set(&["set", "shop/limits", "7", "--at", "/max"]);
    set(&["set", "shop/limits", "\"c\"", "--at", "/tags/-"]);
    set(&["set", "@mesh/schemas/shop/flags", SCHEMA]);
    set(&["set", "shop/flags/dark", r#"{"on": true}"#]);
    set(&["set", "shop/gone", "1"]);
    set(&["delete", "shop/gone"]);
    mesh.put(0, "shop/service", "[1, 2]").await.unwrap();
    clash(&mesh, "shop/clash").await;
    clash(&mesh, "shop/healed").await;
    set(&["set", "shop/healed", "{}"]);
    set(&["set", "shop/healed", r#"{"n": [1]}"#]);
    let job = run(&mesh, &["keys", "new", "job.key"], "").good().trim().to_owned();
    set(&["grant", &job, "write", "shop/job"]);
    set(&["revoke", &job, "shop/job", "--accept-up-to", "now"]);
    export(&mesh, &gap, "mesh.jsonl");

    let mut file = std::io::BufReader::new(std::fs::File::open(gap.path("mesh.jsonl")).unwrap());
    let client = mesh.client(0);
    let offline = Offline::read(&mut file, Some(client.status().await.unwrap().mesh)).unwrap();
    let operator = keys::load(&mesh.made.operator_key).unwrap().public();
    for path in
        ["shop/limits", "shop/flags/dark", "shop/gone", "shop/service", "shop/never", "@mesh/schemas/shop/flags"]
    {
        answers(&client, &offline, path, &operator).await;
    }
    let clash = Path::parse("shop/clash").unwrap();
    let unknown = offline.merged(&clash, None, Need::Value, clock::now_ms());
    assert!(matches!(unknown, Err(Unmerged::Concurrent(path)) if path == clash), "only a node merges");
    let (told, own) =
        (client.merged(&clash, None).await.unwrap(), offline.merged(&clash, None, Need::Heads, 0).unwrap());
    assert_eq!((own.heads.len(), own.heads, own.etag), (2, told.heads, told.etag));
    let value = |merged: &Merged| driftless_client::tree::from_json(merged.tree.as_ref().unwrap()).unwrap().to_value();
    let healed = Path::parse("shop/healed").unwrap();
    // What follows on a replacement of everything is known again, if it left nothing of what was merged.
    if let Ok(own) = offline.merged(&healed, None, Need::Value, 0) {
        assert_eq!(value(&own), value(&client.merged(&healed, None).await.unwrap()));
    }
    let grants = |grants| serde_json::to_string_pretty(&grants).unwrap();
    assert_eq!(grants(offline.grants(Some(&operator))), grants(client.grants(Some(&operator)).await.unwrap()));
    for key in [operator, job.parse().unwrap()] {
        let told = client.author(&key, None).await.unwrap();
        assert_eq!(
            serde_json::to_string_pretty(&offline.author(&key, None)).unwrap(),
            serde_json::to_string_pretty(&told).unwrap()
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_signed_behind_the_gap_counts_wherever_and_however_it_is_handed_in() {
    let mut mesh = Mesh::with_roots(2, 3);
    (0..2).for_each(|node| mesh.start(node, &[]));
    mesh.wait_serving().await;
    let gap = Gap::beside(&mesh);
    let operator = mesh.made.operator_key.clone();
    let (first, second) = (mesh.made.root_key.clone(), mesh.made.more_root_keys[0].clone());
    run(&mesh, &["set", "shop/limits", r#"{"max": 5, "n": 1}"#], "").good();
    export(&mesh, &gap, "mesh.jsonl");
    let id = mesh.client(0).status().await.unwrap().mesh.to_string();
    let from = ["--from", "mesh.jsonl", "--mesh", &id];
    let with = |arguments: &[&str], bundles: &[&str], to: &str| -> Vec<String> {
        let more = bundles.iter().flat_map(|bundle| ["--from", bundle]);
        let all = arguments.iter().copied().chain(from).chain(more).chain(["--to", to]);
        all.map(str::to_owned).collect()
    };
    let sign = |key: &FilePath, arguments: &[&str], bundles: &[&str], to: &str| {
        let all = with(arguments, bundles, to);
        gap.run(key, &all.iter().map(String::as_str).collect::<Vec<_>>())
    };
    let told = sign(&operator, &["set", "shop/limits", "7", "--at", "/max"], &[], "1.bundle");
    assert!(told.err.contains("wrote 1 statement to 1.bundle; nothing was submitted"), "{}", told.err);
    told.good();
    sign(&operator, &["set", "shop/limits", "8", "--at", "/max"], &["1.bundle"], "2.bundle").good();

    // Two root keys and the key that they grant something, none of whom met a node.
    let job = gap.run(&first, &["keys", "new", "job.key"]).good().trim().to_owned();
    let act = sign(&first, &["grant", &job, "write", "shop/job"], &[], "grant.bundle").good().trim().to_owned();
    let early = sign(&gap.directory.join("job.key"), &["set", "shop/job/a", "1"], &["grant.bundle"], "early.bundle");
    early.bad(3, "has no grant to write");
    sign(&second, &["approve", &act], &[], "blind.bundle").bad(4, "add the bundle that has it");
    let approved = sign(&second, &["approve", &act], &["grant.bundle"], "approval.bundle");
    assert!(approved.err.contains("grant write on shop/job to"), "{}", approved.err);
    approved.good();
    let bundles = ["grant.bundle", "approval.bundle"];
    sign(&gap.directory.join("job.key"), &["set", "shop/job/a", "1"], &bundles, "job.bundle").good();
    let shown = gap.run(&first, &["inspect", "grant.bundle"]).good();
    assert!(shown.contains(&format!("grant {act}")) && shown.contains("grant write on shop/job to"), "{shown}");
    let judged = gap.run(&first, &["inspect", "grant.bundle", "--from", "mesh.jsonl"]).good();
    assert!(judged.contains("fate    pending"), "{judged}");

    let submit = |node: &str, files: &[&str]| {
        let files = files.iter().map(|file| gap.path(file));
        let all: Vec<String> = ["submit".to_owned()].into_iter().chain(files).collect();
        let endpoint = ["--endpoint", node];
        let all: Vec<&str> = endpoint.into_iter().chain(all.iter().map(String::as_str)).collect();
        gap.run(&operator, &all)
    };
    let nodes: Vec<String> = mesh.made.nodes.iter().map(|node| node.endpoint.clone()).collect();
    let waiting = submit(&nodes[0], &["2.bundle"]);
    waiting.bad(3, "the node does not have 1 of 1 statement");
    assert!(waiting.out.contains("that it names"), "{}", waiting.out);
    submit(&nodes[1], &["approval.bundle"]).good();
    submit(&nodes[0], &["2.bundle", "job.bundle", "1.bundle", "grant.bundle", "approval.bundle"]).good();
    let again = submit(&nodes[0], &["1.bundle", "grant.bundle"]).good();
    assert_eq!(again.matches("known").count(), 2, "{again}");
    for node in 0..2 {
        mesh.wait_read(node, "shop/limits", r#"{"max":8,"n":1}"#).await;
        mesh.wait_read(node, "shop/job/a", "1").await;
    }
    let count =
        std::fs::read_dir(&gap.directory).unwrap().filter(|one| one.as_ref().unwrap().file_name() == "early.bundle");
    assert_eq!(count.count(), 0, "what was refused left no file");
    mesh.wait_equal().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_revocation_behind_the_gap_keeps_only_what_the_export_holds_and_says_so() {
    let mesh = Mesh::running(1).await;
    let gap = Gap::beside(&mesh);
    let job = run(&mesh, &["keys", "new", "job.key"], "").good().trim().to_owned();
    let file = mesh.home.path().join("job.key");
    let write = |arguments: &[&str]| finish(crate::operator::command(&mesh, 0, &file, arguments), "").good();
    run(&mesh, &["grant", &job, "write", "shop"], "").good();
    write(&["set", "shop/kept", "1"]);
    export(&mesh, &gap, "mesh.jsonl");
    write(&["set", "shop/later", "2"]);
    let revoke = ["revoke", &job, "shop", "--accept-up-to", "now", "--from", "mesh.jsonl"];
    let dry = gap.run(&mesh.made.operator_key, &[&revoke[..], &["--dry-run"]].concat());
    assert!(dry.err.contains("WARNING: it accepts only what the export holds"), "{}", dry.err);
    dry.good();
    let never = ["revoke", &job, "shop", "--accept-up-to", "never", "--from", "mesh.jsonl", "--dry-run"];
    let turned = gap.run(&mesh.made.operator_key, &never).good();
    assert!(turned.contains("shop/kept") && turned.contains("(absent)"), "{turned}");
    let told = gap.run(&mesh.made.operator_key, &[&revoke[..], &["--to", "revoke.bundle"]].concat());
    assert!(told.err.contains("shop: accepts 1 statement"), "{}", told.err);
    told.good();
    run(&mesh, &["submit", &gap.path("revoke.bundle")], "").good();
    wait("what came after the export to be void", || async { mesh.read(0, "shop/later").await.is_none() }).await;
    mesh.wait_read(0, "shop/kept", "1").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bad_files_are_refused_before_anything_is_signed_or_submitted() {
    let mesh = Mesh::running(1).await;
    let gap = Gap::beside(&mesh);
    let operator = &mesh.made.operator_key;
    run(&mesh, &["set", "shop/a", "1"], "").good();
    clash(&mesh, "shop/clash").await;
    export(&mesh, &gap, "mesh.jsonl");
    let set = ["set", "shop/a", "2", "--from"];
    let sign = |files: &[&str]| gap.run(operator, &[&set[..], files].concat());
    sign(&["mesh.jsonl"]).bad(2, "--from goes with --to FILE");
    sign(&["mesh.jsonl", "--to", "a.bundle"]).good();
    sign(&["mesh.jsonl", "--to", "a.bundle"]).bad(7, "is there already");
    sign(&["a.bundle", "--to", "b.bundle"]).bad(2, "none of the files is an export");
    sign(&["mesh.jsonl", "--from", "mesh.jsonl", "--to", "b.bundle"]).bad(2, "more than one export");
    sign(&["none.jsonl", "--to", "b.bundle"]).bad(7, "none.jsonl");
    sign(&["mesh.jsonl", "--mesh", &"1".repeat(64), "--to", "b.bundle"]).bad(1, "not verified");
    let part = ["set", "shop/clash", "1", "--at", "/a", "--from", "mesh.jsonl", "--to", "b.bundle"];
    gap.run(operator, &part).bad(3, "only a node merges");
    let whole = ["set", "shop/clash", "{}", "--from", "mesh.jsonl", "--to", "whole.bundle"];
    gap.run(operator, &whole).good();
    let exported = std::fs::read(gap.path("mesh.jsonl")).unwrap();
    std::fs::write(gap.path("cut.jsonl"), &exported[..exported.len() / 2]).unwrap();
    sign(&["cut.jsonl", "--to", "b.bundle"]).bad(1, "not verified");

    let bundle = std::fs::read(gap.path("a.bundle")).unwrap();
    let mut altered = bundle.clone();
    *altered.last_mut().unwrap() ^= 1;
    for (bytes, said) in [
        (&b""[..], "holds no statement"),
        (&bundle[..bundle.len() - 1], "ends within a statement"),
        (&altered, "statement 0: "),
        (exported.as_slice(), "this is an export"),
        (b"\x58\x01a", "shortest form"),
    ] {
        std::fs::write(gap.path("bad.bundle"), bytes).unwrap();
        for command in ["submit", "inspect"] {
            run(&mesh, &[command, &gap.path("bad.bundle")], "").bad(2, said);
        }
    }
    assert_eq!(mesh.read(0, "shop/a").await.as_deref(), Some("1"), "nothing was submitted");
    run(&mesh, &["submit", &gap.path("a.bundle"), &gap.path("whole.bundle")], "").good();
    mesh.wait_read(0, "shop/a", "2").await;
    mesh.wait_read(0, "shop/clash", "{}").await;
}
