//! A mesh that grows: who holds the root key adds nodes at the command line while the others run.

use driftless_client::founding::MadeNode;

use crate::mesh::Mesh;
use crate::operator::{command, finish, run};

/// Adds a node with the root key; its index.
fn add(mesh: &mut Mesh, name: &str, extra: &[&str]) -> usize {
    let like = mesh.made.nodes[0].config.display().to_string();
    let mut arguments = vec!["node", "add", name, "--out", name, "--like", &like, "--listen", "/ip4/127.0.0.1/tcp/0"];
    arguments.extend(["-o", "json"]);
    arguments.extend(extra);
    let told = finish(command(mesh, 0, &mesh.made.root_key, &arguments), "").good();
    let told: serde_json::Value = serde_json::from_str(&told).unwrap();
    let text = |field: &str| told[field].as_str().unwrap().to_owned();
    mesh.adopt(MadeNode {
        name: text("name"),
        key: text("key").parse().unwrap(),
        peer_id: text("peer_id"),
        config: text("config").into(),
        endpoint: text("endpoint"),
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_is_added_to_a_mesh_that_runs() {
    let mut mesh = Mesh::running(3).await;
    mesh.put(0, "shop/before", "1").await.unwrap();
    run(&mesh, &["set", "web/motd", "hello"], "").good();
    let four = add(&mut mesh, "node-4", &["--node-write", "shop"]);
    mesh.start(four, &[]);
    mesh.wait_read(four, "shop/before", "1").await;
    mesh.wait_read(four, "web/motd", "\"hello\"").await;
    // What its own services write, and what the operator signs, is everywhere.
    mesh.put(four, "shop/by-four", "4").await.unwrap();
    for index in 0..3 {
        mesh.wait_read(index, "shop/by-four", "4").await;
    }
    mesh.wait_equal().await;
    let id = run(&mesh, &["set", "shop/after", "5"], "").good();
    let waited = run(&mesh, &["wait", id.trim(), "--for", "4", "--timeout", "240s"], "");
    assert!(waited.err.contains("4 of 4 nodes have it"), "{}", waited.err);
    assert!(waited.good().contains("node-4"));
    // More nodes than there are: refused at once, though an hour would be granted.
    run(&mesh, &["wait", id.trim(), "--for", "9", "--timeout", "1h"], "").bad(2, "only 4 nodes");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_is_added_holds_the_scopes_it_was_granted() {
    let mut mesh = Mesh::running(2).await;
    mesh.put(0, "shop/a", "1").await.unwrap();
    let web = run(&mesh, &["set", "web/motd", "hello"], "").good();
    let three = add(&mut mesh, "edge", &["--scopes", "shop"]);
    mesh.start(three, &[]);
    mesh.wait_read(three, "shop/a", "1").await;
    let get = |path: &str| finish(command(&mesh, three, &mesh.made.operator_key, &["get", path]), "");
    get("web/motd").bad(4, "not held");
    // It is no node that the change in the other scope could wait for.
    run(&mesh, &["wait", web.trim(), "--for", "3", "--timeout", "1h"], "").bad(2, "only 2 nodes");
    run(&mesh, &["wait", web.trim(), "--timeout", "240s"], "").good();
}

/// The arguments that add a node, with more.
fn to_add<'a>(extra: &[&'a str]) -> Vec<&'a str> {
    [&["node", "add", "n", "--out", "n"], extra].concat()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_who_may_adds_nodes_and_a_bad_plan_makes_nothing() {
    let mesh = Mesh::running(1).await;
    let like = mesh.made.nodes[0].config.display().to_string();
    let peer = format!("/ip4/127.0.0.1/tcp/1/p2p/{}", mesh.made.nodes[0].peer_id);
    let as_root = |arguments: &[&str]| finish(command(&mesh, 0, &mesh.made.root_key, arguments), "");
    run(&mesh, &to_add(&["--peer", &peer]), "").bad(3, "delegate");
    as_root(&to_add(&[])).bad(2, "--peer");
    as_root(&to_add(&["--like", &like])).bad(2, "no peer to learn the mesh from");
    as_root(&to_add(&["--peer", "/ip4/127.0.0.1/tcp/1"])).bad(2, "lacks the node's key");
    as_root(&to_add(&["--peer", "nowhere"])).bad(2, "no multiaddress");
    as_root(&to_add(&["--peer", &peer, "--listen", "/ip4/\"]\nx"])).bad(2, "no multiaddress");
    as_root(&to_add(&["--peer", &peer, "--node-write", "@mesh"])).bad(2, "do not write in @mesh");
    as_root(&["node", "add", "a b", "--out", "n", "--peer", &peer]).bad(2, "node name");
    std::fs::write(mesh.home.path().join("other.toml"), "[mesh]\nid = \"00\"\n").unwrap();
    as_root(&to_add(&["--like", "other.toml"])).bad(2, "not of the mesh");
    assert!(!mesh.home.path().join("n").exists(), "a refused command left something behind");
    as_root(&["node", "add", "n", "--out", "mesh", "--peer", &peer]).bad(7, "not empty");
}
