//! What a replayed history came to: digests that must be equal, values against the history's own last words, and every
//! conflict that stands, explained. It reads machines and changes nothing; it must not know how the end was reached.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use driftless_core::machine::{Conflicted, Explained, Machine};
use driftless_statement::{Body, Edit, Op, Path, Prefix, StatementId, Value, Verified, id, json};

use super::file::{Commit, History};
use super::replay::Written;
use super::seen::Seen;
use crate::record::{ConflictExplained, HistoryTold, ScopeEqual, ValueDiffers};
use crate::world::Stage;

/// Conflicts that are listed; above it they are counted.
const LISTED: usize = 5_000;
/// Characters of a value that are shown.
const SHOWN: usize = 60;

/// Fills in what the end looks like. Gives what is not as it must be.
pub fn tell(
    told: &mut HistoryTold,
    history: &History,
    closures: &[Seen],
    written: &Written,
    stage: &Stage,
) -> Vec<String> {
    let machines: Vec<&Machine> = (0..stage.nodes()).filter_map(|node| stage.machine(node)).collect();
    let Some(first) = machines.first() else { return vec!["no node runs at the end".to_owned()] };
    let mut wrong = Vec::new();
    told.scopes = scopes(first);
    for (node, machine) in machines.iter().enumerate() {
        if scopes(machine) != told.scopes {
            wrong.push(format!("nodes 0 and {node} have equal sets and other digests"));
        }
    }
    let commits = written.0.iter().enumerate();
    let by: BTreeMap<StatementId, usize> =
        commits.flat_map(|(commit, ids)| ids.iter().map(move |id| (*id, commit))).collect();
    let teller = Teller { machine: first, commits: &history.commits, closures, by };
    teller.values(told, &mut wrong);
    teller.conflicts(told, &mut wrong);
    wrong
}

fn scopes(machine: &Machine) -> Vec<ScopeEqual> {
    let short = |digest: [u8; 32]| id::hex(&digest[..8]);
    let told = machine.status().scopes.into_iter();
    told.map(|state| ScopeEqual {
        scope: state.scope.to_string(),
        statements: state.statements,
        digests: (short(state.set), short(state.merged), short(state.effective)),
    })
    .collect()
}

struct Teller<'a> {
    machine: &'a Machine,
    commits: &'a [Commit],
    closures: &'a [Seen],
    /// The commit that each statement carries.
    by: BTreeMap<StatementId, usize>,
}

impl Teller<'_> {
    fn name(&self, commit: usize) -> String {
        format!("commit {commit} by author {}", self.commits[commit].author)
    }

    fn commit_of(&self, statement: &Verified) -> Option<usize> {
        self.by.get(&statement.id()).copied()
    }

    fn explain(&self, path: &Path) -> Option<Explained> {
        self.machine.explain(path).ok().flatten()
    }

    // Values.

    fn values(&self, told: &mut HistoryTold, wrong: &mut Vec<String>) {
        let mut changed: BTreeMap<&Path, Vec<(usize, Option<&Value>)>> = BTreeMap::new();
        for (number, commit) in self.commits.iter().enumerate() {
            for (path, value) in &commit.changes {
                changed.entry(path).or_default().push((number, value.as_ref()));
            }
        }
        told.paths = changed.len() as u64;
        for (path, changes) in &changed {
            let Some((last, wanted)) = changes.last().copied() else { continue };
            let settled = changes.iter().all(|(commit, _)| self.closures[last].has(*commit));
            let found = self.machine.view().get(path).and_then(|entry| entry.value());
            let entry = found.as_ref();
            told.settled += u64::from(settled);
            told.equal += u64::from(entry == wanted);
            told.live.0 += u64::from(entry.is_some());
            told.live.1 += u64::from(wanted.is_some());
            if entry == wanted {
                continue;
            }
            let others = changes.iter().map(|(commit, _)| *commit).filter(|commit| !self.closures[last].has(*commit));
            let why = self.why_other(path, last, entry.is_some(), &others.collect::<Vec<_>>());
            if settled {
                wrong
                    .push(format!("{path}: {} had seen all others, and the mesh shows another value", self.name(last)));
            }
            told.differ.push(ValueDiffers { path: path.to_string(), last: self.name(last), why });
        }
    }

    /// Whose word the mesh shows besides the last one's: only that of commits made without it can be.
    fn why_other(&self, path: &Path, last: usize, live: bool, others: &[usize]) -> String {
        let names = |commits: &[usize]| commits.iter().map(|commit| self.name(*commit)).collect::<Vec<_>>().join(", ");
        if !live {
            return format!("made without it, and deleted the entry: {}", names(others));
        }
        let winners = self.explain(path).map(|explained| explained.winners).unwrap_or_default();
        let mut leaves: BTreeMap<usize, usize> = BTreeMap::new();
        for commit in winners.iter().filter_map(|(.., by)| self.commit_of(by)) {
            *leaves.entry(commit).or_default() += 1;
        }
        leaves.retain(|commit, _| !self.closures[last].has(*commit));
        if leaves.is_empty() {
            return format!("made without it, and took something away: {}", names(others));
        }
        let shown = leaves.iter().map(|(commit, count)| format!("{count} from {}", self.name(*commit)));
        let shown: Vec<String> = shown.collect();
        format!("of {} values in it, made without it: {}", winners.len(), shown.join(", "))
    }

    // Conflicts.

    fn conflicts(&self, told: &mut HistoryTold, wrong: &mut Vec<String>) {
        let (list, open) = self.machine.conflicts(&Prefix::all(), LISTED);
        told.open = open;
        let paths: BTreeSet<&Path> = list.iter().map(|conflict| &conflict.path).collect();
        let explained: BTreeMap<&Path, Explained> =
            paths.into_iter().filter_map(|path| Some((path, self.explain(path)?))).collect();
        for conflict in &list {
            match explained
                .get(&conflict.path)
                .ok_or("is not explained".to_owned())
                .and_then(|all| self.one(conflict, all))
            {
                Ok(one) => told.conflicts.push(one),
                Err(why) => wrong.push(format!("the conflict at {}{} {why}", conflict.path, conflict.pointer)),
            }
        }
    }

    fn one(&self, conflict: &Conflicted, explained: &Explained) -> Result<ConflictExplained, String> {
        let commit =
            |side: &(Arc<Verified>, u32)| self.commit_of(&side.0).ok_or("has a side that no commit carries".to_owned());
        let (winner, loser) = (commit(&conflict.winner)?, commit(&conflict.loser)?);
        if self.closures[winner].has(loser) || self.closures[loser].has(winner) {
            return Err(format!("is between commits {winner} and {loser}, of which one had seen the other"));
        }
        Ok(ConflictExplained {
            path: conflict.path.to_string(),
            pointer: conflict.pointer.clone(),
            winner: side(&conflict.winner, &conflict.path),
            loser: side(&conflict.loser, &conflict.path),
            shows: shows(&conflict.pointer, explained),
            why: self.why_open(conflict, winner, loser),
        })
    }

    /// Why a conflict stands: where its sides met, and that nobody who saw both has decided since.
    fn why_open(&self, conflict: &Conflicted, winner: usize, loser: usize) -> String {
        let both = |commit: &usize| self.closures[*commit].has(winner) && self.closures[*commit].has(loser);
        let mut later = (winner.max(loser)..self.commits.len()).filter(both);
        let met = later.next().map_or("never met".to_owned(), |commit| format!("met in {}", self.name(commit)));
        let changes = |commit: &usize| self.commits[*commit].changes.iter().any(|(path, _)| *path == conflict.path);
        let since: Vec<usize> = later.filter(changes).collect();
        let decided = match since.first() {
            None => "nobody who saw both changed the entry since".to_owned(),
            Some(first) => {
                format!("{} and {} more changed the entry since, elsewhere", self.name(*first), since.len() - 1)
            }
        };
        let edit = |side: &(_, u32)| edit(side, &conflict.path).map(|edit| edit.op.clone());
        let same = edit(&conflict.winner) == edit(&conflict.loser);
        let same = if same { "; both did the same" } else { "" };
        format!("made without each other, {met}; {decided}{same}")
    }
}

fn edit<'a>((statement, index): &'a (Arc<Verified>, u32), path: &Path) -> Option<&'a Edit> {
    let at = statement.statement().touches.iter().position(|touch| touch.path == *path)?;
    match &statement.statement().body {
        Body::Write(write) => write.edits.get(at)?.get(*index as usize),
        Body::Genesis(_)
        | Body::Grant(_)
        | Body::Approve(_)
        | Body::Revoke(_)
        | Body::Accept(_)
        | Body::Rotate(_)
        | Body::Unknown { .. } => None,
    }
}

/// Who, and what they did.
fn side(side: &(Arc<Verified>, u32), path: &Path) -> String {
    let what = edit(side, path).map_or("?".to_owned(), |edit| match &edit.op {
        Op::Put(value) => format!("put {}", short(value)),
        Op::Delete => "deleted".to_owned(),
        Op::Counter(start) => format!("began a counter at {start}"),
        Op::Increment(by) => format!("added {by}"),
        Op::Insert(inserted) => format!("inserted {}", short(&inserted.value)),
    });
    format!("{}: {what}", side.0.statement().note.reason)
}

/// What the merged value shows at a pointer, below it, or, where that place is gone, above it.
fn shows(pointer: &str, explained: &Explained) -> String {
    let within = |inner: &str, outer: &str| {
        inner.strip_prefix(outer).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    let below = explained.winners.iter().filter(|(at, ..)| within(at, pointer));
    let above = explained.winners.iter().filter(|(at, ..)| within(pointer, at));
    let mut leaves = below.chain(above.filter(|(at, ..)| at != pointer));
    let Some((_, value, by)) = leaves.next() else { return "nothing: the place is gone".to_owned() };
    let more = match leaves.count() {
        0 => String::new(),
        more => format!(", and {more} more in it"),
    };
    format!("{} from {}{more}", short(value), by.statement().note.reason)
}

fn short(value: &Value) -> String {
    let text = json::to_string(value);
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}
