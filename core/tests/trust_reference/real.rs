//! A world of the model in real statements, and a node that takes them in. It judges nothing.

use std::collections::BTreeMap;
use std::sync::Arc;

use driftless_core::log::{Arrival, Log};
use driftless_core::trust::{Accepted, Trust};
use driftless_statement::codec::Item;
use driftless_statement::{
    Accept, Approve, Body, Edit, Frontier, Grant, Hlc, Op, Path, Prefix, Revoke, Scope, StatementId, Touch, Value,
    Verb, Verified, Write,
};

use super::model::{self, Id, Key, Set, World, ids, verb};
use super::trust_world::{Maker, evaluate, genesis_of, key, seal, sorted, unknown_body};

/// The statements of a world, genesis first, and who is who.
pub struct Real {
    pub statements: Vec<Arc<Verified>>,
    pub by_id: BTreeMap<StatementId, Id>,
}

pub const VERBS: [(u8, Verb); 6] = [
    (verb::WRITE, Verb::Write),
    (verb::APPROVE, Verb::Approve),
    (verb::DELEGATE, Verb::Delegate),
    (verb::REVOKE, Verb::Revoke),
    (verb::OPERATE, Verb::Operate),
    (verb::MEMBER, Verb::Member),
];

impl Real {
    pub fn of(world: &World) -> Self {
        let roots: Vec<usize> = world.roots.iter().map(|root| usize::from(*root)).collect();
        let genesis = genesis_of(&roots, world.threshold as u64, "reference");
        let mut maker = Maker::new(1);
        maker.genesis = genesis.clone();
        let mut real = Self { by_id: BTreeMap::from([(genesis.id(), 0)]), statements: vec![genesis] };
        for (at, said) in world.said.iter().enumerate().skip(1) {
            let statement = real.one(&mut maker, said, world);
            real.by_id.insert(statement.id(), at);
            real.statements.push(statement);
        }
        real
    }

    fn ids(&self, ids: &[Id]) -> Vec<StatementId> {
        sorted(&ids.iter().map(|id| self.statements[*id].id()).collect::<Vec<_>>())
    }

    fn one(&self, maker: &mut Maker, said: &model::Statement, world: &World) -> Arc<Verified> {
        let grant = self.statements[said.grant].id();
        let mut statement = maker.blank(usize::from(said.author), grant, said.scope, self.body(said, world));
        statement.hlc = Hlc::from_millis(10 + self.statements.len() as u64);
        statement.prev = self.ids(&said.prev);
        let touch =
            |(path, bases): &(&str, Vec<Id>)| Touch { path: Path::parse(path).unwrap(), bases: self.ids(bases) };
        statement.touches = said.touches.iter().map(touch).collect();
        if said.odd {
            statement.unknown = vec![(77, Item::Bool(true))];
        }
        seal(&statement)
    }

    fn frontier(&self, ids: &[Id], world: &World) -> Frontier {
        let mut frontier = Frontier::nothing();
        for id in ids {
            frontier.insert(Scope::parse(world.said[*id].scope).unwrap(), self.statements[*id].id());
        }
        frontier
    }

    fn body(&self, said: &model::Statement, world: &World) -> Body {
        match &said.body {
            model::Body::Write { deletes } => {
                // Its own place makes every write another one.
                let value = Op::Put(Value::Int(self.statements.len() as i128));
                let put = Edit { at: vec![], op: if *deletes { Op::Delete } else { value } };
                Body::Write(Write { edits: said.touches.iter().map(|_| vec![put.clone()]).collect() })
            }
            model::Body::Grant { key: to, verbs, prefix, scopes, .. } => Body::Grant(Grant {
                key: key(usize::from(*to)),
                verbs: VERBS.iter().filter(|(bit, _)| verbs & bit != 0).map(|(_, verb)| *verb).collect(),
                prefix: Prefix::parse(prefix).unwrap(),
                scopes: scopes.iter().map(|scope| Scope::parse(scope).unwrap()).collect(),
            }),
            model::Body::Approve { scope, id } => {
                Body::Approve(Approve { scope: Scope::parse(scope).unwrap(), id: self.statements[*id].id() })
            }
            model::Body::Revoke { key: of, prefix, frontier } => Body::Revoke(Revoke {
                key: key(usize::from(*of)),
                prefix: Prefix::parse(prefix).unwrap(),
                frontier: self.frontier(frontier, world),
            }),
            model::Body::Accept { frontier } => Body::Accept(Accept { frontier: self.frontier(frontier, world) }),
            model::Body::Unknown => unknown_body(),
            model::Body::Rotate { .. } => unknown_body(),
        }
    }

    /// What the code thinks of a held set.
    pub fn judged(&self, set: Set) -> (Trust, Accepted) {
        let trust = evaluate(&self.statements[0], ids(set).map(|id| &self.statements[id]).filter(|s| in_mesh(s)));
        let mut accepted = Accepted::default();
        let held =
            |id: &StatementId| self.by_id.get(id).filter(|id| model::has(set, **id)).map(|id| &*self.statements[*id]);
        for id in ids(set) {
            trust.accept(&self.statements[id], held, &mut accepted);
        }
        (trust, accepted)
    }
}

pub fn in_mesh(statement: &Verified) -> bool {
    statement.statement().scope.is_mesh()
}

/// A log with its trust, driven as a node drives them.
pub struct Node {
    pub log: Log,
    pub trust: Option<Trust>,
}

impl Node {
    pub fn new(real: &Real) -> Self {
        Self { log: Log::new(real.statements[0].id().into()), trust: None }
    }

    pub fn arrive(&mut self, statement: &Arc<Verified>) {
        if let Arrival::Appended(mut appended) = self.log.arrive(statement.clone(), false, self.trust.as_ref()) {
            while appended.iter().any(|statement| in_mesh(statement)) {
                let genesis = self.log.genesis().unwrap();
                let trust = evaluate(genesis, self.log.mesh());
                self.log.sift(&trust);
                appended = self.log.retry(&trust);
                self.trust = Some(trust);
            }
            if let Some(trust) = &self.trust {
                self.log.sift(trust);
            }
        }
    }

    pub fn replicated(&self, real: &Real) -> Set {
        self.log.iter_causal().map(|s| s.id()).filter(|id| !self.log.is_aside(id)).map(|id| 1 << real.by_id[&id]).sum()
    }
}

pub fn public(key_number: Key) -> driftless_statement::PublicKey {
    key(usize::from(key_number))
}

pub fn speaks(world: &World) -> bool {
    world.said.iter().all(|said| match &said.body {
        model::Body::Rotate { .. } => false,
        model::Body::Grant { terms, .. } => *terms == model::Terms::default(),
        _ => true,
    })
}
