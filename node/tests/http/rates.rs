//! An author over its intake rate, as the door tells it: 429 with a time to come again, and its name where operators look.

use std::sync::Arc;
use std::time::{Duration, Instant};

use driftless_client::{api, bundle};
use driftless_core::machine::Rates;
use driftless_statement::Verified;

use crate::support::raw::Reply;
use crate::support::{Mesh, World, root_key};

async fn submit(world: &World, list: &[Arc<Verified>]) -> Reply {
    let body = bundle::encode(list.iter().map(|statement| statement.wire()));
    let head = format!(
        "POST /v1/statements HTTP/1.1\r\nhost: a\r\ncontent-type: application/cbor-seq\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    world.send(&[head.as_bytes(), &body].concat()).await
}

#[tokio::test]
async fn who_signs_too_fast_is_told_when_to_come_again() {
    let mut mesh = Mesh::found();
    mesh.rates = Rates { author_statements: 1, burst_ms: 3_000, ..Rates::default() };
    let loaded = std::iter::once(mesh.genesis.clone()).chain(mesh.grants.clone()).collect();
    let mut world = World::loaded(mesh, Some(loaded), |_| {}).await;
    let signed: Vec<_> = (0..7).map(|number| world.mesh.put(&format!("shop/entry-{number}"), "1")).collect();
    let (first, second) = signed.split_at(5);
    let taken = submit(&world, first).await;
    assert_eq!(taken.status, 200, "{}", taken.text());
    let delayed = submit(&world, second).await;
    assert_eq!((delayed.status, delayed.problem().as_str()), (429, "author_rate"), "{}", delayed.text());
    let wait: u64 = delayed.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=2).contains(&wait), "{wait}");
    let author = root_key().public();
    assert!(delayed.text().contains(&author.to_string()) && delayed.text().contains("intake.author_statements"));
    // Nothing of it was taken.
    for statement in second {
        let reply = world.ask("GET", &format!("/v1/statements/{}", statement.id()), &[], "").await;
        assert_eq!(reply.status, 404, "{}", reply.text());
    }
    let status = world.ask("GET", "/v1/status", &[], "").await;
    let status: api::Status = serde_json::from_str(&status.text()).unwrap();
    assert!(status.health.iter().any(|word| word == "author_over_rate"), "{:?}", status.health);
    let flood = status.floods.first().unwrap();
    assert_eq!((flood.author, flood.delayed, flood.now), (author, 1, true));
    let page = world.ask("GET", "/metrics", &[], "").await.text();
    assert!(page.contains("driftless_intake_delayed_total{cause=\"author_statements\"} 1"), "{page}");
    assert!(page.contains("driftless_authors_over_rate 1"), "{page}");
    assert!(!page.contains(&author.to_string()), "no label holds an author");
    // A service's own write is not held to it, and the author gets in again when its time has come.
    world.put("shop/own", "2").await;
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        let again = submit(&world, second).await;
        if again.status == 200 {
            break;
        }
        assert_eq!(again.status, 429, "{}", again.text());
        assert!(Instant::now() < deadline, "never let in");
    }
}
