//! Opens every image that a power cut can leave, and compares what is found with what may be found. An image is opened
//! once, however many ways lead to it. It must not know how a store works inside.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::path::Path;
use std::sync::Arc;

use driftless_node::store::Store;
use driftless_statement::MeshId;

use super::cuts::{Survives, Window, windows};
use super::ids;
use super::image::Image;
use super::platter::{Platter, Step};
use super::runs::{Allowed, Done, OPTIONS, Run, State, Told};

/// The name that a store made after the power cut would have.
const LATER: [u8; 8] = [9; 8];

/// How much is tried in each window.
#[derive(Debug, Clone)]
pub struct Plan {
    /// All subsets of windows of at most so many steps.
    pub exhaustive: usize,
    /// Places at which each write is torn.
    pub places: usize,
    /// Random parts.
    pub seeds: std::ops::Range<u64>,
    /// One image in so many has its recovery cut too; zero: none.
    pub second: u64,
}

impl Plan {
    fn of(&self, window: &Window) -> Vec<Survives> {
        let mut all = window.reorderings(self.exhaustive);
        if !window.steps.is_empty() {
            all.extend(window.tears(self.places));
            all.extend(window.scatterings(self.seeds.clone()));
        }
        all
    }
}

/// What a store told when it was opened.
#[derive(Debug, PartialEq, Eq, Hash)]
pub struct Found {
    pub state: State,
    told: Told,
    missing: u64,
    quarantined: usize,
}

type Outcome = Result<Arc<Found>, String>;

/// An opening, and what it did to the disk.
struct Recovery {
    found: Result<Found, String>,
    /// Steps after which the store was open; the rest is its being closed.
    opened: usize,
    history: Vec<Step>,
}

fn recover(mesh: MeshId, image: Option<Image>) -> Recovery {
    let platter = Platter::of(image);
    match Store::open_on(platter.clone(), mesh, LATER, OPTIONS) {
        Ok((store, loaded)) => {
            let opened = platter.record().history.len();
            drop(store);
            let found = Found {
                state: State { ids: ids(&loaded.statements), floor_ms: loaded.floor_ms },
                told: (loaded.store_id, loaded.boot),
                missing: loaded.missing,
                quarantined: loaded.quarantined.len(),
            };
            let history = platter.record().history.clone();
            Recovery { found: Ok(found), opened, history }
        }
        Err(error) => Recovery { found: Err(error.to_string()), opened: 0, history: Vec::new() },
    }
}

/// What came of it all.
#[derive(Debug, Default)]
pub struct Tally {
    pub tried: u64,
    /// Of these, after a second power cut.
    pub second: u64,
    images: HashSet<Option<blake3::Hash>>,
    /// What was acknowledged is not there.
    pub lost: u64,
    pub unopenable: u64,
    /// Neither what was before an operation nor what should be after it.
    pub neither: u64,
    /// Other untruths: a boot told twice, a store that was told its name and has another, records missing or bad.
    pub untrue: u64,
    /// States worth reaching.
    pub before: u64,
    pub after: u64,
    pub examples: Vec<String>,
}

impl Tally {
    pub fn distinct(&self) -> usize {
        self.images.len()
    }

    pub fn bad(&self) -> u64 {
        self.lost + self.unopenable + self.neither + self.untrue
    }

    pub fn add(&mut self, other: Self) {
        self.tried += other.tried;
        self.second += other.second;
        self.images.extend(other.images);
        self.lost += other.lost;
        self.unopenable += other.unopenable;
        self.neither += other.neither;
        self.untrue += other.untrue;
        self.before += other.before;
        self.after += other.after;
        self.examples.extend(other.examples);
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (distinct, tried, second) = (self.distinct(), self.tried, self.second);
        write!(f, "{tried} tried ({second} after a second cut), {distinct} distinct, {} lost, ", self.lost)?;
        write!(
            f,
            "{} unopenable, {} neither before nor after, {} untrue; ",
            self.unopenable, self.neither, self.untrue
        )?;
        write!(f, "under way: {} found before, {} after", self.before, self.after)
    }
}

/// Judges the images of many runs.
#[derive(Default)]
pub struct Judge {
    pub tally: Tally,
    known: HashMap<Option<blake3::Hash>, Outcome>,
    found: HashSet<Arc<Found>>,
}

impl Judge {
    /// Tries every image that a power cut at or after step `from` can leave.
    pub fn examine(&mut self, run: &Run, plan: &Plan, from: usize, what: &dyn fmt::Display) {
        for window in windows(run.start.clone(), &run.history) {
            if window.end < from {
                continue;
            }
            let allowed = run.allowed(window.end);
            for survives in plan.of(&window) {
                let image = window.cut(survives);
                let place = Place { what, end: window.end, survives };
                self.look(run, plan, image, &allowed, &place);
            }
        }
    }

    fn look(&mut self, run: &Run, plan: &Plan, image: Option<Image>, allowed: &Allowed, place: &Place<'_>) {
        self.tally.tried += 1;
        let hash = image.as_ref().map(Image::hash);
        if let Some(outcome) = self.known.get(&hash).cloned() {
            self.judge(&outcome, allowed, image.as_ref(), place);
            return;
        }
        self.tally.images.insert(hash);
        let recovery = recover(run.mesh, image.clone());
        let outcome = recovery.found.map(|found| self.intern(found));
        self.known.insert(hash, outcome.clone());
        self.judge(&outcome, allowed, image.as_ref(), place);
        let drawn = hash.map_or(0, |hash| u64::from(u16::from_be_bytes([hash.as_bytes()[0], hash.as_bytes()[1]])));
        let Ok(found) = outcome else { return };
        if plan.second > 0 && drawn.is_multiple_of(plan.second) {
            let state = found.state.clone();
            let opening = Done { begun: 0, acknowledged: recovery.opened, state, told: found.told };
            let first = allowed.clone();
            let again = Run { mesh: run.mesh, start: image, first, history: recovery.history, done: vec![opening] };
            let before = self.tally.tried;
            self.examine(&again, &Plan { second: 0, places: 2, ..plan.clone() }, 0, place);
            self.tally.second += self.tally.tried - before;
        }
    }

    fn intern(&mut self, found: Found) -> Arc<Found> {
        let found = Arc::new(found);
        match self.found.get(&found) {
            Some(known) => known.clone(),
            None => {
                self.found.insert(found.clone());
                found
            }
        }
    }

    fn judge(&mut self, outcome: &Outcome, allowed: &Allowed, image: Option<&Image>, place: &Place<'_>) {
        let tally = &mut self.tally;
        let (count, said) = match outcome {
            Err(said) => (&mut tally.unopenable, said.clone()),
            Ok(found) => {
                let acknowledged = &allowed.states[0];
                // An operation under way may have taken something off, with all else that it did.
                let kept = allowed.states.contains(&found.state)
                    || found.state.ids.is_superset(&acknowledged.ids) && found.state.floor_ms >= acknowledged.floor_ms;
                let news = allowed.told.is_none_or(|(name, boot)| found.told.0 == name && found.told.1 > boot);
                if !kept {
                    (&mut tally.lost, format!("acknowledged {acknowledged:?}, found {found:?}"))
                } else if !allowed.states.contains(&found.state) {
                    (&mut tally.neither, format!("allowed {allowed:?}, found {found:?}"))
                } else if !news || found.missing > 0 || found.quarantined > 0 {
                    (&mut tally.untrue, format!("{:?} was told, found {found:?}", allowed.told))
                } else {
                    if allowed.states.len() > 1 {
                        let before = found.state == *acknowledged;
                        *(if before { &mut tally.before } else { &mut tally.after }) += 1;
                    }
                    return;
                }
            }
        };
        *count += 1;
        if tally.examples.len() < 3 {
            let kept = image.map(keep).unwrap_or_default();
            tally.examples.push(format!("{place}: {said}; the image is kept in {kept}"));
        }
    }
}

/// Keeps an image that failed, so that it can be opened by hand.
fn keep(image: &Image) -> String {
    let name = format!("crash-{}.redb", image.hash().to_hex());
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    match std::fs::write(&path, image.bytes()) {
        Ok(()) => path.display().to_string(),
        Err(error) => error.to_string(),
    }
}

/// Where an image comes from, to find it again.
struct Place<'a> {
    what: &'a dyn fmt::Display,
    end: usize,
    survives: Survives,
}

impl fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, cut before step {}: {:?}", self.what, self.end, self.survives)
    }
}
