//! One path's edits, strictly one after another: where the last one left the path, and how the next one waits for that.
//! It must not know how edits are spread over nodes.

use driftless_client::{Client, Precondition};
use driftless_statement::{Path, StatementId};
use tokio::sync::{OwnedSemaphorePermit, watch};

use super::seat::{Seat, wait};
use super::{Failed, PATIENCE};

/// Where an edit left its path.
#[derive(Debug, Clone, Default)]
pub struct Place {
    /// The node that wrote it; none while nobody did.
    pub writer: Option<usize>,
    /// What is there.
    pub state: State,
}

/// What a path's merged state is.
#[derive(Debug, Clone, Default)]
pub enum State {
    /// Nothing was ever there.
    #[default]
    Never,
    /// A value under this entity tag.
    Live(String),
    /// This statement deleted it.
    Gone(StatementId),
}

/// How far an edit is, as the next one of its path sees it.
#[derive(Debug, Clone)]
pub enum Step {
    /// Under way.
    Running,
    /// It waits for a node that is down: whoever waits for it gives its turn to others.
    Stalled,
    /// Done.
    Done(Place),
}

/// A turn to work. Given back while a node is down that the work needs, so that the others go on.
pub struct Turn {
    held: Option<OwnedSemaphorePermit>,
    turns: std::sync::Arc<tokio::sync::Semaphore>,
    tell: watch::Sender<Step>,
}

impl Turn {
    /// A turn that holds a permit, and who is told.
    pub fn new(held: OwnedSemaphorePermit, tell: watch::Sender<Step>) -> Self {
        let turns = held.semaphore().clone();
        Self { held: Some(held), turns, tell }
    }

    /// Gives the turn back for now.
    pub fn stall(&mut self) {
        if self.held.take().is_some() {
            self.tell.send_replace(Step::Stalled);
        }
    }

    /// Takes a turn again.
    pub async fn resume(&mut self) -> Result<(), Failed> {
        if self.held.is_none() {
            self.held = Some(self.turns.clone().acquire_owned().await?);
            self.tell.send_replace(Step::Running);
        }
        Ok(())
    }

    /// The edit is done.
    pub fn done(self, place: Place) {
        self.tell.send_replace(Step::Done(place));
    }

    /// Waits until the edit before is done.
    pub async fn after(&mut self, before: Option<watch::Receiver<Step>>) -> Result<Place, Failed> {
        let Some(mut before) = before else { return Ok(Place::default()) };
        loop {
            let step = before.borrow_and_update().clone();
            match step {
                Step::Done(place) => return Ok(place),
                Step::Stalled => self.stall(),
                Step::Running => {}
            }
            before.changed().await.map_err(|_| "the edit before failed")?;
        }
    }
}

impl Place {
    /// What must hold at the writer's node: nothing came in between.
    pub fn precondition(&self) -> Precondition {
        match &self.state {
            State::Live(tag) => Precondition::Tag(tag.clone()),
            State::Never | State::Gone(_) => Precondition::Absent,
        }
    }

    /// Waits until the node has the path in this state.
    pub async fn arrived(&self, path: &Path, seat: &Seat) -> Result<(), Failed> {
        let what = || format!("{path} at {}", seat.name);
        match &self.state {
            State::Never => Ok(()),
            State::Live(tag) => {
                let mut changed = seat.snapshot.changed();
                let arrived = async {
                    while seat.snapshot.item(path.as_str()).is_none_or(|item| item.etag != *tag) {
                        changed.changed().await?;
                    }
                    Ok(())
                };
                let late = |_| Err(format!("waited {} s in vain for {}", PATIENCE.as_secs(), what()).into());
                tokio::time::timeout(PATIENCE, arrived).await.unwrap_or_else(late)
            }
            // A path that the node did not have before does not change when it learns of a deletion: so it is asked.
            State::Gone(id) => {
                wait(&what(), || async {
                    let merged = seat.client.merged(path, None).await?;
                    Ok((merged.heads == [*id]).then_some(()))
                })
                .await
            }
        }
    }

    /// Where the path is at a node now, when it is not known from an answer.
    pub async fn ask(path: &Path, client: &Client, writer: usize) -> Result<Self, Failed> {
        let merged = client.merged(path, None).await?;
        let state = match (&merged.tree, merged.heads.as_slice()) {
            (Some(_), _) => State::Live(merged.etag),
            (None, []) => State::Never,
            (None, [id]) => State::Gone(*id),
            (None, heads) => return Err(format!("{path} has {} heads", heads.len()).into()),
        };
        Ok(Self { writer: Some(writer), state })
    }
}
