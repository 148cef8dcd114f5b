//! Holds the simulator to the real thing: one small scenario, once over real sockets with real disks and once simulated, with
//! links and disks as they were measured in the real run. It must not know how either carries it out.

mod figures;
mod load;
mod mesh;
mod probe;
mod proxy;
mod quantiles;

use std::path::PathBuf;

use driftless_sim::plan::{Case, How};
use driftless_sim::record::{Calibrated, Propagation, Record, SocketsTold};
use driftless_sim::scenario::{Link, Scenario};
use driftless_sim::{Options as SimOptions, draw};

use crate::replay::Failed;
use figures::Figures;
use load::Measured;
use mesh::Mesh;
use probe::Probe;

const SCENARIO: &str = include_str!("scenario.toml");

/// What to compare.
pub struct Options {
    /// An empty directory for the mesh.
    pub home: PathBuf,
    /// Nodes, where the scenario's own number is not wanted.
    pub nodes: Option<usize>,
    /// Writes, where the scenario's own number is not wanted.
    pub writes: Option<u64>,
    /// Draws the plan and all delays.
    pub seed: u64,
    /// Told what happens.
    pub say: fn(&str),
}

/// What the real run came to, with what was measured of its links and disks.
struct Real {
    measured: Measured,
    figures: Figures,
    near: Link,
    far: Link,
    /// Neighbours of a node in the topic's mesh, on average.
    neighbours: f64,
}

/// Runs both. The record is the simulator's, with the real figures beside it.
pub async fn run(options: &Options) -> Result<Record, Failed> {
    let mut scenario = Scenario::parse(SCENARIO)?;
    scenario.nodes = options.nodes.unwrap_or(scenario.nodes);
    scenario.load.writes = options.writes.unwrap_or(scenario.load.writes);
    let mut case = draw(&scenario, options.seed);
    // Each write is to an entry of its own and puts a value: so a view tells which write it shows.
    case.plan.writes.iter_mut().enumerate().for_each(|(number, write)| {
        (write.entry, write.how) = (number, How::Put);
    });
    let real = real(options, &case).await?;
    (options.say)("simulating the same");
    let told = calibrate(&mut case, real);
    let run = move || driftless_sim::run(&case, SimOptions::default());
    let mut record = tokio::task::spawn_blocking(run).await?;
    record.sockets = Some(told);
    Ok(record)
}

async fn real(options: &Options, case: &Case) -> Result<Real, Failed> {
    let mut mesh = Mesh::start(&options.home, &case.scenario, options.seed).await?;
    let writes = &case.plan.writes;
    (options.say)(&format!("{} real nodes run and are linked; {} writes", case.scenario.nodes, writes.len()));
    let near = Probe::begin(&mut mesh.proxies, case.scenario.link_between(0, 0)).await?;
    let far = Probe::begin(&mut mesh.proxies, case.scenario.link_between(0, 1)).await?;
    let before = mesh.figures().await?;
    let measured = load::run(&mesh.doors(), writes).await?;
    let figures = mesh.figures().await?.since(&before);
    let (near, far) = (near.end().await?, far.end().await?);
    mesh.stop().await;
    let neighbours = figures.neighbours / case.scenario.nodes as f64;
    Ok(Real { measured, figures, near, far, neighbours })
}

/// Gives the case the links and disks of the real run, and says what they were.
fn calibrate(case: &mut Case, real: Real) -> SocketsTold {
    let scenario = &mut case.scenario;
    let asked = (scenario.link, scenario.link_between(0, 1));
    scenario.link = real.near;
    for link in &mut scenario.links {
        (link.median_ms, link.p99_ms) = (Some(real.far.median_ms), Some(real.far.p99_ms));
    }
    let (median, p99) = (real.figures.commit_ms(0.5), real.figures.commit_ms(0.99));
    (scenario.disk.median_ms, scenario.disk.p99_ms) = (median.max(0.01), p99.max(median * 1.001).max(0.02));
    let link = |what: &str, asked: Link, measured: Link| Calibrated {
        what: what.to_owned(),
        asked_ms: Some((asked.median_ms, asked.p99_ms)),
        measured_ms: (measured.median_ms, measured.p99_ms),
    };
    let disk = Calibrated { what: "a commit".to_owned(), asked_ms: None, measured_ms: (median, p99) };
    let (mut times, mut answers) = (real.measured.propagation_us, real.measured.answers_us);
    times.sort_unstable();
    answers.sort_unstable();
    let copies = (real.figures.copies * 1e3 / real.figures.firsts.max(1.0)) as u64;
    SocketsTold {
        writes: answers.len() as u64,
        answer_p50_us: quantiles::at(&answers, 500),
        real: Propagation::of(&times, copies),
        neighbours: real.neighbours,
        calibrated: vec![
            link("a message within a region", asked.0, real.near),
            link("a message between regions", asked.1, real.far),
            disk,
        ],
    }
}
