//! An executable reading of `docs/trust.md`: each rule stands under the sentence it comes from. It has its own tiny types and
//! knows neither the code of trust nor the statement format. Keys and ids are small numbers; a statement's id is its
//! place in the world, 0 being genesis, and nobody names what is later. Recursion ends because ranks are heights in the chain of
//! grants, and a revocation of rank r matters only to grants of a greater rank.

use std::cell::RefCell;

pub type Key = u8;
pub type Id = usize;
/// A set of ids, as bits: a world has at most 64 statements.
pub type Set = u64;

/// "Today: the id of genesis."
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

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Body {
    Write,
    Grant { key: Key, verbs: u8, prefix: &'static str, scopes: Vec<&'static str> },
    Approve { scope: &'static str, id: Id },
    Revoke { key: Key, prefix: &'static str, frontier: Vec<Id> },
    Accept { frontier: Vec<Id> },
    Unknown,
}

#[derive(Debug, Clone, PartialEq, Eq)]
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
#[derive(Debug, Clone, Default)]
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
    /// "A statement with a part that the fold version in force does not define."
    Unknown,
    /// Would be let in, were it not for a revocation.
    Struck,
    /// Not admissible for another reason.
    Refused,
}

impl Verdict {
    pub fn admissible(self) -> bool {
        matches!(self, Self::Counts | Self::Pending | Self::Unknown)
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
    (0..64).filter(move |id| has(set, *id))
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

    fn known(&self) -> bool {
        !self.odd && self.body != Body::Unknown
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
        let empty = world.said.len();
        Self { world, set, verdicts: RefCell::new(vec![None; empty]), accepted: RefCell::new(vec![[None; 2]; empty]) }
    }

    fn said(&self, id: Id) -> &'a Statement {
        &self.world.said[id]
    }

    fn root(&self, key: Key) -> bool {
        self.world.roots.contains(&key)
    }

    /// "The epoch has rank 0. A grant has the rank of what it relies on plus one."
    pub fn rank(&self, id: Id) -> usize {
        if id == EPOCH { 0 } else { 1 + self.rank(self.said(id).grant) }
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
        if said.grant == EPOCH { self.judge_by_root(id, said) } else { self.judge_on_grant(id, said) }
    }

    /// "A **root act** names the epoch as its grant. It counts when as many *distinct* root keys as the threshold says have signed
    /// it." "Grants and revocations are the root acts so far. **A write is none**."
    fn judge_by_root(&self, id: Id, said: &Statement) -> Verdict {
        if !self.root(said.author) {
            return Verdict::Refused; // "Relies on the epoch; author is no root key"
        }
        match &said.body {
            Body::Write => Verdict::Refused, // "A write relies on the epoch"
            // "By a root key that names the epoch it is admissible in `@mesh`."
            Body::Unknown if said.scope != MESH => Verdict::Refused,
            Body::Unknown => Verdict::Unknown,
            _ if said.odd => Verdict::Unknown,
            // "An `Approve` by a root key is not itself a root act"; an `Accept` "needs no signatures of its own".
            Body::Approve { .. } | Body::Accept { .. } => Verdict::Counts,
            Body::Grant { .. } | Body::Revoke { .. } if self.signatures(id, said.author) >= self.world.threshold => {
                Verdict::Counts
            }
            Body::Grant { .. } | Body::Revoke { .. } => Verdict::Pending,
        }
    }

    /// "Its author is one of them"; "every other root key adds itself with an `Approve` of the act's id that names the epoch as its
    /// grant and `@mesh` as the scope"; "a key counts once, however often it approves".
    fn signatures(&self, act: Id, author: Key) -> usize {
        let approves = |key: Key| {
            ids(self.set).skip(1).any(|id| {
                let said = self.said(id);
                said.author == key
                    && said.grant == EPOCH
                    && said.known()
                    && said.body == Body::Approve { scope: MESH, id: act }
            })
        };
        self.world.roots.iter().filter(|key| **key == author || approves(**key)).count()
    }

    /// "Relies on something that is no grant, or a refused or unknown one"; "a pending grant"; "another key's grant".
    fn sound_on_grant(&self, said: &Statement) -> bool {
        let Body::Grant { key, verbs, prefix, .. } = &self.said(said.grant).body else { return false };
        self.counts(said.grant) && *key == said.author && self.allowed(said, *verbs, prefix)
    }

    fn judge_on_grant(&self, id: Id, said: &Statement) -> Verdict {
        if !self.sound_on_grant(said) {
            return Verdict::Refused;
        }
        // "A void statement is not admissible (`struck`)."
        if self.void(id) {
            return Verdict::Struck;
        }
        if said.known() { Verdict::Counts } else { Verdict::Unknown }
    }

    fn allowed(&self, said: &Statement, verbs: u8, prefix: &str) -> bool {
        // "A write is covered when *every* entry it touches is"; of a trust body touches "need not be covered".
        let covered = said.touches.iter().all(|(path, _)| under(prefix, path));
        match &said.body {
            // "`write`: edits of entries under the prefix, outside `@mesh`; `operate`: edits of entries under the prefix in `@mesh`."
            Body::Write if said.scope == MESH => verbs & verb::OPERATE != 0 && covered,
            Body::Write => verbs & verb::WRITE != 0 && covered,
            Body::Grant { .. } => verbs & verb::DELEGATE != 0 && self.narrower(said, said.grant),
            // "Approving statements in scopes where the prefix covers something."
            Body::Approve { scope, .. } => verbs & verb::APPROVE != 0 && overlap(scope, prefix),
            // "It relies on a grant with the verb `revoke` whose prefix contains its own prefix."
            Body::Revoke { prefix: own, .. } => verbs & verb::REVOKE != 0 && under(prefix, own),
            Body::Accept { .. } => verbs & verb::REVOKE != 0,
            // "Covers the entries it touches, or when it touches none and its grant covers something in its scope (in `@mesh`: any
            // grant). Any verb will do."
            Body::Unknown if said.touches.is_empty() => said.scope == MESH || overlap(said.scope, prefix),
            Body::Unknown => covered,
        }
    }

    /// "It may give only verbs that grant gives, on a prefix that lies under its prefix, and, with `member`, only scopes that it
    /// gives." "A seventeenth grant in a chain."
    fn narrower(&self, new: &Statement, old: Id) -> bool {
        let (Body::Grant { verbs, prefix, scopes, .. }, Body::Grant { verbs: old_verbs, prefix: old_prefix, .. }) =
            (&new.body, &self.said(old).body)
        else {
            return false;
        };
        let mine = |scope: &str| gives(*verbs, prefix, scopes, scope);
        let theirs = |scope: &str| self.grant_gives(old, scope);
        verbs & !old_verbs == 0
            && under(old_prefix, prefix)
            && SCOPES.iter().all(|scope| !mine(scope) || theirs(scope))
            && self.rank(old) < CHAIN
    }

    /// Whether a grant lets its holder hold a scope.
    fn grant_gives(&self, grant: Id, scope: &str) -> bool {
        let Body::Grant { verbs, prefix, scopes, .. } = &self.said(grant).body else { return false };
        gives(*verbs, prefix, scopes, scope)
    }

    /// "Its rank is the rank of what it relies on: 0 for a root act."
    fn revocation_rank(&self, id: Id) -> usize {
        self.rank(self.said(id).grant)
    }

    /// "A revocation strikes every grant *to its key* whose rank is greater than its own and whose prefix overlaps its prefix,
    /// whenever that grant was or will be issued. One is excepted, the *re-grant*: a grant that names the revocation as a base,
    /// and that relies on a grant (or epoch) of no greater rank than the revocation's." "It counts when it is authorised."
    pub fn strikers(&self, grant: Id) -> Vec<Id> {
        let Body::Grant { key: holder, prefix: held, .. } = &self.said(grant).body else { return Vec::new() };
        let strikes = |id: &Id| {
            let Body::Revoke { key, prefix, .. } = &self.said(*id).body else { return false };
            let regrant = self.said(grant).bases().any(|base| base == *id)
                && self.rank(self.said(grant).grant) <= self.revocation_rank(*id);
            key == holder
                && overlap(prefix, held)
                && self.rank(grant) > self.revocation_rank(*id)
                && !regrant
                && self.counts(*id)
        };
        let mut strikers: Vec<Id> = ids(self.set).skip(1).filter(strikes).collect();
        // "A grant that relies on a struck grant, reaches into the prefix and does not lie under it is struck as well, unless it is
        // accepted."
        let parent = self.said(grant).grant;
        if parent != EPOCH {
            let inherits = |id: &Id| {
                let Body::Revoke { prefix, .. } = &self.said(*id).body else { return false };
                overlap(prefix, held) && !has(self.accepted(*id, true), grant)
            };
            strikers.extend(self.strikers(parent).into_iter().filter(inherits));
        }
        strikers
    }

    /// "Of the statements that rely on a struck grant, those that *concern* the revocation's prefix are void, unless they are
    /// accepted." "A statement that two revocations void must be accepted by both."
    fn void(&self, id: Id) -> bool {
        self.strikers(self.said(id).grant).into_iter().any(|revocation| {
            let Body::Revoke { prefix, .. } = &self.said(revocation).body else { return false };
            concerns(self.said(id), prefix) && !has(self.accepted(revocation, self.said(id).scope == MESH), id)
        })
    }

    /// "A revocation that names it as a *base* takes its list as its own, if both have the same author"; it "may even be void". But
    /// one with an unknown part lends nothing, since it never counts.
    pub fn frontier(&self, revocation: Id) -> Vec<Id> {
        let said = self.said(revocation);
        let Body::Revoke { frontier, .. } = &said.body else { return Vec::new() };
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
        let Body::Revoke { key, .. } = &self.said(revocation).body else { return 0 };
        let mut accepted = 0;
        for id in self.frontier(revocation) {
            if !has(self.set, id) || id == EPOCH || self.said(id).author != *key {
                continue;
            }
            let said = self.said(id);
            let sound =
                || said.grant == EPOCH && self.judge_by_root(id, said).admissible() || self.sound_on_grant(said);
            if (said.scope == MESH) == in_mesh && (in_mesh || sound()) {
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
    /// itself." "The same holds for the statements that a revocation which counts accepts."
    pub fn replicated(&self) -> Set {
        let mut set = only(EPOCH);
        for id in ids(self.set).skip(1) {
            if self.verdict(id).admissible() {
                self.reach(id, &mut set);
            }
            if let (Body::Revoke { .. }, true) = (&self.said(id).body, self.counts(id)) {
                set |= self.accepted(id, true) | self.accepted(id, false);
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
            *to == key && verbs & verb::MEMBER != 0 && self.counts(*id) && !self.strikers(*id).into_iter().any(cut)
        })
    }

    /// "A node holds what all its grants together give." "Every member holds `@mesh`."
    pub fn holds(&self, key: Key, scope: &str) -> bool {
        self.membership(key).any(|grant| self.grant_gives(grant, scope))
    }

    /// Whether a statement that the key signs now, and that touches just this path, may be let in for this verb.
    pub fn may(&self, key: Key, verb: u8, path: &str) -> bool {
        ids(self.set).skip(1).any(|id| {
            matches!(&self.said(id).body, Body::Grant { key: to, verbs, prefix, .. }
                if *to == key && verbs & verb != 0 && under(prefix, path))
                && self.counts(id)
                && self
                    .strikers(id)
                    .into_iter()
                    .all(|by| matches!(&self.said(by).body, Body::Revoke { prefix, .. } if !under(prefix, path)))
        })
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
        Body::Write | Body::Unknown => said.touches.iter().any(|(path, _)| under(prefix, path)),
        Body::Grant { prefix: own, .. } => under(prefix, own),
        Body::Revoke { prefix: own, .. } => overlap(own, prefix),
        Body::Approve { scope, .. } => overlap(scope, prefix),
        Body::Accept { .. } => true,
    }
}
