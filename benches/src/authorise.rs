//! What it costs to ask trust about one write, beside the check of the write's signature; and what one more act of `@mesh`
//! costs, as it grows.

use std::collections::BTreeMap;
use std::hint::black_box;
use std::sync::Arc;

use driftless_core::machine::{CallId, Event};
use driftless_core::trust::{Accepted, Trust};
use driftless_statement::{StatementId, Terms, Verified};

use crate::apply::bound;
use crate::authority::{Authority, Writer};
use crate::pairing::{Effort, Paired, pair, span, work_seconds};
use crate::peers::Peer;
use crate::table::{Row, Want};

/// Writes that are judged in turn: more than one core's nearest cache holds with what is looked up for them.
const WRITES: usize = 2_048;
/// How often all of them are judged for one figure.
const TURNS: usize = 8;
/// Share of a signature check that judging may take.
const SHARE: f64 = 0.05;

/// A trust, and writes to ask it about.
struct Asked {
    trust: Trust,
    accepted: Accepted,
    writes: Vec<Arc<Verified>>,
    /// How many of them count.
    count: usize,
}

impl Asked {
    fn of(mesh: &Authority, writes: Vec<Arc<Verified>>, count: usize) -> Self {
        let trust = evaluate(&mesh.acts);
        let held: BTreeMap<StatementId, &Verified> = writes.iter().map(|write| (write.id(), &**write)).collect();
        let mut accepted = Accepted::default();
        for write in &writes {
            trust.accept(write, |id| held.get(id).copied(), &mut accepted);
        }
        Self { trust, accepted, writes, count }
    }

    /// Grants in chains, and writes at the ends of them.
    fn plain(grants: usize, depth: usize) -> Self {
        let mut mesh = Authority::found();
        let mut writers = mesh.chains(grants, depth, &Terms::default());
        let writes = spread(&mut mesh, &mut writers);
        Self::of(&mesh, writes, WRITES)
    }

    /// The same where the first grant of each chain demands two approvals, and every write has them.
    fn approved(grants: usize, depth: usize) -> Self {
        let mut mesh = Authority::found();
        let (approvers, terms) = mesh.approvers();
        let mut writers = mesh.chains(grants, depth, &terms);
        let writes = spread(&mut mesh, &mut writers);
        for write in &writes {
            approvers.iter().take(2).for_each(|approver| mesh.approve(approver, write.id()));
        }
        Self::of(&mesh, writes, WRITES)
    }

    /// The same where all is said by one key that is revoked, the first half of it accepted.
    fn revoked(grants: usize, depth: usize) -> Self {
        let mut mesh = Authority::found();
        let mut writers = mesh.chains(grants, depth, &Terms::default());
        let mut writer = writers.swap_remove(0);
        let writes: Vec<_> = (0..WRITES).map(|entry| mesh.write(&mut writer, entry, vec![])).collect();
        let revocation = mesh.revoke(&writer, Some(writes[WRITES / 2 - 1].id()));
        mesh.acts.push(revocation);
        Self::of(&mesh, writes, WRITES / 2)
    }

    /// Seconds a write that all questions about it take: those before its signature is checked, when it is let into the log,
    /// and when it is folded.
    fn ask(&self) -> f64 {
        let counts = |write: &&Arc<Verified>| {
            let known = self.trust.is_author(&write.statement().author);
            let let_in = self.trust.keeps(write) || self.trust.admissible(write, &self.accepted).is_ok();
            known && let_in && self.trust.authorised(write, &self.accepted).is_ok()
        };
        let turn = || black_box(&self.writes).iter().filter(counts).count();
        let (took, good) = work_seconds(|| (0..TURNS).map(|_| turn()).sum::<usize>());
        assert_eq!(good, self.count * TURNS, "the verdicts are what they should be");
        took / (self.writes.len() * TURNS) as f64
    }

    fn beside_check(&self, effort: Effort) -> Paired {
        pair(effort, || self.ask(), || bound(&self.writes))
    }
}

fn evaluate(acts: &[Arc<Verified>]) -> Trust {
    Trust::evaluate(&acts[0], acts.iter().map(|act| &**act))
}

/// As many writes as are judged, by writers in turn.
fn spread(mesh: &mut Authority, writers: &mut [Writer]) -> Vec<Arc<Verified>> {
    let count = writers.len();
    (0..WRITES).map(|number| mesh.write(&mut writers[number % count], number, vec![])).collect()
}

fn share(what: String, paired: &Paired) -> Row {
    Row {
        what,
        against: "`verify_strict` of the same writes".to_owned(),
        want: Want::AtMost(100.0 * SHARE),
        unit: " %",
        figure: paired.ratio.times(100.0),
        note: format!("{} against {}", span(paired.ours.median()), span(paired.theirs.median())),
    }
}

fn one_write(effort: Effort, rows: &mut Vec<Row>) {
    const DEPTHS: [usize; 3] = [1, 4, 8];
    let most = effort.size(10_000, 1_000);
    for depth in DEPTHS {
        let mut flat = Vec::new();
        for grants in [10, 100, 1_000, 10_000].into_iter().filter(|grants| *grants <= most) {
            let paired = Asked::plain(grants, depth).beside_check(effort);
            flat.push(paired.ratio.median());
            rows.push(share(format!("authorising one write, {grants} grants in chains of {depth}"), &paired));
        }
        let growth = flat.last().copied().unwrap_or(f64::NAN) - flat[0];
        let more = Row::plain(
            format!("the same, {most} grants less 10, in chains of {depth}: share of the check that is added"),
            Want::AtMost(1.0),
            " %",
            100.0 * growth,
        );
        rows.push(more.note("flat: a look-up in an ordered map is all that grows"));
    }
    let grants = effort.size(10_000, 1_000);
    let approved = Asked::approved(grants, 8).beside_check(effort);
    rows.push(share(
        format!("authorising one write, {grants} grants in chains of 8, two approvals demanded"),
        &approved,
    ));
    let revoked = Asked::revoked(grants, 8).beside_check(effort);
    rows.push(share(
        format!("authorising one write, {grants} grants in chains of 8, its key revoked, half accepted"),
        &revoked,
    ));
}

/// One more act: evaluated alone, and through a machine, which evaluates what it holds and what is due.
fn one_act(effort: Effort, rows: &mut Vec<Row>) {
    for acts in [100, 1_000, effort.size(10_000, 2_000)] {
        let mut mesh = Authority::found();
        mesh.chains(acts, 4, &Terms::default());
        let mut peer = Peer::of(mesh.mesh, 1, mesh.acts.clone());
        let more: Vec<Arc<Verified>> = (0..2 * effort.rounds + 1).map(|_| mesh.one_more()).collect();
        let all = mesh.acts.clone();
        let whole = pair(effort, || work_seconds(|| evaluate(&all)).0, || bound(&more));
        let mut next = more.iter();
        let ours = || {
            let act = next.next().unwrap();
            let before = peer.busy;
            peer.handle(Event::Submit { call: CallId(1), statements: vec![act.wire().to_vec()] });
            peer.busy - before
        };
        let paired = pair(effort, ours, || bound(&more));
        assert_eq!(peer.held(), (mesh.acts.len() + more.len()) as u64, "every act was taken in");
        let row = Row::ratio(
            format!("one more act of `@mesh` through the machine, after {acts}"),
            "`verify_strict` of it",
            Want::Shown,
            &paired,
        );
        let (one, check) = (span(paired.ours.median()), span(paired.theirs.median()));
        rows.push(row.note(format!("{one} against {check}; `Trust::evaluate` alone {}", span(whole.ours.median()))));
    }
}

/// All rows about asking trust.
pub fn run(effort: Effort) -> Vec<Row> {
    let mut rows = Vec::new();
    one_write(effort, &mut rows);
    one_act(effort, &mut rows);
    rows
}
