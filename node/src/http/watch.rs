//! Watches: the state, then what changes, as server-sent events. A watch keeps no queue: on each wake it asks the newest
//! view what changed since the last one it told of, so a slow reader costs no memory and misses nothing but the values
//! in between.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Poll, ready};

use axum::body::{Body, Bytes};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Response};
use driftless_client::api::WatchEvent;
use driftless_core::view::{Revision, Since, View};
use driftless_statement::{Path, Prefix};
use tokio::sync::watch;
use tokio::time::{Instant, Sleep};

use super::access::{Lease, Permit};
use super::entry;
use super::problem::{Answer, Kind, Problem};
use super::routes::Shared;
use super::stamp::{About, now_ms, staleness};
use super::target::{self, Query};
use crate::metrics::Watching;

mod latest;
pub use latest::Latest;

const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");
/// Bytes of events made at once: enough to keep a socket busy, little to hold for each of a thousand watches.
const CHUNK_BYTES: usize = 64 * 1024;

/// What a watch is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// One entry.
    Entry(Path),
    /// Every entry under a prefix.
    Under(Prefix),
}

impl Target {
    fn covers(&self, path: &Path) -> bool {
        match self {
            Self::Entry(entry) => entry == path,
            Self::Under(prefix) => prefix.covers(path),
        }
    }

    fn prefix(&self) -> Prefix {
        match self {
            Self::Entry(entry) => Prefix::from(entry),
            Self::Under(prefix) => prefix.clone(),
        }
    }
}

/// What is still to be told from one view.
enum Telling {
    /// The whole state, from behind this path on.
    State { view: Arc<View>, after: Option<Path> },
    /// Changes.
    Changes { view: Arc<View>, paths: VecDeque<Path> },
    /// Nothing: everything up to a revision was told.
    Nothing,
}

/// The pure part of a watch: views in, events out.
pub struct Watcher {
    target: Target,
    permit: Permit,
    /// Everything up to here was told.
    told: Option<Revision>,
    telling: Telling,
}

impl Watcher {
    /// A watch that goes on from a revision, or begins anew.
    pub fn new(target: Target, permit: Permit, resume: Option<Revision>) -> Self {
        Self { target, permit, told: resume, telling: Telling::Nothing }
    }

    fn tells_of(&self, path: &Path) -> bool {
        self.target.covers(path) && self.permit.reads(path)
    }

    /// Looks at the newest view, when everything before it was told. Returns what opens the telling, if something does.
    pub fn look(&mut self, view: &Arc<View>) -> Option<String> {
        if !matches!(self.telling, Telling::Nothing) || self.told == Some(view.revision()) {
            return None;
        }
        let Some(told) = self.told else {
            self.telling = Telling::State { view: view.clone(), after: None };
            return Some(reset("the watch begins: here is the state"));
        };
        match view.since(&told) {
            Since::Changed(paths) => {
                let paths: VecDeque<Path> = paths.into_iter().filter(|path| self.tells_of(path)).collect();
                if paths.is_empty() {
                    self.told = Some(view.revision());
                } else {
                    self.telling = Telling::Changes { view: view.clone(), paths };
                }
                None
            }
            Since::Behind => {
                self.telling = Telling::State { view: view.clone(), after: None };
                Some(reset("you fell behind, or the node restarted: here is the state"))
            }
        }
    }

    /// The next events to send; `None`: everything was told.
    pub fn next(&mut self, latest: &Latest) -> Option<Bytes> {
        match std::mem::replace(&mut self.telling, Telling::Nothing) {
            Telling::Nothing => None,
            Telling::State { view, after } => Some(self.tell_state(view, after).into()),
            Telling::Changes { view, paths } => match (paths.front(), paths.len()) {
                (Some(path), 1) => {
                    self.told = Some(view.revision());
                    Some(latest.of(&view, path, || change(&view, path, Some(&view.revision()))))
                }
                _ => Some(self.tell_changes(view, paths).into()),
            },
        }
    }

    fn tell_state(&mut self, view: Arc<View>, after: Option<Path>) -> String {
        let mut text = String::new();
        let prefix = self.target.prefix();
        let mut last = None;
        for (path, found) in view.under(&prefix, after.as_ref()) {
            if text.len() > CHUNK_BYTES {
                self.telling = Telling::State { view: view.clone(), after: last };
                return text;
            }
            last = Some(path.clone());
            let Some(json) = self.tells_of(path).then(|| found.json()).flatten() else { continue };
            text.push_str(&put(&entry::item(path, found, &json, &view), None));
        }
        self.told = Some(view.revision());
        text.push_str(&synced(&view.revision()));
        text
    }

    /// A reader that is cut off in the middle of one view's changes gets all of them again: only the last has an id.
    fn tell_changes(&mut self, view: Arc<View>, mut paths: VecDeque<Path>) -> String {
        let mut text = String::new();
        while let Some(path) = paths.pop_front() {
            let revision = view.revision();
            let id = paths.is_empty().then_some(&revision);
            text.push_str(&change(&view, &path, id));
            if text.len() > CHUNK_BYTES && !paths.is_empty() {
                self.telling = Telling::Changes { view, paths };
                return text;
            }
        }
        self.told = Some(view.revision());
        text
    }
}

/// One event as text. JSON has no line ends outside of escapes, so one `data:` line holds it.
fn frame(name: &str, data: &str, id: Option<&Revision>) -> String {
    let id = id.map(|id| format!("id: {id}\n")).unwrap_or_default();
    format!("event: {name}\n{id}data: {data}\n\n")
}

fn event(event: &WatchEvent, id: Option<&Revision>) -> String {
    let name = match event {
        WatchEvent::Reset { .. } => "reset",
        WatchEvent::Synced { .. } => "synced",
        WatchEvent::Put(_) => "put",
        WatchEvent::Delete { .. } => "delete",
        WatchEvent::Alive { .. } => "alive",
    };
    // A struct of texts and numbers always has a JSON form.
    frame(name, &serde_json::to_string(event).unwrap_or_default(), id)
}

fn put(item: &str, id: Option<&Revision>) -> String {
    let members = item.strip_prefix('{').unwrap_or(item);
    frame("put", &format!("{{\"event\":\"put\",{members}"), id)
}

/// What became of the entry at a path by a view.
fn change(view: &View, path: &Path, id: Option<&Revision>) -> String {
    match view.get(path).and_then(|found| found.json().map(|json| (found, json))) {
        Some((found, json)) => put(&entry::item(path, found, &json, view), id),
        None => event(&WatchEvent::Delete { path: path.clone(), revision: view.revision().to_string() }, id),
    }
}

fn reset(reason: &str) -> String {
    event(&WatchEvent::Reset { reason: reason.to_owned() }, None)
}

fn synced(revision: &Revision) -> String {
    event(&WatchEvent::Synced { revision: revision.to_string() }, Some(revision))
}

/// Why a watch that had told everything looks again.
enum Woken {
    /// There is a new view.
    News,
    /// For a heartbeat nothing was sent.
    Quiet,
    /// The node shuts down, or the reader's token has ended.
    Over,
}

/// A watch on its way to one reader.
struct Stream {
    shared: Arc<Shared>,
    watcher: Watcher,
    /// What may end the watch early.
    lease: Option<Lease>,
    changed: watch::Receiver<u64>,
    /// One for all heartbeats, set on only when it goes off: a timer for each event would cost two locks of the wheel.
    alarm: Pin<Box<Sleep>>,
    /// When something was sent last.
    sent: Instant,
    /// A resumed watch says once that it has caught up.
    greet: bool,
    _counted: Watching,
}

impl Stream {
    fn alive(&self) -> String {
        let door = &self.shared.door;
        let standing = door.standing();
        let alive = WatchEvent::Alive {
            revision: door.view().revision().to_string(),
            staleness: staleness(&standing, now_ms()),
            isolated: standing.isolated,
        };
        event(&alive, self.watcher.told.as_ref())
    }

    /// The next events; `None` ends the watch: the node shuts down, or the reader's token has ended.
    async fn next(&mut self) -> Option<Bytes> {
        let next = self.find().await;
        self.sent = Instant::now();
        next
    }

    async fn find(&mut self) -> Option<Bytes> {
        loop {
            // Asked before each part: a reader who is never up to date must not go on for ever.
            if self.lease.as_ref().is_some_and(|lease| lease.is_over(now_ms())) {
                return None;
            }
            if let Some(text) = self.watcher.next(&self.shared.latest) {
                return Some(text);
            }
            // Seen before the view is loaded: a view that comes in between wakes the wait below at once.
            let _ = *self.changed.borrow_and_update();
            if let Some(text) = self.watcher.look(&self.shared.door.view()) {
                // The state ends in its own `synced`.
                self.greet = false;
                return Some(text.into());
            }
            if !matches!(self.watcher.telling, Telling::Nothing) {
                continue;
            }
            if std::mem::take(&mut self.greet) {
                return self.watcher.told.as_ref().map(|told| synced(told).into());
            }
            match self.woken().await {
                Woken::News => {}
                Woken::Quiet => return Some(self.alive().into()),
                Woken::Over => return None,
            }
        }
    }

    /// Waits until there is something to do. At a shutdown the connection wakes its task, and so this wait: to wait for
    /// one here as well would cost each watch another place in another list at each event.
    async fn woken(&mut self) -> Woken {
        let Self { shared, lease, changed, alarm, sent, .. } = self;
        let due = *sent + shared.settings.heartbeat;
        let (mut changed, mut ended) = (pin!(changed.changed()), pin!(ended(lease)));
        poll_fn(|cx| {
            if shared.shutdown.has_changed().is_err() || *shared.shutdown.borrow() || ended.as_mut().poll(cx).is_ready()
            {
                return Poll::Ready(Woken::Over);
            }
            if let Poll::Ready(changed) = changed.as_mut().poll(cx) {
                return Poll::Ready(if changed.is_ok() { Woken::News } else { Woken::Over });
            }
            loop {
                ready!(alarm.as_mut().poll(cx));
                if Instant::now() >= due {
                    return Poll::Ready(Woken::Quiet);
                }
                alarm.as_mut().reset(due);
            }
        })
        .await
    }
}

/// Waits for the end of a token; without one, for ever.
async fn ended(lease: &mut Option<Lease>) {
    match lease {
        Some(lease) => lease.ended().await,
        None => std::future::pending().await,
    }
}

/// The revision that a reader saw last, as it says itself.
fn resume(query: &mut Query, headers: &HeaderMap) -> Answer<Option<Revision>> {
    let since = query.revision("since")?;
    let last = match headers.get(LAST_EVENT_ID).map(HeaderValue::to_str) {
        None | Some(Ok("")) => None,
        Some(Ok(text)) => Some(target::revision("last-event-id", text)?),
        Some(Err(_)) => return Err(Problem::new(Kind::Revision, "last-event-id: not ASCII text")),
    };
    // A browser-like client repeats its first URL when it reconnects: the header is newer than the parameter.
    Ok(last.or(since))
}

/// Opens a watch.
pub async fn open(
    shared: &Arc<Shared>,
    permit: Permit,
    about: Target,
    mut query: Query,
    headers: &HeaderMap,
) -> Answer<Response<Body>> {
    let resume = resume(&mut query, headers)?;
    let view = shared.demanded(&mut query, headers).await?;
    query.end()?;
    shared.must_hold_prefix(&about.prefix()).await?;
    let counted = shared.metrics.watching();
    if shared.metrics.watchers() > shared.settings.max_watchers as u64 {
        return Err(Problem::new(Kind::Busy, "this node has as many watches as http.max_watchers allows"));
    }
    let stream = Stream {
        shared: shared.clone(),
        lease: permit.lease().cloned(),
        watcher: Watcher::new(about.clone(), permit, resume),
        changed: shared.door.changed.clone(),
        alarm: Box::pin(tokio::time::sleep(shared.settings.heartbeat)),
        sent: Instant::now(),
        greet: resume.is_some(),
        _counted: counted,
    };
    let events = futures::stream::unfold(stream, |mut stream| async move {
        let text = stream.next().await?;
        Some((Ok::<_, Infallible>(text), stream))
    });
    let mut response = Response::new(Body::from_stream(events));
    let fields = response.headers_mut();
    fields.insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    fields.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    shared.stamps.put(fields, &shared.door, &view, &About::under(about.prefix().as_str()));
    Ok(response)
}

#[cfg(test)]
mod tests;
