//! What is held: hash-closed, in an order in which everything comes after what it names.
//! Knows nothing of trust; whoever puts a statement here has judged it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use driftless_statement::{Hlc, IdTable, Invalid, Named, PublicKey, Scope, Statement, StatementId, Verified, limits};

use super::names::Names;

/// One key's own heads in a scope: its statements there that no other one of its statements names in `prev`.
type Heads = BTreeSet<(Hlc, StatementId)>;

#[derive(Debug, Clone, Default)]
struct ScopeShelf {
    order: Vec<Arc<Verified>>,
    /// The number of the grant that each of them relies on: to find all that rely on one, none has to be looked at.
    relies: Vec<u32>,
    /// The numbers of grants, in the order in which they were first relied on.
    grants: BTreeMap<StatementId, u32>,
    names: Names,
    heads: BTreeMap<PublicKey, Heads>,
}

/// A statement that is held, with its place in the order of its scope.
#[derive(Debug, Clone)]
struct Kept {
    statement: Arc<Verified>,
    place: u32,
}

impl Named for Kept {
    fn named(&self) -> &StatementId {
        self.statement.named()
    }
}

type Held = IdTable<Kept>;

/// Where what was at a place is after others went.
fn moved(places: &[u32], place: u32) -> u32 {
    places.get(place as usize).copied().unwrap_or(place)
}

impl ScopeShelf {
    fn append(&mut self, statement: Arc<Verified>, held: &mut Held) {
        let said = statement.statement();
        let place = u32::try_from(self.order.len()).unwrap_or(u32::MAX);
        self.names.push(said.each_name_in_scope().filter_map(|id| held.get(id)).map(|named| named.place));
        let next = u32::try_from(self.grants.len()).unwrap_or(u32::MAX);
        self.relies.push(*self.grants.entry(said.grant).or_insert(next));
        let heads = self.heads.entry(said.author).or_default();
        // Whatever names this statement comes after it, so it is a head now.
        for named in said.prev.iter().filter_map(|id| held.get(id)) {
            heads.remove(&named.statement.key());
        }
        heads.insert(statement.key());
        self.order.push(statement.clone());
        held.insert(Kept { statement, place });
    }

    /// Lets statements go; none that stays names one of them. Gives back where each of the others is from now on.
    fn remove(&mut self, gone: &BTreeSet<StatementId>) -> Vec<u32> {
        let lost = self.order.iter().filter(|statement| gone.contains(&statement.id()));
        let authors: BTreeSet<PublicKey> = lost.map(|statement| statement.statement().author).collect();
        let stays: Vec<bool> = self.order.iter().map(|statement| !gone.contains(&statement.id())).collect();
        let next = |next: &mut u32, stays: &bool| Some(std::mem::replace(next, *next + u32::from(*stays)));
        let places: Vec<u32> = stays.iter().scan(0, next).collect();
        let (mut one, mut other) = (stays.iter(), stays.iter());
        self.order.retain(|_| one.next() == Some(&true));
        self.relies.retain(|_| other.next() == Some(&true));
        self.names.keep(&stays, &places);
        // What they named may be heads again. Looked through once for all of them: a delegate may have brought in very many.
        let theirs = || self.order.iter().filter(|statement| authors.contains(&statement.statement().author));
        let named: BTreeSet<StatementId> = theirs().flat_map(|one| one.statement().prev.iter().copied()).collect();
        let mut heads: BTreeMap<PublicKey, Heads> = BTreeMap::new();
        for head in theirs().filter(|one| !named.contains(&one.id())) {
            heads.entry(head.statement().author).or_default().insert(head.key());
        }
        self.heads.retain(|author, _| !authors.contains(author));
        self.heads.extend(heads);
        places
    }
}

/// What is held of `@mesh`: it names nothing outside of itself.
#[derive(Debug, Clone, Default)]
pub(crate) struct MeshShelf {
    held: Held,
    shelf: ScopeShelf,
}

#[derive(Debug, Default)]
pub(super) struct Shelf {
    /// Shared by nodes of one process that hold the same, until one of them changes it.
    mesh: Arc<MeshShelf>,
    held: Held,
    order: Vec<Arc<Verified>>,
    scopes: BTreeMap<Scope, ScopeShelf>,
}

impl Shelf {
    /// What is held of `@mesh`, to begin another log with.
    pub(super) fn mesh(&self) -> &Arc<MeshShelf> {
        &self.mesh
    }

    /// An empty one but for `@mesh`.
    pub(super) fn with_mesh(mesh: Arc<MeshShelf>) -> Self {
        Self { mesh, ..Self::default() }
    }

    pub(super) fn get(&self, id: &StatementId) -> Option<&Arc<Verified>> {
        self.held.get(id).or_else(|| self.mesh.held.get(id)).map(|kept| &kept.statement)
    }

    pub(super) fn contains(&self, id: &StatementId) -> bool {
        self.held.contains(id) || self.mesh.held.contains(id)
    }

    /// Takes a statement all of whose names are held.
    pub(super) fn append(&mut self, statement: Arc<Verified>) {
        let scope = &statement.statement().scope;
        if scope.is_mesh() {
            let mesh = Arc::make_mut(&mut self.mesh);
            mesh.shelf.append(statement, &mut mesh.held);
            return;
        }
        self.order.push(statement.clone());
        let shelf = self.scopes.entry(scope.clone()).or_default();
        shelf.append(statement, &mut self.held);
    }

    /// Lets statements go; none that stays names one of them.
    pub(super) fn remove(&mut self, gone: &BTreeSet<StatementId>) {
        if gone.iter().any(|id| self.mesh.held.contains(id)) {
            let mesh = Arc::make_mut(&mut self.mesh);
            let places = mesh.shelf.remove(gone);
            gone.iter().for_each(|id| drop(mesh.held.remove(id)));
            mesh.held.each(|kept| kept.place = moved(&places, kept.place));
        }
        let lost = gone.iter().filter_map(|id| self.held.remove(id));
        let lost: BTreeSet<Scope> = lost.map(|lost| lost.statement.statement().scope.clone()).collect();
        if lost.is_empty() {
            return;
        }
        let remove = |scope: Scope| Some((scope.clone(), self.scopes.get_mut(&scope)?.remove(gone)));
        let places: BTreeMap<Scope, Vec<u32>> = lost.into_iter().filter_map(remove).collect();
        self.held.each(|kept| {
            if let Some(places) = places.get(&kept.statement.statement().scope) {
                kept.place = moved(places, kept.place);
            }
        });
        self.order.retain(|statement| !gone.contains(&statement.id()));
    }

    /// The rule about named statements, for names of which all are held or found by `elsewhere`.
    pub(super) fn check_names<'a>(
        &'a self,
        statement: &Statement,
        names: &[StatementId],
        elsewhere: impl Fn(&StatementId) -> Option<&'a Arc<Verified>>,
    ) -> Result<(), Invalid> {
        names
            .iter()
            .filter_map(|id| self.get(id).or_else(|| elsewhere(id)))
            .try_for_each(|named| statement.check_named(named.id(), named.statement()))
    }

    pub(super) fn len(&self) -> usize {
        self.mesh.shelf.order.len() + self.order.len()
    }

    pub(super) fn iter(&self) -> impl DoubleEndedIterator<Item = &Arc<Verified>> {
        self.mesh.shelf.order.iter().chain(&self.order)
    }

    fn of(&self, scope: &Scope) -> Option<&ScopeShelf> {
        if scope.is_mesh() { Some(&self.mesh.shelf) } else { self.scopes.get(scope) }
    }

    pub(super) fn scope<'a>(
        &'a self,
        scope: &Scope,
    ) -> impl DoubleEndedIterator<Item = &'a Arc<Verified>> + ExactSizeIterator + use<'a> {
        self.of(scope).map(|shelf| shelf.order.as_slice()).unwrap_or_default().iter()
    }

    /// The place of a statement in the order of its scope.
    pub(super) fn place(&self, id: &StatementId) -> Option<usize> {
        self.held.get(id).or_else(|| self.mesh.held.get(id)).map(|kept| kept.place as usize)
    }

    /// Marks what the marked ones of a scope, by their places, name in it directly or through others.
    pub(super) fn close(&self, scope: &Scope, marked: &mut [bool]) {
        self.of(scope).into_iter().for_each(|shelf| shelf.names.close(marked));
    }

    /// Whether each statement of a scope, in their order, relies on a grant of which this is true.
    pub(super) fn relying(&self, scope: &Scope, on: impl Fn(&StatementId) -> bool) -> impl Iterator<Item = bool> {
        let shelf = self.of(scope);
        let mut grants = vec![false; shelf.map_or(0, |shelf| shelf.grants.len())];
        for (_, number) in shelf.iter().flat_map(|shelf| &shelf.grants).filter(|(grant, _)| on(grant)) {
            grants.get_mut(*number as usize).into_iter().for_each(|relied_on| *relied_on = true);
        }
        let relies = shelf.map(|shelf| shelf.relies.as_slice()).unwrap_or_default();
        relies.iter().map(move |number| grants.get(*number as usize).copied().unwrap_or_default())
    }

    pub(super) fn scopes(&self) -> impl Iterator<Item = (Scope, usize)> {
        let mesh = (Scope::mesh(), self.mesh.shelf.order.len());
        let others = self.scopes.iter().map(|(scope, shelf)| (scope.clone(), shelf.order.len()));
        std::iter::once(mesh).filter(|(_, count)| *count > 0).chain(others)
    }

    pub(super) fn heads(&self, author: &PublicKey, scope: &Scope) -> Option<&Heads> {
        self.of(scope)?.heads.get(author)
    }

    /// The heads to name in `prev`: the latest ones, if there are more than it may hold. The others stay heads.
    pub(super) fn prev(
        &self,
        author: &PublicKey,
        scope: &Scope,
        counts: impl Fn(&StatementId) -> bool,
    ) -> Vec<StatementId> {
        let heads = self.heads(author, scope).into_iter().flatten().rev().filter(|(_, id)| counts(id));
        let mut prev: Vec<StatementId> = heads.take(limits::PREV).map(|(_, id)| *id).collect();
        prev.sort_unstable();
        prev
    }
}
