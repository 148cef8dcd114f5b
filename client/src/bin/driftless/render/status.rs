//! The nodes of the mesh, as `status` shows them.

use driftless_client::api::{Divergence, Flood, NodeRow, ScopeRow, Status};
use driftless_client::clock;
use serde::Serialize;

use super::{ago, count};
use crate::out::{Ink, Paint};
use crate::table::{Cell, plain, row, shorten, table};

/// Both answers that `status` is made of.
#[derive(Debug, Clone, Serialize)]
pub struct Overview {
    pub status: Status,
    pub divergence: Divergence,
}

/// Summary, nodes, and the scopes of this node.
pub fn overview(paint: Paint, told: &Overview) -> String {
    let scopes: Vec<Vec<Cell>> = told.status.scopes.iter().map(scope_row).collect();
    let nodes: Vec<Vec<Cell>> = told.divergence.nodes.iter().map(node).collect();
    format!(
        "{}\n{}\n{}",
        summary(paint, told),
        table(paint, &["NODE", "KEY", "STATE", "SINCE", "HEARD", "LAG", "PEERS", "DIGESTS", "HEALTH"], &nodes),
        table(paint, &["SCOPE", "STATEMENTS", "SET", "MERGED", "EFFECTIVE"], &scopes)
    )
}

fn summary(paint: Paint, told: &Overview) -> String {
    let (status, divergence) = (&told.status, &told.divergence);
    let agreed = match status.staleness {
        Some(seconds) => format!("agreed with another node {} ago", ago(Some(seconds))),
        None => "never agreed with another node yet".to_owned(),
    };
    let mesh = if status.mesh_name.is_empty() { status.mesh.short() } else { plain(&status.mesh_name) };
    let mut lines = vec![
        format!(
            "Mesh {} ({}), fold version {}",
            paint.ink(Ink::Strong, &mesh),
            status.mesh.short(),
            status.fold_version
        ),
        format!("This node {} ({}) at {}: {agreed}", status.name, status.node.short(), status.revision),
        format!(
            "{}, {}, {}, {} waiting, store {}",
            count(status.entries as usize, "entry", "entries"),
            count(status.conflicts as usize, "conflict", "conflicts"),
            count(status.statements as usize, "statement", "statements"),
            status.waiting,
            bytes(status.store_bytes)
        ),
        nodes_line(paint, divergence),
    ];
    if divergence.alarm {
        let text = "ALARM: equal sets with unequal merged states were seen; this must never happen, report it";
        lines.push(paint.ink(Ink::Bad, text));
    }
    lines.extend(status.floods.iter().flat_map(|flood| flood_lines(paint, flood)));
    if !status.health.is_empty() {
        lines.push(paint.ink(Ink::Warn, &format!("Health of this node: {}", status.health.join(", "))));
    }
    if status.health.iter().any(|word| word == "stale_peers") {
        let text = format!(
            "Stale peers: {} of at least two independent nodes agree with this one. What it serves may be old: compare its \
             digests with another node's, start nodes that are silent, revoke member grants of nodes that are gone",
            status.agreeing
        );
        lines.push(paint.ink(Ink::Bad, &text));
    }
    for ban in &status.bans {
        let (who, ends) = (plain(&ban.who), ago(Some(ban.ends_seconds)));
        lines.push(paint.ink(Ink::Warn, &format!("Banned for {ends} more: {who} ({})", plain(&ban.why))));
    }
    lines.join("\n") + "\n"
}

/// What an author's flood is, and what ends it.
fn flood_lines(paint: Paint, flood: &Flood) -> [String; 2] {
    let (author, since) = (flood.author, plain(&flood.since));
    let head = match flood.now {
        true => {
            format!("ALARM: author {author} is over its intake rate since {since}, delayed {} times", flood.delayed)
        }
        false => format!(
            "Author {author} was over its intake rate from {since} to {}, delayed {} times",
            plain(&flood.last),
            flood.delayed
        ),
    };
    [
        paint.ink(if flood.now { Ink::Bad } else { Ink::Warn }, &head),
        format!("  if its key turned bad: {}", flood.remedy()),
    ]
}

fn nodes_line(paint: Paint, divergence: &Divergence) -> String {
    let share = divergence.ratio * 100.0;
    let differs = if divergence.ratio > 0.0 {
        let since = ago(Some(divergence.age_seconds));
        paint.ink(Ink::Warn, &format!("divergence {share:.0}% for {since}"))
    } else {
        paint.ink(Ink::Good, "divergence 0%")
    };
    format!(
        "Nodes: {} expected, {} heard, {} silent; {differs}",
        divergence.expected, divergence.heard, divergence.silent
    )
}

fn node(node: &NodeRow) -> Vec<Cell> {
    let ink = match node.state.as_str() {
        "in_sync" => Ink::Good,
        "silent" => Ink::Bad,
        _ => Ink::Warn,
    };
    let name = if node.name.is_empty() { "-" } else { &node.name };
    let name = if node.this { format!("{name} (this)") } else { name.to_owned() };
    let heard = if node.this { "-".to_owned() } else { ago(node.heard_seconds) };
    let since = if node.this { "-".to_owned() } else { ago(Some(node.since_seconds)) };
    // A node that was never heard, or not for long, has told no digest.
    let digests: Vec<String> = node.scopes.iter().filter(|scope| !scope.effective.is_empty()).map(digest).collect();
    row![
        name,
        node.node.short(),
        Cell::ink(node.state.replace('_', " "), ink),
        since,
        heard,
        lag(node.lag_ms),
        node.peers.to_string(),
        shorten(&digests.join(" "), 60),
        node.health.join(", ")
    ]
}

fn lag(millis: u64) -> String {
    if millis == 0 { "none".to_owned() } else { clock::span(std::time::Duration::from_millis(millis)) }
}

fn digest(scope: &ScopeRow) -> String {
    format!("{}:{}", scope.scope, start(&scope.effective))
}

/// The first eight digits: enough to see that two differ.
fn start(digest: &str) -> String {
    digest.chars().take(8).collect()
}

fn scope_row(scope: &ScopeRow) -> Vec<Cell> {
    row![
        scope.scope.as_str(),
        scope.statements.to_string(),
        scope.set.as_str(),
        scope.merged.as_str(),
        scope.effective.as_str()
    ]
}

/// Bytes for people.
pub fn bytes(number: u64) -> String {
    match number {
        0..1024 => format!("{number} B"),
        1024..1_048_576 => format!("{} KiB", number / 1024),
        1_048_576..1_073_741_824 => format!("{} MiB", number / 1_048_576),
        _ => format!("{:.1} GiB", number as f64 / 1_073_741_824.0),
    }
}
