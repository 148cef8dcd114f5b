//! Events on their way to the driver. Bounded: what reconciliation brings back is dropped first, the rest waits.

use std::collections::VecDeque;
use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};

use super::Event;

/// Events that wait beside a full channel. When as many wait, the network is not listened to until some are taken.
const KEPT: usize = 1024;
/// Bytes of gossip that may wait in the channel; each lies in gossip's own memory once more. 240 of the largest messages, or
/// as many small ones as the channel has places.
const GOSSIP_BYTES: usize = 4 << 20;

/// An event in the channel, with the room that its bytes take.
struct Waiting {
    event: Event,
    _room: Option<OwnedSemaphorePermit>,
}

/// The receiving end.
pub struct Events(mpsc::Receiver<Waiting>);

impl Events {
    /// The next event; `None`: the network has ended. Nothing is lost when this is given up while it waits.
    pub async fn recv(&mut self) -> Option<Event> {
        self.0.recv().await.map(|waiting| waiting.event)
    }
}

/// Both ends of a channel for so many events.
pub(super) fn channel(places: usize) -> (Outbox, Events) {
    let (sender, receiver) = mpsc::channel(places);
    let gossip = Arc::new(Semaphore::new(GOSSIP_BYTES));
    (Outbox { channel: sender, gossip, kept: VecDeque::new() }, Events(receiver))
}

/// The sending end.
pub(super) struct Outbox {
    channel: mpsc::Sender<Waiting>,
    gossip: Arc<Semaphore>,
    kept: VecDeque<Event>,
}

impl Outbox {
    /// Sends an event that may be lost. False when it was, for lack of room.
    pub(super) fn offer(&mut self, event: Event) -> bool {
        let room = match &event {
            Event::Gossip { bytes, .. } => {
                let bytes = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
                let Ok(room) = self.gossip.clone().try_acquire_many_owned(bytes) else { return false };
                Some(room)
            }
            _ => None,
        };
        self.kept.is_empty() && self.channel.try_send(Waiting { event, _room: room }).is_ok()
    }

    /// Sends an event that must arrive, in order.
    pub(super) fn keep(&mut self, event: Event) {
        self.kept.push_back(event);
        self.flush();
    }

    /// Sends what waits, as far as there is room.
    pub(super) fn flush(&mut self) {
        while !self.kept.is_empty() {
            let Ok(room) = self.channel.try_reserve() else { return };
            let Some(event) = self.kept.pop_front() else { return };
            room.send(Waiting { event, _room: None });
        }
    }

    /// Whether more may come in.
    pub(super) fn has_room(&self) -> bool {
        self.kept.len() < KEPT
    }

    /// Whether nothing waits.
    pub(super) fn is_empty(&self) -> bool {
        self.kept.is_empty()
    }

    /// Whether the driver is gone.
    pub(super) fn is_closed(&self) -> bool {
        self.channel.is_closed()
    }

    /// Sends all that waits, or ends when nobody listens.
    pub(super) async fn drain(&mut self) {
        while let Some(event) = self.kept.pop_front() {
            if self.channel.send(Waiting { event, _room: None }).await.is_err() {
                return;
            }
        }
    }

    /// Waits until the channel has room or its receiver is gone.
    pub(super) async fn room(&self) {
        // The room itself is taken by `flush`: this is only the waiting.
        drop(self.channel.reserve().await);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use driftless_statement::PublicKey;

    use super::*;
    use crate::p2p::GossipId;

    fn event(number: u64) -> Event {
        Event::Listening { addr: number.to_string() }
    }

    #[tokio::test]
    async fn what_must_arrive_arrives_in_order_and_the_rest_is_dropped() {
        let (mut outbox, mut receiver) = channel(2);
        assert!(outbox.offer(event(0)));
        for number in 1..4 {
            outbox.keep(event(number));
        }
        assert!(!outbox.offer(event(9)), "no room, and nothing may overtake");
        assert!(!outbox.is_empty());
        for number in 0..4 {
            assert_eq!(receiver.recv().await.unwrap(), event(number));
            outbox.room().await;
            outbox.flush();
        }
        assert!(outbox.is_empty());
        assert!(outbox.offer(event(5)));
    }

    #[tokio::test]
    async fn large_gossip_is_dropped_when_its_bytes_are_too_many() {
        let large = || Event::Gossip {
            topic: "shop".to_owned(),
            id: GossipId([0; 16]),
            from: PublicKey([0; 32]),
            bytes: vec![0; GOSSIP_BYTES / 4],
        };
        let (mut outbox, mut receiver) = channel(16);
        assert!((0..4).all(|_| outbox.offer(large())));
        assert!(!outbox.offer(large()), "five quarters");
        assert!(outbox.offer(event(0)), "other events have their places");
        drop(receiver.recv().await);
        assert!(outbox.offer(large()), "one was taken");
    }

    #[tokio::test]
    async fn it_says_when_it_overflows_and_when_nobody_listens() {
        let (mut outbox, receiver) = channel(1);
        for number in 0..=KEPT as u64 {
            assert!(outbox.has_room());
            outbox.keep(event(number));
        }
        assert!(!outbox.has_room());
        drop(receiver);
        outbox.room().await;
        assert!(outbox.is_closed());
    }
}
