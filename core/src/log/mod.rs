//! The log: the set of statements held here, hash-closed, and the bounded room in which others wait. It must not know
//! the fold, the network or the disk; whether a statement is let in it asks [`Trust`].
//!
//! *Held* are the admissible statements, those that a counting revocation lists, and all these name in their scope, directly or
//! through others: the replicated set; and what is *aside* (`aside.rs`). A statement
//! that lacks something it names waits; so does one that is complete and not admissible, until trust changes or until an
//! admissible statement names it. The held set is a function of what arrived, in no order, as long as the room is
//! large enough; what it had to drop is brought back by reconciliation.

mod aside;
mod forget;
mod names;
mod room;
mod share;
mod shelf;
mod weight;

use std::sync::Arc;

use driftless_statement::{IdTable, Invalid, MeshId, PublicKey, Scope, StatementId, Verified};

pub use aside::Sifted;
pub use room::RoomStats;
use room::{Entering, Room};
pub use share::RoomBounds;
pub(crate) use shelf::MeshShelf;
use shelf::Shelf;

use crate::trust::{Accepted, Refusal, Trust};

/// What became of a statement that arrived.
#[derive(Debug, Clone)]
pub enum Arrival {
    /// Held or waiting already. Nothing changed.
    Known,
    /// Held now: it and every waiting one that it completed, each after what it names.
    Appended(Vec<Arc<Verified>>),
    /// It waits. `missing` is what it names that is neither held nor waiting; empty when it waits for a waiting one, or
    /// for trust to be evaluated.
    Waiting {
        /// Ids to fetch.
        missing: Vec<StatementId>,
    },
    /// All it names is at hand, and trust does not let it in. It waits: trust may change, or something name it.
    NotAdmissible(Refusal),
    /// It can never be held, nor can what names it; both are gone.
    Invalid(Invalid),
    /// The room was full and it was the one to give way. Reconciliation will bring it back.
    Dropped,
}

/// Why a statement waits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wait {
    /// Something it names, directly or through others, is neither held nor waiting.
    Names,
    /// Trust does not let it in.
    Refused(Refusal),
    /// Trust was not evaluated when it came.
    Trust,
}

/// The statements of one mesh that this node holds, and those that wait.
#[derive(Debug)]
pub struct Log {
    mesh: MeshId,
    shelf: Shelf,
    room: Room,
    /// What revocations accept outside of `@mesh`, of what is held.
    accepted: Accepted,
    aside: IdTable<StatementId>,
    returned: Vec<Arc<Verified>>,
}

impl Log {
    /// An empty log. The first statement it will hold is the genesis whose id is the mesh id.
    pub fn new(mesh: MeshId) -> Self {
        Self::with_bounds(mesh, RoomBounds::default())
    }

    /// An empty log with a room of other bounds.
    pub fn with_bounds(mesh: MeshId, bounds: RoomBounds) -> Self {
        Self::holding(mesh, Shelf::default(), bounds)
    }

    /// What is held of `@mesh`, shared.
    pub(crate) fn mesh_shelf(&self) -> &Arc<MeshShelf> {
        self.shelf.mesh()
    }

    /// An empty log but for what another one holds of `@mesh`.
    pub(crate) fn with_mesh_shelf(mesh: MeshId, shelf: Arc<MeshShelf>) -> Self {
        Self::holding(mesh, Shelf::with_mesh(shelf), RoomBounds::default())
    }

    fn holding(mesh: MeshId, shelf: Shelf, bounds: RoomBounds) -> Self {
        let (accepted, aside, returned) = (Accepted::default(), IdTable::new(), Vec::new());
        Self { mesh, shelf, room: Room::new(bounds), accepted, aside, returned }
    }

    /// Takes a statement from outside. `wanted` says that this node asked for it: such a statement gives way later when
    /// the room is full. `trust` is the latest evaluation; `None` before genesis is held, when only genesis is let in.
    /// When `@mesh` statements were appended, evaluate trust again and call [`Log::retry`].
    pub fn arrive(&mut self, statement: Arc<Verified>, wanted: bool, trust: Option<&Trust>) -> Arrival {
        let id = statement.id();
        if self.shelf.contains(&id) {
            return Arrival::Known;
        }
        if self.room.contains(&id) {
            if wanted {
                self.room.ask(&id);
            }
            return Arrival::Known;
        }
        let got = statement.statement().belongs_to(id);
        if got != self.mesh {
            self.room.drop_invalid(&id);
            return Arrival::Invalid(Invalid::Mesh { got, want: self.mesh });
        }
        let names = statement.statement().names();
        let lacking: Vec<StatementId> = names.iter().filter(|id| !self.shelf.contains(id)).copied().collect();
        if lacking.is_empty() {
            if let Err(invalid) = self.shelf.check_names(statement.statement(), &names, |_| None) {
                self.room.drop_invalid(&id);
                return Arrival::Invalid(invalid);
            }
            if !self.room.awaits(&id) && self.judge(&statement, trust) == Some(Ok(())) {
                self.shelf.append(statement.clone());
                self.follow(&statement, trust);
                return Arrival::Appended(vec![statement]);
            }
        }
        let known = trust.is_some_and(|trust| trust.is_author(&statement.statement().author));
        self.room.enter(Entering { statement, names: lacking, asked: wanted, known });
        self.settle(id, trust)
    }

    /// Takes back a statement that this node held before, when it starts and before anything arrives: the statement was
    /// judged then, so trust is not asked again. Statements must come in the order in which they were appended, or any
    /// other in which each comes after what it names. False, and nothing changed, when something it names is not held
    /// or forbids it, or the room has to do with it: then the statement should arrive like any other.
    pub fn restore(&mut self, statement: Arc<Verified>) -> bool {
        let (id, said) = (statement.id(), statement.statement());
        let names = said.names();
        if self.shelf.contains(&id) {
            return true;
        }
        let sound = said.belongs_to(id) == self.mesh
            && !(self.room.contains(&id) || self.room.awaits(&id))
            && names.iter().all(|id| self.shelf.contains(id))
            && self.shelf.check_names(said, &names, |_| None).is_ok();
        if sound {
            self.shelf.append(statement);
        }
        sound
    }

    /// Judges again what waits, after trust changed. Gives back what is held now, each after what it names. When
    /// `@mesh` statements are among them, evaluate trust again and retry, until none is.
    pub fn retry(&mut self, trust: &Trust) -> Vec<Arc<Verified>> {
        self.room.recount(|key| trust.is_author(key));
        let mut appended = Vec::new();
        for id in self.room.complete() {
            self.judge_member(&id, Some(trust), &mut appended);
        }
        self.room.make_room();
        appended
    }

    /// Follows what a new member of the room completes, then says what became of it.
    fn settle(&mut self, id: StatementId, trust: Option<&Trust>) -> Arrival {
        let mut appended = Vec::new();
        let mut invalid = None;
        let mut complete: Vec<StatementId> = self.room.is_complete(&id).then_some(id).into_iter().collect();
        while let Some(next) = complete.pop() {
            match self.check_member(&next) {
                Err(reason) => {
                    self.room.drop_invalid(&next);
                    invalid = invalid.or((next == id).then_some(reason));
                }
                Ok(()) => {
                    complete.extend(self.room.completed(&next));
                    self.judge_member(&next, trust, &mut appended);
                }
            }
        }
        self.room.make_room();
        if let Some(invalid) = invalid {
            return Arrival::Invalid(invalid);
        }
        if !appended.is_empty() {
            return Arrival::Appended(appended);
        }
        match self.waits(&id) {
            None => Arrival::Dropped,
            Some(Wait::Refused(refusal)) => Arrival::NotAdmissible(refusal),
            Some(Wait::Names | Wait::Trust) => Arrival::Waiting { missing: self.room.lacks(&id) },
        }
    }

    fn check_member(&self, id: &StatementId) -> Result<(), Invalid> {
        let Some(member) = self.room.get(id) else { return Ok(()) };
        let statement = member.statement.statement();
        let elsewhere = |id: &StatementId| self.room.get(id).map(|member| &member.statement);
        self.shelf.check_names(statement, &statement.names(), elsewhere)
    }

    fn judge(&self, statement: &Verified, trust: Option<&Trust>) -> Option<Result<(), Refusal>> {
        if MeshId::from(statement.id()) == self.mesh {
            return Some(Ok(()));
        }
        trust.map(|trust| match trust.keeps(statement) {
            true => Ok(()),
            false => trust.admissible(statement, &self.accepted),
        })
    }

    /// Judges a complete member; an admissible one is appended together with all it needs from the room.
    fn judge_member(&mut self, id: &StatementId, trust: Option<&Trust>, appended: &mut Vec<Arc<Verified>>) {
        let Some(member) = self.room.get(id) else { return };
        match self.judge(&member.statement, trust) {
            Some(Ok(())) => {
                let from = appended.len();
                self.append_closure(id, appended);
                self.sort_out(id, appended.get(from..).unwrap_or_default(), trust);
            }
            Some(Err(refusal)) => self.room.refuse(id, refusal),
            None => {}
        }
    }

    /// Moves a complete member and all it names from the room to the shelf, what is named first.
    fn append_closure(&mut self, id: &StatementId, appended: &mut Vec<Arc<Verified>>) {
        let mut stack = vec![(*id, false)];
        while let Some((id, names_done)) = stack.pop() {
            if names_done {
                if let Some(statement) = self.room.release(&id) {
                    self.shelf.append(statement.clone());
                    appended.push(statement);
                }
            } else if let Some(member) = self.room.get(&id) {
                stack.push((id, true));
                let names = member.statement.statement().names();
                stack.extend(names.into_iter().filter(|name| self.room.contains(name)).map(|name| (name, false)));
            }
        }
    }

    /// A held statement.
    pub fn get(&self, id: &StatementId) -> Option<&Arc<Verified>> {
        self.shelf.get(id)
    }

    /// Whether a statement is held.
    pub fn contains(&self, id: &StatementId) -> bool {
        self.shelf.contains(id)
    }

    /// Whether a statement waits in the room.
    pub fn waiting(&self, id: &StatementId) -> bool {
        self.room.contains(id)
    }

    /// Why a statement waits; `None` when it does not.
    pub fn waits(&self, id: &StatementId) -> Option<Wait> {
        let member = self.room.get(id)?;
        Some(match &member.refusal {
            _ if !self.room.is_complete(id) => Wait::Names,
            Some(refusal) => Wait::Refused(refusal.clone()),
            None => Wait::Trust,
        })
    }

    /// Everything held, each after what it names.
    pub fn iter_causal(&self) -> impl DoubleEndedIterator<Item = &Arc<Verified>> {
        self.shelf.iter()
    }

    /// What is held of a scope, each after what it names.
    pub fn scope<'a>(
        &'a self,
        scope: &Scope,
    ) -> impl DoubleEndedIterator<Item = &'a Arc<Verified>> + ExactSizeIterator + use<'a> {
        self.shelf.scope(scope)
    }

    /// What is held of `@mesh`, genesis first: what trust is evaluated from.
    pub fn mesh(&self) -> impl DoubleEndedIterator<Item = &Arc<Verified>> + ExactSizeIterator {
        self.shelf.scope(&Scope::mesh())
    }

    /// The genesis, once it is held.
    pub fn genesis(&self) -> Option<&Arc<Verified>> {
        self.shelf.get(&StatementId(self.mesh.0))
    }

    /// The mesh whose statements these are.
    pub fn mesh_id(&self) -> MeshId {
        self.mesh
    }

    /// The scopes of which something is held, with the number of statements.
    pub fn scopes(&self) -> impl Iterator<Item = (Scope, usize)> {
        self.shelf.scopes()
    }

    /// How many statements of a scope are held.
    pub fn count(&self, scope: &Scope) -> usize {
        self.shelf.scope(scope).len()
    }

    /// How many statements are held.
    pub fn len(&self) -> usize {
        self.shelf.len()
    }

    /// Whether nothing is held.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// What a key should name in `prev` when it says something in a scope: its own heads there, the latest 16 by time and
    /// id if there are more, ascending by id; none that is aside, which being named would bring back.
    pub fn prev(&self, author: &PublicKey, scope: &Scope) -> Vec<StatementId> {
        self.shelf.prev(author, scope, |id| !self.aside.contains(id))
    }

    /// All own heads of a key in a scope, ascending by time and id.
    pub fn heads_of<'a>(&'a self, author: &PublicKey, scope: &Scope) -> impl Iterator<Item = StatementId> + use<'a> {
        self.shelf.heads(author, scope).into_iter().flatten().map(|(_, id)| *id)
    }

    /// Number of own heads of a key in a scope. More than one: the key signed branches, as two machines with one key or
    /// a node restored from a backup do.
    pub fn forks(&self, author: &PublicKey, scope: &Scope) -> usize {
        self.shelf.heads(author, scope).map_or(0, std::collections::BTreeSet::len)
    }

    /// What waiting statements name and is neither held nor waiting, with the scope in which to look for it: a bounded
    /// number, fairly shared between the authors whose statements wait. Costs time linear in what is missing.
    pub fn missing(&self) -> Vec<(StatementId, Scope)> {
        self.room.missing(room::WANTED)
    }

    /// Numbers about the waiting room.
    pub fn room(&self) -> RoomStats {
        self.room.stats()
    }
}
