//! Questions about statements and entries. Reading changes nothing, and a scope that is not held is said, never shown empty.

pub(super) mod audit;
mod pending;
pub(super) mod preview;
pub(super) mod standing;

use std::collections::BTreeMap;
use std::sync::Arc;

use driftless_statement::{Hlc, Path, Prefix, PublicKey, Scope, Statement, StatementId, Step, Tree, Verified};

use super::Machine;
use super::outcome::{Conflicted, Explained, Fate, Told, WriteRefused};
use super::scope::Out;
use crate::fold;

/// The scope asked about is not held here.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("scope {scope} is not held by this node; ask one that holds it")]
pub struct NotHeld {
    /// The scope.
    pub scope: Scope,
    /// Nodes that may hold it.
    pub held_by: Vec<PublicKey>,
}

impl From<NotHeld> for WriteRefused {
    fn from(NotHeld { scope, held_by }: NotHeld) -> Self {
        Self::NotHeld { scope, held_by }
    }
}

/// Where a page of statements ends: the next one begins before it.
pub type Before = Option<(Hlc, StatementId)>;

impl Machine {
    pub(super) fn must_hold(&self, scope: &Scope) -> Result<(), NotHeld> {
        if self.holds(scope) {
            return Ok(());
        }
        Err(NotHeld { scope: scope.clone(), held_by: self.held_by(scope) })
    }

    /// Nodes that may hold a scope.
    pub fn held_by(&self, scope: &Scope) -> Vec<PublicKey> {
        let Some(trust) = &self.trust else { return Vec::new() };
        trust.members().filter(|(_, member)| member.may_hold(scope)).map(|(key, _)| *key).collect()
    }

    /// What became of a statement.
    pub(super) fn fate(&self, statement: &Verified) -> Fate {
        let id = statement.id();
        let Some(room) = self.scopes.get(&statement.statement().scope) else { return Fate::Storing };
        if !room.summary.contains(&id) {
            let aside = self.trust.as_ref().filter(|_| room.aside.contains(&id));
            return aside.and_then(|trust| self.log.refusal(&id, trust)).map_or(Fate::Storing, Fate::Void);
        }
        match (room.why_out(&id), room.fold.fate(&id)) {
            (Some(Out::NotDue), _) => Fate::NotDue,
            (Some(Out::Refused(refusal)), _) if refusal.is_pending() => Fate::Pending((**refusal).clone()),
            (Some(Out::Refused(refusal)), _) => Fate::Void((**refusal).clone()),
            (None, Some(fold::Fate::Unfit { path, breach })) => Fate::Unfit { path, breach },
            (None, Some(fold::Fate::Fit { .. }) | None) => Fate::Fit,
        }
    }

    pub(super) fn told(&self, statement: &Arc<Verified>) -> Told {
        let room = self.scopes.get(&statement.statement().scope);
        let skipped = match room.and_then(|room| room.fold.fate(&statement.id())) {
            Some(fold::Fate::Fit { skipped }) => {
                skipped.into_iter().map(|skipped| (skipped.path, skipped.edit, skipped.why)).collect()
            }
            Some(fold::Fate::Unfit { .. }) | None => Vec::new(),
        };
        Told { fate: self.fate(statement), statement: statement.clone(), skipped }
    }

    /// One statement by id.
    pub fn statement(&self, id: &StatementId) -> Option<Told> {
        self.log.get(id).map(|statement| self.told(statement))
    }

    /// Statements of one scope, or of all, latest first.
    pub fn statements(&self, scope: Option<&Scope>, before: Before, limit: usize) -> Vec<Told> {
        self.statements_that(scope, before, limit, |_| true)
    }

    /// The same of those statements alone that pass a test.
    pub fn statements_that(
        &self,
        scope: Option<&Scope>,
        before: Before,
        limit: usize,
        pass: impl Fn(&Statement) -> bool,
    ) -> Vec<Told> {
        let scopes: Vec<&Scope> = self.scopes.keys().filter(|held| scope.is_none_or(|scope| scope == *held)).collect();
        let all = scopes.into_iter().flat_map(|scope| self.log.scope(scope));
        self.page(all.filter(|statement| pass(statement.statement())), before, limit)
    }

    /// Statements about one entry, latest first.
    pub fn history(&self, path: &Path, before: Before, limit: usize) -> Result<Vec<Told>, NotHeld> {
        self.must_hold(&path.scope())?;
        Ok(self.page(self.about(path), before, limit))
    }

    fn about<'a>(&'a self, path: &'a Path) -> impl Iterator<Item = &'a Arc<Verified>> {
        let scope = path.scope();
        let statements = self.log.scope(&scope).collect::<Vec<_>>();
        statements.into_iter().filter(|statement| statement.statement().bases_of(path).is_some())
    }

    fn page<'a>(&self, all: impl Iterator<Item = &'a Arc<Verified>>, before: Before, limit: usize) -> Vec<Told> {
        let mut list: Vec<&Arc<Verified>> =
            all.filter(|statement| before.is_none_or(|before| statement.key() < before)).collect();
        list.sort_unstable_by_key(|statement| std::cmp::Reverse(statement.key()));
        list.into_iter().take(limit).map(|statement| self.told(statement)).collect()
    }

    /// Why an entry reads as it does; `None`: nothing was ever said about it.
    pub fn explain(&self, path: &Path) -> Result<Option<Explained>, NotHeld> {
        self.must_hold(&path.scope())?;
        let Some(room) = self.scopes.get(&path.scope()) else { return Ok(None) };
        let explanation = room.fold.explain(path);
        let entry = room.fold.entry(path);
        let kept_out: Vec<Told> =
            self.page(self.about(path), None, usize::MAX).into_iter().filter(|told| told.fate != Fate::Fit).collect();
        if entry.is_none() && kept_out.is_empty() {
            return Ok(None);
        }
        let tree = entry.and_then(|entry| entry.tree());
        let winners: Vec<_> = explanation
            .into_iter()
            .flat_map(|explanation| explanation.leaves)
            .filter_map(|leaf| {
                let by = self.log.get(&leaf.winner)?.clone();
                Some((pointer_text(tree, &leaf.at), leaf.value, by))
            })
            .collect();
        let conflicts = self.conflicts_of(path);
        let losers = conflicts.iter().map(|conflict| &conflict.loser.0);
        let shown = winners.iter().map(|(_, _, by)| by).chain(losers);
        let all = shown.chain(kept_out.iter().map(|told| &told.statement));
        let chains: BTreeMap<_, _> = all.map(|by| (by.id(), self.chain(by))).collect();
        let approvals = self.approvals_of(chains.iter().flat_map(|(id, chain)| chain.iter().chain([id])));
        Ok(Some(Explained {
            merged: tree.map(Tree::to_value),
            effective: self.view.get(path).and_then(|entry| entry.value()).map(Arc::new),
            heads: entry.map(|entry| entry.heads().to_vec()).unwrap_or_default(),
            winners,
            conflicts,
            kept_out,
            chains,
            approvals,
        }))
    }

    /// The statement's grant and the grants above it, up to genesis.
    pub(super) fn chain(&self, statement: &Verified) -> Vec<StatementId> {
        let grant = statement.statement().grant;
        self.settled.as_ref().map(|trust| trust.chain(&grant)).unwrap_or_default()
    }

    fn conflicts_of(&self, path: &Path) -> Vec<Conflicted> {
        let room = self.scopes.get(&path.scope());
        let Some(entry) = room.and_then(|room| room.fold.entry(path)) else { return Vec::new() };
        let conflicts = entry.conflicts();
        conflicts
            .into_iter()
            .filter_map(|conflict| {
                let side = |side: &fold::Side| Some((self.log.get(&side.statement)?.clone(), side.edit));
                let (left, right) = (side(&conflict.left)?, side(&conflict.right)?);
                let (winner, loser) = if left.0.key() > right.0.key() { (left, right) } else { (right, left) };
                let pointer = pointer_text(entry.tree(), conflict.at());
                Some(Conflicted { path: path.clone(), at: conflict.at().clone(), pointer, winner, loser })
            })
            .collect()
    }

    /// Open conflicts under a prefix, at most `limit`, and how many there are.
    pub fn conflicts(&self, prefix: &Prefix, limit: usize) -> (Vec<Conflicted>, u64) {
        let mut list = Vec::new();
        let mut total = 0u64;
        for room in self.scopes.values() {
            for (path, entry) in room.fold.contested().filter(|(path, _)| prefix.covers(path)) {
                total += entry.listed_conflicts() as u64 + entry.unlisted_conflicts();
                if list.len() < limit && entry.listed_conflicts() > 0 {
                    list.extend(self.conflicts_of(path));
                }
            }
        }
        list.truncate(limit);
        (list, total)
    }
}

/// A pointer as RFC 6901 text: elements as their index in the merged value, by name when they are gone.
fn pointer_text(tree: Option<&Tree>, steps: &[Step]) -> String {
    let mut text = String::new();
    let mut here = tree;
    for step in steps {
        text.push('/');
        match step {
            Step::Key(key) => {
                text.push_str(&key.replace('~', "~0").replace('/', "~1"));
                here = match here {
                    Some(Tree::Map(entries)) => entries.get(key),
                    _ => None,
                };
            }
            Step::Element(element) => {
                let id = element.resolve(StatementId::NONE);
                let found = match here {
                    Some(Tree::List(items)) => items.iter().enumerate().find(|(_, (found, _))| *found == id),
                    _ => None,
                };
                match found {
                    Some((index, _)) => text.push_str(&index.to_string()),
                    None => text.push_str(&format!("{}:{}:{}", id.statement.short(), id.edit, id.ordinal)),
                }
                here = found.map(|(_, (_, tree))| tree);
            }
        }
    }
    text
}

/// Statements of a scope by fate, and the reasons of those that are not fit.
pub(super) fn count_fates(
    machine: &Machine,
    scope: &Scope,
) -> (BTreeMap<&'static str, u64>, BTreeMap<&'static str, u64>) {
    let (mut fates, mut reasons): (BTreeMap<_, u64>, BTreeMap<_, u64>) = Default::default();
    let Some(room) = machine.scopes.get(scope) else { return (fates, reasons) };
    let mut count = |fate, reason: Option<&'static str>, count| {
        *fates.entry(fate).or_default() += count;
        reason.into_iter().for_each(|reason| *reasons.entry(reason).or_default() += count);
    };
    let fate = |(_, out): &(StatementId, Out)| match out {
        Out::NotDue => ("not_due", None),
        Out::Refused(refusal) if refusal.is_pending() => ("pending", Some(refusal.word())),
        Out::Refused(refusal) => ("void", Some(refusal.word())),
    };
    let mut out = room.out.len() as u64;
    room.out
        .tally(|one| Some(fate(one)))
        .into_iter()
        .for_each(|((fate, reason), so_many)| count(fate, reason, so_many));
    for breach in room.fold.unfit() {
        out += 1;
        count("unfit", Some(breach.word()), 1);
    }
    let word = |id: &StatementId| Some(machine.log.refusal(id, machine.trust.as_ref()?)?.word());
    room.aside.tally(word).into_iter().for_each(|(reason, so_many)| count("void", Some(reason), so_many));
    fates.insert("fit", room.summary.count().saturating_sub(out));
    (fates, reasons)
}
