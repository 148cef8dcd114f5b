//! A world of the model in real statements, and a node that takes them in. It judges nothing.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use driftless_core::log::{Arrival, Log};
use driftless_core::trust::{Accepted, Trust};
use driftless_statement::codec::Item;
use driftless_statement::{
    Accept, Approve, Body, Demand, Demands, Edit, Frontier, Grant, Hlc, MeshId, Note, Op, Path, Prefix, Revoke, Rotate,
    Scope, Statement, StatementId, Terms, Touch, Value, Verb, Verified, Write,
};

use super::model::{self, Id, Key, Set, World, ids, verb};
use super::trust_world::{evaluate, genesis_of, key, seal, sorted, unknown_body};

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

/// The time of what stands at a place, Unix milliseconds.
pub fn time(place: Id) -> u64 {
    10 + place as u64
}

/// What a statement is made of: what the model says, and the ids that its numbers stand for, genesis first.
type Recipe = (usize, model::Statement, Vec<StatementId>);

type Geneses = BTreeMap<(Vec<Key>, usize), Arc<Verified>>;

thread_local! {
    /// What was made before. Worlds of one alphabet begin alike, and most of the cost of a world is to encode and decode.
    static MADE: RefCell<HashMap<Recipe, Arc<Verified>>> = RefCell::default();
    static GENESES: RefCell<Geneses> = RefCell::default();
}

/// At about 2 KB each.
const MOST_MADE: usize = 20_000;

impl Real {
    pub fn of(world: &World) -> Self {
        let roots: Vec<usize> = world.roots.iter().map(|root| usize::from(*root)).collect();
        let genesis = GENESES.with_borrow_mut(|geneses| {
            let new = || genesis_of(&roots, world.threshold as u64, "reference");
            geneses.entry((world.roots.clone(), world.threshold)).or_insert_with(new).clone()
        });
        let mut real = Self { by_id: BTreeMap::from([(genesis.id(), 0)]), statements: vec![genesis] };
        for (at, said) in world.said.iter().enumerate().skip(1) {
            let statement = real.made(said, world);
            real.by_id.insert(statement.id(), at);
            real.statements.push(statement);
        }
        real
    }

    fn made(&self, said: &model::Statement, world: &World) -> Arc<Verified> {
        let marks = match &said.body {
            model::Body::Approve { id, .. } => std::slice::from_ref(id),
            model::Body::Revoke { frontier, .. }
            | model::Body::Accept { frontier }
            | model::Body::Rotate { frontier, .. } => frontier,
            _ => &[],
        };
        let numbers = [0].into_iter().chain(said.names()).chain(marks.iter().copied());
        let recipe = (self.statements.len(), said.clone(), numbers.map(|id| self.statements[id].id()).collect());
        MADE.with_borrow_mut(|made| {
            if made.len() > MOST_MADE {
                made.clear();
            }
            made.entry(recipe).or_insert_with(|| self.one(said, world)).clone()
        })
    }

    fn ids(&self, ids: &[Id]) -> Vec<StatementId> {
        sorted(&ids.iter().map(|id| self.statements[*id].id()).collect::<Vec<_>>())
    }

    fn one(&self, said: &model::Statement, world: &World) -> Arc<Verified> {
        let touch =
            |(path, bases): &(&str, Vec<Id>)| Touch { path: Path::parse(path).unwrap(), bases: self.ids(bases) };
        seal(&Statement {
            mesh: MeshId::from(self.statements[0].id()),
            scope: Scope::parse(said.scope).unwrap(),
            author: public(said.author),
            grant: self.statements[said.grant].id(),
            prev: self.ids(&said.prev),
            touches: said.touches.iter().map(touch).collect(),
            hlc: Hlc::from_millis(time(self.statements.len())),
            body: self.body(said, world),
            note: Note::default(),
            unknown: if said.odd { vec![(77, Item::Bool(true))] } else { vec![] },
        })
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
                let put = Op::Put(Value::Int(self.statements.len() as i128));
                let edit = Edit { at: vec![], op: if *deletes { Op::Delete } else { put } };
                Body::Write(Write { edits: said.touches.iter().map(|_| vec![edit.clone()]).collect() })
            }
            model::Body::Grant { key: to, verbs, prefix, scopes, terms } => Body::from(Grant {
                key: public(*to),
                verbs: VERBS.iter().filter(|(bit, _)| verbs & bit != 0).map(|(_, verb)| *verb).collect(),
                prefix: Prefix::parse(prefix).unwrap(),
                scopes: scopes.iter().map(|scope| Scope::parse(scope).unwrap()).collect(),
                terms: terms_of(terms),
            }),
            model::Body::Approve { scope, id } => {
                Body::from(Approve { scope: Scope::parse(scope).unwrap(), id: self.statements[*id].id() })
            }
            model::Body::Revoke { key: of, prefix, frontier } => Body::from(Revoke {
                key: public(*of),
                prefix: Prefix::parse(prefix).unwrap(),
                frontier: self.frontier(frontier, world),
            }),
            model::Body::Accept { frontier } => Body::Accept(Accept { frontier: self.frontier(frontier, world) }),
            model::Body::Rotate { keys, threshold, frontier } => {
                let mut keys: Vec<_> = keys.iter().map(|key| public(*key)).collect();
                keys.sort_unstable();
                let (threshold, frontier) = (*threshold as u64, self.frontier(frontier, world));
                Body::from(Rotate { keys, threshold, frontier })
            }
            model::Body::Unknown => unknown_body(),
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

fn terms_of(terms: &model::Terms) -> Terms {
    let demand = |demand: &Option<(usize, Vec<Key>)>| {
        let (k, list) = demand.as_ref()?;
        Some(Demand { approvals: *k as u64, of: list.iter().map(|key| public(*key)).collect() })
    };
    Terms {
        demands: Demands { writes: demand(&terms.demand), deletes: demand(&terms.demand_deletes) },
        not_after_ms: terms.not_after.map(time),
        labels: terms.labels.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect(),
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
                self.log.sift(&trust, |_, _| |_: &Verified| false);
                appended = self.log.retry(&trust);
                self.trust = Some(trust);
            }
            if let Some(trust) = &self.trust {
                self.log.sift(trust, |_, _| |_: &Verified| false);
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
