//! Honest keys that act about trust in the course of a run: root keys that are rotated, an author whose grant demands
//! approvals, and its approvers. They follow the plan; at the doors of nodes they are callers like any other.

use std::sync::Arc;

use driftless_core::machine::Machine;
use driftless_core::rng::Rng;
use driftless_statement::edit::Op;
use driftless_statement::{
    Approve, Body, Demand, Demands, Edit, Hlc, Path, Prefix, PublicKey, SecretKey, StatementId, Terms, Touch, Value,
    Verb, Verified, Write,
};

use super::founding::{Mesh, sign, unsigned};
use super::node::secret;
use super::{FOUNDING_MS, START_MS, What, World};
use crate::facts::{Demanded, Facts, Rotated};
use crate::plan::{Case, Doing};

/// Where the author writes.
const CORNER: &str = "app/demanding";
/// Keys that its grant lists as approvers, besides itself.
const APPROVERS: usize = 3;
/// How many of them must approve.
const NEED: u64 = 2;
/// Its entries.
const ENTRIES: u64 = 3;
/// What one approver looks at.
const LOOKS_AT: usize = 32;

/// An author whose writes wait for approvals, and those who give them.
pub struct Demanding {
    author: SecretKey,
    grant: StatementId,
    since: Hlc,
    /// The author last: it is listed too, and its own approval counts for nothing.
    approvers: Vec<(SecretKey, StatementId)>,
    written: i128,
}

impl Demanding {
    /// Grants the keys what they need, before the mesh is founded. `None`: the plan says nothing of them.
    pub fn of(case: &Case, mesh: &mut Mesh, facts: &mut Facts) -> Option<Self> {
        case.plan.trust.iter().any(|act| act.doing != Doing::Rotate).then_some(())?;
        let key = |number: usize| SecretKey::from_bytes(secret(case.seed, "demanding", number));
        let author = key(0);
        let others = (1..=APPROVERS).map(key);
        let approvers: Vec<(SecretKey, StatementId)> = others
            .chain([key(0)])
            .map(|approver| {
                let (acts, grant) = mesh.grant(approver.public(), &[Verb::Approve], "app");
                mesh.bundle.extend(acts);
                (approver, grant)
            })
            .collect();
        let of: std::collections::BTreeSet<PublicKey> = approvers.iter().map(|(key, _)| key.public()).collect();
        let demands = Demands { writes: Some(Demand { approvals: NEED, of: of.clone() }), deletes: None };
        let terms = Terms { demands, ..Terms::default() };
        let (acts, grant) = mesh.grant_on(author.public(), &[Verb::Write], CORNER, terms);
        let since = acts.iter().map(|act| act.statement().hlc).max().unwrap_or_default();
        mesh.bundle.extend(acts);
        facts.demanded.push(Demanded { grant, need: NEED, of });
        Some(Self { author, grant, since, approvers, written: 0 })
    }

    fn write(&mut self, machine: &Machine, mesh: &Mesh, now: Hlc, rng: &mut Rng) -> Option<Verified> {
        let path: Path = format!("{CORNER}/entry-{}", rng.below(ENTRIES)).parse().ok()?;
        let author = self.author.public();
        let told = machine.merged(&path, Some(&author)).ok()?;
        self.written += 1;
        let value = Value::Map([("step".to_owned(), Value::Int(self.written))].into());
        let edits = vec![vec![Edit { at: Vec::new(), op: Op::Put(value) }]];
        let hlc = told.after.max(self.since).next()?.max(now);
        let mut statement = unsigned(mesh.id(), author, self.grant, hlc, Body::Write(Write { edits }));
        (statement.scope, statement.prev) = (path.scope(), told.prev);
        statement.touches = vec![Touch { path, bases: told.heads }];
        Some(sign(statement, &self.author))
    }

    /// What one approver says of what a node shows as pending: it approves most of it, whoever wrote it.
    fn approve(&self, machine: &Machine, mesh: &Mesh, now: Hlc, rng: &mut Rng) -> Vec<Verified> {
        let (approver, grant) = &self.approvers[rng.below(self.approvers.len() as u64) as usize];
        let prefix: Prefix = CORNER.parse().unwrap_or_else(|_| Prefix::all());
        let (pending, _) = machine.pending(&prefix, |said| matches!(said.body, Body::Write(_)), LOOKS_AT);
        let seen = pending.iter().map(|pending| &pending.told.statement).filter(|_| rng.below(4) > 0);
        seen.map(|write| {
            let (scope, id) = (write.statement().scope.clone(), write.id());
            let body = Body::from(Approve { scope, id });
            sign(
                unsigned(mesh.id(), approver.public(), *grant, now.max(self.since.next().unwrap_or(now)), body),
                approver,
            )
        })
        .collect()
    }
}

impl World {
    /// Plans what honest keys do about trust.
    pub(super) fn plan_trust(&mut self) {
        for (number, act) in self.case.plan.trust.iter().enumerate() {
            self.queue.push((FOUNDING_MS + act.at_ms) * 1_000, What::Trust(number));
        }
    }

    /// An act of the plan.
    pub(super) fn trust_acts(&mut self, number: usize) {
        let act = self.case.plan.trust[number];
        let mut rng = Rng::new(act.value);
        if act.doing == Doing::Rotate {
            return self.rotate();
        }
        let doors = self.doors();
        let Some(door) = doors.get(rng.below(doors.len().max(1) as u64) as usize).copied() else { return };
        let now = Hlc::from_millis(START_MS + self.world_ms());
        let Self { nodes, demanding: Some(demanding), mesh, .. } = self else { return };
        let Some(machine) = &nodes[door].machine else { return };
        let said: Vec<Verified> = match act.doing {
            Doing::Write => demanding.write(machine, mesh, now, &mut rng).into_iter().collect(),
            Doing::Approve => demanding.approve(machine, mesh, now, &mut rng),
            Doing::Rotate => Vec::new(),
        };
        if !said.is_empty() {
            self.submit(door, said.iter().map(|said| said.wire().to_vec()).collect(), None);
        }
    }

    /// The root keys found the next epoch. They accept all that they signed: a hostile one among them is left out.
    fn rotate(&mut self) {
        let now_ms = START_MS + self.world_ms();
        let ended = self.mesh.epoch();
        let (acts, listed): (Vec<Arc<Verified>>, _) = self.mesh.rotate(self.case.seed, now_ms);
        let Some(rotation) = acts.first().map(|act| act.id()) else { return };
        self.facts.rotations.push(Rotated { rotation, ended, listed });
        self.admit(acts);
    }
}
