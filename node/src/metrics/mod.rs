//! Metrics: what this node counts and measures, on one registry shared with libp2p. It must not know HTTP, libp2p or
//! redb; the driver and the rooms tell it what happened. No label ever holds an entry, a peer, an author or a scope.

mod exposition;
mod families;
mod observe;
mod roll;
pub mod words;

use std::sync::atomic::AtomicU64;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

pub use exposition::Format;
pub use families::Request;
pub use observe::Watching;
pub use roll::Described;

use families::{Families, Total};
use roll::Roll;

/// Everything that this node measures. Cheap to call from anywhere; nothing here waits for anyone but a scrape.
pub struct Metrics {
    registry: Mutex<Registry>,
    families: Families,
    described: Vec<Described>,
    /// How often the core was looked at.
    looks: AtomicU64,
    /// Count and times of the requests that services make most.
    reads: OnceLock<(Total, Histogram)>,
}

impl Metrics {
    /// Registers every family. `version` is the program's.
    pub fn new(version: &str) -> Self {
        let mut roll = Roll::new();
        let families = Families::register(&mut roll, version);
        let (registry, described) = roll.into_parts();
        Self { registry: Mutex::new(registry), families, described, looks: AtomicU64::new(0), reads: OnceLock::new() }
    }

    /// Lends the registry, so that libp2p registers its families on it too.
    pub fn with_registry<T>(&self, register: impl FnOnce(&mut Registry) -> T) -> T {
        register(&mut self.registry())
    }

    /// Every `driftless_*` family, as `docs/metrics.md` lists them.
    pub fn described(&self) -> &[Described] {
        &self.described
    }

    /// Everything measured, as text for a scraper.
    pub fn render(&self, format: Format) -> String {
        let mut text = String::new();
        let encoded = prometheus_client::encoding::text::encode(&mut text, &self.registry());
        // A `String` takes every write; an error here would come from a family's own encoder, and half a page would
        // lie, so it is an empty one.
        match encoded {
            Ok(()) => format.convert(text),
            Err(_) => Format::OpenMetrics.convert("# EOF\n".to_owned()),
        }
    }

    fn registry(&self) -> MutexGuard<'_, Registry> {
        self.registry.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new(env!("CARGO_PKG_VERSION"))
    }
}
