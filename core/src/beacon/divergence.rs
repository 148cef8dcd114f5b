//! The tracker of divergence: own reports, accepted beacons and the time go in, the picture of the mesh comes out.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use driftless_statement::limits::SKEW_MS;
use driftless_statement::{MeshId, PublicKey, Scope};

use super::heard::{Heard, Here};
use super::marks::MarkList;
use super::message::{Beacon, Proven, Report};
use super::picture::{Alarm, Change, NodeState, Picture, Reach};
use super::roll::Roll;
use super::{BEACON_EXPIRY_MAX_MS, MARK_MS, MARKS, MAX_NODES, SETTLE_MS};
use crate::now::Now;

/// Own merged digests that are remembered for each scope: peers report a set a little later than this node had it.
const REMEMBERED_MERGES: usize = 16;

/// Why a beacon was not taken. Nothing was changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotHeard {
    /// It belongs to another mesh.
    #[error("beacon of another mesh")]
    Mesh,
    /// It is this node's own.
    #[error("own beacon")]
    Own,
    /// No member grant names its node.
    #[error("beacon of a node that is no member")]
    NotMember,
    /// A beacon as new or newer was taken before.
    #[error("beacon that is not newer than the last one")]
    Old,
    /// It holds no longer.
    #[error("beacon that has expired")]
    Expired,
    /// It claims to be made later than any clock may say, or to hold for longer than any beacon may.
    #[error("beacon from the future, or one that holds too long")]
    Time,
}

impl NotHeard {
    /// The word for metrics.
    pub fn word(self) -> &'static str {
        match self {
            Self::Mesh => "mesh",
            Self::Own => "own",
            Self::NotMember => "not-member",
            Self::Old => "old",
            Self::Expired => "expired",
            Self::Time => "time",
        }
    }
}

/// This node's own state, as its beacon would say it, for all scopes held.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Own {
    /// When it was taken, Unix milliseconds.
    pub time_ms: u64,
    /// The own lag, milliseconds.
    pub lag_ms: u64,
    /// Reports of all scopes held.
    pub scopes: Vec<Report>,
}

/// Tracks how far each expected node is from this one. Memory follows the number of members times the scopes held here.
#[derive(Clone)]
pub struct Divergence {
    me: PublicKey,
    mesh: MeshId,
    /// The members of the mesh, this node among them.
    members: Arc<Roll>,
    /// Whether this node is among them.
    is_member: bool,
    own_time_ms: u64,
    own_lag_ms: u64,
    own: BTreeMap<Scope, Mine>,
    /// Of each member by its number: its place among those heard, from one on; 0 when it was never heard.
    places: Vec<u16>,
    /// Those heard, in the order in which they first were.
    heard: Vec<Heard>,
    /// When any beacon was heard last, on the timer clock.
    any_heard_ms: u64,
    /// After so long without any this node hears nobody.
    silence_ms: u64,
    /// Since when these members are expected, on the timer clock.
    expected_since_ms: u64,
    /// So long a node that was never heard is awaited before it counts as silent: in a large mesh beacons come from afar
    /// once in minutes, and who just began would cry. The longest that it was: what the pace of a quiet mesh put off does
    /// not come sooner when the mesh is stirred.
    await_ms: u64,
}

/// One scope on this node.
#[derive(Clone)]
pub(super) struct Mine {
    pub report: Report,
    /// What was folded, and the merged digest that it gave.
    pub merges: VecDeque<([u8; 32], [u8; 32])>,
}

impl Mine {
    /// What this node's fold gave of the very thing that a report's was made from: its name and digest.
    pub fn merge_of(&self, report: &Report) -> Option<&([u8; 32], [u8; 32])> {
        self.merges.iter().rev().find(|(folded, _)| *folded == report.folded)
    }

    /// Whether it gave something else.
    pub fn folds_otherwise(&self, report: &Report) -> bool {
        self.merge_of(report).is_some_and(|(_, merged)| *merged != report.merged)
    }
}

impl Divergence {
    /// A tracker that expects nobody yet. After `silence_ms` without any beacon it says that it hears nobody.
    pub fn new(me: PublicKey, mesh: MeshId, silence_ms: u64) -> Self {
        Self {
            me,
            mesh,
            members: Arc::default(),
            is_member: false,
            own_time_ms: 0,
            own_lag_ms: 0,
            own: BTreeMap::new(),
            places: Vec::new(),
            heard: Vec::new(),
            any_heard_ms: 0,
            silence_ms,
            expected_since_ms: 0,
            await_ms: 0,
        }
    }

    /// The nodes that member grants name now. Others are forgotten.
    pub fn expect(&mut self, mono_ms: u64, members: Arc<Roll>) {
        (self.expected_since_ms, self.await_ms) = (mono_ms, 0);
        self.places = vec![0; members.count()];
        self.heard.retain(|heard| members.has(&heard.last.beacon().node));
        self.is_member = members.has(&self.me);
        self.members = members;
        for (place, heard) in (1..).zip(&self.heard) {
            let number = self.members.number(&heard.last.beacon().node);
            if let Some(slot) = number.and_then(|number| self.places.get_mut(number)) {
                *slot = place;
            }
        }
    }

    /// The list of those nodes.
    pub fn members(&self) -> &Arc<Roll> {
        &self.members
    }

    /// The other nodes that are expected, not more than may be remembered.
    fn expects(&self) -> impl Iterator<Item = &PublicKey> {
        self.members.keys().filter(|node| **node != self.me).take(MAX_NODES)
    }

    /// Where a member stands among those heard.
    fn place(&self, node: &PublicKey) -> Option<usize> {
        let place = self.places.get(self.members.number(node)?)?;
        usize::from(*place).checked_sub(1)
    }

    fn heard(&self, node: &PublicKey) -> Option<&Heard> {
        self.heard.get(self.place(node)?)
    }

    /// Whether a beacon would be taken: cheap, so ask before its signature is checked.
    pub fn check(&self, now_ms: u64, beacon: &Beacon) -> Result<(), NotHeard> {
        if beacon.mesh != self.mesh {
            return Err(NotHeard::Mesh);
        }
        if beacon.node == self.me {
            return Err(NotHeard::Own);
        }
        let number = self.members.number(&beacon.node);
        let Some(place) = number.and_then(|number| self.places.get(number)) else { return Err(NotHeard::NotMember) };
        let known = usize::from(*place).checked_sub(1).and_then(|place| self.heard.get(place));
        if known.is_none() && self.heard.len() >= MAX_NODES {
            return Err(NotHeard::NotMember);
        }
        let holds = beacon.expires_ms.checked_sub(beacon.time_ms).is_some_and(|holds| holds <= BEACON_EXPIRY_MAX_MS);
        if !holds || beacon.time_ms > now_ms.saturating_add(SKEW_MS) {
            return Err(NotHeard::Time);
        }
        if has_expired(beacon.expires_ms, now_ms) {
            return Err(NotHeard::Expired);
        }
        // Once the last one has expired, so has all that came before it: a node restored with a lower boot is heard again.
        let newer = known.is_none_or(|heard| {
            let last = heard.last.beacon();
            (beacon.boot, beacon.counter) > (last.boot, last.counter) || has_expired(last.expires_ms, now_ms)
        });
        if newer { Ok(()) } else { Err(NotHeard::Old) }
    }

    /// Takes a beacon.
    pub fn hear(&mut self, now: Now, proven: &Arc<Proven>) -> Result<(), NotHeard> {
        let (beacon, now_ms) = (proven.beacon(), now.wall_ms);
        self.check(now_ms, beacon)?;
        self.any_heard_ms = now.mono_ms;
        let here = Here { own: &self.own, time_ms: self.own_time_ms };
        let Some(slot) = self.members.number(&beacon.node).and_then(|number| self.places.get_mut(number)) else {
            return Err(NotHeard::NotMember);
        };
        if let Some(heard) = usize::from(*slot).checked_sub(1).and_then(|place| self.heard.get_mut(place)) {
            heard.hear(now, proven, &here);
            return Ok(());
        }
        if self.heard.len() == self.heard.capacity() {
            // A row that doubles would be half empty for long: nodes are heard for the first time for hours.
            self.heard.reserve_exact(self.heard.len() / 8 + 4);
        }
        self.heard.push(Heard::new(now, proven, &here));
        *slot = u16::try_from(self.heard.len()).unwrap_or(0);
        Ok(())
    }

    /// Takes this node's own state. Others are compared with it anew only in scopes in which a mark that had settled is
    /// another one now: a statement came late. In a healthy mesh that never happens, and beacons bring the rest.
    pub fn own(&mut self, now_ms: u64, own: Own) {
        let mut before = std::mem::take(&mut self.own);
        let mut changed = BTreeSet::new();
        for report in own.scopes {
            let mine = before.remove(&report.scope);
            if mine.as_ref().is_none_or(|mine| is_late(&mine.report, &report, self.own_time_ms)) {
                changed.insert(report.scope.clone());
            }
            let mut merges = mine.map(|mine| mine.merges).unwrap_or_default();
            if merges.back() != Some(&(report.folded, report.merged)) {
                merges.push_back((report.folded, report.merged));
                merges.drain(..merges.len().saturating_sub(REMEMBERED_MERGES));
            }
            self.own.insert(report.scope.clone(), Mine { report, merges });
        }
        self.own_time_ms = own.time_ms;
        self.own_lag_ms = own.lag_ms;
        if !before.is_empty() {
            self.heard.iter_mut().for_each(|heard| heard.keep(|scope| self.own.contains_key(scope)));
        }
        for scope in &changed {
            self.compare_all(scope, now_ms);
        }
    }

    /// This node stands as it said last but for its marks, of which other ones are reached or settled.
    pub fn own_moves_on(&mut self, time_ms: u64, lag_ms: u64, mut marks: impl FnMut(&Scope) -> Option<MarkList>) {
        self.own_stands(time_ms, lag_ms);
        for (scope, mine) in &mut self.own {
            if let Some(marks) = marks(scope) {
                mine.report.marks = marks;
            }
        }
    }

    /// This node stands as it said last, at a later time at which no other mark is reached or settled.
    pub fn own_stands(&mut self, time_ms: u64, lag_ms: u64) {
        self.own_time_ms = time_ms;
        self.own_lag_ms = lag_ms;
    }

    fn compare_all(&mut self, scope: &Scope, now_ms: u64) {
        let Some(mine) = self.own.get(scope) else { return };
        self.heard.iter_mut().for_each(|heard| heard.compare_scope(scope, mine, self.own_time_ms, now_ms));
    }

    /// Whether a node, by its last beacon, differs in a scope at the newest settled mark: reason to reconcile with it now.
    /// Set digests alone would be reason all the time while statements are under way.
    pub fn differs(&self, node: &PublicKey, scope: &Scope) -> bool {
        self.heard(node).is_some_and(|heard| heard.differs(scope))
    }

    /// How long no beacon may come before this node says that it hears nobody, and how long a node may stay unheard from
    /// the start on before it counts as silent.
    pub fn be_patient(&mut self, silence_ms: u64, await_ms: u64) {
        (self.silence_ms, self.await_ms) = (silence_ms, await_ms.max(self.await_ms));
    }

    /// Whether nodes that were never heard are still awaited.
    fn awaits(&self, mono_ms: u64) -> bool {
        mono_ms.saturating_sub(self.expected_since_ms) < self.await_ms
    }

    /// Whether a node, by its last beacon, which still holds, has exactly the set of a scope that this node has.
    pub fn is_same(&self, node: &PublicKey, scope: &Scope, now: Now) -> bool {
        let heard = self.heard(node).filter(|heard| !heard.is_silent(now.mono_ms));
        heard.zip(self.own.get(scope)).is_some_and(|(heard, mine)| heard.has_set(scope, &mine.report.set))
    }

    /// A node showed that it has what this node has.
    pub fn agrees(&mut self, node: &PublicKey, mono_ms: u64) {
        if let Some(heard) = self.place(node).and_then(|place| self.heard.get_mut(place)) {
            heard.agrees(mono_ms);
        }
    }

    /// How many nodes showed within so long that they have what this node has.
    pub fn agreeing(&self, mono_ms: u64, within_ms: u64) -> usize {
        self.heard.iter().filter(|heard| heard.agreed(mono_ms, within_ms)).count()
    }

    /// Whether one of them did.
    pub fn has_agreed(&self, node: &PublicKey, mono_ms: u64, within_ms: u64) -> bool {
        self.heard(node).is_some_and(|heard| heard.agreed(mono_ms, within_ms))
    }

    /// Whether a node, by its last beacon, was equal in all that both hold at a mark that had settled lately. Under steady
    /// writes no two nodes have the same set at the same instant, and this is what tells that they agree.
    pub fn is_in_step(&self, node: &PublicKey) -> bool {
        self.heard(node).is_some_and(|heard| heard.is_in_step(self.own_time_ms))
    }

    /// How many of the nodes that are heard differ, and how many those are.
    pub fn differing(&self, mono_ms: u64) -> (usize, usize) {
        let heard = self.heard.iter().filter(|heard| !heard.is_silent(mono_ms));
        heard
            .fold((0, 0), |(differing, heard), one| (differing + usize::from(one.differs_since().is_some()), heard + 1))
    }

    /// How many nodes are expected, this one left out.
    pub fn expected(&self) -> usize {
        self.members.count().saturating_sub(usize::from(self.is_member)).min(MAX_NODES)
    }

    /// The mesh as seen from here.
    pub fn picture(&self, now: Now) -> Picture {
        let mut lags = Vec::new();
        let now_ms = now.wall_ms;
        let (mut differing, mut since_ms) = (0, now_ms);
        for heard in self.heard.iter().filter(|heard| !heard.is_silent(now.mono_ms)) {
            lags.push(heard.last.beacon().lag_ms);
            if let Some(since) = heard.differs_since() {
                differing += 1;
                since_ms = since_ms.min(since);
            }
        }
        let middle = lags.len() / 2;
        let peers_lag_ms = if lags.is_empty() { 0 } else { *lags.select_nth_unstable(middle).1 };
        let expected = self.expected();
        let never = expected.saturating_sub(self.heard.len());
        let awaited = if self.awaits(now.mono_ms) { never } else { 0 };
        let kept = self.heard.iter().flat_map(|heard| heard.kept());
        let mut alarms: Vec<Alarm> = kept.filter_map(|theirs| theirs.alarm.as_deref().cloned()).collect();
        alarms.sort_by_key(|alarm| alarm.node);
        Picture {
            expected,
            heard: lags.len(),
            silent: expected.saturating_sub(lags.len() + awaited),
            differing,
            planned: 0,
            age_ms: now_ms.saturating_sub(since_ms),
            alarms,
            hears_nobody: self.hears_nobody(now),
            lag_ms: self.own_lag_ms,
            peers_lag_ms,
        }
    }

    /// Whether nodes are expected and none is heard.
    pub fn hears_nobody(&self, now: Now) -> bool {
        let silent_ms = now.mono_ms.saturating_sub(self.any_heard_ms);
        let any = || self.heard.iter().any(|heard| !heard.is_silent(now.mono_ms));
        self.expected() > 0 && (silent_ms >= self.silence_ms || !any())
    }

    /// Every expected node.
    pub fn nodes(&self, now: Now) -> impl Iterator<Item = NodeState> {
        self.expects().map(move |node| self.state_of(*node, now))
    }

    /// One expected node.
    pub fn node(&self, node: &PublicKey, now: Now) -> Option<NodeState> {
        (*node != self.me && self.members.has(node)).then(|| self.state_of(*node, now))
    }

    fn state_of(&self, node: PublicKey, now: Now) -> NodeState {
        let heard = self.heard(&node);
        let scopes = heard.map(|heard| heard.scopes()).unwrap_or_default();
        let last = heard.map(|heard| heard.last.beacon());
        NodeState {
            node,
            name: last.map(|last| last.name.clone()).unwrap_or_default(),
            heard_ms: heard.map(|heard| heard.heard_ms),
            silent: heard.map_or(!self.awaits(now.mono_ms), |heard| heard.is_silent(now.mono_ms)),
            scopes: scopes
                .iter()
                .filter_map(|theirs| Some(theirs.state_against(self.own.get(theirs.scope())?)))
                .collect(),
            lag_ms: last.map_or(0, |last| last.lag_ms),
            fold_version: last.map_or(0, |last| last.fold_version),
            health: last.map(|last| last.health).unwrap_or_default(),
            peers: last.map_or(0, |last| last.peers),
        }
    }

    /// For every expected node, whether it has a change that is held here.
    pub fn reach(&self, change: &Change, now: Now) -> impl Iterator<Item = (PublicKey, Reach)> {
        self.expects().map(move |node| {
            let Some(heard) = self.heard(node) else { return (*node, Reach::Unknown) };
            let (silent, scopes) = (heard.is_silent(now.mono_ms), heard.scopes());
            let theirs = scopes.iter().find(|theirs| *theirs.scope() == change.scope);
            (*node, theirs.map_or(Reach::Unknown, |theirs| theirs.reach(change, silent)))
        })
    }
}

/// Whether a mark that had settled by `time_ms` changed from one own report to the next.
fn is_late(before: &Report, now: &Report, time_ms: u64) -> bool {
    let newest = before.marks.newest.min(time_ms.saturating_sub(SETTLE_MS) / MARK_MS);
    let mut settled = (newest.saturating_sub(MARKS as u64)..=newest).filter(|mark| now.marks.at(*mark).is_some());
    settled.any(|mark| before.marks.at(mark).is_some_and(|hash| now.marks.at(mark) != Some(hash)))
}

/// Whether a beacon has expired by any clock. The two clocks may differ by the allowed skew; how long a beacon counts once
/// it was heard is measured here alone.
fn has_expired(expires_ms: u64, now_ms: u64) -> bool {
    expires_ms.saturating_add(SKEW_MS) <= now_ms
}
