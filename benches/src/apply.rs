//! Catching up: a node that was away reconciles with one that holds everything. Each statement is decoded, its signature
//! checked, logged, folded, digested and shown. Held against the signature check alone, and against Automerge, which
//! checks none.

use std::sync::Arc;

use automerge::transaction::Transactable;
use automerge::{ActorId, AutoCommit, Automerge, Change, ROOT, ReadDoc};
use driftless_statement::sign::verify_for;
use driftless_statement::statement::Bytes;
use driftless_statement::{PublicKey, StatementId, Value, Verified};

use crate::forge::{Forge, letters, path, put, text};
use crate::pairing::{Effort, Paired, Spread, pair, span, work_seconds};
use crate::peers::{Peer, catch_up, keys, newcomer};
use crate::table::{Row, Want};

/// What a statement's signature covers before its bytes; see docs/statement.md.
const CONTEXT: &[u8] = b"driftless/statement/v1\0";
/// Bytes of a value: what a small configuration entry has.
const VALUE: usize = 200;
/// Statements whose signatures are checked for one figure of the bound.
const CHECKED: usize = 2_000;

/// Seconds a statement that the check of signatures takes, alone.
pub fn bound(statements: &[Arc<Verified>]) -> f64 {
    let some = statements.iter().take(CHECKED).map(|statement| (statement.statement().author, statement.wire()));
    let some: Vec<_> = some.collect();
    let (took, good) = work_seconds(|| {
        let good = |(author, wire): &&(PublicKey, Bytes)| {
            let (canonical, signature) = wire.split_last_chunk::<64>().unwrap();
            verify_for(author, CONTEXT, canonical, signature)
        };
        some.iter().filter(good).count()
    });
    assert_eq!(good, some.len(), "the yardstick checks what it should");
    took / some.len() as f64
}

/// A scope that one node holds and another lacks.
struct Lag {
    forge: Forge,
    all: Vec<Arc<Verified>>,
    full: Peer,
}

impl Lag {
    fn of(forge: Forge, all: Vec<Arc<Verified>>) -> Self {
        let disk = forge.bundle.iter().chain(&all).cloned().collect();
        let full = Peer::new(&forge, 1, disk);
        Self { forge, all, full }
    }

    fn plain(entries: usize, times: usize) -> Self {
        let forge = Forge::found(&keys(2));
        let all = forge.history(entries, times, VALUE);
        Self::of(forge, all)
    }

    /// Seconds a statement that catching up takes.
    fn run(&mut self) -> f64 {
        let mut late = newcomer(&self.forge, &self.all[0]);
        catch_up(&mut self.full, &mut late);
        assert_eq!(late.held(), self.full.held(), "it caught up");
        late.busy / (self.all.len() - 1) as f64
    }

    fn against_bound(&mut self, effort: Effort) -> Paired {
        let all = self.all.clone();
        pair(effort, || self.run(), || bound(&all))
    }
}

/// The share of the bound that is reached: its time over ours.
fn share(paired: &Paired) -> Spread {
    paired.ratio.inverse()
}

fn against_bound(effort: Effort, rows: &mut Vec<Row>) {
    let shapes = [(1_000, 1), (effort.size(100_000, 10_000), 1), (1, 1_000), (100, effort.size(1_000, 100))];
    let mut costs = Vec::new();
    for (entries, times) in shapes {
        let shape = match (entries, times) {
            (_, 1) => format!("{entries} entries"),
            (1, _) => format!("one entry, {times} statements"),
            _ => format!("{entries} entries, {times} statements each"),
        };
        let paired = Lag::plain(entries, times).against_bound(effort);
        let note = format!("{} a statement against {}", span(paired.ours.median()), span(paired.theirs.median()));
        rows.push(Row {
            what: format!("bulk apply of received statements, {shape}"),
            against: "`verify_strict` alone, one core".to_owned(),
            want: Want::AtLeast(0.6),
            unit: " ×",
            figure: share(&paired),
            note,
        });
        costs.push((shape, paired.ratio.median()));
    }
    let first = costs[0].1;
    for (shape, cost) in costs.into_iter().skip(1) {
        let flat = Row::plain(
            format!("its cost a statement, {shape}, over that of 1,000 entries"),
            Want::AtMost(1.2),
            " ×",
            cost / first,
        );
        rows.push(flat.note("each as a multiple of the bound measured beside it"));
    }
}

/// The same edits as Automerge changes in one document.
fn automerge_changes(count: usize) -> Vec<Change> {
    let mut doc = AutoCommit::new().with_actor(ActorId::from([1u8; 16]));
    for number in 0..count {
        doc.put(ROOT, path(number).as_str(), letters(number, VALUE)).unwrap();
        doc.commit();
    }
    doc.get_changes(&[])
}

fn against_automerge(effort: Effort) -> Row {
    let count = effort.size(10_000, 300);
    let changes = automerge_changes(count);
    let mut lag = Lag::plain(count, 1);
    let theirs = || {
        let mut doc = Automerge::new();
        let (took, ()) =
            work_seconds(|| changes.iter().for_each(|change| doc.apply_changes([change.clone()]).unwrap()));
        assert_eq!(doc.length(ROOT), count);
        took / count as f64
    };
    let paired = pair(effort, || lag.run(), theirs);
    let note = format!("{} a statement, signed, against {}", span(paired.ours.median()), span(paired.theirs.median()));
    Row {
        what: format!("bulk apply, {count} entries, speed"),
        against: "Automerge `apply_changes` one by one, unsigned".to_owned(),
        want: Want::AtLeast(5.0),
        unit: " ×",
        figure: paired.ratio.inverse(),
        note,
    }
}

/// `branches` branches take turns in one entry, each writing a key of its own.
fn turns(forge: &Forge, branches: usize, statements: usize) -> Vec<Arc<Verified>> {
    let start = Value::Map((0..64).map(|key| (format!("key{key}"), text(key, 20))).collect());
    let first = forge.write(1, path(0), vec![], vec![put(&[], start)]);
    let mut heads: Vec<StatementId> = vec![first.id(); branches];
    let mut all = vec![first];
    for number in 0..statements {
        let head = &mut heads[number % branches];
        let edit = put(&[&format!("key{}", number % branches)], text(number, 20));
        let statement = forge.write(number + 2, path(0), vec![*head], vec![edit]);
        *head = statement.id();
        all.push(statement);
    }
    all
}

/// How the cost grows with the number of branches that write at once.
fn concurrent(effort: Effort, rows: &mut Vec<Row>) {
    let mut costs = Vec::new();
    for branches in [1, 2, 4, 8, 16, 32, 64] {
        let forge = Forge::found(&keys(2));
        let all = turns(&forge, branches, effort.size(512, 128));
        let paired = Lag::of(forge, all).against_bound(effort);
        costs.push((branches, paired.ratio.median(), paired.ours.median()));
    }
    let grows: Vec<f64> = costs.windows(2).map(|two| two[1].1 / two[0].1).collect();
    let note: Vec<String> = costs.iter().map(|(branches, _, cost)| format!("{branches}: {}", span(*cost))).collect();
    let most = grows.iter().skip(1).copied().fold(0.0, f64::max);
    rows.push(
        Row::plain(
            "bulk apply, cost of the worst doubling of concurrent branches from 2 to 64",
            Want::AtMost(2.0),
            " ×",
            most,
        )
        .note(format!("a statement, by branches: {}", note.join(", "))),
    );
    let first = grows.first().copied().unwrap_or(f64::NAN);
    rows.push(Row::plain("the same, from one branch to two", Want::AtMost(2.0), " ×", first));
}

/// All rows about catching up.
pub fn run(effort: Effort) -> Vec<Row> {
    let mut rows = Vec::new();
    against_bound(effort, &mut rows);
    rows.push(against_automerge(effort));
    concurrent(effort, &mut rows);
    rows
}
