//! A service that watches: it keeps a copy of all entries, follows what changed since its revision, and starts from the
//! whole state when it fell behind. Slow ones and stuck ones are the node's plague, and it must not feel them.

use std::collections::BTreeMap;

use driftless_core::view::{Effective, Revision, Since, View};
use driftless_statement::{Path, Prefix};

/// A watcher.
#[derive(Debug, Default)]
pub struct Watcher {
    /// Its copy: the value of each entry.
    pub copy: BTreeMap<Path, Effective>,
    /// The view that its copy is of.
    pub revision: Option<Revision>,
    /// What each look takes it now, by fault, milliseconds; `None`: it does not look at all.
    pub slow: Vec<(usize, Option<u64>)>,
    /// Whether a look is planned.
    pub woken: bool,
    /// How often it had to start from the whole state.
    pub behind: u64,
}

impl Watcher {
    /// Looks at the node's view and follows what changed.
    pub fn look(&mut self, view: &View) {
        let since = self.revision.as_ref().map_or(Since::Behind, |revision| view.since(revision));
        match since {
            Since::Changed(paths) => {
                for path in paths {
                    match view.get(&path).and_then(|entry| entry.effective.clone()) {
                        Some(value) => drop(self.copy.insert(path, value)),
                        None => drop(self.copy.remove(&path)),
                    }
                }
            }
            Since::Behind => {
                self.behind += 1;
                self.copy = everything(view);
            }
        }
        self.revision = Some(view.revision());
    }

    /// Whether its copy equals a view.
    pub fn equals(&self, view: &View) -> bool {
        self.copy == everything(view)
    }

    /// What a look takes it now, milliseconds; `None`: it does not look.
    pub fn takes_ms(&self) -> Option<u64> {
        self.slow.iter().try_fold(0, |sum, (_, takes)| takes.map(|takes| sum + takes))
    }
}

fn everything(view: &View) -> BTreeMap<Path, Effective> {
    let entries = Prefix::all();
    let list = view.under(&entries, None).filter_map(|(path, entry)| Some((path.clone(), entry.effective.clone()?)));
    list.collect()
}
