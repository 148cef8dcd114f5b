//! Peers for the laws of reconciliation: a set with its summary, and the driver that runs one session between two of them.

use std::collections::BTreeMap;

use driftless_core::reconcile::{Lookup, Outcome, Session, Shelf, Step, Summary, answer};
use driftless_core::wire::{Request, Response};
use driftless_statement::statement::Bytes;
use driftless_statement::{Hlc, MeshId, Scope, StatementId};
use proptest::prelude::ProptestConfig;

use crate::figures;

pub fn cases() -> ProptestConfig {
    ProptestConfig { cases: figures::law(figures::asked()), failure_persistence: None, ..ProptestConfig::default() }
}

pub fn shop() -> Scope {
    Scope::parse("shop").unwrap()
}

/// Bytes that stand for a statement: sessions look at nothing but their hash.
pub fn wire(seed: u64, pad: usize) -> (StatementId, Bytes) {
    let canonical = [&seed.to_be_bytes()[..], &vec![7; pad]].concat();
    (StatementId::of(&canonical), [&canonical[..], &[0; 64]].concat().into())
}

#[derive(Clone)]
pub struct Peer {
    pub summary: Summary,
    pub statements: BTreeMap<StatementId, Bytes>,
}

impl Peer {
    pub fn new(seeds: impl IntoIterator<Item = u64>) -> Self {
        Self::padded(seeds, 0)
    }

    pub fn padded(seeds: impl IntoIterator<Item = u64>, pad: usize) -> Self {
        let mut peer = Self { summary: Summary::new(&MeshId([1; 32]), &shop()), statements: BTreeMap::new() };
        for seed in seeds {
            let (id, bytes) = wire(seed, pad);
            peer.keep(id, bytes, seed);
        }
        peer
    }

    pub fn keep(&mut self, id: StatementId, bytes: Bytes, seed: u64) {
        self.summary.insert(id, Hlc(seed));
        self.statements.insert(id, bytes);
    }

    pub fn receive(&mut self, bytes: &Bytes) {
        let id = StatementId::of(&bytes[..bytes.len() - 64]);
        self.keep(id, bytes.clone(), u64::from_be_bytes(bytes[..8].try_into().unwrap()));
    }

    pub fn respond(&mut self, request: &Request) -> Response {
        if let Request::Push { statements } = request {
            statements.iter().for_each(|bytes| self.receive(bytes));
            return Response::Taken { taken: statements.len(), refused: Vec::new() };
        }
        answer(self, request).unwrap()
    }

    pub fn ids(&self) -> Vec<StatementId> {
        self.statements.keys().copied().collect()
    }
}

impl Shelf for Peer {
    fn summary(&mut self, scope: &Scope) -> Option<&mut Summary> {
        (*scope == shop()).then_some(&mut self.summary)
    }
    fn statement(&self, id: &StatementId) -> Option<Bytes> {
        self.statements.get(id).cloned()
    }
}

#[derive(Debug, Default, Clone, Copy)]
pub struct Cost {
    /// Bytes and round trips spent on finding the difference.
    pub bytes: usize,
    pub rounds: usize,
    /// Bytes spent on asking for times, which put more than one batch in order.
    pub ordering: usize,
}

/// Runs a session; `between` may change either side and what the peer says. Messages pass through their encoding.
pub fn session(a: &mut Peer, b: &mut Peer, mut between: impl FnMut(&Request, Response) -> Response) -> (Outcome, Cost) {
    let (mut session, mut request) = Session::start(shop(), &a.summary);
    let mut cost = Cost::default();
    loop {
        let sent = request.encode();
        assert_eq!(Request::decode(&sent).as_ref(), Ok(&request));
        let response = between(&request, b.respond(&request));
        let got = response.encode();
        assert_eq!(Response::decode(&got).as_ref(), Ok(&response));
        match request {
            Request::Pull { .. } | Request::Push { .. } => {}
            Request::Times { .. } => cost.ordering += sent.len() + got.len(),
            _ => {
                cost.bytes += sent.len() + got.len();
                cost.rounds += 1;
            }
        }
        if let Response::Statements { statements, .. } = &response {
            statements.iter().for_each(|bytes| a.receive(bytes));
        }
        let held = &a.statements;
        let lookup: Lookup<'_> = &|id| held.get(id).cloned();
        match session.answer(&mut a.summary, lookup, &response) {
            Step::Ask(next) => request = next,
            Step::Done(outcome) => return (outcome, cost),
        }
    }
}

pub fn honest(a: &mut Peer, b: &mut Peer) -> (Outcome, Cost) {
    session(a, b, |_, response| response)
}

/// Two sets: the first `both` seeds in common, then `left` and `right` of their own.
pub fn pair(salt: u64, both: u64, left: u64, right: u64) -> (Peer, Peer) {
    let base = salt << 32;
    let a = Peer::new((0..both + left).map(|seed| base + seed));
    let b = Peer::new((0..both).chain(both + left..both + left + right).map(|seed| base + seed));
    (a, b)
}
