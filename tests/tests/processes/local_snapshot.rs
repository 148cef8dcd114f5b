//! The Rust client's local snapshot beside a real node that is killed and comes back.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use driftless_client::Config;
use driftless_client::config::Options;

use crate::mesh::{Mesh, wait};

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn reads_go_on_while_the_node_is_killed_and_never_see_an_emptied_state() {
    let mut mesh = Mesh::running(2).await;
    for number in 0..50 {
        mesh.put(0, &format!("shop/e{number}"), &number.to_string()).await.unwrap();
    }
    let endpoint = mesh.client(0).endpoint().clone();
    let config = Config::open(endpoint.clone(), &["shop", "shop/e1", "web/"]).await.unwrap();
    assert_eq!(config.snapshot().len(), 50);
    let handle = config.handle::<u32>("shop/e7").unwrap();
    let stop = Arc::new(AtomicBool::new(false));
    let reading = {
        let (config, stop, mut reader) = (config.clone(), stop.clone(), handle.reader());
        std::thread::spawn(move || {
            let mut reads = 0u64;
            while !stop.load(Ordering::Relaxed) {
                assert!(config.snapshot().len() >= 50, "a reader saw a part of the state");
                assert!(reader.get().is_some_and(|value| *value == 7 || *value == 700));
                reads += 1;
            }
            reads
        })
    };
    mesh.kill(0);
    wait("the client to notice", || async { !config.connected() }).await;
    assert_eq!(config.get::<u32>("shop/e49").unwrap(), Some(49));
    mesh.put(1, "shop/e7", "700").await.unwrap();
    mesh.put(1, "shop/new", "1").await.unwrap();
    mesh.start(0, &[]);
    wait("the change to come", || async { handle.get().is_some_and(|value| *value == 700) }).await;
    wait("the new entry to come", || async { config.value("shop/new").is_some() }).await;
    wait("every prefix to be followed again", || async { config.connected() }).await;
    stop.store(true, Ordering::Relaxed);
    assert!(reading.join().unwrap() > 1000);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_starts_from_its_last_known_file_while_the_node_is_away() {
    let mut mesh = Mesh::running(1).await;
    mesh.put(0, "shop/limits", r#"{"max":3}"#).await.unwrap();
    let endpoint = mesh.client(0).endpoint().clone();
    let file = mesh.home.path().join("last-known.json");
    let options = || Options::new(endpoint.clone()).prefix("shop").cache(&file);
    let config = options().open().await.unwrap();
    wait("the file to be written", || async { file.exists() }).await;
    drop(config);
    mesh.kill(0);
    let config = options().deadline(std::time::Duration::from_millis(100)).open().await.unwrap();
    assert_eq!(config.raw("shop/limits").as_deref(), Some(r#"{"max":3}"#));
    assert!(!config.connected());
    mesh.start(0, &[]);
    wait("the node to answer", || async { config.connected() }).await;
    mesh.put(0, "shop/limits", r#"{"max":4}"#).await.unwrap();
    wait("the change to come", || async { config.raw("shop/limits").as_deref() == Some(r#"{"max":4}"#) }).await;
}
