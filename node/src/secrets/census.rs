//! What is known of every sealed entry: whether it opens here, who else knows the secret, and whether it is sealed to whom its
//! group names now. Pure: opening is somebody else's, and no secret comes by.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use driftless_client::sealed::{GROUPS, Group, Recipients, Sealed, group_path};
use driftless_core::view::{EntryView, View};
use driftless_statement::{Path, Prefix, StatementId, json};

use super::keeper::{is_meant, read};

/// What a sealed entry is to this node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    /// It names this node and was opened.
    Openable,
    /// It does not name this node.
    NotForThisNode,
    /// It names this node, which cannot open it; or it is no sealed value though it means to be one.
    Unopenable,
}

/// One sealed entry.
struct Known {
    state: State,
    /// Count of the view in which it last changed.
    changed: u64,
    /// Its group, and a fingerprint of those whom it is sealed to; `None`: it cannot be read.
    sealed_to: Option<(String, Fingerprint)>,
    /// Whether somebody who is no recipient knows the secret.
    known_to_removed: bool,
}

type Fingerprint = [u8; 32];

/// An entry that was found to open.
pub(super) struct Opens {
    /// The heads that its effective value came from.
    pub heads: Arc<[StatementId]>,
    /// When it was found, Unix milliseconds.
    pub at_ms: u64,
}

/// How many sealed entries there are of each state. The first three add up to all of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Tally {
    pub openable: u64,
    pub not_for_this_node: u64,
    pub unopenable: u64,
    pub known_to_removed: u64,
    pub stale: u64,
}

impl Tally {
    /// By the words of the metric.
    pub fn words(&self) -> [(&'static str, u64); 5] {
        [
            ("openable", self.openable),
            ("not_for_this_node", self.not_for_this_node),
            ("unopenable", self.unopenable),
            ("known_to_removed", self.known_to_removed),
            ("stale", self.stale),
        ]
    }
}

/// All sealed entries of the view seen last.
#[derive(Default)]
pub(super) struct Census(BTreeMap<Path, Known>);

impl Census {
    /// Whether a change of this entry changes anything here.
    pub fn concerns(&self, path: &Path, view: &View) -> bool {
        let is_group = path.as_str().strip_prefix(GROUPS).is_some_and(|rest| rest.starts_with('/'));
        is_group || self.0.contains_key(path) || view.get(path).is_some_and(|entry| sealed(entry).is_some())
    }

    /// Looks at entries that changed, or at all (`None`), and gives back those that are new and open. `judge` opens.
    pub fn look(
        &mut self,
        view: &View,
        changed: Option<Vec<Path>>,
        judge: impl Fn(&Sealed) -> State,
        now_ms: impl Fn() -> u64,
    ) -> Vec<Opens> {
        let all = || {
            let everything = Prefix::all();
            let meant = view.under(&everything, None).filter(|(_, entry)| sealed(entry).is_some());
            self.0.keys().cloned().chain(meant.map(|(path, _)| path.clone())).collect()
        };
        let paths = changed.unwrap_or_else(all);
        let mut open = Vec::new();
        for path in paths {
            let Some((entry, json)) = view.get(&path).and_then(|entry| Some((entry, sealed(entry)?))) else {
                self.0.remove(&path);
                continue;
            };
            if self.0.get(&path).is_some_and(|known| known.changed == entry.changed) {
                continue;
            }
            let known = know(&json, entry.changed, &judge);
            if known.state == State::Openable {
                open.push(Opens { heads: entry.heads.clone(), at_ms: now_ms() });
            }
            self.0.insert(path, known);
        }
        open
    }

    /// Counts them, with the groups as the view has them. `lost`: whether a group names this node with a recipient that it
    /// no longer is. Then what is sealed to the group is meant for this node and cannot be opened.
    pub fn tally(&self, view: &View, lost: impl Fn(&Group) -> bool) -> Tally {
        let mut groups = BTreeMap::new();
        let mut tally = Tally::default();
        for known in self.0.values() {
            let mut state = known.state;
            if let Some((group, fingerprint)) = &known.sealed_to {
                let now = groups.entry(group.as_str()).or_insert_with(|| {
                    group_now(view, group).map(|group| (self::fingerprint(&group.recipients()), lost(&group)))
                });
                tally.stale += u64::from(now.is_none_or(|(now, _)| now != *fingerprint));
                if state == State::NotForThisNode && now.is_some_and(|(_, lost)| lost) {
                    state = State::Unopenable;
                }
            }
            match state {
                State::Openable => tally.openable += 1,
                State::NotForThisNode => tally.not_for_this_node += 1,
                State::Unopenable => tally.unopenable += 1,
            }
            tally.known_to_removed += u64::from(known.known_to_removed);
        }
        tally
    }
}

/// The effective value, when it means to be a sealed one.
fn sealed(entry: &EntryView) -> Option<Cow<'_, str>> {
    entry.json().filter(|json| is_meant(json))
}

fn know(json: &str, changed: u64, judge: impl Fn(&Sealed) -> State) -> Known {
    match read(json) {
        Ok(sealed) => Known {
            state: judge(&sealed),
            changed,
            sealed_to: Some((sealed.group().to_owned(), fingerprint(sealed.recipients()))),
            known_to_removed: !sealed.known_to().is_empty(),
        },
        Err(_) => Known { state: State::Unopenable, changed, sealed_to: None, known_to_removed: false },
    }
}

/// Of names and recipients in ascending order of the names. Neither has a line's end in it.
fn fingerprint(recipients: &Recipients) -> Fingerprint {
    let mut hasher = blake3::Hasher::new();
    for (name, recipient) in recipients {
        hasher.update(name.as_bytes()).update(b"\n").update(recipient.as_str().as_bytes()).update(b"\n");
    }
    *hasher.finalize().as_bytes()
}

/// A group as it is now; `None`: there is no such group, or it is none.
fn group_now(view: &View, group: &str) -> Option<Group> {
    let json = view.get(&group_path(group).ok()?)?.json()?;
    Group::parse(&json::parse(json.as_bytes()).ok()?).ok()
}
