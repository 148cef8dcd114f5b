//! One node of the mesh, run as a process of its own or in this one, and a client of it. It must not know the history.

use std::fs::File;
use std::net::{TcpListener, UdpSocket};
use std::path::{Path as FilePath, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use driftless_client::api::Status;
use driftless_client::config::{Config as Snapshot, Options};
use driftless_client::founding::MadeNode;
use driftless_client::transport::Transport;
use driftless_client::{Client, Endpoint};
use driftless_node::assemble::{self, Node};
use driftless_node::config::{Config, Environment, Flags};
use driftless_node::door::Door;
use http_body_util::Full;
use hyper::Request;
use hyper::body::Bytes;

use super::{Failed, PATIENCE, SCOPE};

/// How a node runs.
enum Runs {
    Not,
    Process(Child),
    Here(Box<Node>),
}

/// One node and a client of it.
pub struct Seat {
    /// Its name.
    pub name: String,
    /// Calls it.
    pub client: Client,
    /// What it serves, kept fresh by a watch.
    pub snapshot: Snapshot,
    home: PathBuf,
    config: PathBuf,
    transport: Transport,
    runs: Mutex<Runs>,
}

/// What the network carried for one node, in bytes.
#[derive(Debug, Clone, Copy, Default)]
pub struct Wire {
    /// Sent.
    pub sent: u64,
    /// Received.
    pub received: u64,
}

impl Seat {
    /// Starts a node: with a program as a process, without one in this process.
    pub async fn start(made: &MadeNode, program: Option<&FilePath>) -> Result<Self, Failed> {
        let home = made.config.parent().ok_or("a configuration file has a directory")?.to_owned();
        let runs = match program {
            Some(program) => Runs::Process(spawn(program, &made.config, &home)?),
            None => Runs::Here(Box::new(host(&made.config).await?)),
        };
        let endpoint: Endpoint = made.endpoint.parse()?;
        let snapshot = Options::new(endpoint.clone()).prefix(SCOPE).deadline(PATIENCE).open().await;
        Ok(Self {
            name: made.name.clone(),
            client: Client::with_timeout(endpoint.clone(), PATIENCE),
            snapshot: snapshot.map_err(|error| format!("{}: {error}", made.name))?,
            home,
            config: made.config.clone(),
            transport: Transport::new(endpoint, PATIENCE),
            runs: Mutex::new(runs),
        })
    }

    /// SIGKILL: the process gets no chance to write or say anything.
    pub fn kill(&self) -> Result<(), Failed> {
        let Runs::Process(mut child) = self.swap(Runs::Not) else { return Err("only a process can be killed".into()) };
        child.kill()?;
        child.wait()?;
        Ok(())
    }

    /// Starts a killed node again, on what its disk holds.
    pub fn restart(&self, program: &FilePath) -> Result<(), Failed> {
        let child = spawn(program, &self.config, &self.home)?;
        self.swap(Runs::Process(child));
        Ok(())
    }

    /// The door of the node in this process.
    pub fn door(&self) -> Result<Door, Failed> {
        match &*self.runs.lock().unwrap_or_else(PoisonError::into_inner) {
            Runs::Here(node) => Ok(node.door.clone()),
            Runs::Not | Runs::Process(_) => Err(format!("{} does not run in this process", self.name).into()),
        }
    }

    fn swap(&self, runs: Runs) -> Runs {
        std::mem::replace(&mut *self.runs.lock().unwrap_or_else(PoisonError::into_inner), runs)
    }

    /// Ends the node.
    pub async fn stop(&self) {
        match self.swap(Runs::Not) {
            Runs::Here(node) => node.stop().await,
            Runs::Process(mut child) => drop(child.kill().and_then(|()| child.wait())),
            Runs::Not => {}
        }
    }

    /// Waits until the node's status fits.
    pub async fn wait_status(&self, what: &str, fits: impl Fn(&Status) -> bool) -> Result<(), Failed> {
        wait(&format!("{}: {what}", self.name), || async {
            Ok(self.client.status().await.is_ok_and(|status| fits(&status)).then_some(()))
        })
        .await
    }

    /// What the node's network carried since its start.
    pub async fn wire(&self) -> Result<Wire, Failed> {
        let text = self.metrics().await?;
        let read = |name: &str| sample(&text, name).ok_or_else(|| format!("{}: no {name} in /metrics", self.name));
        let sent = read("driftless_p2p_sent_bytes_total")?;
        Ok(Wire { sent, received: read("driftless_p2p_received_bytes_total")? })
    }

    async fn metrics(&self) -> Result<String, Failed> {
        let host = self.transport.endpoint().authority();
        let request = Request::get("/metrics").header("host", host).body(Full::new(Bytes::new()))?;
        let answer = self.transport.exchange(request).await?;
        Ok(String::from_utf8(answer.body.to_vec())?)
    }

    /// Bytes of the store's files that the disk has given them.
    pub fn store_bytes(&self) -> u64 {
        use std::os::unix::fs::MetadataExt;
        let files = std::fs::read_dir(self.home.join("data")).into_iter().flatten().flatten();
        let redb = files.filter(|file| file.path().extension().is_some_and(|extension| extension == "redb"));
        redb.filter_map(|file| file.metadata().ok()).map(|file| file.blocks() * 512).sum()
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        if let Runs::Process(mut child) = self.swap(Runs::Not) {
            let _ = child.kill().and_then(|()| child.wait());
        }
    }
}

fn spawn(program: &FilePath, config: &FilePath, home: &FilePath) -> Result<Child, Failed> {
    let said = File::options().create(true).append(true).open(home.join("driftlessd.log"))?;
    let child = Command::new(program)
        .arg("run")
        .arg("--config")
        .arg(config)
        .stdin(Stdio::null())
        .stdout(said.try_clone()?)
        .stderr(said)
        .spawn();
    child.map_err(|error| format!("{}: {error}", program.display()).into())
}

/// A node in this process, from its configuration file.
pub async fn host(config: &FilePath) -> Result<Node, Failed> {
    let flags = Flags { config: Some(config.to_owned()), ..Flags::default() };
    let config = Config::load(&flags, &Environment::default())?;
    Ok(assemble::start(&config).await?)
}

/// The value of a metric without labels.
fn sample(text: &str, name: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '))?;
    line.split_whitespace().next()?.parse().ok()
}

/// The first of some free ports in a row. Another program may take one in between; then the start says so.
pub fn free_ports(count: u16) -> Option<u16> {
    let tcp = |port: u16| TcpListener::bind(("127.0.0.1", port)).is_ok();
    let udp = |port: u16| UdpSocket::bind(("127.0.0.1", port)).is_ok();
    // Below those that the system gives to outgoing connections: one of these could take a port while its node is down.
    let start = 10_000 + u16::try_from(std::process::id() % 21_000).unwrap_or(0);
    let free =
        |base: &u16| (0..count).all(|offset| tcp(base.saturating_add(offset)) && udp(base.saturating_add(offset)));
    (start..32_000).chain(10_000..start).find(free)
}

/// Asks again and again until there is an answer, or says for what it waited in vain.
pub async fn wait<T, F: Future<Output = Result<Option<T>, Failed>>>(
    what: &str,
    mut condition: impl FnMut() -> F,
) -> Result<T, Failed> {
    let mut looks = tokio::time::interval(Duration::from_millis(5));
    looks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let found = tokio::time::timeout(PATIENCE, async {
        loop {
            looks.tick().await;
            if let Some(found) = condition().await? {
                return Ok(found);
            }
        }
    });
    found.await.unwrap_or_else(|_| Err(format!("waited {} s in vain: {what}", PATIENCE.as_secs()).into()))
}
