//! What a log collector reads: with `--log-format json` every line on standard error is one JSON object.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::mesh::{Mesh, wait};

/// A node's life as an operator sees it: founding, writes, a peer that dies and comes back, a second process refused, an end.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_line_of_a_json_log_is_json() {
    let mut mesh = Mesh::found(2);
    let json = ["--log-format", "json", "--log-level", "debug"];
    for index in 0..2 {
        mesh.start(index, &json);
    }
    mesh.wait_serving().await;
    mesh.put(0, "shop/a", "1").await.unwrap();
    mesh.wait_read(1, "shop/a", "1").await;
    mesh.kill(1);
    mesh.put(0, "shop/b", "\"a\\nb \\u001b[31m\"").await.unwrap();
    mesh.start(1, &json);
    wait("the killed node to catch up", || async { mesh.read(1, "shop/b").await.is_some() }).await;
    mesh.signal(0, "-TERM");
    assert_eq!(mesh.ended(0), Some(0));
    let log = mesh.log(0);
    let mut levels = BTreeMap::<String, usize>::new();
    let mut messages = Vec::new();
    for line in log.lines() {
        let line: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line:?}"));
        let text = |key: &str| line[key].as_str().unwrap_or_else(|| panic!("no text `{key}` in {line}")).to_owned();
        assert!(!text("target").is_empty() && text("timestamp").ends_with('Z'), "{line}");
        *levels.entry(text("level")).or_default() += 1;
        messages.push(text("message"));
    }
    assert!(levels.keys().all(|level| ["TRACE", "DEBUG", "INFO", "WARN", "ERROR"].contains(&level.as_str())));
    for said in ["ready", "ending", "ended"] {
        assert!(messages.iter().any(|message| message == said), "no {said:?} among {messages:?}");
    }
    crate::figures::say(&format!("json log: {} lines, every one JSON, by level {levels:?}", messages.len()));
}
