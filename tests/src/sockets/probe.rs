//! How long a bare message takes over a link of this machine now, with all that timers, the system and busy cores add to what the
//! proxy was asked for: this is the link that the simulator gets. It must not know nodes.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use driftless_sim::scenario::Link;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::{MissedTickBehavior, interval};

use super::proxy::Proxies;
use super::quantiles::between;
use crate::replay::Failed;

/// Between two messages of one probe.
const EVERY: Duration = Duration::from_millis(40);
/// Bytes of a message: about those of a statement in gossip.
const BYTES: usize = 500;

/// A link under measurement.
pub struct Probe {
    sends: JoinHandle<()>,
    hears: JoinHandle<Vec<u64>>,
}

impl Probe {
    /// Begins to send over a link of its own.
    pub async fn begin(proxies: &mut Proxies, link: Link) -> Result<Self, Failed> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let at: SocketAddr = proxies.open(listener.local_addr()?, link).await?;
        let near = TcpStream::connect(at).await?;
        near.set_nodelay(true)?;
        let (far, _) = listener.accept().await?;
        let (tell, sent) = mpsc::unbounded_channel();
        Ok(Self { sends: tokio::spawn(send(near, tell)), hears: tokio::spawn(hear(far, sent)) })
    }

    /// Ends: what link it was, from what its messages took one way.
    pub async fn end(self) -> Result<Link, Failed> {
        self.sends.abort();
        let mut took_us = self.hears.await?;
        took_us.sort_unstable();
        let (median_ms, p99_ms) = between(&took_us).ok_or("no message came over a probed link")?;
        Ok(Link { median_ms, p99_ms, ..Link::default() })
    }
}

async fn send(mut near: TcpStream, tell: mpsc::UnboundedSender<Instant>) {
    let mut ticks = interval(EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        if tell.send(Instant::now()).is_err() || near.write_all(&[0; BYTES]).await.is_err() {
            return;
        }
    }
}

/// What each message took, microseconds; until the other end is gone.
async fn hear(mut far: TcpStream, mut sent: mpsc::UnboundedReceiver<Instant>) -> Vec<u64> {
    let (mut took_us, mut room) = (Vec::new(), [0; BYTES]);
    while far.read_exact(&mut room).await.is_ok() {
        let Some(then) = sent.recv().await else { break };
        took_us.push(u64::try_from(then.elapsed().as_micros()).unwrap_or(u64::MAX));
    }
    took_us
}
