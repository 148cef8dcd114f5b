//! Whole machines beside the model: what arrives in any order, at a node whose disk is late, is kept, judged and folded as the
//! model says of the set, and as another node says that got the same in another way. The log and trust are judged alone in
//! `comparison.rs`; here is what a machine makes of their changes, one act after another.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use driftless_core::machine::{
    CallId, Effect, Event, Fate, KEEP_STRUCK_BYTES, Machine, Now, Pace, Proofs, Rates, Setup,
};
use driftless_core::trust::Refusal;
use driftless_core::wire::{Request, Response};
use driftless_statement::{StatementId, Verified};

use super::comparison::shuffled;
use super::figures;
use super::model::{Body, EPOCH, Held, Id, Key, MESH, Set, Verdict, World, has, ids, only, verb};
use super::real::{Real, public};
use super::small::TERMS;
use super::trust_world::secret;
use super::worlds::{Choose, Random, SMALL, random, some};

/// The node, and the peer that it asks for what it misses: keys that act in no world.
const NODE: Key = 90;
const PEER: Key = 91;
/// Later than anything that a world says.
const WALL_MS: u64 = 1_700_000_000_000;
/// More than any chain of names and grants in a world needs.
const ROUNDS: usize = 24;

thread_local! {
    static SIGNED: RefCell<HashMap<StatementId, Arc<Verified>>> = RefCell::default();
    static PROOFS: Proofs = Proofs::shared();
}

/// Makes node and peer members, by the epoch that is in force when all was said. Gives back the ids of these acts.
fn with_members(world: &mut World) -> Vec<Id> {
    let from = world.said.len();
    let (epoch, _) = Held::of(world, world.all()).in_force();
    let (roots, threshold) = (world.roots_of(epoch), Held::of(world, 1).roots(epoch).1);
    for member in [NODE, PEER] {
        let grant = world.grant(roots[0], epoch, member, verb::MEMBER, "");
        for root in roots.iter().take(threshold).skip(1) {
            world.approve(*root, epoch, MESH, grant);
        }
    }
    (from..world.said.len()).collect()
}

/// The statements of a world with signatures that verify: their ids stay the same.
fn signed(world: &World, real: &Real) -> Vec<Arc<Verified>> {
    let author = |id: Id| if id == EPOCH { world.roots[0] } else { world.said[id].author };
    let sign = |(id, sealed): (Id, &Arc<Verified>)| {
        SIGNED.with_borrow_mut(|known| {
            let new = || Verified::sign(sealed.statement().clone(), &secret(usize::from(author(id)))).unwrap();
            known.entry(sealed.id()).or_insert_with(|| Arc::new(new())).clone()
        })
    };
    real.statements.iter().enumerate().map(sign).collect()
}

/// A node, its disk, and a peer that has all that arrived so far.
struct Node<'a> {
    world: &'a World,
    real: &'a Real,
    signed: &'a [Arc<Verified>],
    machine: Machine,
    arrived: Set,
    /// The batch that the disk has not synced.
    batch: Option<(u64, Vec<Arc<Verified>>, Vec<StatementId>)>,
    disk: Vec<Arc<Verified>>,
    /// What was on the disk and was let go: nobody hands it in again.
    gone: BTreeSet<StatementId>,
    asked: Vec<(driftless_statement::PublicKey, u64, Vec<u8>)>,
    mono_ms: u64,
    calls: u64,
}

impl<'a> Node<'a> {
    fn new(world: &'a World, real: &'a Real, signed: &'a [Arc<Verified>], keep_struck_bytes: usize) -> Self {
        Self::starts(world, real, signed, (keep_struck_bytes, Vec::new()))
    }

    fn starts(
        world: &'a World,
        real: &'a Real,
        signed: &'a [Arc<Verified>],
        (keep_struck_bytes, disk): (usize, Vec<Arc<Verified>>),
    ) -> Self {
        let setup = Setup {
            key: secret(usize::from(NODE)),
            mesh: signed[EPOCH].id().into(),
            name: "node".to_owned(),
            wants: None,
            store: 1,
            boot: 1,
            floor_ms: 0,
            keep_struck_bytes,
            seed: 1,
            pace: Pace::default(),
            rates: Rates::default(),
            proofs: PROOFS.with(Clone::clone),
        };
        let machine = Machine::new(setup, Now { mono_ms: 1_000, wall_ms: WALL_MS });
        let (batch, gone, asked) = (None, BTreeSet::new(), Vec::new());
        let disk_again = disk.clone();
        let mut node =
            Self { world, real, signed, machine, arrived: 0, batch, disk, gone, asked, mono_ms: 1_000, calls: 0 };
        node.happens(Event::Loaded(disk_again));
        node.happens(Event::Connected { peer: public(PEER) });
        node
    }

    fn happens(&mut self, event: Event) {
        let mut effects = Vec::new();
        let now = Now { mono_ms: self.mono_ms, wall_ms: WALL_MS + self.mono_ms };
        self.machine.handle(now, event, &mut effects);
        for effect in effects {
            match effect {
                Effect::Store { batch, statements, gone, .. } => self.batch = Some((batch, statements, gone)),
                Effect::Request { peer, corr, bytes } => self.asked.push((peer, corr, bytes)),
                _ => {}
            }
        }
    }

    /// The disk syncs what it has.
    fn syncs(&mut self) {
        while let Some((batch, statements, gone)) = self.batch.take() {
            self.disk.retain(|one| !gone.contains(&one.id()));
            self.gone.extend(gone);
            self.disk.extend(statements);
            self.happens(Event::Stored { batch });
        }
    }

    /// The peer answers: with what arrived, if asked by name.
    fn answers(&mut self) {
        for (peer, corr, bytes) in std::mem::take(&mut self.asked) {
            let Ok(Request::Fetch { ids }) = Request::decode(&bytes) else {
                self.happens(Event::RequestFailed { peer, corr });
                continue;
            };
            let found = |id: &StatementId| {
                let id = self.real.by_id.get(id).filter(|id| has(self.arrived, **id))?;
                Some(self.signed[*id].wire())
            };
            let answer = Response::Statements {
                statements: ids.iter().filter_map(found).collect(),
                missing: (0..ids.len()).filter(|at| found(&ids[*at]).is_none()).collect(),
            };
            self.happens(Event::Response { peer, corr, bytes: answer.encode() });
        }
    }

    fn arrives(&mut self, id: Id) {
        self.arrived |= only(id);
        self.calls += 1;
        let statements = vec![self.signed[id].wire().to_vec()];
        self.happens(Event::Submit { call: CallId(self.calls), statements });
    }

    /// Hands in again what was turned away when it came, as comparing sets would, until nothing changes any more.
    fn settles(&mut self) {
        let mut quiet = 0;
        for _ in 0..ROUNDS {
            let before = (self.replicated(), self.disk.len());
            for id in ids(self.arrived) {
                let name = self.signed[id].id();
                if self.machine.statement(&name).is_none() && !self.gone.contains(&name) {
                    self.arrives(id);
                }
            }
            self.syncs();
            // Pauses grow while nothing happens.
            self.mono_ms += 60_000;
            self.happens(Event::Tick);
            self.answers();
            self.syncs();
            quiet = if before == (self.replicated(), self.disk.len()) { quiet + 1 } else { 0 };
            if quiet == 2 {
                return;
            }
        }
        panic!("it does not settle: {:?}", self.world);
    }

    fn replicated(&self) -> Set {
        let held = |id: &Id| self.machine.is_replicated(&self.signed[*id].id());
        (0..self.signed.len()).filter(held).map(only).sum()
    }

    /// Whether the node is what the model says of what arrived; if it may hold the scopes at all.
    fn agrees(&self, how: &str) -> bool {
        let model = Held::of(self.world, self.arrived);
        if !["s", "t"].iter().all(|scope| model.holds(NODE, scope)) {
            return false;
        }
        let list = |set: Set| ids(set).collect::<Vec<_>>();
        let expected = model.replicated();
        let (arrived, world) = (list(self.arrived), self.world);
        assert_eq!(list(self.replicated()), list(expected), "{how}, of {arrived:?} in {world:?}");
        for id in ids(expected).skip(1) {
            let (verdict, told) = (model.verdict(id), self.machine.statement(&self.signed[id].id()));
            let fate = told.map(|told| told.fate);
            let same = match verdict {
                Verdict::Counts => matches!(fate, Some(Fate::Fit | Fate::Unfit { .. })),
                Verdict::Pending | Verdict::Unapproved => matches!(fate, Some(Fate::Pending(_))),
                // What relies on something that waits for signatures waits with it.
                _ => matches!(
                    fate,
                    Some(Fate::Void(_) | Fate::Pending(Refusal::GrantPending { .. } | Refusal::EpochPending { .. }))
                ),
            };
            assert!(same, "{how}, {id}: {verdict:?} in the model, {fate:?} here, of {arrived:?} in {world:?}");
        }
        true
    }

    fn digests(&self) -> BTreeMap<String, [[u8; 32]; 3]> {
        let scopes = self.machine.status().scopes.into_iter().filter(|told| told.statements > 0);
        scopes.map(|told| (told.scope.to_string(), [told.set, told.merged, told.effective])).collect()
    }
}

/// Counts of what was compared.
#[derive(Default)]
struct Compared {
    machines: u64,
    sets: u64,
    let_go: u64,
}

/// What arrives in some order at a node whose disk is late, beside the model and beside nodes that got the same otherwise.
fn machines_agree(world: &World, choose: &mut Random, compared: &mut Compared) {
    let mut world = world.clone();
    if world.said.len() > 50 {
        return;
    }
    let founding = with_members(&mut world);
    let real = Real::of(&world);
    let signed = signed(&world, &real);
    // A rotation that does not accept the roots' own revocation brings back what that struck; what was let go then comes from
    // the export that the operator kept (docs/trust.md).
    let rotates = world.said.iter().any(|said| matches!(said.body, Body::Rotate { .. }));
    let keep = if rotates || choose.of(2) == 0 { KEEP_STRUCK_BYTES } else { 0 };
    let mut order = shuffled(&world, choose);
    order.retain(|id| *id != EPOCH && !founding.contains(id));
    let order = [&[EPOCH], &founding[..], &order].concat();
    let mut node = Node::new(&world, &real, &signed, keep);
    for id in &order {
        node.arrives(*id);
        match choose.of(6) {
            0 | 1 => node.syncs(),
            2 => {
                node.settles();
                compared.sets += u64::from(node.agrees("on the way"));
            }
            _ => {}
        }
    }
    node.settles();
    if !node.agrees("at last") {
        return;
    }
    compared.sets += 1;
    compared.machines += 1;
    compared.let_go += node.gone.len() as u64;
    let mut again = Node::starts(&world, &real, &signed, (keep, node.disk.clone()));
    again.arrived = node.arrived;
    assert!(again.agrees("after a start"));
    assert_eq!(again.digests(), node.digests(), "after a start: {world:?}");
    let mut straight = Node::new(&world, &real, &signed, keep);
    for id in [&[EPOCH], &founding[..]].concat().into_iter().chain(1..founding[0]) {
        straight.arrives(id);
        straight.syncs();
    }
    straight.settles();
    assert!(straight.agrees("in the order said"));
    assert_eq!(straight.digests(), node.digests(), "in the order {order:?} of {world:?}");
}

fn say(what: &str, compared: &Compared) {
    let Compared { machines, sets, let_go } = compared;
    assert!(*machines > 0 && sets > machines, "{machines} machines, {sets} sets");
    figures::say(&format!(
        "figure: trust, {what}: {machines} whole machines beside the model on {sets} sets, {let_go} statements let go"
    ));
}

#[test]
fn machines_and_model_agree_on_revocations() {
    let (mut compared, mut choose) = (Compared::default(), Random(17));
    for acts in 3..=6 {
        some(u64::from(figures::asked()) / 8, acts, &SMALL, |world| {
            let mut world = world.clone();
            world.probe(2);
            machines_agree(&world, &mut choose, &mut compared);
        });
    }
    assert!(compared.let_go > 0, "nothing was let go");
    say("revocations", &compared);
}

#[test]
fn machines_and_model_agree_on_terms() {
    let (mut compared, mut choose) = (Compared::default(), Random(19));
    for acts in 3..=6 {
        some(u64::from(figures::asked()) / 8, acts, &TERMS, |world| {
            machines_agree(world, &mut choose, &mut compared);
        });
    }
    say("terms", &compared);
}

#[test]
fn machines_and_model_agree_on_random_graphs() {
    let (mut compared, mut choose) = (Compared::default(), Random(23));
    for seed in 0..u64::from(figures::asked()) / 2 {
        let world = random(0x00ff_0000 + seed, 3 + (seed % 9) as usize);
        machines_agree(&world, &mut choose, &mut compared);
    }
    say("random graphs", &compared);
}
