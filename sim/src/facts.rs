//! What is true of a mesh, whatever any node believes: every statement that was ever made, who holds which on a disk
//! that keeps its word, and what was promised to whom. The world writes it, checks read it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use driftless_statement::{PublicKey, StatementId, Verified};

/// A statement, seen from outside.
#[derive(Debug, Clone)]
pub struct Made {
    /// The statement.
    pub statement: Arc<Verified>,
    /// When it first was on its way to a disk, simulated microseconds.
    pub at_us: u64,
    /// When its author was told that it is safe, and on which node.
    pub promised: Option<(u64, usize)>,
}

/// What is true.
#[derive(Debug, Default)]
pub struct Facts {
    /// Every statement that any node sent to its disk.
    pub made: BTreeMap<StatementId, Made>,
    /// By node: what was acknowledged there (to a local service, or to a peer that pushed it) and must survive any crash.
    pub promised: Vec<BTreeSet<StatementId>>,
    /// By node: what is durable there.
    pub durable: Vec<BTreeSet<StatementId>>,
    /// Statements whose every durable copy was lost by faults that no software can survive (a disk that lied, was lost or
    /// put back before others had them). Nobody can be asked for them.
    pub beyond_help: BTreeSet<StatementId>,
    /// Strikes that honest operators signed, in the order of time.
    pub strikes: Vec<Struck>,
    /// Statements of honest authors whom a hostile revoker may have struck: the roots must bring them back.
    pub juniors: BTreeSet<StatementId>,
    /// How many hostile authors revoke others.
    pub revokers: usize,
    /// Statements of hostile authors that no node may ever let count, whatever happens.
    pub forbidden: BTreeSet<StatementId>,
    /// Rotations that honest root keys signed, in the order of time.
    pub rotations: Vec<Rotated>,
    /// Grants that demand approvals for every write.
    pub demanded: Vec<Demanded>,
}

/// A rotation that honest root keys signed.
#[derive(Debug, Clone)]
pub struct Rotated {
    /// The rotation, which founds the next epoch.
    pub rotation: StatementId,
    /// The epoch that it ends.
    pub ended: StatementId,
    /// What it accepts, without what that names.
    pub listed: BTreeSet<StatementId>,
}

/// A grant that demands approvals for every write.
#[derive(Debug, Clone)]
pub struct Demanded {
    /// The grant.
    pub grant: StatementId,
    /// How many keys must approve.
    pub need: u64,
    /// Of these; never the author.
    pub of: BTreeSet<PublicKey>,
}

/// A strike that honest operators signed.
#[derive(Debug, Clone)]
pub struct Struck {
    /// The revocation.
    pub revocation: StatementId,
    /// Whose grants it strikes.
    pub key: PublicKey,
    /// Whether the roots signed it: then it strikes everything that the key was granted.
    pub by_roots: bool,
    /// Whether the key is a hostile revoker's.
    pub revoker: bool,
    /// What it accepts, without what that names.
    pub listed: BTreeSet<StatementId>,
}

impl Facts {
    /// Facts of a mesh of so many nodes.
    pub fn of(nodes: usize) -> Self {
        let mut facts = Self::default();
        (0..nodes).for_each(|_| facts.add_node());
        facts
    }

    /// One more node.
    pub fn add_node(&mut self) {
        self.promised.push(BTreeSet::new());
        self.durable.push(BTreeSet::new());
    }

    /// Whether heads of an entry are, or follow, a statement about it.
    pub fn covers(&self, path: &driftless_statement::Path, heads: &[StatementId], wanted: &StatementId) -> bool {
        let mut stack: Vec<StatementId> = heads.to_vec();
        let mut seen = BTreeSet::new();
        while let Some(id) = stack.pop() {
            if id == *wanted {
                return true;
            }
            if seen.insert(id) {
                let bases = self.made.get(&id).and_then(|made| made.statement.statement().bases_of(path));
                stack.extend(bases.into_iter().flatten());
            }
        }
        false
    }
}
