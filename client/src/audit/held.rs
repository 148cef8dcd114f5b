//! The statements seen so far, without what they say: who, where, when, what they touch and name. Some two hundred bytes
//! each, whatever their size. It must not know signatures or authority.

use std::collections::HashMap;
use std::hash::Hash;

use driftless_statement::{
    Body, Hlc, Invalid, MeshId, Note, Path, PublicKey, Scope, Statement, StatementId, Touch, Write,
};

/// Things that occur often, by number.
struct Interned<T> {
    numbers: HashMap<T, u32>,
    things: Vec<T>,
}

impl<T> Default for Interned<T> {
    fn default() -> Self {
        Self { numbers: HashMap::new(), things: Vec::new() }
    }
}

impl<T: Clone + Eq + Hash> Interned<T> {
    fn number(&mut self, thing: &T) -> u32 {
        if let Some(number) = self.numbers.get(thing) {
            return *number;
        }
        let number = u32::try_from(self.things.len()).unwrap_or(u32::MAX);
        self.things.push(thing.clone());
        self.numbers.insert(thing.clone(), number);
        number
    }

    fn get(&self, number: u32) -> Option<&T> {
        self.things.get(number as usize)
    }
}

struct Row {
    hlc: Hlc,
    author: u32,
    scope: u32,
    paths: Box<[u32]>,
    names: Box<[u32]>,
}

/// The statements seen.
#[derive(Default)]
pub(super) struct Held {
    ids: Interned<StatementId>,
    rows: Vec<Row>,
    authors: Interned<PublicKey>,
    scopes: Interned<Scope>,
    paths: Interned<Path>,
}

impl Held {
    pub fn contains(&self, id: &StatementId) -> bool {
        self.ids.numbers.contains_key(id)
    }

    /// How many keys have signed something.
    pub fn authors(&self) -> usize {
        self.authors.things.len()
    }

    /// Checks the rules about one statement that another one names. `None`: it was not seen.
    pub fn check_named(&self, statement: &Statement, named: &StatementId) -> Option<Result<(), Invalid>> {
        let row = self.rows.get(*self.ids.numbers.get(named)? as usize)?;
        Some(statement.check_named(*named, &self.outline(row)?))
    }

    /// As much of a statement as the rules about named ones look at.
    fn outline(&self, row: &Row) -> Option<Statement> {
        let touch = |number: &u32| Some(Touch { path: self.paths.get(*number)?.clone(), bases: Vec::new() });
        Some(Statement {
            mesh: MeshId::UNFOUNDED,
            scope: self.scopes.get(row.scope)?.clone(),
            author: *self.authors.get(row.author)?,
            grant: StatementId::NONE,
            prev: Vec::new(),
            touches: row.paths.iter().map(touch).collect::<Option<_>>()?,
            hlc: row.hlc,
            body: Body::Write(Write { edits: Vec::new() }),
            note: Note::default(),
            unknown: Vec::new(),
        })
    }

    /// Notes a statement all of whose names were seen.
    pub fn insert(&mut self, id: StatementId, statement: &Statement) {
        let names = statement.names();
        let names = names.iter().filter_map(|name| self.ids.numbers.get(name)).copied().collect();
        let row = Row {
            hlc: statement.hlc,
            author: self.authors.number(&statement.author),
            scope: self.scopes.number(&statement.scope),
            paths: statement.touches.iter().map(|touch| self.paths.number(&touch.path)).collect(),
            names,
        };
        self.ids.number(&id);
        self.rows.push(row);
    }

    /// A statement and all that it names in its own scope, directly or through others, as far as `new` says that a
    /// statement was not visited.
    pub fn closure(&self, id: &StatementId, mut new: impl FnMut(StatementId) -> bool) {
        let mut stack: Vec<u32> = self.ids.numbers.get(id).copied().into_iter().collect();
        while let Some(number) = stack.pop() {
            let (Some(row), Some(id)) = (self.rows.get(number as usize), self.ids.get(number)) else { continue };
            if new(*id) {
                let same = |name: &&u32| self.rows.get(**name as usize).is_some_and(|named| named.scope == row.scope);
                stack.extend(row.names.iter().filter(same));
            }
        }
    }
}
