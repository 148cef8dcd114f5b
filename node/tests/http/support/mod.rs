//! A real core behind a real door and real sockets, without network and disk: what is to be stored is stored at once,
//! or fails when a test says so.

pub mod raw;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use arc_swap::ArcSwap;
use driftless_client::sealed::{self, Identity, Recipients};
use driftless_client::tokens::Rights;
use driftless_core::machine::{
    CallId, Effect, Event, KEEP_STRUCK_BYTES, Machine, Now, Pace, Proofs, Rates, Setup, Standing,
};
use driftless_core::view::View;
use driftless_node::config::{Access, Role};
use driftless_node::door::{Call, Door};
use driftless_node::http::{self, HttpSettings, UnixSocket};
use driftless_node::metrics::Metrics;
use driftless_node::secrets::{Follower, Keeper};
use driftless_statement::{
    Body, Genesis, Grant, Hlc, MeshId, Note, Prefix, PublicKey, Scope, SecretKey, Statement, StatementId, Terms, Verb,
    Verified,
};
use tokio::sync::{mpsc, watch};

/// The node's key.
pub fn node_key() -> SecretKey {
    SecretKey::from_bytes([1; 32])
}

/// The root key, which also writes as an operator.
pub fn root_key() -> SecretKey {
    SecretKey::from_bytes([9; 32])
}

const IDENTITY: &str = "AGE-SECRET-KEY-1QURSWPC8QURSWPC8QURSWPC8QURSWPC8QURSWPC8QURSWPC8QURSKMP32K";

/// A secret sealed to the node, as the value of an entry.
pub fn sealed(secret: &[u8]) -> String {
    let recipients = Recipients::from([("alpha".to_owned(), identity().recipient())]);
    driftless_statement::json::to_string(
        &sealed::seal(secret, "web", recipients, Recipients::new()).unwrap().to_value(),
    )
}

/// The identity that opens what is sealed to the node. Fixed: the captures of a page show its recipient.
pub fn identity() -> Identity {
    Identity::parse_all(IDENTITY).unwrap().remove(0)
}

fn wall_ms() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis() as u64
}

/// The mesh: one root; this node may hold `shop` and `platform` and write in `shop`; another node holds `elsewhere`.
pub struct Mesh {
    pub genesis: Arc<Verified>,
    pub grants: Vec<Arc<Verified>>,
    /// How fast the node takes things in.
    pub rates: Rates,
    next: u64,
}

impl Mesh {
    pub fn found() -> Self {
        let root = root_key();
        let start = Hlc::from_millis(wall_ms() - 30_000);
        let body =
            Body::from(Genesis { keys: vec![root.public()], threshold: 1, fold_version: 1, name: "lab".to_owned() });
        let statement = Statement {
            mesh: MeshId::UNFOUNDED,
            scope: Scope::mesh(),
            author: root.public(),
            grant: StatementId::NONE,
            prev: vec![],
            touches: vec![],
            hlc: start,
            body,
            note: Note::default(),
            unknown: vec![],
        };
        let genesis = Arc::new(Verified::sign(statement, &root).unwrap());
        let mut mesh = Self { genesis, grants: vec![], rates: Rates::default(), next: start.0 + 1 };
        mesh.grant(node_key().public(), &[Verb::Member], "", &["platform", "shop"]);
        mesh.grant(node_key().public(), &[Verb::Write], "shop", &[]);
        mesh.grant(SecretKey::from_bytes([2; 32]).public(), &[Verb::Member], "", &["elsewhere"]);
        mesh.grant(root.public(), &[Verb::Write], "", &[]);
        mesh
    }

    pub fn id(&self) -> MeshId {
        MeshId::from(self.genesis.id())
    }

    fn grant(&mut self, key: PublicKey, verbs: &[Verb], prefix: &str, scopes: &[&str]) {
        self.grant_on(key, verbs, prefix, scopes, Terms::default());
    }

    /// A grant on these terms.
    pub fn grant_on(&mut self, key: PublicKey, verbs: &[Verb], prefix: &str, scopes: &[&str], terms: Terms) {
        let body = Body::from(Grant {
            key,
            verbs: verbs.iter().copied().collect(),
            prefix: Prefix::parse(prefix).unwrap(),
            scopes: scopes.iter().map(|scope| Scope::parse(scope).unwrap()).collect(),
            terms,
        });
        let grant = self.sign(&root_key(), Scope::mesh(), self.genesis.id(), vec![], body);
        self.grants.push(grant);
    }

    /// Signs a statement later than all before it.
    pub fn sign(
        &mut self,
        key: &SecretKey,
        scope: Scope,
        grant: StatementId,
        touches: Vec<driftless_statement::Touch>,
        body: Body,
    ) -> Arc<Verified> {
        self.next += 1;
        let statement = Statement {
            mesh: self.id(),
            scope,
            author: key.public(),
            grant,
            prev: vec![],
            touches,
            hlc: Hlc(self.next),
            body,
            note: Note::default(),
            unknown: vec![],
        };
        Arc::new(Verified::sign(statement, key).unwrap())
    }

    /// A root-granted write of the whole value of one entry that has no bases.
    pub fn put(&mut self, path: &str, value: &str) -> Arc<Verified> {
        use driftless_statement::{Edit, Op, Path, Touch, Write};
        let path = Path::parse(path).unwrap();
        let value = driftless_statement::json::parse(value.as_bytes()).unwrap();
        let body = Body::Write(Write { edits: vec![vec![Edit { at: vec![], op: Op::Put(value) }]] });
        let grant = self.grants[3].id();
        let scope = path.scope();
        self.sign(&root_key(), scope, grant, vec![Touch { path, bases: vec![] }], body)
    }
}

/// What a test can make go wrong.
#[derive(Default)]
pub struct Faults {
    /// Batches fail.
    pub disk: AtomicBool,
    /// Batches are neither stored nor failed.
    pub hang: AtomicBool,
}

/// Whoever comes over TCP may do everything, as on the Unix socket: most tests are about something else.
fn open_to_tcp() -> Access {
    let role = Role { name: "tcp".to_owned(), rights: Rights::all(), ..Role::default() };
    Access { role: vec![role], tcp_role: Some("tcp".to_owned()), ..Access::default() }
}

/// A node without network and disk, its sockets, and what tests need to reach it.
pub struct World {
    pub socket: PathBuf,
    pub tcp: std::net::SocketAddr,
    pub metrics: Arc<Metrics>,
    pub mesh: Mesh,
    pub faults: Arc<Faults>,
    shutdown: watch::Sender<bool>,
    served: Option<tokio::task::JoinHandle<()>>,
    /// The core lives as long as somebody holds its door.
    _door: Door,
    _dir: tempfile::TempDir,
}

impl World {
    /// A world with short limits, so that slow clients are cut within a test.
    pub async fn start() -> Self {
        Self::with(|_| {}).await
    }

    pub async fn with(change: impl FnOnce(&mut HttpSettings)) -> Self {
        let mesh = Mesh::found();
        let loaded = std::iter::once(mesh.genesis.clone()).chain(mesh.grants.clone()).collect();
        Self::loaded(mesh, Some(loaded), change).await
    }

    /// A world whose store was not read yet (`None`), or holds these statements.
    pub async fn loaded(
        mesh: Mesh,
        statements: Option<Vec<Arc<Verified>>>,
        change: impl FnOnce(&mut HttpSettings),
    ) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let socket = dir.path().join("door.sock");
        let mut settings = HttpSettings {
            unix: Some(UnixSocket { path: socket.clone(), mode: 0o600 }),
            tcp: Some("127.0.0.1:0".parse().unwrap()),
            access: open_to_tcp(),
            name: "alpha".to_owned(),
            heartbeat: Duration::from_millis(300),
            ..HttpSettings::default()
        };
        change(&mut settings);
        let keeper = Arc::new(Keeper::new(vec![identity()]));
        let faults = Arc::new(Faults::default());
        let (shutdown, stop) = watch::channel(false);
        let metrics = Arc::new(Metrics::default());
        let door = drive(&mesh, statements, faults.clone(), metrics.clone());
        let served = http::serve(door.clone(), settings, keeper.clone(), metrics.clone(), stop.clone()).await.unwrap();
        tokio::spawn(Follower::new(keeper, node_key().public(), door.clone(), metrics.clone()).run(stop));
        let tcp = served.tcp.unwrap();
        let served = Some(tokio::spawn(served.run()));
        Self { socket, tcp, metrics, mesh, faults, shutdown, served, _door: door, _dir: dir }
    }

    /// Asks for shutdown and waits until the server is done.
    pub async fn stop(&mut self) {
        self.shutdown.send_replace(true);
        let served = self.served.take().unwrap();
        tokio::time::timeout(Duration::from_secs(60), served).await.unwrap().unwrap();
    }

    /// Puts a value through the door, as if a local service had.
    pub async fn put(&self, path: &str, value: &str) {
        let reply =
            self.ask("PUT", &format!("/v1/config/{path}"), &[("content-type", "application/json")], value).await;
        assert_eq!(reply.status, 200, "{}", reply.text());
    }
}

/// Runs the core on its own task, the way the driver does.
fn drive(mesh: &Mesh, loaded: Option<Vec<Arc<Verified>>>, faults: Arc<Faults>, metrics: Arc<Metrics>) -> Door {
    let begin = Instant::now();
    let now = move || Now { mono_ms: begin.elapsed().as_millis() as u64, wall_ms: wall_ms() };
    let setup = Setup {
        key: node_key(),
        mesh: mesh.id(),
        name: "alpha".to_owned(),
        wants: None,
        store: 0x5f3a_09c2_b1d4_e6f8,
        boot: 1,
        floor_ms: 0,
        keep_struck_bytes: KEEP_STRUCK_BYTES,
        seed: 7,
        pace: Pace::default(),
        rates: mesh.rates,
        proofs: Proofs::default(),
    };
    let machine = Machine::new(setup, now());
    let (calls, mut waiting) = mpsc::channel(64);
    let (changed, watching) = watch::channel(0);
    let view = Arc::new(ArcSwap::new(machine.view().clone()));
    let standing = Arc::new(ArcSwap::from_pointee(machine.standing()));
    let door = Door { calls, view: view.clone(), changed: watching, standing: standing.clone(), bans: Arc::default() };
    let mut driver = Driver { machine, faults, metrics, view, standing, changed, replies: Replies::default(), next: 0 };
    // Before the first request can come: a world that holds statements is ready from its first answer on.
    if let Some(loaded) = loaded {
        driver.step(now(), Event::Loaded(loaded));
    }
    tokio::spawn(async move {
        loop {
            let wait = driver.machine.deadline().saturating_sub(now().mono_ms).max(1);
            match tokio::time::timeout(Duration::from_millis(wait), waiting.recv()).await {
                Ok(Some(call)) => driver.call(now(), call),
                Ok(None) => return,
                Err(_) => driver.step(now(), Event::Tick),
            }
        }
    });
    door
}

#[derive(Default)]
struct Replies {
    writes: BTreeMap<CallId, tokio::sync::oneshot::Sender<driftless_core::machine::WriteOutcome>>,
    submits: BTreeMap<CallId, tokio::sync::oneshot::Sender<Vec<driftless_core::machine::SubmitOutcome>>>,
}

struct Driver {
    machine: Machine,
    faults: Arc<Faults>,
    metrics: Arc<Metrics>,
    view: Arc<ArcSwap<View>>,
    standing: Arc<ArcSwap<Standing>>,
    changed: watch::Sender<u64>,
    replies: Replies,
    next: u64,
}

impl Driver {
    fn call(&mut self, now: Now, call: Call) {
        self.next += 1;
        let id = CallId(self.next);
        match call {
            Call::Write { edit, reply } => {
                self.replies.writes.insert(id, reply);
                self.step(now, Event::Write { call: id, edit });
            }
            Call::Submit { statements, reply } => {
                self.replies.submits.insert(id, reply);
                self.step(now, Event::Submit { call: id, statements });
            }
            Call::Read(question) => question(&self.machine),
            Call::Ails(health) => self.step(now, Event::Ails(health)),
            Call::Isolate(_) => {}
        }
    }

    fn step(&mut self, now: Now, event: Event) {
        let mut events = vec![event];
        while let Some(event) = events.pop() {
            let mut effects = Vec::new();
            self.machine.handle(now, event, &mut effects);
            for effect in effects {
                self.carry_out(effect, &mut events);
            }
        }
        self.metrics.observe(&self.machine);
        self.standing.store(self.machine.standing().into());
    }

    fn carry_out(&mut self, effect: Effect, events: &mut Vec<Event>) {
        match effect {
            Effect::Store { batch, .. } if self.faults.disk.load(Ordering::Relaxed) => {
                events.push(Event::StoreFailed { batch, reason: "no space left on device".to_owned() });
            }
            Effect::Store { .. } if self.faults.hang.load(Ordering::Relaxed) => {}
            Effect::Store { batch, .. } => events.push(Event::Stored { batch }),
            Effect::Wrote { call, outcome } => {
                self.metrics.wrote(&outcome);
                if let Some(reply) = self.replies.writes.remove(&call) {
                    let _ = reply.send(outcome);
                }
            }
            Effect::Submitted { call, outcome } => {
                if let Some(reply) = self.replies.submits.remove(&call) {
                    let _ = reply.send(outcome);
                }
            }
            Effect::Show(view) => {
                self.view.store(view);
                self.standing.store(self.machine.standing().into());
                self.changed.send_modify(|count| *count += 1);
            }
            Effect::Effective { delay_ms, apply_ms, .. } => self.metrics.effective(Some(delay_ms), apply_ms),
            Effect::Publish { .. }
            | Effect::Verdict { .. }
            | Effect::Mute { .. }
            | Effect::Request { .. }
            | Effect::Respond { .. }
            | Effect::Members(_)
            | Effect::Expelled(_)
            | Effect::Subscribe(_) => {}
        }
    }
}
