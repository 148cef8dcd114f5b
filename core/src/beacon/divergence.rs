//! The tracker of divergence: own reports, accepted beacons and the time go in, the picture of the mesh comes out.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use driftless_statement::limits::SKEW_MS;
use driftless_statement::{MeshId, PublicKey, Scope, id};

use super::message::{Beacon, Proven, Report};
use super::picture::{Alarm, Change, NodeState, Picture, Reach, ScopeState, State};
use super::{BEACON_EXPIRY_MAX_MS, MARK_MS, MARKS, MAX_NODES, SETTLE_MS};
use crate::now::Now;

/// Own merged digests that are remembered for each scope: peers report a set a little later than this node had it.
const REMEMBERED_MERGES: usize = 16;

/// Equal sets that are remembered for each scope of each node: enough for the questions of a person who just wrote.
const REMEMBERED_SETS: usize = 16;

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
    expected: BTreeSet<PublicKey>,
    own_time_ms: u64,
    own_lag_ms: u64,
    own: BTreeMap<Scope, Mine>,
    heard: BTreeMap<PublicKey, Heard>,
    /// When any beacon was heard last, on the timer clock.
    any_heard_ms: u64,
    /// After so long without any this node hears nobody.
    silence_ms: u64,
}

#[derive(Clone)]
struct Mine {
    report: Report,
    /// What was folded, and the merged digest that it gave.
    merges: VecDeque<([u8; 32], [u8; 32])>,
}

#[derive(Clone)]
struct Heard {
    last: Header,
    scopes: BTreeMap<Scope, Theirs>,
}

/// The last beacon without its reports.
#[derive(Clone)]
struct Header {
    order: (u64, u64),
    heard_ms: u64,
    /// The same on the timer clock: silence is measured there, where nothing jumps.
    heard_mono_ms: u64,
    expires_ms: u64,
    /// How long it holds from when it was heard: independent of how the two clocks differ.
    holds_ms: u64,
    lag_ms: u64,
    name: String,
    fold_version: u64,
    health: super::Health,
    peers: u64,
}

#[derive(Clone)]
struct Theirs {
    report: Report,
    time_ms: u64,
    state: State,
    since_ms: u64,
    mark: Option<u64>,
    /// Marks at which the sets were equal, and when that was first and last seen; newest last.
    equal: VecDeque<Equal>,
    /// Sets of which both had exactly the same, and when that was first and last so; newest last.
    same: VecDeque<Same>,
    alarm: Option<Alarm>,
}

#[derive(Clone, Copy)]
struct Same {
    set: [u8; 32],
    first_ms: u64,
    last_ms: u64,
}

#[derive(Clone, Copy)]
struct Equal {
    mark: u64,
    first_ms: u64,
    last_ms: u64,
}

impl Divergence {
    /// A tracker that expects nobody yet. After `silence_ms` without any beacon it says that it hears nobody.
    pub fn new(me: PublicKey, mesh: MeshId, silence_ms: u64) -> Self {
        Self {
            me,
            mesh,
            expected: BTreeSet::new(),
            own_time_ms: 0,
            own_lag_ms: 0,
            own: BTreeMap::new(),
            heard: BTreeMap::new(),
            any_heard_ms: 0,
            silence_ms,
        }
    }

    /// The nodes that member grants name now. Others are forgotten.
    pub fn expect(&mut self, members: impl IntoIterator<Item = PublicKey>) {
        let me = self.me;
        self.expected = members.into_iter().filter(|node| *node != me).take(MAX_NODES).collect();
        let expected = &self.expected;
        self.heard.retain(|node, _| expected.contains(node));
    }

    /// Whether a beacon would be taken: cheap, so ask before its signature is checked.
    pub fn check(&self, now_ms: u64, beacon: &Beacon) -> Result<(), NotHeard> {
        if beacon.mesh != self.mesh {
            return Err(NotHeard::Mesh);
        }
        if beacon.node == self.me {
            return Err(NotHeard::Own);
        }
        if !self.expected.contains(&beacon.node) {
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
        let newer = self.heard.get(&beacon.node).is_none_or(|heard| {
            (beacon.boot, beacon.counter) > heard.last.order || has_expired(heard.last.expires_ms, now_ms)
        });
        if newer { Ok(()) } else { Err(NotHeard::Old) }
    }

    /// Takes a beacon.
    pub fn hear(&mut self, now: Now, beacon: &Proven) -> Result<(), NotHeard> {
        let (beacon, now_ms) = (beacon.beacon(), now.wall_ms);
        self.check(now_ms, beacon)?;
        let last = Header {
            order: (beacon.boot, beacon.counter),
            heard_ms: now_ms,
            heard_mono_ms: now.mono_ms,
            expires_ms: beacon.expires_ms,
            holds_ms: beacon.expires_ms.saturating_sub(beacon.time_ms),
            lag_ms: beacon.lag_ms,
            name: beacon.name.clone(),
            fold_version: beacon.fold_version,
            health: beacon.health,
            peers: beacon.peers,
        };
        let heard =
            self.heard.entry(beacon.node).or_insert_with(|| Heard { last: last.clone(), scopes: BTreeMap::new() });
        self.any_heard_ms = now.mono_ms;
        let came_back = heard.last.is_silent(now.mono_ms);
        heard.last = last;
        for report in &beacon.scopes {
            let Some(mine) = self.own.get(&report.scope) else { continue };
            let theirs = heard.scopes.entry(report.scope.clone()).or_insert_with(|| Theirs::new(report, now_ms));
            theirs.report.clone_from(report);
            theirs.time_ms = beacon.time_ms;
            theirs.judge(mine, self.own_time_ms, now_ms);
            if came_back {
                // What was so before the silence says nothing about the time in between.
                theirs.since_ms = now_ms;
            }
            theirs.compare_merged(beacon.node, mine, now_ms);
        }
        Ok(())
    }

    /// Takes this node's own state. Others are compared with it anew only in scopes whose settled marks changed, so that
    /// it may come often: in a healthy mesh that is once a mark.
    pub fn own(&mut self, now_ms: u64, own: Own) {
        let mut before = std::mem::take(&mut self.own);
        let mut changed = BTreeSet::new();
        for report in own.scopes {
            let mine = before.remove(&report.scope);
            let settled = mine.as_ref().map(|mine| settled(&mine.report, self.own_time_ms));
            if settled.is_none_or(|before| before != self::settled(&report, own.time_ms)) {
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
            self.heard.values_mut().for_each(|heard| heard.scopes.retain(|scope, _| self.own.contains_key(scope)));
        }
        for scope in &changed {
            self.compare_all(scope, now_ms);
        }
    }

    /// This node stands as it said last, at a later time at which no other mark is reached or settled.
    pub fn own_stands(&mut self, time_ms: u64, lag_ms: u64) {
        self.own_time_ms = time_ms;
        self.own_lag_ms = lag_ms;
    }

    fn compare_all(&mut self, scope: &Scope, now_ms: u64) {
        let Some(mine) = self.own.get(scope) else { return };
        for (node, heard) in &mut self.heard {
            if let Some(theirs) = heard.scopes.get_mut(scope) {
                theirs.judge(mine, self.own_time_ms, now_ms);
                theirs.compare_merged(*node, mine, now_ms);
            }
        }
    }

    /// Whether a node, by its last beacon, differs in a scope at the newest settled mark: reason to reconcile with it now.
    /// Set digests alone would be reason all the time while statements are under way.
    pub fn differs(&self, node: &PublicKey, scope: &Scope) -> bool {
        let theirs = self.heard.get(node).and_then(|heard| heard.scopes.get(scope));
        theirs.is_some_and(|theirs| theirs.state == State::Differs)
    }

    /// How many nodes are expected, this one left out.
    pub fn expected(&self) -> usize {
        self.expected.len()
    }

    /// The mesh as seen from here.
    pub fn picture(&self, now: Now) -> Picture {
        let mut lags = Vec::new();
        let now_ms = now.wall_ms;
        let (mut differing, mut since_ms) = (0, now_ms);
        for heard in self.heard.values().filter(|heard| !heard.last.is_silent(now.mono_ms)) {
            lags.push(heard.last.lag_ms);
            let since =
                heard.scopes.values().filter(|theirs| theirs.state == State::Differs).map(|theirs| theirs.since_ms);
            if let Some(since) = since.min() {
                differing += 1;
                since_ms = since_ms.min(since);
            }
        }
        lags.sort_unstable();
        let alarms =
            self.heard.values().flat_map(|heard| heard.scopes.values()).filter_map(|theirs| theirs.alarm.clone());
        Picture {
            expected: self.expected.len(),
            heard: lags.len(),
            silent: self.expected.len() - lags.len(),
            differing,
            planned: 0,
            age_ms: now_ms.saturating_sub(since_ms),
            alarms: alarms.collect(),
            hears_nobody: !self.expected.is_empty()
                && (lags.is_empty() || now.mono_ms.saturating_sub(self.any_heard_ms) >= self.silence_ms),
            lag_ms: self.own_lag_ms,
            peers_lag_ms: lags.get(lags.len() / 2).copied().unwrap_or(0),
        }
    }

    /// Every expected node.
    pub fn nodes(&self, now: Now) -> impl Iterator<Item = NodeState> {
        self.expected.iter().map(move |node| self.state_of(*node, now))
    }

    /// One expected node.
    pub fn node(&self, node: &PublicKey, now: Now) -> Option<NodeState> {
        self.expected.contains(node).then(|| self.state_of(*node, now))
    }

    fn state_of(&self, node: PublicKey, now: Now) -> NodeState {
        let heard = self.heard.get(&node);
        let scopes = heard.iter().flat_map(|heard| &heard.scopes);
        let last = heard.map(|heard| &heard.last);
        NodeState {
            node,
            name: last.map(|last| last.name.clone()).unwrap_or_default(),
            heard_ms: last.map(|last| last.heard_ms),
            silent: last.is_none_or(|last| last.is_silent(now.mono_ms)),
            scopes: scopes.filter_map(|(scope, theirs)| Some(theirs.state_against(self.own.get(scope)?))).collect(),
            lag_ms: last.map_or(0, |last| last.lag_ms),
            fold_version: last.map_or(0, |last| last.fold_version),
            health: last.map(|last| last.health).unwrap_or_default(),
            peers: last.map_or(0, |last| last.peers),
        }
    }

    /// For every expected node, whether it has a change that is held here.
    pub fn reach(&self, change: &Change, now: Now) -> impl Iterator<Item = (PublicKey, Reach)> {
        self.expected.iter().map(move |node| {
            let theirs = self.heard.get(node).and_then(|heard| {
                let theirs = heard.scopes.get(&change.scope)?;
                Some((theirs, heard.last.is_silent(now.mono_ms)))
            });
            (*node, theirs.map_or(Reach::Unknown, |(theirs, silent)| theirs.reach(change, silent)))
        })
    }
}

/// The marks of a report that had settled when it was made: all that comparisons look at.
fn settled(report: &Report, time_ms: u64) -> (u64, Option<[u8; 16]>, usize) {
    let newest = report.marks.newest.min(time_ms.saturating_sub(SETTLE_MS) / MARK_MS);
    (newest, report.marks.at(newest).copied(), report.marks.hashes.len())
}

/// Whether a beacon has expired by any clock. The two clocks may differ by the allowed skew; how long a beacon counts once
/// it was heard is measured here alone.
fn has_expired(expires_ms: u64, now_ms: u64) -> bool {
    expires_ms.saturating_add(SKEW_MS) <= now_ms
}

impl Header {
    fn is_silent(&self, mono_ms: u64) -> bool {
        mono_ms.saturating_sub(self.heard_mono_ms) >= self.holds_ms
    }
}

impl Theirs {
    fn new(report: &Report, now_ms: u64) -> Self {
        Self {
            report: report.clone(),
            time_ms: 0,
            state: State::Unknown,
            since_ms: now_ms,
            mark: None,
            equal: VecDeque::new(),
            same: VecDeque::new(),
            alarm: None,
        }
    }

    /// Compares at the newest mark that had settled when either report was made.
    fn judge(&mut self, mine: &Mine, own_time_ms: u64, now_ms: u64) {
        let settled_ms = self.time_ms.min(own_time_ms).saturating_sub(SETTLE_MS);
        self.mark = self.report.marks.common(&mine.report.marks, settled_ms);
        let state = match self.mark {
            Some(mark) if self.report.marks.at(mark) == mine.report.marks.at(mark) => State::InSync,
            Some(_) => State::Differs,
            None => State::Unknown,
        };
        if state != self.state {
            self.state = state;
            self.since_ms = now_ms;
        }
        self.note_same(mine, own_time_ms);
        let Some(mark) = self.mark.filter(|_| state == State::InSync) else { return };
        match self.equal.iter_mut().find(|equal| equal.mark == mark) {
            Some(equal) => equal.last_ms = own_time_ms,
            None => {
                self.equal.push_back(Equal { mark, first_ms: now_ms, last_ms: own_time_ms });
                self.equal.drain(..self.equal.len().saturating_sub(MARKS));
            }
        }
    }

    /// Exactly equal sets tell at once, where marks tell only when they have settled.
    fn note_same(&mut self, mine: &Mine, own_time_ms: u64) {
        if self.report.set != mine.report.set || self.report.effective != mine.report.effective {
            return;
        }
        match self.same.back_mut().filter(|same| same.set == self.report.set) {
            Some(same) => same.last_ms = own_time_ms,
            None => {
                self.same.push_back(Same { set: self.report.set, first_ms: own_time_ms, last_ms: own_time_ms });
                self.same.drain(..self.same.len().saturating_sub(REMEMBERED_SETS));
            }
        }
    }

    /// Raises the alarm when the same was folded there into something else, and ends it when the folds agree again.
    fn compare_merged(&mut self, node: PublicKey, mine: &Mine, now_ms: u64) {
        let same = mine.merges.iter().rev().find(|(folded, _)| *folded == self.report.folded);
        let Some((folded, merged)) = same else { return };
        if *merged == self.report.merged {
            self.alarm = None;
            return;
        }
        let since_ms = self.alarm.as_ref().map_or(now_ms, |alarm| alarm.since_ms);
        self.alarm = Some(Alarm {
            node,
            scope: self.report.scope.clone(),
            since_ms,
            folded: id::hex(folded),
            here: id::hex(merged),
            there: id::hex(&self.report.merged),
        });
    }

    fn state_against(&self, mine: &Mine) -> ScopeState {
        let (here, there) = (&mine.report, &self.report);
        let folded_equal = here.folded == there.folded;
        ScopeState {
            scope: there.scope.clone(),
            state: self.state,
            since_ms: self.since_ms,
            at_mark_ms: self.mark.map(|mark| mark.saturating_mul(MARK_MS)),
            merged_equal: folded_equal.then_some(here.merged == there.merged),
            effective_equal: folded_equal.then_some(here.effective == there.effective),
            behind: here.count.saturating_sub(there.count),
            ahead: there.count.saturating_sub(here.count),
            planned: false,
        }
    }

    fn reach(&self, change: &Change, silent: bool) -> Reach {
        let covers = |mark: u64| mark.saturating_mul(MARK_MS) > change.hlc.millis();
        // Equality counts only when seen with the change held here, so strictly after it came.
        let equal = self.equal.iter().find(|equal| covers(equal.mark) && equal.last_ms > change.held_ms);
        let same = self.same.iter().find(|same| same.last_ms > change.held_ms);
        let first = equal.map(|equal| equal.first_ms).into_iter().chain(same.map(|same| same.first_ms)).min();
        match (first, self.state, self.mark) {
            (Some(first_ms), _, _) => Reach::Has { since_ms: first_ms.max(change.held_ms) },
            (None, State::Differs, Some(mark)) if covers(mark) && !silent => Reach::Lacks { since_ms: self.since_ms },
            (None, _, _) => Reach::Unknown,
        }
    }
}
