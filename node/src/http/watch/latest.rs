//! The event of the newest change, written once for all watches that tell of it. It must not know who may read what.

use arc_swap::ArcSwapOption;
use axum::body::Bytes;
use driftless_core::view::{Revision, View};
use driftless_statement::Path;

struct Event {
    revision: Revision,
    path: Path,
    text: Bytes,
}

/// One event: what a thousand watches of an entry tell within a few milliseconds.
#[derive(Default)]
pub struct Latest(ArcSwapOption<Event>);

impl Latest {
    /// The event about a path of a view: as it was written last, or else by `write`.
    pub fn of(&self, view: &View, path: &Path, write: impl FnOnce() -> String) -> Bytes {
        let revision = view.revision();
        if let Some(kept) = self.0.load().as_ref().filter(|kept| kept.revision == revision && kept.path == *path) {
            return kept.text.clone();
        }
        let text = Bytes::from(write());
        self.0.store(Some(std::sync::Arc::new(Event { revision, path: path.clone(), text: text.clone() })));
        text
    }
}
