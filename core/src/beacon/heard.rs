//! One other node, as far as its beacons told of it. There is one for each node heard, in a simulated mesh so often again,
//! so it is kept small: of a node that was heard once and was equal in all, everything follows from its beacon and from
//! when it came; more is kept of whoever was heard again, or differed. It must not know other nodes.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use driftless_statement::Scope;

use super::BEACON_SCOPES;
use super::divergence::Mine;
use super::message::{Beacon, Proven};
use super::picture::State;
use super::theirs::{Theirs, Told, compare, is_late, is_same};
use crate::now::Now;

/// A time that no clock shows.
const NEVER: u64 = u64::MAX;

const _: () = assert!(BEACON_SCOPES <= u32::BITS as usize, "each report of a beacon has its bit");

/// One other node.
#[derive(Clone)]
pub(super) struct Heard {
    /// The last beacon, shared with whoever else heard it: what it says is read there and not copied.
    pub last: Arc<Proven>,
    /// When it came, Unix milliseconds.
    pub heard_ms: u64,
    /// The same on the timer clock: silence is measured there, where nothing jumps.
    heard_mono_ms: u64,
    /// When a beacon of it last showed that both have the same, on the timer clock.
    agreed_mono_ms: u64,
    /// Its scopes one by one; nothing as long as the next three say all.
    each: Option<Box<Each>>,
    /// The mark at which both were equal in all that its one beacon told of.
    mark: u64,
    /// When this node's own state was taken that it was compared with.
    own_time_ms: u64,
    /// In which of its reports the sets were exactly the same: a bit for each, from the lowest.
    same: u32,
    /// How long the last beacon holds, milliseconds.
    holds_ms: u32,
}

/// Scopes of a node that are held here too, ascending. One beacon may tell of some of them only.
#[derive(Clone, Default)]
struct Each(Vec<Theirs>);

/// What this node compares with.
pub(super) struct Here<'a> {
    pub own: &'a BTreeMap<Scope, Mine>,
    pub time_ms: u64,
}

impl Heard {
    /// A node that was never heard before.
    pub fn new(now: Now, proven: &Arc<Proven>, here: &Here<'_>) -> Self {
        let mut heard = Self {
            last: proven.clone(),
            heard_ms: now.wall_ms,
            heard_mono_ms: now.mono_ms,
            agreed_mono_ms: NEVER,
            each: None,
            mark: 0,
            own_time_ms: here.time_ms,
            same: 0,
            holds_ms: holds_ms(proven.beacon()),
        };
        match alike(proven.beacon(), here) {
            Some((mark, same)) => (heard.mark, heard.same) = (mark, same),
            None => {
                heard.each = Some(Box::default());
                heard.compare(now.wall_ms, false, here);
            }
        }
        heard
    }

    /// Another beacon came.
    pub fn hear(&mut self, now: Now, proven: &Arc<Proven>, here: &Here<'_>) {
        let came_back = self.is_silent(now.mono_ms);
        self.each();
        (self.last, self.holds_ms) = (proven.clone(), holds_ms(proven.beacon()));
        (self.heard_ms, self.heard_mono_ms) = (now.wall_ms, now.mono_ms);
        self.compare(now.wall_ms, came_back, here);
    }

    /// Compares all that the last beacon tells.
    fn compare(&mut self, now_ms: u64, came_back: bool, here: &Here<'_>) {
        let proven = self.last.clone();
        for (at, report) in proven.beacon().scopes.iter().enumerate() {
            let Some(mine) = here.own.get(&report.scope) else { continue };
            let Some(theirs) = self.scope_to_tell(Told { beacon: proven.clone(), at }, now_ms) else { continue };
            theirs.judge(mine, here.time_ms, now_ms);
            if came_back {
                // What was so before the silence says nothing about the time in between.
                theirs.since_ms = now_ms;
            }
            theirs.compare_merged(proven.beacon().node, mine, now_ms);
        }
    }

    /// Compares one scope anew: this node stands otherwise than it did.
    pub fn compare_scope(&mut self, scope: &Scope, mine: &Mine, own_time_ms: u64, now_ms: u64) {
        let beacon = self.last.beacon();
        if self.each.is_none() && beacon.scopes.iter().all(|report| report.scope != *scope) {
            return;
        }
        let node = beacon.node;
        let scopes = self.each();
        if let Some(theirs) = place(scopes, scope).ok().and_then(|at| scopes.get_mut(at)) {
            theirs.judge(mine, own_time_ms, now_ms);
            theirs.compare_merged(node, mine, now_ms);
        }
    }

    /// Keeps only scopes that are held here.
    pub fn keep(&mut self, held: impl Fn(&Scope) -> bool) {
        self.each().retain(|theirs| held(theirs.scope()));
    }

    /// Whether its last beacon holds no longer. Independent of how the two clocks differ.
    pub fn is_silent(&self, mono_ms: u64) -> bool {
        mono_ms.saturating_sub(self.heard_mono_ms) >= u64::from(self.holds_ms)
    }

    /// It showed that it has what this node has.
    pub fn agrees(&mut self, mono_ms: u64) {
        self.agreed_mono_ms = mono_ms;
    }

    /// Whether it agreed within so long.
    pub fn agreed(&self, mono_ms: u64, within_ms: u64) -> bool {
        self.agreed_mono_ms != NEVER && mono_ms.saturating_sub(self.agreed_mono_ms) < within_ms
    }

    /// Since when it differs in some scope at the newest settled mark; nothing when it does not.
    pub fn differs_since(&self) -> Option<u64> {
        let differing = self.kept().iter().filter(|theirs| theirs.state == State::Differs);
        differing.map(|theirs| theirs.since_ms).min()
    }

    /// Whether it differs in a scope at the newest settled mark.
    pub fn differs(&self, scope: &Scope) -> bool {
        self.kept().iter().any(|theirs| theirs.state == State::Differs && theirs.scope() == scope)
    }

    /// Whether it told this set of a scope last.
    pub fn has_set(&self, scope: &Scope, set: &[u8; 32]) -> bool {
        let last = &self.last.beacon().scopes;
        match &self.each {
            None => last.iter().any(|report| report.scope == *scope && report.set == *set),
            Some(each) => each.0.iter().any(|theirs| theirs.scope() == scope && theirs.told.report().set == *set),
        }
    }

    /// Whether it was equal in all that both hold at a mark that had settled lately.
    pub fn is_in_step(&self, own_time_ms: u64) -> bool {
        match &self.each {
            None => is_late(self.mark, own_time_ms),
            Some(each) => !each.0.is_empty() && each.0.iter().all(|theirs| theirs.is_in_step(own_time_ms)),
        }
    }

    /// Its scopes that are held here too, for who asks about this node.
    pub fn scopes(&self) -> Cow<'_, [Theirs]> {
        match &self.each {
            None => Cow::Owned(self.alike_scopes()),
            Some(each) => Cow::Borrowed(&each.0),
        }
    }

    /// Those that are kept one by one: all that anything is wrong with are.
    pub fn kept(&self) -> &[Theirs] {
        self.each.as_ref().map_or(&[], |each| &each.0)
    }

    fn alike_scopes(&self) -> Vec<Theirs> {
        let told = (0..self.last.beacon().scopes.len()).zip(0..u32::BITS);
        let theirs = |(at, bit): (usize, u32)| {
            let told = Told { beacon: self.last.clone(), at };
            Theirs::alike(told, self.heard_ms, self.mark, self.own_time_ms, self.same >> bit & 1 == 1)
        };
        told.map(theirs).collect()
    }

    /// From now on each scope is kept by itself.
    fn each(&mut self) -> &mut Vec<Theirs> {
        if self.each.is_none() {
            self.each = Some(Box::new(Each(self.alike_scopes())));
        }
        &mut self.each.get_or_insert_default().0
    }

    /// The scope that was told of now, known or new.
    fn scope_to_tell(&mut self, told: Told, now_ms: u64) -> Option<&mut Theirs> {
        let scopes = self.each();
        let at = match place(scopes, &told.report().scope) {
            Ok(at) => {
                scopes.get_mut(at)?.told = told;
                at
            }
            Err(at) => {
                scopes.insert(at, Theirs::new(told, now_ms));
                at
            }
        };
        scopes.get_mut(at)
    }
}

fn place(scopes: &[Theirs], scope: &Scope) -> Result<usize, usize> {
    scopes.binary_search_by(|theirs| theirs.scope().cmp(scope))
}

/// How long a beacon holds: never longer than fits, or it is not taken.
fn holds_ms(beacon: &Beacon) -> u32 {
    u32::try_from(beacon.expires_ms.saturating_sub(beacon.time_ms)).unwrap_or(u32::MAX)
}

/// The mark at which this node is equal in all that a beacon tells of, and in which of its reports the sets are exactly
/// the same; nothing when more is to be said.
fn alike(beacon: &Beacon, here: &Here<'_>) -> Option<(u64, u32)> {
    let (mut mark, mut same) = (None, 0);
    for (report, bit) in beacon.scopes.iter().zip(0..u32::BITS) {
        let mine = here.own.get(&report.scope)?;
        let (state, at) = compare(report, beacon.time_ms, mine, here.time_ms);
        if state != State::InSync || (mark.is_some() && mark != at) || mine.folds_otherwise(report) {
            return None;
        }
        mark = at;
        same |= u32::from(is_same(report, mine)) << bit;
    }
    Some((mark?, same))
}
