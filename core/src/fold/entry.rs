//! One entry: its statements in order, and the merged state after the ones decided so far. It applies what it is told is
//! fit and weighs what is not yet decided; verdicts over several entries are the scope's.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use driftless_statement::schema::Rule;
use driftless_statement::{Edit, Skip, StatementId, Tree, Value, tree};
use smallvec::SmallVec;

use super::conflict::{self, Conflict, LISTED, Pair, Place, Side, Signed};
use super::doc::{Doc, EngineFailed};
use super::fate::{Breach, Limits};
use super::order::{self, Members, Parents, SEEN_ALL, Sight, Slot};
use super::replay::MARK_BYTES;
use super::size::{self, Extent};

/// Positions of heads. Hardly ever more than four: these lie in the entry, without a list of their own.
pub(super) type Heads = SmallVec<[u32; 4]>;

/// The merged state after some number of an entry's statements.
#[derive(Debug, Clone, Default)]
pub(super) struct State {
    /// Positions of the heads, ascending.
    pub heads: Heads,
    /// The merged value, unless `stale`: then the document has it.
    pub tree: Option<Tree>,
    pub stale: bool,
    pub conflicts: Vec<Pair>,
    /// Conflicts found while the list was full.
    pub unlisted: u64,
    /// At least the merged value's extent.
    pub bound: Extent,
    /// At least the depth of everything that was ever written.
    pub deepest: usize,
}

impl State {
    /// Bytes that it takes, roughly, for a value of this size. A list of conflicts can be larger than the value.
    fn weight(&self, value: usize) -> usize {
        value + 256 + self.conflicts.len() * size_of::<Pair>()
    }

    /// The state after a statement that begins anew: what it wrote replaces all, and it saw all conflicts.
    fn begun(at: usize, slot: &Slot) -> Self {
        let mut tree = None;
        tree::apply(&mut tree, slot.id(), slot.edits());
        let heads = u32::try_from(at).into_iter().collect();
        Self { heads, tree, bound: slot.shown, deepest: slot.deepest as usize, ..Self::default() }
    }
}

/// A document, the number of statements that its seed stands for, and the number that it has taken in.
#[derive(Debug, Clone)]
pub(super) struct Branches {
    pub doc: Doc,
    pub from: usize,
    pub through: usize,
}

/// What makes the next change of a busy entry cheap; all of it can be had again by replaying.
#[derive(Debug, Clone, Default)]
pub(super) struct Warm {
    pub branches: Option<Branches>,
    /// States after so many statements, ascending.
    pub marks: Vec<(usize, State)>,
    /// Where concurrent stretches will begin, as far as can be foreseen.
    pub planned: BTreeSet<usize>,
    /// States at such places, and after the latest statements that saw all before them: a few.
    pub joints: Vec<(usize, State)>,
    /// Rank among the warm entries, least recently used first.
    pub used: u64,
}

impl Warm {
    /// Drops what is of no more use after `next` statements; returns whether anything is left.
    pub(super) fn tidy(&mut self, next: usize) -> bool {
        self.planned.clear();
        self.branches.take_if(|branches| next - branches.through.min(next) > BEHIND);
        self.branches.is_some() || !self.joints.is_empty() || !self.marks.is_empty()
    }

    /// Bytes that it takes, roughly, for a value of this size.
    pub(super) fn weight(&self, value: usize) -> usize {
        let states = self.marks.iter().chain(&self.joints).map(|(_, state)| state.weight(value));
        // Automerge: about 19 KB for a small document, and several columns for each scalar.
        let doc = self.branches.as_ref().map(|branches| 19_000 + value * 16 + (branches.through - branches.from) * 512);
        states.sum::<usize>() + doc.unwrap_or(0)
    }
}

/// A document this many statements behind is not worth keeping.
const BEHIND: usize = 256;
/// States kept for documents to begin with.
const JOINTS: usize = 4;
/// Statements that a document may hold in vain before a shorter one takes its place.
const LONG: usize = 16;
/// A merged state is kept after every so many statements.
const MARK_EVERY: usize = 64;

/// One document of a scope, at a path.
#[derive(Debug, Clone, Default)]
pub struct Entry {
    pub(super) slots: Vec<Slot>,
    /// How many slots the state stands for.
    pub(super) next: usize,
    pub(super) state: State,
    pub(super) skips: BTreeMap<StatementId, Vec<(u32, Skip)>>,
    pub(super) warm: Option<Box<Warm>>,
    pub(super) print: Option<super::digest::Print>,
    /// For tests: merge everything with the engine, from an empty document.
    pub(super) engine_always: bool,
}

/// A statement about to be decided, against the state before it.
pub(super) struct Weighed {
    pub parents: Parents,
    /// Positions of what it has not seen, latest first.
    pub strangers: Vec<u32>,
    pub heads: Heads,
    pub bound: Extent,
    /// What a schema entry would say after it.
    pub rule: Option<Arc<Rule>>,
}

impl Weighed {
    fn low(&self) -> u32 {
        self.strangers.last().copied().unwrap_or(SEEN_ALL)
    }
}

impl Entry {
    /// The merged heads, ascending.
    pub fn heads(&self) -> Vec<StatementId> {
        let mut heads: Vec<StatementId> = self.ids(&self.state.heads);
        heads.sort_unstable();
        heads
    }

    /// The merged value with its element names; `None`: deleted.
    pub fn tree(&self) -> Option<&Tree> {
        self.state.tree.as_ref()
    }

    /// The merged value.
    pub fn value(&self) -> Option<Value> {
        self.tree().map(Tree::to_value)
    }

    /// The conflicts that stand, in the order in which their later statements come; at most [`LISTED`].
    pub fn conflicts(&self) -> Vec<Conflict> {
        let sides = self.sides();
        let side = |place: &Place| sides.get(place).cloned();
        let whole = |pair: &Pair| Some(Conflict { left: side(&pair.left)?, right: side(&pair.right)? });
        self.state.conflicts.iter().filter_map(whole).collect()
    }

    /// How many conflicts are listed.
    pub fn listed_conflicts(&self) -> usize {
        self.state.conflicts.len()
    }

    /// The edits that are in conflicts, each once.
    pub(super) fn sides(&self) -> BTreeMap<Place, Side> {
        let places: BTreeSet<Place> = self.state.conflicts.iter().flat_map(|pair| [pair.left, pair.right]).collect();
        let side = |place: Place| {
            let slot = self.slots.get(place.slot as usize)?;
            Some((place, Side::of(slot.id(), place.edit, slot.edits().get(place.edit as usize)?)))
        };
        places.into_iter().filter_map(side).collect()
    }

    /// How many more conflicts were found while the list was full. It stays until somebody who saw every head writes the
    /// whole value.
    pub fn unlisted_conflicts(&self) -> u64 {
        self.state.unlisted
    }

    /// Digest of the merged value, element names included: differs when the value does.
    pub fn value_digest(&self) -> [u8; 32] {
        self.print.as_ref().map(|print| print.value).unwrap_or_default()
    }

    /// Whether a fit statement is about it.
    pub(super) fn is_there(&self) -> bool {
        !self.state.heads.is_empty()
    }

    pub(super) fn ids(&self, positions: &[u32]) -> Vec<StatementId> {
        positions.iter().filter_map(|position| self.slots.get(*position as usize)).map(Slot::id).collect()
    }

    /// What the statement at the next position would see, and leave.
    pub(super) fn weigh(&self, members: &Members) -> Weighed {
        let at = self.next;
        let parents = order::effective(&self.slots, members, at);
        let seen = parents.as_slice();
        let all_seen = self.state.heads.iter().all(|head| seen.contains(head));
        let strangers = if all_seen { Vec::new() } else { order::strangers(&self.slots, &self.state.heads, seen) };
        let mut heads: Heads = self.state.heads.iter().filter(|head| !seen.contains(head)).copied().collect();
        heads.extend(u32::try_from(at));
        let edits = self.slots.get(at).map(Slot::edits).unwrap_or_default();
        let low = strangers.last().copied().unwrap_or(SEEN_ALL);
        Weighed { parents, strangers, heads, bound: self.bound_with(low, edits), rule: None }
    }

    /// A bound for the merged value after these edits by somebody who saw all statements below `low`. Who has not seen all
    /// may bring back what others hid: then everything counts that was written since all had seen everything.
    pub(super) fn bound_with(&self, low: u32, edits: &[Edit]) -> Extent {
        if low == SEEN_ALL {
            return size::bound_after(self.state.bound, edits);
        }
        let cut = self.cut(low as usize);
        let (added, _) = self.before(self.next);
        let (earlier, shown) = self.before(cut);
        let bytes = shown.bytes.saturating_add(added.saturating_sub(earlier));
        size::bound_after(Extent { bytes, depth: self.state.deepest }, edits)
    }

    /// What the statement before a position noted.
    fn before(&self, at: usize) -> (usize, Extent) {
        self.last_before(at).map(|slot| (slot.added, slot.shown)).unwrap_or_default()
    }

    fn last_before(&self, at: usize) -> Option<&Slot> {
        at.checked_sub(1).and_then(|before| self.slots.get(before))
    }

    /// The state at a place at most `to`, from which what was decided from there on can be repeated: the latest one that was
    /// kept, or the one after a statement that begins anew, which needs nothing that came before.
    pub(super) fn nearest(&self, to: usize) -> (usize, State) {
        let kept = self.warm.iter().flat_map(|warm| warm.joints.iter().chain(&warm.marks));
        let kept = kept.filter(|(at, state)| *at <= to && !state.stale).max_by_key(|(at, _)| *at);
        let from = kept.map_or(0, |(at, _)| *at);
        let after = self.slots.get(from..to).unwrap_or_default();
        let anew = after.iter().rposition(Slot::begins_anew).filter(|_| !self.engine_always);
        let begun = anew.and_then(|behind| Some((from + behind, after.get(behind)?)));
        begun.map_or_else(|| kept.cloned().unwrap_or_default(), |(at, slot)| (at + 1, State::begun(at, slot)))
    }

    /// Which limit the weighed statement would break. Measures exactly only when the bound is above a limit.
    pub(super) fn test(&mut self, weighed: &mut Weighed, limits: &Limits) -> Option<Breach> {
        if weighed.heads.len() > limits.heads {
            return Some(Breach::Heads { max: limits.heads, got: weighed.heads.len() });
        }
        let within = |extent: Extent| extent.bytes <= limits.entry_bytes && extent.depth <= limits.value_depth;
        if within(weighed.bound) {
            return None;
        }
        let Ok(tree) = self.trial(weighed) else { return Some(Breach::Engine) };
        let extent = size::of_root(tree.as_ref());
        weighed.bound = extent;
        if extent.bytes > limits.entry_bytes {
            Some(Breach::Size { max: limits.entry_bytes, got: extent.bytes })
        } else if extent.depth > limits.value_depth {
            Some(Breach::Depth { max: limits.value_depth, got: extent.depth })
        } else {
            None
        }
    }

    /// The merged value that the weighed statement would leave.
    pub(super) fn trial(&mut self, weighed: &Weighed) -> Result<Option<Tree>, EngineFailed> {
        let Some(slot) = self.slots.get(self.next).cloned() else { return Err(EngineFailed) };
        if weighed.strangers.is_empty() && !self.engine_always {
            self.freshen()?;
            let mut tree = self.state.tree.clone();
            tree::apply(&mut tree, slot.id(), slot.edits());
            return Ok(tree);
        }
        let bases = self.ids(weighed.parents.as_slice());
        let mut doc = self.branches(weighed.low())?.doc.clone();
        doc.apply(slot.id(), &bases, slot.edits())?;
        doc.tree()
    }

    /// Passes over the statement at the next position: it is not fit.
    pub(super) fn pass(&mut self) {
        let (added, shown) = self.before(self.next);
        let deepest = self.last_before(self.next).map_or(0, |slot| slot.deepest);
        if let Some(slot) = self.slots.get_mut(self.next) {
            slot.parents = Parents::None;
            slot.low = SEEN_ALL;
            (slot.added, slot.shown, slot.deepest) = (added, shown, deepest);
            self.skips.remove(&slot.statement.id());
            self.next += 1;
        }
    }

    /// Takes in the weighed statement at the next position: it is fit. On failure nothing but the document was lost.
    pub(super) fn take(&mut self, weighed: Weighed) -> Result<(), EngineFailed> {
        let Some(slot) = self.slots.get(self.next).cloned() else { return Err(EngineFailed) };
        self.pin()?;
        let skipped = if weighed.strangers.is_empty() && !self.engine_always {
            self.freshen()?;
            tree::apply(&mut self.state.tree, slot.id(), slot.edits())
        } else {
            self.merge(&slot, &weighed)?
        };
        if skipped.is_empty() {
            self.skips.remove(&slot.id())
        } else {
            self.skips.insert(slot.id(), skipped)
        };
        self.oppose(&slot, &weighed);
        self.state.bound = weighed.bound;
        let low = weighed.low();
        self.state.heads = weighed.heads;
        let own = size::bound_after(Extent::default(), slot.edits());
        self.state.deepest = self.state.deepest.max(own.depth);
        let (added, _) = self.before(self.next);
        let deepest = u32::try_from(self.state.deepest).unwrap_or(u32::MAX);
        if let Some(slot) = self.slots.get_mut(self.next) {
            slot.parents = weighed.parents;
            slot.low = low;
            (slot.added, slot.shown, slot.deepest) = (added.saturating_add(own.bytes), weighed.bound, deepest);
        }
        self.next += 1;
        if self.next.is_multiple_of(MARK_EVERY) && !self.state.stale {
            self.mark(self.next, self.state.clone());
        }
        // Where several wrote at once, they may do so again: the next document can begin here.
        if low == SEEN_ALL && self.warm.as_ref().is_some_and(|warm| warm.branches.is_some()) {
            self.join(false);
        }
        Ok(())
    }

    /// Keeps the state for the document that will begin here, if one is foreseen.
    fn pin(&mut self) -> Result<(), EngineFailed> {
        let at = self.next;
        if self.warm.as_ref().is_some_and(|warm| warm.planned.contains(&at)) {
            self.freshen()?;
            self.join(true);
        }
        Ok(())
    }

    /// Keeps the state here for a document to begin with; a large one only when it is foreseen, and no other beside it.
    fn join(&mut self, foreseen: bool) {
        let large = self.state.bound.bytes > MARK_BYTES;
        if self.state.stale || (large && !foreseen) {
            return;
        }
        if large {
            self.warm.get_or_insert_default().joints.clear();
        }
        let joint = (self.next, self.state.clone());
        let joints = &mut self.warm.get_or_insert_default().joints;
        if joints.last().is_none_or(|(at, _)| *at < joint.0) {
            joints.push(joint);
        }
        if joints.len() > JOINTS {
            joints.remove(0);
        }
    }

    fn merge(&mut self, slot: &Slot, weighed: &Weighed) -> Result<Vec<(u32, Skip)>, EngineFailed> {
        let bases = self.ids(weighed.parents.as_slice());
        let through = self.next + 1;
        let branches = self.branches(weighed.low())?;
        let applied = branches.doc.apply(slot.id(), &bases, slot.edits());
        branches.through = through;
        if applied.is_err() {
            self.forget_branches();
        } else {
            self.state.stale = true;
            self.state.tree = None;
        }
        applied
    }

    fn forget_branches(&mut self) {
        if let Some(warm) = &mut self.warm {
            warm.branches = None;
        }
    }

    /// Reads the merged value out of the document when it is only there.
    pub(super) fn freshen(&mut self) -> Result<(), EngineFailed> {
        if self.state.stale {
            let branches = self.warm.as_ref().and_then(|warm| warm.branches.as_ref()).ok_or(EngineFailed)?;
            let newer = self.slots.get(branches.through..self.next).ok_or(EngineFailed)?;
            if newer.iter().any(Slot::is_fit) {
                return Err(EngineFailed);
            }
            self.state.tree = branches.doc.tree()?;
            self.state.stale = false;
            self.state.bound = size::of_root(self.state.tree.as_ref());
        }
        Ok(())
    }

    fn signed<'a>(&'a self, at: u32, slot: &'a Slot) -> Signed<'a> {
        let skipped = self.skips.get(&slot.id()).map(Vec::as_slice).unwrap_or_default();
        Signed { slot: at, statement: slot.id(), edits: slot.edits(), skipped }
    }

    /// Ends the conflicts that the statement settles, and adds those that it is in.
    fn oppose(&mut self, slot: &Slot, weighed: &Weighed) {
        if weighed.strangers.is_empty() && self.state.conflicts.is_empty() && self.state.unlisted == 0 {
            return;
        }
        let at = u32::try_from(self.next).unwrap_or(SEEN_ALL);
        let own = self.signed(at, slot).live();
        let mut ended = self.sides();
        ended.retain(|place, side| {
            !weighed.strangers.contains(&place.slot) && own.iter().any(|mine| mine.supersedes(side))
        });
        let stays = |pair: &Pair| !ended.contains_key(&pair.left) && !ended.contains_key(&pair.right);
        let room = LISTED.saturating_sub(self.state.conflicts.iter().filter(|pair| stays(pair)).count());
        let strange = weighed.strangers.iter().filter_map(|at| Some((*at, self.slots.get(*at as usize)?)));
        let unseen: Vec<Signed<'_>> = strange.map(|(at, slot)| self.signed(at, slot)).collect();
        let found = conflict::opposed(at, &own, &unseen, room, || Sight::of(&self.slots, &weighed.strangers));
        self.state.conflicts.retain(stays);
        if weighed.strangers.is_empty() && own.iter().any(|side| side.at.is_empty() && !side.increment) {
            self.state.unlisted = 0;
        }
        self.state.conflicts.extend(found.listed);
        self.state.unlisted = self.state.unlisted.saturating_add(found.more);
    }

    /// The document with all statements below the next position, begun no later than `low`.
    fn branches(&mut self, low: u32) -> Result<&mut Branches, EngineFailed> {
        let at = self.next;
        let low = if self.engine_always { 0 } else { (low as usize).min(at) };
        let fits = |branches: &Branches, slots: &[Slot]| {
            let newer = slots.get(branches.through..at).unwrap_or_default();
            branches.from <= low && newer.iter().all(|slot| slot.low as usize >= branches.from)
        };
        let known = self.warm.as_ref().and_then(|warm| warm.branches.as_ref());
        let usable = known.filter(|branches| fits(branches, &self.slots));
        let from = self.cut(low);
        let joint = self.warm.as_ref().is_some_and(|warm| warm.joints.iter().any(|(at, _)| *at == from));
        let long = usable.is_some_and(|branches| from.saturating_sub(branches.from) > LONG);
        if usable.is_none() || (long && joint) {
            let seed = self.tree_at(from)?;
            let doc = Doc::begin(seed.as_ref())?;
            self.warm.get_or_insert_default().branches = Some(Branches { doc, from, through: from });
        }
        let slots = &self.slots;
        let branches = self.warm.as_mut().and_then(|warm| warm.branches.as_mut()).ok_or(EngineFailed)?;
        let newer = slots.get(branches.through..at).unwrap_or_default();
        for slot in newer.iter().filter(|slot| slot.is_fit()) {
            let bases = slot.parents.as_slice().iter().filter_map(|base| slots.get(*base as usize)).map(Slot::id);
            branches.doc.apply(slot.id(), &bases.collect::<Vec<_>>(), slot.edits())?;
        }
        branches.through = at;
        Ok(branches)
    }

    /// The greatest number of statements, at most `low`, that all statements from there to here have seen.
    fn cut(&self, low: usize) -> usize {
        let mut cut = low;
        for (at, slot) in self.slots.iter().enumerate().take(self.next).rev() {
            if at < cut {
                break;
            }
            cut = cut.min(slot.low as usize);
        }
        cut
    }

    /// The merged value after the first `count` statements, all of them decided.
    fn tree_at(&mut self, count: usize) -> Result<Option<Tree>, EngineFailed> {
        if count == 0 || self.engine_always {
            return Ok(None);
        }
        let (at, state) = self.nearest(count);
        if at == count {
            return Ok(state.tree);
        }
        let slots = self.slots.get(..count).unwrap_or_default().to_vec();
        let mut past = Self { slots, next: at, state, skips: self.skips.clone(), ..Self::default() };
        past.replay(count)?;
        past.freshen()?;
        self.mark(count, past.state.clone());
        Ok(past.state.tree)
    }
}
