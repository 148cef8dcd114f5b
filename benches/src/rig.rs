//! Processes to be measured: real nodes with stores that are filled beforehand, yardstick servers, and this program itself
//! in other roles, each pinned to a core where that matters. It knows how to start and end them, not what is measured.

use std::path::{Path as FilePath, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use driftless_client::founding::peer;
use driftless_client::{Client, Endpoint, bundle, keys};
use driftless_node::assemble;
use driftless_node::config::{Config, Environment};
use driftless_node::store::{Batch, Event, Pace, Store, Writer};
use driftless_statement::{Prefix, Verified};

use crate::forge::{Forge, key};

/// How long anything may take to start.
const PATIENCE: Duration = Duration::from_secs(120);

/// A process that ends with its owner.
pub struct Running(Child);

impl Running {
    /// Starts a program, on one core if one is named, silent.
    pub fn start(program: &FilePath, arguments: &[&str], core: Option<usize>) -> Self {
        let mut command = match core {
            Some(core) => {
                let mut command = Command::new("taskset");
                command.args(["-c", &core.to_string()]).arg(program);
                command
            }
            None => Command::new(program),
        };
        command.args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        Self(command.spawn().expect("the program starts"))
    }

    /// This program in another role.
    pub fn role(arguments: &[&str], core: Option<usize>) -> Self {
        let own = std::env::current_exe().unwrap();
        Self::start(&own, &[&["role"], arguments].concat(), core)
    }

    /// Bytes of memory that the process holds now.
    pub fn resident(&self) -> u64 {
        resident(self.0.id())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Resident bytes of a process.
pub fn resident(process: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib: u64 = line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or(0);
    kib * 1024
}

/// Where yardsticks that are no crates are put.
fn yardsticks() -> PathBuf {
    FilePath::new(env!("CARGO_MANIFEST_DIR")).join("../target/yardsticks")
}

/// Has them fetched, once. What cannot be had is said there.
pub fn fetch_yardsticks() {
    let _ = Command::new(FilePath::new(env!("CARGO_MANIFEST_DIR")).join("yardsticks")).status();
}

/// Redis on a Unix socket, nothing on disk, one core.
pub fn redis(socket: &FilePath, core: usize) -> Option<Running> {
    let home = yardsticks().join("redis");
    let program = home.join("usr/bin/redis-server");
    if !program.exists() {
        return None;
    }
    let libraries = format!("LD_LIBRARY_PATH={}", home.join("usr/lib/x86_64-linux-gnu").display());
    let socket = socket.display().to_string();
    let program = program.display().to_string();
    let arguments = [&libraries, &program, "--port", "0", "--unixsocket", &socket, "--save", "", "--appendonly", "no"];
    let running = Running::start(FilePath::new("env"), &arguments, Some(core));
    wait_for("redis", || FilePath::new(&socket).exists());
    Some(running)
}

/// One etcd on a loopback port, its data in a directory.
pub fn etcd(data: &FilePath, port: u16) -> Option<Running> {
    let program = yardsticks().join("etcd/etcd");
    if !program.exists() {
        return None;
    }
    let (data, client, peer) =
        (data.display().to_string(), format!("http://127.0.0.1:{port}"), format!("http://127.0.0.1:{}", port + 1));
    let cluster = format!("default={peer}");
    let arguments = [
        "--data-dir",
        &data,
        "--listen-client-urls",
        &client,
        "--advertise-client-urls",
        &client,
        "--listen-peer-urls",
        &peer,
        "--initial-advertise-peer-urls",
        &peer,
        "--initial-cluster",
        &cluster,
    ];
    let running = Running::start(&program, &arguments, None);
    wait_for("etcd", || std::net::TcpStream::connect(("127.0.0.1", port)).is_ok());
    Some(running)
}

/// Waits for a condition.
pub fn wait_for(what: &str, mut condition: impl FnMut() -> bool) {
    let begin = Instant::now();
    while !condition() {
        assert!(begin.elapsed() < PATIENCE, "waited in vain for {what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// A port that is free now, with the one after it.
pub fn free_port() -> u16 {
    let start = 23_000 + u16::try_from(std::process::id() % 1_000).unwrap() * 20;
    let free = |port: u16| std::net::TcpListener::bind(("127.0.0.1", port)).is_ok();
    (start..start + 2_000).step_by(2).find(|port| free(*port) && free(*port + 1)).expect("a free port")
}

/// Homes of the nodes of a forged mesh: keys, configuration, and stores that hold what they are given.
pub struct Homes {
    dir: tempfile::TempDir,
    count: u8,
}

impl Homes {
    /// Makes them. All nodes know all others.
    pub fn make(forge: &Forge, count: u8) -> Self {
        let dir = tempfile::Builder::new().prefix("dl").tempdir().unwrap();
        let homes = Self { dir, count };
        let wires = forge.bundle_wires();
        std::fs::write(homes.dir.path().join("mesh.bundle"), bundle::encode(wires.iter().map(Vec::as_slice))).unwrap();
        let port = free_port();
        let ports: Vec<u16> = (0..u16::from(count)).map(|at| port + at).collect();
        for number in 1..=count {
            let home = homes.home(number);
            std::fs::create_dir_all(&home).unwrap();
            keys::save(&home.join("node.key"), &key(number)).unwrap();
            let others = (1..=count).filter(|other| *other != number);
            let peers: Vec<String> = others
                .map(|other| {
                    let port = ports[usize::from(other) - 1];
                    format!("\"/ip4/127.0.0.1/tcp/{port}/p2p/{}\"", peer::id(&key(other).public()))
                })
                .collect();
            let text = format!(
                "[node]\nname = \"node-{number}\"\ndata_dir = \"data\"\nkey_file = \"node.key\"\nbundle = \"../mesh.bundle\"\n\
                 [mesh]\nid = \"{}\"\n[p2p]\nlisten = [\"/ip4/127.0.0.1/tcp/{}\"]\npeers = [{}]\n\
                 [http]\nsocket = \"s\"\nmax_connections = 4096\nmax_watchers = 4096\n[log]\nlevel = \"error\"\n",
                forge.mesh,
                ports[usize::from(number) - 1],
                peers.join(", "),
            );
            std::fs::write(home.join("driftlessd.toml"), text).unwrap();
        }
        homes
    }

    /// A node's home.
    pub fn home(&self, number: u8) -> PathBuf {
        self.dir.path().join(number.to_string())
    }

    /// Its configuration.
    pub fn config(&self, number: u8) -> PathBuf {
        self.home(number).join("driftlessd.toml")
    }

    /// Its socket.
    pub fn socket(&self, number: u8) -> PathBuf {
        self.home(number).join("s")
    }

    /// Bytes of its store on disk.
    pub fn disk(&self, number: u8) -> u64 {
        let files = std::fs::read_dir(self.home(number).join("data")).unwrap().flatten();
        let database = files.filter(|file| file.file_name().to_string_lossy().contains("redb"));
        database.filter_map(|file| file.metadata().ok()).map(|data| data.len()).sum()
    }

    /// Puts statements into a store, as if the node had taken them in.
    pub fn fill(&self, forge: &Forge, number: u8, statements: &[Arc<Verified>]) {
        let data = self.home(number).join("data");
        std::fs::create_dir_all(&data).unwrap();
        let (store, _) = Store::open(&data, forge.mesh, [number; 8]).unwrap();
        let (writer, mut events) = Writer::spawn(store, Pace::default()).unwrap();
        let all: Vec<Arc<Verified>> = forge.bundle.iter().chain(statements).cloned().collect();
        for (id, part) in all.chunks(8_192).enumerate() {
            let batch = Batch { id: id as u64, gone: vec![], statements: part.to_vec(), floor_ms: 0 };
            writer.submit(batch).unwrap();
            let event = events.blocking_recv().unwrap();
            assert!(matches!(event, Event::Stored { .. }), "{event:?}");
        }
        writer.close();
    }

    /// Starts a node as a process of its own and waits until it serves.
    pub fn start(&self, number: u8, core: Option<usize>) -> Running {
        let running = Running::role(&["node", &self.config(number).display().to_string()], core);
        wait_ready(&self.socket(number));
        running
    }

    /// How many nodes there are.
    pub fn count(&self) -> u8 {
        self.count
    }
}

/// Waits until a node answers reads.
pub fn wait_ready(socket: &FilePath) {
    let endpoint: Endpoint = format!("unix:{}", socket.display()).parse().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let prefix = Prefix::parse("shop").unwrap();
    wait_for("the node", || {
        socket.exists() && runtime.block_on(Client::new(endpoint.clone()).listing(&prefix, None, 1)).is_ok()
    });
}

/// The role of a node: runs until it is killed.
pub fn node(config: &FilePath) {
    let config = Config::check_file(config, &Environment::of_process()).unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let _node = assemble::start(&config).await.unwrap();
        std::future::pending::<()>().await;
    });
}
