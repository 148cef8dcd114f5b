//! Room for large messages: how many of the greatest size this node holds at a time, whoever sends them or is sent them.
//! Small ones need none, so nobody who fills the room keeps others from being asked and answered.

use std::collections::BTreeMap;
use std::sync::Arc;

use driftless_statement::PublicKey;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Bytes of a message that needs no room: of 32 streams, 2 MiB a connection.
pub(super) const SMALL_BYTES: usize = 64 * 1024;
/// Large messages that are read at a time from all connections, or were read and wait for their answer: 48 MiB.
const READ: usize = 48;
/// The same of one connection. Others wait their turn, until the request times out.
const READ_A_CONNECTION: usize = 2;
/// Large answers on their way to all peers: 64 MiB.
const WRITTEN: usize = 64;
/// The same to one peer: as many as an honest one asks for at a time. Those beyond it fail there, and are asked for again.
const WRITTEN_A_PEER: usize = 17;

/// Room that a large message takes, until it is dropped.
#[derive(Debug)]
pub(super) struct Room {
    _all: OwnedSemaphorePermit,
    _one: OwnedSemaphorePermit,
}

/// A message and the room that it takes.
#[derive(Debug)]
pub(super) struct Message {
    pub bytes: Vec<u8>,
    pub room: Option<Room>,
}

impl From<Vec<u8>> for Message {
    fn from(bytes: Vec<u8>) -> Self {
        Self { bytes, room: None }
    }
}

/// Room to read in.
#[derive(Debug)]
pub(super) struct Reading {
    all: Arc<Semaphore>,
    connection: Arc<Semaphore>,
    /// Whether it belongs to a connection already. The first one is the network's; libp2p clones it for each connection,
    /// and that one for each stream.
    connected: bool,
}

impl Reading {
    pub(super) fn new() -> Self {
        Self { all: Arc::new(Semaphore::new(READ)), connection: Arc::new(Semaphore::new(0)), connected: false }
    }

    /// Waits for room for a large message. None once the network has ended.
    pub(super) async fn room(&self) -> Option<Room> {
        let one = self.connection.clone().acquire_owned().await.ok()?;
        let all = self.all.clone().acquire_owned().await.ok()?;
        Some(Room { _all: all, _one: one })
    }
}

impl Clone for Reading {
    fn clone(&self) -> Self {
        let connection = match self.connected {
            true => self.connection.clone(),
            false => Arc::new(Semaphore::new(READ_A_CONNECTION)),
        };
        Self { all: self.all.clone(), connection, connected: true }
    }
}

/// Room for answers on their way.
#[derive(Debug)]
pub(super) struct Writing {
    all: Arc<Semaphore>,
    peers: BTreeMap<PublicKey, Arc<Semaphore>>,
}

impl Writing {
    pub(super) fn new() -> Self {
        Self { all: Arc::new(Semaphore::new(WRITTEN)), peers: BTreeMap::new() }
    }

    /// An answer with the room that it takes. None: there is none, since peers do not read what they asked for.
    pub(super) fn answer(&mut self, peer: PublicKey, bytes: Vec<u8>) -> Option<Message> {
        if bytes.len() <= SMALL_BYTES {
            return Some(bytes.into());
        }
        let peer = self.peers.entry(peer).or_insert_with(|| Arc::new(Semaphore::new(WRITTEN_A_PEER)));
        let one = peer.clone().try_acquire_owned().ok()?;
        let all = self.all.clone().try_acquire_owned().ok()?;
        Some(Message { bytes, room: Some(Room { _all: all, _one: one }) })
    }

    /// A peer is gone. What is still on its way to it keeps its room.
    pub(super) fn gone(&mut self, peer: &PublicKey) {
        self.peers.remove(peer);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use futures::FutureExt;

    use super::*;

    #[tokio::test]
    async fn a_connection_and_all_together_hold_so_many_large_messages() {
        let network = Reading::new();
        let mut held = Vec::new();
        for _ in 0..READ / READ_A_CONNECTION {
            let connection = network.clone();
            for stream in [connection.clone(), connection.clone()] {
                held.push(stream.room().now_or_never().flatten().unwrap());
            }
            assert!(connection.clone().room().now_or_never().is_none(), "a third one waits");
        }
        let other = network.clone();
        assert!(other.room().now_or_never().is_none(), "all of it is taken");
        held.pop();
        assert!(other.room().now_or_never().flatten().is_some());
    }

    #[test]
    fn answers_that_a_peer_does_not_read_have_an_end_and_small_ones_none() {
        let (mut writing, large) = (Writing::new(), vec![0; SMALL_BYTES + 1]);
        let mut held = Vec::new();
        for peer in 0..5 {
            held.extend(std::iter::from_fn(|| writing.answer(PublicKey([peer; 32]), large.clone())));
            assert!(writing.answer(PublicKey([peer; 32]), vec![0; SMALL_BYTES]).is_some());
        }
        assert_eq!(held.len(), WRITTEN);
        // The first peer has had all that it may have: only what it reads itself makes room for it.
        drop(held.pop());
        assert!(writing.answer(PublicKey([0; 32]), large.clone()).is_none());
        drop(held.remove(0));
        let again = writing.answer(PublicKey([0; 32]), large.clone());
        assert_eq!(again.as_ref().map(|message| message.bytes.len()), Some(large.len()), "what was read makes room");
        assert!(writing.answer(PublicKey([0; 32]), large).is_none());
    }
}
