//! Panics inside redb, which the store turns into errors: counted, and not printed, so that a test over many damaged
//! files can be read. Any other panic is told as always.

use std::sync::Once;
use std::sync::atomic::{AtomicU64, Ordering};

static CAUGHT: AtomicU64 = AtomicU64::new(0);

/// From now on panics whose place is in redb are only counted. All tests of one binary share the count.
pub fn redb_panics_quietly() {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let usual = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            if panic.location().is_some_and(|place| place.file().contains("redb-")) {
                CAUGHT.fetch_add(1, Ordering::Relaxed);
            } else {
                usual(panic);
            }
        }));
    });
}

/// How many were caught so far.
pub fn redb_panics() -> u64 {
    CAUGHT.load(Ordering::Relaxed)
}
