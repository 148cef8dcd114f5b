//! The fold of one scope: a function of the set of statements given, kept up to date as the set changes.
//!
//! It takes what is authorised and due from its caller, decides fitness, and drives the entries. It knows no trust rule,
//! no clock and no store.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;
use std::sync::Arc;

use driftless_statement::{Hlc, Path, Scope, StatementId, Verified};
use imbl::OrdMap;

use super::conflict::Conflict;
use super::digest::Print;
use super::doc::EngineFailed;
use super::entry::{Entry, Weighed};
use super::fate::{Breach, Change, Fate, Limits, Member, Skipped};
use super::govern::{Book, Governance};
use super::order::{self, Members, Slot, Verdict};
use super::rules::Rules;
use super::warm::WarmList;
use crate::lthash::LtHash;

/// The merged state of one scope. A clone shares everything until one of the two changes.
#[derive(Debug, Clone, Default)]
pub struct ScopeFold {
    rules: Rules,
    /// In the fold of `@mesh`: what its schema entries say, and said.
    pub(super) book: Book,
    pub(super) members: Members,
    pub(super) entries: OrdMap<Path, Arc<Entry>>,
    /// What each statement would break, in each entry where it would.
    pub(super) breaches: BTreeMap<StatementId, BTreeMap<Path, Breach>>,
    hash: LtHash,
    /// Entries with open conflicts: few, and asked for far more often than all others.
    contested: BTreeSet<Path>,
    warm: WarmList,
    pub(super) engine_always: bool,
}

/// One update while it runs.
#[derive(Default)]
pub(super) struct Run {
    /// Entries being replayed or appended to.
    active: BTreeSet<Path>,
    /// What is next in each of them.
    queue: BTreeSet<(Hlc, StatementId)>,
    changes: BTreeMap<Path, Change>,
    /// Statements that the engine could not apply in an entry.
    failed: BTreeSet<(StatementId, Path)>,
    /// How many of each entry's statements, from the first on, are as they were.
    same: BTreeMap<Path, usize>,
}

impl Run {
    /// An entry is to be decided anew from a position on, because of these statements.
    pub(super) fn touched(&mut self, path: &Path, at: usize, witnesses: impl IntoIterator<Item = StatementId>) {
        let same = self.same.entry(path.clone()).or_insert(at);
        *same = at.min(*same);
        self.changes.entry(path.clone()).or_default().witnesses.extend(witnesses);
    }
}

impl ScopeFold {
    /// An empty scope, with the limits of this fold version.
    pub fn new() -> Self {
        Self::default()
    }

    /// An empty scope with other limits, so that tests reach them with little.
    pub fn with_limits(limits: Limits) -> Self {
        Self { rules: Rules { limits, ..Rules::default() }, ..Self::default() }
    }

    /// An empty scope that merges everything with the engine, sequential entries too: for the test that this makes no
    /// difference.
    pub fn with_engine_always(limits: Limits) -> Self {
        Self { engine_always: true, ..Self::with_limits(limits) }
    }

    /// Gives statements (again, when one begins or ceases to count) and takes statements away, in any order. The state
    /// afterwards is a function of the set alone. Returns the entries whose merged state changed.
    pub fn update(&mut self, add: &[Member], remove: &[StatementId]) -> BTreeMap<Path, Change> {
        let mut run = Run::default();
        self.withdraw(remove, &mut run);
        self.admit(add, &mut run);
        self.run(run)
    }

    /// Gives the schemas over this scope, in place of those given before. The state afterwards is a function of the set
    /// and of them. Returns the entries whose merged state changed.
    pub fn govern(&mut self, governance: Governance) -> BTreeMap<Path, Change> {
        let mut run = Run::default();
        for (prefix, since) in self.rules.governance.differences(&governance) {
            let from = Bound::Included(prefix.as_str());
            let below = self.entries.range::<(Bound<&str>, Bound<&str>), str>((from, Bound::Unbounded));
            // In the order of texts, some that are not below stand between those that are: `s/a-b` before `s/a/b`.
            let below = below.take_while(|(path, _)| path.as_str().starts_with(prefix.as_str()));
            for (path, entry) in below.filter(|(path, _)| prefix.covers(path)) {
                let at = entry.slots.partition_point(|slot| slot.statement.statement().hlc <= since.0);
                if at < entry.slots.len() {
                    run.touched(path, at, [since.1]);
                }
            }
        }
        self.rules.governance = governance;
        self.run(run)
    }

    /// The scopes over which other schemas hold, or held, than when this was asked last. Only of the fold of `@mesh`.
    pub fn governed_anew(&mut self) -> BTreeSet<Scope> {
        self.book.take_changed()
    }

    /// The schemas over a scope. Only of the fold of `@mesh`.
    pub fn governance(&self, scope: &Scope) -> Governance {
        self.book.governance(scope)
    }

    pub(super) fn run(&mut self, mut run: Run) -> BTreeMap<Path, Change> {
        for (path, at) in core::mem::take(&mut run.same) {
            self.go_back(&mut run, &path, at);
        }
        loop {
            while let Some((_, id)) = run.queue.pop_first() {
                self.decide(&mut run, id);
            }
            if !self.read_back(&mut run) {
                break;
            }
        }
        self.finish(run)
    }

    /// Brings an entry to the state after its first `at` statements, to be decided from there on.
    fn go_back(&mut self, run: &mut Run, path: &Path, at: usize) {
        let Some(entry) = self.entries.get_mut(path).map(Arc::make_mut) else { return };
        if entry.rewind(at).is_err() {
            run.failed.extend(entry.slots.get(entry.next).map(|slot| (slot.id(), path.clone())));
        }
        let (members, breaches) = (&self.members, &self.breaches);
        entry.plan(members, |slot| slot.counts && !breaches.contains_key(&slot.id()));
        run.queue.extend(entry.slots.get(entry.next).map(|slot| slot.statement.key()));
        run.active.insert(path.clone());
    }

    /// Decides one statement in all entries that it touches. Those under replay have come up to it; in the others its
    /// verdict stands, and if it changes they go back to it and join.
    fn decide(&mut self, run: &mut Run, id: StatementId) {
        let Some(statement) = self.members.get(&id).cloned() else { return };
        let member = Member { counts: self.counts(&statement), statement };
        if let [touch] = member.statement.statement().touches.as_slice() {
            return self.decide_alone(run, &touch.path);
        }
        let (entries, mut judge) = self.parts();
        let mut weighed: Vec<(Path, Option<Weighed>)> = Vec::new();
        for path in order::touches(&member.statement).map(|(path, _)| path).filter(|path| run.active.contains(*path)) {
            let Some(entry) = entries.get_mut(path).map(Arc::make_mut) else { continue };
            if entry.slots.get(entry.next).is_none_or(|slot| slot.id() != id) {
                continue;
            }
            weighed.push((path.clone(), judge.weigh(run, path, entry, &member).0));
        }
        let verdict = verdict(member.counts, judge.breaches.contains_key(&id));
        if self.join(run, &member, verdict, &weighed) {
            run.queue.insert(member.statement.key());
        } else {
            self.settle(run, &member, verdict, weighed);
        }
    }

    /// Decides what is next in an entry for as long as it touches this one alone: nothing that happens elsewhere can change
    /// that, so it need not wait for its turn among all entries.
    fn decide_alone(&mut self, run: &mut Run, path: &Path) {
        let (entries, mut judge) = self.parts();
        let Some(entry) = entries.get_mut(path).map(Arc::make_mut) else { return };
        while let Some(slot) = entry.slots.get(entry.next) {
            let member = Member { statement: slot.statement.clone(), counts: slot.counts };
            if member.statement.statement().touches.len() > 1 {
                run.queue.insert(member.statement.key());
                return;
            }
            let at = entry.next;
            let (one, breaks) = judge.weigh(run, path, entry, &member);
            if judge.take(run, path, entry, &member, (verdict(member.counts, breaks), one)).is_err() {
                return self.go_back(run, path, at);
            }
        }
    }

    /// The entries, and what judges what happens in them.
    fn parts(&mut self) -> (&mut OrdMap<Path, Arc<Entry>>, Judge<'_>) {
        let Self { entries, members, rules, breaches, book, .. } = self;
        (entries, Judge { members, rules, breaches, book })
    }

    /// Calls in the entries where another verdict stands. Returns whether any had to be called.
    fn join(&mut self, run: &mut Run, member: &Member, verdict: Verdict, here: &[(Path, Option<Weighed>)]) -> bool {
        let mut joined = false;
        for (path, _) in order::touches(&member.statement) {
            if here.iter().any(|(present, _)| present == path) {
                continue;
            }
            let Some(entry) = self.entries.get(path) else { continue };
            let Ok(at) = order::position(&entry.slots, &member.statement) else { continue };
            if entry.slots.get(at).is_some_and(|slot| slot.verdict != verdict) {
                self.go_back(run, path, at);
                joined = true;
            }
        }
        joined
    }

    fn settle(&mut self, run: &mut Run, member: &Member, verdict: Verdict, weighed: Vec<(Path, Option<Weighed>)>) {
        let (entries, mut judge) = self.parts();
        let mut done: Vec<(Path, usize)> = Vec::new();
        for (path, one) in weighed {
            let Some(entry) = entries.get_mut(&path).map(Arc::make_mut) else { continue };
            done.push((path.clone(), entry.next));
            if judge.take(run, &path, entry, member, (verdict, one)).is_err() {
                done.iter().for_each(|(path, at)| self.go_back(run, path, *at));
                return;
            }
            run.queue.extend(entry.slots.get(entry.next).map(|slot| slot.statement.key()));
        }
    }

    /// Reads merged values out of documents. When one cannot be read, its last statement is taken for the cause.
    fn read_back(&mut self, run: &mut Run) -> bool {
        let mut broken = Vec::new();
        for path in &run.active {
            let Some(entry) = self.entries.get_mut(path).map(Arc::make_mut) else { continue };
            if entry.freshen().is_err() {
                let last = entry.slots.iter().rposition(Slot::is_fit).unwrap_or(0);
                broken.extend(entry.slots.get(last).map(|slot| (path.clone(), last, slot.id())));
            }
        }
        for (path, at, id) in &broken {
            run.failed.insert((*id, path.clone()));
            self.go_back(run, path, *at);
        }
        !broken.is_empty()
    }

    fn finish(&mut self, run: Run) -> BTreeMap<Path, Change> {
        let mut changes = run.changes;
        for path in &run.active {
            let change = changes.entry(path.clone()).or_default();
            let Some(entry) = self.entries.get_mut(path).map(Arc::make_mut) else { continue };
            let print = entry.is_there().then(|| Print::of(entry));
            compare(entry.print.as_ref(), print.as_ref(), change);
            if change.is_some() {
                entry.print.iter().for_each(|old| self.hash.remove(&old.member(path)));
                print.iter().for_each(|new| self.hash.insert(&new.member(path)));
                entry.print = print;
            }
            if entry.listed_conflicts() == 0 && entry.unlisted_conflicts() == 0 {
                self.contested.remove(path);
            } else {
                self.contested.insert(path.clone());
            }
            self.warm.file(path, entry);
            if entry.slots.is_empty() {
                self.entries.remove(path);
            }
        }
        for path in self.warm.overdue() {
            if let Some(entry) = self.entries.get_mut(&path).map(Arc::make_mut) {
                entry.warm = None;
            }
        }
        changes.retain(|_, change| change.is_some());
        for change in changes.values_mut() {
            change.witnesses.sort_unstable();
            change.witnesses.dedup();
        }
        changes
    }

    /// The entry at a path, if any fit statement is about it: a deleted one is there, without a value.
    pub fn entry(&self, path: &Path) -> Option<&Entry> {
        self.entries.get(path).map(|entry| &**entry).filter(|entry| entry.is_there())
    }

    /// All entries that some fit statement is about, in order of path.
    pub fn entries(&self) -> impl Iterator<Item = (&Path, &Entry)> {
        self.entries.iter().map(|(path, entry)| (path, &**entry)).filter(|(_, entry)| entry.is_there())
    }

    /// All entries in which a conflict is open, in order of path.
    pub fn contested(&self) -> impl Iterator<Item = (&Path, &Entry)> {
        self.contested.iter().filter_map(|path| Some((path, self.entry(path)?)))
    }

    /// All conflicts listed, in order of path.
    pub fn conflicts(&self) -> impl Iterator<Item = (&Path, Conflict)> {
        self.contested().flat_map(|(path, entry)| entry.conflicts().into_iter().map(move |conflict| (path, conflict)))
    }

    /// What was decided about a statement; `None` for one that was not given or does not count.
    pub fn fate(&self, id: &StatementId) -> Option<Fate> {
        let statement = self.members.get(id).filter(|statement| self.counts(statement))?;
        if let Some((path, breach)) = self.breaches.get(id).and_then(BTreeMap::first_key_value) {
            return Some(Fate::Unfit { path: path.clone(), breach: breach.clone() });
        }
        let skips = |path: &Path| self.entries.get(path).and_then(|entry| entry.skips.get(id));
        let skipped = order::touches(statement).flat_map(|(path, _)| {
            let skips = skips(path).into_iter().flatten();
            skips.map(|(edit, why)| Skipped { path: path.clone(), edit: *edit, why: *why })
        });
        Some(Fate::Fit { skipped: skipped.collect() })
    }

    /// The schemas given last.
    pub fn governed_by(&self) -> &Governance {
        &self.rules.governance
    }

    /// What each unfit statement would have broken first.
    pub fn unfit(&self) -> impl Iterator<Item = &Breach> {
        self.breaches.values().filter_map(|breaches| breaches.values().next())
    }

    /// Thirty-two bytes that stand for the merged state: values with element names, heads and conflicts of all entries,
    /// deleted ones included.
    pub fn digest(&self) -> [u8; 32] {
        self.hash.digest()
    }

    /// Whether a statement that was given counts: its slots say so, in all entries alike.
    fn counts(&self, statement: &Verified) -> bool {
        let first = order::touches(statement).next().and_then(|(path, _)| self.entries.get(path));
        let slot = first.and_then(|entry| entry.slots.get(order::position(&entry.slots, statement).ok()?));
        slot.is_some_and(|slot| slot.counts)
    }

    /// Whether the fold was given nothing.
    pub fn is_empty(&self) -> bool {
        self.members.is_empty()
    }
}

fn verdict(counts: bool, breaks: bool) -> Verdict {
    match (counts, breaks) {
        (false, _) => Verdict::Void,
        (true, true) => Verdict::Unfit,
        (true, false) => Verdict::Fit,
    }
}

/// What a statement in an entry is judged by, and where that is noted.
struct Judge<'a> {
    members: &'a Members,
    rules: &'a Rules,
    breaches: &'a mut BTreeMap<StatementId, BTreeMap<Path, Breach>>,
    book: &'a mut Book,
}

impl Judge<'_> {
    /// Weighs what is next in an entry, if it counts, and notes what it would break there. Whether it breaks anything.
    fn weigh(&mut self, run: &Run, path: &Path, entry: &mut Entry, member: &Member) -> (Option<Weighed>, bool) {
        let id = member.statement.id();
        let mut one = member.counts.then(|| entry.weigh(self.members));
        let failed = !run.failed.is_empty() && run.failed.contains(&(id, path.clone()));
        let breach = one.as_mut().and_then(|one| match failed {
            true => Some(Breach::Engine),
            false => self.rules.breach(entry, one, path, member.statement.statement().hlc),
        });
        let breaks = breach.is_some();
        if let Some(breach) = breach {
            self.breaches.entry(id).or_default().insert(path.clone(), breach);
        } else if let Some(known) = self.breaches.get_mut(&id) {
            known.remove(path);
            if known.is_empty() {
                self.breaches.remove(&id);
            }
        }
        (one, breaks)
    }

    /// Takes what is next in an entry as it was decided.
    fn take(
        &mut self,
        run: &mut Run,
        path: &Path,
        entry: &mut Entry,
        member: &Member,
        (verdict, one): (Verdict, Option<Weighed>),
    ) -> Result<(), EngineFailed> {
        let id = member.statement.id();
        let slot = entry.slots.get_mut(entry.next);
        if slot.is_some_and(|slot| core::mem::replace(&mut slot.verdict, verdict) != verdict) {
            run.changes.entry(path.clone()).or_default().witnesses.push(id);
        }
        let one = one.filter(|_| verdict == Verdict::Fit);
        self.book.note(path, member.statement.key(), one.as_ref().map(|one| one.rule.clone()));
        let taken = match one {
            Some(one) => entry.take(one),
            None => {
                entry.pass();
                Ok(())
            }
        };
        if taken.is_err() {
            run.failed.insert((id, path.clone()));
        }
        taken
    }
}

fn compare(old: Option<&Print>, new: Option<&Print>, change: &mut Change) {
    match (old, new) {
        (None, None) => {}
        (Some(old), Some(new)) => {
            change.value = old.value != new.value;
            change.heads = old.heads != new.heads;
            change.conflicts = old.conflicts != new.conflicts;
        }
        (Some(one), None) | (None, Some(one)) => {
            change.heads = true;
            change.value = one.has_value;
            change.conflicts = one.has_conflicts;
        }
    }
}
