//! Trust: who may do what, as a pure function of the set of `@mesh` statements. It must not know the log, the fold,
//! arrival order or time. The rules and their reasons are in `docs/trust.md`.
//!
//! Two questions are asked of it. *Admissible*: is the statement let in, so that it is held, forwarded and summarised?
//! *Authorised*: does it count? What is authorised is admissible; a root act that lacks signatures and a statement of
//! an unknown kind are admissible only.

mod epoch;
mod grant;
mod judge;
mod member;
mod rank;
mod refusal;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use driftless_statement::{Prefix, PublicKey, StatementId, Verb, Verified, limits};

pub use epoch::{Epoch, Signatures};
pub use grant::Standing;
pub use member::{Held, Member};
use rank::Settled;
pub use refusal::{Reach, Refusal};

/// What `@mesh` says about authority. Immutable and cheap to clone; two are equal when they decide everything alike.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trust(Arc<Facts>);

#[derive(Debug, PartialEq, Eq)]
struct Facts {
    settled: Settled,
    /// The authorised grants of each key, by rank and then id.
    holders: BTreeMap<PublicKey, BTreeSet<(usize, StatementId)>>,
    members: BTreeMap<PublicKey, Member>,
}

impl Trust {
    /// Settles a set of `@mesh` statements. Order and repetition do not matter, genesis may be among them, and what
    /// does not belong (another mesh, another scope) is passed over. Costs O(n log n) in the size of the set.
    pub fn evaluate<'a>(genesis: &Verified, mesh: impl IntoIterator<Item = &'a Verified>) -> Trust {
        let settled = Settled::of(genesis, mesh);
        let mut holders: BTreeMap<PublicKey, BTreeSet<(usize, StatementId)>> = BTreeMap::new();
        let mut members: BTreeMap<PublicKey, Member> = BTreeMap::new();
        for standing in settled.grants.values().filter(|standing| standing.is_authorised()) {
            holders.entry(standing.grant.key).or_default().insert((standing.rank, standing.id));
            if standing.grant.verbs.contains(&Verb::Member) {
                let member = members.entry(standing.grant.key).or_insert(Member { scopes: Held::none() });
                member.scopes.add(&standing.held());
            }
        }
        Self(Arc::new(Facts { settled, holders, members }))
    }

    /// Whether the rules let a statement in: it relies on an authorised grant that was given to its author and covers
    /// what it does; or it is a root act, or an approval by a root key.
    pub fn admissible(&self, statement: &Verified) -> Result<(), Refusal> {
        judge::admissible(&self.0.settled, statement)
    }

    /// Whether a statement counts: admissible, signed by as many root keys as it needs, and of a known kind.
    pub fn authorised(&self, statement: &Verified) -> Result<(), Refusal> {
        judge::authorised(&self.0.settled, statement)
    }

    /// Whether anything at all of this key could be admissible: it is a root key or holds an authorised grant. One
    /// look-up, to be asked before a signature is checked.
    pub fn is_author(&self, key: &PublicKey) -> bool {
        self.0.holders.contains_key(key) || self.0.settled.epoch.is_root(key)
    }

    /// What a key may hold as a node; `None` when it is no member.
    pub fn member(&self, key: &PublicKey) -> Option<&Member> {
        self.0.members.get(key)
    }

    /// All members, ascending by key: how many nodes are expected.
    pub fn members(&self) -> impl Iterator<Item = (&PublicKey, &Member)> {
        self.0.members.iter()
    }

    /// The grant that a key should rely on to use a verb on everything under a prefix: the one of least rank, then of
    /// least id. `None` when it has none; a root key then relies on the epoch, for what root keys do.
    pub fn grant_for(&self, key: &PublicKey, verb: Verb, prefix: &Prefix) -> Option<StatementId> {
        self.grants_of(key).find(|standing| standing.gives(verb, prefix)).map(|standing| standing.id)
    }

    /// The authorised grants of a key, by rank and then id.
    pub fn grants_of(&self, key: &PublicKey) -> impl Iterator<Item = &Standing> {
        let ids = self.0.holders.get(key).into_iter().flatten();
        ids.filter_map(|(_, id)| self.0.settled.grants.get(id))
    }

    /// A grant that was let in, authorised or pending.
    pub fn grant(&self, id: &StatementId) -> Option<&Standing> {
        self.0.settled.grants.get(id)
    }

    /// All grants that were let in, authorised and pending, ascending by id.
    pub fn grants(&self) -> impl Iterator<Item = (&StatementId, &Standing)> {
        self.0.settled.grants.iter()
    }

    /// The chain of authority from a grant that was let in up to genesis, both included; empty for anything else.
    pub fn chain(&self, id: &StatementId) -> Vec<StatementId> {
        let mut chain = Vec::new();
        let mut at = *id;
        while let Some(standing) = self.grant(&at) {
            chain.push(at);
            at = standing.parent;
        }
        if at == self.epoch().id() {
            chain.push(at)
        } else {
            chain.clear()
        }
        chain
    }

    /// The fold version in force.
    pub fn fold_version(&self) -> u64 {
        self.0.settled.fold_version
    }

    /// Whether the mesh runs a fold version that this code does not implement: the node must stop folding and say so.
    pub fn too_new(&self) -> bool {
        self.fold_version() > limits::FOLD_VERSION
    }

    /// The statement that founded the mesh.
    pub fn genesis(&self) -> StatementId {
        self.0.settled.genesis
    }

    /// The epoch in force: the root keys and their threshold.
    pub fn epoch(&self) -> &Epoch {
        &self.0.settled.epoch
    }
}
