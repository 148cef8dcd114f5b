//! The summary of one scope's replicated set: ids with their times, set digest and sketch, kept up with every change.

use std::sync::Arc;

use driftless_statement::{Hlc, MeshId, Scope, StatementId};
use imbl::OrdMap;
use imbl::ordmap::Entry;

use super::short::Short;
use super::sketch::Sketch;
use crate::lthash::{Drawn, LtHash};
use crate::wire::Part;

/// What reconciliation knows about a set. Whoever owns the set reports every change. A clone shares everything until one
/// of the two changes.
#[derive(Clone)]
pub struct Summary {
    set: Set,
    sketch: Arc<Sketch>,
}

/// The set itself and its hash. A clone shares everything.
#[derive(Clone, Default)]
pub(crate) struct Set {
    ids: OrdMap<StatementId, Hlc>,
    hash: LtHash,
}

impl Summary {
    /// The summary of an empty set, under the key that all members derive from mesh and scope.
    pub fn new(mesh: &MeshId, scope: &Scope) -> Self {
        let mut hasher = blake3::Hasher::new_derive_key("driftless 2026 reconcile scope v1");
        hasher.update(mesh.as_bytes()).update(scope.as_str().as_bytes());
        let mut key = [0; 16];
        hasher.finalize_xof().fill(&mut key);
        Self { set: Set::default(), sketch: Arc::new(Sketch::new(key)) }
    }

    /// Adds an id; false when it was there already, and then nothing changes.
    pub fn insert(&mut self, id: StatementId, hlc: Hlc) -> bool {
        self.join(id, hlc, &Drawn::of(id.as_bytes()))
    }

    /// The same for an id whose lanes are drawn.
    pub fn join(&mut self, id: StatementId, hlc: Hlc, drawn: &Drawn) -> bool {
        let Entry::Vacant(slot) = self.set.ids.entry(id) else { return false };
        slot.insert(hlc);
        self.set.hash.join(drawn);
        Arc::make_mut(&mut self.sketch).insert(&id);
        true
    }

    /// The set and its hash, for another summary that comes to the same set.
    pub(crate) fn set(&self) -> &Set {
        &self.set
    }

    /// Adds an id that is not in the set, where the set with it is at hand.
    pub(crate) fn become_set(&mut self, id: &StatementId, set: Set) {
        self.set = set;
        Arc::make_mut(&mut self.sketch).insert(id);
    }

    /// Takes an id out; false when it was not there, and then nothing changes.
    pub fn remove(&mut self, id: &StatementId) -> bool {
        self.contains(id) && self.leave(id, &Drawn::of(id.as_bytes()))
    }

    /// The same for an id whose lanes are drawn.
    pub fn leave(&mut self, id: &StatementId, drawn: &Drawn) -> bool {
        if self.set.ids.remove(id).is_none() {
            return false;
        }
        self.set.hash.leave(drawn);
        Arc::make_mut(&mut self.sketch).remove(id);
        true
    }

    /// Takes everything out.
    pub fn clear(&mut self) {
        self.set = Set::default();
        Arc::make_mut(&mut self.sketch).clear();
    }

    /// Whether the id is in the set.
    pub fn contains(&self, id: &StatementId) -> bool {
        self.set.ids.contains_key(id)
    }

    /// The size of the set.
    pub fn count(&self) -> u64 {
        self.set.ids.len() as u64
    }

    /// The set digest.
    pub fn digest(&self) -> [u8; 32] {
        self.set.hash.digest()
    }

    /// A name for the present state of the set: the first eight bytes of its digest.
    pub fn tag(&self) -> u64 {
        self.digest().iter().take(8).fold(0, |tag, byte| tag << 8 | u64::from(*byte))
    }

    /// Makes the sketch at least `want` symbols long, or as long as a sketch may be.
    pub fn grow(&mut self, want: usize) {
        if self.sketch.symbols().len() < want {
            Arc::make_mut(&mut self.sketch).grow(want, self.set.ids.keys());
        }
    }

    /// The sketch.
    pub fn sketch(&self) -> &Sketch {
        &self.sketch
    }

    /// All ids and times, ascending by id.
    pub fn all(&self) -> impl Iterator<Item = (&StatementId, &Hlc)> {
        self.set.ids.iter()
    }

    /// Ids and times in a range of ids, ascending.
    pub fn range(&self, from: StatementId, to: Option<StatementId>) -> impl Iterator<Item = (&StatementId, &Hlc)> {
        let to = to.map_or(std::ops::Bound::Unbounded, |to| std::ops::Bound::Excluded(to.max(from)));
        self.set.ids.range((std::ops::Bound::Included(from), to))
    }

    /// Size and digest of what lies in a range of ids.
    pub fn part(&self, from: StatementId, to: Option<StatementId>) -> Part {
        part(self.range(from, to).map(|(id, _)| id))
    }

    /// The ids with a short name, almost always one or none.
    pub fn named(&self, short: &Short) -> impl Iterator<Item = (&StatementId, &Hlc)> {
        self.set.ids.range(short.first()..=short.last())
    }
}

/// Size and digest of a list of ids.
pub(super) fn part<'a>(ids: impl IntoIterator<Item = &'a StatementId>) -> Part {
    let mut hasher = blake3::Hasher::new_derive_key("driftless 2026 reconcile range v1");
    let mut count = 0;
    for id in ids {
        hasher.update(id.as_bytes());
        count += 1;
    }
    let mut digest = [0; 16];
    hasher.finalize_xof().fill(&mut digest);
    Part { count, digest }
}
