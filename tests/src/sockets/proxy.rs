//! A link that takes its time: a proxy on loopback that hands every byte on later, each direction by its own draws, and
//! never out of order. The counterpart of the simulator's weather, over real sockets; it must not know what passes.

use std::net::SocketAddr;
use std::time::Duration;

use driftless_core::rng::Rng;
use driftless_sim::plan::stream;
use driftless_sim::scenario::Link;
use driftless_sim::world::lognormal_ms;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::{Builder, Handle, Runtime};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};

use crate::replay::Failed;

/// Chunks of one direction that are under way. A reader that is further ahead waits, as for a full window.
const UNDER_WAY: usize = 4096;
/// Bytes that are read at a time: whole messages, so that one draw delays one message.
const CHUNK: usize = 64 * 1024;

/// Where proxies run: on a thread of their own, so that busy nodes do not lengthen the links.
pub struct Proxies {
    runtime: Option<Runtime>,
    seed: u64,
    opened: u64,
}

impl Proxies {
    /// None yet.
    pub fn new(seed: u64) -> Result<Self, Failed> {
        let runtime = Builder::new_multi_thread().worker_threads(1).thread_name("links").enable_all().build()?;
        Ok(Self { runtime: Some(runtime), seed, opened: 0 })
    }

    /// A new one to an address: gives its own.
    pub async fn open(&mut self, to: SocketAddr, link: Link) -> Result<SocketAddr, Failed> {
        let handle: Handle = self.runtime.as_ref().ok_or("the links have ended")?.handle().clone();
        self.opened += 1;
        let (seed, purpose) = (self.seed, format!("link {}", self.opened));
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?.into_std()?;
        let at = listener.local_addr()?;
        handle.spawn(async move {
            let Ok(listener) = TcpListener::from_std(listener) else { return };
            let mut accepted = 0;
            while let Ok((near, _)) = listener.accept().await {
                accepted += 1;
                let rngs = ["there", "back"].map(|way| stream(seed, &format!("{purpose}, {accepted}, {way}")));
                tokio::spawn(join(near, to, link, rngs));
            }
        });
        Ok(at)
    }
}

impl Drop for Proxies {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// One connection for one: when the far end refuses, the near one is closed.
async fn join(near: TcpStream, to: SocketAddr, link: Link, [there, back]: [Rng; 2]) {
    let Ok(far) = TcpStream::connect(to).await else { return };
    // Small writes go at once, as the nodes' own do.
    if near.set_nodelay(true).and_then(|()| far.set_nodelay(true)).is_err() {
        return;
    }
    let ((near_in, near_out), (far_in, far_out)) = (near.into_split(), far.into_split());
    tokio::spawn(carry(near_in, far_out, link, there));
    carry(far_in, near_out, link, back).await;
}

/// One direction. Its end travels as late as its bytes.
async fn carry(mut from: OwnedReadHalf, to: OwnedWriteHalf, link: Link, mut rng: Rng) {
    let (chunks, due) = mpsc::channel(UNDER_WAY);
    tokio::spawn(hand_on(due, to));
    let mut last = Instant::now();
    let mut room = vec![0; CHUNK];
    loop {
        let read = match from.read(&mut room).await {
            Ok(read) if read > 0 => read,
            _ => return,
        };
        let late = Duration::from_secs_f64(lognormal_ms(&mut rng, link.median_ms, link.p99_ms) / 1e3);
        last = last.max(Instant::now() + late);
        let bytes = room.get(..read).unwrap_or_default().to_vec();
        if chunks.send((last, bytes)).await.is_err() {
            return;
        }
    }
}

async fn hand_on(mut chunks: mpsc::Receiver<(Instant, Vec<u8>)>, mut to: OwnedWriteHalf) {
    while let Some((due, bytes)) = chunks.recv().await {
        sleep_until(due).await;
        if to.write_all(&bytes).await.is_err() {
            return;
        }
    }
    let _ = to.shutdown().await;
}
