//! Where local services meet the mesh: typed calls into the driver, and the view they read without asking anyone.
//!
//! The door knows `core`'s questions and answers. It must not know HTTP, libp2p or redb.

use std::sync::Arc;

use arc_swap::ArcSwap;
use driftless_core::beacon::Health;
use driftless_core::machine::{LocalEdit, Machine, Standing, SubmitOutcome, WriteOutcome};
use driftless_core::view::View;
use tokio::sync::{mpsc, oneshot, watch};

/// One call at the door. The reply comes when the disk has what it must have.
pub enum Call {
    /// Sign and append an edit with this node's key.
    Write {
        /// What to edit.
        edit: LocalEdit,
        /// Where the outcome goes.
        reply: oneshot::Sender<WriteOutcome>,
    },
    /// Take statements signed elsewhere.
    Submit {
        /// Wire bytes of each.
        statements: Vec<Vec<u8>>,
        /// One outcome for each.
        reply: oneshot::Sender<Vec<SubmitOutcome>>,
    },
    /// Answer a question from the state now. Must be quick: the driver works for nobody else meanwhile.
    Read(Box<dyn FnOnce(&Machine) + Send>),
    /// Cut or heal this node's network (demonstrations and drills).
    Isolate(bool),
    /// Take over what the shell finds wrong with this node.
    Ails(Health),
}

/// The call could not be taken: the node is shutting down or overloaded. Nothing was changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Closed {
    /// The node is shutting down.
    #[error("the node is shutting down")]
    ShuttingDown,
    /// Too many calls wait already.
    #[error("the node has too many calls waiting; try again")]
    Busy,
}

/// What the shell publishes beside the view: how this node stands among the others.
#[derive(Clone)]
pub struct Door {
    /// Calls to the driver; bounded.
    pub calls: mpsc::Sender<Call>,
    /// The newest view.
    pub view: Arc<ArcSwap<View>>,
    /// Rises with each new view.
    pub changed: watch::Receiver<u64>,
    /// How stale the view is, whether the node is isolated, whether it takes writes.
    pub standing: Arc<ArcSwap<Standing>>,
    /// Who is refused for a while for what it sent. Read them with [`Ban::holds`].
    pub bans: Arc<ArcSwap<Vec<Ban>>>,
}

/// A peer, or an address from which nobody proved a key, that is refused for a while.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ban {
    /// A peer's key, or an address.
    pub who: String,
    /// What it did.
    pub why: &'static str,
    /// Until when, Unix milliseconds here.
    pub until_ms: u64,
}

impl Ban {
    /// Whether it still holds.
    pub fn holds(&self, now_ms: u64) -> bool {
        now_ms < self.until_ms
    }
}

impl Door {
    /// The newest view. Never waits.
    pub fn view(&self) -> Arc<View> {
        self.view.load_full()
    }

    /// How this node stands now. Never waits.
    pub fn standing(&self) -> Arc<Standing> {
        self.standing.load_full()
    }

    async fn call<T>(&self, call: Call, answer: oneshot::Receiver<T>) -> Result<T, Closed> {
        self.calls.try_send(call).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => Closed::Busy,
            mpsc::error::TrySendError::Closed(_) => Closed::ShuttingDown,
        })?;
        answer.await.map_err(|_| Closed::ShuttingDown)
    }

    /// Signs and appends an edit; answers when it is on disk, or refused.
    pub async fn write(&self, edit: LocalEdit) -> Result<WriteOutcome, Closed> {
        let (reply, answer) = oneshot::channel();
        self.call(Call::Write { edit, reply }, answer).await
    }

    /// Submits statements signed elsewhere; answers when each is on disk, waiting, or refused.
    pub async fn submit(&self, statements: Vec<Vec<u8>>) -> Result<Vec<SubmitOutcome>, Closed> {
        let (reply, answer) = oneshot::channel();
        self.call(Call::Submit { statements, reply }, answer).await
    }

    /// Says what is wrong with this node, until something else is said. Waits for room.
    pub async fn ails(&self, health: Health) -> Result<(), Closed> {
        self.calls.send(Call::Ails(health)).await.map_err(|_| Closed::ShuttingDown)
    }

    /// Asks a question of the state as it is now.
    pub async fn read<T: Send + 'static>(
        &self,
        question: impl FnOnce(&Machine) -> T + Send + 'static,
    ) -> Result<T, Closed> {
        let (reply, answer) = oneshot::channel();
        let call = Call::Read(Box::new(move |machine| {
            // The asker may have gone; then nobody misses the answer.
            let _ = reply.send(question(machine));
        }));
        self.call(call, answer).await
    }
}
