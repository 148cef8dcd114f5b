//! Bugs planted on purpose, so that the simulator can show that its checks find them. The feature `planted` is off in
//! every build of a node; without it the compiler answers each question below with `false`, and no bug is left.

#[cfg(feature = "planted")]
use std::sync::Arc;

#[cfg(feature = "planted")]
use driftless_statement::{Path, Prefix, StatementId, Verified};

use super::Machine;
#[cfg(feature = "planted")]
use super::effect::Effect;
#[cfg(feature = "planted")]
use crate::trust::{Accepted, Refusal, Trust};
#[cfg(feature = "planted")]
use crate::{fold::ScopeFold, log::Log, view::Candidate, wire::Request};

/// A bug of the core, and where it sits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Planted {
    /// The fold keeps what came first: a statement that comes after a later one of its entry does not count (`settle`).
    #[cfg(feature = "planted")]
    FoldByArrival,
    /// Peers are compared with when their link comes up, and never again (`peers`).
    ComparesOnce,
    /// An own write is published when it is signed, not when it is on disk (`intake`).
    PublishesAtOnce,
    /// A push is acknowledged when it is taken in, not when it is on disk (`serve`).
    TakenAtOnce,
    /// A write is answered before the view that shows it is there (`settle`).
    AnswersEarly,
    /// Every eighth view lacks an entry that nobody touched (`settle`).
    #[cfg(feature = "planted")]
    LosesAnEntry,
    /// Any beacon counts as agreement, also one of another set (`repair`).
    AgreesAlways,
    /// Marks are compared as soon as they are reached, before they have settled (`beat`).
    MarksAtOnce,
    /// Requests that were answered are still remembered as open (`peers`).
    KeepsRequests,
    /// A batch goes to the disk with children before what they name (`intake`).
    ChildFirst,
    /// Statements from the future are due at once (`settle`).
    DueAtOnce,
    /// A start takes the time floor for zero until the first commit (`mod`).
    #[cfg(feature = "planted")]
    ForgetsFloor,
    /// Who stands in line behind a write that the disk refused first and took later is never called (`calls`).
    ForgetsLine,
    /// What a revocation struck counts, where it stands in the set because something names it (`settle`).
    #[cfg(feature = "planted")]
    StruckCounts,
    /// What lies outside of its author's grant counts, where something names it (`settle`).
    #[cfg(feature = "planted")]
    OutsideCounts,
    /// A revocation makes void what its key says from then on, also when it is an equal's or a senior's (`settle`).
    #[cfg(feature = "planted")]
    StrikesSideways,
    /// What a revocation hid does not come back when that one falls (`sift`).
    NeverReturns,
    /// What leaves the set stays in the fold (`settle`).
    KeepsGone,
    /// Whatever is aside leaves the disk, also what a senior act can bring back (`forget`).
    ForgetsAll,
    /// Each regular look at peers hands them the latest statement of `@mesh` once more (`peers`).
    #[cfg(feature = "planted")]
    PushesAgain,
    /// What an ended epoch says and the rotation does not accept counts, where something names it (`settle`).
    #[cfg(feature = "planted")]
    EndedCounts,
    /// A write counts before it is approved (`settle`).
    #[cfg(feature = "planted")]
    UnapprovedCounts,
    /// What is later than its grant's not-after counts, where something names it (`settle`).
    #[cfg(feature = "planted")]
    ExpiredCounts,
    /// Each key that agrees counts as a witness, however many of them stand in one place (`agreement`).
    CountsIdentities,
}

#[cfg(feature = "planted")]
impl Planted {
    /// All of them.
    pub const ALL: [Self; 24] = [
        Self::FoldByArrival,
        Self::ComparesOnce,
        Self::PublishesAtOnce,
        Self::TakenAtOnce,
        Self::AnswersEarly,
        Self::LosesAnEntry,
        Self::AgreesAlways,
        Self::MarksAtOnce,
        Self::KeepsRequests,
        Self::ChildFirst,
        Self::DueAtOnce,
        Self::ForgetsFloor,
        Self::ForgetsLine,
        Self::StruckCounts,
        Self::OutsideCounts,
        Self::StrikesSideways,
        Self::NeverReturns,
        Self::KeepsGone,
        Self::ForgetsAll,
        Self::PushesAgain,
        Self::EndedCounts,
        Self::UnapprovedCounts,
        Self::ExpiredCounts,
        Self::CountsIdentities,
    ];
}

impl Machine {
    /// Whether this bug is planted here.
    #[cfg(not(feature = "planted"))]
    pub(super) const fn planted(&self, _bug: Planted) -> bool {
        false
    }

    /// Whether this bug is planted here.
    #[cfg(feature = "planted")]
    pub(super) fn planted(&self, bug: Planted) -> bool {
        self.planted == Some(bug)
    }

    /// How far a beacon's time runs ahead of the clock, milliseconds.
    pub(super) fn haste_ms(&self) -> u64 {
        if self.planted(Planted::MarksAtOnce) { crate::beacon::SETTLE_MS } else { 0 }
    }
}

#[cfg(feature = "planted")]
impl Machine {
    /// Hands every peer the latest statement of `@mesh` once more.
    pub(super) fn push_again(&mut self, effects: &mut Vec<Effect>) {
        if !self.planted(Planted::PushesAgain) {
            return;
        }
        let Some(wire) = self.log.mesh().next_back().map(|last| last.wire()) else { return };
        let peers: Vec<_> = self.peers.connected().collect();
        for peer in peers {
            let corr = self.peers.ask_for_nothing(peer);
            let bytes = Request::Push { statements: vec![wire.clone()] }.encode();
            effects.push(Effect::Request { peer, corr, bytes });
        }
    }

    /// The first entry that has a value and that the candidates do not speak of, as if it were gone.
    pub(super) fn lost_entry(&self, candidates: &[Candidate]) -> Option<Candidate> {
        if !self.planted(Planted::LosesAnEntry) || self.view.revision().count % 8 != 7 {
            return None;
        }
        let all = Prefix::all();
        let untouched = |path: &Path| candidates.iter().all(|candidate| candidate.path != *path);
        let (path, entry) =
            self.view.under(&all, None).find(|(path, entry)| entry.effective.is_some() && untouched(path))?;
        Some(Candidate {
            path: path.clone(),
            value: None,
            heads: entry.merged_heads.clone(),
            conflicts: entry.conflicts,
        })
    }
}

/// The time floor that a start goes by.
#[cfg(feature = "planted")]
pub(super) fn remembered_floor_ms(floor_ms: u64, planted: Option<Planted>) -> u64 {
    if planted == Some(Planted::ForgetsFloor) { 0 } else { floor_ms }
}

/// Whether something later about one of a statement's entries counts already.
#[cfg(feature = "planted")]
pub(super) fn comes_late(log: &Log, fold: &ScopeFold, statement: &Arc<Verified>) -> bool {
    let later = |id: &StatementId| log.get(id).is_some_and(|head| head.key() > statement.key());
    let touches = statement.statement().touches.iter();
    touches.filter_map(|touch| fold.entry(&touch.path)).any(|entry| entry.heads().iter().any(later))
}

/// A verdict of trust as a planted bug has it: what is struck or outside of its grant counts, or what a revocation says of
/// anybody strikes.
#[cfg(feature = "planted")]
pub(super) fn bent(
    planted: Option<Planted>,
    trust: &Trust,
    statement: &Verified,
    accepted: &Accepted,
) -> Result<(), Refusal> {
    let verdict = trust.authorised(statement, accepted);
    let said = statement.statement();
    match (planted, &verdict) {
        (Some(Planted::StruckCounts), Err(Refusal::Struck { .. })) => Ok(()),
        (Some(Planted::OutsideCounts), Err(Refusal::Outside { .. })) => Ok(()),
        (Some(Planted::EndedCounts), Err(Refusal::Superseded { .. })) => Ok(()),
        (Some(Planted::UnapprovedCounts), Err(Refusal::Unapproved { .. })) => Ok(()),
        (Some(Planted::ExpiredCounts), Err(Refusal::Expired { .. })) => Ok(()),
        (Some(Planted::StrikesSideways), Ok(())) => {
            let rank = trust.grant(&said.grant).map(|standing| standing.rank);
            let names = |one: &&crate::trust::Revocation| {
                one.key == said.author && one.rank > 0 && rank.is_some_and(|rank| rank <= one.rank)
            };
            match trust.revocations().find(names) {
                Some(one) => Err(Refusal::Struck { grant: said.grant, revocation: one.id }),
                None => verdict,
            }
        }
        _ => verdict,
    }
}
