//! What answers about one entry share while the entry stays as it is: its tag and its body, made once and sent many times.
//! It must not know requests, freshness or where entries come from.

use std::sync::Arc;

use arc_swap::ArcSwapOption;
use axum::body::Bytes;
use axum::http::HeaderValue;
use driftless_core::view::{EntryView, View};

use super::etag;

/// Entries remembered. A guess: more than services on one machine read again and again.
const SLOTS: usize = 256;
/// Bytes of the largest value remembered: what is kept here outlives its entry, and should not weigh.
const MOST_BYTES: usize = 4 * 1024;

/// The parts of an answer that an entry alone decides.
pub struct Ready {
    entry: Arc<EntryView>,
    /// The entity tag, without quotes.
    pub tag: String,
    /// The entity tag as a header field's value.
    pub field: Option<HeaderValue>,
    /// The value as JSON.
    pub body: Bytes,
}

/// Shares a value's text with an answer instead of copying it.
struct Text(Arc<str>);

impl AsRef<[u8]> for Text {
    fn as_ref(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

impl Ready {
    fn of(entry: &Arc<EntryView>, json: Arc<str>, view: &View) -> Self {
        let tag = etag::of(entry, view);
        let field = HeaderValue::from_str(&format!("\"{tag}\"")).ok();
        Self { entry: entry.clone(), tag, field, body: Bytes::from_owner(Text(json)) }
    }
}

/// The entries read last, found by where they lie in memory: an entry that changes lies elsewhere, and one that is
/// remembered keeps its place.
pub struct Hot(Box<[ArcSwapOption<Ready>]>);

impl Default for Hot {
    fn default() -> Self {
        Self((0..SLOTS).map(|_| ArcSwapOption::empty()).collect())
    }
}

impl Hot {
    /// The parts of an answer about an entry. `None`: nothing is effective.
    pub fn of(&self, entry: &Arc<EntryView>, view: &View) -> Option<Arc<Ready>> {
        let effective = entry.effective.as_ref()?;
        let slot = self.0.get(Arc::as_ptr(entry).addr() / size_of::<EntryView>() % SLOTS)?;
        if let Some(ready) = slot.load().as_ref().filter(|kept| Arc::ptr_eq(&kept.entry, entry)) {
            return Some(ready.clone());
        }
        let ready = Arc::new(Ready::of(entry, effective.shared(), view));
        if ready.body.len() <= MOST_BYTES {
            slot.store(Some(ready.clone()));
        }
        Some(ready)
    }
}

#[cfg(test)]
mod tests {
    use driftless_core::view::Candidate;
    use driftless_statement::{Path, StatementId, Value};

    use super::*;

    fn with(view: &View, value: &str, head: u8) -> View {
        let candidate = Candidate {
            path: Path::parse("shop/a").unwrap(),
            value: Some(Arc::new(Value::Text(value.into()))),
            heads: [StatementId([head; 32])].into(),
            conflicts: 0,
        };
        view.next([candidate]).unwrap().0
    }

    #[test]
    fn an_entry_is_made_ready_once_and_a_changed_one_anew() {
        let hot = Hot::default();
        let ready = |view: &View| hot.of(view.get_text("shop/a").unwrap(), view).unwrap();
        let mut view = View::empty(1, 1);
        for turn in 0..200u8 {
            let large = "x".repeat(usize::from(turn) * 40);
            view = with(&view, &large, turn);
            let (one, two) = (ready(&view), ready(&view));
            assert_eq!(Arc::ptr_eq(&one, &two), large.len() + 2 <= MOST_BYTES);
            assert_eq!(one.body, format!("\"{large}\""));
            assert_eq!(one.tag, view.get_text("shop/a").unwrap().etag());
            assert_eq!(one.field.as_ref().unwrap(), &format!("\"{}\"", one.tag));
        }
    }
}
