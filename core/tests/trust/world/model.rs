//! What trust and log should do, written naively from `docs/trust.md`: texts and loops, no ranks and no indexes. Slow.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use driftless_statement::{Body, Grant, PublicKey, Statement, StatementId, Verb, Verified, limits};

pub type Set = BTreeMap<StatementId, Arc<Verified>>;

pub struct Model<'a> {
    pub genesis: &'a Verified,
    pub set: &'a Set,
}

fn under(prefix: &str, text: &str) -> bool {
    prefix.is_empty() || text == prefix || text.starts_with(&format!("{prefix}/"))
}

/// Whether a grant lets its key hold a scope.
fn holds(grant: &Grant, scope: &str) -> bool {
    let listed = grant.scopes.is_empty() || grant.scopes.iter().any(|listed| listed.as_str() == scope);
    grant.verbs.contains(&Verb::Member) && (scope == "@mesh" || (listed && under(grant.prefix.as_str(), scope)))
}

impl Model<'_> {
    fn roots(&self) -> (Vec<PublicKey>, u64) {
        let Body::Genesis(genesis) = &self.genesis.statement().body else { panic!("no genesis") };
        (genesis.keys.clone(), genesis.threshold)
    }

    fn signers(&self, act: StatementId, author: PublicKey) -> BTreeSet<PublicKey> {
        let (roots, _) = self.roots();
        let approvals = self.set.values().map(|s| s.statement()).filter_map(|said| match &said.body {
            Body::Approve(approve)
                if approve.id == act
                    && approve.scope.is_mesh()
                    && said.grant == self.genesis.id()
                    && said.unknown.is_empty() =>
            {
                Some(said.author)
            }
            _ => None,
        });
        approvals.chain([author]).filter(|key| roots.contains(key)).collect()
    }

    /// Whether a statement counts.
    pub fn authorised(&self, id: StatementId, said: &Statement) -> bool {
        let (_, threshold) = self.roots();
        let root_act = said.grant == self.genesis.id() && matches!(said.body, Body::Grant(_));
        self.admissible(id, said)
            && said.unknown.is_empty()
            && !matches!(said.body, Body::Unknown { .. })
            && (!root_act || self.signers(id, said.author).len() as u64 >= threshold)
    }

    fn chain_length(&self, id: StatementId) -> usize {
        if id == self.genesis.id() {
            0
        } else {
            1 + self.set.get(&id).map_or(0, |s| self.chain_length(s.statement().grant))
        }
    }

    /// Whether a statement is let in.
    pub fn admissible(&self, id: StatementId, said: &Statement) -> bool {
        if id == self.genesis.id() {
            return true;
        }
        if said.mesh.0 != self.genesis.id().0 {
            return false;
        }
        let mesh = said.scope.is_mesh();
        if said.grant == self.genesis.id() {
            let kind = match said.body {
                Body::Grant(_) | Body::Approve(_) => true,
                Body::Unknown { .. } => mesh,
                _ => false,
            };
            return kind && self.roots().0.contains(&said.author);
        }
        let Some(relied) = self.set.get(&said.grant).filter(|s| s.statement().scope.is_mesh()) else { return false };
        let Body::Grant(grant) = &relied.statement().body else { return false };
        if !self.authorised(relied.id(), relied.statement()) || grant.key != said.author {
            return false;
        }
        let prefix = grant.prefix.as_str();
        let covered = said.touches.iter().all(|touch| under(prefix, touch.path.as_str()));
        let speaks_in = |scope: &str| under(prefix, scope) || under(scope, prefix);
        match &said.body {
            Body::Write(_) => grant.verbs.contains(if mesh { &Verb::Operate } else { &Verb::Write }) && covered,
            // The reference model has revocations; this one is for meshes without.
            Body::Revoke(_) | Body::Accept(_) | Body::Rotate(_) => panic!("no history of these tests revokes"),
            Body::Approve(approve) => grant.verbs.contains(&Verb::Approve) && speaks_in(approve.scope.as_str()),
            Body::Unknown { .. } => covered && (mesh || !said.touches.is_empty() || speaks_in(said.scope.as_str())),
            Body::Genesis(_) => false,
            Body::Grant(new) => {
                let fewer = new.verbs.iter().all(|verb| grant.verbs.contains(verb));
                let member = !new.verbs.contains(&Verb::Member) || holds_no_more(new, grant);
                grant.verbs.contains(&Verb::Delegate)
                    && fewer
                    && under(prefix, new.prefix.as_str())
                    && member
                    && self.chain_length(said.grant) < limits::GRANT_CHAIN
            }
        }
    }
}

/// Compared scope by scope over every scope that either names, and one that neither does.
fn holds_no_more(new: &Grant, old: &Grant) -> bool {
    let first = |grant: &Grant| grant.prefix.as_str().split('/').next().unwrap_or_default().to_owned();
    let named = new.scopes.iter().chain(&old.scopes).map(|scope| scope.as_str().to_owned());
    let scopes: Vec<String> = named.chain([first(new), first(old), "nobody-names-this".into()]).collect();
    scopes.iter().filter(|scope| !scope.is_empty()).all(|scope| !holds(new, scope) || holds(old, scope))
}

/// Everything a statement names, directly or through others, when all of it is in the set and nothing forbids it.
fn closure(set: &Set, id: StatementId, into: &mut BTreeSet<StatementId>) -> bool {
    if into.contains(&id) {
        return true;
    }
    let Some(s) = set.get(&id) else { return false };
    into.insert(id);
    s.statement().names().into_iter().all(|name| {
        set.get(&name).is_some_and(|named| s.statement().check_named(name, named.statement()).is_ok())
            && closure(set, name, into)
    })
}

/// The held set that must come of a set of arrivals: grown until nothing more is let in.
pub fn held(genesis: &Arc<Verified>, arrived: &Set) -> Set {
    let mut held = Set::new();
    if arrived.contains_key(&genesis.id()) {
        held.insert(genesis.id(), genesis.clone());
    }
    loop {
        let mut grown = held.clone();
        for (id, s) in arrived {
            let mut needed = BTreeSet::new();
            if held.contains_key(id) || held.is_empty() || !closure(arrived, *id, &mut needed) {
                continue;
            }
            if (Model { genesis, set: &held }).admissible(*id, s.statement()) {
                grown.extend(needed.into_iter().map(|id| (id, arrived[&id].clone())));
            }
        }
        if grown.len() == held.len() {
            return held;
        }
        held = grown;
    }
}
