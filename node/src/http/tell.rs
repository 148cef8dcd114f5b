//! The core's answers in the shapes of the API: pure functions, nothing decided here.

use std::collections::BTreeMap;

use driftless_client::api;
use driftless_client::clock::rfc3339_millis as rfc3339;
use driftless_client::readable;
use driftless_core::beacon::Health;
use driftless_core::machine::{
    Approval, AuthorTold, ChangeReach, Conflicted, EntryTurn, EpochTold, Explained, Flood, GrantTold, MergedAnswer,
    PendingTold, Preview, RevocationTold, ScopeState, Standing, StatusTold, Told,
};
use driftless_core::trust::Held;
use driftless_statement::id::hex;
use driftless_statement::schema::Rule;
use driftless_statement::{Body, ElementId, Path, PublicKey, Scope, StatementId, Tree, Verified};

use crate::door::Ban;
use crate::metrics::words;

/// Names of nodes, as far as they are known.
pub type Names = BTreeMap<PublicKey, String>;

/// The first 16 digits of a digest.
pub fn short(digest: &[u8; 32]) -> String {
    hex(digest.first_chunk::<8>().map_or(&[][..], |half| half))
}

/// A statement in words, and what became of it.
pub fn statement(told: &Told) -> api::StatementInfo {
    api::StatementInfo {
        fate: words::of_fate(&told.fate).to_owned(),
        reason: words::why_of_fate(&told.fate),
        skipped: told.skipped.iter().map(|(path, index, why)| format!("{path}: edit {index}: {why}")).collect(),
        ..readable::statement(&told.statement)
    }
}

/// The edit of an entry that a conflict is about.
fn side(path: &Path, (statement, index): &(std::sync::Arc<Verified>, u32)) -> api::ConflictSide {
    let said = statement.statement();
    let edits = match &said.body {
        Body::Write(write) => {
            let at = said.touches.iter().position(|touch| touch.path == *path);
            at.and_then(|at| write.edits.get(at)).map_or(&[][..], Vec::as_slice)
        }
        Body::Genesis(_)
        | Body::Grant(_)
        | Body::Approve(_)
        | Body::Revoke(_)
        | Body::Accept(_)
        | Body::Rotate(_)
        | Body::Unknown { .. } => &[],
    };
    let words = usize::try_from(*index).ok().and_then(|index| edits.get(index)).map(readable::edit).unwrap_or_default();
    api::ConflictSide { id: statement.id(), author: said.author, time: rfc3339(said.hlc.millis()), edit: words }
}

/// A conflict.
pub fn conflict(conflict: &Conflicted) -> api::ConflictInfo {
    api::ConflictInfo {
        path: conflict.path.clone(),
        pointer: conflict.pointer.clone(),
        winner: side(&conflict.path, &conflict.winner),
        loser: side(&conflict.path, &conflict.loser),
    }
}

/// A tree with the names of its elements.
pub fn tree(tree: &Tree) -> api::TreeJson {
    match tree {
        Tree::Leaf(value) => api::TreeJson::Leaf(value.clone()),
        Tree::Counter(sum) => api::TreeJson::Counter(*sum),
        Tree::List(items) => {
            api::TreeJson::List(items.iter().map(|(id, item)| (element_name(id), self::tree(item))).collect())
        }
        Tree::Map(entries) => {
            api::TreeJson::Map(entries.iter().map(|(key, item)| (key.clone(), self::tree(item))).collect())
        }
    }
}

fn element_name(id: &ElementId) -> String {
    format!("{}:{}:{}", id.statement, id.edit, id.ordinal)
}

/// What a signer needs.
pub fn merged(path: &Path, answer: &MergedAnswer) -> api::Merged {
    api::Merged {
        path: path.clone(),
        mesh: answer.mesh,
        heads: answer.heads.clone(),
        etag: answer.etag.clone(),
        tree: answer.tree.as_ref().map(tree),
        after: answer.after,
        schemas: answer.schemas.iter().map(schema).collect(),
        prev: answer.prev.clone(),
        grant: answer.grant,
    }
}

fn schema((path, rule): &(Path, std::sync::Arc<Rule>)) -> api::Schema {
    api::Schema { path: path.clone(), value: rule.to_value() }
}

/// Why an entry reads as it does.
pub fn explanation(path: &Path, told: &Explained) -> api::Explanation {
    let winners = told.winners.iter().map(|(pointer, value, by)| api::Winner {
        pointer: pointer.clone(),
        value: value.clone(),
        id: by.id(),
        author: by.statement().author,
        time: rfc3339(by.statement().hlc.millis()),
    });
    api::Explanation {
        path: path.clone(),
        merged: told.merged.clone(),
        effective: told.effective.as_deref().cloned(),
        heads: told.heads.clone(),
        winners: winners.collect(),
        conflicts: told.conflicts.iter().map(conflict).collect(),
        kept_out: told.kept_out.iter().map(statement).collect(),
        chains: told.chains.clone(),
        approvals: told.approvals.iter().map(|(id, list)| (*id, list.iter().map(approval).collect())).collect(),
    }
}

/// An approval.
pub fn approval(approval: &Approval) -> api::Approval {
    api::Approval {
        id: approval.id,
        key: approval.key,
        time: rfc3339(approval.hlc.millis()),
        fate: words::of_fate(&approval.fate).to_owned(),
    }
}

/// How far one change got.
pub fn change(reach: &ChangeReach, names: &Names, now_ms: u64) -> api::Change {
    let row = |node: &PublicKey, since_ms: u64, why: &str| api::Reach {
        node: *node,
        name: names.get(node).cloned().unwrap_or_default(),
        since_seconds: now_ms.saturating_sub(since_ms) / 1000,
        why: why.to_owned(),
    };
    api::Change {
        statement: statement(&reach.told),
        has: reach.has.iter().map(|(node, since)| row(node, *since, "")).collect(),
        lacks: reach.lacks.iter().map(|(node, since, why)| row(node, *since, why)).collect(),
        unknown: reach.unknown.iter().map(|(node, since, why)| row(node, *since, why)).collect(),
        expected: reach.expected,
    }
}

/// A grant.
pub fn grant(told: &GrantTold) -> api::GrantInfo {
    api::GrantInfo::of(&told.standing, told.chain.clone(), told.struck_by.clone())
}

/// An epoch.
pub fn epoch(told: &EpochTold) -> api::EpochInfo {
    api::EpochInfo {
        id: told.id,
        roots: told.roots.clone(),
        threshold: told.threshold,
        ended_by: told.ended_by.clone(),
        heads: told.heads.clone(),
    }
}

/// What waits for signatures or approvals.
pub fn pending(told: &PendingTold) -> api::PendingInfo {
    api::PendingInfo { statement: statement(&told.told), wanted: told.wanted.iter().map(api::WantedInfo::of).collect() }
}

/// A revocation.
pub fn revocation(told: &RevocationTold) -> api::RevocationInfo {
    api::RevocationInfo::of(&told.revocation, told.strikes.clone())
}

/// What a key has said.
pub fn author(key: PublicKey, told: &[AuthorTold], held: Held) -> api::Author {
    let time = |hlc: Option<driftless_statement::Hlc>| hlc.map(|hlc| rfc3339(hlc.millis()));
    let scope = |told: &AuthorTold| api::AuthorScope {
        scope: told.scope.clone(),
        heads: told.heads.clone(),
        kept: told.kept,
        left_out: told.left_out,
        first: time(told.first),
        last: time(told.last),
    };
    let only = match held {
        Held::All => None,
        Held::These(scopes) => Some(std::iter::once(Scope::mesh()).chain(scopes).collect()),
    };
    api::Author { key, scopes: told.iter().map(scope).collect(), only }
}

/// What acts would change.
pub fn preview(preview: Preview) -> api::Preview {
    let by_scope = |counts: BTreeMap<driftless_statement::Scope, u64>| {
        counts.into_iter().map(|(scope, count)| (scope.to_string(), count)).collect()
    };
    let turn = |EntryTurn { path, now, then }| api::EntryTurn { path, now, then };
    api::Preview {
        refused: preview.refused.iter().map(|refusal| refusal.as_ref().map(ToString::to_string)).collect(),
        voided: by_scope(preview.voided),
        restored: by_scope(preview.restored),
        entries: preview.entries.into_iter().map(turn).collect(),
        members_lost: preview.members_lost,
        members_won: preview.members_won,
        revocations_lost: preview.revocations_lost,
    }
}

/// A scope of this node.
pub fn scope_row(state: &ScopeState) -> api::ScopeRow {
    api::ScopeRow {
        scope: state.scope.clone(),
        state: "in_sync".to_owned(),
        statements: state.statements,
        set: short(&state.set),
        merged: short(&state.merged),
        effective: short(&state.effective),
    }
}

/// Floods that `status` names.
const FLOODS: usize = 16;

/// What may be wrong with a node besides how it stands.
#[derive(Debug, Clone, Copy, Default)]
pub struct Troubles {
    /// Own branches beyond the first.
    pub own_forks: u64,
    /// Whether two rotations ended the same epoch.
    pub epochs_forked: bool,
    /// Authors that are over their intake rate now.
    pub authors_over_rate: usize,
    /// What its beacons say.
    pub said: Health,
}

impl Troubles {
    /// As the core tells them.
    pub fn of(told: &StatusTold) -> Self {
        Self {
            own_forks: told.own_forks,
            epochs_forked: told.epochs_forked,
            authors_over_rate: told.floods.iter().filter(|flood| flood.now).count(),
            said: told.health,
        }
    }
}

/// An author that is or was over its intake rate.
fn flood(flood: &Flood) -> api::Flood {
    api::Flood {
        author: flood.author,
        since: rfc3339(flood.since_ms),
        last: rfc3339(flood.last_ms),
        delayed: flood.delayed,
        now: flood.now,
    }
}

/// Words for what is wrong with this node; none when it is well.
pub fn health(standing: &Standing, told: &Troubles) -> Vec<String> {
    let words = [
        ("not_ready", !standing.ready),
        ("read_only", standing.read_only.is_some()),
        ("isolated", standing.isolated),
        ("stale_peers", standing.stale_peers),
        ("own_branch_forked", told.own_forks > 0),
        ("epochs_forked", told.epochs_forked),
        ("author_over_rate", told.authors_over_rate > 0),
        ("secrets_unopenable", told.said.has(Health::UNOPENABLE)),
    ];
    words.into_iter().filter(|(_, holds)| *holds).map(|(word, _)| word.to_owned()).collect()
}

/// What the shell knows about this node beside what the core tells.
pub struct Shell<'a> {
    /// The node's name.
    pub name: &'a str,
    /// The recipient of what is sealed to the node.
    pub recipient: &'a str,
    /// The present revision.
    pub revision: String,
    /// Entries with an effective value.
    pub entries: u64,
    /// How the node stands.
    pub standing: &'a Standing,
    /// Bytes of the store.
    pub store_bytes: u64,
    /// Seconds since it agreed with another node.
    pub staleness: Option<u64>,
    /// Who is banned now.
    pub bans: Vec<api::Banned>,
}

/// The bans that hold now.
pub fn bans(bans: &[Ban], now_ms: u64) -> Vec<api::Banned> {
    let told = |ban: &Ban| api::Banned {
        who: ban.who.clone(),
        why: ban.why.to_owned(),
        ends_seconds: ban.until_ms.saturating_sub(now_ms).div_ceil(1_000),
    };
    bans.iter().filter(|ban| ban.holds(now_ms)).map(told).collect()
}

/// This node.
pub fn status(told: &StatusTold, shell: &Shell<'_>) -> api::Status {
    api::Status {
        node: told.node,
        name: shell.name.to_owned(),
        mesh: told.mesh,
        mesh_name: told.mesh_name.clone(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        fold_version: told.fold_version,
        revision: shell.revision.clone(),
        recipient: shell.recipient.to_owned(),
        peers: told.peers.clone(),
        statements: told.statements,
        waiting: told.waiting,
        entries: shell.entries,
        conflicts: told.scopes.iter().map(|scope| scope.conflicts).sum(),
        scopes: told.scopes.iter().map(scope_row).collect(),
        health: health(shell.standing, &Troubles::of(told)),
        floods: told.floods.iter().take(FLOODS).map(flood).collect(),
        store_bytes: shell.store_bytes,
        staleness: shell.staleness,
        agreeing: shell.standing.agreeing,
        bans: shell.bans.clone(),
    }
}

/// A page of statements, when one more than asked for was read to see whether there is a next page.
pub fn page(mut told: Vec<Told>, limit: usize) -> api::History {
    let more = told.len() > limit;
    told.truncate(limit);
    let next = told.last().filter(|_| more).map(|last| super::target::cursor_text(&last.statement.key()));
    api::History { statements: told.iter().map(statement).collect(), next }
}

/// The id of genesis, which is the mesh's.
pub fn genesis_id(mesh: driftless_statement::MeshId) -> StatementId {
    StatementId(mesh.0)
}

#[cfg(test)]
mod tests {
    use driftless_statement::Value;

    use super::*;

    #[test]
    fn a_tree_keeps_its_names() {
        let id = ElementId { statement: StatementId([1; 32]), edit: 0, ordinal: 3 };
        let tree = Tree::Map(BTreeMap::from([
            ("count".to_owned(), Tree::Counter(4)),
            ("list".to_owned(), Tree::List(vec![(id, Tree::Leaf(Value::Int(1)))])),
        ]));
        let json = serde_json::to_value(super::tree(&tree)).unwrap();
        let name = format!("{}:0:3", "01".repeat(32));
        assert_eq!(
            json,
            serde_json::json!({"map": {"count": {"counter": 4}, "list": {"list": [[name, {"leaf": 1}]]}}})
        );
    }

    #[test]
    fn health_is_empty_when_well() {
        let well = Standing { ready: true, ..Standing::default() };
        assert!(health(&well, &Troubles::default()).is_empty());
        let full = Some("full".to_owned());
        let ill = Standing { isolated: true, stale_peers: true, read_only: full, ..Standing::default() };
        let told = Troubles { own_forks: 2, epochs_forked: true, authors_over_rate: 1, said: Health::UNOPENABLE };
        let words = ["not_ready", "read_only", "isolated", "stale_peers", "own_branch_forked", "epochs_forked"];
        assert_eq!(health(&ill, &told), [words.as_slice(), &["author_over_rate", "secrets_unopenable"]].concat());
    }

    #[test]
    fn a_ban_is_told_until_it_ends() {
        let ban = Ban { who: "198.51.100.7".to_owned(), why: "noise", until_ms: 61_000 };
        assert_eq!(bans(std::slice::from_ref(&ban), 1_500).first().map(|told| told.ends_seconds), Some(60));
        assert!(bans(&[ban], 61_000).is_empty());
    }
}
