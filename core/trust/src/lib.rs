//! Trust: who may do what, as a pure function of the set of `@mesh` statements. It must not know the log, the fold,
//! arrival order or time. The rules and their reasons are in `docs/trust.md`.
//!
//! Two questions are asked of it. *Admissible*: is the statement let in, so that it is held, forwarded and summarised?
//! *Authorised*: does it count? What is authorised is admissible; a root act that lacks signatures and a statement of
//! an unknown kind are admissible only.
#![forbid(unsafe_code)]

mod accepted;
mod acts;
mod chain;
mod demand;
mod epoch;
mod grant;
mod judge;
mod member;
mod rank;
mod refusal;
mod revoke;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use driftless_statement::{Labels, Prefix, PublicKey, Scope, StatementId, Verb, Verified, limits};

pub use accepted::Accepted;
pub use demand::Wanted;
pub use epoch::{Epoch, Signatures};
pub use grant::Standing;
pub use member::{Held, Member};
use rank::Settled;
pub use refusal::{Reach, Refusal};
pub use revoke::Revocation;

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
        Self::suppose(genesis, mesh, &[])
    }

    /// The same as if every root key had approved some acts: what they would do once they count.
    pub fn suppose<'a>(
        genesis: &Verified,
        mesh: impl IntoIterator<Item = &'a Verified>,
        approved: &[StatementId],
    ) -> Trust {
        let settled = Settled::of(genesis, mesh, approved);
        let mut holders: BTreeMap<PublicKey, BTreeSet<(usize, StatementId)>> = BTreeMap::new();
        for standing in settled.grants.values().filter(|standing| standing.is_authorised()) {
            holders.entry(standing.grant.key).or_default().insert((standing.rank, standing.id));
        }
        let members = members(&settled);
        Self(Arc::new(Facts { settled, holders, members }))
    }

    /// Whether the rules let a statement in: it relies on an authorised grant that was given to its author and covers
    /// what it does, and no revocation makes it void; or it is a root act, or an approval by a root key. `accepted` is what
    /// the revocations of this trust accept outside of `@mesh`.
    pub fn admissible(&self, statement: &Verified, accepted: &Accepted) -> Result<(), Refusal> {
        judge::admissible(&self.0.settled, statement, accepted).map(drop)
    }

    /// Whether a statement counts: admissible, signed by as many root keys as it needs, and of a known kind.
    pub fn authorised(&self, statement: &Verified, accepted: &Accepted) -> Result<(), Refusal> {
        judge::authorised(&self.0.settled, statement, accepted)
    }

    /// The same as [`Trust::admissible`] for a statement that counted before, by an earlier trust of the same mesh: what its
    /// grant covers is not asked again.
    pub fn admissible_again(&self, statement: &Verified, accepted: &Accepted) -> Result<(), Refusal> {
        judge::admissible_again(&self.0.settled, statement, accepted)
    }

    /// The same as [`Trust::authorised`] for a statement that counted before, by an earlier trust of the same mesh: what its
    /// grant covers is not asked again.
    pub fn authorised_again(&self, statement: &Verified, accepted: &Accepted) -> Result<(), Refusal> {
        judge::authorised_again(&self.0.settled, statement, accepted)
    }

    /// Whether what relies on a grant is let in if it was sound before: the grant stands, and nothing strikes it.
    pub fn is_open(&self, grant: &StatementId) -> bool {
        let standing = self.grant(grant).filter(|standing| standing.is_authorised());
        standing.is_some() && self.struck(grant).next().is_none()
    }

    /// Whether anything at all of this key could be admissible: it is a root key, or holds an authorised grant on which
    /// not everything is void. A few look-ups, to be asked before a signature is checked.
    pub fn is_author(&self, key: &PublicKey) -> bool {
        self.grants_of(key).any(|grant| !self.is_shut(&grant.id)) || self.0.settled.chain.is_root(key)
    }

    /// Whether nothing that relies on a grant can be let in: a revocation that accepts nothing struck all of it.
    pub fn is_shut(&self, grant: &StatementId) -> bool {
        let settled = &self.0.settled;
        let mut struck = settled.struck(grant).peekable();
        let standing = struck.peek().and_then(|_| settled.grants.get(grant));
        standing.is_some_and(|standing| struck.any(|one| one.shuts(&standing.grant.prefix)))
    }

    /// Whether a revocation or rotation that counts lists a statement: then it belongs to the replicated set, whether it counts or
    /// not.
    pub fn keeps(&self, statement: &Verified) -> bool {
        let ended = self.0.settled.chain.get(&statement.statement().grant);
        ended.is_some_and(|epoch| epoch.lists(statement)) || self.listed_by(statement).next().is_some()
    }

    /// The revocations that list a statement of their key. Outside of `@mesh` it must be one that only revocations can keep
    /// out: a list must not bring in what its author never could have said.
    fn listed_by(&self, statement: &Verified) -> impl Iterator<Item = &Revocation> {
        let (id, said) = (statement.id(), statement.statement());
        let settled = &self.0.settled;
        let lists = move |one: &&Revocation| one.lists(&id, &said.author);
        let sound = || said.scope.is_mesh() || judge::but_for_revocations(settled, statement).is_ok();
        let mut by = settled.revoked(&said.author).filter(lists).peekable();
        let sound = by.peek().is_some() && sound();
        by.filter(move |_| sound)
    }

    /// The revocations that were let in, counting and pending, ascending by id.
    pub fn revocations(&self) -> impl Iterator<Item = &Revocation> {
        self.0.settled.revocations.values()
    }

    /// The revocations that strike a grant.
    pub fn struck(&self, grant: &StatementId) -> impl Iterator<Item = &Revocation> {
        self.0.settled.struck(grant)
    }

    /// The counting revocations all of whose lists is held and accepted, in every scope. What is listed and has not come
    /// yet, or is not accepted yet, may name anything, also the grant that something else relies on; once it is accepted, so is that.
    pub fn complete<'a>(
        &self,
        held: impl Fn(&StatementId) -> Option<&'a Verified>,
        accepted: &Accepted,
    ) -> BTreeSet<StatementId> {
        let settled = &self.0.settled;
        let complete = |by: &&Revocation| {
            let mut listed = by.listed.keys();
            listed.all(|id| held(id).is_some_and(|one| settled.accepts(&by.id, one, accepted)))
        };
        settled.counting().filter(complete).map(|one| one.id).collect()
    }

    /// Whether root acts alone keep a statement out: it relies on a grant that a revocation of theirs strikes,
    /// concerns it and does not accept it, or on one that such a revocation took away. Nothing of a greater rank can change
    /// that. `held` finds what grants were said by; `complete` are the revocations of which all is known, see
    /// [`Trust::complete`].
    pub fn is_struck_by_roots<'a>(
        &self,
        statement: &'a Verified,
        held: impl Fn(&StatementId) -> Option<&'a Verified>,
        accepted: &Accepted,
        complete: &BTreeSet<StatementId>,
    ) -> bool {
        let settled = &self.0.settled;
        let mut at = Some(statement);
        // Each step goes to an earlier statement, which its name proves; so it ends.
        while let Some(one) = at {
            let said = one.statement();
            let complete = |by: &Revocation| complete.contains(&by.id);
            let strikes = |by: &Revocation| {
                by.rank == 0 && by.concerns(said) && complete(by) && !settled.accepts(&by.id, one, accepted)
            };
            if settled.struck(&said.grant).any(strikes) {
                return true;
            }
            // A grant that stands is let in; what relies on it is kept out by something else.
            at = held(&said.grant).filter(|_| !settled.grants.contains_key(&said.grant));
        }
        false
    }

    /// Whether something that was let in once may be kept out: a revocation counts, or a rotation does.
    pub fn takes_away(&self) -> bool {
        self.0.settled.counting().next().is_some() || self.epochs().any(Epoch::is_ended)
    }

    /// The signatures or approvals that are wanted under a statement, met or not: by its epoch under a root act, by the grants
    /// of its chain under a write.
    pub fn wanted(&self, statement: &Verified) -> Vec<Wanted> {
        demand::wanted(&self.0.settled, statement)
    }

    /// What is approved otherwise than before.
    pub fn approved_otherwise(&self, before: &Trust) -> BTreeSet<StatementId> {
        self.0.settled.approved_otherwise(&before.0.settled)
    }

    /// What the revocations and rotations that count list, with the scope to look in.
    pub fn frontiers(&self) -> impl Iterator<Item = (&StatementId, &Scope)> {
        self.0
            .settled
            .counting()
            .flat_map(|revocation| &revocation.listed)
            .chain(self.epochs().flat_map(Epoch::frontier))
    }

    /// The revocations that list a held statement and accept it with what it names, outside of `@mesh`.
    pub fn accepting(&self, statement: &Verified) -> impl Iterator<Item = StatementId> {
        self.listed_by(statement).map(|revocation| revocation.id)
    }

    /// Notes that a statement is held now: what revocations list it, outside of `@mesh`, accept it with what it names.
    pub fn accept<'a>(
        &self,
        statement: &'a Verified,
        held: impl Fn(&StatementId) -> Option<&'a Verified>,
        accepted: &mut Accepted,
    ) -> bool {
        let mut new = false;
        for revocation in self.listed_by(statement) {
            accepted.follow(revocation.id, statement, &held);
            new = true;
        }
        new
    }

    /// Whether what relies on a grant fares here as it did before; what is accepted outside of `@mesh` apart.
    pub fn agrees(&self, before: &Trust, grant: &StatementId) -> bool {
        self.grant(grant) == before.grant(grant) && self.struck(grant).eq(before.struck(grant))
    }

    /// The grants of an earlier trust on which other things count now, and its epochs that other rotations ended.
    pub fn changed_since(&self, before: &Trust) -> BTreeSet<StatementId> {
        let grants = before.grants().map(|(id, _)| *id).filter(|id| !self.agrees(before, id));
        let otherwise = |epoch: &&Epoch| {
            let now = self.0.settled.chain.get(&epoch.id());
            now.is_none_or(|now| !now.ended_by().eq(epoch.ended_by()))
        };
        grants.chain(before.epochs().filter(otherwise).map(Epoch::id)).collect()
    }

    /// Whether the same revocations and rotations count as before.
    pub fn takes_away_like(&self, before: &Trust) -> bool {
        let ended = |trust: &Trust| -> Vec<StatementId> { trust.epochs().flat_map(Epoch::ended_by).copied().collect() };
        self.0.settled.counting().map(|one| one.id).eq(before.0.settled.counting().map(|one| one.id))
            && ended(self) == ended(before)
    }

    /// What a key may hold as a node; `None` when it is no member.
    pub fn member(&self, key: &PublicKey) -> Option<&Member> {
        self.0.members.get(key)
    }

    /// All members, ascending by key: how many nodes are expected.
    pub fn members(&self) -> impl Iterator<Item = (&PublicKey, &Member)> {
        self.0.members.iter()
    }

    /// Keys that were granted membership and from which revocations took it, ascending.
    pub fn expelled(&self) -> impl Iterator<Item = PublicKey> {
        let settled = &self.0.settled;
        let member = |standing: &&Standing| standing.grant.verbs.contains(&Verb::Member);
        let struck = settled.struck_grants().filter(member).map(|standing| standing.grant.key);
        let given: BTreeSet<PublicKey> = struck.chain(settled.fallen.iter().copied()).collect();
        given.into_iter().filter(|key| self.member(key).is_none())
    }

    /// The grant that a key should rely on to use a verb on everything under a prefix at a time (Unix milliseconds): for a write one
    /// that demands no approvals, if there is one, then the one of least rank, then of least id, among those that are open then and
    /// that no revocation struck there. `None` when it has none; a root key then relies on the epoch, for what root keys do.
    pub fn grant_for(&self, key: &PublicKey, verb: Verb, prefix: &Prefix, at_ms: u64) -> Option<StatementId> {
        let struck = |grant: &Standing| self.struck(&grant.id).any(|one| one.prefix.overlaps(prefix));
        let stands = |grant: &&Standing| grant.gives(verb, prefix) && grant.is_open_at(at_ms) && !struck(grant);
        // Minimal by the first of equals, and they come by rank and id.
        let demanding = matches!(verb, Verb::Write | Verb::Operate);
        let demands = |grant: &&Standing| demanding && !grant.demands.is_empty();
        self.grants_of(key).filter(stands).min_by_key(demands).map(|standing| standing.id)
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
        let epochs = self.0.settled.chain.iter().rev().map(Epoch::id).skip_while(|epoch| *epoch != at);
        let above: Vec<StatementId> = epochs.collect();
        if above.is_empty() { above } else { chain.into_iter().chain(above).collect() }
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

    /// The epochs, genesis first. The last one is in force, unless the chain is forked there.
    pub fn epochs(&self) -> impl DoubleEndedIterator<Item = &Epoch> {
        self.0.settled.chain.iter()
    }

    /// The epoch in force; `None` when the chain of epochs is forked, and no root act counts any more.
    pub fn epoch(&self) -> Option<&Epoch> {
        self.0.settled.chain.last().filter(|last| !last.is_forked())
    }
}

/// The keys to which grants give membership, and what they say of each.
fn members(settled: &Settled) -> BTreeMap<PublicKey, Member> {
    let cut = |one: &Standing| settled.struck(&one.id).any(|by| by.prefix.contains(&one.grant.prefix));
    let gives = |one: &&Standing| one.is_authorised() && one.grant.verbs.contains(&Verb::Member) && !cut(one);
    let mut giving: Vec<&Standing> = settled.grants.values().filter(gives).collect();
    giving.sort_by_key(|one| (std::cmp::Reverse(one.rank), one.at, one.id));
    let mut members: BTreeMap<PublicKey, Member> = BTreeMap::new();
    for standing in giving {
        let none = || Member { scopes: Held::none(), labels: Labels::new() };
        let member = members.entry(standing.grant.key).or_insert_with(none);
        member.scopes.add(&standing.held());
        member.labels.extend(standing.grant.terms.labels.clone());
    }
    members
}
