//! What hostile peers answer when honest nodes ask.

use driftless_core::reconcile::Symbol;
use driftless_core::rng::Rng;
use driftless_core::wire::{Part, Request, Response, Word};
use driftless_statement::{Hlc, PublicKey};

use super::World;
use super::gossips::mutated;
use super::peer::{inventions, noise};
use crate::plan::PeerKind;

impl World {
    /// An honest node asks a hostile peer.
    pub(super) fn hostile_asked(&mut self, node: usize, from: &PublicKey, token: u64, bytes: &[u8]) {
        let Ok(request) = Request::decode(bytes) else { return };
        let asker = self.numbers.get(from).copied().unwrap_or(0);
        // What it answers is drawn from what it was asked, so that one act left out changes little.
        let seed = blake3::hash(bytes);
        let mut rng = Rng::new(u64::from_le_bytes(seed.as_bytes()[..8].try_into().unwrap_or_default()) ^ token);
        let Some(hostile) = &self.hostile else { return };
        let Some(peer) = hostile.identities.get(&node).and_then(|at| hostile.peers.get(*at)) else { return };
        let kind = peer.kind;
        let old = peer.answers.get(rng.below(peer.answers.len().max(1) as u64) as usize).cloned();
        let answer = match kind {
            PeerKind::Liar => lie(&request, &mut rng).encode(),
            PeerKind::Withholder | PeerKind::Eclipse | PeerKind::Frozen => nothing(&request).encode(),
            PeerKind::Flooder => Response::Refused { word: Word::new("no") }.encode(),
            PeerKind::Garbage if rng.below(2) == 0 => mutated(&lie(&request, &mut rng).encode(), &mut rng),
            PeerKind::Garbage => {
                let length = rng.below(1_500);
                noise(&mut rng, length)
            }
            PeerKind::SlowReader => {
                self.note_hostile(kind);
                if rng.below(2) == 0 {
                    let after_us = 7_000_000 + rng.below(6_000_000);
                    self.lie_later(node, token, nothing(&request).encode(), after_us);
                }
                return;
            }
            PeerKind::Replayer => old.unwrap_or_else(|| nothing(&request).encode()),
            PeerKind::Inventor => invention(&request, &mut rng).encode(),
            PeerKind::TwoFaced if asker % 2 == 0 => nothing(&request).encode(),
            PeerKind::TwoFaced => lie(&request, &mut rng).encode(),
        };
        if matches!(kind, PeerKind::Liar | PeerKind::Withholder) {
            self.note_hostile(kind);
        }
        self.answer(node, token, answer);
    }
}

/// All is the same, and it has nothing.
fn nothing(request: &Request) -> Response {
    let missing = |count: usize| Response::Statements { statements: Vec::new(), missing: (0..count).collect() };
    match request {
        Request::Compare { .. } => Response::Same,
        Request::Symbols { tag, from, .. } => {
            Response::Symbols { tag: *tag, count: 0, from: *from, symbols: Vec::new() }
        }
        Request::Range { .. } => Response::Ids { ids: Vec::new(), upto: None },
        Request::Times { shorts, .. } => Response::Times { times: vec![Hlc(0); shorts.len()] },
        Request::Fetch { ids } => missing(ids.len()),
        Request::Pull { shorts, .. } => missing(shorts.len()),
        Request::Push { statements } => Response::Taken { taken: statements.len(), refused: Vec::new() },
        Request::Has { ids } => Response::Has { held: vec![false; ids.len()] },
    }
}

fn symbols(rng: &mut Rng, count: u64) -> Vec<Symbol> {
    let symbol = |rng: &mut Rng| {
        let mut bytes = [0; Symbol::BYTES];
        bytes.chunks_mut(8).for_each(|part| part.copy_from_slice(&rng.next_u64().to_be_bytes()));
        Symbol::from_bytes(bytes)
    };
    (0..count).map(|_| symbol(rng)).collect()
}

/// An answer of the right kind that is false, or of a wrong kind.
fn lie(request: &Request, rng: &mut Rng) -> Response {
    if rng.below(8) == 0 {
        return Response::Has { held: vec![true; 9] };
    }
    let count = rng.next_u64() >> (20 + rng.below(44));
    match request {
        Request::Compare { .. } => {
            let symbols_sent = rng.below(200);
            Response::Differ { tag: rng.next_u64(), count, symbols: symbols(rng, symbols_sent) }
        }
        Request::Symbols { tag, from, .. } => {
            let tag = if rng.below(2) == 0 { *tag } else { rng.next_u64() };
            let symbols_sent = rng.below(400);
            Response::Symbols { tag, count, from: *from, symbols: symbols(rng, symbols_sent) }
        }
        Request::Range { .. } if rng.below(2) == 0 => {
            let bounds = inventions(rng, 7);
            let part = |rng: &mut Rng| Part { count: rng.below(5_000), digest: [rng.below(256) as u8; 16] };
            let parts = (0..=bounds.len()).map(|_| part(rng)).collect();
            Response::Parts { bounds, parts }
        }
        Request::Range { .. } => {
            let ids = inventions(rng, 40).into_iter().map(|id| (id, Hlc(rng.next_u64()))).collect();
            Response::Ids { ids, upto: None }
        }
        Request::Times { shorts, .. } => {
            Response::Times { times: shorts.iter().map(|_| Hlc(rng.next_u64())).collect() }
        }
        Request::Fetch { .. } | Request::Pull { .. } => {
            let statements = (0..3).map(|_| noise(rng, 250).into()).collect();
            Response::Statements { statements, missing: Vec::new() }
        }
        Request::Push { statements } => {
            let refused = (0..statements.len()).filter(|at| at % 2 == 0).map(|at| (at, Word::new("lie"))).collect();
            Response::Taken { taken: 0, refused }
        }
        Request::Has { ids } => Response::Has { held: vec![true; ids.len()] },
    }
}

/// Sets without end, of statements that do not exist.
fn invention(request: &Request, rng: &mut Rng) -> Response {
    match request {
        Request::Compare { .. } => Response::Differ { tag: 1, count: 1 << 30, symbols: Vec::new() },
        Request::Symbols { from, .. } => {
            Response::Symbols { tag: 1, count: 1 << 30, from: *from, symbols: symbols(rng, 1_000) }
        }
        Request::Range { from, .. } => {
            // A page that ends just behind its beginning, for ever.
            let mut first = *from;
            first.0[31] = first.0[31].saturating_add(1);
            let mut upto = first;
            upto.0[31] = upto.0[31].saturating_add(1);
            if first == *from || upto == first {
                return Response::Ids { ids: Vec::new(), upto: None };
            }
            Response::Ids { ids: vec![(first, Hlc(rng.next_u64() >> 1))], upto: Some(upto) }
        }
        _ => nothing(request),
    }
}
