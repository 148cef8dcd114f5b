//! What one revocation does to a mesh in which its key said much: how long it takes from the disk's word to the new view,
//! beside folding what is left of the entries it touched; and whether anybody could read meanwhile.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use arc_swap::ArcSwap;
use driftless_core::fold::{Member, ScopeFold};
use driftless_core::machine::{CallId, Effect, Event, Fate, Machine};
use driftless_core::view::View;
use driftless_statement::{Path, StatementId, Verified};

use crate::authority::{Authority, Writer};
use crate::pairing::{Effort, Paired, Spread, pair, seconds, span, work_seconds};
use crate::peers::Peer;
use crate::table::{Row, Want};

/// Statements given to the fold in one piece, as the machine does.
const FOLDED_AT_ONCE: usize = 1_024;

/// Reads that are timed; those after them are counted only.
const TIMED: usize = 1 << 22;

/// A history: what the key that will be revoked wrote, and what others did.
#[derive(Clone, Copy)]
struct Shape {
    name: &'static str,
    entries: usize,
    /// How often the key wrote each of them.
    times: usize,
    /// Whether somebody else wrote after each of its writes but the last, naming it.
    named: bool,
    /// Of ten times, how many the revocation accepts.
    accepts: usize,
}

/// The mesh with its history, and the revocation.
struct Scene {
    mesh: Authority,
    all: Vec<Arc<Verified>>,
    revocation: Arc<Verified>,
    first: Path,
}

impl Scene {
    fn of(shape: Shape) -> Self {
        let mut mesh = Authority::found();
        let (mut other, mut bad) = (mesh.writer(), mesh.writer());
        let mut all = Vec::new();
        let mut heads: Vec<StatementId> = Vec::new();
        let mut write = |mesh: &mut Authority, by: &mut Writer, entry: usize, bases: Vec<StatementId>| {
            let written = mesh.write(by, entry, bases);
            let id = written.id();
            all.push(written);
            id
        };
        for entry in 0..shape.entries {
            heads.push(write(&mut mesh, &mut other, entry, vec![]));
        }
        let mut kept = None;
        for time in 0..shape.times {
            for (entry, head) in heads.iter_mut().enumerate() {
                *head = write(&mut mesh, &mut bad, entry, vec![*head]);
                if time * 10 < shape.accepts * shape.times {
                    kept = Some(*head);
                }
                if shape.named && time + 1 < shape.times {
                    *head = write(&mut mesh, &mut other, entry, vec![*head]);
                }
            }
        }
        let revocation = mesh.revoke(&bad, kept);
        let first = all[0].statement().touches[0].path.clone();
        Self { mesh, all, revocation, first }
    }

    /// A node that holds all of it.
    fn node(&self) -> Peer {
        Peer::of(self.mesh.mesh, 1, self.mesh.acts.iter().chain(&self.all).cloned().collect())
    }

    /// Gives it the revocation, up to where the disk has it. Gives back the disk's word.
    fn bring(&self, node: &mut Peer) -> Event {
        let statements = vec![self.revocation.wire().to_vec()];
        let (_, effects) = node.step(Event::Submit { call: CallId(1), statements });
        let stored = effects.into_iter().find_map(|effect| match effect {
            Effect::Store { batch, .. } => Some(Event::Stored { batch }),
            _ => None,
        });
        stored.expect("the revocation goes to the disk")
    }

    /// Seconds from the disk's word to the new view.
    fn effect(&self) -> f64 {
        let mut node = self.node();
        let stored = self.bring(&mut node);
        let (took, effects) = node.step(stored);
        assert!(effects.iter().any(|effect| matches!(effect, Effect::Show(_))), "the view changed");
        took
    }

    /// What the node holds of the entries afterwards, as the fold is given it.
    fn left(&self, machine: &Machine) -> Vec<Member> {
        let held = self.all.iter().filter(|one| machine.is_replicated(&one.id()));
        let counts = |id: &StatementId| machine.statement(id).is_some_and(|told| matches!(told.fate, Fate::Fit));
        sorted(held.map(|one| Member { statement: one.clone(), counts: counts(&one.id()) }).collect())
    }
}

fn sorted(mut members: Vec<Member>) -> Vec<Member> {
    let path = |member: &Member| member.statement.statement().touches.first().map(|touch| touch.path.clone());
    members.sort_by_cached_key(|member| (path(member), member.statement.key()));
    members
}

/// Seconds that folding from nothing takes, and the digest that comes of it.
fn fold(members: &[Member]) -> (f64, [u8; 32]) {
    let mut fold = ScopeFold::new();
    let (took, ()) = work_seconds(|| members.chunks(FOLDED_AT_ONCE).for_each(|part| drop(fold.update(part, &[]))));
    (took, fold.digest())
}

/// Reads one entry without pause while the revocation takes effect.
struct Reader {
    reads: usize,
    /// How long each of the first ones took, seconds.
    took: Vec<f64>,
}

impl Reader {
    fn beside(scene: &Scene) -> (Self, f64) {
        let mut node = scene.node();
        let stored = scene.bring(&mut node);
        let shown: ArcSwap<View> = ArcSwap::new(node.machine().view().clone());
        let (over, started) = (AtomicBool::new(false), AtomicBool::new(false));
        std::thread::scope(|scope| {
            let reader = scope.spawn(|| {
                let mut reader = Self { reads: 0, took: Vec::with_capacity(TIMED) };
                while !over.load(Ordering::Relaxed) {
                    let begin = Instant::now();
                    let there = shown.load().get(&scene.first).is_some_and(|entry| entry.effective.is_some());
                    let took = begin.elapsed().as_secs_f64();
                    if reader.took.len() < TIMED {
                        reader.took.push(took);
                    }
                    assert!(there, "the entry is there all the time: somebody else wrote it first");
                    reader.reads += 1;
                    started.store(true, Ordering::Relaxed);
                }
                reader
            });
            while !started.load(Ordering::Relaxed) {
                std::hint::spin_loop();
            }
            let (took, (_, effects)) = seconds(|| node.step(stored));
            for effect in effects {
                if let Effect::Show(view) = effect {
                    shown.store(view);
                }
            }
            over.store(true, Ordering::Relaxed);
            (reader.join().expect("the reader reads"), took)
        })
    }
}

fn rows_of(effort: Effort, shape: Shape, rows: &mut Vec<Row>) {
    let scene = Scene::of(shape);
    let mut node = scene.node();
    let stored = scene.bring(&mut node);
    node.step(stored);
    let members = scene.left(node.machine());
    let status = node.machine().status();
    let merged = status.scopes.iter().find(|told| told.scope.as_str() == "shop").map(|told| told.merged);
    assert_eq!(Some(fold(&members).1), merged, "the yardstick comes to the same state");
    let everything: Vec<Member> =
        sorted(scene.all.iter().map(|one| Member { statement: one.clone(), counts: true }).collect());
    let whole: Paired = pair(effort, || scene.effect(), || fold(&everything).0);
    let paired: Paired = pair(effort, || scene.effect(), || fold(&members).0);
    let what = format!(
        "one revocation, {} statements of its key in {} entries, {}",
        shape.entries * shape.times,
        shape.entries,
        shape.name
    );
    let row = Row::ratio(&what, "folding what is left of these entries, from nothing", Want::AtMost(1.0), &paired);
    let note = format!(
        "from stored to the new view {}, against {} for the {} statements left",
        span(paired.ours.median()),
        span(paired.theirs.median()),
        members.len(),
    );
    rows.push(row.note(note));
    let row = Row::ratio(
        format!("{what}, beside all that they had"),
        "folding all that these entries had, from nothing",
        Want::AtMost(1.0),
        &whole,
    );
    let note = format!(
        "from stored to the new view {}, against {} for {} statements",
        span(whole.ours.median()),
        span(whole.theirs.median()),
        scene.all.len()
    );
    rows.push(row.note(note));
    let (reader, step) = Reader::beside(&scene);
    let took = Spread::of(reader.took);
    let row = Row::plain(format!("{what}: p99.9 of reads meanwhile"), Want::Shown, " µs", took.quantile(0.999) * 1e6);
    let note = format!(
        "{} reads, each found its entry, half of them within {}; the driver's one step took {}",
        reader.reads,
        span(took.median()),
        span(step)
    );
    rows.push(row.note(note));
}

/// All rows about revoking.
pub fn run(effort: Effort) -> Vec<Row> {
    let (entries, times) = (effort.size(10_000, 1_000), 10);
    let shapes = [
        Shape { name: "all struck", entries, times, named: false, accepts: 0 },
        Shape { name: "a tenth struck", entries, times, named: false, accepts: 9 },
        Shape { name: "all struck, nine tenths named by another's", entries, times, named: true, accepts: 0 },
        Shape { name: "all struck", entries: effort.size(100, 10), times: 1_000, named: false, accepts: 0 },
    ];
    let mut rows = Vec::new();
    shapes.into_iter().for_each(|shape| rows_of(effort, shape, &mut rows));
    rows
}
