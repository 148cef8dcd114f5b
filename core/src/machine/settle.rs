//! From the disk to the view: what is durable becomes due, counts or does not, is folded, activated and shown.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;
use std::sync::Arc;

use driftless_statement::limits::SKEW_MS;
use driftless_statement::{Body, Path, Scope, StatementId, Verified};

use super::Machine;
use super::effect::{Effect, Topic};
use super::planted::Planted;
use super::proofs::twins::Joining;
use super::scope::{Out, ScopeRoom};
use super::sift::{Fall, Fallen, Gone};
use super::storing::{OnItsWay, Origin};
use crate::fold::{Many, Member};
use crate::view::Candidate;

/// Behind every statement of one time.
const LAST: StatementId = StatementId([u8::MAX; 32]);

/// Statements that came due, by scope.
pub(super) type Due = BTreeMap<Scope, Vec<Arc<Verified>>>;

/// What one event moved, in every scope.
struct Moves {
    due: Due,
    gone: Gone,
    fallen: Fallen,
}

/// What one event moved in one scope.
struct Moved {
    /// To be judged: came due, or was kept out by a rule that may say otherwise now.
    due: Vec<Arc<Verified>>,
    /// Left the set, ascending by id.
    gone: Vec<Arc<Verified>>,
    /// Counted, and counts no longer.
    fallen: Vec<Fall>,
}

impl Machine {
    /// A batch is on disk.
    pub(super) fn stored(&mut self, batch: u64, effects: &mut Vec<Effect>) {
        let Some((ways, floor_ms)) = self.storing.stored(batch) else { return };
        self.kept_floor_ms = self.kept_floor_ms.max(floor_ms);
        if self.planted(Planted::AnswersEarly) {
            self.answer_calls(&ways, effects);
        }
        let mut due = self.come_of_age();
        self.note_had(&ways);
        for (scope, statements) in self.take_in(&ways, effects) {
            due.entry(scope).or_default().extend(statements);
        }
        self.settle(due, effects);
        if !ways.is_empty() {
            self.stir();
            self.timers.news(self.now.mono_ms, self.news_ms());
        }
        for way in &ways {
            match way.origin {
                Origin::Write(_) | Origin::Unclaimed | Origin::Submit => self.publish(&way.statement, effects),
                Origin::Returned => {
                    self.publish(&way.statement, effects);
                    self.report_effective(way, effects);
                }
                Origin::Peer | Origin::Loaded => self.report_effective(way, effects),
            }
        }
        if !self.planted(Planted::AnswersEarly) {
            self.answer_calls(&ways, effects);
        }
    }

    /// Remembers the sets that statements are about to change. Once an event, before it changes anything: what a set is in
    /// between, when some of it leaves again, nobody ever saw.
    pub(super) fn note_had(&mut self, ways: &[OnItsWay]) {
        let touched: BTreeSet<&Scope> = ways.iter().map(|way| &way.statement.statement().scope).collect();
        for scope in touched {
            // To have had nothing, as before the store was read, is no state that others could agree with.
            if let Some(room) = self.scopes.get_mut(scope).filter(|room| room.summary.count() > 0) {
                room.recent.note(room.summary.digest(), self.now.mono_ms);
            }
        }
    }

    /// Notes durable statements in their scopes. Returns those that are due.
    pub(super) fn take_in(&mut self, ways: &[OnItsWay], effects: &mut Vec<Effect>) -> Due {
        self.changes += 1;
        let mut due = Due::new();
        let at_once = self.planted(Planted::DueAtOnce);
        for OnItsWay { statement, origin, .. } in ways {
            let scope = statement.statement().scope.clone();
            self.open_scope(&scope, effects);
            let when = self.due_ms(statement);
            let Some(room) = self.scopes.get_mut(&scope) else { continue };
            if self.log.is_aside(&statement.id()) {
                room.aside.insert(statement.id());
                self.forget_wanted = true;
                continue;
            }
            let mut joining = Joining::new(statement.id(), self.proofs.twins());
            if !room.stored(statement, &mut joining) {
                continue;
            }
            // What the store holds was here at the start: that is noted for all of it at once.
            if *origin != Origin::Loaded {
                self.arrivals.note(statement.id(), self.now.wall_ms);
            }
            if when > self.kept_floor_ms.saturating_add(SKEW_MS) && !at_once {
                room.out.put((statement.id(), Out::NotDue));
                room.waiting_for_time.insert((when, statement.id()), statement.clone());
            } else {
                joining.hash(&mut room.due);
                due.entry(scope).or_default().push(statement.clone());
            }
        }
        due
    }

    /// Begins to hold a scope, and tells others soon that it exists.
    pub(super) fn open_scope(&mut self, scope: &Scope, effects: &mut Vec<Effect>) {
        if self.scopes.contains_key(scope) {
            return;
        }
        let mut room = ScopeRoom::new(&self.mesh, scope);
        // Its clock first: by a clock at zero all that comes in lies in the future, and is kept by name until the first beacon.
        room.marks.advance(self.now.wall_ms);
        if let Some(mesh) = self.scopes.get(&Scope::mesh()) {
            Arc::make_mut(&mut room.fold).govern(mesh.fold.governance(scope));
        }
        self.scopes.insert(scope.clone(), room);
        self.changes += 1;
        effects.push(Effect::Subscribe(Topic::Scope(scope.clone())));
        self.timers.beacon_soon(self.now.mono_ms);
    }

    /// When a statement is due: its own time. What it names is earlier, so it is due by then too.
    fn due_ms(&self, statement: &Verified) -> u64 {
        statement.statement().hlc.millis()
    }

    /// Lets due what has come of age by the floor on disk.
    fn come_of_age(&mut self) -> Due {
        let horizon = self.kept_floor_ms.saturating_add(SKEW_MS);
        let mut due = Due::new();
        for (scope, room) in &mut self.scopes {
            while let Some(first) = room.waiting_for_time.first_entry() {
                if first.key().0 > horizon {
                    break;
                }
                let statement = first.remove();
                room.out.remove(&statement.id());
                room.due.insert(statement.id().as_bytes());
                due.entry(scope.clone()).or_default().push(statement);
            }
        }
        due
    }

    /// Whether the clock makes something due that the floor on disk does not.
    pub(super) fn floor_wanted(&self) -> bool {
        self.firsts_waiting().any(|when| when <= self.floor_ms)
    }

    /// When the next waiting statement comes of age, on the wall clock; not one that only waits for the disk.
    pub(super) fn next_due_ms(&self) -> Option<u64> {
        let later = (Bound::Excluded((self.floor_ms.saturating_add(SKEW_MS), LAST)), Bound::Unbounded);
        let next = self.scopes.values().filter_map(|room| room.waiting_for_time.range(later).next());
        next.map(|((when, _), _)| when.saturating_sub(SKEW_MS)).min()
    }

    /// When the first waiting statement of each scope comes of age.
    fn firsts_waiting(&self) -> impl Iterator<Item = u64> {
        let firsts = self.scopes.values().filter_map(|room| room.waiting_for_time.first_key_value());
        firsts.map(|((when, _), _)| when.saturating_sub(SKEW_MS))
    }

    /// Folds what came due. A change of trust takes statements out of the set or back into it, and re-judges others.
    pub(super) fn settle(&mut self, mut due: Due, effects: &mut Vec<Effect>) {
        self.changes += 1;
        let gone = self.sift(&mut due);
        let mut fallen = Fallen::new();
        if due.contains_key(&Scope::mesh()) || !gone.is_empty() {
            let before = self.settled.take();
            self.settle_trust();
            let now = self.settled.as_ref().zip(before.as_ref());
            let changed = now.map(|(now, before)| now.changed_since(before)).unwrap_or_default();
            let mut others = now.map(|(now, before)| now.approved_otherwise(before)).unwrap_or_default();
            others.extend(self.accept_anew());
            fallen = self.rejudge(&changed, &others, &mut due);
        } else if self.accept(&due) {
            fallen = self.rejudge(&BTreeSet::new(), &BTreeSet::new(), &mut due);
        }
        self.fold_all(Moves { due, gone, fallen }, effects);
    }

    fn fold_all(&mut self, moves: Moves, effects: &mut Vec<Effect>) {
        let Moves { mut due, mut gone, mut fallen } = moves;
        let mut candidates: BTreeMap<Path, Candidate> = BTreeMap::new();
        let named = |candidate: Candidate| (candidate.path.clone(), candidate);
        if self.planted(Planted::KeepsGone) {
            gone.clear();
        }
        // `@mesh` first: it says which schemas the others must keep.
        let mesh = Scope::mesh();
        let scopes: BTreeSet<Scope> = due.keys().chain(gone.keys()).chain(fallen.keys()).cloned().collect();
        let mut of = |scope: &Scope| Moved {
            due: due.remove(scope).unwrap_or_default(),
            gone: gone.remove(scope).unwrap_or_default(),
            fallen: fallen.remove(scope).unwrap_or_default(),
        };
        candidates.extend(self.fold(&mesh, of(&mesh)).into_iter().map(named));
        candidates.extend(self.govern());
        for scope in scopes {
            candidates.extend(self.fold(&scope, of(&scope)).into_iter().map(named));
        }
        let candidates: Vec<Candidate> = candidates.into_values().collect();
        #[cfg(feature = "planted")]
        let candidates = [self.lost_entry(&candidates).into_iter().collect(), candidates].concat();
        self.show(candidates, effects);
    }

    /// Gives each scope the schemas over it where they changed. Returns the entries whose merged state changed.
    fn govern(&mut self) -> BTreeMap<Path, Candidate> {
        let mut candidates = BTreeMap::new();
        let Some(mesh) = self.scopes.get_mut(&Scope::mesh()) else { return candidates };
        let anew = Arc::make_mut(&mut mesh.fold).governed_anew();
        let governed: Vec<_> = anew.into_iter().map(|scope| (mesh.fold.governance(&scope), scope)).collect();
        for (governance, scope) in governed {
            let Some(room) = self.scopes.get_mut(&scope) else { continue };
            let changed = Arc::make_mut(&mut room.fold).govern(governance);
            candidates.extend(changed.into_keys().map(|path| (path.clone(), candidate(room, path))));
        }
        candidates
    }

    /// Evaluates the trust that decides what counts: from due statements that are on disk.
    fn settle_trust(&mut self) {
        let Some(mesh) = self.scopes.get(&Scope::mesh()) else { return };
        // Nearly always all that is held is due and on disk: then it was evaluated when it came.
        let all = mesh.summary.count() == self.log.count(&Scope::mesh()) as u64 && mesh.waiting_for_time.is_empty();
        if let Some(trust) = self.trust.as_ref().filter(|_| all && !self.trust_is_old) {
            self.settled = Some(trust.clone());
            return;
        }
        let Some(genesis) = self.log.get(&StatementId(self.mesh.0)) else { return };
        let counts = |statement: &&Arc<Verified>| {
            mesh.summary.contains(&statement.id()) && mesh.why_out(&statement.id()) != Some(&Out::NotDue)
        };
        let due = self.log.mesh().filter(counts).map(|statement| &**statement);
        self.settled = Some(crate::trust::Trust::evaluate(genesis, due));
    }

    /// Folds what came due in one scope, and what left it. Returns the entries whose merged state changed.
    fn fold(&mut self, scope: &Scope, moved: Moved) -> Vec<Candidate> {
        let Moved { due, gone, fallen } = moved;
        if due.is_empty() && gone.is_empty() && fallen.is_empty() {
            return Vec::new();
        }
        let mesh_due = self.mesh_due();
        let judged: Vec<_> = due.into_iter().map(|statement| (self.verdict(&statement), statement)).collect();
        #[cfg(feature = "planted")]
        let by_arrival = self.planted(Planted::FoldByArrival);
        let (Some(room), Some(trust)) = (self.scopes.get_mut(scope), &self.settled) else { return Vec::new() };
        let apart = trust.takes_away() || !gone.is_empty();
        let (mut given, mut ceased): (Vec<Member>, Vec<Arc<Verified>>) = (Vec::new(), Vec::new());
        for Fall { id, statement, refusal } in fallen {
            room.out.put((id, Out::Refused(refusal)));
            ceased.push(statement);
        }
        for (verdict, statement) in judged {
            let counts = verdict.is_ok() && matches!(statement.statement().body, Body::Write(_));
            #[cfg(feature = "planted")]
            let counts = counts && !(by_arrival && super::planted::comes_late(&self.log, &room.fold, &statement));
            match verdict {
                Ok(()) => drop(room.out.remove(&statement.id())),
                Err(refusal) => room.out.put((statement.id(), Out::Refused(refusal.into()))),
            }
            if !statement.statement().touches.is_empty() {
                given.push(Member { statement, counts });
            }
        }
        let mut update = |room: &mut ScopeRoom| -> Vec<Candidate> {
            let many = Many { given: &given, ceased: &ceased, leaving: &gone };
            let (changed, spent) = Arc::make_mut(&mut room.fold).update_many(many);
            self.spent.push(spent);
            changed.into_iter().map(|path| candidate(room, path)).collect()
        };
        match self.proofs.twins().filter(|_| !scope.is_mesh()) {
            // What revocations did to a fold, the names of its ends do not say.
            Some(_) if apart => {
                room.fold_apart(&self.node);
                update(room)
            }
            Some(mut twins) => twins.step(scope, room, &mesh_due, update),
            None => update(room),
        }
    }

    /// Passes merged entries through activation and shows the view that results.
    fn show(&mut self, candidates: Vec<Candidate>, effects: &mut Vec<Effect>) {
        if candidates.is_empty() {
            return;
        }
        let before = self.view.clone();
        let Some((view, touched)) = before.next(candidates) else { return };
        let view = Arc::new(view);
        for path in &touched {
            if let Some(room) = self.scopes.get_mut(&path.scope()) {
                room.shown.changes(path, before.get(path));
            }
        }
        self.view = view.clone();
        effects.push(Effect::Show(view));
    }

    fn report_effective(&mut self, way: &OnItsWay, effects: &mut Vec<Effect>) {
        if !way.origin.is_foreign() || self.fate(&way.statement) != super::Fate::Fit {
            return;
        }
        let delay_ms = self.now.wall_ms.saturating_sub(way.statement.statement().hlc.millis());
        // Signed before the latest link came up: what held it back was a cut, or that this node was down. That is no
        // delay of propagation, whether gossip brought it or reconciliation. What was signed later is one either way.
        let catch_up = delay_ms > self.now.mono_ms.saturating_sub(self.linked_ms);
        if !catch_up {
            // A moving mean over about eight changes.
            self.lag_ms = (self.lag_ms * 7 + delay_ms.min(3_600_000)) / 8;
        }
        effects.push(Effect::Effective {
            id: way.statement.id(),
            delay_ms,
            apply_ms: self.now.mono_ms.saturating_sub(way.arrived_ms),
            catch_up,
        });
    }
}

/// An entry as it asks to become effective.
fn candidate(room: &ScopeRoom, path: Path) -> Candidate {
    let entry = room.fold.entry(&path);
    Candidate {
        value: entry.and_then(|entry| entry.tree()).map(|tree| Arc::new(tree.to_value())),
        heads: entry.map(|entry| entry.heads().to_vec()).unwrap_or_default().into(),
        conflicts: entry.map_or(0, |entry| entry.listed_conflicts().try_into().unwrap_or(u32::MAX)),
        path,
    }
}
