//! The end of the command channel that the driver holds. What reconciliation makes up for may be refused when there is
//! no room; what nothing makes up for always has room.

use driftless_statement::PublicKey;
use tokio::sync::mpsc;

use super::{Command, Traffic};

/// Room kept for commands that must arrive: subscriptions of all topics, and changes of members while they wait.
const RESERVE: usize = 512;

/// The network has ended; the command was not carried out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the network has ended")]
pub struct Ended;

/// The network's commands and counters. Cheap to clone; when the last one is dropped the network shuts down.
#[derive(Debug, Clone)]
pub struct P2pHandle {
    commands: mpsc::Sender<Command>,
    traffic: Traffic,
    local: PublicKey,
}

impl P2pHandle {
    /// A handle with room for `room` messages, and the network's end of the channel.
    pub(super) fn new(room: usize, traffic: Traffic, local: PublicKey) -> (Self, mpsc::Receiver<Command>) {
        let (commands, orders) = mpsc::channel(room.max(1) + RESERVE);
        (Self { commands, traffic, local }, orders)
    }

    /// Gives a command, waiting for room. The network always takes commands, even when its events are not taken, so
    /// this cannot deadlock with reading them.
    pub async fn send(&self, command: Command) -> Result<(), Ended> {
        self.commands.send(command).await.map_err(|_| Ended)
    }

    /// Gives a command at once, or hands it back when there is no room or the network has ended. Messages, verdicts,
    /// requests and answers leave room for the other commands, which therefore find it unless hundreds of them wait.
    pub fn try_send(&self, command: Command) -> Result<(), Command> {
        if may_be_lost(&command) && self.commands.capacity() <= RESERVE {
            return Err(command);
        }
        self.commands.try_send(command).map_err(mpsc::error::TrySendError::into_inner)
    }

    /// What the network carried so far.
    pub fn traffic(&self) -> &Traffic {
        &self.traffic
    }

    /// The node's own key, by which peers know it.
    pub fn local(&self) -> PublicKey {
        self.local
    }
}

/// Whether the mesh repairs the loss: a lost message is reconciled, a lost request or answer is one that failed.
fn may_be_lost(command: &Command) -> bool {
    match command {
        Command::Publish { .. }
        | Command::Verdict { .. }
        | Command::Fault { .. }
        | Command::Request { .. }
        | Command::Respond { .. } => true,
        Command::Disconnect { .. }
        | Command::Subscribe { .. }
        | Command::Unsubscribe { .. }
        | Command::Members(_)
        | Command::Expelled(_)
        | Command::Addresses { .. }
        | Command::Isolate(_)
        | Command::Mute { .. }
        | Command::Shutdown => false,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn message() -> Command {
        Command::Publish { topic: "shop".into(), bytes: vec![] }
    }

    #[test]
    fn a_flood_of_messages_leaves_room_for_what_must_arrive() {
        let (handle, mut orders) = P2pHandle::new(3, Traffic::default(), PublicKey([0; 32]));
        for _ in 0..3 {
            assert_eq!(handle.try_send(message()), Ok(()));
        }
        assert_eq!(handle.try_send(message()), Err(message()));
        for _ in 0..RESERVE {
            assert_eq!(handle.try_send(Command::Members([].into())), Ok(()));
        }
        assert_eq!(handle.try_send(Command::Isolate(true)), Err(Command::Isolate(true)), "bounded all the same");
        for _ in 0..=RESERVE {
            assert!(orders.try_recv().is_ok());
        }
        assert_eq!(handle.try_send(message()), Ok(()));
    }

    #[tokio::test]
    async fn an_ended_network_says_so() {
        let (handle, orders) = P2pHandle::new(3, Traffic::default(), PublicKey([0; 32]));
        drop(orders);
        assert_eq!(handle.send(message()).await, Err(Ended));
        assert_eq!(handle.try_send(Command::Shutdown), Err(Command::Shutdown));
    }
}
