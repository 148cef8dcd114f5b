//! A key turns bad, with real nodes: what its revocation would change is shown, then it changes, also on a node that was
//! down; a removed node is cut off; who was revoked by mistake gets its key back.

use driftless_client::api::{Preview, Status};

use crate::mesh::{Mesh, wait};
use crate::operator::{command, finish, run};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bad_key_is_previewed_revoked_and_given_back() {
    let mut mesh = Mesh::running(3).await;
    let file = mesh.home.path().join("job.key");
    let key = run(&mesh, &["keys", "new", "job.key"], "").good().trim().to_owned();
    run(&mesh, &["grant", &key, "write", "shop"], "").good();
    run(&mesh, &["set", "shop/limits", "10"], "").good();
    let job = |mesh: &Mesh, node: usize, arguments: &[&str]| finish(command(mesh, node, &file, arguments), "");
    job(&mesh, 0, &["set", "shop/good", "1"]).good();
    mesh.wait_read(2, "shop/good", "1").await;
    let before = driftless_client::clock::rfc3339(driftless_client::clock::now_ms() + 1_000);
    wait("the second to pass", || async {
        driftless_client::clock::rfc3339(driftless_client::clock::now_ms()) > before
    })
    .await;
    job(&mesh, 0, &["set", "shop/limits", "999"]).good();
    job(&mesh, 0, &["set", "shop/planted", "true"]).good();
    mesh.wait_read(1, "shop/planted", "true").await;
    mesh.kill(2);
    // What would change is told, and nothing changes.
    let arguments = ["revoke", &key, "shop", "--accept-up-to", &before, "--dry-run", "-o", "json"];
    let preview: Preview = serde_json::from_str(&run(&mesh, &arguments, "").good()).unwrap();
    assert_eq!(preview.voided, [("shop".to_owned(), 2)].into());
    let turns: Vec<String> = preview.entries.iter().map(|turn| format!("{turn:?}")).collect();
    assert_eq!(turns.len(), 2, "{turns:?}");
    assert_eq!(preview.entries[0].path.as_str(), "shop/limits");
    assert_eq!(
        (preview.entries[0].now.clone(), preview.entries[1].then.clone()),
        (Some(driftless_statement::Value::Int(999)), None)
    );
    assert_eq!(mesh.read(0, "shop/limits").await.as_deref(), Some("999"));
    // Whoever may not revoke is told so; when to accept up to must be said.
    job(&mesh, 0, &["revoke", &key, "--accept-up-to", "now"]).bad(3, "has no grant to revoke");
    run(&mesh, &["revoke", &key], "").bad(2, "--accept-up-to");
    let told = run(&mesh, &["revoke", &key, "shop", "--accept-up-to", &before, "-m", "stolen"], "");
    assert!(told.err.contains("shop: accepts 1 statement") && told.err.contains("leaves out 2"), "{}", told.err);
    let id = told.good().trim().to_owned();
    mesh.start(2, &[]);
    for node in 0..3 {
        mesh.wait_read(node, "shop/limits", "10").await;
        wait("what was planted to go", || async { mesh.read(node, "shop/planted").await.is_none() }).await;
        assert_eq!(mesh.read(node, "shop/good").await.as_deref(), Some("1"), "what was accepted stays");
    }
    mesh.wait_equal().await;
    job(&mesh, 1, &["set", "shop/limits", "998"]).bad(3, "has no grant to write");
    let explained = run(&mesh, &["explain", "shop/planted"], "").good();
    assert!(explained.contains("was struck by revocation"), "{explained}");
    let listed = run(&mesh, &["revoke"], "").good();
    assert!(listed.contains(id.get(..10).unwrap()) && listed.contains("authorised"), "{listed}");
    // The same revocation once more changes nothing; a grant to a revoked key must say that it gives back.
    run(&mesh, &["grant", &key, "write", "shop/good"], "").bad(3, "--again");
    let root = |arguments: &[&str]| finish(command(&mesh, 0, &mesh.made.root_key, arguments), "");
    root(&["grant", &key, "write", "shop/good", "--again"]).good();
    wait("the key to be let in again", || async { job(&mesh, 1, &["set", "shop/good", "2"]).code == Some(0) }).await;
    mesh.wait_read(0, "shop/good", "2").await;
    job(&mesh, 1, &["set", "shop/limits", "997"]).bad(3, "has no grant to write");
    mesh.wait_equal().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_removed_node_is_cut_off_though_it_is_configured() {
    let mesh = Mesh::running(3).await;
    mesh.put(2, "shop/a", "1").await.unwrap();
    mesh.wait_read(0, "shop/a", "1").await;
    let node = mesh.client(2).status().await.unwrap().node.to_string();
    let root = |arguments: &[&str]| finish(command(&mesh, 0, &mesh.made.root_key, arguments), "");
    let told = root(&["revoke", &node, "--accept-up-to", "now"]);
    assert!(told.err.contains(&format!("No member any more: node {node}")), "{}", told.err);
    told.good();
    for index in 0..2 {
        let alone = |status: Status| status.peers.len() == 1;
        wait("the node to be cut off", || async { mesh.client(index).status().await.is_ok_and(alone) }).await;
        assert_eq!(mesh.read(index, "shop/a").await.as_deref(), Some("1"), "what it had said was accepted");
    }
    mesh.put(0, "shop/b", "1").await.unwrap();
    mesh.wait_read(1, "shop/b", "1").await;
    assert!(mesh.read(2, "shop/b").await.is_none());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_of_three_root_keys_must_sign() {
    let mut mesh = Mesh::with_roots(1, 3);
    mesh.start(0, &[]);
    mesh.wait_serving().await;
    let key = run(&mesh, &["keys", "new", "job.key"], "").good().trim().to_owned();
    let as_root = |file: &std::path::Path, arguments: &[&str]| finish(command(&mesh, 0, file, arguments), "");
    let granted = as_root(&mesh.made.root_key, &["grant", &key, "write", "shop"]);
    assert!(granted.err.contains("it counts when 2 root keys have approved it"), "{}", granted.err);
    let id = granted.good().trim().to_owned();
    let file = mesh.home.path().join("job.key");
    let job = |arguments: &[&str]| finish(command(&mesh, 0, &file, arguments), "");
    job(&["set", "shop/a", "1"]).bad(3, "has no grant to write");
    run(&mesh, &["approve", &id], "").bad(3, "is no root key of this mesh");
    as_root(&mesh.made.more_root_keys[1], &["approve", &id]).good();
    job(&["set", "shop/a", "1"]).good();
    let revoked = as_root(&mesh.made.more_root_keys[0], &["revoke", &key, "--accept-up-to", "never"]);
    assert!(revoked.err.contains("shop/a  1    (absent)"), "shown as if it were approved: {}", revoked.err);
    let id = revoked.good().trim().to_owned();
    assert_eq!(mesh.read(0, "shop/a").await.as_deref(), Some("1"), "one signature of two");
    as_root(&mesh.made.root_key, &["approve", &id]).good();
    wait("the revocation to count", || async { mesh.read(0, "shop/a").await.is_none() }).await;
}
