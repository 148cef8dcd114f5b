//! Submits a log's writes to the nodes of a world, at the pace of their own times, as their authors' tools would: again
//! until a node accepts them. It must not know how writes were signed anew.

use std::collections::{BTreeMap, BTreeSet};

use driftless_statement::{PublicKey, SecretKey};

use super::log::{BadLog, Log};
use super::rewrite::{Author, Ready, Target, rewrite};
use crate::plan::draw;
use crate::record::{Record, ReplayTold};
use crate::scenario::Scenario;
use crate::world::{Answer, Call, FOUNDING_MS, Options, START_MS, Stage, secret};

/// After this long an author offers again what a node did not accept; twice as long each time, at most [`LONGEST_MS`].
const AGAIN_MS: u64 = 1_000;
const LONGEST_MS: u64 = 8_000;
/// So long before the end nothing is offered any more: what is accepted last still has to spread.
const REST_MS: u64 = 10_000;
/// Minutes that a world can run at most, as scenarios allow.
const MINUTES: u64 = 60 * 24 * 60;

/// How a log is replayed.
#[derive(Debug, Clone)]
pub struct Asked {
    /// The mesh, its links and its faults. Its load is not made: the log is the load.
    pub scenario: Scenario,
    /// How many times faster than by the writes' own times; none: so that they fill the scenario's minutes.
    pub pace: Option<f64>,
    /// Draws what is left to chance.
    pub seed: u64,
    /// How the world is run.
    pub options: Options,
}

/// Replays a log. `tell` hears how many writes were accepted, `see` sees the world when no more is offered and it had time
/// to be equal. `Err`: nothing was run.
pub fn replay(
    log: &Log,
    asked: &Asked,
    tell: &mut dyn FnMut(usize),
    see: &mut dyn FnMut(&Stage),
) -> Result<Record, BadLog> {
    let (scenario, pace) = fitted(log, asked)?;
    let mut case = draw(&scenario, asked.seed);
    case.plan.writes.clear();
    let mut stage = Stage::new(&case, asked.options);
    // Somebody's log may be more than the imagined links bear: then divergence is a finding, and no rule is broken.
    stage.leave_out("divergence-reads-zero");
    let authors: BTreeMap<PublicKey, Author> = log
        .authors()
        .into_iter()
        .enumerate()
        .map(|(number, author)| {
            let key = SecretKey::from_bytes(secret(asked.seed, "author", number));
            let grant = stage.let_write(key.public(), format!("author {}", author.short()));
            (author, Author { number, key, grant })
        })
        .collect();
    let target = Target { mesh: stage.mesh(), authors: &authors, begin_ms: START_MS + FOUNDING_MS, pace };
    let writes = rewrite(log, &target)?;
    stage.expect(writes.len());
    let told = ReplayTold {
        statements: (log.writes.len() + log.other_ids.len()) as u64,
        writes: writes.len() as u64,
        left_out: log.others.clone(),
        authors: authors.len() as u64,
        span_s: log.span_ms() / 1_000,
        pace,
        ..ReplayTold::default()
    };
    let mut drive = Drive::new(stage, writes, told);
    drive.run(tell);
    let Drive { mut stage, told, .. } = drive;
    stage.run_to(stage.load_ends_ms() + stage.bound_ms());
    see(&stage);
    let mut record = stage.finish();
    // It is somebody's log and scenario: what a storm would reach is not its purpose.
    record.sometimes.retain(|_, times| *times > 0);
    record.replay = Some(told);
    Ok(record)
}

/// The scenario with time enough for the log, and the pace.
fn fitted(log: &Log, asked: &Asked) -> Result<(Scenario, f64), BadLog> {
    let mut scenario = asked.scenario.clone();
    let (span_ms, room_ms) = (log.span_ms() as f64, (scenario.minutes * 60_000) as f64);
    let filling = if span_ms > 0.0 { span_ms / room_ms } else { 1.0 };
    let pace = asked.pace.unwrap_or(filling);
    let minutes = (span_ms / pace / 60_000.0).ceil();
    let bad = BadLog::Pace { pace, span_s: log.span_ms() / 1_000, days: minutes / 1_440.0 };
    if !pace.is_finite() || pace <= 0.0 || minutes > MINUTES as f64 {
        return Err(bad);
    }
    scenario.minutes = scenario.minutes.max(minutes as u64);
    Ok((scenario, pace))
}

struct Drive {
    stage: Stage,
    writes: Vec<Ready>,
    /// Writes to be offered, by when.
    to_offer: BTreeSet<(u64, usize)>,
    /// Writes whose answer is waited for.
    open: BTreeMap<usize, Call>,
    /// Nodes that authors are spread over: joiners get none.
    nodes: usize,
    /// Writes that were offered in vain, with what was said last.
    refused: BTreeMap<usize, (u32, String)>,
    ahead: BTreeSet<usize>,
    again: BTreeSet<usize>,
    told: ReplayTold,
}

impl Drive {
    fn new(stage: Stage, writes: Vec<Ready>, told: ReplayTold) -> Self {
        let to_offer = writes.iter().enumerate().map(|(number, write)| (write.at_ms - START_MS, number)).collect();
        Self {
            nodes: stage.nodes(),
            stage,
            writes,
            to_offer,
            open: BTreeMap::new(),
            refused: BTreeMap::new(),
            ahead: BTreeSet::new(),
            again: BTreeSet::new(),
            told,
        }
    }

    fn run(&mut self, tell: &mut dyn FnMut(usize)) {
        let end_ms = self.stage.load_ends_ms() + self.stage.bound_ms().saturating_sub(REST_MS);
        while !(self.to_offer.is_empty() && self.open.is_empty()) && self.stage.now_ms() < end_ms {
            let next_ms = self.to_offer.first().map_or(end_ms, |(at_ms, _)| *at_ms).min(end_ms);
            let open = self.open.clone();
            let mut answers: Vec<(usize, Answer)> = Vec::new();
            self.stage.run_until(next_ms, |stage| {
                answers.extend(open.iter().filter_map(|(number, call)| Some((*number, stage.answer(*call)?))));
                !answers.is_empty()
            });
            if self.stage.broken() {
                break;
            }
            for (number, answer) in answers {
                self.answered(number, answer);
                tell(self.told.accepted as usize);
            }
            let later = self.to_offer.split_off(&(self.stage.now_ms() + 1, 0));
            let due = std::mem::replace(&mut self.to_offer, later);
            due.into_iter().for_each(|(_, number)| self.offer(number));
        }
        (self.told.ahead, self.told.again) = (self.ahead.len() as u64, self.again.len() as u64);
        for number in self.to_offer.iter().map(|(_, number)| number).chain(self.open.keys()) {
            let why = self.refused.get(number).map_or("was not offered", |(_, why)| why);
            *self.told.never.entry(why.to_owned()).or_default() += 1;
        }
    }

    fn offer(&mut self, number: usize) {
        let write = &self.writes[number];
        let node = write.author % self.nodes;
        match self.stage.submit(node, write.wire.clone()) {
            Some(call) => drop(self.open.insert(number, call)),
            None => self.later(number, "its node did not run".to_owned()),
        }
    }

    fn answered(&mut self, number: usize, answer: Answer) {
        self.open.remove(&number);
        match answer {
            Ok(_) => self.told.accepted += 1,
            Err(why) => self.later(number, why),
        }
    }

    fn later(&mut self, number: usize, why: String) {
        if why == "waiting" {
            self.ahead.insert(number);
        } else {
            self.again.insert(number);
        }
        let tries = self.refused.get(&number).map_or(0, |(tries, _)| tries + 1);
        self.refused.insert(number, (tries, why));
        let pause_ms = LONGEST_MS.min(AGAIN_MS << tries.min(10));
        self.to_offer.insert((self.stage.now_ms() + pause_ms, number));
    }
}
