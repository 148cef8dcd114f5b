//! What an auditor asks: which statements were made and what became of each, page by page or all at one moment. Reading
//! changes nothing, and what is not on disk yet is not told.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use driftless_statement::{Body, Hlc, PublicKey, Scope, StatementId, Verified};

use crate::machine::Machine;
use crate::machine::intake::attempts::Attempt;
use crate::machine::outcome::{ChangeReach, Fate, Told};
use crate::machine::tell::Before;

/// An approval of a statement.
#[derive(Debug, Clone, PartialEq)]
pub struct Approval {
    /// The approval itself.
    pub id: StatementId,
    /// Who approved.
    pub key: PublicKey,
    /// When.
    pub hlc: Hlc,
    /// What became of the approval.
    pub fate: Fate,
}

/// One statement with all that is known of it.
#[derive(Debug, Clone)]
pub struct Audited {
    /// It, its fate, and which nodes have it.
    pub reach: ChangeReach,
    /// The grant relied on and those above it, up to genesis; empty when that grant does not stand.
    pub chain: Vec<StatementId>,
    /// Approvals of it.
    pub approvals: Vec<Approval>,
}

/// All that is on disk, at one moment.
#[derive(Debug, Clone)]
pub struct Exported {
    /// The time floor on disk, which decides what is due.
    pub floor_ms: u64,
    /// The scopes in it, `@mesh` first.
    pub scopes: Vec<Scope>,
    /// `@mesh` first, then all else; each part by time and id, so that every statement stands behind what it names.
    pub told: Vec<Told>,
    /// What was refused here, latest first.
    pub attempts: Vec<Attempt>,
    /// Cases of refusal that gave way to later ones.
    pub dropped: u64,
}

impl Machine {
    /// Statements that are wanted, latest first.
    pub fn audit(
        &self,
        wanted: impl Fn(&Verified) -> bool,
        fate: impl Fn(&Fate) -> bool,
        before: Before,
        limit: usize,
    ) -> Vec<Audited> {
        let all = self.scopes.keys().flat_map(|scope| self.log.scope(scope));
        let mut found: Vec<&Arc<Verified>> =
            all.filter(|statement| before.is_none_or(|before| statement.key() < before) && wanted(statement)).collect();
        found.sort_unstable_by_key(|statement| std::cmp::Reverse(statement.key()));
        // The fate is asked of no more than are shown, where it does not matter.
        let told = |statement: &&Arc<Verified>| self.has_stored(&statement.id()) && fate(&self.fate(statement));
        let found: Vec<&Arc<Verified>> = found.into_iter().filter(told).take(limit).collect();
        let approvals = self.approvals_of(found.iter().map(|statement| statement.id()).collect::<Vec<_>>().iter());
        let audited = |statement: &&Arc<Verified>| {
            Some(Audited {
                reach: self.change(&statement.id())?,
                chain: self.chain(statement),
                approvals: approvals.get(&statement.id()).cloned().unwrap_or_default(),
            })
        };
        found.iter().filter_map(audited).collect()
    }

    /// Approvals of some statements, by the statement approved, in the order of time. Costs a look at all of `@mesh`.
    pub(in crate::machine) fn approvals_of<'a>(
        &self,
        wanted: impl Iterator<Item = &'a StatementId>,
    ) -> BTreeMap<StatementId, Vec<Approval>> {
        let wanted: BTreeSet<&StatementId> = wanted.collect();
        let mut approvals: BTreeMap<StatementId, Vec<Approval>> = BTreeMap::new();
        for statement in self.log.mesh() {
            let said = statement.statement();
            let Body::Approve(approve) = &said.body else { continue };
            if wanted.contains(&approve.id) {
                let fate = self.fate(statement);
                let approval = Approval { id: statement.id(), key: said.author, hlc: said.hlc, fate };
                approvals.entry(approve.id).or_default().push(approval);
            }
        }
        approvals.values_mut().for_each(|list| list.sort_unstable_by_key(|approval| (approval.hlc, approval.id)));
        approvals
    }

    /// All that is on disk of `@mesh` and of these scopes, or of all: everything needed to judge it anew elsewhere. The
    /// statements are shared, not copied; costs a look at each.
    pub fn export(&self, wanted: Option<&BTreeSet<Scope>>) -> Exported {
        let mesh = Scope::mesh();
        let others = self.scopes.keys().filter(|scope| !scope.is_mesh());
        let others = others.filter(|scope| wanted.is_none_or(|wanted| wanted.contains(*scope)));
        let scopes: Vec<Scope> = std::iter::once(&mesh).chain(others).cloned().collect();
        let mut told: Vec<Told> = Vec::new();
        for scope in &scopes {
            let Some(room) = self.scopes.get(scope) else { continue };
            let stored = self.log.scope(scope).filter(|statement| room.has_stored(&statement.id()));
            told.extend(stored.map(|statement| self.told(statement)));
        }
        told.sort_by_cached_key(|told| (!told.statement.statement().scope.is_mesh(), told.statement.key()));
        let (attempts, dropped) = self.attempts();
        Exported { floor_ms: self.kept_floor_ms, scopes, told, attempts, dropped }
    }
}
