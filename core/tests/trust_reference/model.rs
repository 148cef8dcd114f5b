//! An executable reading of `docs/trust.md`: each rule stands under the sentence it comes from. It has its own tiny types and
//! knows neither the code of trust nor the statement format. Keys and ids are small numbers; a statement's id is its
//! place in the world, 0 being genesis, and nobody names what is later. Recursion ends because ranks are heights in the chain of
//! grants, and a revocation of rank r matters only to grants of a greater rank.

use std::cell::RefCell;
use std::collections::BTreeMap;

pub type Key = u8;
pub type Id = usize;
/// A set of ids, as bits: a world has at most 64 statements.
pub type Set = u64;

/// "Genesis founds the first *epoch*", and its id names it.
pub const EPOCH: Id = 0;
pub const MESH: &str = "@mesh";
/// "At most 16."
pub const CHAIN: usize = 16;

pub mod verb {
    pub const WRITE: u8 = 1;
    pub const APPROVE: u8 = 2;
    pub const DELEGATE: u8 = 4;
    pub const REVOKE: u8 = 8;
    pub const OPERATE: u8 = 16;
    pub const MEMBER: u8 = 32;
}

/// What a grant may say besides.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Terms {
    /// "A number *k* and a list of keys, once for *all writes* and once for *deletes*."
    pub demand: Option<(usize, Vec<Key>)>,
    pub demand_deletes: Option<(usize, Vec<Key>)>,
    pub not_after: Option<Id>,
    pub labels: Vec<(&'static str, &'static str)>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Body {
    Write { deletes: bool },
    Grant { key: Key, verbs: u8, prefix: &'static str, scopes: Vec<&'static str>, terms: Terms },
    Approve { scope: &'static str, id: Id },
    Revoke { key: Key, prefix: &'static str, frontier: Vec<Id> },
    Accept { frontier: Vec<Id> },
    Rotate { keys: Vec<Key>, threshold: usize, frontier: Vec<Id> },
    Unknown,
}

/// Its time is its place in the world.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Statement {
    pub author: Key,
    pub scope: &'static str,
    pub grant: Id,
    pub prev: Vec<Id>,
    pub touches: Vec<(&'static str, Vec<Id>)>,
    pub body: Body,
    /// "A known body with an unknown field beside it."
    pub odd: bool,
}

/// All that was ever said in a mesh; statement 0 stands for genesis and is not looked at.
#[derive(Clone, Default)]
pub struct World {
    pub roots: Vec<Key>,
    pub threshold: usize,
    pub said: Vec<Statement>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// Authorised.
    Counts,
    /// "A root act that lacks signatures."
    Pending,
    /// "A write that lacks approvals."
    Unapproved,
    /// "A statement with a part that the fold version in force does not define."
    Unknown,
    /// Would be let in, were it not for a revocation.
    Struck,
    /// "Relies on an ended epoch, and the rotation does not accept it."
    Superseded,
    /// "Relies on a rotation of an epoch with two counted rotations, or on an epoch behind one."
    Forked,
    /// "Relies on a rotation that does not count yet."
    EpochPending,
    /// "Claims a time after its grant's not-after, or after one above it."
    Expired,
    /// Not admissible for another reason.
    Refused,
}

impl Verdict {
    pub fn admissible(self) -> bool {
        matches!(self, Self::Counts | Self::Pending | Self::Unapproved | Self::Unknown)
    }
}

/// "`shop/a` covers `shop/a` and all below it, not `shop/ab`. The empty prefix covers every path."
pub fn under(prefix: &str, path: &str) -> bool {
    prefix.is_empty() || path == prefix || path.strip_prefix(prefix).is_some_and(|rest| rest.starts_with('/'))
}

pub fn overlap(a: &str, b: &str) -> bool {
    under(a, b) || under(b, a)
}

pub fn only(id: Id) -> Set {
    1 << id
}

pub fn has(set: Set, id: Id) -> bool {
    id < 64 && set >> id & 1 == 1
}

pub fn ids(set: Set) -> impl Iterator<Item = Id> {
    let rest = |set: &Set| Some(set & set.wrapping_sub(1));
    std::iter::successors(Some(set), rest).take_while(|set| *set != 0).map(|set| set.trailing_zeros() as Id)
}

impl Statement {
    pub fn bases(&self) -> impl Iterator<Item = Id> + '_ {
        self.touches.iter().flat_map(|(_, bases)| bases.iter().copied())
    }

    /// "What a statement *names* is its grant, its `prev` and its bases." Marks are not named.
    pub fn names(&self) -> impl Iterator<Item = Id> + '_ {
        [self.grant].into_iter().chain(self.prev.iter().copied()).chain(self.bases())
    }

    /// A grant lies in `@mesh`, all else that is named in the statement's own scope.
    fn names_in_its_scope(&self) -> impl Iterator<Item = Id> + '_ {
        self.names().skip(usize::from(self.scope != MESH))
    }

    pub fn is_write(&self) -> bool {
        matches!(self.body, Body::Write { .. })
    }

    fn known(&self) -> bool {
        !self.odd && self.body != Body::Unknown
    }

    fn terms(&self) -> Option<&Terms> {
        if let Body::Grant { terms, .. } = &self.body { Some(terms) } else { None }
    }
}

/// What one node holds of a world, and what it thinks of it.
pub struct Held<'a> {
    pub world: &'a World,
    /// Hash-closed: without what it names, a statement is not held.
    pub set: Set,
    verdicts: RefCell<Vec<Option<Verdict>>>,
    /// What each revocation accepts of `@mesh` and of other scopes, by its id.
    accepted: RefCell<Vec<[Option<Set>; 2]>>,
    /// The counted rotations of each epoch, and what strikes each grant, by its id.
    ended: RefCell<Vec<Option<Set>>>,
    struck: RefCell<Vec<Option<Set>>>,
}

impl<'a> Held<'a> {
    /// Of what arrived. "Names something that is not at hand: waits until it is."
    pub fn of(world: &'a World, arrived: Set) -> Self {
        let mut set = only(EPOCH);
        for (id, said) in world.said.iter().enumerate().skip(1) {
            if has(arrived, id) && said.names().all(|name| has(set, name)) {
                set |= only(id);
            }
        }
        let len = world.said.len();
        let (verdicts, accepted) = (vec![None; len].into(), vec![[None; 2]; len].into());
        let (ended, struck) = (vec![None; len].into(), vec![None; len].into());
        Self { world, set, verdicts, accepted, ended, struck }
    }

    fn said(&self, id: Id) -> &'a Statement {
        &self.world.said[id]
    }

    /// The root keys of an epoch and their threshold.
    pub fn roots(&self, epoch: Id) -> (&'a [Key], usize) {
        match &self.said(epoch).body {
            Body::Rotate { keys, threshold, .. } if epoch != EPOCH => (keys, *threshold),
            _ => (&self.world.roots, self.world.threshold),
        }
    }

    pub fn is_epoch(&self, id: Id) -> bool {
        id == EPOCH || matches!(self.said(id).body, Body::Rotate { .. })
    }

    /// "All epochs have rank 0. A grant has the rank of what it relies on plus one."
    pub fn rank(&self, id: Id) -> usize {
        if self.is_epoch(id) { 0 } else { 1 + self.rank(self.said(id).grant) }
    }

    pub fn verdict(&self, id: Id) -> Verdict {
        if id == EPOCH {
            return Verdict::Counts;
        }
        if let Some(known) = self.verdicts.borrow()[id] {
            return known;
        }
        let verdict = self.judge(id);
        self.verdicts.borrow_mut()[id] = Some(verdict);
        verdict
    }

    pub fn counts(&self, id: Id) -> bool {
        has(self.set, id) && self.verdict(id) == Verdict::Counts
    }

    fn judge(&self, id: Id) -> Verdict {
        let said = self.said(id);
        if self.is_epoch(said.grant) { self.judge_by_root(id, said) } else { self.judge_on_grant(id, said) }
    }

    /// "Epochs form a chain from genesis." "Two counted rotations of one epoch: neither is followed: everything that names one of
    /// them, or an epoch behind one of them, as its grant is void."
    pub fn epoch(&self, id: Id) -> Verdict {
        match self.verdict(id) {
            _ if id == EPOCH => Verdict::Counts,
            _ if !self.is_epoch(id) || !self.said(id).known() => Verdict::Refused,
            Verdict::Counts if self.rotations(self.said(id).grant) == only(id) => Verdict::Counts,
            Verdict::Counts | Verdict::Forked => Verdict::Forked,
            Verdict::Pending => Verdict::EpochPending,
            _ => Verdict::Refused,
        }
    }

    /// A `Rotate` that names the epoch, by one of its root keys.
    fn is_rotation_of(&self, id: Id, epoch: Id) -> bool {
        let said = self.said(id);
        let rotates = matches!(said.body, Body::Rotate { .. }) && said.known() && said.grant == epoch;
        id != EPOCH && rotates && has(self.set, id) && self.roots(epoch).0.contains(&said.author)
    }

    /// The rotations of an epoch that count, if the epoch is in the chain. "Which rotations of an epoch count never depends on
    /// another rotation."
    pub fn rotations(&self, epoch: Id) -> Set {
        if let Some(known) = self.ended.borrow()[epoch] {
            return known;
        }
        let signed = |id: &Id| self.signatures(*id, self.said(*id), None) >= self.roots(epoch).1;
        let counted = |id: &Id| self.is_rotation_of(*id, epoch) && signed(id);
        let rotations = ids(self.set).filter(counted).map(only).sum();
        self.ended.borrow_mut()[epoch] = Some(rotations);
        rotations
    }

    /// Once an epoch is ended: what counts of it as far as rotations say. "Accepted is what the frontier lists, as far as it names
    /// the ended epoch as its grant and a root key of that epoch signed it, and all that such a statement names in `@mesh`." "Of
    /// the acts of the epoch that was ended twice count those that *both* accept."
    pub fn sealed(&self, epoch: Id) -> Option<Set> {
        let accepts = |rotation: Id| self.accepted(rotation, true);
        ids(self.rotations(epoch)).map(accepts).reduce(|a, b| a & b)
    }

    /// "The **epoch in force** is the last of the chain"; whether it is ended: twice, then.
    pub fn in_force(&self) -> (Id, bool) {
        let mut epoch = EPOCH;
        while self.rotations(epoch).count_ones() == 1 {
            epoch = self.rotations(epoch).trailing_zeros() as Id;
        }
        (epoch, self.rotations(epoch) != 0)
    }

    /// "A **root act** names an epoch, by the id of the statement that founded it, as its grant. It counts when as many *distinct*
    /// root keys of that epoch as its threshold says have signed it." "Grants, revocations and rotations are the root acts. **A
    /// write is none**."
    fn judge_by_root(&self, id: Id, said: &Statement) -> Verdict {
        let epoch = said.grant;
        let (keys, threshold) = self.roots(epoch);
        match self.epoch(epoch) {
            Verdict::Counts if keys.contains(&said.author) => {}
            Verdict::Counts => return Verdict::Refused, // "Relies on an epoch; author is no root key of it"
            other => return other,
        }
        let sealed = self.sealed(epoch);
        match &said.body {
            Body::Write { .. } => Verdict::Refused, // "A write relies on an epoch"
            // "By a root key that names the epoch it is admissible in `@mesh`."
            Body::Unknown if said.scope != MESH => Verdict::Refused,
            _ if sealed.is_some_and(|accepted| !has(accepted, id) && !self.excepted(said)) => Verdict::Superseded,
            _ if !said.known() => Verdict::Unknown,
            // "An `Approve` by a root key is not itself a root act"; an `Accept` "needs no signatures of its own".
            Body::Approve { .. } | Body::Accept { .. } => Verdict::Counts,
            Body::Rotate { .. } if self.signatures(id, said, None) >= threshold => Verdict::Counts,
            Body::Grant { .. } | Body::Revoke { .. } if self.signatures(id, said, sealed) >= threshold => {
                Verdict::Counts
            }
            _ => Verdict::Pending,
        }
    }

    /// "A `Rotate` that names the ended epoch is always admissible, and so is an `Approve`, by a root key of the ended epoch and on
    /// it, of a `Rotate` that names that epoch." "A known body with an unknown field beside it obeys the rules of its kind."
    fn excepted(&self, said: &Statement) -> bool {
        match said.body {
            Body::Approve { scope, id } => scope == MESH && self.is_rotation_of(id, said.grant),
            _ => matches!(said.body, Body::Rotate { .. }),
        }
    }

    /// "Its author is one of them"; "every other root key adds itself with an `Approve` of the act's id that names the same epoch as
    /// its grant and `@mesh` as the scope"; "a key counts once, however often it approves". "An `Approve` that is not accepted adds
    /// no signature."
    fn signatures(&self, id: Id, act: &Statement, sealed: Option<Set>) -> usize {
        let approves = |key: Key| {
            ids(self.set & sealed.unwrap_or(Set::MAX)).any(|by| {
                let said = self.said(by);
                let on = said.author == key && said.grant == act.grant && said.known();
                on && said.body == Body::Approve { scope: MESH, id }
            })
        };
        self.roots(act.grant).0.iter().filter(|key| **key == act.author || approves(**key)).count()
    }

    /// "Relies on something that is no grant, or a refused or unknown one"; "a pending grant"; "another key's grant"; "claims a time
    /// after its grant's not-after"; and what the grant does not give. Revocations apart.
    fn on_grant(&self, id: Id, said: &Statement) -> Verdict {
        let Body::Grant { key, verbs, prefix, .. } = &self.said(said.grant).body else { return Verdict::Refused };
        match self.counts(said.grant) && *key == said.author {
            true if self.expired(said.grant, id) => Verdict::Expired,
            true if self.allowed(said, *verbs, prefix) => Verdict::Counts,
            _ => Verdict::Refused,
        }
    }

    /// A grant and all above it.
    pub fn chain(&self, grant: Id) -> impl Iterator<Item = Id> + '_ {
        let above = |id: &Id| Some(self.said(*id).grant).filter(|grant| !self.is_epoch(*grant));
        std::iter::successors(Some(grant).filter(|grant| !self.is_epoch(*grant)), above)
    }

    /// "A statement that relies on it and claims a later time is refused (`expired`). It is inherited, the earliest in the chain
    /// holds."
    fn expired(&self, grant: Id, time: Id) -> bool {
        let mut ends = self.chain(grant).filter_map(|id| self.said(id).terms().and_then(|terms| terms.not_after));
        ends.any(|end| time > end)
    }

    /// "It counts only when at least *k* distinct keys of the list have approved it, **its own author never among them**." "What
    /// relies on a grant must meet the demands of every grant in its chain, each for itself." "Only writes are demanded approvals
    /// for."
    fn approved(&self, id: Id, said: &Statement) -> bool {
        let Body::Write { deletes } = said.body else { return true };
        let met = |demand: &Option<(usize, Vec<Key>)>| {
            let Some((k, list)) = demand else { return true };
            list.iter().filter(|key| **key != said.author && self.has_approved(**key, id, said)).count() >= *k
        };
        let terms = self.chain(said.grant).filter_map(|grant| self.said(grant).terms());
        terms.into_iter().all(|terms| met(&terms.demand) && (!deletes || met(&terms.demand_deletes)))
    }

    /// "An approval counts for a write when it is authorised, relies on a *grant*, and that grant covers every entry that the write
    /// touches", "names the write's scope": or revocations of the approver there would not concern it.
    pub fn has_approved(&self, key: Key, id: Id, write: &Statement) -> bool {
        ids(self.set).skip(1).any(|by| {
            let said = self.said(by);
            let covers = || match &self.said(said.grant).body {
                Body::Grant { prefix, .. } => write.touches.iter().all(|(path, _)| under(prefix, path)),
                _ => false,
            };
            said.author == key && said.body == Body::Approve { scope: write.scope, id } && covers() && self.counts(by)
        })
    }

    fn judge_on_grant(&self, id: Id, said: &Statement) -> Verdict {
        match self.on_grant(id, said) {
            Verdict::Counts if self.void(id) => Verdict::Struck, // "A void statement is not admissible"
            Verdict::Counts if !said.known() => Verdict::Unknown,
            Verdict::Counts if !self.approved(id, said) => Verdict::Unapproved,
            other => other,
        }
    }

    fn allowed(&self, said: &Statement, verbs: u8, prefix: &str) -> bool {
        // "A write is covered when *every* entry it touches is"; of a trust body touches "need not be covered".
        let covered = said.touches.iter().all(|(path, _)| under(prefix, path));
        match &said.body {
            // "`write`: edits of entries under the prefix, outside `@mesh`; `operate`: edits of entries under the prefix in `@mesh`."
            Body::Write { .. } if said.scope == MESH => verbs & verb::OPERATE != 0 && covered,
            Body::Write { .. } => verbs & verb::WRITE != 0 && covered,
            // "It may give only verbs that grant gives, on a prefix that lies under its prefix, and, with `member`, only scopes that it
            // gives." "A seventeenth grant in a chain."
            Body::Grant { verbs: new, prefix: own, scopes, .. } => {
                let more = |scope: &str| gives(*new, own, scopes, scope) && !self.grant_gives(said.grant, scope);
                let fewer = new & !verbs == 0 && under(prefix, own) && !SCOPES.iter().any(|scope| more(scope));
                verbs & verb::DELEGATE != 0 && fewer && self.rank(said.grant) < CHAIN
            }
            // "Approving statements in scopes where the prefix covers something."
            Body::Approve { scope, .. } => verbs & verb::APPROVE != 0 && overlap(scope, prefix),
            // "It relies on a grant with the verb `revoke` whose prefix contains its own prefix."
            Body::Revoke { prefix: own, .. } => verbs & verb::REVOKE != 0 && under(prefix, own),
            Body::Accept { .. } => verbs & verb::REVOKE != 0,
            Body::Rotate { .. } => false, // a root act
            // "Covers the entries it touches, or when it touches none and its grant covers something in its scope (in `@mesh`: any
            // grant). Any verb will do."
            Body::Unknown if said.touches.is_empty() => said.scope == MESH || overlap(said.scope, prefix),
            Body::Unknown => covered,
        }
    }

    /// Whether a grant lets its holder hold a scope.
    fn grant_gives(&self, grant: Id, scope: &str) -> bool {
        matches!(&self.said(grant).body, Body::Grant { verbs, prefix, scopes, .. } if gives(*verbs, prefix, scopes, scope))
    }

    /// "A revocation strikes every grant *to its key* whose rank is greater than its own and whose prefix overlaps its prefix,
    /// whenever that grant was or will be issued. One is excepted, the *re-grant*: a grant that names the revocation as a base,
    /// and that relies on a grant (or an epoch) of no greater rank than the revocation's." "It counts when it is authorised." "Its
    /// rank is the rank of what it relies on."
    pub fn strikers(&self, grant: Id) -> Set {
        let Body::Grant { key: holder, prefix: held, .. } = &self.said(grant).body else { return 0 };
        if let Some(known) = self.struck.borrow()[grant] {
            return known;
        }
        let parent = self.said(grant).grant;
        let strikes = |id: &Id| {
            let Body::Revoke { key, prefix, .. } = &self.said(*id).body else { return false };
            let rank = self.rank(self.said(*id).grant);
            let regrant = self.said(grant).bases().any(|base| base == *id) && self.rank(parent) <= rank;
            key == holder && overlap(prefix, held) && self.rank(grant) > rank && !regrant && self.counts(*id)
        };
        // "A grant that relies on a struck grant, reaches into the prefix and does not lie under it is struck as well, unless it is
        // accepted."
        let inherits = |id: &Id| {
            let Body::Revoke { prefix, .. } = &self.said(*id).body else { return false };
            overlap(prefix, held) && !has(self.accepted(*id, true), grant)
        };
        let own: Set = ids(self.set).skip(1).filter(strikes).map(only).sum();
        let above: Set = ids(self.strikers(parent)).filter(inherits).map(only).sum();
        self.struck.borrow_mut()[grant] = Some(own | above);
        own | above
    }

    /// "Of the statements that rely on a struck grant, those that *concern* the revocation's prefix are void, unless they are
    /// accepted." "A statement that two revocations void must be accepted by both."
    fn void(&self, id: Id) -> bool {
        ids(self.strikers(self.said(id).grant)).any(|revocation| {
            let Body::Revoke { prefix, .. } = &self.said(revocation).body else { return false };
            concerns(self.said(id), prefix) && !has(self.accepted(revocation, self.said(id).scope == MESH), id)
        })
    }

    /// "A revocation that names it as a *base* takes its list as its own, if both have the same author"; it "may even be void". But
    /// one with an unknown part lends nothing, since it never counts. "As with revocations", so it is with rotations.
    pub fn frontier(&self, revocation: Id) -> Vec<Id> {
        let said = self.said(revocation);
        let (Body::Revoke { frontier, .. } | Body::Rotate { frontier, .. }) = &said.body else { return Vec::new() };
        let mut listed = frontier.clone();
        for base in said.bases().filter(|base| self.said(*base).author == said.author && self.said(*base).known()) {
            if let Body::Accept { frontier } = &self.said(base).body {
                listed.extend(frontier);
            }
        }
        listed
    }

    /// "What its frontier lists, as far as it was signed by the revoked key, and all that such a statement names in its own scope,
    /// directly or through others, as far as it is held." "Outside of `@mesh` only what nothing but revocations could keep out."
    pub fn accepted(&self, revocation: Id, in_mesh: bool) -> Set {
        if let Some(known) = self.accepted.borrow()[revocation][usize::from(in_mesh)] {
            return known;
        }
        let act = self.said(revocation);
        let mut accepted = 0;
        for id in self.frontier(revocation).into_iter().filter(|id| *id != EPOCH && has(self.set, *id)) {
            let said = self.said(id);
            let fits = match &act.body {
                Body::Revoke { key, .. } if said.author != *key => false,
                Body::Revoke { .. } => in_mesh || self.on_grant(id, said) == Verdict::Counts,
                _ => said.grant == act.grant && self.roots(act.grant).0.contains(&said.author),
            };
            if (said.scope == MESH) == in_mesh && fits {
                self.reach(id, &mut accepted);
            }
        }
        self.accepted.borrow_mut()[revocation][usize::from(in_mesh)] = Some(accepted);
        accepted
    }

    /// A statement and all it names in its own scope, directly or through others.
    fn reach(&self, id: Id, into: &mut Set) {
        if has(*into, id) || !has(self.set, id) {
            return;
        }
        *into |= only(id);
        if id != EPOCH {
            self.said(id).names_in_its_scope().for_each(|name| self.reach(name, into));
        }
    }

    /// "Whatever an admissible statement names *in its own scope* belongs to the set with it, even when it is not admissible
    /// itself." "The same holds for the statements that a revocation which counts accepts", and for a rotation likewise, or equal
    /// sets would not accept the same.
    pub fn replicated(&self) -> Set {
        let mut set = only(EPOCH);
        for id in ids(self.set).skip(1) {
            if self.verdict(id).admissible() {
                self.reach(id, &mut set);
            }
            match &self.said(id).body {
                Body::Revoke { .. } if self.counts(id) => set |= self.accepted(id, true) | self.accepted(id, false),
                Body::Rotate { .. } if self.counts(id) => set |= self.accepted(id, true),
                _ => {}
            }
        }
        set
    }

    /// "With what it needs besides: the grants that its statements rely on, held aside." Hash-closed.
    pub fn needed(&self) -> Set {
        let mut all = 0;
        let mut stack: Vec<Id> = ids(self.replicated()).collect();
        while let Some(id) = stack.pop().filter(|id| has(self.set, *id)) {
            if !has(all, id) {
                all |= only(id);
                if id != EPOCH {
                    stack.extend(self.said(id).names());
                }
            }
        }
        all
    }

    /// "A revocation takes the membership that a struck grant gives when its prefix contains the grant's prefix."
    fn membership(&self, key: Key) -> impl Iterator<Item = Id> + '_ {
        ids(self.set).skip(1).filter(move |id| {
            let Body::Grant { key: to, verbs, prefix: own, .. } = &self.said(*id).body else { return false };
            let cut = |by: Id| matches!(&self.said(by).body, Body::Revoke { prefix, .. } if under(prefix, own));
            *to == key && verbs & verb::MEMBER != 0 && self.counts(*id) && !ids(self.strikers(*id)).any(cut)
        })
    }

    /// "A node holds what all its grants together give." "Every member holds `@mesh`."
    pub fn holds(&self, key: Key, scope: &str) -> bool {
        self.membership(key).any(|grant| self.grant_gives(grant, scope))
    }

    /// "A node's labels are those of all its grants with `member` that give it membership; where two grants differ, the one of
    /// least rank decides, then the latest."
    pub fn labels(&self, key: Key) -> BTreeMap<&'static str, &'static str> {
        let mut grants: Vec<Id> = self.membership(key).collect();
        grants.sort_by_key(|id| (std::cmp::Reverse(self.rank(*id)), *id));
        let terms = grants.into_iter().filter_map(|id| self.said(id).terms());
        terms.flat_map(|terms| terms.labels.iter().copied()).collect()
    }

    /// The grants on which a statement that the key signs at a time, and that touches just this path, may be let in for this verb.
    pub fn would_do(&self, key: Key, verb: u8, path: &str, time: Id) -> impl Iterator<Item = Id> {
        ids(self.set).skip(1).filter(move |id| {
            let gives = matches!(&self.said(*id).body, Body::Grant { key: to, verbs, prefix, .. }
                if *to == key && verbs & verb != 0 && under(prefix, path));
            let shut = |by: Id| matches!(&self.said(by).body, Body::Revoke { prefix, .. } if under(prefix, path));
            gives && self.counts(*id) && !self.expired(*id, time) && !ids(self.strikers(*id)).any(shut)
        })
    }

    pub fn may(&self, key: Key, verb: u8, path: &str, time: Id) -> bool {
        self.would_do(key, verb, path, time).next().is_some()
    }

    /// Whether a grant or one above it demands approvals.
    pub fn demands(&self, grant: Id) -> bool {
        let mut terms = self.chain(grant).filter_map(|id| self.said(id).terms());
        terms.any(|terms| terms.demand.is_some() || terms.demand_deletes.is_some())
    }

    pub fn verdicts(&self) -> Vec<(Id, Verdict)> {
        ids(self.set).map(|id| (id, self.verdict(id))).collect()
    }
}

/// The scopes of the tiny path space, `@mesh` and one that nobody names.
pub const SCOPES: [&str; 4] = ["s", "t", MESH, "other"];

/// "A `member` grant gives the scopes that it lists *and* that lie wholly under its prefix; with an empty list, all scopes that
/// do." "Without the verb `member` the list means nothing."
fn gives(verbs: u8, prefix: &str, scopes: &[&str], scope: &str) -> bool {
    let listed = scopes.is_empty() || scopes.contains(&scope);
    verbs & verb::MEMBER != 0 && (scope == MESH || (listed && under(prefix, scope)))
}

/// The table under **Void**.
fn concerns(said: &Statement, prefix: &str) -> bool {
    match &said.body {
        Body::Unknown if said.touches.is_empty() => true,
        Body::Write { .. } | Body::Unknown => said.touches.iter().any(|(path, _)| under(prefix, path)),
        Body::Grant { prefix: own, .. } => under(prefix, own),
        Body::Revoke { prefix: own, .. } => overlap(own, prefix),
        Body::Approve { scope, .. } => overlap(scope, prefix),
        Body::Accept { .. } | Body::Rotate { .. } => true,
    }
}
