//! Looks at every event and effect of every machine for what must never happen. Each rule names its property.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use driftless_core::beacon::Claim;
use driftless_core::fold::Breach;
use driftless_core::machine::{Effect, Event, Fate, Now, SubmitOutcome};
use driftless_core::trust::Refusal;
use driftless_core::view::{Effective, Revision, View};
use driftless_core::wire::{Gossip, Request, Response};
use driftless_statement::limits::SKEW_MS;
use driftless_statement::{Body, Path, Scope, Signed, StatementId, Verified, schema};

use crate::world::Node;

/// What an entry showed last: its value as JSON, and its heads.
type Shown = (Option<Effective>, Arc<[StatementId]>);

/// What is known of one node from outside, across its restarts.
#[derive(Default)]
pub struct Seen {
    pub on_disk: BTreeSet<StatementId>,
    pub acknowledged: BTreeSet<StatementId>,
    /// Taken off the disk.
    pub gone: BTreeSet<StatementId>,
    shown: BTreeMap<Path, Shown>,
    revision: Option<Revision>,
    /// Statements that counted when the last view was shown.
    counted: BTreeSet<StatementId>,
    pushes: BTreeMap<u64, Vec<StatementId>>,
    open_verdicts: BTreeSet<Vec<u8>>,
    latest_wall_ms: u64,
}

impl Seen {
    pub fn synced(&mut self, statements: &[Arc<Verified>]) {
        for statement in statements {
            let known = |id: &StatementId| self.on_disk.contains(id);
            assert!(statement.statement().names().iter().all(known), "P2: a child on disk before what it names");
            self.on_disk.insert(statement.id());
        }
    }

    pub fn taken_off(&mut self, gone: &[StatementId]) {
        for id in gone {
            assert!(self.on_disk.remove(id), "takes off what is not on disk");
        }
        self.gone.extend(gone);
    }

    pub fn restarted(&mut self) {
        self.pushes.clear();
        self.open_verdicts.clear();
    }
}

/// What is known of all nodes together.
#[derive(Default)]
pub struct Watch {
    statements: BTreeMap<StatementId, Arc<Verified>>,
    /// What each fold gave, whoever folded it.
    merged: BTreeMap<(Scope, [u8; 32]), [u8; 32]>,
    /// How often each interesting thing was seen.
    pub sometimes: BTreeMap<&'static str, u64>,
}

fn id_of(wire: &[u8]) -> Option<StatementId> {
    Signed::decode(wire).ok().map(|signed| signed.id())
}

impl Watch {
    pub fn saw(&mut self, what: &'static str) {
        *self.sometimes.entry(what).or_default() += 1;
    }

    pub fn event(&mut self, node: &mut Node, now: Now, event: &Event) {
        node.seen.latest_wall_ms = node.seen.latest_wall_ms.max(now.wall_ms);
        match event {
            Event::Request { token, bytes, .. } => {
                if let Ok(Request::Push { statements }) = Request::decode(bytes) {
                    node.seen.pushes.insert(*token, statements.iter().filter_map(|wire| id_of(wire)).collect());
                }
            }
            Event::Gossip { id, .. } => drop(node.seen.open_verdicts.insert(id.clone())),
            Event::StoreFailed { .. } => self.saw("disk failed"),
            _ => {}
        }
    }

    pub fn effect(&mut self, node: &mut Node, effect: &Effect) {
        match effect {
            Effect::Store { statements, gone, .. } => {
                for id in gone {
                    assert!(self.is_struck_by_roots(id), "what the roots did not strike leaves the disk");
                }
                if !gone.is_empty() {
                    self.saw("what the roots struck left the disk");
                } else if statements.is_empty() {
                    self.saw("floor kept");
                }
                self.statements.extend(statements.iter().map(|statement| (statement.id(), statement.clone())));
            }
            Effect::Publish { bytes, .. } => self.published(node, bytes),
            Effect::Verdict { id, .. } => {
                assert!(node.seen.open_verdicts.remove(id), "a verdict for a message that waits for none");
            }
            Effect::Request { bytes, .. } => {
                if let Ok(Request::Push { statements }) = Request::decode(bytes) {
                    statements.iter().for_each(|wire| left(node, id_of(wire)));
                }
            }
            Effect::Respond { token, bytes } => self.responded(node, *token, bytes),
            Effect::Show(view) => self.showed(node, view),
            Effect::Wrote { outcome: Ok(receipt), .. } => {
                if let Some(id) = receipt.id {
                    assert!(node.seen.on_disk.contains(&id), "P22: acknowledged before it is on disk");
                    node.seen.acknowledged.insert(id);
                    // A schema that was under way when the write was signed may hold for it: then its caller is told so.
                    if let Some(Fate::Unfit { breach: Breach::Schema { .. }, .. }) = receipt.fate {
                        return self.saw("a write was acknowledged as unfit");
                    }
                    // The same with a revocation.
                    if let Some(Fate::Void(Refusal::Struck { .. })) = receipt.fate {
                        return self.saw("a write was acknowledged as void");
                    }
                    assert_eq!(receipt.fate, Some(Fate::Fit));
                    let path = &self.statements[&id].statement().touches[0].path;
                    let entry = node.machine.view().get(path).expect("P19: the entry of a write is in the view");
                    assert!(self.covers(path, &entry.heads, &id), "P19: a write is not in the view");
                    assert!(node.machine.view().revision().covers(&receipt.revision).unwrap());
                }
            }
            Effect::Submitted { outcome, .. } => {
                for outcome in outcome {
                    if let SubmitOutcome::Stored { id, .. } | SubmitOutcome::Known { id, .. } = outcome {
                        assert!(node.seen.on_disk.contains(id), "P22: told stored before it is on disk");
                        node.seen.acknowledged.insert(*id);
                    }
                }
            }
            _ => {}
        }
    }

    /// Whether the author of a statement, or of a grant above it, is a key that a root act revokes.
    fn is_struck_by_roots(&self, id: &StatementId) -> bool {
        let Some(struck) = self.statements.get(id) else { return false };
        let said = struck.statement();
        let by_root = self.statements.values().map(|one| one.statement()).any(|act| {
            let of_author = matches!(&act.body, Body::Revoke(revoke) if revoke.key == said.author);
            of_author && act.grant == StatementId(act.mesh.0)
        });
        by_root || self.is_struck_by_roots(&said.grant)
    }

    /// Node's own statements leave only when on disk; beacons tell what folds gave.
    fn published(&mut self, node: &Node, bytes: &[u8]) {
        match Gossip::decode(bytes).unwrap() {
            Gossip::Statement { wire } => left(node, id_of(&wire).filter(|_| signed_by(node, &wire))),
            Gossip::Announce { ids, .. } => {
                self.saw("announced");
                let own = |id: &&StatementId| {
                    self.statements.get(id).is_some_and(|s| s.statement().author == node.machine.node())
                };
                ids.iter().filter(own).for_each(|id| left(node, Some(*id)));
            }
            Gossip::Beacon { bytes } => {
                for report in &Claim::decode(&bytes).unwrap().beacon().scopes {
                    let folded = (report.scope.clone(), report.folded);
                    let merged = self.merged.entry(folded).or_insert(report.merged);
                    assert_eq!(*merged, report.merged, "P5: equal sets, unequal merged digests");
                }
            }
        }
    }

    fn responded(&mut self, node: &mut Node, token: u64, bytes: &[u8]) {
        match Response::decode(bytes).unwrap() {
            Response::Statements { statements, .. } => statements.iter().for_each(|wire| left(node, id_of(wire))),
            Response::Taken { refused, .. } => {
                let ids = node.seen.pushes.remove(&token).unwrap_or_default();
                let refused: BTreeSet<usize> = refused.into_iter().map(|(place, _)| place).collect();
                for (_, id) in ids.into_iter().enumerate().filter(|(place, _)| !refused.contains(place)) {
                    assert!(node.seen.on_disk.contains(&id), "P22: a push was taken before it is on disk");
                    node.seen.acknowledged.insert(id);
                    self.saw("push taken");
                }
            }
            _ => {}
        }
    }

    /// Whether heads are, or follow, a statement.
    fn covers(&self, path: &Path, heads: &[StatementId], wanted: &StatementId) -> bool {
        let mut stack: Vec<StatementId> = heads.to_vec();
        let mut seen = BTreeSet::new();
        while let Some(id) = stack.pop() {
            if id == *wanted {
                return true;
            }
            if seen.insert(id) {
                let bases = self.statements.get(&id).and_then(|s| s.statement().bases_of(path));
                stack.extend(bases.into_iter().flatten());
            }
        }
        false
    }

    fn showed(&mut self, node: &mut Node, view: &View) {
        let revision = view.revision();
        if let Some(before) = &node.seen.revision {
            assert_eq!(revision.covers(before), Some(true), "P18: the view went back");
        }
        node.seen.revision = Some(revision);
        let counts = |id: &&StatementId| {
            let told = node.machine.statement(id);
            told.is_some_and(|told| matches!(told.fate, Fate::Fit | Fate::Unfit { .. }))
        };
        let counted: BTreeSet<StatementId> = node.seen.on_disk.iter().filter(counts).copied().collect();
        let voided: BTreeSet<StatementId> = node.seen.counted.difference(&counted).copied().collect();
        for id in &voided {
            let fate = node.machine.statement(id).map(|told| told.fate);
            // What comes back because the revocation fell is on its way for a moment.
            let by_revocation = fate.is_none() && !node.machine.has_stored(id)
                || matches!(
                    fate,
                    Some(Fate::Void(Refusal::Struck { .. } | Refusal::NoSuchGrant { .. }) | Fate::Storing)
                );
            assert!(by_revocation, "P17: what counted counts no longer: {fate:?}");
            self.saw("what counted is void");
        }
        let changed: BTreeSet<StatementId> = counted.symmetric_difference(&node.seen.counted).copied().collect();
        let first = |id: &StatementId| self.statements[id].statement().touches.first();
        let governed: BTreeSet<Scope> =
            changed.iter().filter_map(first).filter_map(|touch| schema::scope_of(&touch.path)).collect();
        let machine = &node.machine;
        let taken_back = |id: &StatementId| {
            let fate = machine.statement(id).map(|told| told.fate);
            let off_the_disk = fate.is_none() && !machine.has_stored(id);
            off_the_disk || matches!(fate, Some(Fate::Unfit { breach: Breach::Schema { .. }, .. } | Fate::Void(_)))
        };
        let everything = "".parse().unwrap();
        for (path, entry) in view.under(&everything, None) {
            let before = node.seen.shown.insert(path.clone(), (entry.effective.clone(), entry.heads.clone()));
            let (effective, heads) = before.unwrap_or_else(|| (None, Arc::new([])));
            for head in heads.iter() {
                // A schema that comes late may make a head unfit, a revocation may make it void; nothing else takes one
                // back.
                let back = !self.covers(path, &entry.heads, head);
                assert!(!back || taken_back(head), "P18: the heads of {path} went back");
                if back {
                    self.saw("a head was taken back");
                }
            }
            for id in entry.heads.iter() {
                let due = self.statements[id].statement().hlc.millis() <= node.seen.latest_wall_ms + SKEW_MS;
                assert!(due, "P16: {path} shows what is not due");
                assert!(counted.contains(id), "a head that does not count");
            }
            if effective != entry.effective {
                let touches = |id: &StatementId| self.statements[id].statement().bases_of(path).is_some();
                assert!(
                    changed.iter().any(touches) || governed.contains(&path.scope()),
                    "P7: {path} changed without a witness"
                );
            }
            if entry.heads.len() > 1 {
                self.saw("concurrent heads");
            }
        }
        let gone: Vec<Path> = node.seen.shown.keys().filter(|path| view.get(path).is_none()).cloned().collect();
        for path in gone {
            let (_, heads) = node.seen.shown.remove(&path).unwrap();
            assert!(heads.iter().all(taken_back), "P18: {path} is gone from the view");
            self.saw("an entry was taken back");
        }
        node.seen.counted = counted;
    }

    /// After each event.
    pub fn after(&mut self, node: &Node) {
        let limits = [("room", 65_536), ("disk", 65_536), ("line", 4_096), ("submissions", 4_096), ("requests", 512)];
        for ((name, size), (known, limit)) in node.machine.queues().into_iter().zip(limits) {
            assert_eq!(name, known);
            assert!(size <= limit, "P29: {name} holds {size}");
        }
        if !node.machine.divergence().alarms.is_empty() {
            panic!("P5: the alarm fires: {:?}", node.machine.divergence().alarms);
        }
    }
}

fn signed_by(node: &Node, wire: &[u8]) -> bool {
    Signed::decode(wire).is_ok_and(|signed| signed.statement().author == node.machine.node())
}

fn left(node: &Node, id: Option<StatementId>) {
    if let Some(id) = id {
        assert!(node.seen.on_disk.contains(&id), "P24: a statement leaves before it is on disk");
    }
}
