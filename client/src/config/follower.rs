//! What the events of one watch mean for the state, as a pure machine. It must not know sockets, time or locks.

use driftless_statement::Path;

use crate::api::{Item, WatchEvent};

/// What an event does to the state under the watched prefix.
#[derive(Debug)]
pub(super) enum Step {
    /// The state is complete as of now. `Some`: it is exactly these entries.
    Synced(Option<Vec<Item>>),
    /// An entry has a new value.
    Put(Item),
    /// An entry is gone.
    Delete(Path),
    /// The node lives.
    Alive {
        /// Seconds since it agreed with another one.
        agreed: Option<u64>,
        /// It hears nobody.
        isolated: bool,
    },
    /// Nothing to show yet.
    Nothing,
}

/// Follows one watch over any number of connections.
#[derive(Debug, Default)]
pub(super) struct Follower {
    /// The last `id:` taken in: a node gives one only when everything up to it was sent.
    resume: Option<String>,
    /// The revision of the latest event.
    latest: Option<String>,
    /// A state that is still being sent. It is shown only when it is whole.
    staging: Option<Vec<Item>>,
}

impl Follower {
    /// Goes on from a revision whose state is held already.
    pub fn from_revision(resume: Option<String>) -> Self {
        Self { latest: resume.clone(), resume, staging: None }
    }

    /// A new connection begins: what was half sent is void. Gives the revision to resume from.
    pub fn connect(&mut self) -> Option<&str> {
        self.staging = None;
        self.resume.as_deref()
    }

    /// The revision of the latest event that shows.
    pub fn revision(&self) -> Option<&str> {
        self.latest.as_deref()
    }

    /// The revision to resume from.
    pub fn resume(&self) -> Option<&str> {
        self.resume.as_deref()
    }

    /// Takes an event in; `id` is its `id:` field.
    pub fn take(&mut self, event: WatchEvent, id: Option<String>) -> Step {
        let step = match (event, &mut self.staging) {
            (WatchEvent::Reset { .. }, staging) => {
                *staging = Some(Vec::new());
                Step::Nothing
            }
            (WatchEvent::Synced { revision }, staging) => {
                self.latest = Some(revision);
                Step::Synced(staging.take())
            }
            (WatchEvent::Put(item), Some(staged)) => {
                staged.push(item);
                Step::Nothing
            }
            (WatchEvent::Delete { path, .. }, Some(staged)) => {
                staged.retain(|item| item.path != path);
                Step::Nothing
            }
            (WatchEvent::Alive { staleness, isolated, .. }, Some(_)) => Step::Alive { agreed: staleness, isolated },
            (WatchEvent::Put(item), None) => {
                self.latest = Some(item.revision.clone());
                Step::Put(item)
            }
            (WatchEvent::Delete { path, revision }, None) => {
                self.latest = Some(revision);
                Step::Delete(path)
            }
            (WatchEvent::Alive { revision, staleness, isolated }, None) => {
                self.latest = Some(revision);
                Step::Alive { agreed: staleness, isolated }
            }
        };
        if self.staging.is_none() && id.is_some() {
            self.resume = id;
        }
        step
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]
    use driftless_statement::Value;

    use super::*;

    fn item(path: &str, revision: &str) -> Item {
        Item {
            path: Path::parse(path).unwrap(),
            value: Value::Int(1),
            etag: revision.into(),
            revision: revision.into(),
            differs: false,
            conflicts: 0,
        }
    }

    fn id(text: &str) -> Option<String> {
        Some(text.into())
    }

    fn put(path: &str, revision: &str) -> WatchEvent {
        WatchEvent::Put(item(path, revision))
    }

    #[test]
    fn a_reset_shows_nothing_until_it_is_whole() {
        let mut follower = Follower::default();
        assert!(matches!(follower.take(WatchEvent::Reset { reason: "first".into() }, None), Step::Nothing));
        assert!(matches!(follower.take(put("a/b", "1"), None), Step::Nothing));
        let Step::Synced(Some(state)) = follower.take(WatchEvent::Synced { revision: "1".into() }, id("1")) else {
            panic!("synced")
        };
        assert_eq!(state.len(), 1);
        assert_eq!(follower.connect(), Some("1"));
    }

    #[test]
    fn a_reset_cut_off_half_way_changes_nothing() {
        let mut follower = Follower::from_revision(Some("5".into()));
        follower.take(WatchEvent::Reset { reason: "behind".into() }, None);
        follower.take(put("a/b", "9"), None);
        assert_eq!(follower.connect(), Some("5"));
        assert!(matches!(follower.take(put("a/b", "6"), None), Step::Put(_)));
    }

    #[test]
    fn only_an_id_is_resumed_from() {
        let mut follower = Follower::from_revision(Some("5".into()));
        follower.take(put("a/b", "6"), None);
        assert_eq!(follower.resume(), Some("5"), "revision 6 has a further change");
        follower.take(put("a/c", "6"), id("6"));
        follower.take(put("a/b", "7"), None);
        assert_eq!((follower.resume(), follower.revision()), (Some("6"), Some("7")));
        follower.take(WatchEvent::Delete { path: Path::parse("a/b").unwrap(), revision: "7".into() }, id("7"));
        assert_eq!(follower.connect(), Some("7"));
    }
}
