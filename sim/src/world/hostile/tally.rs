//! What came of hostility, looked at when a run is over: whether each strategy reached its target.

use std::collections::BTreeMap;

use driftless_core::machine::{Cause, Fate, Machine};
use driftless_statement::StatementId;

use super::author::Author;
use crate::facts::Facts;
use crate::plan::{AuthorKind, Proof};
use crate::record::HostileTold;
use crate::scenario::{AUTHOR_DELAYED, PEER_DELAYED};
use crate::world::World;

impl World {
    /// States worth reaching that hostility came through, and what it came to.
    pub(in crate::world) fn hostility_told(&mut self) -> Option<(BTreeMap<&'static str, u64>, HostileTold)> {
        let Self { nodes, hostile: Some(hostile), facts, .. } = self else { return None };
        let machines: Vec<&Machine> = nodes.iter().filter_map(|node| node.machine.as_ref()).collect();
        let mut told = HostileTold {
            authors: hostile.authors.iter().map(|author| author.kind.row().name.to_owned()).collect(),
            peers: hostile.peers.iter().map(|peer| peer.kind.row().name.to_owned()).collect(),
            strikes: facts.strikes.len() as u64,
            ..HostileTold::default()
        };
        let mut reached = Vec::new();
        for author in &hostile.authors {
            let ids = &author.signed;
            told.signed += ids.len() as u64;
            let on_disk = |id: &&StatementId| facts.made.contains_key(*id);
            told.let_in += ids.iter().filter(on_disk).count() as u64;
            let aside =
                |id: &&StatementId| machines.iter().any(|machine| machine.has_stored(id) && !machine.is_replicated(id));
            told.left += ids.iter().filter(aside).count() as u64;
            if proven(author, facts, &machines) {
                reached.push(author.kind.row().state);
            }
        }
        let delayed =
            |cause: &str| machines.iter().filter_map(|machine| machine.counts().delayed.get(cause)).sum::<u64>();
        let states = [
            (AUTHOR_DELAYED, delayed(Cause::AuthorStatements.word())),
            (PEER_DELAYED, delayed(Cause::PeerChecks.word())),
        ];
        reached.extend(states.into_iter().filter(|(_, times)| *times > 0).map(|(state, _)| state));
        reached.into_iter().for_each(|state| hostile.sometimes(state));
        Some((hostile.counts.clone(), told))
    }
}

fn proven(author: &Author, facts: &Facts, machines: &[&Machine]) -> bool {
    let any = |holds: &dyn Fn(&Fate, &StatementId) -> bool| {
        machines.iter().any(|machine| {
            let told = |id: &StatementId| machine.statement(id).map(|told| told.fate);
            author.signed.iter().any(|id| told(id).is_some_and(|fate| holds(&fate, id)))
        })
    };
    match author.kind.row().proof {
        Proof::Shows => author.signed.iter().any(|id| facts.made.contains_key(id)),
        // That it did not count, a check sees.
        Proof::KeptOut if author.kind == AuthorKind::LateReleaser => {
            author.released > 0 && author.signed.iter().any(|id| !facts.made.contains_key(id))
        }
        Proof::KeptOut => author.released > 0,
        Proof::Left => machines
            .iter()
            .any(|machine| author.signed.iter().any(|id| machine.has_stored(id) && !machine.is_replicated(id))),
        Proof::NotDue => any(&|fate, _| *fate == Fate::NotDue),
        Proof::Unfit => any(&|fate, _| matches!(fate, Fate::Unfit { .. })),
        Proof::Skipped => machines.iter().any(|machine| {
            let skips = |id: &StatementId| machine.statement(id).is_some_and(|told| !told.skipped.is_empty());
            author.signed.iter().any(skips)
        }),
        Proof::Pending => any(&|fate, _| matches!(fate, Fate::Pending(_))),
        Proof::Unknown => author.signed.iter().any(|id| facts.made.contains_key(id)),
        Proof::Forked => author.signed.iter().filter(|id| facts.made.contains_key(*id)).count() > 1,
        Proof::Recovered => machines.iter().any(|machine| {
            let back = |id: &StatementId| machine.statement(id).is_some_and(|told| told.fate == Fate::Fit);
            author.hid.iter().any(back)
        }),
    }
}
