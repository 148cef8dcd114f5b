//! What a store is made to do before the power goes, with the moment of every submission and acknowledgement, and what a
//! power cut at any moment may leave of it.

use std::collections::BTreeSet;
use std::sync::Arc;

use driftless_node::store::{Batch, Event, Options, Pace, Store, Writer, WriterHandle};
use driftless_statement::{MeshId, SecretKey, StatementId, Verified};
use tokio::sync::mpsc::UnboundedReceiver;

use super::image::Image;
use super::platter::{Platter, Step};
use super::{ids, statements, write};

pub const OPTIONS: Options = Options { cache_bytes: 1 << 20, reserve_bytes: 0, boot_from: 0 };
pub const NAME: [u8; 8] = [1; 8];

/// One operation of a store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Op {
    /// Appends one statement.
    One,
    /// Appends four in one commit, and raises the floor with them.
    Group,
    /// Appends four that do not fit into the file: it grows. Not among [`Op::ALL`], for its images cost far more.
    Large,
    /// Raises the floor, and nothing else.
    Floor,
    /// Takes the latest statement off, and appends one with the same commit. Not among [`Op::ALL`], whose sequences are
    /// many enough.
    Gone,
    /// Closes the store and opens it.
    Reopen,
    /// Is killed and opened: nothing was closed, and what was written is not lost, only not synced.
    Killed,
}

impl Op {
    pub const ALL: [Op; 5] = [Op::One, Op::Group, Op::Floor, Op::Reopen, Op::Killed];

    /// Every sequence of one to `longest` operations.
    pub fn sequences(longest: u32) -> Vec<Vec<Op>> {
        let mut all: Vec<Vec<Op>> = vec![vec![]];
        let mut begin = 0;
        for _ in 0..longest {
            let end = all.len();
            for at in begin..end {
                all.extend(Op::ALL.map(|op| [all[at].as_slice(), &[op]].concat()));
            }
            begin = end;
        }
        all.split_off(1)
    }
}

/// What a store tells its node when it is opened.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct State {
    pub ids: BTreeSet<StatementId>,
    pub floor_ms: u64,
}

/// A store's name, and how often it was opened.
pub type Told = ([u8; 8], u64);

/// An operation's place in the history: begun and acknowledged after so many steps.
#[derive(Debug, Clone)]
pub struct Done {
    pub begun: usize,
    pub acknowledged: usize,
    pub state: State,
    /// Name and boot that were told when the store was opened.
    pub told: Told,
}

/// What may be found after a power cut.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Allowed {
    /// The first one is what was acknowledged.
    pub states: Vec<State>,
    /// The store's name and boot that were told already: the name stays, the boot is not told again.
    pub told: Option<Told>,
}

/// A history, and what was said when.
#[derive(Debug, Clone)]
pub struct Run {
    pub mesh: MeshId,
    /// What was on the disk before, all of it durable.
    pub start: Option<Image>,
    /// What might be found in that.
    pub first: Allowed,
    pub history: Vec<Step>,
    pub done: Vec<Done>,
}

impl Run {
    /// What may be found after a power cut behind so many steps: what was acknowledged, and with it the operation under
    /// way, whole or not at all.
    pub fn allowed(&self, steps: usize) -> Allowed {
        let mut allowed = match self.done.iter().rfind(|done| done.acknowledged <= steps) {
            Some(done) => Allowed { states: vec![done.state.clone()], told: Some(done.told) },
            None => self.first.clone(),
        };
        let under_way = self.done.iter().filter(|done| done.begun < steps && steps < done.acknowledged);
        allowed.states.extend(under_way.map(|done| done.state.clone()));
        allowed.states.dedup();
        allowed
    }

    /// The same run by a store with a planted bug: one that leaves out the syncs `which` names by their place.
    pub fn without_syncs(&self, which: impl Fn(&[Step], usize) -> bool) -> Self {
        let mut run = Self { history: Vec::new(), ..self.clone() };
        let mut places = Vec::new();
        for (at, step) in self.history.iter().enumerate() {
            places.push(run.history.len());
            if !(matches!(step, Step::Sync) && which(&self.history, at)) {
                run.history.push(step.clone());
            }
        }
        places.push(run.history.len());
        for done in &mut run.done {
            (done.begun, done.acknowledged) = (places[done.begun], places[done.acknowledged]);
        }
        run
    }
}

/// Statements to append, made once.
pub struct Supply {
    pub mesh: MeshId,
    small: Vec<Arc<Verified>>,
    large: Vec<Arc<Verified>>,
}

impl Supply {
    pub fn new() -> Self {
        let (mesh, small) = statements(15);
        let key = SecretKey::from_bytes([7; 32]);
        let grant = small[0].id();
        let large = (0..12).map(|n| Arc::new(write(mesh, grant, &key, 100 + n, &"large ".repeat(16_000)))).collect();
        Self { mesh, small, large }
    }
}

/// The process that does it.
pub struct Player {
    platter: Platter,
    mesh: MeshId,
    fresh: std::vec::IntoIter<Arc<Verified>>,
    large: std::vec::IntoIter<Arc<Verified>>,
    open: Option<(WriterHandle, UnboundedReceiver<Event>)>,
    done: Vec<Done>,
    state: State,
    told: Told,
    latest: Option<StatementId>,
    /// A store with a planted bug: commits each statement of a group by itself.
    pub splits_groups: bool,
}

impl Player {
    pub fn new(supply: &Supply) -> Self {
        Self {
            platter: Platter::default(),
            mesh: supply.mesh,
            fresh: supply.small.clone().into_iter(),
            large: supply.large.clone().into_iter(),
            open: None,
            done: Vec::new(),
            state: State::default(),
            told: (NAME, 0),
            latest: None,
            splits_groups: false,
        }
    }

    /// Makes the store, does these operations, and closes it.
    pub fn play(mut self, ops: &[Op]) -> Run {
        self.doing(Self::open);
        for op in ops {
            self.doing(|player| player.step(*op));
        }
        self.close();
        let history = self.platter.record().history.clone();
        let first = Allowed { states: vec![State::default()], told: None };
        Run { mesh: self.mesh, start: None, first, history, done: self.done }
    }

    fn doing(&mut self, act: impl FnOnce(&mut Self)) {
        let begun = self.platter.record().history.len();
        act(self);
        let acknowledged = self.platter.record().history.len();
        self.done.push(Done { begun, acknowledged, state: self.state.clone(), told: self.told });
    }

    fn step(&mut self, op: Op) {
        match op {
            Op::One => {
                let statements = self.fresh.by_ref().take(1).collect();
                self.append(statements, 0);
            }
            Op::Group => {
                let statements = self.fresh.by_ref().take(4).collect();
                self.append(statements, 1);
            }
            Op::Large => {
                let statements = self.large.by_ref().take(4).collect();
                self.append(statements, 0);
            }
            Op::Gone => {
                let latest = self.latest.take();
                self.state.ids.retain(|id| Some(*id) != latest);
                let statements = self.fresh.by_ref().take(1).collect();
                self.change(latest.into_iter().collect(), statements, 0);
            }
            Op::Floor => self.append(vec![], 1000),
            Op::Reopen => {
                self.close();
                self.open();
            }
            Op::Killed => {
                self.platter = self.platter.kill();
                self.close();
                self.open();
            }
        }
    }

    fn open(&mut self) {
        let (store, loaded) = Store::open_on(self.platter.clone(), self.mesh, NAME, OPTIONS).unwrap();
        assert_eq!((ids(&loaded.statements), loaded.floor_ms), (self.state.ids.clone(), self.state.floor_ms));
        self.told = (loaded.store_id, loaded.boot);
        self.open = Some(Writer::spawn(store, Pace::default()).unwrap());
    }

    fn close(&mut self) {
        if let Some((writer, _)) = self.open.take() {
            writer.close();
        }
    }

    fn append(&mut self, statements: Vec<Arc<Verified>>, floor: u64) {
        self.change(Vec::new(), statements, floor);
    }

    fn change(&mut self, mut gone: Vec<StatementId>, statements: Vec<Arc<Verified>>, floor: u64) {
        self.latest = statements.last().map(|statement| statement.id()).or(self.latest);
        self.state.ids.extend(ids(&statements));
        self.state.floor_ms += floor;
        let floor_ms = self.state.floor_ms;
        let batches = if self.splits_groups {
            statements.into_iter().map(|statement| vec![statement]).collect()
        } else {
            vec![statements]
        };
        let Some((writer, events)) = &mut self.open else { panic!("the store is not open") };
        for statements in batches {
            writer.submit(Batch { id: 0, gone: std::mem::take(&mut gone), statements, floor_ms }).unwrap();
            let event = events.blocking_recv().unwrap();
            assert!(matches!(event, Event::Stored { .. }), "{event:?}");
        }
    }
}
