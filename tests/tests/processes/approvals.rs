//! Writes that need approvals, roles, and the change of root keys, with real nodes and the command line.

use driftless_client::api::{Grants, PendingList};

use crate::mesh::{Mesh, wait};
use crate::operator::{command, finish, key, run};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_write_waits_for_its_approvals_on_every_node() {
    let mesh = Mesh::running(3).await;
    let [job, first, second] = ["job.key", "first.key", "second.key"].map(|name| key(&mesh, name));
    let by = |name: &str, node: usize, arguments: &[&str]| {
        finish(command(&mesh, node, &mesh.home.path().join(name), arguments), "")
    };
    let demand = format!("2:{first},{second},{job}");
    run(&mesh, &["role", "set", "deployer", "write", "shop", "--approvals", &demand, "--not-after", "30d"], "").good();
    let roles = run(&mesh, &["role", "list"], "").good();
    assert!(roles.contains("deployer") && roles.contains("writes: 2 of 3; not after 20"), "{roles}");
    run(&mesh, &["grant", &job, "--role", "nobody"], "").bad(4, "there is no role");
    run(&mesh, &["grant", &job, "--role", "deployer"], "").good();
    run(&mesh, &["grant", &first, "approve", "shop"], "").good();
    run(&mesh, &["grant", &second, "approve", "shop/checkout"], "").good();
    run(&mesh, &["set", "shop/checkout/limits", "10"], "").good();
    mesh.wait_read(2, "shop/checkout/limits", "10").await;

    let told = by("job.key", 2, &["set", "shop/checkout/limits", "999"]);
    assert!(told.err.contains("pending: 0 of 2 approvals"), "{}", told.err);
    let id = told.good().trim().to_owned();
    let list = |node: usize| {
        let told = finish(command(&mesh, node, &mesh.made.operator_key, &["pending", "shop", "-o", "json"]), "").good();
        serde_json::from_str::<PendingList>(&told).unwrap()
    };
    wait("the write to be pending on another node", || async { list(0).total == 1 }).await;
    let wanted = list(0).pending[0].wanted[0].clone();
    assert_eq!((wanted.need, wanted.have, wanted.of.len()), (2, 0, 2), "its author cannot approve it");
    let shown = run(&mesh, &["pending"], "").good();
    assert!(shown.contains(&id) && shown.contains("0/2") && shown.contains("shop/checkout/limits: put"), "{shown}");
    assert_eq!(mesh.read(0, "shop/checkout/limits").await.as_deref(), Some("10"), "it shows nowhere yet");
    by("job.key", 0, &["approve", &id]).bad(3, "its author never counts");
    run(&mesh, &["approve", &id], "").good();
    assert_eq!(list(0).pending[0].wanted[0].have, 0, "the operator is not on the list");
    let approved = by("first.key", 0, &["approve", &id]);
    assert!(approved.err.contains("put the whole value 999"), "what is signed is shown: {}", approved.err);
    approved.good();
    wait("one approval everywhere", || async { list(1).pending.first().is_some_and(|one| one.wanted[0].have == 1) })
        .await;
    by("second.key", 1, &["approve", &id]).good();
    for node in 0..3 {
        mesh.wait_read(node, "shop/checkout/limits", "999").await;
    }
    // Where an approver's grant does not reach, it cannot approve; and nothing is pending any more.
    let other = by("job.key", 0, &["set", "shop/motd", "1"]).good().trim().to_owned();
    by("second.key", 0, &["approve", &other]).bad(3, "no grant to approve shop/motd");
    assert!(run(&mesh, &["pending", "shop/checkout"], "").good().contains("Nothing waits"));
    // An approver whose key was stolen: what it approved and is not accepted waits again.
    let root = |arguments: &[&str]| finish(command(&mesh, 0, &mesh.made.root_key, arguments), "");
    let told = root(&["revoke", &first, "--accept-up-to", "never"]);
    assert!(told.err.contains("shop/checkout/limits  999  10"), "shown before: {}", told.err);
    told.good();
    for node in 0..3 {
        mesh.wait_read(node, "shop/checkout/limits", "10").await;
    }
    mesh.wait_equal().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn root_keys_are_changed_and_a_node_that_was_down_follows() {
    let mut mesh = Mesh::with_roots(3, 3);
    (0..3).for_each(|node| mesh.start(node, &[]));
    mesh.wait_serving().await;
    let job = key(&mesh, "job.key");
    run(&mesh, &["grant", &job, "write", "shop"], "").good();
    let new = ["new-1.key", "new-2.key"].map(|name| key(&mesh, name));
    finish(command(&mesh, 0, &mesh.home.path().join("job.key"), &["set", "shop/a", "1"]), "").good();
    mesh.wait_read(2, "shop/a", "1").await;
    mesh.kill(2);

    let by = |file: &std::path::Path, arguments: &[&str]| finish(command(&mesh, 0, file, arguments), "");
    let old =
        [&mesh.made.root_key, &mesh.made.more_root_keys[0], &mesh.made.more_root_keys[1]].map(|file| file.clone());
    let next = ["new-1.key", "new-2.key"].map(|name| mesh.home.path().join(name));
    let roots = new.join(",");
    by(&old[0], &["keys", "rotate", "--roots", &roots, "--threshold", "1"]).bad(2, "at least 2");
    run(&mesh, &["keys", "rotate", "--roots", &roots], "").bad(3, "is no root key");
    let dry = by(&old[0], &["keys", "rotate", "--roots", &roots, "--accept-nothing", "--dry-run"]);
    assert!(dry.good().contains("No member any more"), "what it would take is shown");
    let told = by(&old[0], &["keys", "rotate", "--roots", &roots]);
    assert!(told.err.contains("2 root keys have approved it"), "{}", told.err);
    let rotation = told.good().trim().to_owned();
    assert!(run(&mesh, &["pending"], "").good().contains("rotate to 2 of 2 root keys"));
    by(&old[0], &["keys", "rotate", "--roots", &new[0]]).bad(3, "has signed rotation");
    let other = by(&old[2], &["keys", "rotate", "--roots", &new[0]]).good().trim().to_owned();
    by(&old[0], &["approve", &other]).bad(3, "has signed rotation");
    let approved = by(&old[1], &["approve", &rotation]);
    assert!(approved.err.contains("    root key "), "whoever signs sees which keys follow: {}", approved.err);
    approved.good();
    let grants = || serde_json::from_str::<Grants>(&run(&mesh, &["grant", "-o", "json"], "").good()).unwrap();
    wait("the next epoch to be in force", || async { grants().epoch.to_string() == rotation }).await;
    assert_eq!((grants().roots.len(), grants().threshold, grants().epochs.len()), (2, 2, 2));
    by(&old[0], &["grant", &job, "write", "web"]).bad(3, "no grant to delegate");
    // The new keys act together, and what the old ones gave goes on.
    let granted = by(&next[0], &["grant", &job, "write", "web"]).good().trim().to_owned();
    by(&next[1], &["approve", &granted]).good();
    let as_job = |entry: &str| by(&mesh.home.path().join("job.key"), &["set", entry, "2"]);
    as_job("shop/a").good();
    as_job("web/a").good();
    mesh.start(2, &[]);
    for node in 0..3 {
        mesh.wait_read(node, "shop/a", "2").await;
        mesh.wait_read(node, "web/a", "2").await;
    }
    mesh.wait_equal().await;
    let explained = run(&mesh, &["explain", "web/a"], "").good();
    assert!(explained.contains(rotation.get(..10).unwrap()), "the chain leads through the rotation: {explained}");
}
