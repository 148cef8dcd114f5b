//! The routes over real sockets, in front of the real core.

use std::sync::atomic::Ordering;
use std::time::Duration;

use driftless_client::api;
use driftless_statement::codec::{self, Item};
use driftless_statement::{Demand, Demands, Terms, Verb};
use tokio::io::AsyncWriteExt;

use crate::support::raw::{self, Reply, request};
use crate::support::{Mesh, World, node_key, root_key};

const JSON: (&str, &str) = ("content-type", "application/json");

fn has_freshness(reply: &Reply) {
    assert_eq!(reply.header("driftless-digest").unwrap().len(), 64, "{reply:?}");
    assert!(reply.header("driftless-revision").unwrap().starts_with("5f3a09c2b1d4e6f8-1."), "{reply:?}");
    assert_eq!(reply.header("driftless-staleness"), Some("never"));
    assert_eq!(reply.header("driftless-differs"), Some("false"));
    assert!(reply.header("driftless-isolated").is_some());
    assert_eq!(reply.header("x-content-type-options"), Some("nosniff"));
}

async fn patch(world: &World, kind: &str, body: &str) -> Reply {
    world.ask("PATCH", "/v1/config/shop/limits", &[("content-type", kind)], body).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_entry_lives_and_dies() {
    let world = World::start().await;
    let url = "/v1/config/shop/limits";
    let written = world.ask("PUT", url, &[JSON, ("if-none-match", "*")], r#"{"max":7,"list":[1,2]}"#).await;
    assert_eq!(written.status, 200, "{}", written.text());
    let receipt: api::Written = serde_json::from_slice(&written.body).unwrap();
    assert_eq!((receipt.fate.as_str(), receipt.id.is_some()), ("fit", true));
    let tag = format!("\"{}\"", receipt.etag.unwrap());
    assert_eq!(written.header("etag"), Some(tag.as_str()));

    let read = world.ask("GET", &format!("{url}?min_revision={}", receipt.revision), &[], "").await;
    assert_eq!((read.status, read.text().as_str()), (200, r#"{"list":[1,2],"max":7}"#));
    assert_eq!(read.header("etag"), Some(tag.as_str()));
    has_freshness(&read);
    let item = world.ask("GET", url, &[("accept", api::ITEM)], "").await;
    let item: api::Item = serde_json::from_slice(&item.body).unwrap();
    assert_eq!((item.path.as_str(), format!("\"{}\"", item.etag)), ("shop/limits", tag.clone()));
    let unchanged = world.ask("GET", url, &[("if-none-match", &tag)], "").await;
    assert_eq!((unchanged.status, unchanged.body.len()), (304, 0));
    has_freshness(&unchanged);
    let head = world.ask("HEAD", url, &[("connection", "close")], "").await;
    assert_eq!((head.status, head.header("content-length")), (200, Some("22")));

    let merged = patch(&world, "application/merge-patch+json", r#"{"max":9,"list":null,"new":true}"#).await;
    assert_eq!(merged.status, 200, "{}", merged.text());
    assert_eq!(world.get(url).await.text(), r#"{"max":9,"new":true}"#);
    let patched = patch(
        &world,
        "application/json-patch+json",
        r#"[{"op":"test","path":"/max","value":9},{"op":"add","path":"/list","value":["a"]},{"op":"remove","path":"/new"}]"#,
    )
    .await;
    assert_eq!(patched.status, 200, "{}", patched.text());
    assert_eq!(world.get(url).await.text(), r#"{"list":["a"],"max":9}"#);

    let stale = world.ask("PUT", url, &[JSON, ("if-match", &tag)], "1").await;
    assert_eq!(stale.problem(), "precondition");
    let fresh = stale.header("etag").unwrap().to_owned();
    let same = world.ask("PUT", url, &[JSON, ("if-match", &fresh)], r#"{"list":["a"],"max":9}"#).await;
    let same: api::Written = serde_json::from_slice(&same.body).unwrap();
    assert_eq!((same.id, same.fate.as_str()), (None, "unchanged"));
    let deleted = world.ask("DELETE", url, &[("if-match", &fresh)], "").await;
    assert_eq!(deleted.status, 200, "{}", deleted.text());
    let gone = world.get(url).await;
    assert_eq!(gone.problem(), "not_found");
    assert!(gone.text().contains("deleted"), "{}", gone.text());
    has_freshness(&gone);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn questions_are_answered_in_the_clients_shapes() {
    let world = World::start().await;
    let note = [
        JSON,
        ("driftless-reason", "checkout is slow"),
        ("driftless-ticket", "OPS-7"),
        ("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"),
    ];
    let written =
        world.ask("PUT", "/v1/config/shop/limits", &note, r#"{"burst":40,"host":"cart.example","max":7}"#).await;
    let written: api::Written = serde_json::from_slice(&written.body).unwrap();
    let id = written.id.unwrap();
    world.put("shop/limits", r#"{"burst":40,"host":"cart.example","max":8}"#).await;
    world.put("shop/flags", "true").await;

    let author = node_key().public();
    let merged = world.get(&format!("/v1/merged/shop/limits?author={author}")).await;
    has_freshness(&merged);
    let merged: api::Merged = serde_json::from_slice(&merged.body).unwrap();
    assert_eq!((merged.heads.len(), merged.grant), (1, Some(world.mesh.grants[1].id())));
    assert!(!merged.prev.is_empty() && merged.after.0 > 0);

    let page: api::History = serde_json::from_slice(&world.get("/v1/history/shop/limits?limit=1").await.body).unwrap();
    let next = page.next.unwrap();
    assert_eq!(page.statements[0].edits, [["put /max 8"]]);
    let page = world.get(&format!("/v1/history/shop/limits?limit=1&before={next}")).await;
    let page: api::History = serde_json::from_slice(&page.body).unwrap();
    assert_eq!((page.next, page.statements[0].id), (None, id));
    let note = &page.statements[0].note;
    assert_eq!((note.reason.as_str(), note.ticket.as_str(), note.traceparent.len()), ("checkout is slow", "OPS-7", 55));

    let explained: api::Explanation = serde_json::from_slice(&world.get("/v1/explain/shop/limits").await.body).unwrap();
    assert_eq!(explained.winners[2].pointer, "/max");
    assert_eq!(explained.merged, explained.effective);
    let change: api::Change = serde_json::from_slice(&world.get(&format!("/v1/changes/{id}")).await.body).unwrap();
    assert_eq!((change.has.len(), change.has[0].node), (1, author));
    let statement: api::StatementInfo =
        serde_json::from_slice(&world.get(&format!("/v1/statements/{id}")).await.body).unwrap();
    assert_eq!(statement.fate, "fit");
    let octets = [("accept", "application/octet-stream")];
    let wire = world.ask("GET", &format!("/v1/statements/{id}"), &octets, "").await;
    assert_eq!(driftless_statement::Signed::decode(&wire.body).unwrap().verify().unwrap().id(), id);
    let log: api::History = serde_json::from_slice(&world.get("/v1/log?scope=@mesh").await.body).unwrap();
    assert_eq!(log.statements.len(), 5);

    let grants = world.get(&format!("/v1/grants?key={author}&author={}", root_key().public())).await;
    let grants: api::Grants = serde_json::from_slice(&grants.body).unwrap();
    assert_eq!((grants.grants.len(), grants.threshold, grants.genesis), (2, 1, world.mesh.genesis.id()));
    assert!(!grants.prev.is_empty());
    let status: api::Status = serde_json::from_slice(&world.get("/v1/status").await.body).unwrap();
    assert_eq!((status.entries, status.mesh_name.as_str(), status.name.as_str()), (2, "lab", "alpha"));
    let divergence: api::Divergence = serde_json::from_slice(&world.get("/v1/divergence").await.body).unwrap();
    assert_eq!((divergence.expected, divergence.nodes.len(), divergence.nodes[0].this), (2, 2, true));
    assert_eq!(divergence.nodes[1].state, "silent");
    let conflicts: api::Conflicts = serde_json::from_slice(&world.get("/v1/conflicts").await.body).unwrap();
    assert_eq!(conflicts.total, 0);
}

fn sequence(statements: &[&[u8]]) -> Vec<u8> {
    statements.iter().flat_map(|wire| codec::encode(&Item::bytes(wire))).collect()
}

/// What waits for approvals is taken, and is not what the caller reads: a status of its own says so (RFC 9110, 15.3.3).
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_write_that_waits_for_approvals_is_accepted_and_not_done() {
    let mut mesh = Mesh::found();
    let demand = Demand { approvals: 1, of: [root_key().public()].into() };
    let terms = Terms { demands: Demands { writes: Some(demand), deletes: None }, ..Terms::default() };
    mesh.grant_on(node_key().public(), &[Verb::Write], "platform", &[], terms);
    let loaded = std::iter::once(mesh.genesis.clone()).chain(mesh.grants.clone()).collect();
    let world = World::loaded(mesh, Some(loaded), |_| {}).await;
    let url = "/v1/config/platform/limits";
    let written = world.ask("PUT", url, &[JSON], "7").await;
    assert_eq!(written.status, 202, "{}", written.text());
    let receipt: api::Written = serde_json::from_slice(&written.body).unwrap();
    assert!(receipt.fate.starts_with("pending") && receipt.id.is_some(), "{receipt:?}");
    assert_eq!(world.get(url).await.status, 404);
    let pending = world.get("/v1/pending").await.text();
    assert!(pending.contains(&receipt.id.unwrap().to_string()), "{pending}");
    assert_eq!(world.ask("PUT", "/v1/config/shop/limits", &[JSON], "7").await.status, 200);
}

async fn submit(world: &World, statements: &[&[u8]]) -> api::Submission {
    let body = sequence(statements);
    let head = format!(
        "POST /v1/statements HTTP/1.1\r\nhost: a\r\ncontent-type: application/cbor-seq\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    let reply = world.send(&[head.as_bytes(), &body].concat()).await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    serde_json::from_slice(&reply.body).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn statements_signed_elsewhere_are_taken_and_each_is_told_its_outcome() {
    let mut world = World::start().await;
    let one = world.mesh.put("shop/a", "1");
    let two = world.mesh.put("shop/a", "2");
    let far = world.mesh.put("elsewhere/a", "2");
    let mut broken = world.mesh.put("shop/c", "1").wire().to_vec();
    *broken.last_mut().unwrap() ^= 1;
    let told = submit(&world, &[&one.wire(), &one.wire(), &two.wire(), &far.wire(), &broken, b"?"]).await;
    let outcomes: Vec<(&str, Option<&str>)> =
        told.results.iter().map(|result| (result.outcome.as_str(), result.reason.as_deref())).collect();
    assert_eq!(
        outcomes,
        [
            ("stored", None),
            ("known", None),
            ("stored", None),
            ("refused", Some("not_held")),
            ("refused", Some("signature")),
            ("refused", Some("short")),
        ]
    );
    assert!(told.results.iter().skip(3).all(|result| result.detail.is_some()));
    let read = world.get(&format!("/v1/config/shop/a?min_revision={}", told.revision)).await;
    assert_eq!(read.text(), "2");
    let conflicts: api::Conflicts = serde_json::from_slice(&world.get("/v1/conflicts?prefix=shop").await.body).unwrap();
    assert_eq!(conflicts.total, 1);
    let conflict = &conflicts.conflicts[0];
    assert_eq!((conflict.winner.id, conflict.loser.id), (two.id(), one.id()));
    assert_eq!((conflict.winner.edit.as_str(), conflict.pointer.as_str()), ("put the whole value 2", ""));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_refuses_writes_and_serves_reads() {
    let mut world = World::start().await;
    world.put("shop/limits", "1").await;
    world.faults.disk.store(true, Ordering::Relaxed);
    let refused = world.ask("PUT", "/v1/config/shop/limits", &[JSON], "2").await;
    assert_eq!(refused.problem(), "read_only");
    assert!(refused.header("retry-after").is_some());
    assert!(refused.text().contains("no space left"), "{}", refused.text());
    assert_eq!(world.get("/v1/config/shop/limits").await.text(), "1");
    let ready = world.get("/readyz").await;
    assert_eq!(ready.status, 200);
    assert!(ready.text().contains("reads only"), "{}", ready.text());
    let submitted = world.mesh.put("shop/b", "1");
    let told = submit(&world, &[&submitted.wire()]).await;
    assert_eq!(told.results[0].reason.as_deref(), Some("read_only"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_disk_that_hangs_gets_an_answer_in_time() {
    // The requests that are answered must keep to it as well, on a busy machine too.
    let world = World::with(|settings| settings.request_timeout = Duration::from_secs(2)).await;
    world.put("shop/limits", "1").await;
    world.faults.hang.store(true, Ordering::Relaxed);
    let late = world.ask("PUT", "/v1/config/shop/limits", &[JSON], "2").await;
    assert_eq!(late.problem(), "timeout");
    assert!(late.text().contains("may or may not"), "{}", late.text());
    assert_eq!(world.get("/v1/config/shop/limits").await.text(), "1");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_is_not_ready_says_so_everywhere() {
    let world = World::loaded(Mesh::found(), None, |_| {}).await;
    assert_eq!(world.get("/livez").await.status, 200);
    assert_eq!(world.get("/readyz").await.problem(), "not_ready");
    for target in ["/v1/config/shop/a", "/v1/config", "/v1/config/shop/?watch", "/v1/history/shop/a", "/v1/grants"] {
        let reply = world.get(target).await;
        assert_eq!((reply.status, reply.problem().as_str()), (503, "not_ready"), "{target}");
    }
    let status = world.get("/v1/status").await;
    assert!(status.text().contains("not_ready"), "{}", status.text());
    assert_eq!(world.ask("PUT", "/v1/config/shop/a", &[JSON], "1").await.problem(), "not_ready");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pages_go_on_where_they_ended() {
    let world = World::start().await;
    for index in 0..7 {
        world.put(&format!("shop/{index}"), &index.to_string()).await;
    }
    let (mut seen, mut after) = (Vec::new(), String::new());
    loop {
        let page = world.get(&format!("/v1/config/shop/?limit=3{after}")).await;
        has_freshness(&page);
        let page: api::Listing = serde_json::from_slice(&page.body).unwrap();
        seen.extend(page.items.iter().map(|item| item.path.to_string()));
        let Some(next) = page.next else { break };
        after = format!("&after={next}");
    }
    assert_eq!(seen, (0..7).map(|index| format!("shop/{index}")).collect::<Vec<_>>());
    for target in ["/v1/config", "/v1/config/", "/v1/config?prefix=shop"] {
        let page: api::Listing = serde_json::from_slice(&world.get(target).await.body).unwrap();
        assert_eq!(page.items.len(), 7, "{target}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_demanded_revision_is_waited_for() {
    let world = World::start().await;
    world.put("shop/a", "1").await;
    let now = world.get("/v1/config/shop/a").await.header("driftless-revision").unwrap().to_owned();
    let (head, count) = now.rsplit_once('.').unwrap();
    let later = format!("{head}.{}", count.parse::<u64>().unwrap() + 1);
    let mut waiting = world.unix().await;
    let target = format!("/v1/config/shop/a?min_revision={later}&wait=20");
    waiting.write_all(&request("GET", &target, &[], "")).await.unwrap();
    world.put("shop/a", "2").await;
    assert_eq!(raw::read(&mut waiting).await.text(), "2");
    let header = [("driftless-min-revision", later.as_str())];
    assert_eq!(world.ask("GET", "/v1/config/shop/a", &header, "").await.text(), "2");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_documented_operation_has_a_route_and_no_other_method() {
    let world = World::start().await;
    world.put("shop/a", "1").await;
    let document = world.get("/openapi.json").await.json();
    let mut operations = 0;
    for (path, methods) in document["paths"].as_object().unwrap() {
        let target =
            path.replace("{path}", "shop/a").replace("{id}", &"0".repeat(64)).replace("{key}", &"0".repeat(64));
        let documented: Vec<String> = methods.as_object().unwrap().keys().map(|method| method.to_uppercase()).collect();
        for method in ["GET", "PUT", "PATCH", "DELETE", "POST"] {
            let reply = world.ask(method, &target, &[], "").await;
            let known = documented.iter().any(|known| known == method);
            assert_eq!(reply.status != 405, known, "{method} {path}: {reply:?}");
            if known {
                operations += 1;
                assert!(reply.status != 404 || reply.problem() != "no_route", "{method} {path}");
                let listed = methods[method.to_lowercase()]["responses"].get(reply.status.to_string());
                assert!(listed.is_some(), "{method} {path} answered {} which is not documented", reply.status);
            } else {
                let allow = reply.header("allow").unwrap();
                assert!(documented.iter().all(|known| allow.contains(known.as_str())), "{allow}");
            }
        }
    }
    assert!(operations >= 20, "{operations}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn shutdown_ends_watches_and_removes_the_socket() {
    let mut world = World::start().await;
    let mut watch = world.unix().await;
    watch.write_all(&request("GET", "/v1/config/?watch", &[], "")).await.unwrap();
    let mut seen = Vec::new();
    while !String::from_utf8_lossy(&seen).contains("event: synced") {
        assert!(raw::more(&mut watch, &mut seen).await);
    }
    world.stop().await;
    while raw::more(&mut watch, &mut seen).await {}
    assert!(seen.ends_with(b"0\r\n\r\n"), "the stream ends properly");
    assert!(!world.socket.exists());
}
