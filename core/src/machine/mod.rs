//! The dispatcher: events in, effects out, one deadline. It decides nothing itself; each room decides for its part.

mod agreement;
mod arrivals;
mod beat;
mod calls;
mod counts;
mod draft;
mod effect;
mod event;
mod forget;
mod intake;
mod outcome;
mod peers;
mod planted;
mod proofs;
mod quiet;
mod scope;
mod settle;
mod setup;
mod shown;
mod sift;
mod storing;
mod tell;
mod timers;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use driftless_statement::{Hlc, MeshId, Path, Points, PublicKey, Scope, SecretKey, StatementId, Verified};

use crate::fold::Spent;
pub use crate::now::Now;
pub use counts::Counts;
pub use effect::{Effect, Topic, Verdict};
pub use event::{CallId, Event};
pub use intake::attempts::{Attempt, Signature};
pub use intake::delays::{Cause, Flood};
pub use intake::rates::Rates;
pub use outcome::{
    AuthorTold, ChangeReach, Conflicted, EntryTurn, EpochTold, Explained, Fate, GrantTold, LocalChange, LocalEdit,
    MergedAnswer, PendingTold, Precondition, Preview, Receipt, RevocationTold, ScopeState, Standing, StatusTold,
    SubmitOutcome, Told, WriteOutcome, WriteRefused,
};
#[cfg(feature = "planted")]
pub use planted::Planted;
pub use proofs::Proofs;
pub use setup::{KEEP_STRUCK_BYTES, Pace, Setup};
pub use tell::audit::{Approval, Audited, Exported};
pub use tell::preview::PreviewRefused;
pub use tell::{Before, NotHeld};

use crate::beacon::{Divergence, Health};
use crate::log::Log;
use crate::rng::Rng;
use crate::trust::{Accepted, Trust};
use crate::view::View;
use storing::{OnItsWay, Origin, Storing};

/// One node, without its sockets, its disk and its clock.
pub struct Machine {
    key: Arc<SecretKey>,
    node: PublicKey,
    mesh: MeshId,
    name: String,
    wants: Option<BTreeSet<Scope>>,
    pace: Pace,
    boot: u64,
    now: Now,
    floor_ms: u64,
    /// The floor as it is on disk: what decides what is due, so that no crash makes due things early again.
    kept_floor_ms: u64,
    /// What folds let go of since the last tick, which has the time to drop it.
    spent: Vec<Spent>,
    last_hlc: Hlc,
    rng: Rng,
    proofs: proofs::Proofs,
    timers: timers::Timers,
    /// Whether the store was read.
    loaded: bool,
    log: Log,
    /// Asked for by id, so taken in whoever its author is.
    wanted: BTreeSet<StatementId>,
    /// Of keys whose signatures were checked.
    points: Points,
    /// Trust from all that is held: decides what is let in.
    trust: Option<Trust>,
    /// Whether `@mesh` grew since.
    trust_is_old: bool,
    /// Trust from what is on disk and due: decides what counts.
    settled: Option<Trust>,
    /// What the revocations in it accept outside of `@mesh`.
    accepted: Accepted,
    /// Whether revocations changed, and what is held was not looked at since.
    sift_wanted: bool,
    /// Whether more is aside on disk than when it was last looked at.
    forget_wanted: bool,
    keep_struck_bytes: usize,
    members: Arc<BTreeSet<PublicKey>>,
    expelled: Arc<BTreeSet<PublicKey>>,
    storing: Storing,
    scopes: BTreeMap<Scope, scope::ScopeRoom>,
    view: Arc<View>,
    lines: calls::Lines,
    submissions: BTreeMap<CallId, calls::Submission>,
    /// The entry and entity tag of a local edit that changes nothing, between drafting and answering it.
    unchanged: Option<(Path, String)>,
    peers: peers::Peers,
    /// What authors and peers spent of their intake rates.
    intake: intake::delays::Intake,
    /// Pushes that are acknowledged when the disk has them, by the token of their request.
    pushes: BTreeMap<u64, peers::serve::Pushed>,
    /// Who waits for a statement to be durable, besides the call that wrote it.
    waiters: BTreeMap<StatementId, Vec<calls::Waiter>>,
    /// Gossip whose verdict waits for a statement: by that statement.
    held_back: BTreeMap<StatementId, intake::gossip::HeldBack>,
    divergence: Divergence,
    agreement: agreement::Agreement,
    /// Rises with everything that changes what a beacon tells of scopes.
    changes: u64,
    /// What of it, and which marks, the tracker of divergence was told last.
    told_own: Option<(u64, u64, u64)>,
    arrivals: arrivals::Arrivals,
    /// When this node last had the same set as another one, Unix milliseconds.
    agreed_ms: Option<u64>,
    /// From the author's time to the effect here, of the last changes, about. What was caught up with is left out.
    lag_ms: u64,
    /// When the latest link came up, on the timer clock.
    linked_ms: u64,
    /// When something happened last that is not just time passing, on the timer clock.
    stirred_ms: u64,
    beacons_sent: u64,
    /// What the shell found wrong with this node.
    ails: Health,
    counts: Counts,
    attempts: intake::attempts::Attempts,
    mutes: intake::mute::Mutes,
    /// Own heads by scope, as far as there was more than one.
    own_heads: BTreeMap<Scope, usize>,
    #[cfg(feature = "planted")]
    planted: Option<planted::Planted>,
}

impl Machine {
    /// A node that has seen nothing; its first event is [`Event::Loaded`].
    pub fn new(setup: Setup, now: Now) -> Self {
        let mut rng = Rng::new(setup.seed);
        let node = setup.key.public();
        Self {
            timers: timers::Timers::new(now.mono_ms, &setup.pace, &mut rng),
            node,
            mesh: setup.mesh,
            name: beat::sayable(&setup.name),
            wants: setup.wants,
            pace: setup.pace,
            boot: setup.boot,
            now,
            floor_ms: setup.floor_ms.max(now.wall_ms),
            #[cfg(not(feature = "planted"))]
            kept_floor_ms: setup.floor_ms,
            #[cfg(feature = "planted")]
            kept_floor_ms: planted::remembered_floor_ms(setup.floor_ms, setup.planted),
            spent: Vec::new(),
            last_hlc: Hlc::default(),
            rng,
            proofs: setup.proofs,
            loaded: false,
            log: Log::new(setup.mesh),
            wanted: BTreeSet::new(),
            points: Points::default(),
            trust: None,
            trust_is_old: false,
            settled: None,
            accepted: Accepted::default(),
            sift_wanted: false,
            forget_wanted: false,
            keep_struck_bytes: setup.keep_struck_bytes,
            members: Arc::default(),
            expelled: Arc::default(),
            storing: Storing::default(),
            scopes: BTreeMap::new(),
            view: Arc::new(View::empty(setup.store, setup.boot)),
            lines: calls::Lines::default(),
            submissions: BTreeMap::new(),
            unchanged: None,
            peers: peers::Peers::default(),
            intake: intake::delays::Intake::new(&setup.rates),
            pushes: BTreeMap::new(),
            waiters: BTreeMap::new(),
            held_back: BTreeMap::new(),
            divergence: Divergence::new(node, setup.mesh, setup.pace.beacon_expiry_ms),
            agreement: agreement::Agreement::since(now.mono_ms),
            changes: 0,
            told_own: None,
            arrivals: arrivals::Arrivals::since(now.wall_ms),
            agreed_ms: None,
            lag_ms: 0,
            linked_ms: now.mono_ms,
            stirred_ms: now.mono_ms,
            beacons_sent: 0,
            ails: Health::default(),
            counts: Counts::default(),
            attempts: intake::attempts::Attempts::default(),
            mutes: intake::mute::Mutes::default(),
            own_heads: BTreeMap::new(),
            #[cfg(feature = "planted")]
            planted: setup.planted,
            key: Arc::new(setup.key),
        }
    }

    /// Follows one event. Cannot fail: what is bad in it is data.
    pub fn handle(&mut self, now: Now, event: Event, effects: &mut Vec<Effect>) {
        self.now = now;
        self.floor_ms = self.floor_ms.max(now.wall_ms);
        match event {
            Event::Loaded(statements) => self.load(statements, effects),
            Event::Write { call, edit } => self.edit(call, edit, effects),
            Event::Submit { call, statements } => self.submit(call, &statements, effects),
            Event::Connected { peer } => self.connected(peer, effects),
            Event::Group { peer, group } => self.agreement.stands_in(peer, group),
            Event::Disconnected { peer } => self.disconnected(peer),
            // Who was cut off is not heard while its link goes down, and is told nothing else.
            Event::Gossip { id, from, .. } if self.is_expelled(&from) => {
                effects.push(Effect::Verdict { id, from, verdict: Verdict::Ignore });
            }
            Event::Request { peer, token, .. } if self.is_expelled(&peer) => self.refuse(token, "expelled", effects),
            Event::Gossip { id, from, bytes } => self.gossip(id, from, &bytes, effects),
            Event::Request { peer, token, bytes } => self.serve(peer, token, &bytes, effects),
            Event::Response { peer, corr, bytes } => self.response(peer, corr, &bytes, effects),
            Event::RequestFailed { peer, corr } => self.request_failed(peer, corr, effects),
            Event::Stored { batch } => self.stored(batch, effects),
            Event::StoreFailed { batch, reason } => self.store_failed(batch, &reason, effects),
            Event::StoreRecovered => self.store_recovered(),
            Event::StoreLost { ids } => self.store_lost(&ids),
            Event::Ails(health) => self.ailing(health),
            Event::Tick => self.tick(effects),
        }
        self.refresh_trust(effects);
        self.hold_back_expelled(effects);
        self.store(effects);
    }

    /// When it wants the next [`Event::Tick`], on the timer clock.
    pub fn deadline(&self) -> u64 {
        let due = self.next_due_ms().map(|at| self.now.mono_ms + at.saturating_sub(self.now.wall_ms));
        due.map_or(self.timers.next(), |due| due.min(self.timers.next()))
    }

    /// What the store holds: into the log, then folded at once.
    fn load(&mut self, statements: Vec<Arc<Verified>>, effects: &mut Vec<Effect>) {
        self.loaded = true;
        self.open_scope(&Scope::mesh(), effects);
        effects.push(Effect::Subscribe(Topic::Beacons));
        let statements = self.load_image(statements, effects);
        let lost = self.read(statements, effects);
        effects.push(Effect::Show(self.view.clone()));
        // What names a record that was lost waits for it like anything that arrives.
        for statement in lost {
            self.arrive(statement, Origin::Loaded, true, effects);
        }
    }

    /// Takes in statements of the store. Gives back those that name what the store no longer has.
    fn read(&mut self, statements: Vec<Arc<Verified>>, effects: &mut Vec<Effect>) -> Vec<Arc<Verified>> {
        let (held, lost): (Vec<_>, Vec<_>) =
            statements.into_iter().partition(|statement| self.log.restore(statement.clone()));
        self.note_own(&held);
        self.note_own_forks(&held);
        let way = |statement| OnItsWay { statement, origin: Origin::Loaded, arrived_ms: self.now.mono_ms };
        let ways: Vec<OnItsWay> = held.into_iter().map(way).collect();
        self.trust_is_old |= ways.iter().any(|way| way.statement.statement().scope.is_mesh());
        self.refresh_trust(effects);
        self.note_had(&ways);
        let due = self.take_in(&ways, effects);
        self.settle(due, effects);
        lost
    }

    /// The time of the last own statement: the next one must be later.
    fn note_own(&mut self, held: &[Arc<Verified>]) {
        let own = held.iter().filter(|statement| statement.statement().author == self.node);
        self.last_hlc = own.map(|statement| statement.statement().hlc).max().unwrap_or_default().max(self.last_hlc);
    }

    /// The deadline passed: whatever is due by itself.
    fn tick(&mut self, effects: &mut Vec<Effect>) {
        self.look_who_agrees();
        if self.now.mono_ms >= self.timers.beacon {
            self.timers.beacon = self.now.mono_ms + self.rng.around(self.beat_ms());
            self.beat(effects);
        }
        if self.now.mono_ms >= self.timers.peers {
            self.timers.peers = self.now.mono_ms + self.rng.around(self.look_ms());
            self.look_at_peers(effects);
        }
        self.spent.clear();
        self.scopes.values_mut().for_each(|room| room.shown.rest());
        self.forget();
    }

    /// Whether a key was a member until a revocation took that from it.
    fn is_expelled(&self, peer: &PublicKey) -> bool {
        self.expelled.contains(peer)
    }

    /// Nothing that somebody brought whose revocation came in the meantime is handed on.
    fn hold_back_expelled(&self, effects: &mut [Effect]) {
        if self.expelled.is_empty() {
            return;
        }
        for effect in effects {
            if let Effect::Verdict { from, verdict: verdict @ Verdict::Accept, .. } = effect
                && self.expelled.contains(from)
            {
                *verdict = Verdict::Ignore;
            }
        }
    }

    /// The mesh.
    pub fn mesh(&self) -> MeshId {
        self.mesh
    }

    /// This node's key.
    pub fn node(&self) -> PublicKey {
        self.node
    }

    /// The newest view.
    pub fn view(&self) -> &Arc<View> {
        &self.view
    }

    /// What was counted since the start.
    pub fn counts(&self) -> &Counts {
        &self.counts
    }

    /// How much waits, by the name of the queue.
    pub fn queues(&self) -> [(&'static str, usize); 5] {
        [
            ("room", self.log.room().waiting),
            ("disk", self.storing.len()),
            ("line", self.lines.len()),
            ("submissions", self.submissions.len()),
            ("requests", self.peers.requests()),
        ]
    }
}
