//! Strategies of authors that write: branches, times, histories, counters, heads, paths. Each may do what its grant allows;
//! the malice is in what the statement says about its past and its time.

use driftless_core::rng::Rng;
use driftless_statement::codec::Item;
use driftless_statement::edit::Op;
use driftless_statement::{Body, Edit, Hlc, MeshId, Path, Prefix, StatementId, Step, Touch, Value, Write};

use super::author::{Author, Made, NOT_AFTER_MS, Released, Sight, seal};
use crate::world::founding::NODES_WRITE;

/// An entry that services write.
pub fn service(sight: &Sight, rng: &mut Rng) -> Path {
    let entry = rng.below(sight.entries as u64);
    path(&format!("{NODES_WRITE}/service-{}/entry-{entry}", entry % 7))
}

/// A path.
pub fn path(text: &str) -> Path {
    Path::parse(text).unwrap_or_else(|bad| panic!("a hostile author names an entry badly: {bad}"))
}

/// A put of a value that nobody else puts.
pub fn put(rng: &mut Rng) -> Vec<Edit> {
    let value = Value::Map([("evil".to_owned(), Value::Int(i128::from(rng.below(1 << 40))))].into());
    vec![Edit { at: Vec::new(), op: Op::Put(value) }]
}

fn edit(at: &[&str], op: Op) -> Edit {
    Edit { at: at.iter().map(|key| Step::Key((*key).to_owned())).collect(), op }
}

/// The heads of an entry, and the latest time among them.
fn seen(sight: &Sight, path: &Path) -> (Vec<StatementId>, Hlc) {
    sight.machine.merged(path, None).map(|told| (told.heads, told.after)).unwrap_or_default()
}

impl Author {
    /// A write as an honest author makes it, after the last one of a process that holds the key.
    fn honest(&mut self, sight: &Sight, path: Path, edits: Vec<Edit>, process: usize) -> Made {
        let (bases, after) = seen(sight, &path);
        let last = self.last[process];
        let hlc = self.time(sight, after.max(last.map_or(after, |(_, hlc)| hlc)));
        let mut statement = self.write(sight, (path, bases), hlc, edits);
        statement.prev = last.map(|(id, _)| id).into_iter().collect();
        let made = self.sign(&statement);
        self.last[process] = Some((made.id, made.hlc));
        made
    }

    pub(super) fn branches(&mut self, sight: &Sight, rng: &mut Rng) -> Released {
        let path = service(sight, rng);
        let before = self.last[0];
        let left = self.honest(sight, path.clone(), put(rng), 0);
        let after_left = std::mem::replace(&mut self.last[0], before);
        let right = self.honest(sight, path, put(rng), 0);
        if rng.below(2) == 0 {
            self.last[0] = after_left;
        }
        Released { first: vec![left.wire], second: vec![right.wire], ..Released::default() }
    }

    pub(super) fn twins(&mut self, sight: &Sight, rng: &mut Rng) -> Released {
        let process = (self.acts % 2) as usize;
        let path = service(sight, rng);
        let made = self.honest(sight, path, put(rng), process);
        Released { first: vec![made.wire], ..Released::default() }
    }

    /// Just after its grant: nothing that it names forbids that.
    pub(super) fn dates_back(&mut self, sight: &Sight, rng: &mut Rng) -> Released {
        let mut released = Released::default();
        for _ in 0..1 + rng.below(4) {
            let hlc = Hlc(self.since.0 + 1 + rng.below(1_000));
            let statement = self.write(sight, (service(sight, rng), Vec::new()), hlc, put(rng));
            released.first.push(self.sign(&statement).wire);
        }
        released
    }

    pub(super) fn forges(&mut self, sight: &Sight, rng: &mut Rng) -> Released {
        let mut released = Released::default();
        for step in 0..1 + rng.below(3) {
            let path = service(sight, rng);
            // Some of the heads, none of them, or an old one.
            let (mut bases, after) = seen(sight, &path);
            bases.truncate(rng.below(2) as usize);
            let hlc = self.time(sight, after);
            let statement = self.write(sight, (path, bases), Hlc(hlc.0 + step), put(rng));
            released.first.push(self.sign(&statement).wire);
        }
        released
    }

    pub(super) fn floods(&mut self, sight: &Sight, rng: &mut Rng) -> Released {
        let mut released = Released::default();
        let hlc = self.time(sight, Hlc::default());
        for step in 0..30 {
            let path = path(&format!("{NODES_WRITE}/flood-{}/{}", self.number, rng.below(30)));
            let statement = self.write(sight, (path, Vec::new()), Hlc(hlc.0 + step), put(rng));
            released.first.push(self.sign(&statement).wire);
        }
        released
    }

    pub(super) fn dates_ahead(&mut self, sight: &Sight, rng: &mut Rng) -> Released {
        let mut released = Released::default();
        let far = [50_000, 59_900, 600_000, 86_400_000 * 365 * 4_000][rng.below(4) as usize];
        for ahead_ms in [rng.below(59_000), far] {
            let path = service(sight, rng);
            let (bases, after) = seen(sight, &path);
            let hlc = Hlc::from_millis(sight.now_ms + ahead_ms).max(after.next().unwrap_or(after));
            let statement = self.write(sight, (path, bases), hlc, put(rng));
            released.first.push(self.sign(&statement).wire);
        }
        released
    }

    /// A long branch beside what others see: Automerge alone would let it win.
    pub(super) fn pads(&mut self, sight: &Sight, rng: &mut Rng) -> Released {
        let mut released = Released::default();
        let path = service(sight, rng);
        let mut hlc = self.time(sight, Hlc::default());
        let mut bases = Vec::new();
        for step in 0..4 {
            let edits = if step == 0 {
                put(rng)
            } else {
                (0..12).map(|_| edit(&["evil"], Op::Put(Value::Int(i128::from(rng.below(1 << 30)))))).collect()
            };
            let statement = self.write(sight, (path.clone(), bases), hlc, edits);
            let made = self.sign(&statement);
            bases = vec![made.id];
            hlc = hlc.next().unwrap_or(hlc);
            released.first.push(made.wire);
        }
        released
    }

    pub(super) fn overflows(&mut self, sight: &Sight, rng: &mut Rng) -> Released {
        let counter = path(&format!("{NODES_WRITE}/counters-{}/c", self.number));
        let (start, step) = (1i64 << 53, 1i64 << 32);
        let edits = match rng.below(4) {
            0 => vec![edit(&[], Op::Counter(if rng.below(2) == 0 { start } else { -start }))],
            1 => (0..200).map(|_| edit(&[], Op::Increment(step))).collect(),
            // Of what is no counter, or not there at all.
            2 => vec![edit(&["no", "such"], Op::Increment(-step)), edit(&[], Op::Put(Value::Int(1)))],
            _ => (0..100).map(|_| edit(&[], Op::Increment(-step))).collect(),
        };
        let made = self.honest(sight, counter, edits, 0);
        let lost = service(sight, rng);
        let other = self.honest(sight, lost, vec![edit(&[], Op::Increment(step))], 0);
        Released { first: vec![made.wire, other.wire], ..Released::default() }
    }

    /// What names a statement goes at once, that one later or never.
    pub(super) fn withholds(&mut self, sight: &Sight, rng: &mut Rng) -> Released {
        let mut released = Released::default();
        let path = path(&format!("{NODES_WRITE}/withheld-{}/{}", self.number, rng.below(1_000)));
        let hlc = self.time(sight, Hlc::default());
        let statement = self.write(sight, (path.clone(), Vec::new()), hlc, put(rng));
        let under = self.sign(&statement);
        let statement = self.write(sight, (path, vec![under.id]), hlc.next().unwrap_or(hlc), put(rng));
        released.first.push(self.sign(&statement).wire);
        self.kept.push(under.wire);
        if rng.below(3) > 0 {
            let at = rng.below(self.kept.len() as u64) as usize;
            released.second.push(self.kept.swap_remove(at));
        }
        released
    }

    pub(super) fn makes_heads(&mut self, sight: &Sight, rng: &mut Rng) -> Released {
        let mut released = Released::default();
        let path = path(&format!("{NODES_WRITE}/heads-{}/one", self.number));
        let hlc = self.time(sight, Hlc::default());
        for step in 0..12 {
            let statement = self.write(sight, (path.clone(), Vec::new()), Hlc(hlc.0 + step), put(rng));
            released.first.push(self.sign(&statement).wire);
        }
        released
    }

    pub(super) fn deletes(&mut self, sight: &Sight, rng: &mut Rng) -> Released {
        let prefix = Prefix::parse(NODES_WRITE).unwrap_or_else(|_| Prefix::all());
        let view = sight.machine.view().clone();
        let there = view.under(&prefix, None).filter(|(_, entry)| entry.effective.is_some());
        let paths: Vec<Path> = there.map(|(path, _)| path.clone()).take(64).collect();
        if paths.is_empty() || rng.below(3) > 0 {
            return Released::default();
        }
        let mut after = Hlc::default();
        let touches: Vec<Touch> = paths
            .into_iter()
            .map(|path| {
                let (bases, time) = seen(sight, &path);
                after = after.max(time);
                Touch { path, bases }
            })
            .collect();
        let edits = touches.iter().map(|_| vec![Edit { at: Vec::new(), op: Op::Delete }]).collect();
        let hlc = self.time(sight, after);
        let statement = self.draft(sight, touches, hlc, Body::Write(Write { edits }));
        Released { first: vec![self.sign(&statement).wire], ..Released::default() }
    }

    /// Paths that are none, put into the bytes where one was; and one that is the parent of entries.
    pub(super) fn confuses(&mut self, sight: &Sight, rng: &mut Rng) -> Released {
        let hlc = self.time(sight, Hlc::default());
        let plain = "app/plain/aaaa";
        let statement = self.write(sight, (path(plain), Vec::new()), hlc, put(rng));
        let canonical = statement.encode();
        let mut released = Released::default();
        for other in [
            "app/../opsaaaa",
            "app//lain/aaaa",
            "ops/plain/aaaa",
            "app/plain/aaa/",
            "app/p\u{0}ain/aa.a",
            "./p/plain/aaaa",
        ] {
            let bytes = replaced(&canonical, plain.as_bytes(), other.as_bytes());
            let (id, wire) = seal(bytes, &self.key);
            released.forbidden.push(id);
            released.first.push(wire);
        }
        let parent = path(&format!("{NODES_WRITE}/service-{}", rng.below(7)));
        let made = self.honest(sight, parent, put(rng), 0);
        released.second.push(made.wire);
        released
    }

    pub(super) fn is_strange(&mut self, sight: &Sight, rng: &mut Rng) -> Released {
        let hlc = self.time(sight, Hlc::default());
        let own = path(&format!("{NODES_WRITE}/strange-{}", self.number));
        let statement = match rng.below(3) {
            0 => {
                let mut statement = self.write(sight, (own, Vec::new()), hlc, put(rng));
                statement.unknown = vec![(42, Item::uint(rng.below(9)))];
                statement
            }
            1 => {
                let touch = Touch { path: own, bases: Vec::new() };
                self.draft(sight, vec![touch], hlc, Body::Unknown { kind: 99, item: Item::uint(rng.below(9)).into() })
            }
            _ => {
                let mut statement = self.draft(
                    sight,
                    Vec::new(),
                    hlc,
                    Body::Unknown { kind: 77, item: Item::Array(Vec::new()).into() },
                );
                statement.scope = own.scope();
                statement
            }
        };
        Released { first: vec![self.sign(&statement).wire], ..Released::default() }
    }

    /// Signs and keeps back; once it was struck, lets all go, the oldest first.
    pub(super) fn releases_late(&mut self, sight: &Sight, rng: &mut Rng) -> Released {
        let path = service(sight, rng);
        let made = self.honest(sight, path, put(rng), 0);
        self.kept.push(made.wire);
        if self.struck {
            Released { first: std::mem::take(&mut self.kept), ..Released::default() }
        } else {
            Released::default()
        }
    }

    /// Writes on after its time; by its other grant it names that, so that it comes into the set and must be void there. What it
    /// dates back before its end counts, as `docs/trust.md` says.
    pub(super) fn overstays(&mut self, sight: &Sight, rng: &mut Rng) -> Released {
        let path = service(sight, rng);
        if sight.now_ms <= NOT_AFTER_MS || rng.below(3) == 0 {
            let hlc = Hlc::from_millis(sight.now_ms.min(NOT_AFTER_MS) - rng.below(1_000));
            let statement = self.write(sight, (path, Vec::new()), hlc, put(rng));
            return Released { first: vec![self.sign(&statement).wire], ..Released::default() };
        }
        let hlc = self.time(sight, Hlc::from_millis(NOT_AFTER_MS + 1));
        let late = self.write(sight, (path, Vec::new()), hlc, put(rng));
        let late = self.sign(&late);
        let corner = self::path(&format!("{NODES_WRITE}/overstayer-{}/own", self.number));
        let mut names = self.write(sight, (corner, Vec::new()), hlc.next().unwrap_or(hlc), put(rng));
        names.prev = vec![late.id];
        names.grant = self.lasting.unwrap_or(self.grant);
        let names = self.sign(&names);
        Released { first: vec![late.wire, names.wire], forbidden: vec![late.id], ..Released::default() }
    }

    /// Statements of a mesh of its own, and statements of this one under a strange mesh's name.
    pub(super) fn replays_meshes(&mut self, sight: &Sight, rng: &mut Rng) -> Released {
        let hlc = self.time(sight, Hlc::default());
        let mut statement = self.write(sight, (service(sight, rng), Vec::new()), hlc, put(rng));
        let honest = self.sign(&statement);
        let mut released = Released { second: vec![honest.wire.clone()], ..Released::default() };
        let elsewhere = MeshId([rng.below(256) as u8; 32]);
        statement.mesh = elsewhere;
        let (id, wire) = seal(statement.encode(), &self.key);
        released.forbidden.push(id);
        released.first.push(wire);
        // An honest statement's signature under another mesh's name, and the other way round.
        for told in sight.machine.statements(None, None, 2) {
            let wire = told.statement.wire();
            let moved = replaced(&wire, sight.mesh.as_bytes(), elsewhere.as_bytes());
            released.forbidden.extend(moved.len().checked_sub(64).map(|end| StatementId::of(&moved[..end])));
            released.first.push(moved);
        }
        released
    }
}

/// Bytes with a part put in the place of another of the same length, where it first stands.
pub fn replaced(bytes: &[u8], part: &[u8], other: &[u8]) -> Vec<u8> {
    let mut changed = bytes.to_vec();
    if let Some(at) = bytes.windows(part.len()).position(|window| window == part) {
        changed[at..at + part.len()].copy_from_slice(&other[..part.len()]);
    }
    changed
}
