//! Secrets at the command line, against a real node: sealed, opened with identities, sealed anew as a group changes, rotated.
//! The mesh only ever sees what is sealed.

use std::path::Path as FilePath;

use driftless_client::sealed::Identity;

use crate::mesh::{Mesh, wait};
use crate::operator::{command, finish, key, run};

const SECRET: &str = "correct horse battery staple";
const NEXT: &str = "a quite other secret\n";

/// An identity file, and its recipient.
fn identity(dir: &FilePath, name: &str) -> (String, String) {
    let file = dir.join(name);
    let identity = Identity::generate();
    identity.save(&file).unwrap();
    (file.display().to_string(), identity.recipient().to_string())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_group_changes_and_its_secrets_follow() {
    let mesh = Mesh::running(1).await;
    let go = |arguments: &[&str], stdin: &str| run(&mesh, &[&["secret"][..], arguments].concat(), stdin);
    let (a, a_key) = identity(mesh.home.path(), "a.key");
    let (b, b_key) = identity(mesh.home.path(), "b.key");
    let (stranger, _) = identity(mesh.home.path(), "stranger.key");
    go(&["set", "shop/db", "--group", "web"], SECRET).bad(4, "there is no group web");
    go(&["recipients", "add", "web", "a", &a_key, "--dry-run"], "").good();
    go(&["recipients", "list", "web"], "").bad(4, "there is no group web");
    go(&["recipients", "add", "web", "a", &a_key], "").good();
    let again = go(&["recipients", "add", "web", "a", &a_key], "");
    assert!(again.err.contains("so already"), "{}", again.err);
    assert!(go(&["recipients", "list"], "").good().contains(&a_key));
    go(&["set", "shop/db"], SECRET).bad(2, "is new: give --group");
    go(&["set", "shop/db", "--group", "web"], "").bad(2, "is empty");
    for path in ["shop/db", "shop/api"] {
        go(&["set", path, "--group", "web"], SECRET).good();
    }
    assert_eq!(go(&["get", "shop/db", "--identity", &a], "").good(), SECRET);
    go(&["get", "shop/db", "--identity", &stranger], "").bad(3, "sealed to group web (a)");

    let added = go(&["recipients", "add", "web", "b", &b_key, "--reseal", "--identity", &a], "");
    assert!(added.err.contains("2 secrets sealed anew"), "{}", added.err);
    added.good();
    assert_eq!(go(&["get", "shop/api", "--identity", &b], "").good(), SECRET);

    let failed = go(&["recipients", "remove", "web", "a", "--reseal", "--identity", &stranger], "");
    failed.bad(3, "2 of 2 secrets not sealed anew");
    let stale = go(&["status", "-o", "json"], "").good();
    assert!(stale.matches("\"stale\"").count() == 2 && stale.contains("\"still\": [\n      \"a\""), "{stale}");
    let planned = go(&["reseal", "web", "--identity", &b, "--dry-run"], "");
    assert!(planned.good().contains("would be sealed anew"));
    let done = go(&["reseal", "web", "--identity", &b], "");
    assert!(done.err.contains("2 secrets stay known to who was removed"), "{}", done.err);
    done.good();
    let nothing = go(&["reseal", "web", "--identity", &b], "");
    assert!(nothing.err.contains("0 secrets sealed anew"), "{}", nothing.err);
    go(&["get", "shop/db", "--identity", &a], "").bad(3, "none of the identities at hand");

    let flagged = go(&["status"], "");
    assert!(flagged.err.contains("2 secrets are known to who is no recipient any more"), "{}", flagged.err);
    assert_eq!(flagged.good().matches("a (rotate)").count(), 2);
    go(&["rotate", "shop/db"], NEXT).good();
    go(&["rotate", "shop/api", "--generate", "32"], "").good();
    assert!(!go(&["status"], "").good().contains("(rotate)"));
    assert_eq!(go(&["get", "shop/db", "--identity", &b], "").good(), NEXT);
    assert_eq!(go(&["get", "shop/api", "--identity", &b], "").good().len(), 43);

    go(&["recipients", "remove", "web", "b", "--reseal", "--identity", &b], "").bad(3, "nobody would be left");
    go(&["recipients", "remove", "web", "b"], "").good();
    go(&["set", "shop/db"], SECRET).bad(3, "has no recipients");
    for words in [&["log", "--long"][..], &["audit", "--long"], &["get", "/"], &["explain", "shop/db"]] {
        let said = run(&mesh, words, "");
        assert!(!said.out.contains("battery") && !said.err.contains("battery"), "{words:?}");
        assert!(said.good().contains("shop/db"), "{words:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_ordinary_value_is_not_sealed_over_unless_asked() {
    let mesh = Mesh::running(1).await;
    let (file, key) = identity(mesh.home.path(), "a.key");
    run(&mesh, &["set", "shop/plain", "hunter2"], "").good();
    run(&mesh, &["secret", "recipients", "add", "web", "a", &key], "").good();
    run(&mesh, &["secret", "rotate", "shop/none"], SECRET).bad(4, "is absent");
    run(&mesh, &["secret", "set", "shop/plain", "--group", "web"], SECRET).bad(3, "--force");
    run(&mesh, &["secret", "get", "shop/plain", "--identity", &file], "").bad(3, "is not a sealed value");
    run(&mesh, &["secret", "set", "shop/plain", "--group", "web", "--force"], SECRET).good();
    assert_eq!(run(&mesh, &["secret", "get", "shop/plain", "--identity", &file], "").good(), SECRET);
    run(&mesh, &["set", "shop/plain", "x", "--at", "/@sealed/group"], "").good();
    let broken = r#"{"age": "-----BEGIN AGE ENCRYPTED FILE-----\nAAAA\n-----END AGE ENCRYPTED FILE-----\n"}"#;
    run(&mesh, &["set", "shop/broken", &format!(r#"{{"@sealed":{broken}}}"#)], "").good();
    let status = run(&mesh, &["secret", "status", "shop"], "").good();
    assert!(
        status.contains("its group is absent") && status.contains("unreadable: field `group` is missing"),
        "{status}"
    );
    run(&mesh, &["set", "@mesh/recipients/odd", r#"{"a": {}}"#], "").good();
    let odd = run(&mesh, &["secret", "set", "shop/new", "--group", "odd"], SECRET);
    odd.bad(3, "@mesh/recipients/odd is no group of recipients: a: field `age`");
}

/// Whoever may change a group only with somebody else's approval cannot have everything sealed to a key of their own before.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_sealed_to_a_group_that_is_not_in_force() {
    let mesh = Mesh::running(1).await;
    let (a, a_key) = identity(mesh.home.path(), "a.key");
    let (own, own_key) = identity(mesh.home.path(), "own.key");
    run(&mesh, &["secret", "recipients", "add", "web", "a", &a_key], "").good();
    run(&mesh, &["secret", "set", "shop/db", "--group", "web"], SECRET).good();
    let [eager, other] = ["eager.key", "other.key"].map(|name| key(&mesh, name));
    let demand = format!("1:{other}");
    let root = |arguments: &[&str]| finish(command(&mesh, 0, &mesh.made.root_key, arguments), "").good();
    root(&["grant", &eager, "operate", "@mesh", "--approvals", &demand]);
    root(&["grant", &eager, "write", "shop"]);
    root(&["grant", &other, "approve", "@mesh"]);
    let by = |name: &str, arguments: &[&str]| finish(command(&mesh, 0, &mesh.home.path().join(name), arguments), "");
    let asked = ["secret", "recipients", "add", "web", "own", &own_key, "--reseal", "--identity", &a];
    let waits = by("eager.key", &asked);
    assert!(waits.err.contains("nothing was sealed anew"), "{}", waits.err);
    waits.bad(3, "`driftless pending`");
    run(&mesh, &["secret", "get", "shop/db", "--identity", &own], "").bad(3, "sealed to group web (a)");
    // What is sealed anew and waits itself is told as that, not as done.
    let cautious = key(&mesh, "cautious.key");
    root(&["grant", &cautious, "write", "shop", "--approvals", &demand]);
    run(&mesh, &["secret", "recipients", "add", "web", "own", &own_key], "").good();
    let told = by("cautious.key", &["secret", "reseal", "web", "--identity", &a]);
    assert!(told.out.contains("stored, but not in force"), "{}", told.out);
    told.bad(3, "1 of 1 secret not sealed anew");
}

/// A node whose identity was lost makes itself a new one, and says that it cannot open what is meant for it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_lost_its_identity_says_so() {
    let mut mesh = Mesh::running(1).await;
    let health = async |mesh: &Mesh| mesh.client(0).status().await.map(|status| status.health).unwrap_or_default();
    let unopenable = |words: Vec<String>| words.iter().any(|word| word == "secrets_unopenable");
    run(&mesh, &["secret", "recipients", "add", "web", "node-1", "--from-node"], "").good();
    run(&mesh, &["secret", "set", "shop/db", "--group", "web"], SECRET).good();
    assert_eq!(run(&mesh, &["secret", "get", "shop/db"], "").good(), SECRET);
    assert!(!unopenable(health(&mesh).await));
    mesh.kill(0);
    std::fs::remove_file(mesh.data(0).join("secrets.key")).unwrap();
    mesh.start(0, &[]);
    mesh.wait_serving().await;
    wait("the node to say so", async || unopenable(health(&mesh).await)).await;
    run(&mesh, &["secret", "get", "shop/db"], "").bad(3, "none of the identities at hand");
    run(&mesh, &["secret", "recipients", "add", "web", "node-1", "--from-node", "--replace"], "").good();
    wait("the word to go", async || !unopenable(health(&mesh).await)).await;
}
