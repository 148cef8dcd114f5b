//! The tasks behind a snapshot: one follows the watch of each prefix over any number of connections, one saves the
//! last-known file. They must not decide what events mean: that is the follower's.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use driftless_statement::{Prefix, json};
use http_body_util::BodyExt;

use super::backoff::Backoff;
use super::cache;
use super::follower::{Follower, Step};
use super::shared::{At, Shared};
use crate::api::{WatchEvent, header};
use crate::client::Client;
use crate::error::ClientError;
use crate::sse::{Event, Parser};

/// A connection on which nothing came for so long is dead: a node says that it lives several times within it.
const SILENCE: Duration = Duration::from_secs(45);
/// The last-known file is written at most this often.
const SAVE: Duration = Duration::from_secs(2);

/// Follows one prefix for ever.
pub(super) async fn watch(client: Client, shared: Arc<Shared>, index: usize, prefix: Prefix) {
    let mut follower = Follower::from_revision(shared.resume(index));
    let mut backoff = Backoff::default();
    loop {
        let ended = connection(&client, &shared, index, &prefix, &mut follower, &mut backoff).await;
        tracing::debug!(%prefix, error = %ended, "the watch ended; connecting again");
        shared.lost(index, ended);
        tokio::time::sleep(backoff.next()).await;
    }
}

/// One connection, until it ends.
async fn connection(
    client: &Client,
    shared: &Shared,
    index: usize,
    prefix: &Prefix,
    follower: &mut Follower,
    backoff: &mut Backoff,
) -> ClientError {
    let endpoint = || client.endpoint().to_string();
    let mut body = match client.watch(prefix, follower.connect()).await {
        Ok(response) => {
            let text = |name: &str| response.headers().get(name).and_then(|value| value.to_str().ok());
            let agreed = text(header::STALENESS).and_then(|seconds| seconds.parse().ok());
            shared.reached(index, agreed, text(header::ISOLATED) == Some("true"));
            response.into_body()
        }
        Err(error) => return error,
    };
    let mut parser = Parser::default();
    loop {
        let frame = match tokio::time::timeout(SILENCE, body.frame()).await {
            Err(_) => return ClientError::Timeout { endpoint: endpoint(), after: SILENCE },
            Ok(None) => return unreachable(endpoint(), "the node ended the watch"),
            Ok(Some(Err(error))) => return unreachable(endpoint(), &error.to_string()),
            Ok(Some(Ok(frame))) => frame,
        };
        let Ok(bytes) = frame.into_data() else { continue };
        match take(&mut parser, follower, &bytes) {
            // A comment that shows that the node lives, or a part of an event.
            Ok(steps) if steps.is_empty() => shared.heard(index),
            Ok(steps) => {
                backoff.reset();
                let at = At { revision: follower.revision(), resume: follower.resume() };
                shared.apply(index, prefix, steps, at);
            }
            Err(reason) => return ClientError::Answer { endpoint: endpoint(), reason },
        }
    }
}

fn unreachable(endpoint: String, reason: &str) -> ClientError {
    ClientError::Unreachable { endpoint, reason: reason.to_owned() }
}

/// What bytes of the stream mean.
fn take(parser: &mut Parser, follower: &mut Follower, bytes: &[u8]) -> Result<Vec<Step>, String> {
    let events = parser.feed(bytes).map_err(|error| error.to_string())?;
    let mut steps = Vec::new();
    for Event { data, id, .. } in events {
        let event: WatchEvent =
            json::read(data.as_bytes()).map_err(|error| format!("an event of the watch: {error}"))?;
        steps.push(follower.take(event, id));
    }
    Ok(steps)
}

/// Keeps the last-known file up to date.
pub(super) async fn save(shared: Arc<Shared>, file: PathBuf) {
    let mut changes = shared.changes();
    while changes.changed().await.is_ok() {
        // Wait first: what changes together is written together.
        tokio::time::sleep(SAVE).await;
        changes.mark_unchanged();
        let (shared, path) = (shared.clone(), file.clone());
        let stored = tokio::task::spawn_blocking(move || match shared.to_save() {
            Some(saved) => cache::store(&path, &saved),
            None => Ok(()),
        });
        match stored.await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(path = %file.display(), %error, "the last-known file was not written"),
            Err(_) => return,
        }
    }
}
