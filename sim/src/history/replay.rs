//! Directs a world through a history: who writes what, who meets whom. It must not know how the end is explained.

use driftless_core::machine::{LocalChange, LocalEdit, Precondition};
use driftless_statement::{Path, Prefix, StatementId, Value, Why};

use super::file::History;
use super::lanes::{Lanes, Step, plan};
use super::seen::{Seen, closures};
use super::told;
use crate::plan::{Case, Plan};
use crate::record::{HistoryTold, Record, Violation};
use crate::scenario::Scenario;
use crate::world::{FOUNDING_MS, NODES_WRITE, Options, Stage};

/// Simulated time between two commits: enough to see branches grow in the report. Which commit came first, what was seen
/// and what conflicts do not depend on it.
const COMMIT_MS: u64 = 1_000;
/// How long two nodes that meet, or a write, may take: ten times the node's own regular round.
const PATIENCE_MS: u64 = 150_000;
/// The longest run that a scenario can describe; the world ends when the history does.
const MINUTES: u64 = 60 * 24 * 60;

/// Replays a history. `tell` hears how many commits are written. What went wrong stands among the record's violations.
pub fn replay(history: &History, seed: u64, options: Options, tell: &mut dyn FnMut(usize)) -> Record {
    let lanes = plan(&history.commits);
    let case = Case { seed, scenario: scenario(&lanes), plan: Plan::default() };
    let mut stage = Stage::new(&case, options);
    stage.keep_apart();
    let mut director = Director::new(history, &lanes, stage);
    let stuck = director.direct(tell).err();
    let Director { mut stage, mut told, written, closures, .. } = director;
    let mut wrong = Vec::new();
    match stuck {
        Some(what) => wrong.push(what),
        None => wrong = told::tell(&mut told, history, &closures, &written, &stage),
    }
    let at_ms = stage.now_ms();
    stage.end_load();
    let mut record = stage.finish();
    // It is directed: what a storm would reach is not its purpose.
    record.sometimes.retain(|_, times| *times > 0);
    let violation = |what| Violation { check: "history".to_owned(), at_ms, node: 0, what };
    record.violations.extend(wrong.into_iter().map(violation));
    record.history = Some(told);
    record
}

fn scenario(lanes: &Lanes) -> Scenario {
    let about =
        "A real history: its branches are written on nodes that have not seen each other, its merges join them.";
    let text = format!(
        "name = \"real-history\"\nabout = \"{about}\"\nnodes = {}\nminutes = {MINUTES}\n\
         [load]\nwrites_per_second = 0.0\nwatchers = 0\n",
        lanes.nodes
    );
    Scenario::parse(&text).unwrap_or_else(|bad| panic!("a history of {} branches at a time: {bad}", lanes.nodes))
}

/// Which statements carry each commit.
pub struct Written(pub Vec<Vec<StatementId>>);

struct Director<'a> {
    history: &'a History,
    lanes: &'a Lanes,
    closures: Vec<Seen>,
    stage: Stage,
    written: Written,
    /// Statements that founding put into the scope: not the history's.
    founded: u64,
    told: HistoryTold,
}

impl<'a> Director<'a> {
    fn new(history: &'a History, lanes: &'a Lanes, stage: Stage) -> Self {
        let told = HistoryTold {
            commits: history.commits.len() as u64,
            merges: history.merges() as u64,
            authors: history.authors() as u64,
            changes: history.changes() as u64,
            ..HistoryTold::default()
        };
        let written = Written(vec![Vec::new(); history.commits.len()]);
        Self { history, lanes, closures: closures(&history.commits), stage, written, founded: 0, told }
    }

    /// `Err`: what went wrong, for people.
    fn direct(&mut self, tell: &mut dyn FnMut(usize)) -> Result<(), String> {
        self.stage.run_to(FOUNDING_MS);
        self.founded = self.stage.held(0, NODES_WRITE);
        for step in &self.lanes.steps {
            match *step {
                Step::Meet { a, b, merge } => {
                    let before = self.open(a).max(self.open(b));
                    self.meet(a, b)?;
                    self.met(merge, before, self.open(a));
                }
                Step::Write { node, commit } => {
                    self.stage.run_to(FOUNDING_MS + commit as u64 * COMMIT_MS);
                    self.write(node, commit)?;
                    tell(commit + 1);
                }
            }
        }
        self.stage.join_all();
        let all: Vec<usize> = (0..self.stage.nodes()).collect();
        let limit_ms = self.stage.now_ms() + self.stage.bound_ms();
        let equal = self.stage.run_until(limit_ms, |stage| stage.equal(&all));
        if equal { Ok(()) } else { Err(format!("{} nodes were joined and are not equal in time", all.len())) }
    }

    /// Conflicts that a node sees.
    fn open(&self, node: usize) -> u64 {
        self.stage.machine(node).map_or(0, |machine| machine.conflicts(&Prefix::all(), 0).1)
    }

    fn met(&mut self, merge: bool, before: u64, after: u64) {
        *(if merge { &mut self.told.merges_met } else { &mut self.told.forks_met }) += 1;
        self.told.merges_in_conflict += u64::from(after > before);
        self.told.most_open = self.told.most_open.max(after);
    }

    fn meet(&mut self, a: usize, b: usize) -> Result<(), String> {
        let limit_ms = self.stage.now_ms() + PATIENCE_MS;
        self.stage.link(a, b);
        let equal = self.stage.run_until(limit_ms, |stage| stage.equal(&[a, b]));
        self.stage.cut(a, b);
        if equal { Ok(()) } else { Err(format!("nodes {a} and {b} met and are not equal after {PATIENCE_MS} ms")) }
    }

    /// A node that has seen exactly what the commit's author had writes the commit.
    fn write(&mut self, node: usize, commit: usize) -> Result<(), String> {
        let seen = self.closures[commit].commits().map(|seen| self.written.0[seen].len() as u64).sum::<u64>();
        let held = self.stage.held(node, NODES_WRITE);
        if held != seen + self.founded {
            return Err(format!(
                "node {node} is to write commit {commit}, which follows {seen}, and holds {held} statements"
            ));
        }
        let mut calls = Vec::new();
        for (path, value) in &self.history.commits[commit].changes {
            let gone = value.is_none() && !self.stage.has(node, path);
            if gone {
                self.told.unchanged += 1;
            } else {
                let edit = edit(path, value.as_ref(), commit, self.history.commits[commit].author);
                self.stage.expect(1);
                calls.push(self.stage.write(node, edit).ok_or(format!("node {node} does not run"))?);
            }
        }
        let limit_ms = self.stage.now_ms() + PATIENCE_MS;
        for call in calls {
            let mut answer = None;
            self.stage.run_until(limit_ms, |stage| {
                answer = stage.answer(call);
                answer.is_some()
            });
            match answer {
                Some(Ok(Some(id))) => self.written.0[commit].push(id),
                Some(Ok(None)) => self.told.unchanged += 1,
                Some(Err(why)) => return Err(format!("commit {commit} was refused: {why}")),
                None => return Err(format!("commit {commit} was not answered after {PATIENCE_MS} ms")),
            }
        }
        self.told.statements += self.written.0[commit].len() as u64;
        Ok(())
    }
}

fn edit(path: &Path, value: Option<&Value>, commit: usize, author: u64) -> LocalEdit {
    let change = value.map_or(LocalChange::Delete, |value| LocalChange::Put(value.clone()));
    let note = Why { reason: format!("commit {commit} by author {author}"), ..Why::default() }.into();
    LocalEdit { path: path.clone(), change, precondition: Precondition::None, note }
}
