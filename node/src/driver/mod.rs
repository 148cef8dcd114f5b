//! The driver: where network, store, local services and core meet. `select` waits, `step` works. It moves data and
//! decides nothing.

mod carry;
mod clock;
mod replies;
mod translate;

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use driftless_core::machine::{CallId, Effect, Event, Machine, Standing};
use driftless_core::view::View;
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, Sleep};

use crate::door::{Ban, Call, Door};
use crate::metrics::Metrics;
use crate::p2p::{self, P2pHandle};
use crate::store::{self, WriterHandle};

pub use clock::Clock;
use replies::Replies;

/// Calls that may wait for the driver. Above it local services are told to try again.
const CALLS: usize = 1024;
/// How often figures that nobody pushes are read, and the standing is refreshed.
const LOOK: Duration = Duration::from_millis(500);

/// Everything that the driver drives, made by [`crate::assemble`].
pub struct Driver {
    machine: Machine,
    clock: Clock,
    network: P2pHandle,
    network_events: p2p::Events,
    writer: WriterHandle,
    store_events: mpsc::UnboundedReceiver<store::Event>,
    calls: mpsc::Receiver<Call>,
    shutdown: watch::Receiver<bool>,
    replies: Replies,
    shown: Shown,
    metrics: Arc<Metrics>,
    effects: Vec<Effect>,
    /// Events that carrying out an effect gave rise to.
    pending: Vec<Event>,
    look: Instant,
    /// Rings at the next look or deadline, or before. To set it anew with every event would wake the runtime's timer each time.
    alarm: Pin<Box<Sleep>>,
    /// Forks of the own branch that were warned of.
    forks_told: u64,
    /// Authors over their intake rate that were warned of.
    floods_told: std::collections::BTreeSet<driftless_statement::PublicKey>,
    heartbeat: Arc<std::sync::atomic::AtomicU64>,
}

/// What local services read without asking.
struct Shown {
    view: Arc<ArcSwap<View>>,
    standing: Arc<ArcSwap<Standing>>,
    bans: Arc<ArcSwap<Vec<Ban>>>,
    changed: watch::Sender<u64>,
}

/// The parts that [`Driver::new`] puts together.
pub struct Parts {
    /// The node.
    pub machine: Machine,
    /// Its clock.
    pub clock: Clock,
    /// The network's commands and events.
    pub network: (P2pHandle, p2p::Events),
    /// The store's writer and its events.
    pub store: (WriterHandle, mpsc::UnboundedReceiver<store::Event>),
    /// Figures.
    pub metrics: Arc<Metrics>,
    /// Becomes `true` when the node shall end.
    pub shutdown: watch::Receiver<bool>,
}

/// What there is to do.
enum Action {
    Network(p2p::Event),
    Store(store::Event),
    Call(Call),
    Alarm,
    End,
}

impl Driver {
    /// A driver and the door to it.
    pub fn new(parts: Parts) -> (Self, Door) {
        let (calls, waiting) = mpsc::channel(CALLS);
        let (changed, watching) = watch::channel(0);
        let view = Arc::new(ArcSwap::new(parts.machine.view().clone()));
        let standing = Arc::new(ArcSwap::from_pointee(parts.machine.standing()));
        let bans = Arc::<ArcSwap<Vec<Ban>>>::default();
        let door =
            Door { calls, view: view.clone(), changed: watching, standing: standing.clone(), bans: bans.clone() };
        let driver = Self {
            machine: parts.machine,
            clock: parts.clock,
            network: parts.network.0,
            network_events: parts.network.1,
            writer: parts.store.0,
            store_events: parts.store.1,
            calls: waiting,
            shutdown: parts.shutdown,
            replies: Replies::default(),
            shown: Shown { view, standing, bans, changed },
            metrics: parts.metrics,
            effects: Vec::new(),
            pending: Vec::new(),
            look: Instant::now(),
            alarm: Box::pin(tokio::time::sleep(Duration::ZERO)),
            forks_told: 0,
            floods_told: Default::default(),
            heartbeat: Arc::default(),
        };
        (driver, door)
    }

    /// Rises while the driver works: a watchdog that sees it stand still knows that something hangs.
    pub fn heartbeat(&self) -> Arc<std::sync::atomic::AtomicU64> {
        self.heartbeat.clone()
    }

    /// Works until shutdown; then closes the network and the store, in that order.
    pub async fn run(mut self, loaded: Vec<Arc<driftless_statement::Verified>>, bundle: Vec<Vec<u8>>) {
        self.step_event(Event::Loaded(loaded));
        if !bundle.is_empty() {
            self.step_event(Event::Submit { call: CallId(u64::MAX), statements: bundle });
        }
        loop {
            match self.select().await {
                Action::End => break,
                action => self.step(action),
            }
        }
        self.close().await;
    }

    async fn select(&mut self) -> Action {
        let due = self.deadline().min(self.look);
        if self.alarm.is_elapsed() || self.alarm.deadline() > due {
            self.alarm.as_mut().reset(due);
        }
        tokio::select! {
            _ = self.shutdown.wait_for(|end| *end) => Action::End,
            Some(event) = self.store_events.recv() => Action::Store(event),
            Some(call) = self.calls.recv() => Action::Call(call),
            Some(event) = self.network_events.recv() => Action::Network(event),
            () = &mut self.alarm => Action::Alarm,
        }
    }

    fn deadline(&self) -> Instant {
        self.clock.instant(self.machine.deadline())
    }

    /// Does what has come due. Often nothing: what the alarm was set for may have been put off since.
    fn alarm(&mut self) {
        let now = Instant::now();
        if now >= self.look {
            self.refresh();
        }
        if now >= self.deadline() {
            self.step_event(Event::Tick);
        }
    }

    fn step(&mut self, action: Action) {
        self.heartbeat.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        match action {
            Action::Network(event) => self.network_event(event),
            Action::Store(event) => self.store_event(event),
            Action::Call(call) => self.call(call),
            Action::Alarm => self.alarm(),
            Action::End => {}
        }
    }

    /// One event through core, and all that follows from it.
    fn step_event(&mut self, event: Event) {
        self.pending.push(event);
        while !self.pending.is_empty() {
            for event in std::mem::take(&mut self.pending) {
                let mut effects = std::mem::take(&mut self.effects);
                self.machine.handle(self.clock.now(), event, &mut effects);
                effects.drain(..).for_each(|effect| self.carry_out(effect));
                self.effects = effects;
            }
        }
        // Otherwise services would be refused until the next look, although the genesis is held.
        if !self.shown.standing.load().ready {
            self.shown.standing.store(self.machine.standing().into());
        }
    }

    async fn close(self) {
        let _ = self.network.send(p2p::Command::Shutdown).await;
        let writer = self.writer;
        // Closing waits for the last commit: not on a thread that others need.
        let _ = tokio::task::spawn_blocking(move || writer.close()).await;
    }
}
