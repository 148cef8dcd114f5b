//! `wait`: until a change is effective on enough nodes.

use std::time::Duration;

use driftless_client::api::Change;
use driftless_client::{Client, clock};
use driftless_statement::StatementId;
use indicatif::{ProgressBar, ProgressStyle};
use tokio::time::Instant;

use crate::args::Goal;
use crate::exit::Failure;
use crate::render::change;
use crate::session::Session;

/// How long to wait when `--timeout` does not say.
const WAIT: Duration = Duration::from_secs(60);
/// Between two looks. Beacons come every few seconds; this is often enough to add nothing to that.
const LOOK: Duration = Duration::from_millis(250);

pub async fn run(session: &Session, id: &StatementId, goal: Goal) -> Result<(), Failure> {
    let client = session.client()?;
    let whole = session.global.timeout.unwrap_or(WAIT);
    let deadline = Instant::now() + whole;
    let bar = bar(session.out.interactive);
    let mut last: Option<Change> = None;
    loop {
        match look(&client, id, deadline).await {
            Ok(change) => {
                refuse_void(&change)?;
                refuse_too_many(goal, &change)?;
                let needed = change::needed(goal, change.expected);
                bar.set_length(needed.into());
                bar.set_position((change.has.len() as u64).min(needed.into()));
                bar.set_message(change::progress(&change, needed));
                if change.has.len() >= needed as usize {
                    bar.finish_and_clear();
                    session.out.say(&change::progress(&change, needed));
                    return session.out.show(&change, |paint| change::nodes(paint, &change));
                }
                last = Some(change);
            }
            // The change may be on its way to this node, and the node on its way back.
            Err(Failure::NotFound(_) | Failure::Unreachable(_)) if Instant::now() < deadline => {}
            Err(failure) => return Err(failure),
        }
        if Instant::now() + LOOK >= deadline {
            bar.finish_and_clear();
            return Err(out_of_time(session, id, goal, whole, last));
        }
        tokio::time::sleep(LOOK).await;
    }
}

async fn look(client: &Client, id: &StatementId, deadline: Instant) -> Result<Change, Failure> {
    match tokio::time::timeout_at(deadline, client.change(id)).await {
        Ok(answer) => Ok(answer?),
        Err(_) => Err(Failure::OutOfTime("the node did not answer in time".to_owned())),
    }
}

/// A statement that a rule keeps out will not become effective by waiting.
fn refuse_void(change: &Change) -> Result<(), Failure> {
    let info = &change.statement;
    match info.fate.as_str() {
        "void" | "unfit" => Err(Failure::Refused(format!(
            "{} is {} and will not become effective: {}",
            info.id,
            info.fate,
            info.reason.as_deref().unwrap_or("see `driftless explain`")
        ))),
        _ => Ok(()),
    }
}

/// More nodes than there are will never have it, however long the wait.
fn refuse_too_many(goal: Goal, change: &Change) -> Result<(), Failure> {
    let most = change.expected.max(1);
    match goal {
        Goal::Count(count) if count > most => Err(Failure::Usage(format!(
            "--for {count}: only {} of this mesh may hold scope {}, so waiting is in vain; give --for {most} or less, or \
             --for all (`driftless node add` adds a node)",
            crate::render::count(most as usize, "node", "nodes"),
            change.statement.scope,
        ))),
        Goal::Count(_) | Goal::All | Goal::Percent(_) => Ok(()),
    }
}

fn out_of_time(session: &Session, id: &StatementId, goal: Goal, whole: Duration, last: Option<Change>) -> Failure {
    let Some(change) = last else {
        return Failure::OutOfTime(format!("{id} did not reach this node within {}", clock::span(whole)));
    };
    let progress = change::progress(&change, change::needed(goal, change.expected));
    // Who asked still gets to see how far it is; that standard output is gone is the lesser news.
    let _ = session.out.show(&change, |paint| change::nodes(paint, &change));
    Failure::OutOfTime(format!("not there within {}: {progress}", clock::span(whole)))
}

fn bar(interactive: bool) -> ProgressBar {
    if !interactive {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new(1);
    if let Ok(style) = ProgressStyle::with_template("{bar:30} {pos}/{len} {msg}") {
        bar.set_style(style);
    }
    bar
}
