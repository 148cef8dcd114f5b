//! Sends a real history through a real mesh of three nodes over sockets, kills one node and cuts one off on the way, and
//! compares what every node serves at the end with the history's own last values.

pub mod dumps;
pub mod history;
mod lane;
mod report;
pub mod seat;
mod writers;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use driftless_client::api::Status;
use driftless_client::founding::{self, Plan};
use driftless_node::door::Call;
use driftless_statement::{Body, Path, Prefix, Scope, Value};
use tokio::sync::watch;

use history::{History, SCOPE};
pub use report::{NodeFigures, Report};
use seat::{Seat, Wire, wait};
use writers::{CUT, Field, KILLED, Tally, Writers};

/// What ends a replay early.
pub type Failed = Box<dyn std::error::Error + Send + Sync>;

/// How long any one condition may take before it counts as failed.
const PATIENCE: Duration = Duration::from_secs(120);

/// What to replay, and how.
pub struct Options {
    /// The history.
    pub file: PathBuf,
    /// Replay its first commits only.
    pub commits: Option<usize>,
    /// The program that runs node-1 and node-2, called as `PROGRAM run --config FILE`.
    pub program: PathBuf,
    /// An empty directory for the mesh.
    pub home: PathBuf,
    /// Edits under way at a time.
    pub window: usize,
    /// Told what happens.
    pub say: fn(&str),
}

/// Replays a history. An error says what is not as it must be.
pub async fn run(options: &Options) -> Result<Report, Failed> {
    let history = History::read(&options.file, options.commits)?;
    let (commits, edits, last) = (history.commits, history.edits.len(), history.last.clone());
    (options.say)(&format!("{edits} edits in {commits} commits, {} paths live at the end", last.len()));
    let seats = found(options).await?;
    let field = Arc::new(Field { seats, outages: watch::Sender::new(0), tally: Mutex::new(Tally::default()) });
    let begin = Instant::now();
    let lost = send(options, field.clone(), history).await?;
    let wrote = begin.elapsed();
    let end = converge(&field.seats).await?;
    let converged = begin.elapsed();
    let mut bytes = Vec::new();
    for seat in &field.seats {
        bytes.push(compare(seat, &last).await?);
    }
    let mut nodes = Vec::new();
    for (at, (seat, status)) in field.seats.iter().zip(&end).enumerate() {
        let lost = if at == KILLED { lost } else { Wire::default() };
        let wire = seat.wire().await?;
        let wire = Wire { sent: wire.sent + lost.sent, received: wire.received + lost.received };
        nodes.push(NodeFigures::new(status, wire, seat.store_bytes()));
    }
    let (statements, operations, statement_bytes) = content(&field.seats).await?;
    for seat in &field.seats {
        seat.stop().await;
    }
    let tally = std::mem::take(&mut *field.tally.lock().unwrap_or_else(std::sync::PoisonError::into_inner));
    let values = (last.len(), bytes.first().copied().unwrap_or_default());
    Ok(Report { commits, edits, statements, operations, statement_bytes, wrote, converged, values, nodes, tally })
}

/// Founds the mesh and starts its nodes: the last one here, so that its network can be cut.
async fn found(options: &Options) -> Result<[Seat; 3], Failed> {
    let plan = Plan {
        name: "replay".to_owned(),
        nodes: 3,
        base_port: seat::free_ports(3).ok_or("no three free ports in a row on 127.0.0.1")?,
        scopes: Vec::new(),
        node_write: vec![Prefix::parse(SCOPE)?],
        roots: 1,
    };
    let made = founding::found(&options.home, &plan)?;
    let mut seats = Vec::new();
    for (at, made) in made.nodes.iter().enumerate() {
        let program = (at != CUT).then_some(options.program.as_path());
        seats.push(Seat::start(made, program).await?);
    }
    let seats = <[Seat; 3]>::try_from(seats).map_err(|_| "three nodes were asked for")?;
    for seat in &seats {
        seat.wait_status("knows both others", |status| status.peers.len() == 2).await?;
    }
    (options.say)(&format!("mesh {} founded; three nodes know each other", made.mesh.short()));
    Ok(seats)
}

/// Sends all edits. After a quarter of them one node is killed, after two fifths it is started again; after three
/// fifths another is cut off, after three quarters it is let back. Gives what the network had carried for the killed node.
async fn send(options: &Options, field: Arc<Field>, history: History) -> Result<Wire, Failed> {
    let at_percent = |percent: usize| history.edits.len() * percent / 100;
    let (kill, restart, cut, heal) = (at_percent(25), at_percent(40), at_percent(60), at_percent(75));
    let mut writers = Writers::new(field.clone(), options.window);
    let (mut lost, mut back) = (Wire::default(), None);
    let [_, killed, apart] = &field.seats;
    for (at, edit) in history.edits.into_iter().enumerate() {
        if at == kill {
            lost = killed.wire().await?;
            field.outages.send_modify(|outage| *outage += 1);
            killed.kill()?;
            (options.say)(&format!("edit {at}: {} killed (SIGKILL)", killed.name));
        }
        if at == restart {
            killed.restart(&options.program)?;
            (options.say)(&format!("edit {at}: {} started again", killed.name));
            back = Some(tokio::spawn(come_back(field.clone())));
        }
        if at == cut {
            if let Some(back) = back.take() {
                back.await??;
            }
            writers.drain().await?;
            converge(&field.seats).await?;
            isolate(apart, true).await?;
            writers.apart = true;
            (options.say)(&format!("edit {at}: {} cut off; both sides write on", apart.name));
        }
        if at == heal {
            writers.drain().await?;
            isolate(apart, false).await?;
            writers.apart = false;
            (options.say)(&format!("edit {at}: {} let back", apart.name));
        }
        writers.start(edit).await?;
    }
    writers.drain().await?;
    Ok(lost)
}

async fn come_back(field: Arc<Field>) -> Result<(), Failed> {
    let [_, killed, _] = &field.seats;
    killed.wait_status("serves again", |status| status.entries > 0).await?;
    field.outages.send_modify(|outage| *outage += 1);
    Ok(())
}

async fn isolate(seat: &Seat, cut: bool) -> Result<(), Failed> {
    seat.door()?.calls.send(Call::Isolate(cut)).await.map_err(|_| "the node to cut off has ended")?;
    let peers = if cut { 0 } else { 2 };
    seat.wait_status("its network is as it was told", |status| status.peers.len() == peers).await
}

/// Waits until all nodes have equal digests of equal sets, and nothing waits.
async fn converge(seats: &[Seat; 3]) -> Result<Vec<Status>, Failed> {
    wait("the digests to be equal", || async {
        let mut all: Vec<Status> = Vec::new();
        for seat in seats {
            all.push(seat.client.status().await?);
        }
        let digests = |status: &Status| -> Vec<_> {
            let rows = status.scopes.iter();
            rows.map(|row| {
                (row.scope.clone(), row.statements, [&row.set, &row.merged, &row.effective].map(Clone::clone))
            })
            .collect()
        };
        let first = all.first().map(digests);
        let equal = all.iter().all(|status| status.waiting == 0 && Some(digests(status)) == first);
        Ok(equal.then_some(all))
    })
    .await
}

/// Reads everything that a node serves and compares it with what the history ends with; gives its size as Python prints
/// it.
async fn compare(seat: &Seat, last: &BTreeMap<Path, Value>) -> Result<usize, Failed> {
    let items = seat.client.items(&Prefix::parse(SCOPE)?).await?;
    let served: BTreeMap<Path, Value> = items.into_iter().map(|item| (item.path, item.value)).collect();
    let paths: std::collections::BTreeSet<&Path> = served.keys().chain(last.keys()).collect();
    let differ: Vec<&str> =
        paths.into_iter().filter(|path| served.get(*path) != last.get(*path)).map(Path::as_str).collect();
    if !differ.is_empty() {
        return Err(format!("{} serves other values than the history's last at {differ:?}", seat.name).into());
    }
    Ok(served.values().map(|value| dumps::dumps(value).len()).sum())
}

/// Statements of the history, their edits, and their bytes.
async fn content(seats: &[Seat; 3]) -> Result<(usize, usize, usize), Failed> {
    let [_, _, here] = seats;
    let scope: Scope = SCOPE.parse()?;
    let told = here.door()?.read(move |machine| machine.statements(Some(&scope), None, usize::MAX)).await?;
    let mut count = (0, 0, 0);
    for told in told {
        count.0 += 1;
        count.2 += told.statement.wire_len();
        if let Body::Write(write) = &told.statement.statement().body {
            count.1 += write.edits.iter().map(Vec::len).sum::<usize>();
        }
    }
    Ok(count)
}
