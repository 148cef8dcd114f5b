//! Questions about this node, its mesh and its peers.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use driftless_statement::{Body, Genesis, Scope, StatementId, Verified};

use crate::beacon::{Change, NodeState, Picture, Reach};
use crate::machine::Machine;
use crate::machine::outcome::{ChangeReach, EpochTold, GrantTold, RevocationTold, ScopeState, Standing, StatusTold};
use crate::machine::tell::count_fates;

impl Machine {
    /// How this node stands: what every answer at the door carries.
    pub fn standing(&self) -> Standing {
        let digests: BTreeMap<_, _> =
            self.scopes.iter().map(|(scope, room)| (scope.clone(), room.shown.digest(&self.view))).collect();
        let mut hasher = blake3::Hasher::new();
        for (scope, digest) in &digests {
            hasher.update(scope.as_str().as_bytes());
            hasher.update(&[0]);
            hasher.update(digest);
        }
        Standing {
            digest: *hasher.finalize().as_bytes(),
            digests,
            held: self.scopes.keys().cloned().collect(),
            agreed_ms: self.agreed_ms,
            isolated: self.divergence.hears_nobody(self.now),
            agreeing: u32::try_from(self.agreeing()).unwrap_or(u32::MAX),
            stale_peers: self.has_stale_peers(),
            read_only: self.storing.read_only().map(str::to_owned),
            ready: self.loaded && self.settled.is_some(),
            differs: false,
        }
    }

    /// This node, as `status` shows it.
    pub fn status(&self) -> StatusTold {
        StatusTold {
            node: self.node,
            mesh: self.mesh,
            mesh_name: self.roots().map(|genesis| genesis.name).unwrap_or_default(),
            fold_version: self.trust.as_ref().map_or(0, crate::trust::Trust::fold_version),
            peers: self.peers.connected().collect(),
            statements: self.log.len() as u64,
            waiting: self.log.room().waiting as u64,
            scopes: self.scopes.keys().map(|scope| self.scope_state(scope)).collect(),
            own_forks: self.own_forks(),
            epochs_forked: self.trust.as_ref().is_some_and(|trust| trust.epoch().is_none()),
            pending_ms: self.pending_since(),
            floods: self.floods(),
            health: self.health(),
        }
    }

    /// The times of the statements that wait for approvals, Unix milliseconds, ascending.
    fn pending_since(&self) -> Vec<u64> {
        let told = self.scopes.values().flat_map(|room| room.pending()).filter_map(|id| self.log.get(id));
        let mut times: Vec<u64> = told.map(|statement| statement.statement().hlc.millis()).collect();
        times.sort_unstable();
        times
    }

    /// The replicated set of each scope held: how many statements, and the digest.
    pub fn sets(&self) -> impl Iterator<Item = (&Scope, u64, [u8; 32])> {
        self.scopes.iter().map(|(scope, room)| (scope, room.summary.count(), room.summary.digest()))
    }

    /// Whether a statement is on this node's disk.
    pub fn has_stored(&self, id: &StatementId) -> bool {
        self.scopes.values().any(|room| room.has_stored(id))
    }

    /// Whether a statement is on this node's disk and in the replicated set: not aside.
    pub fn is_replicated(&self, id: &StatementId) -> bool {
        self.scopes.values().any(|room| room.summary.contains(id))
    }

    pub(in crate::machine) fn own_forks(&self) -> u64 {
        let forks = self.scopes.keys().map(|scope| self.log.forks(&self.node, scope).saturating_sub(1));
        forks.sum::<usize>() as u64
    }

    /// Counts the forks of this node's own branch that came with these statements. The next own statement names all heads
    /// and ends a fork; that there was one stays counted.
    pub(in crate::machine) fn note_own_forks(&mut self, appended: &[Arc<Verified>]) {
        let own = appended.iter().map(|one| one.statement()).filter(|said| said.author == self.node);
        let scopes: BTreeSet<&Scope> = own.map(|said| &said.scope).collect();
        for scope in scopes {
            let heads = self.log.forks(&self.node, scope);
            let before = self.own_heads.get(scope).copied().unwrap_or(1);
            self.counts.own_forks += heads.saturating_sub(before) as u64;
            match heads {
                0 | 1 => drop(self.own_heads.remove(scope)),
                more => drop(self.own_heads.insert(scope.clone(), more)),
            }
        }
    }

    fn scope_state(&self, scope: &Scope) -> ScopeState {
        let (fates, reasons) = count_fates(self, scope);
        let room = self.scopes.get(scope);
        let entries = room.map(|room| room.fold.entries());
        let (mut live, mut conflicts) = (0u64, 0u64);
        for (_, entry) in entries.into_iter().flatten() {
            live += u64::from(entry.tree().is_some());
            conflicts += entry.listed_conflicts() as u64 + entry.unlisted_conflicts();
        }
        ScopeState {
            scope: scope.clone(),
            statements: room.map_or(0, |room| room.summary.count()),
            set: room.map(|room| room.summary.digest()).unwrap_or_default(),
            merged: room.map(|room| room.fold.digest()).unwrap_or_default(),
            effective: room.map(|room| room.shown.digest(&self.view)).unwrap_or_default(),
            fates,
            reasons,
            conflicts,
            entries: live,
        }
    }

    /// The mesh as seen from here.
    pub fn divergence(&self) -> Picture {
        self.divergence.picture(self.now)
    }

    /// How many of the nodes that are heard differ, in millionths, and whether none is heard: of [`Self::divergence`] what a
    /// simulator of thousands asks each second.
    pub fn differing_millionths(&self) -> (u64, bool) {
        let (differing, heard) = self.divergence.differing(self.now.mono_ms);
        let share = (differing as u64 * 1_000_000).checked_div(heard as u64).unwrap_or(0);
        (share, self.divergence.hears_nobody(self.now))
    }

    /// Rises with everything that changes a set.
    pub fn changes(&self) -> u64 {
        self.changes
    }

    /// Age of the oldest beacon among the nodes that are heard, milliseconds.
    pub fn oldest_beacon_ms(&self) -> u64 {
        let heard = self.nodes().into_iter().filter(|node| !node.silent).filter_map(|node| node.heard_ms);
        heard.min().map_or(0, |heard| self.now.wall_ms.saturating_sub(heard))
    }

    /// Every other expected node as seen from here.
    pub fn nodes(&self) -> Vec<NodeState> {
        self.divergence.nodes(self.now).collect()
    }

    /// Who has a change and who lacks it; `None`: it is not held here.
    pub fn change(&self, id: &StatementId) -> Option<ChangeReach> {
        let told = self.statement(id)?;
        let statement = told.statement.statement();
        let (scope, hlc) = (statement.scope.clone(), statement.hlc);
        let holders = self.held_by(&scope);
        let change = Change { scope, hlc, held_ms: self.arrivals.held_since(id) };
        let mut reach = ChangeReach {
            expected: u32::try_from(holders.len()).unwrap_or(u32::MAX),
            has: Vec::new(),
            lacks: Vec::new(),
            unknown: Vec::new(),
            told,
        };
        if matches!(reach.told.fate, crate::machine::Fate::Storing) {
            reach.unknown.push((self.node, self.now.wall_ms, "storing"));
        } else {
            reach.has.push((self.node, hlc.millis()));
        }
        let others = self.divergence.reach(&change, self.now);
        for (node, how) in others.filter(|(node, _)| holders.contains(node)) {
            match how {
                Reach::Has { since_ms } => reach.has.push((node, since_ms)),
                Reach::Lacks { since_ms } => reach.lacks.push((node, since_ms, "differs")),
                Reach::Unknown => reach.unknown.push((node, self.now.wall_ms, self.why_unknown(&node))),
            }
        }
        Some(reach)
    }

    fn why_unknown(&self, node: &driftless_statement::PublicKey) -> &'static str {
        let silent = self.divergence.node(node, self.now).is_none_or(|state| state.silent);
        if silent { "silent" } else { "waiting_for_beacon" }
    }

    /// The genesis that founded the mesh, when it is held.
    pub fn roots(&self) -> Option<Genesis> {
        match &self.log.get(&StatementId(self.mesh.0))?.statement().body {
            Body::Genesis(genesis) => Some((**genesis).clone()),
            _ => None,
        }
    }

    /// The epochs of root keys, genesis first. The last one is in force, unless two rotations ended it.
    pub fn epochs(&self) -> Vec<EpochTold> {
        let told = |epoch: &crate::trust::Epoch| EpochTold {
            id: epoch.id(),
            roots: epoch.keys().copied().collect(),
            threshold: epoch.threshold(),
            ended_by: epoch.ended_by().copied().collect(),
            heads: self.heads_of_epoch(&epoch.id()),
        };
        self.trust.iter().flat_map(|trust| trust.epochs().map(told).collect::<Vec<_>>()).collect()
    }

    /// Of what names an epoch and is not void, what nothing else of it names.
    fn heads_of_epoch(&self, epoch: &StatementId) -> Vec<StatementId> {
        let names = |one: &&Arc<Verified>| one.statement().grant == *epoch;
        let mut heads = BTreeSet::new();
        // Whatever names a statement stands behind it.
        for act in self.log.mesh().filter(names).filter(|act| !matches!(self.fate(act), crate::machine::Fate::Void(_)))
        {
            for named in act.statement().names() {
                heads.remove(&named);
            }
            heads.insert(act.id());
        }
        heads.into_iter().collect()
    }

    /// Every revocation that trust let in.
    pub fn revocations(&self) -> Vec<RevocationTold> {
        let Some(trust) = &self.trust else { return Vec::new() };
        let strikes = |of: &StatementId| {
            let struck = |grant: &StatementId| trust.struck(grant).any(|one| one.id == *of);
            trust.grants().map(|(id, _)| *id).filter(struck).collect()
        };
        let told = |revocation: &crate::trust::Revocation| RevocationTold {
            strikes: strikes(&revocation.id),
            revocation: revocation.clone(),
        };
        trust.revocations().map(told).collect()
    }

    /// Every grant that trust let in.
    pub fn grants(&self) -> Vec<GrantTold> {
        let Some(trust) = &self.trust else { return Vec::new() };
        let mut grants: Vec<GrantTold> = trust
            .grants()
            .map(|(id, standing)| GrantTold {
                standing: standing.clone(),
                chain: trust.chain(id),
                struck_by: trust.struck(id).map(|one| (one.id, one.prefix.clone())).collect(),
            })
            .collect();
        grants.sort_by_key(|grant| (grant.standing.rank, grant.standing.id));
        grants
    }
}
