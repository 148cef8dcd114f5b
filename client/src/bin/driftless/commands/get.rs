//! `get`: entries, once or as they change.

use driftless_client::config::{Config, OpenError, Options};
use driftless_client::{Change, ClientError};
use driftless_statement::{Path, Prefix};

use crate::args::{self, Format};
use crate::exit::Failure;
use crate::out::{json, line, yaml};
use crate::render::entries::{self, Document, Seen};
use crate::session::Session;

/// What to show.
enum Target {
    Entry(Path),
    Under(Prefix),
}

fn target(text: &str) -> Result<Target, Failure> {
    let bad = |error: driftless_statement::path::BadPath| Failure::Usage(format!("{text:?}: {error}"));
    if text.is_empty() || text.ends_with('/') {
        return args::prefix(text).map(Target::Under).map_err(bad);
    }
    if !text.contains('/') {
        return Err(Failure::Usage(format!("{text:?} is no entry; for the entries below it write `{text}/`")));
    }
    Path::parse(text).map(Target::Entry).map_err(bad)
}

pub async fn run(session: &Session, text: &str, watch: bool) -> Result<(), Failure> {
    match (target(text)?, watch) {
        (target, true) => follow(session, target).await,
        (Target::Entry(path), false) => {
            let item = session.client()?.item(&path).await?;
            match session.out.format {
                None | Some(Format::Json) => session.out.print(&entries::value(&item)),
                Some(Format::Jsonl) => session.out.print(&driftless_statement::json::to_string(&item.value)),
                Some(Format::Yaml) => session.out.print(&yaml(&item.value)?),
                Some(Format::Table) => session.out.print(&entries::listing(session.out.paint, &[item])),
            }
        }
        (Target::Under(prefix), false) => {
            let items = session.client()?.items(&prefix).await?;
            if items.is_empty() {
                session.out.say("no entries");
            }
            match session.out.format {
                None | Some(Format::Table) => session.out.print(&entries::listing(session.out.paint, &items)),
                Some(Format::Json) => session.out.print(&json(&items.iter().map(Document::from).collect::<Vec<_>>())?),
                Some(Format::Jsonl) => {
                    let lines: Result<String, Failure> = items.iter().map(|item| line(&Document::from(item))).collect();
                    session.out.print(&lines?)
                }
                Some(Format::Yaml) => {
                    let documents: Result<Vec<String>, Failure> =
                        items.iter().map(|item| yaml(&Document::from(item))).collect();
                    session.out.print(&documents?.join("---\n"))
                }
            }
        }
    }
}

/// Shows what is there, then what changes, until standard output is closed or the command is stopped.
async fn follow(session: &Session, target: Target) -> Result<(), Failure> {
    let prefix = match &target {
        Target::Entry(path) => Prefix::from(path),
        Target::Under(prefix) => prefix.clone(),
    };
    let mut options = Options::new(session.endpoint()?).prefix(prefix.as_str());
    if let Some(timeout) = session.global.timeout {
        options = options.deadline(timeout);
    }
    let config = options.open().await.map_err(open_failure)?;
    let wanted = |path: &Path| match &target {
        Target::Entry(entry) => entry == path,
        Target::Under(prefix) => prefix.covers(path),
    };
    let mut changes = config.watch(prefix.as_str()).map_err(|error| Failure::Usage(error.to_string()))?;
    let first: Vec<Seen> = changes.seen().items().filter(|item| wanted(&item.path)).map(|item| put(item)).collect();
    for seen in first {
        show(session, &seen)?;
    }
    let connection = tokio::spawn(tell_connection(config.clone(), session.out));
    while let Some(Change { path, after, .. }) = changes.next().await {
        if wanted(&path) {
            let seen = after.map_or(Seen::Delete { path }, |item| put(&item));
            show(session, &seen)?;
        }
    }
    connection.abort();
    Ok(())
}

/// Says when the node goes away and when it is back: the data alone would look as if nothing changed.
async fn tell_connection(config: Config, out: crate::out::Out) {
    let mut changed = config.changed();
    let mut connected = true;
    while changed.changed().await.is_ok() {
        let staleness = config.staleness();
        if staleness.connected != connected {
            connected = staleness.connected;
            out.say(&staleness.to_string());
        }
    }
}

fn put(item: &driftless_client::api::Item) -> Seen {
    Seen::Put { path: item.path.clone(), value: item.value.clone(), revision: item.revision.clone() }
}

fn show(session: &Session, seen: &Seen) -> Result<(), Failure> {
    match session.out.format {
        None | Some(Format::Table) => session.out.print(&entries::seen(session.out.paint, seen)),
        // One object a line, so that a program reads each as it comes.
        Some(Format::Json | Format::Jsonl) => session.out.print(&line(seen)?),
        Some(Format::Yaml) => session.out.print(&format!("---\n{}", yaml(seen)?)),
    }
}

fn open_failure(error: OpenError) -> Failure {
    let text = error.to_string();
    match error {
        OpenError::Prefix { .. } | OpenError::NoPrefix => Failure::Usage(text),
        OpenError::NoState { last: last @ (ClientError::Unreachable { .. } | ClientError::Problem(_)), .. } => {
            last.into()
        }
        OpenError::NoState { .. } => Failure::OutOfTime(text),
        OpenError::Refused(error) => error.into(),
    }
}
