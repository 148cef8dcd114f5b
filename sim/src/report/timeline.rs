//! Faults as a timeline: one lane a class, one bar a fault, over the same time as the plots. It must not know what faults
//! did to the mesh.

use std::collections::BTreeMap;

use super::axis::{self, Time};
use super::legend;
use super::markup::{Markup, element};
use super::path::{Across, Place};
use super::words::{clock, nodes, plural, span};
use crate::plan::Class;
use crate::record::{FaultSpan, Record};

/// Width of a bar at least, of a hundred: a fault of a moment is seen as well.
const LEAST: f64 = 0.2;
/// Height of a lane, pixels.
const LANE: f64 = 17.0;

/// What a class of faults is about; the families share a colour.
pub fn family(class: Class) -> (&'static str, &'static str) {
    match class {
        Class::Loss
        | Class::Duplicate
        | Class::Reorder
        | Class::Latency
        | Class::Bandwidth
        | Class::Partition
        | Class::PartialPartition
        | Class::OneWay
        | Class::Flapping
        | Class::Isolation
        | Class::RequestsFail
        | Class::GossipMute => ("links", "blue"),
        Class::SlowNode | Class::Pause | Class::Crash | Class::CrashInRecovery | Class::MassRestart => {
            ("processes", "red")
        }
        Class::DiskError | Class::DiskFull | Class::SlowDisk | Class::LyingSync | Class::TornWrite => ("disks", "gold"),
        Class::ClockSkew | Class::ClockDrift | Class::ClockJump | Class::ClockStop => ("clocks", "violet"),
        Class::Join | Class::Leave | Class::DiskLoss | Class::Restore => ("members", "green"),
        Class::SlowWatchers | Class::StuckWatchers => ("watchers", "grey"),
        Class::Burst | Class::Idle | Class::HotEntry | Class::LargeValues => ("load", "grey"),
    }
}

/// The timeline of a run.
pub fn draw(id: &'static str, title: &str, record: &Record, time: &Time) -> Markup {
    let mut lanes: BTreeMap<Class, Vec<&FaultSpan>> = BTreeMap::new();
    record.faults.iter().for_each(|fault| lanes.entry(fault.class).or_default().push(fault));
    let height = LANE * lanes.len().max(1) as f64;
    let about = format!("{} of {}.", plural(record.faults.len() as u64, "fault"), plural(lanes.len() as u64, "class"));
    let mut inside = axis::titled(id, title, &about);
    inside.push(axis::moments(time, height));
    let mut ends = Vec::new();
    for (lane, (class, faults)) in lanes.iter().enumerate() {
        let top = lane as f64 * LANE;
        inside.push(rule(top + LANE));
        inside.push(faults.iter().map(|fault| bar(fault, top, time)).collect());
        let (place, tone) = (top + LANE / 2.0, family(*class).1);
        ends.push(legend::End { label: class.name().to_owned(), figure: format!("{} ×", faults.len()), tone, place });
    }
    if lanes.is_empty() {
        inside.push(axis::empty("no faults"));
    }
    inside.push(axis::broken(time, height));
    let row = axis::side("ruler", height, Markup::none())
        .then(axis::plot(id, height, inside))
        .then(legend::ends(&ends, height));
    element("div", &[("class", &"lanes")], legend::figure(id, title, "one lane a class", families(&lanes), &[], row))
}

/// The families of the classes, each in its colour.
fn families(lanes: &BTreeMap<Class, Vec<&FaultSpan>>) -> Markup {
    let mut seen: Vec<(&str, &str)> = lanes.keys().map(|class| family(*class)).collect();
    seen.dedup();
    let named = |(name, tone): (&str, &str)| {
        element("span", &[("class", &format!("key {tone}"))], Markup::text(name)).then(Markup::fixed(" "))
    };
    seen.into_iter().map(named).collect()
}

fn rule(place: f64) -> Markup {
    let place = Place(place);
    element("line", &[("class", &"grid"), ("x2", &"100%"), ("y1", &place), ("y2", &place)], Markup::none())
}

fn bar(fault: &FaultSpan, top: f64, time: &Time) -> Markup {
    let (from, to) = (fault.from_ms as f64 / 1_000.0, fault.to_ms as f64 / 1_000.0);
    let (x, end) = (time.across(from), time.across(to));
    let (width, class) = (Across((end.0 - x.0).max(LEAST)), format!("bar {}", family(fault.class).1));
    let title = element("title", &[], Markup::text(said(fault)));
    let place = (Place(top + 4.0), Place(LANE - 8.0));
    let keys: super::markup::Attributes =
        &[("class", &class), ("x", &x), ("width", &width), ("y", &place.0), ("height", &place.1)];
    element("rect", keys, title)
}

/// A fault in words.
pub fn said(fault: &FaultSpan) -> String {
    let (from, to) = (clock(fault.from_ms as f64 / 1_000.0), clock(fault.to_ms as f64 / 1_000.0));
    let lasted = span(fault.to_ms.saturating_sub(fault.from_ms) as f64);
    let mut text = format!("{}, {from} to {to} ({lasted}), nodes {}", fault.class.name(), nodes(&fault.nodes));
    let unit = fault.class.row().unit;
    if !unit.is_empty() {
        text.push_str(&format!(", {} {unit}", fault.amount));
    }
    text
}
