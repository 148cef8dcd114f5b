//! The real mesh of a comparison: nodes in this process, each with its own store and sockets, linked through proxies that
//! take their time. It must not know what is written or measured.

use std::net::SocketAddr;
use std::path::Path as FilePath;
use std::time::Duration;

use driftless_client::founding::{self, Made, MadeNode, Plan};
use driftless_client::transport::Transport;
use driftless_node::assemble::{self, Node};
use driftless_node::config::{Config, Environment, Flags};
use driftless_node::door::Door;
use driftless_sim::Scenario;
use driftless_sim::world::NODES_WRITE;
use driftless_statement::Prefix;
use http_body_util::Full;
use hyper::Request;
use hyper::body::Bytes;

use super::figures::Figures;
use super::load;
use super::proxy::Proxies;
use crate::replay::Failed;
use crate::replay::seat::{free_ports, wait};

/// How long a node may take to tell its figures.
const PATIENCE: Duration = Duration::from_secs(30);

/// One node and the way to its figures.
struct Seat {
    node: Node,
    transport: Transport,
}

/// All nodes and the links between them.
pub struct Mesh {
    seats: Vec<Seat>,
    /// The links; more may be opened.
    pub proxies: Proxies,
}

impl Mesh {
    /// Founds a mesh in an empty directory and starts its nodes. When this returns, all know each other and every node has
    /// its neighbours in the topic of what nodes write.
    pub async fn start(home: &FilePath, scenario: &Scenario, seed: u64) -> Result<Self, Failed> {
        let nodes = u16::try_from(scenario.nodes)?;
        let plan = Plan {
            name: scenario.name.clone(),
            nodes,
            base_port: free_ports(nodes).ok_or("no free ports in a row on 127.0.0.1")?,
            scopes: Vec::new(),
            node_write: vec![Prefix::parse(NODES_WRITE)?],
            roots: 1,
        };
        let made = founding::found(home, &plan)?;
        let mut mesh = Self { seats: Vec::new(), proxies: Proxies::new(seed)? };
        for (number, node) in made.nodes.iter().enumerate() {
            let peers = mesh.links_of(number, &made, &plan, scenario).await?;
            mesh.seats.push(start(node, plan.base_port + u16::try_from(number)?, peers).await?);
        }
        mesh.wait_until_linked().await?;
        Ok(mesh)
    }

    /// Opens a proxy for each peer that a node dials, and gives their addresses. Each pair has one link; who dials goes
    /// round, so that every node has links of both directions.
    async fn links_of(
        &mut self,
        number: usize,
        made: &Made,
        plan: &Plan,
        scenario: &Scenario,
    ) -> Result<Vec<String>, Failed> {
        let (count, places) = (scenario.nodes, scenario.places(scenario.nodes));
        let place = |node: usize| places.get(node).copied().unwrap_or(0);
        let mut addrs = Vec::new();
        for (other, peer) in made.nodes.iter().enumerate() {
            let ahead = (other + count - number) % count;
            let dials = ahead != 0 && (2 * ahead < count || (2 * ahead == count && number < other));
            if dials {
                let to = SocketAddr::from(([127, 0, 0, 1], plan.base_port + u16::try_from(other)?));
                let at = self.proxies.open(to, scenario.link_between(place(number), place(other))).await?;
                addrs.push(format!("/ip4/127.0.0.1/tcp/{}/p2p/{}", at.port(), peer.peer_id));
            }
        }
        Ok(addrs)
    }

    /// Waits for the links, and then for the topic: nodes join it with the first statement of its scope.
    async fn wait_until_linked(&self) -> Result<(), Failed> {
        let others = self.seats.len() - 1;
        wait("every node to be linked with every other one", || async {
            for seat in &self.seats {
                if seat.node.door.read(|machine| machine.status().peers.len()).await? < others {
                    return Ok(None);
                }
            }
            Ok(Some(()))
        })
        .await?;
        let first = self.seats.first().ok_or("a mesh has nodes")?;
        first.node.door.write(load::first()?).await?.map_err(|refused| refused.to_string())?;
        wait("every node to have its neighbours in the topic", || async {
            for seat in &self.seats {
                let figures = seat.figures().await?;
                // Below four neighbours, gossipsub looks for more at its next heartbeat.
                if figures.listeners < others as f64 || figures.neighbours < others.min(4) as f64 {
                    return Ok(None);
                }
            }
            Ok(Some(()))
        })
        .await
    }

    /// The doors, by number of the node.
    pub fn doors(&self) -> Vec<Door> {
        self.seats.iter().map(|seat| seat.node.door.clone()).collect()
    }

    /// What all nodes measured since their start, added up.
    pub async fn figures(&self) -> Result<Figures, Failed> {
        let mut sum = Figures::default();
        for seat in &self.seats {
            sum.add(&seat.figures().await?);
        }
        Ok(sum)
    }

    /// Ends all nodes.
    pub async fn stop(self) {
        for seat in self.seats {
            seat.node.stop().await;
        }
    }
}

impl Seat {
    async fn figures(&self) -> Result<Figures, Failed> {
        let host = self.transport.endpoint().authority();
        let request = Request::get("/metrics").header("host", host).body(Full::new(Bytes::new()))?;
        let answer = self.transport.exchange(request).await?;
        Ok(Figures::read(std::str::from_utf8(&answer.body)?, NODES_WRITE))
    }
}

async fn start(made: &MadeNode, port: u16, peers: Vec<String>) -> Result<Seat, Failed> {
    let flags = Flags {
        config: Some(made.config.clone()),
        // TCP alone: a proxy of streams carries no QUIC.
        listen: vec![format!("/ip4/127.0.0.1/tcp/{port}")],
        peers,
        ..Flags::default()
    };
    let config = Config::load(&flags, &Environment::default())?;
    let node = assemble::start(&config).await?;
    Ok(Seat { node, transport: Transport::new(made.endpoint.parse()?, PATIENCE) })
}
