//! Two machines without sockets and disks: one holds everything, one has to catch up. What the one that catches up does
//! is timed, what the other does and what a network would do is not.

use std::collections::VecDeque;
use std::sync::Arc;

use driftless_core::machine::{CallId, Effect, Event, KEEP_STRUCK_BYTES, Machine, Now, Pace, Setup};
use driftless_statement::{MeshId, PublicKey, Verified};

use crate::forge::{Forge, START_MS, key};
use crate::pairing::work_seconds;

/// A machine, its clock, and how long it worked.
pub struct Peer {
    machine: Machine,
    now: Now,
    /// Seconds of work inside the machine.
    pub busy: f64,
}

/// The keys of the machines of a world of this size.
pub fn keys(count: u8) -> Vec<PublicKey> {
    (1..=count).map(|number| key(number).public()).collect()
}

impl Peer {
    /// A machine of the mesh, with what its disk holds.
    pub fn new(forge: &Forge, number: u8, disk: Vec<Arc<Verified>>) -> Self {
        Self::of(forge.mesh, number, disk)
    }

    /// The same of any mesh.
    pub fn of(mesh: MeshId, number: u8, disk: Vec<Arc<Verified>>) -> Self {
        let setup = Setup {
            key: key(number),
            mesh,
            name: format!("node-{number}"),
            wants: None,
            store: number.into(),
            boot: 1,
            floor_ms: 0,
            keep_struck_bytes: KEEP_STRUCK_BYTES,
            seed: number.into(),
            pace: Pace::default(),
            rates: driftless_core::machine::Rates::default(),
            proofs: driftless_core::machine::Proofs::default(),
        };
        let now = Now { mono_ms: 1_000, wall_ms: START_MS + 60_000 };
        let mut peer = Self { machine: Machine::new(setup, now), now, busy: 0.0 };
        peer.handle(Event::Loaded(disk));
        peer
    }

    /// Follows one event; the disk is one that syncs at once. Gives what is for others.
    pub fn handle(&mut self, event: Event) -> Vec<Effect> {
        let mut events = VecDeque::from([event]);
        let mut out = Vec::new();
        while let Some(event) = events.pop_front() {
            let mut effects = Vec::new();
            self.busy += work_seconds(|| self.machine.handle(self.now, event, &mut effects)).0;
            for effect in effects {
                match effect {
                    Effect::Store { batch, .. } => events.push_back(Event::Stored { batch }),
                    other => out.push(other),
                }
            }
        }
        out
    }

    /// Follows one event and no more. Gives how long it worked, in seconds, and all effects.
    pub fn step(&mut self, event: Event) -> (f64, Vec<Effect>) {
        let mut effects = Vec::new();
        let (took, ()) = work_seconds(|| self.machine.handle(self.now, event, &mut effects));
        (took, effects)
    }

    /// The machine itself.
    pub fn machine(&self) -> &Machine {
        &self.machine
    }

    /// Statements held.
    pub fn held(&self) -> u64 {
        self.machine.status().scopes.iter().map(|scope| scope.statements).sum()
    }
}

/// Lets the second reconcile with the first until it has asked all it wants to.
pub fn catch_up(full: &mut Peer, late: &mut Peer) {
    let (full_key, late_key) = (full.machine.node(), late.machine.node());
    let mut effects = VecDeque::from(late.handle(Event::Connected { peer: full_key }));
    let mut token = 0;
    while let Some(effect) = effects.pop_front() {
        let Effect::Request { corr, bytes, .. } = effect else { continue };
        token += 1;
        let answers = full.handle(Event::Request { peer: late_key, token, bytes });
        for answer in answers {
            let Effect::Respond { bytes, .. } = answer else { continue };
            effects.extend(late.handle(Event::Response { peer: full_key, corr, bytes }));
        }
    }
}

/// A node that knows the mesh and one write, so that it takes part in the scope, and has been told nothing else.
pub fn newcomer(forge: &Forge, first: &Arc<Verified>) -> Peer {
    let mut peer = Peer::new(forge, 2, Vec::new());
    let mut wires = forge.bundle_wires();
    wires.push(first.wire().to_vec());
    peer.handle(Event::Submit { call: CallId(1), statements: wires });
    peer.busy = 0.0;
    peer
}
