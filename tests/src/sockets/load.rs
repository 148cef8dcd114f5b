//! Writes of a plan on real nodes, and when each became effective where. It must not know how nodes are linked.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use driftless_core::machine::{LocalChange, LocalEdit, Precondition};
use driftless_core::view::Since;
use driftless_node::door::Door;
use driftless_sim::plan::Write;
use driftless_sim::world::NODES_WRITE;
use driftless_statement::{Note, Path, Value};
use tokio::task::JoinSet;

use crate::replay::Failed;

/// How long after the last write everything must be effective everywhere.
const PATIENCE: Duration = Duration::from_secs(60);

/// What was measured.
#[derive(Debug, Default)]
pub struct Measured {
    /// From each acknowledgement to the effect on each other node, microseconds.
    pub propagation_us: Vec<u64>,
    /// From asking for each write to its acknowledgement, microseconds.
    pub answers_us: Vec<u64>,
}

/// When a write was asked for and acknowledged.
struct Written {
    number: usize,
    asked: Instant,
    acknowledged: Instant,
}

/// Makes all writes, each at its time, and waits until every node has shown every one.
pub async fn run(doors: &[Door], writes: &[Write]) -> Result<Measured, Failed> {
    let entries: BTreeMap<Path, usize> =
        writes.iter().enumerate().map(|(number, write)| Ok((path(write)?, number))).collect::<Result<_, Failed>>()?;
    if entries.len() != writes.len() {
        return Err("two writes are to one entry: which of them a view shows could not be told".into());
    }
    let mut watching = JoinSet::new();
    for (node, door) in doors.iter().enumerate() {
        let (door, entries) = (door.clone(), entries.clone());
        watching.spawn(async move { watch(door, entries).await.map(|shown| (node, shown)) });
    }
    let written = write_all(doors, writes).await?;
    let all = async {
        let mut shown = BTreeMap::new();
        while let Some(ended) = watching.join_next().await {
            let (node, times) = ended??;
            shown.insert(node, times);
        }
        Ok::<_, Failed>(shown)
    };
    let late = |_| format!("not every write was effective on every node {} s after the last", PATIENCE.as_secs());
    let shown = tokio::time::timeout(PATIENCE, all).await.map_err(late)??;
    Ok(measure(writes, &written, &shown))
}

fn measure(writes: &[Write], written: &[Written], shown: &BTreeMap<usize, BTreeMap<usize, Instant>>) -> Measured {
    let micros = |time: Duration| u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
    let mut measured = Measured::default();
    for write in written {
        let author = writes.get(write.number).map(|write| write.node);
        measured.answers_us.push(micros(write.acknowledged - write.asked));
        for (_, times) in shown.iter().filter(|(node, _)| Some(**node) != author) {
            if let Some(time) = times.get(&write.number) {
                measured.propagation_us.push(micros(time.saturating_duration_since(write.acknowledged)));
            }
        }
    }
    measured
}

async fn write_all(doors: &[Door], writes: &[Write]) -> Result<Vec<Written>, Failed> {
    let begin = tokio::time::Instant::now();
    let mut under_way: JoinSet<Result<Written, Failed>> = JoinSet::new();
    for (number, write) in writes.iter().enumerate() {
        let door = doors.get(write.node).ok_or("a write is for a node that is not there")?.clone();
        let edit = edit(write)?;
        tokio::time::sleep_until(begin + Duration::from_millis(write.at_ms)).await;
        under_way.spawn(async move {
            let asked = Instant::now();
            door.write(edit).await?.map_err(|refused| refused.to_string())?;
            Ok(Written { number, asked, acknowledged: Instant::now() })
        });
    }
    let mut written = Vec::new();
    while let Some(ended) = under_way.join_next().await {
        written.push(ended??);
    }
    Ok(written)
}

/// When each entry first appeared in the node's view.
async fn watch(door: Door, entries: BTreeMap<Path, usize>) -> Result<BTreeMap<usize, Instant>, Failed> {
    let (mut changed, mut seen) = (door.changed.clone(), door.view().revision());
    let mut shown = BTreeMap::new();
    while shown.len() < entries.len() {
        changed.changed().await?;
        let (now, view) = (Instant::now(), door.view());
        let Since::Changed(paths) = view.since(&seen) else { return Err("a watcher fell behind".into()) };
        seen = view.revision();
        for number in paths.iter().filter_map(|path| entries.get(path)) {
            shown.entry(*number).or_insert(now);
        }
    }
    Ok(shown)
}

/// The entry that the simulated world gives this write, and the value too: statements are of one size in both.
fn path(write: &Write) -> Result<Path, Failed> {
    Ok(Path::parse(&format!("{NODES_WRITE}/service-{}/entry-{}", write.entry % 7, write.entry))?)
}

/// An edit that comes before all writes of a plan, and is none of them.
pub fn first() -> Result<LocalEdit, Failed> {
    let path = Path::parse(&format!("{NODES_WRITE}/first"))?;
    let change = LocalChange::Put(Value::Bool(true));
    Ok(LocalEdit { path, change, precondition: Precondition::None, note: Note::default() })
}

fn edit(write: &Write) -> Result<LocalEdit, Failed> {
    let members = [
        ("n", Value::Int(i128::from(write.value))),
        ("fill", Value::Text("x".repeat(write.bytes).into())),
        ("list", Value::List(Vec::new())),
    ];
    let value = Value::Map(members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect());
    let change = LocalChange::Put(value);
    Ok(LocalEdit { path: path(write)?, change, precondition: Precondition::None, note: Note::default() })
}
