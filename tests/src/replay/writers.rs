//! Edits on their way: started in the file's order, a bounded number at a time, each at one of three nodes. It must not
//! know when nodes are killed or cut off; it is told.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use driftless_client::client::Write;
use driftless_client::{ClientError, Precondition};
use driftless_statement::Path;
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;

use super::Failed;
use super::history::Edit;
use super::lane::{Place, State, Step, Turn};
use super::seat::Seat;

/// The node that is killed.
pub const KILLED: usize = 1;
/// The node that is cut off.
pub const CUT: usize = 2;

/// What all edits share.
pub struct Field {
    /// The nodes.
    pub seats: [Seat; 3],
    /// Odd while the node [`KILLED`] is down.
    pub outages: watch::Sender<u64>,
    /// Where the time of edits went.
    pub tally: Mutex<Tally>,
}

/// Where the time of edits went, one entry an edit.
#[derive(Debug, Default)]
pub struct Tally {
    /// Waiting for the edit before of the same path.
    pub line: Vec<Duration>,
    /// Waiting until the writer's node has what was there before.
    pub arrival: Vec<Duration>,
    /// The node's answer: diffed, signed, on disk, folded.
    pub answer: Vec<Duration>,
    /// Values that were there already: nothing was signed.
    pub unchanged: usize,
    /// Edits sent again after the node that was asked was killed.
    pub again: usize,
}

/// Starts edits.
pub struct Writers {
    field: Arc<Field>,
    turns: Arc<Semaphore>,
    tasks: JoinSet<Result<(), Failed>>,
    lanes: BTreeMap<Path, (usize, watch::Receiver<Step>)>,
    started: usize,
    /// Whether [`CUT`] is cut off: then each path has its side.
    pub apart: bool,
}

impl Writers {
    /// At most `window` edits under way at a time.
    pub fn new(field: Arc<Field>, window: usize) -> Self {
        let turns = Arc::new(Semaphore::new(window));
        Self { field, turns, tasks: JoinSet::new(), lanes: BTreeMap::new(), started: 0, apart: false }
    }

    /// Starts one edit as soon as there is a turn.
    pub async fn start(&mut self, edit: Edit) -> Result<(), Failed> {
        while let Some(ended) = self.tasks.try_join_next() {
            ended??;
        }
        let permit = self.turns.clone().acquire_owned().await?;
        let (tell, told) = watch::channel(Step::Running);
        let next = self.lanes.len();
        let lane = self.lanes.get(&edit.path).map_or(next, |(lane, _)| *lane);
        let before = self.lanes.insert(edit.path.clone(), (lane, told)).map(|(_, before)| before);
        let at = self.writer(lane);
        self.started += 1;
        let (field, turn) = (self.field.clone(), Turn::new(permit, tell));
        self.tasks.spawn(async move { field.edit(edit, at, turn, before).await });
        Ok(())
    }

    /// Writers take turns over the nodes that can be asked. While the network is cut, a path stays on its side.
    fn writer(&self, lane: usize) -> usize {
        let down = *self.field.outages.borrow() % 2 == 1;
        match (self.apart, down) {
            (true, _) if lane % 3 == CUT => CUT,
            (true, false) => self.started % 2,
            (true, true) => 0,
            (false, true) => (self.started % 2) * CUT,
            (false, false) => self.started % 3,
        }
    }

    /// Waits until all edits started are done.
    pub async fn drain(&mut self) -> Result<(), Failed> {
        while let Some(ended) = self.tasks.join_next().await {
            ended??;
        }
        Ok(())
    }
}

impl Field {
    fn tally(&self, take: impl FnOnce(&mut Tally)) {
        take(&mut self.tally.lock().unwrap_or_else(PoisonError::into_inner));
    }

    async fn edit(
        &self,
        edit: Edit,
        at: usize,
        mut turn: Turn,
        before: Option<watch::Receiver<Step>>,
    ) -> Result<(), Failed> {
        let begin = Instant::now();
        let before = turn.after(before).await?;
        let lined = Instant::now();
        let outage = self.ready(&edit, at, &mut turn, &before).await?;
        let arrived = Instant::now();
        let place = match self.send(&edit, at, &before).await {
            Ok(place) => place,
            Err(error) if at == KILLED && *self.outages.borrow() != outage => {
                self.send_again(&edit, at, &mut turn).await.map_err(|again| format!("{error}; again: {again}"))?
            }
            Err(error) => return Err(format!("{} at {}: {error}", edit.path, self.seat(at)?.name).into()),
        };
        self.tally(|tally| {
            tally.line.push(lined - begin);
            tally.arrival.push(arrived - lined);
            tally.answer.push(arrived.elapsed());
        });
        turn.done(place);
        Ok(())
    }

    fn seat(&self, at: usize) -> Result<&Seat, Failed> {
        self.seats.get(at).ok_or_else(|| "there are three nodes".into())
    }

    /// Waits until the writer's node is there and has what was there before; gives the count of outages then. While that
    /// needs the killed node, the turn is given back.
    async fn ready(&self, edit: &Edit, at: usize, turn: &mut Turn, before: &Place) -> Result<u64, Failed> {
        let seat = self.seat(at)?;
        let mut outages = self.outages.subscribe();
        loop {
            let outage = *outages.borrow_and_update();
            if outage % 2 == 1 && (at == KILLED || before.writer == Some(KILLED)) {
                turn.stall();
            }
            if outage % 2 == 1 && at == KILLED {
                outages.changed().await?;
                continue;
            }
            tokio::select! {
                biased;
                changed = outages.changed() => changed?,
                arrived = before.arrived(&edit.path, seat) => {
                    arrived?;
                    turn.resume().await?;
                    return Ok(outage);
                }
            }
        }
    }

    /// Sends an edit whose path nobody else edits meanwhile: the precondition holds, or something is wrong.
    async fn send(&self, edit: &Edit, at: usize, before: &Place) -> Result<Place, Failed> {
        let seat = self.seat(at)?;
        let write = Write { precondition: before.precondition(), ..Write::default() };
        let written = match &edit.value {
            Some(value) => seat.client.put(&edit.path, value, &write).await?,
            None if matches!(before.state, State::Live(_)) => seat.client.delete(&edit.path, &write).await?,
            // The history deletes some paths that are not there.
            None => return Ok(self.unchanged(before)),
        };
        let Some(id) = written.id else { return Ok(self.unchanged(before)) };
        if written.fate != "fit" {
            return Err(format!("{id} is {}", written.fate).into());
        }
        let tag = written.etag.ok_or_else(|| format!("{id}: no entity tag"))?;
        let state = if edit.value.is_some() { State::Live(tag) } else { State::Gone(id) };
        Ok(Place { writer: Some(at), state })
    }

    fn unchanged(&self, before: &Place) -> Place {
        self.tally(|tally| tally.unchanged += 1);
        before.clone()
    }

    /// The node was killed before it answered: the edit may be on its disk or not. Sent again when the node is back, it
    /// either changes nothing or is made now.
    async fn send_again(&self, edit: &Edit, at: usize, turn: &mut Turn) -> Result<Place, Failed> {
        let seat = self.seat(at)?;
        turn.stall();
        self.outages.subscribe().wait_for(|outage| outage % 2 == 0).await?;
        turn.resume().await?;
        let write = Write { precondition: Precondition::None, ..Write::default() };
        let sent = match &edit.value {
            Some(value) => seat.client.put(&edit.path, value, &write).await,
            None => seat.client.delete(&edit.path, &write).await,
        };
        match sent {
            Ok(_) => {}
            Err(ClientError::Problem(problem)) if edit.value.is_none() && problem.status == 404 => {}
            Err(error) => return Err(error.into()),
        }
        self.tally(|tally| tally.again += 1);
        Place::ask(&edit.path, &seat.client, at).await
    }
}
