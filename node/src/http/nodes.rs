//! The mesh as this node sees it, in the shapes of the API: pure functions, nothing decided here.

use driftless_client::api;
use driftless_core::beacon::{Health, NodeState, Picture, State};
use driftless_core::machine::{ScopeState, Standing, StatusTold};

use super::tell;

/// What the core tells of the mesh in one go.
pub struct Seen {
    /// Totals.
    pub picture: Picture,
    /// Every other expected node.
    pub nodes: Vec<NodeState>,
    /// This node.
    pub own: StatusTold,
}

/// How far this node is from each other one. `name` is this node's.
pub fn divergence(seen: &Seen, standing: &Standing, name: &str, now_ms: u64) -> api::Divergence {
    let picture = &seen.picture;
    let count = |others: usize| u32::try_from(others).unwrap_or(u32::MAX).saturating_add(1);
    let mut nodes = vec![own_row(seen, standing, name)];
    nodes.extend(seen.nodes.iter().map(|node| row(node, &seen.own.scopes, now_ms)));
    api::Divergence {
        node: seen.own.node,
        ratio: picture.ratio_millionths() as f64 / 1_000_000.0,
        age_seconds: picture.age_ms / 1000,
        expected: count(picture.expected),
        heard: count(picture.heard),
        silent: u32::try_from(picture.silent).unwrap_or(u32::MAX),
        alarm: !picture.alarms.is_empty(),
        nodes,
    }
}

fn own_row(seen: &Seen, standing: &Standing, name: &str) -> api::NodeRow {
    api::NodeRow {
        node: seen.own.node,
        name: name.to_owned(),
        this: true,
        state: "in_sync".to_owned(),
        since_seconds: 0,
        heard_seconds: Some(0),
        lag_ms: seen.picture.lag_ms,
        fold_version: seen.own.fold_version,
        peers: u32::try_from(seen.own.peers.len()).unwrap_or(u32::MAX),
        health: tell::health(standing, &tell::Troubles::of(&seen.own)),
        scopes: seen.own.scopes.iter().map(tell::scope_row).collect(),
    }
}

/// The word for a node's state over all scopes that both hold, and since when it is so.
fn state(node: &NodeState) -> (&'static str, Option<u64>) {
    if node.silent {
        return ("silent", node.heard_ms);
    }
    let since =
        |wanted: State| node.scopes.iter().filter(move |scope| scope.state == wanted).map(|scope| scope.since_ms);
    if let Some(since) = since(State::Differs).min() {
        ("differs", Some(since))
    } else if let Some(since) = since(State::Unknown).min() {
        ("unknown", Some(since))
    } else if let Some(since) = since(State::InSync).max() {
        ("in_sync", Some(since))
    } else {
        ("unknown", node.heard_ms)
    }
}

fn row(node: &NodeState, own: &[ScopeState], now_ms: u64) -> api::NodeRow {
    let ago = |at: u64| now_ms.saturating_sub(at) / 1000;
    let (state, since) = state(node);
    api::NodeRow {
        node: node.node,
        name: node.name.clone(),
        this: false,
        state: state.to_owned(),
        since_seconds: since.map_or(0, ago),
        heard_seconds: node.heard_ms.map(ago),
        lag_ms: node.lag_ms,
        fold_version: node.fold_version,
        peers: u32::try_from(node.peers).unwrap_or(u32::MAX),
        health: health(node.health),
        scopes: node.scopes.iter().map(|scope| scope_row(scope, own)).collect(),
    }
}

fn health(health: Health) -> Vec<String> {
    let words = [
        ("read_only", Health::READ_ONLY),
        ("own_branch_forked", Health::OWN_BRANCH),
        ("too_old", Health::TOO_OLD),
        ("clock", Health::CLOCK),
        ("stale_peers", Health::STALE_PEERS),
        ("secrets_unopenable", Health::UNOPENABLE),
    ];
    words.into_iter().filter(|(_, bit)| health.has(*bit)).map(|(word, _)| word.to_owned()).collect()
}

/// Another node's scope. Its digests are known only as far as they equal this node's.
fn scope_row(scope: &driftless_core::beacon::ScopeState, own: &[ScopeState]) -> api::ScopeRow {
    let mine = own.iter().find(|mine| mine.scope == scope.scope);
    let digest = |equal: bool, digest: fn(&ScopeState) -> &[u8; 32]| {
        mine.filter(|_| equal).map(|mine| tell::short(digest(mine))).unwrap_or_default()
    };
    let state = match scope.state {
        State::InSync => "in_sync",
        State::Differs => "differs",
        State::Unknown => "unknown",
    };
    let held = mine.map_or(0, |mine| mine.statements);
    api::ScopeRow {
        scope: scope.scope.clone(),
        state: state.to_owned(),
        statements: held.saturating_sub(scope.behind).saturating_add(scope.ahead),
        set: digest(scope.merged_equal.is_some(), |mine| &mine.set),
        merged: digest(scope.merged_equal == Some(true), |mine| &mine.merged),
        effective: digest(scope.effective_equal == Some(true), |mine| &mine.effective),
    }
}

#[cfg(test)]
mod tests {
    use driftless_statement::{PublicKey, Scope};

    use super::*;

    fn scope(name: &str, state: State, since_ms: u64) -> driftless_core::beacon::ScopeState {
        driftless_core::beacon::ScopeState {
            scope: Scope::parse(name).unwrap(),
            state,
            since_ms,
            at_mark_ms: None,
            merged_equal: None,
            effective_equal: None,
            behind: 2,
            ahead: 1,
            planned: false,
        }
    }

    fn node(scopes: Vec<driftless_core::beacon::ScopeState>) -> NodeState {
        NodeState {
            node: PublicKey([1; 32]),
            name: "one".to_owned(),
            heard_ms: Some(9_000),
            silent: false,
            scopes,
            lag_ms: 7,
            fold_version: 1,
            health: Health::READ_ONLY.with(Health::CLOCK),
            peers: 2,
        }
    }

    #[test]
    fn the_worst_scope_says_how_a_node_is() {
        let (good, bad, open) = (State::InSync, State::Differs, State::Unknown);
        assert_eq!(state(&node(vec![scope("a", good, 3), scope("b", good, 5)])), ("in_sync", Some(5)));
        assert_eq!(state(&node(vec![scope("a", good, 3), scope("b", open, 5)])), ("unknown", Some(5)));
        let differing = node(vec![scope("a", bad, 8), scope("b", bad, 4), scope("c", open, 1)]);
        assert_eq!(state(&differing), ("differs", Some(4)));
        assert_eq!(state(&node(vec![])), ("unknown", Some(9_000)));
        assert_eq!(state(&NodeState { silent: true, ..node(vec![scope("a", good, 1)]) }), ("silent", Some(9_000)));
    }

    #[test]
    fn a_row_counts_seconds_from_now_and_words_for_health() {
        let row = row(&node(vec![scope("a", State::Differs, 4_000)]), &[], 10_000);
        assert_eq!((row.since_seconds, row.heard_seconds, row.lag_ms), (6, Some(1), 7));
        assert_eq!(row.health, ["read_only", "clock"]);
        assert_eq!((row.scopes[0].state.as_str(), row.scopes[0].set.as_str()), ("differs", ""));
    }
}
