//! The roll of families: registers each one and remembers how it is described, so that the documentation can be checked
//! against what is really there.

use prometheus_client::encoding::EncodeMetric;
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::{Metric, Registry, Unit};

const PREFIX: &str = "driftless";

/// One family, as the documentation lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Described {
    /// Full name in the classic text format, `_total` included.
    pub name: String,
    /// `counter`, `gauge`, `histogram` or `info`.
    pub kind: &'static str,
    /// The base unit; empty when it counts things.
    pub unit: &'static str,
    /// Names of its labels.
    pub labels: &'static [&'static str],
    /// What it means, as `# HELP` says it.
    pub help: &'static str,
}

/// How a family is registered.
pub(super) struct Entry {
    /// Name without prefix, unit and `_total`.
    pub name: &'static str,
    /// The base unit; it becomes a suffix of the name.
    pub unit: Option<Unit>,
    /// Names of its labels.
    pub labels: &'static [&'static str],
    /// What it means; no full stop at the end.
    pub help: &'static str,
}

/// Registers families and keeps their descriptions.
pub(super) struct Roll {
    registry: Registry,
    described: Vec<Described>,
}

impl Roll {
    pub(super) fn new() -> Self {
        Self { registry: Registry::default(), described: Vec::new() }
    }

    /// Registers a family and hands back a handle on it.
    pub(super) fn add<M: Metric + Clone + Default>(&mut self, entry: Entry) -> M {
        self.add_made(entry, M::default())
    }

    /// The same for a family that is not made by default, such as a histogram.
    pub(super) fn add_made<M: Metric + Clone>(&mut self, entry: Entry, metric: M) -> M {
        self.add_fixed(entry, metric.clone());
        metric
    }

    /// The same for a family that never changes, so that nobody needs a handle on it.
    pub(super) fn add_fixed<M: Metric>(&mut self, entry: Entry, metric: M) {
        let kind = kind(EncodeMetric::metric_type(&metric));
        let unit = entry.unit.as_ref().map_or("", unit_word);
        let suffix = match kind {
            "counter" => "_total",
            "info" => "_info",
            _ => "",
        };
        let underscore = if unit.is_empty() { "" } else { "_" };
        let name = format!("{PREFIX}_{}{underscore}{unit}{suffix}", entry.name);
        self.described.push(Described { name, kind, unit, labels: entry.labels, help: entry.help });
        let registry = self.registry.sub_registry_with_prefix(PREFIX);
        match entry.unit {
            Some(unit) => registry.register_with_unit(entry.name, entry.help, unit, metric),
            None => registry.register(entry.name, entry.help, metric),
        }
    }

    pub(super) fn into_parts(self) -> (Registry, Vec<Described>) {
        (self.registry, self.described)
    }
}

fn unit_word(unit: &Unit) -> &'static str {
    match unit {
        Unit::Bytes => "bytes",
        Unit::Seconds => "seconds",
        Unit::Amperes
        | Unit::Celsius
        | Unit::Grams
        | Unit::Joules
        | Unit::Meters
        | Unit::Ratios
        | Unit::Volts
        | Unit::Other(_) => "",
    }
}

fn kind(kind: MetricType) -> &'static str {
    match kind {
        MetricType::Counter => "counter",
        MetricType::Gauge => "gauge",
        MetricType::Histogram => "histogram",
        MetricType::Info => "info",
        _ => "unknown",
    }
}
