//! Nodes that are stopped and go on: as a suspended machine, or one that its host starves. They catch up, and until then
//! they say what they do not know.

use driftless_client::api::Status;
use driftless_statement::Prefix;

use crate::mesh::{Mesh, wait};

/// Beacons that make silence show within a second.
const BRISK: [&str; 4] = ["--set", "beacon.interval=200ms", "--set", "beacon.expiry=1s"];

async fn met(nodes: u16) -> Mesh {
    let mut mesh = Mesh::found(nodes);
    for index in 0..usize::from(nodes) {
        mesh.start(index, &BRISK);
    }
    for index in 0..usize::from(nodes) {
        wait("the nodes to meet", || async { !isolated(&mesh, index).await && heard(&mesh, index).await }).await;
    }
    mesh
}

async fn status(mesh: &Mesh, index: usize) -> Option<Status> {
    mesh.client(index).status().await.ok()
}

async fn isolated(mesh: &Mesh, index: usize) -> bool {
    status(mesh, index).await.is_some_and(|status| status.health.iter().any(|word| word == "isolated"))
}

/// Whether it has peers and agreed with one.
async fn heard(mesh: &Mesh, index: usize) -> bool {
    status(mesh, index).await.is_some_and(|status| !status.peers.is_empty() && status.staleness.is_some())
}

/// What the answer to a read itself says, without which a service would not know.
async fn said(mesh: &Mesh, index: usize, header: &str) -> Option<String> {
    let answer = mesh.client(index).watch(&Prefix::all(), None).await.ok()?;
    Some(answer.headers().get(header)?.to_str().ok()?.to_owned())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_whose_peers_are_stopped_says_so_and_goes_on() {
    let mesh = met(3).await;
    mesh.put(0, "shop/a", "1").await.unwrap();
    mesh.signal(1, "-STOP");
    mesh.signal(2, "-STOP");
    wait("the node to call itself isolated", || isolated(&mesh, 0)).await;
    assert_eq!(said(&mesh, 0, "driftless-isolated").await.as_deref(), Some("true"));
    for number in 0..20 {
        mesh.put(0, &format!("shop/alone-{number}"), "true").await.unwrap();
    }
    assert_eq!(mesh.read(0, "shop/a").await.as_deref(), Some("1"));
    mesh.signal(1, "-CONT");
    mesh.signal(2, "-CONT");
    for index in 1..3 {
        for number in 0..20 {
            mesh.wait_read(index, &format!("shop/alone-{number}"), "true").await;
        }
    }
    mesh.wait_equal().await;
    wait("nobody to be isolated", || async {
        said(&mesh, 0, "driftless-isolated").await.as_deref() == Some("false") && !isolated(&mesh, 1).await
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_wakes_alone_says_so_until_it_has_caught_up() {
    let mut mesh = met(3).await;
    mesh.put(0, "shop/a", "1").await.unwrap();
    mesh.wait_read(2, "shop/a", "1").await;
    mesh.signal(2, "-STOP");
    for number in 0..20 {
        mesh.put(number % 2, &format!("shop/missed-{number}"), "true").await.unwrap();
    }
    mesh.wait_read(0, "shop/missed-19", "true").await;
    mesh.kill(0);
    mesh.kill(1);
    mesh.signal(2, "-CONT");
    wait("the node to call itself isolated", || isolated(&mesh, 2)).await;
    assert_eq!(said(&mesh, 2, "driftless-isolated").await.as_deref(), Some("true"));
    let stale =
        || async { said(&mesh, 2, "driftless-staleness").await.and_then(|seconds| seconds.parse::<u64>().ok()) };
    wait("its staleness to grow", || async { stale().await.is_some_and(|seconds| seconds >= 2) }).await;
    assert_eq!(mesh.read(2, "shop/a").await.as_deref(), Some("1"), "reads go on");
    mesh.start(0, &BRISK);
    mesh.start(1, &BRISK);
    for number in 0..20 {
        mesh.wait_read(2, &format!("shop/missed-{number}"), "true").await;
    }
    mesh.wait_equal().await;
    wait("it not to be isolated", || async { !isolated(&mesh, 2).await }).await;
}
