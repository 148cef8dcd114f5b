//! Many statements at once, as a long absence or a revocation brings them. What the fold notes while it works grows with
//! what it is given: in parts, whole entries each, it stays small. The order makes no difference to the state, only to the time.

use std::collections::BTreeSet;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use driftless_statement::{Path, Verified, schema};

use super::fate::Member;
use super::order::{Members, Slot};
use super::places::Places;
use super::scope::{Run, ScopeFold};

/// Statements decided in one piece. A guess: what is noted of so many fits a core's cache.
const AT_ONCE: usize = 1_024;
/// When one member in so many leaves or ceases to count, or more, all entries are walked through for them: each one by itself
/// would be looked for by its path, its time and its id, none of which is in a core's cache.
const WALK: usize = 16;
/// When one member in so many leaves, or more, those that stay are gathered anew.
const GATHER: usize = 4;

/// What a fold is given and what leaves it, together.
#[derive(Debug, Clone, Copy, Default)]
pub struct Many<'a> {
    /// Statements given, or given again.
    pub given: &'a [Member],
    /// Statements that were given and counted, and count no longer.
    pub ceased: &'a [Arc<Verified>],
    /// Statements that leave, ascending by id, each once.
    pub leaving: &'a [Arc<Verified>],
}

/// What an update let go of. To drop it touches every statement once more, a miss of the cache each.
#[derive(Debug, Clone, Default)]
pub struct Spent {
    members: Members,
    statements: Vec<Arc<Verified>>,
}

/// One statement that is given, with whether it counts; or that leaves.
#[derive(Clone, Copy)]
struct Step<'a> {
    statement: &'a Arc<Verified>,
    counts: Option<bool>,
}

impl<'a> Step<'a> {
    fn path(&self) -> Option<&'a Path> {
        self.statement.statement().touches.first().map(|touch| &touch.path)
    }
}

impl ScopeFold {
    /// The same as [`ScopeFold::update`], for any number of statements. Returns the entries whose merged state changed, and what
    /// was let go of, to be dropped when there is time.
    pub fn update_many(&mut self, many: Many<'_>) -> (BTreeSet<Path>, Spent) {
        let leaves = many.leaving.iter().map(|statement| Step { statement, counts: None });
        let ceases = many.ceased.iter().map(|statement| Step { statement, counts: Some(false) });
        let mut known: Vec<Step<'_>> = leaves.chain(ceases).collect();
        let (mut changed, mut spent) = (BTreeSet::new(), Spent::default());
        if known.len() > AT_ONCE.max(self.members.len() / WALK) {
            known = self.walk(known, &mut changed, &mut spent.statements);
        }
        let given = many.given.iter().map(|one| Step { statement: &one.statement, counts: Some(one.counts) });
        let mut steps: Vec<Step<'_>> = known.into_iter().chain(given).collect();
        if steps.len() > AT_ONCE {
            steps = by_entry(&steps);
        }
        let mut rest = steps.as_slice();
        while !rest.is_empty() {
            let least = AT_ONCE.min(rest.len());
            let last = rest.get(least - 1).and_then(Step::path);
            let more = rest.iter().skip(least).take_while(|step| step.path() == last).count();
            let (part, others) = rest.split_at_checked(least + more).unwrap_or((rest, &[]));
            rest = others;
            let leaving = part.iter().filter(|step| step.counts.is_none()).map(|step| step.statement).collect();
            let given = |step: &Step<'_>| Some(Member { statement: step.statement.clone(), counts: step.counts? });
            let given: Vec<Member> = part.iter().filter_map(given).collect();
            let mut run = Run::default();
            self.withdraw_members(leaving, &mut run);
            self.admit(&given, &mut run);
            changed.extend(self.run(run).into_keys());
        }
        spent.members = self.dismiss(many.leaving);
        (changed, spent)
    }

    /// Finds statements that leave or cease to count by walking through all entries, and follows them there. Statements are told
    /// apart by where they lie in memory: the log and the fold share them. Gives back those that were not found.
    fn walk<'a>(
        &mut self,
        steps: Vec<Step<'a>>,
        changed: &mut BTreeSet<Path>,
        spent: &mut Vec<Arc<Verified>>,
    ) -> Vec<Step<'a>> {
        let by_place = Places::of(steps.iter().map(|step| place(step.statement)).zip(0..).collect());
        let mut found = vec![false; steps.len()];
        let mut part: Vec<(Path, Vec<usize>)> = Vec::new();
        let mut parts: Vec<Vec<(Path, Vec<usize>)>> = Vec::new();
        let mut size = 0;
        for (path, entry) in &self.entries {
            let at = |slot: &Slot| by_place.at(place(&slot.statement)).next();
            let here: Vec<usize> = entry.slots.iter().filter_map(at).collect();
            if here.is_empty() {
                continue;
            }
            here.iter().for_each(|at| found.get_mut(*at).into_iter().for_each(|found| *found = true));
            size += here.len();
            part.push((path.clone(), here));
            if size >= AT_ONCE {
                parts.push(std::mem::take(&mut part));
                size = 0;
            }
        }
        parts.push(part);
        for part in parts {
            let mut run = Run::default();
            for (path, here) in part {
                let here: Vec<Step<'_>> = here.into_iter().filter_map(|at| steps.get(at).copied()).collect();
                spent.extend(self.follow(&path, &here, &mut run));
            }
            changed.extend(self.run(run).into_keys());
        }
        let missed = steps.into_iter().zip(found).filter(|(_, found)| !found);
        missed.map(|(step, _)| step).collect()
    }

    /// Follows statements, in their order, that leave an entry or cease to count in it. Gives back those that left.
    fn follow(&mut self, path: &Path, here: &[Step<'_>], run: &mut Run) -> Vec<Arc<Verified>> {
        if schema::scope_of(path).is_some() {
            let leaving = here.iter().filter(|step| step.counts.is_none());
            leaving.for_each(|step| self.book.note(path, step.statement.key(), None));
        }
        if !self.breaches.is_empty() {
            here.iter().for_each(|step| drop(self.breaches.remove(&step.statement.id())));
        }
        let Some(entry) = self.entries.get_mut(path).map(Arc::make_mut) else { return Vec::new() };
        let mut next = here.iter().peekable();
        let (mut first, mut leaving) = (None, Vec::new());
        for (slot, at) in entry.slots.iter_mut().zip(0..) {
            let Some(step) = next.next_if(|step| Arc::ptr_eq(step.statement, &slot.statement)) else { continue };
            match step.counts {
                None => leaving.push(at),
                Some(counts) if slot.counts != counts => slot.counts = counts,
                Some(_) => continue,
            }
            first = first.or(Some(at));
        }
        let Some(first) = first else { return Vec::new() };
        run.touched(path, first, None);
        entry.let_go(&leaving)
    }

    /// What left the entries is no member any longer.
    fn dismiss(&mut self, leaving: &[Arc<Verified>]) -> Members {
        if leaving.len() <= self.members.len() / GATHER {
            leaving.iter().for_each(|one| drop(self.members.remove(&one.id())));
            return Members::new();
        }
        let mut next = leaving.iter().map(|one| one.id()).peekable();
        let stays = self.members.iter().filter(|(id, _)| {
            while next.next_if(|leaves| leaves < *id).is_some() {}
            next.next_if_eq(*id).is_none()
        });
        let stays = stays.map(|(id, statement)| (*id, statement.clone())).collect();
        std::mem::replace(&mut self.members, stays)
    }
}

/// Entry by entry in the order of paths, in each of them as they were. Only the entries are compared by their paths, not the
/// statements.
fn by_entry<'a>(steps: &[Step<'a>]) -> Vec<Step<'a>> {
    let mut hashed: Vec<(u64, usize)> = steps.iter().map(|step| hash(step.path())).zip(0..).collect();
    hashed.sort_unstable();
    let step = |(_, at): &(u64, usize)| steps.get(*at).copied();
    let path = |one: &(u64, usize)| step(one).and_then(|step| step.path());
    let groups = hashed.chunk_by(|one, next| one.0 == next.0);
    let mut sorted: Vec<_> = groups.map(|group| (group.first().and_then(path), group)).collect();
    sorted.sort_unstable_by_key(|(path, _)| *path);
    sorted.into_iter().flat_map(|(_, group)| group).filter_map(step).collect()
}

/// Where a statement lies in memory, spread over all numbers: no two places become one.
fn place(statement: &Arc<Verified>) -> u64 {
    // Knuth's multiplicative hashing, "The Art of Computer Programming" 6.4: 2^64 over the golden ratio, made odd.
    (Arc::as_ptr(statement).addr() as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

/// A hash under a fixed key: the same on every node and in every run.
fn hash(path: Option<&Path>) -> u64 {
    let mut hasher = DefaultHasher::new();
    path.map(Path::as_str).hash(&mut hasher);
    hasher.finish()
}
