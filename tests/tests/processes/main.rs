//! Real processes over real sockets: what a user starts, kills, and gets wrong.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod access;
mod air_gap;
mod approvals;
mod audit;
mod canary;
#[path = "../figures.rs"]
mod figures;
mod growth;
mod hunt;
mod kills;
mod local_snapshot;
mod logs;
mod mesh;
mod operator;
mod passphrases;
mod revoke;
mod schemas;
mod secrets;
mod small_disk;
mod stopped;

use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use driftless_client::api::Status;
use mesh::{Mesh, binary, wait};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_processes_converge_and_a_killed_one_comes_back() {
    let mut mesh = Mesh::running(3).await;
    for number in 0..20 {
        mesh.put(number % 3, &format!("shop/before-{number}"), &number.to_string()).await.unwrap();
    }
    mesh.kill(1);
    for number in 0..20 {
        mesh.put(if number % 2 == 0 { 0 } else { 2 }, &format!("shop/during-{number}"), &number.to_string())
            .await
            .unwrap();
    }
    mesh.start(1, &[]);
    for number in 0..20 {
        mesh.wait_read(1, &format!("shop/before-{number}"), &number.to_string()).await;
        mesh.wait_read(1, &format!("shop/during-{number}"), &number.to_string()).await;
    }
    mesh.wait_equal().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_acknowledged_survives_being_killed_again_and_again() {
    let mut mesh = Mesh::found(1);
    let mut acknowledged: Vec<(String, String)> = Vec::new();
    for round in 0..8 {
        mesh.start(0, &[]);
        let founded = |status: Status| status.scopes.iter().any(|scope| scope.statements == 4);
        wait("the node to be founded", || async { mesh.client(0).status().await.is_ok_and(founded) }).await;
        for (path, value) in &acknowledged {
            assert_eq!(mesh.read(0, path).await.as_ref(), Some(value), "round {round}, {path}");
        }
        for number in 0..10 {
            let (path, value) = (format!("shop/{round}-{number}"), (round * 10 + number).to_string());
            mesh.put(0, &path, &value).await.unwrap();
            acknowledged.push((path, value));
        }
        mesh.kill(0);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sigterm_ends_a_node_cleanly() {
    let mut mesh = Mesh::running(2).await;
    mesh.put(0, "shop/a", "1").await.unwrap();
    mesh.signal(0, "-TERM");
    assert_eq!(mesh.ended(0), Some(0));
    assert!(mesh.log(0).contains("ended"), "{}", mesh.log(0));
    assert!(!std::path::Path::new(mesh.made.nodes[0].endpoint.trim_start_matches("unix:")).exists());
    mesh.start(0, &[]);
    mesh.wait_read(0, "shop/a", "1").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_process_on_one_store_is_refused() {
    let mesh = Mesh::running(1).await;
    let second = mesh.try_start(0, &["--socket", "other.sock"]);
    assert_eq!(second.status.code(), Some(1));
    let said = String::from_utf8_lossy(&second.stderr).into_owned();
    assert!(said.contains("in use by another process"), "{said}");
    mesh.put(0, "shop/still", "1").await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_that_others_can_read_is_refused() {
    let mesh = Mesh::found(1);
    let key = mesh.made.nodes[0].config.parent().unwrap().join("node.key");
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o644)).unwrap();
    let refused = mesh.try_start(0, &[]);
    assert_eq!(refused.status.code(), Some(1));
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(said.contains("chmod 600"), "{said}");
    let secret = std::fs::read_to_string(&key).unwrap();
    let line = secret.lines().last().unwrap();
    assert!(!said.contains(line), "the secret itself was printed");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bundle_of_another_mesh_is_refused() {
    let mesh = Mesh::found(1);
    let refused = mesh.try_start(0, &["--mesh", &"1".repeat(64)]);
    assert_eq!(refused.status.code(), Some(1));
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(said.contains("correct mesh.id or node.bundle"), "{said}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_unknown_key_in_the_configuration_is_named() {
    let mesh = Mesh::found(1);
    let refused = mesh.try_start(0, &["--set", "beacon.intervall=2s"]);
    assert_eq!(refused.status.code(), Some(2));
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(said.contains("beacon.interval"), "{said}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_damaged_store_is_refused_and_rebuilt_from_peers() {
    let mut mesh = Mesh::running(2).await;
    mesh.put(0, "shop/a", "1").await.unwrap();
    mesh.wait_read(1, "shop/a", "1").await;
    mesh.signal(1, "-TERM");
    mesh.ended(1);
    let store = mesh.data(1).join("store.redb");
    let length = std::fs::metadata(&store).unwrap().len();
    std::fs::OpenOptions::new().write(true).open(&store).unwrap().set_len(length / 2).unwrap();
    let refused = mesh.try_start(1, &[]);
    assert_eq!(refused.status.code(), Some(1));
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(said.contains("--rebuild-store"), "{said}");
    mesh.start(1, &["--rebuild-store"]);
    mesh.wait_read(1, "shop/a", "1").await;
    mesh.wait_equal().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stopped_node_catches_up_when_it_goes_on() {
    let mesh = Mesh::running(3).await;
    mesh.put(0, "shop/a", "1").await.unwrap();
    mesh.signal(2, "-STOP");
    for number in 0..30 {
        mesh.put(number % 2, &format!("shop/while-{number}"), "true").await.unwrap();
    }
    mesh.signal(2, "-CONT");
    for number in 0..30 {
        mesh.wait_read(2, &format!("shop/while-{number}"), "true").await;
    }
    mesh.wait_equal().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_command_line_sets_waits_and_explains() {
    let mesh = Mesh::running(3).await;
    let operator = mesh.made.operator_key.display().to_string();
    let driftless = |arguments: &[&str], node: usize| {
        let mut command = Command::new(binary("driftless"));
        command.env_clear().env("HOME", mesh.home.path()).env("NO_COLOR", "1");
        command.args(["--endpoint", &mesh.made.nodes[node].endpoint, "--key", &operator]).args(arguments);
        let output = command.output().unwrap();
        (output.status.code(), String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap())
    };
    let (code, id, said) = driftless(&["set", "shop/limits", r#"{"max": 5, "tags": ["a", "b"]}"#], 0);
    assert_eq!(code, Some(0), "{said}");
    let (code, _, said) = driftless(&["wait", id.trim(), "--for", "all", "--timeout", "240s"], 0);
    assert_eq!(code, Some(0), "{said}");
    let (code, out, said) = driftless(&["set", "shop/limits", "7", "--at", "/max"], 1);
    assert_eq!(code, Some(0), "{said}{out}");
    let (code, out, _) = driftless(&["wait", out.trim()], 1);
    assert_eq!(code, Some(0), "{out}");
    let (code, out, _) = driftless(&["get", "shop/limits", "-o", "json"], 2);
    assert_eq!(code, Some(0));
    assert!(out.contains("\"max\": 7"), "{out}");
    let (code, out, _) = driftless(&["explain", "shop/limits"], 2);
    assert_eq!(code, Some(0));
    assert!(out.contains("/max"), "{out}");
    let (code, _, said) = driftless(&["get", "shop/nothing"], 2);
    assert_eq!(code, Some(4), "{said}");
    let (code, _, said) = driftless(&["set", "shop/../etc", "1"], 0);
    assert_eq!(code, Some(2), "{said}");
}
