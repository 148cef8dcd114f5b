//! Events on their way to the driver. Bounded: what reconciliation brings back is dropped first, the rest waits.

use std::collections::VecDeque;

use tokio::sync::mpsc;

use super::Event;

/// Events that wait beside a full channel. When as many wait, the network is not listened to until some are taken.
const KEPT: usize = 1024;

/// The sending end.
#[derive(Debug)]
pub(super) struct Outbox {
    channel: mpsc::Sender<Event>,
    kept: VecDeque<Event>,
}

impl Outbox {
    pub(super) fn new(channel: mpsc::Sender<Event>) -> Self {
        Self { channel, kept: VecDeque::new() }
    }

    /// Sends an event that may be lost. False when it was, for lack of room.
    pub(super) fn offer(&mut self, event: Event) -> bool {
        self.kept.is_empty() && self.channel.try_send(event).is_ok()
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
            room.send(event);
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
            if self.channel.send(event).await.is_err() {
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
    use super::*;

    fn event(number: u64) -> Event {
        Event::Listening { addr: number.to_string() }
    }

    #[tokio::test]
    async fn what_must_arrive_arrives_in_order_and_the_rest_is_dropped() {
        let (sender, mut receiver) = mpsc::channel(2);
        let mut outbox = Outbox::new(sender);
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
    async fn it_says_when_it_overflows_and_when_nobody_listens() {
        let (sender, receiver) = mpsc::channel(1);
        let mut outbox = Outbox::new(sender);
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
