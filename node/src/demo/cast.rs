//! The three nodes of the demonstration, founded and started as a user would, in one process.

use std::net::TcpListener;
use std::path::{Path as FilePath, PathBuf};
use std::time::{Duration, Instant};

use driftless_client::api::Divergence;
use driftless_client::founding::{self, Plan};
use driftless_client::{Client, Endpoint};
use driftless_statement::{Path, Prefix};

use super::stage::Stage;
use super::{Options, PATIENCE};
use crate::assemble::{self, Node};
use crate::config::{Config, Environment, Flags};
use crate::door::Call;

/// Between two looks at a condition that is waited for.
const LOOK: Duration = Duration::from_millis(2);

/// One node and a client of it.
pub struct Actor {
    pub name: String,
    pub home: PathBuf,
    pub client: Client,
    node: Node,
}

/// All of them.
pub struct Cast {
    pub actors: [Actor; 3],
    pub home: PathBuf,
    /// Removed at the end unless the user named it.
    temporary: bool,
}

impl Cast {
    /// Founds the mesh and starts its nodes.
    pub async fn assemble(options: &Options, stage: &Stage) -> Result<Self, String> {
        let temporary = options.dir.is_none();
        let home = match &options.dir {
            Some(dir) => dir.clone(),
            None => std::env::temp_dir().join(format!("driftless-demo-{}", std::process::id())),
        };
        let base_port = match options.base_port {
            Some(port) => port,
            None => free_ports(3).ok_or("no three free ports in a row on 127.0.0.1; choose with --base-port")?,
        };
        let prefix = |text| Prefix::parse(text).map_err(|error| error.to_string());
        let plan = Plan {
            name: "demo".to_owned(),
            nodes: 3,
            base_port,
            scopes: Vec::new(),
            node_write: vec![prefix("shop")?, prefix("platform")?],
            roots: 1,
        };
        let begin = Instant::now();
        let made = founding::found(&home, &plan).map_err(|error| error.to_string())?;
        stage.say(&format!("mesh {} founded: a root key, an operator key, three node keys", made.mesh.short()));
        let mut actors = Vec::new();
        for (made, name) in made.nodes.iter().zip(["eu", "us", "ap"]) {
            actors.push(start(&made.config, name).await?);
        }
        let actors = <[Actor; 3]>::try_from(actors).map_err(|_| "three nodes were asked for")?;
        let cast = Self { actors, home, temporary };
        for actor in &cast.actors {
            actor.wait_status(|peers| peers == 2).await?;
        }
        stage.say(&format!("eu, us and ap run and know each other after {}", super::stage::span(begin.elapsed())));
        Ok(cast)
    }

    pub fn eu(&self) -> &Actor {
        let [eu, _, _] = &self.actors;
        eu
    }

    pub fn us(&self) -> &Actor {
        let [_, us, _] = &self.actors;
        us
    }

    pub fn ap(&self) -> &Actor {
        let [_, _, ap] = &self.actors;
        ap
    }

    /// Waits until all nodes serve this many entries, all the same.
    pub async fn converge(&self, entries: usize) -> Result<(), String> {
        let equal = || {
            let first = self.eu().node.door.standing().digest;
            self.actors
                .iter()
                .all(|actor| actor.node.door.view().len() == entries && actor.node.door.standing().digest == first)
        };
        wait("the nodes to serve the same", || async { Ok(equal().then_some(())) }).await
    }

    /// Ends all nodes and tidies up.
    pub async fn exit(self) {
        for actor in self.actors {
            actor.node.stop().await;
        }
        if self.temporary {
            let _ = std::fs::remove_dir_all(&self.home);
        }
    }
}

async fn start(config: &FilePath, name: &str) -> Result<Actor, String> {
    let flags = Flags { config: Some(config.to_owned()), set: vec![format!("node.name={name}")], ..Flags::default() };
    let config = Config::load(&flags, &Environment::default()).map_err(|error| error.to_string())?;
    let node = assemble::start(&config).await.map_err(|error| format!("{name}: {error}"))?;
    let socket = config.http.socket.clone().ok_or("the founded configuration has no socket")?;
    let endpoint: Endpoint =
        format!("unix:{}", socket.display()).parse().map_err(|error| format!("{name}: {error}"))?;
    let home = config.node.data_dir.parent().unwrap_or(&config.node.data_dir).to_owned();
    Ok(Actor { name: name.to_owned(), home, client: Client::new(endpoint), node })
}

/// The first of some free ports in a row. Another program may take one in between; then the start says so.
fn free_ports(count: u16) -> Option<u16> {
    let free = |port: u16| TcpListener::bind(("127.0.0.1", port)).is_ok();
    let start = TcpListener::bind(("127.0.0.1", 0)).ok()?.local_addr().ok()?.port();
    (start..60_000).chain(20_000..start).find(|base| (0..count).all(|offset| free(base.saturating_add(offset))))
}

/// Waits until a condition gives something, or says for what it waited in vain.
async fn wait<T, F: Future<Output = Result<Option<T>, String>>>(
    what: &str,
    mut condition: impl FnMut() -> F,
) -> Result<T, String> {
    let begin = Instant::now();
    while begin.elapsed() < PATIENCE {
        if let Some(found) = condition().await? {
            return Ok(found);
        }
        tokio::time::sleep(LOOK).await;
    }
    Err(format!("waited {} s in vain for {what}", PATIENCE.as_secs()))
}

impl Actor {
    async fn wait_status(&self, fits: impl Fn(usize) -> bool) -> Result<(), String> {
        wait("the nodes to meet", || async {
            let peers = self.node.door.read(|machine| machine.status().peers.len()).await;
            Ok(fits(peers.map_err(|error| error.to_string())?).then_some(()))
        })
        .await
    }

    /// Waits until the node serves a value that fits.
    pub async fn wait_for(&self, path: &Path, fits: impl Fn(&str) -> bool) -> Result<(), String> {
        let mut changed = self.node.door.changed.clone();
        let arrived = async {
            loop {
                let view = self.node.door.view();
                if view.get(path).and_then(|entry| entry.json()).is_some_and(|json| fits(&json)) {
                    return;
                }
                if changed.changed().await.is_err() {
                    return;
                }
            }
        };
        let late = |_| format!("{}: {path} did not arrive within {} s", self.name, PATIENCE.as_secs());
        tokio::time::timeout(PATIENCE, arrived).await.map_err(late)
    }

    /// Cuts the node off, or lets it back.
    pub async fn isolate(&self, cut: bool) -> Result<(), String> {
        self.node.door.calls.send(Call::Isolate(cut)).await.map_err(|error| error.to_string())
    }

    /// Waits until no peer is connected.
    pub async fn wait_alone(&self) -> Result<(), String> {
        self.wait_status(|peers| peers == 0).await
    }

    /// Waits until the divergence that the node reports fits.
    pub async fn wait_divergence(&self, fits: impl Fn(&Divergence) -> bool) -> Result<Divergence, String> {
        wait("the divergence to change", || async {
            let divergence = self.client.divergence().await.map_err(|error| error.to_string())?;
            tokio::time::sleep(Duration::from_millis(100)).await;
            Ok(fits(&divergence).then_some(divergence))
        })
        .await
    }
}
