//! What a signer asks of a node, answered from an export, on a machine that reaches no node.
//!
//! Need: the keys that matter most lie on machines without network; what they sign must name what the mesh holds, and be shown to
//! whoever signs. Idea: an export proves itself, and trust is a function of it. Mechanism: the export is judged as an auditor
//! judges it (`audit`), bundles that were signed since are laid on it, and the questions of `Client` that signing needs are answered
//! from the result. It must not know the fold: what only merging tells, of an entry with concurrent edits, it does not say.
//!
//! What is taken on the word of the node that wrote the export: which writes are unfit. A lie about that shows as soon as the
//! statement is submitted, and gives nobody anything. What the node left out is not seen: the new statement is then concurrent with it.

mod merged;
mod preview;
mod told;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::io::{BufRead, Seek};
use std::sync::Arc;

use driftless_statement::limits::SKEW_MS;
use driftless_statement::{Body, Hlc, Invalid, MeshId, Path, PublicKey, Scope, Signed, StatementId, Verified, limits};
use driftless_trust::{Accepted, Trust};

use crate::audit::{self, Unverified};
use crate::clock;
use crate::export::Head;

pub use merged::{Need, Unmerged};

/// What became of a statement, as far as an export and trust tell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fate {
    /// It counts.
    Counts,
    /// It broke a limit or a schema, as the node said.
    Unfit,
    /// It lacks signatures or approvals.
    Pending(String),
    /// A rule keeps it out.
    Void(String),
    /// It was later than the node's time, so that nothing is made of it yet.
    NotDue,
}

/// Why a statement cannot be laid on an export. Nothing was added.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadAddition {
    /// It is not valid.
    #[error("statement {place}: {invalid}")]
    Invalid {
        /// Which, from 0.
        place: usize,
        /// Why.
        invalid: Invalid,
    },
    /// It names something that is not there.
    #[error(
        "{id} names {named}, which is neither in the export nor in a bundle; add the bundle that has it, or take a newer export"
    )]
    Missing {
        /// The statement.
        id: StatementId,
        /// What it names.
        named: StatementId,
    },
}

/// The statements of an export, with bundles on top.
pub struct Offline {
    head: Head,
    genesis: Arc<Verified>,
    /// By time and id.
    all: Vec<Arc<Verified>>,
    /// What the export holds, to tell from what was added.
    exported: usize,
    newest: Hlc,
    /// Only looked up, never walked.
    by_id: HashMap<StatementId, Arc<Verified>>,
    unfit: HashSet<StatementId>,
    by_path: BTreeMap<Path, Vec<Arc<Verified>>>,
    due_until_ms: u64,
    trust: Trust,
    fates: HashMap<StatementId, Fate>,
}

impl Offline {
    /// Judges an export and keeps what it holds. `expected` is the mesh that it must be of.
    pub fn read(input: &mut (impl BufRead + Seek), expected: Option<MeshId>) -> Result<Self, Unverified> {
        let audited = audit::verify_and_keep(input, expected)?;
        let unfit = audited.kept.iter().filter(|kept| kept.unfit).map(|kept| kept.statement.id()).collect();
        let all: Vec<Arc<Verified>> = audited.kept.into_iter().map(|kept| kept.statement).collect();
        let genesis = audited.mesh.first().cloned();
        // What was verified begins with the genesis.
        let genesis = genesis.ok_or_else(|| Unverified::Io(std::io::Error::other("the export holds no genesis")))?;
        let mut offline = Self {
            due_until_ms: audited.head.floor_ms.saturating_add(SKEW_MS),
            head: audited.head,
            genesis,
            exported: all.len(),
            newest: all.iter().map(|one| one.statement().hlc).max().unwrap_or_default(),
            all,
            by_id: HashMap::new(),
            unfit,
            by_path: BTreeMap::new(),
            trust: audited.trust,
            fates: HashMap::new(),
        };
        offline.settle();
        Ok(offline)
    }

    /// Lays statements that were signed since on it: all, or none. What is there already is passed over.
    pub fn add(&mut self, wires: &[impl AsRef<[u8]>]) -> Result<usize, BadAddition> {
        let mut fresh: Vec<Arc<Verified>> = Vec::new();
        for (place, wire) in wires.iter().enumerate() {
            let invalid = |invalid| BadAddition::Invalid { place, invalid };
            let signed = Signed::decode(wire.as_ref()).map_err(invalid)?;
            signed.check_mesh(self.head.mesh).map_err(invalid)?;
            if !self.by_id.contains_key(&signed.id()) {
                fresh.push(Arc::new(signed.verify().map_err(invalid)?));
            }
        }
        fresh.sort_by_key(|one| one.key());
        fresh.dedup_by_key(|one| one.id());
        let new: HashMap<StatementId, &Arc<Verified>> = fresh.iter().map(|one| (one.id(), one)).collect();
        for (place, one) in fresh.iter().enumerate() {
            for named in one.statement().names() {
                let held = new.get(&named).copied().or_else(|| self.by_id.get(&named));
                let held = held.ok_or(BadAddition::Missing { id: one.id(), named })?;
                let checked = one.statement().check_named(named, held.statement());
                checked.map_err(|invalid| BadAddition::Invalid { place, invalid })?;
            }
        }
        let count = fresh.len();
        // What was signed here is later than the export and is due by the time that it is submitted.
        let latest = fresh.iter().map(|one| one.statement().hlc).max().unwrap_or_default();
        self.due_until_ms = self.due_until_ms.max(latest.millis());
        self.all.extend(fresh);
        self.settle();
        Ok(count)
    }

    /// The mesh.
    pub fn mesh(&self) -> MeshId {
        self.head.mesh
    }

    /// The mesh's name, as its genesis says.
    pub fn mesh_name(&self) -> &str {
        match &self.genesis.statement().body {
            Body::Genesis(genesis) => &genesis.name,
            _ => &self.head.mesh_name,
        }
    }

    /// How many statements the export holds, and the moment up to which it knows the mesh, Unix milliseconds: its newest statement, or when
    /// it was written if the node says that this was later.
    pub fn known(&self) -> (usize, u64) {
        let written = clock::parse_rfc3339(&self.head.at).unwrap_or(0);
        (self.exported, self.newest.millis().max(written))
    }

    /// The scopes that were exported.
    pub fn scopes(&self) -> &[Scope] {
        &self.head.scopes
    }

    /// Whether anything of a scope is held. If not, either nobody has written there, or the export was of other scopes.
    pub fn holds(&self, scope: &Scope) -> bool {
        self.head.scopes.contains(scope) || self.in_scope(scope).next().is_some()
    }

    /// A statement.
    pub fn statement(&self, id: &StatementId) -> Option<&Arc<Verified>> {
        self.by_id.get(id)
    }

    /// What became of a statement.
    pub fn fate(&self, id: &StatementId) -> Option<&Fate> {
        self.fates.get(id)
    }

    fn counts(&self, id: &StatementId) -> bool {
        self.fates.get(id) == Some(&Fate::Counts)
    }

    fn is_void(&self, id: &StatementId) -> bool {
        matches!(self.fates.get(id), Some(Fate::Void(_)))
    }

    fn is_due(&self, statement: &Verified) -> bool {
        statement.statement().hlc.millis() <= self.due_until_ms
    }

    fn in_scope<'a>(&'a self, scope: &'a Scope) -> impl Iterator<Item = &'a Arc<Verified>> {
        self.all.iter().filter(|one| one.statement().scope == *scope)
    }

    /// The own heads of a key in a scope, the latest 16, none that is void: naming it would bring it back.
    fn prev(&self, author: &PublicKey, scope: &Scope) -> Vec<StatementId> {
        let mut heads: Vec<&Arc<Verified>> = Vec::new();
        for one in self.in_scope(scope).filter(|one| one.statement().author == *author) {
            heads.retain(|head| one.statement().prev.binary_search(&head.id()).is_err());
            heads.push(one);
        }
        let standing = heads.into_iter().rev().map(|head| head.id()).filter(|id| !self.is_void(id));
        let mut prev: Vec<StatementId> = standing.take(limits::PREV).collect();
        prev.sort_unstable();
        prev
    }

    /// What follows from all that is held: indices, trust, fates.
    fn settle(&mut self) {
        self.all.sort_by_key(|one| one.key());
        self.by_id = self.all.iter().map(|one| (one.id(), one.clone())).collect();
        self.by_path = BTreeMap::new();
        for one in &self.all {
            for touch in &one.statement().touches {
                self.by_path.entry(touch.path.clone()).or_default().push(one.clone());
            }
        }
        let due = self.all.iter().filter(|one| one.statement().scope.is_mesh() && self.is_due(one));
        self.trust = Trust::evaluate(&self.genesis, due.map(|one| &**one));
        let accepted = self.accepted(&self.trust);
        self.fates = self.all.iter().map(|one| (one.id(), self.judge(&self.trust, one, &accepted))).collect();
    }

    fn accepted(&self, trust: &Trust) -> Accepted {
        let mut accepted = Accepted::default();
        for (id, _) in trust.frontiers() {
            if let Some(listed) = self.by_id.get(id) {
                trust.accept(listed, |id| self.by_id.get(id).map(|held| &**held), &mut accepted);
            }
        }
        accepted
    }

    fn judge(&self, trust: &Trust, one: &Verified, accepted: &Accepted) -> Fate {
        match trust.authorised(one, accepted) {
            _ if !self.is_due(one) => Fate::NotDue,
            Ok(()) if self.unfit.contains(&one.id()) => Fate::Unfit,
            Ok(()) => Fate::Counts,
            Err(refusal) if refusal.is_pending() => Fate::Pending(refusal.to_string()),
            Err(refusal) => Fate::Void(refusal.to_string()),
        }
    }
}
