//! Real `driftlessd` processes, founded and started as a user would, and ended however a test wants.

use std::path::{Path as FilePath, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::{Duration, Instant};

use driftless_client::client::Write;
use driftless_client::founding::{self, Made, MadeNode, Plan};
use driftless_client::{Client, Endpoint};
use driftless_statement::{Path, Prefix, json};

/// How long a condition may take on a busy machine. One sync of a shared disk was measured to take 59 seconds, and nothing
/// is acknowledged or shown before it is over.
pub const PATIENCE: Duration = Duration::from_secs(240);

/// The binary beside this test's own: `cargo test --workspace` builds both.
pub fn binary(name: &str) -> PathBuf {
    let own = std::env::current_exe().unwrap();
    let beside = own.parent().unwrap().parent().unwrap().join(name);
    assert!(
        beside.exists(),
        "{} is not built: run `cargo build -p driftless-node -p driftless-client` first",
        beside.display()
    );
    beside
}

/// Ports in a row for one mesh. Below those that the system gives to outgoing connections (from 32,768 on): the nodes of
/// other tests dial all the time, and could else take one between this look and the start of its node, or while that node
/// is down.
fn base_port(count: u16) -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let tcp = |port: u16| std::net::TcpListener::bind(("127.0.0.1", port)).is_ok();
    let udp = |port: u16| std::net::UdpSocket::bind(("127.0.0.1", port)).is_ok();
    let free = |port: u16| tcp(port) && udp(port);
    let start = 10_000 + u16::try_from(std::process::id() % 210).unwrap() * 100;
    (0..900)
        .map(|_| start + NEXT.fetch_add(count, Ordering::Relaxed))
        .find(|base| (0..count).all(|offset| free(base + offset)))
        .expect("free ports")
}

/// A founded mesh and the processes that run of it.
pub struct Mesh {
    pub made: Made,
    pub home: tempfile::TempDir,
    processes: Vec<Option<Child>>,
}

impl Mesh {
    pub fn found(nodes: u16) -> Self {
        Self::with_roots(nodes, 1)
    }

    pub fn with_roots(nodes: u16, roots: u16) -> Self {
        let home = tempfile::Builder::new().prefix("dl").tempdir().unwrap();
        let plan = Plan {
            name: "test".to_owned(),
            nodes,
            base_port: base_port(nodes),
            scopes: Vec::new(),
            node_write: vec![Prefix::parse("shop").unwrap()],
            roots,
        };
        let made = founding::found(&home.path().join("mesh"), &plan).unwrap();
        let processes = (0..nodes).map(|_| None).collect();
        Self { made, home, processes }
    }

    pub async fn running(nodes: u16) -> Self {
        let mut mesh = Self::found(nodes);
        for index in 0..usize::from(nodes) {
            mesh.start(index, &[]);
        }
        mesh.wait_serving().await;
        mesh
    }

    /// Waits until all nodes have met and let local services in.
    pub async fn wait_serving(&self) {
        let nodes = self.processes.len();
        for index in 0..nodes {
            let peers = nodes - 1;
            wait("the nodes to meet", || async {
                self.client(index)
                    .status()
                    .await
                    .is_ok_and(|status| status.peers.len() == peers && status.scopes.iter().any(|s| s.statements > 1))
            })
            .await;
            // Local services are let in a moment after the genesis is held.
            wait("the node to serve", || async { self.client(index).items(&Prefix::all()).await.is_ok() }).await;
        }
    }

    /// A node more, that was made while the others ran. Its process is not started; its index is returned.
    pub fn adopt(&mut self, node: MadeNode) -> usize {
        self.made.nodes.push(node);
        self.processes.push(None);
        self.processes.len() - 1
    }

    fn command(&self, index: usize, extra: &[&str]) -> Command {
        let mut command = Command::new(binary("driftlessd"));
        command.arg("run").arg("--config").arg(&self.made.nodes[index].config).args(extra);
        command.env_clear().env("HOME", self.home.path()).stdin(Stdio::null());
        command
    }

    pub fn start(&mut self, index: usize, extra: &[&str]) {
        let log = std::fs::OpenOptions::new().create(true).append(true).open(self.log_file(index)).unwrap();
        let child = self.command(index, extra).stdout(Stdio::null()).stderr(log).spawn().unwrap();
        self.processes[index] = Some(child);
    }

    /// Starts a process that is expected to end by itself.
    pub fn try_start(&self, index: usize, extra: &[&str]) -> Output {
        self.command(index, extra).output().unwrap()
    }

    pub fn log_file(&self, index: usize) -> PathBuf {
        self.home.path().join(format!("log-{index}"))
    }

    pub fn log(&self, index: usize) -> String {
        std::fs::read_to_string(self.log_file(index)).unwrap_or_default()
    }

    pub fn data(&self, index: usize) -> PathBuf {
        FilePath::new(&self.made.nodes[index].config).parent().unwrap().join("data")
    }

    pub fn client(&self, index: usize) -> Client {
        let endpoint: Endpoint = self.made.nodes[index].endpoint.parse().unwrap();
        Client::with_timeout(endpoint, PATIENCE)
    }

    /// The number of a process that runs.
    pub fn pid(&self, index: usize) -> u32 {
        self.processes[index].as_ref().unwrap().id()
    }

    pub fn signal(&self, index: usize, signal: &str) {
        let sent = Command::new("kill").arg(signal).arg(self.pid(index).to_string()).status().unwrap();
        assert!(sent.success());
    }

    /// Waits until a process has ended; its exit code.
    pub fn ended(&mut self, index: usize) -> Option<i32> {
        let begin = Instant::now();
        let child = self.processes[index].as_mut().unwrap();
        while begin.elapsed() < PATIENCE {
            if let Some(status) = child.try_wait().unwrap() {
                self.processes[index] = None;
                return status.code();
            }
            std::thread::yield_now();
        }
        panic!("the process did not end; its log:\n{}", self.log(index));
    }

    pub fn kill(&mut self, index: usize) {
        self.signal(index, "-KILL");
        self.ended(index);
    }

    pub async fn put(&self, index: usize, path: &str, value: &str) -> Result<(), String> {
        let value = json::parse(value.as_bytes()).unwrap();
        let written = self.client(index).put(&Path::parse(path).unwrap(), &value, &Write::default()).await;
        written.map(drop).map_err(|error| error.to_string())
    }

    pub async fn read(&self, index: usize, path: &str) -> Option<String> {
        let item = self.client(index).item(&Path::parse(path).unwrap()).await.ok()?;
        Some(json::to_string(&item.value))
    }

    pub async fn wait_read(&self, index: usize, path: &str, value: &str) {
        let begin = Instant::now();
        while self.read(index, path).await.as_deref() != Some(value) {
            let logs = || (0..self.processes.len()).map(|node| format!("node {node}:\n{}", self.log(node)));
            let late = begin.elapsed() >= PATIENCE;
            assert!(!late, "waited in vain for node {index} to serve {path}\n{}", logs().collect::<String>());
            tokio::task::yield_now().await;
        }
    }

    /// Set, merged and effective digests of every scope.
    pub async fn digests(&self, index: usize) -> Vec<(String, u64, String, String, String)> {
        let Ok(status) = self.client(index).status().await else { return Vec::new() };
        let row =
            |s: driftless_client::api::ScopeRow| (s.scope.to_string(), s.statements, s.set, s.merged, s.effective);
        status.scopes.into_iter().map(row).collect()
    }

    pub async fn wait_equal(&self) {
        wait("all digests to be equal", || async {
            let first = self.digests(0).await;
            for index in 1..self.processes.len() {
                if self.digests(index).await != first {
                    return false;
                }
            }
            !first.is_empty()
        })
        .await;
    }
}

impl Drop for Mesh {
    fn drop(&mut self) {
        for child in self.processes.iter_mut().flatten() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// Waits for a condition, with a deadline.
pub async fn wait<F: Future<Output = bool>>(what: &str, mut condition: impl FnMut() -> F) {
    let begin = Instant::now();
    while !condition().await {
        assert!(begin.elapsed() < PATIENCE, "waited in vain for {what}");
        tokio::task::yield_now().await;
    }
}
