//! Reconciliation with a peer that says whatever the input says.

use std::collections::{BTreeMap, BTreeSet};

use driftless_core::reconcile::limits::{OUTCOME_IDS, SESSION_ROUNDS};
use driftless_core::reconcile::{Lookup, Outcome, Session, Shelf, Step, Summary};
use driftless_core::wire::{Request, Response};
use driftless_statement::statement::Bytes;
use driftless_statement::{Hlc, MeshId, Scope, StatementId};

use crate::script::Script;

/// Answers of one script: it then tells the truth, so that an endless input costs no more than a long one.
const LIES: usize = 48;

#[derive(Clone)]
struct Peer {
    scope: Scope,
    summary: Summary,
    statements: BTreeMap<StatementId, Bytes>,
}

impl Peer {
    fn of(seeds: impl Iterator<Item = u8>) -> Self {
        let scope = Scope::parse("shop").expect("a scope");
        let summary = Summary::new(&MeshId([1; 32]), &scope);
        let mut peer = Self { scope, summary, statements: BTreeMap::new() };
        seeds.for_each(|seed| peer.receive(&[&[seed; 9][..], &[0; 64]].concat().into()));
        peer
    }

    /// Sessions look at nothing but a statement's hash.
    fn receive(&mut self, wire: &Bytes) {
        let Some((canonical, _)) = wire.split_last_chunk::<64>() else { return };
        let id = StatementId::of(canonical);
        self.summary.insert(id, Hlc(canonical.first().copied().unwrap_or_default().into()));
        self.statements.insert(id, wire.clone());
    }

    fn respond(&mut self, request: &Request) -> Response {
        if let Request::Push { statements } = request {
            statements.iter().for_each(|wire| self.receive(wire));
            return Response::Taken { taken: statements.len(), refused: Vec::new() };
        }
        driftless_core::reconcile::answer(self, request).expect("all but a push is answered")
    }
}

impl Shelf for Peer {
    fn summary(&mut self, scope: &Scope) -> Option<&mut Summary> {
        (*scope == self.scope).then_some(&mut self.summary)
    }
    fn statement(&self, id: &StatementId) -> Option<Bytes> {
        self.statements.get(id).cloned()
    }
}

/// Runs a session; `twist` may put something else in the place of the peer's honest answer.
fn session(a: &mut Peer, b: &mut Peer, mut twist: impl FnMut(Response) -> Response) -> Outcome {
    let (mut session, mut request) = Session::start(a.scope.clone(), &a.summary);
    loop {
        assert_eq!(Request::decode(&request.encode()).as_ref(), Ok(&request));
        let response = twist(b.respond(&request));
        if let Response::Statements { statements, .. } = &response {
            statements.iter().for_each(|wire| a.receive(wire));
        }
        let held = &a.statements;
        let lookup: Lookup<'_> = &|id| held.get(id).cloned();
        match session.answer(&mut a.summary, lookup, &response) {
            Step::Ask(next) => request = next,
            Step::Done(outcome) => return outcome,
        }
    }
}

/// Law: against any answers a session ends within its bounds and names nothing that nobody said; and an honest session
/// afterwards brings everything.
pub fn reconcile(data: &[u8]) {
    let mut script = Script(data);
    let (both, left, right) = (script.byte() % 24, script.byte() % 12, script.byte() % 24);
    let mut a = Peer::of(0..both + left);
    let mut b = Peer::of((0..both).chain(100..100 + right));
    let mut honest = b.clone();
    let mut allowed: BTreeSet<StatementId> = a.statements.keys().chain(b.statements.keys()).copied().collect();
    let mut told = 0;
    let outcome = session(&mut a, &mut b, |response| {
        told += 1;
        if script.is_over() || told > LIES {
            return response;
        }
        let said = twisted(&mut script, response);
        if let Response::Statements { statements, .. } = &said {
            let canonical = statements.iter().filter_map(|wire| wire.split_last_chunk::<64>());
            allowed.extend(canonical.map(|(canonical, _)| StatementId::of(canonical)));
        }
        said
    });
    assert!(outcome.rounds <= SESSION_ROUNDS, "{} rounds", outcome.rounds);
    assert!(outcome.missing.len() <= OUTCOME_IDS && outcome.refused.len() <= OUTCOME_IDS);
    assert!(outcome.missing.len() <= outcome.missed);
    assert!(a.statements.keys().all(|id| allowed.contains(id)));
    session(&mut a, &mut honest, |response| response);
    assert!(honest.statements.keys().all(|id| a.statements.contains_key(id)), "after {outcome:?}");
}

/// What the peer says instead: the truth, the truth with some bytes changed, or what the input spells.
fn twisted(script: &mut Script<'_>, honest: Response) -> Response {
    match script.byte() % 4 {
        0 => honest,
        1 => Response::decode(script.chunk()).unwrap_or(honest),
        _ => {
            let mut bytes = honest.encode();
            for _ in 0..=script.byte() % 4 {
                let at = usize::from(script.byte()) << 8 | usize::from(script.byte());
                let len = bytes.len();
                bytes[at % len] ^= script.byte();
            }
            Response::decode(&bytes).unwrap_or(honest)
        }
    }
}

/// Law: any request that decodes is answered, with an answer that a peer can read, and answering changes no set.
pub fn answer(data: &[u8]) {
    let mut script = Script(data);
    let mut peer = Peer::of(0..script.byte() % 64);
    let before = (peer.summary.digest(), peer.summary.count());
    let request = match Request::decode(script.0) {
        Ok(request) => request,
        Err(_) => match crate::reference::sloppy(script.0) {
            Some(item) => match Request::decode(&driftless_statement::codec::encode(&item)) {
                Ok(request) => request,
                Err(_) => return,
            },
            None => return,
        },
    };
    let Some(response) = driftless_core::reconcile::answer(&mut peer, &request) else {
        return assert!(matches!(request, Request::Push { .. }));
    };
    assert_eq!(Response::decode(&response.encode()).as_ref(), Ok(&response));
    assert_eq!((peer.summary.digest(), peer.summary.count()), before);
}
