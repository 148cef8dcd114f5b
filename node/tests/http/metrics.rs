//! Metrics: the page lists what is there, both text forms are sound, and no stranger can add a series.
#![allow(clippy::print_stderr)]

use std::collections::BTreeSet;
use std::io::Write;
use std::process::{Command, Stdio};

use driftless_node::metrics::{Format, Metrics};
use driftless_node::p2p::{self, P2pConfig};

use crate::support::{Mesh, World, node_key};

const PAGE: &str = include_str!("../../../docs/metrics.md");

/// A row of the page's table.
fn row(name: &str, kind: &str, unit: &str, labels: &str, help: &str) -> String {
    let dash =
        |text: &str| if text.is_empty() { "–".to_owned() } else { format!("`{}`", text.replace(", ", "`, `")) };
    let unit = if unit.is_empty() { "–" } else { unit };
    format!("| `{name}` | {kind} | {unit} | {} | {help} |", dash(labels))
}

/// The families of the network room, as the registry shows them: it describes itself nowhere else.
fn network_rows(text: &str) -> Vec<String> {
    let lines: Vec<&str> = text.lines().collect();
    let families = lines.windows(2).filter_map(|pair| {
        let (name, help) = pair[0].strip_prefix("# HELP ")?.split_once(' ')?;
        let kind = pair[1].strip_prefix("# TYPE ")?.split_once(' ')?.1;
        let unit = if name.ends_with("_bytes_total") { "bytes" } else { "" };
        name.starts_with("driftless_p2p_").then(|| row(name, kind, unit, "", help.trim_end_matches('.')))
    });
    families.collect()
}

#[tokio::test]
async fn the_page_lists_every_family_and_no_other() {
    let metrics = Metrics::default();
    let network =
        metrics.with_registry(|registry| p2p::spawn(P2pConfig::new(Mesh::found().id()), &node_key(), registry));
    let mut rows: Vec<String> = metrics
        .described()
        .iter()
        .map(|family| row(&family.name, family.kind, family.unit, &family.labels.join(", "), family.help))
        .collect();
    rows.extend(network_rows(&metrics.render(Format::Classic)));
    drop(network);
    assert!(rows.len() > 50, "{}", rows.len());
    let wanted: BTreeSet<&str> = rows.iter().map(String::as_str).collect();
    let listed: BTreeSet<&str> = PAGE.lines().filter(|line| line.starts_with("| `driftless_")).collect();
    let missing: Vec<_> = wanted.difference(&listed).collect();
    let stray: Vec<_> = listed.difference(&wanted).collect();
    assert!(missing.is_empty() && stray.is_empty(), "missing:\n{missing:#?}\nstray:\n{stray:#?}");
}

#[test]
fn every_metric_in_the_alert_rules_exists() {
    let rules = include_str!("../../../contrib/prometheus/driftless.rules.yml");
    let metrics = Metrics::default();
    let known: BTreeSet<String> = metrics.described().iter().map(|family| family.name.clone()).collect();
    let mut seen = 0;
    for line in rules.lines().filter(|line| line.trim_start().starts_with("expr:")) {
        for word in line.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_')) {
            if let Some(word) = word.starts_with("driftless_").then_some(word) {
                let name = word.strip_suffix("_bucket").unwrap_or(word);
                assert!(known.contains(name), "{word} in: {line}");
                seen += 1;
            }
        }
    }
    assert!(seen > 25, "{seen}");
}

/// Every family with a series, through a node that did something.
async fn busy_world() -> World {
    let world = World::start().await;
    world.put("shop/limits", r#"{"max":7}"#).await;
    world.get("/v1/config/shop/limits").await;
    world.get("/v1/config/shop/nothing").await;
    world.get("/v1/status").await;
    world.metrics.committed(std::time::Duration::from_millis(3), 2, 100, 4096);
    world.metrics.commit_failed();
    world.metrics.network_queue_full();
    world.metrics.effective(Some(1200), 30);
    world
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn both_forms_are_what_their_readers_expect() {
    let world = busy_world().await;
    let accept = [("accept", "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5")];
    let open = world.ask("GET", "/metrics", &accept, "").await;
    assert!(open.header("content-type").unwrap().starts_with("application/openmetrics-text"));
    assert!(open.text().ends_with("# EOF\n") && open.text().contains("# UNIT driftless_commit_seconds seconds\n"));
    let classic = world.get("/metrics").await;
    assert_eq!(classic.header("content-type"), Some("text/plain; version=0.0.4; charset=utf-8"));
    let text = classic.text();
    assert!(!text.contains("# EOF") && !text.contains("# UNIT"));
    for line in [
        "# TYPE driftless_http_requests_total counter",
        "driftless_http_requests_total{route=\"/v1/config/{path}\",method=\"GET\",status=\"4xx\"} 1",
        "driftless_commits_total{outcome=\"failed\"} 1",
        "# TYPE driftless_build_info gauge",
        "driftless_local_edits_total{outcome=\"stored\",reason=\"none\"} 1",
        "driftless_ready 1",
    ] {
        assert!(text.lines().any(|found| found == line), "{line} in:\n{text}");
    }
    promtool(&text);
}

/// Has Prometheus' own tool read the text, where it is installed (as in CI).
fn promtool(text: &str) {
    let tool = Command::new("promtool").args(["check", "metrics"]).stdin(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let Ok(mut tool) = tool else {
        eprintln!("promtool is not installed: the classic text was not read by it");
        return;
    };
    tool.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    let output = tool.wait_with_output().unwrap();
    assert!(output.status.success(), "{}\n{text}", String::from_utf8_lossy(&output.stderr));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn strangers_add_no_series() {
    let world = busy_world().await;
    let series = |text: &str| text.lines().filter(|line| !line.starts_with('#')).count();
    for round in 0..2 {
        for index in 0..100 {
            let target = format!("/v1/config/shop/stranger-{round}-{index}");
            world.get(&target).await;
            world.ask(&format!("METHOD{round}{index}"), &target, &[], "").await;
            world.get(&format!("/{round}/{index}")).await;
        }
        if round == 0 {
            continue;
        }
        // The first scrape adds its own route.
        world.get("/metrics").await;
        let before = series(&world.get("/metrics").await.text());
        world.get("/v1/config/shop/one-more").await;
        world.ask("METHODX", "/v1/config/shop/one-more", &[], "").await;
        assert_eq!(series(&world.get("/metrics").await.text()), before);
        assert!(before < 600, "{before}");
    }
}
