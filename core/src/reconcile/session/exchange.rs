//! Moving statements once the difference is known: pulling batches, pushing batches, and counting what did not come.

use std::collections::BTreeSet;

use driftless_statement::statement::Bytes;
use driftless_statement::{Hlc, StatementId};

use super::{Asked, Lookup, Session};
use crate::reconcile::limits::{BATCH_BYTES, BATCH_IDS, OUTCOME_IDS};
use crate::reconcile::short::Short;
use crate::reconcile::summary::Summary;
use crate::wire::{DELAYED, Request, Word};

/// The id that wire bytes claim: of the content, so it holds before the signature is checked.
fn id_of(wire: &[u8]) -> StatementId {
    StatementId::of(wire.split_last_chunk::<64>().map(|(canonical, _)| canonical).unwrap_or_default())
}

impl Session {
    /// Asks for the earliest of what is wanted and has not come some other way.
    pub(super) fn ask_pull(&mut self, summary: &Summary) -> Option<Request> {
        let mut batch = Vec::new();
        while batch.len() < BATCH_IDS {
            let Some((hlc, short)) = self.wanted.take_first() else { break };
            // A name listed with its whole id is asked for even if another id here has the same short name.
            if self.outcome.ranged || summary.named(&short).next().is_none() {
                batch.push((hlc, short));
            }
        }
        if batch.is_empty() {
            return None;
        }
        batch.sort_unstable_by_key(|(_, short)| *short);
        batch.dedup_by_key(|(_, short)| *short);
        let shorts = batch.iter().map(|(_, short)| *short).collect();
        self.asked = Asked::Pull(batch);
        Some(Request::Pull { scope: self.outcome.scope.clone(), shorts })
    }

    /// Accounts for what came. What did not fit is asked for again, as long as each answer brings something.
    pub(super) fn take_statements(&mut self, asked: Vec<(Hlc, Short)>, statements: &[Bytes], missing: &[usize]) {
        let came: BTreeSet<Short> = statements.iter().map(|wire| Short::from(&id_of(wire))).collect();
        let missing: BTreeSet<usize> = missing.iter().copied().collect();
        let (mut late, mut progress) = (Vec::new(), false);
        for (at, (hlc, short)) in asked.into_iter().enumerate() {
            if came.contains(&short) {
                self.outcome.came += 1;
                progress = true;
            } else if missing.contains(&at) {
                self.missed(short);
            } else {
                late.push((hlc, short));
            }
        }
        if progress {
            for (hlc, short) in late {
                self.wanted.add(hlc, short);
            }
        } else {
            late.into_iter().for_each(|(_, short)| self.missed(short));
        }
    }

    fn missed(&mut self, short: Short) {
        self.outcome.missed += 1;
        if self.outcome.missing.len() < OUTCOME_IDS {
            self.outcome.missing.push(short);
        }
    }

    /// Offers the earliest of what the peer lacks. What is no longer held, or not for that peer, is skipped.
    pub(super) fn ask_push(&mut self, lookup: Lookup<'_>) -> Option<Request> {
        let (mut ids, mut statements, mut room) = (Vec::new(), Vec::new(), BATCH_BYTES);
        while ids.len() < BATCH_IDS {
            let Some(id) = self.pushes.first().copied() else { break };
            if let Some(wire) = lookup(&id) {
                let Some(left) = room.checked_sub(wire.len()) else { break };
                room = left;
                ids.push(id);
                statements.push(wire);
            }
            self.pushes.take_first();
        }
        if ids.is_empty() {
            return None;
        }
        self.asked = Asked::Push(ids);
        Some(Request::Push { statements })
    }

    pub(super) fn take_taken(&mut self, ids: &[StatementId], taken: usize, refused: &[(usize, Word)]) {
        self.outcome.taken += taken.min(ids.len());
        let named = refused.iter().filter_map(|(at, word)| Some((*ids.get(*at)?, word.clone())));
        let room = OUTCOME_IDS.saturating_sub(self.outcome.refused.len());
        self.outcome.refused.extend(named.take(room));
        if refused.iter().any(|(_, word)| word.as_str() == DELAYED) {
            // It asks for the rest as fast as it takes in.
            self.pushes.clear();
        }
    }
}
