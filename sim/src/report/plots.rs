//! Which quantities of a run are plotted over its time, and how. It must not know how a plot is drawn.

use super::axis::Time;
use super::figures::{KINDS, QUEUES, kinds};
use super::markup::Markup;
use super::panel::{Kind, Line, Panel, draw};
use super::words::Unit;
use crate::record::{Record, Sample};

/// Colours of the kinds of bytes, in the order of [`KINDS`].
const KIND_TONES: [&str; 4] = ["blue", "gold", "grey", "violet"];
/// Colours of the queues, in the order of [`QUEUES`].
const QUEUE_TONES: [&str; 5] = ["blue", "red", "green", "violet", "gold"];

/// One plot: how it looks, and what it shows of a run.
struct Shown {
    panel: Panel,
    /// All that one run has to say.
    alone: fn(&Record) -> Vec<Line>,
    /// The one line of a run that stands beside another's.
    beside: fn(&Record) -> Line,
}

/// The plots that show convergence, above the timeline of faults.
const ABOVE: [Shown; 2] = [
    Shown {
        panel: Panel { mending: true, ..panel("sets", "Convergence", "nodes", Kind::Steps, 110.0) },
        alone: sets,
        beside: |run| line(run, "different sets", |sample| sample.sets as f64),
    },
    Shown {
        panel: Panel {
            mending: true,
            about: "Statements that the node furthest behind lacks.",
            ..panel("missing", "Furthest behind", "statements", Kind::Lines, 90.0)
        },
        alone: |run| vec![line(run, "most missing", |sample| sample.most_missing as f64).toned("red")],
        beside: |run| line(run, "most missing", |sample| sample.most_missing as f64),
    },
];

/// The plots below it.
const BELOW: [Shown; 5] = [
    Shown {
        panel: Panel {
            unit: Unit::Share,
            about: "Pairs of nodes whose sets differ, as the nodes themselves see it.",
            ..panel("divergence", "Divergence", "% of pairs", Kind::Lines, 90.0)
        },
        alone: divergence,
        beside: |run| line(run, "worst node", |sample| sample.divergence_max as f64),
    },
    Shown {
        panel: Panel {
            about: "Open conflicts, at the node that has most.",
            ..panel("conflicts", "Conflicts", "entries", Kind::Steps, 60.0)
        },
        alone: |run| vec![line(run, "open", |sample| sample.conflicts as f64).toned("violet")],
        beside: |run| line(run, "open", |sample| sample.conflicts as f64),
    },
    Shown {
        panel: Panel {
            unit: Unit::Bytes,
            about: "Bytes that a running node sends in a second, by what they carry.",
            ..panel("bytes", "Traffic", "bytes a node and second", Kind::Stack, 130.0)
        },
        alone: traffic,
        beside: |run| {
            rate(run, "all kinds", |sample| kinds(&sample.bytes).iter().sum::<u64>() as f64 / running(sample))
        },
    },
    Shown {
        panel: Panel {
            about: "The longest of any node, by name.",
            ..panel("queues", "Queues", "entries waiting", Kind::Lines, 90.0)
        },
        alone: queues,
        beside: |run| line(run, "longest", |sample| sample.queues.into_iter().max().unwrap_or(0) as f64),
    },
    Shown {
        panel: Panel {
            about: "Events that the machines of all nodes handled.",
            ..panel("events", "Events", "events a second", Kind::Lines, 60.0)
        },
        alone: |run| vec![rate(run, "events", |sample| sample.events as f64).toned("grey")],
        beside: |run| rate(run, "events", |sample| sample.events as f64),
    },
];

const fn panel(id: &'static str, title: &'static str, axis: &'static str, kind: Kind, height: f64) -> Panel {
    let about = "One set: all nodes are equal.";
    Panel { id, title, unit: Unit::Count, axis, about, height, kind, mending: false }
}

/// The plots of a run, `between` standing after those of convergence.
pub fn of_one(run: &Record, time: &Time, between: Markup) -> Markup {
    all(time, between, |shown| (shown.panel, (shown.alone)(run)))
}

/// The plots of two runs: in each the same quantity of both. Sums of one run cannot stand upon those of another, so none
/// is a stack.
pub fn of_two(a: &Record, b: &Record, time: &Time, between: Markup) -> Markup {
    let named = |line: Line, name, tone| Line { label: format!("{name}: {}", line.label), tone, ..line };
    all(time, between, |shown| {
        let kind = if shown.panel.kind == Kind::Stack { Kind::Lines } else { shown.panel.kind };
        // A is drawn broad and pale, so that it shows where B covers it.
        let lines = [named((shown.beside)(a), "A", "blue under"), named((shown.beside)(b), "B", "red")];
        (Panel { kind, ..shown.panel }, lines.into())
    })
}

fn all(time: &Time, between: Markup, what: impl Fn(&Shown) -> (Panel, Vec<Line>)) -> Markup {
    let drawn = |shown: &Shown| {
        let (panel, lines) = what(shown);
        draw(&panel, &lines, time, "")
    };
    let (first, rest) = (&ABOVE[0], &ABOVE[1..]);
    // What shades mean is said once, at the first plot.
    let (panel, lines) = what(first);
    draw(&panel, &lines, time, &shades(time))
        .then(rest.iter().map(drawn).collect())
        .then(between)
        .then(BELOW.iter().map(drawn).collect())
}

/// What shades and marks mean, for those that there are.
fn shades(time: &Time) -> String {
    let said = [
        (!time.trouble.is_empty(), " Grey: a fault was active."),
        (!time.heals.is_empty(), " Green: faults were over, sets still differed."),
        (!time.broken.is_empty(), " Red line: a rule was broken."),
    ];
    said.into_iter().filter(|(there, _)| *there).map(|(_, text)| text).collect()
}

impl Line {
    fn toned(self, tone: &'static str) -> Self {
        Self { tone, ..self }
    }
}

/// A number of each sample.
fn line(run: &Record, label: &str, of: impl Fn(&Sample) -> f64) -> Line {
    let points = run.series.iter().map(|sample| (sample.second as f64, of(sample))).collect();
    Line { label: label.to_owned(), tone: "", points }
}

/// A number that was counted since the last sample, for each second.
fn rate(run: &Record, label: &str, of: impl Fn(&Sample) -> f64) -> Line {
    let gaps = gaps(&run.series);
    let points = run.series.iter().zip(gaps).map(|(sample, gap)| (sample.second as f64, of(sample) / gap)).collect();
    Line { label: label.to_owned(), tone: "", points }
}

/// Seconds that each sample looks back on.
fn gaps(series: &[Sample]) -> Vec<f64> {
    let between = |pair: &[Sample]| pair[1].second.saturating_sub(pair[0].second).max(1) as f64;
    let mut gaps: Vec<f64> = series.windows(2).map(between).collect();
    // The first has none before it; it looks back as far as the next one does.
    gaps.insert(0, gaps.first().copied().unwrap_or(1.0));
    gaps
}

fn running(sample: &Sample) -> f64 {
    sample.up.max(1) as f64
}

fn sets(run: &Record) -> Vec<Line> {
    vec![
        line(run, "running", |sample| sample.up as f64).toned("grey"),
        line(run, "different sets", |sample| sample.sets as f64).toned("blue"),
        line(run, "hear nobody", |sample| sample.isolated as f64).toned("red"),
    ]
}

fn divergence(run: &Record) -> Vec<Line> {
    vec![
        line(run, "mean", |sample| sample.divergence_mean as f64).toned("blue"),
        line(run, "worst node", |sample| sample.divergence_max as f64).toned("red"),
    ]
}

fn traffic(run: &Record) -> Vec<Line> {
    let kind = |(at, name): (usize, &&str)| {
        rate(run, name, |sample| kinds(&sample.bytes)[at] as f64 / running(sample)).toned(KIND_TONES[at])
    };
    KINDS.iter().enumerate().map(kind).collect()
}

fn queues(run: &Record) -> Vec<Line> {
    let queue = |(at, name): (usize, &&str)| line(run, name, |sample| sample.queues[at] as f64).toned(QUEUE_TONES[at]);
    QUEUES.iter().enumerate().map(queue).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_for_each_second_that_passed() {
        let sample = |second, events| Sample { second, events, ..Sample::default() };
        let run = Record { series: vec![sample(10, 50), sample(20, 100), sample(25, 100)], ..Record::default() };
        let points = rate(&run, "events", |sample| sample.events as f64).points;
        assert_eq!(points, [(10.0, 5.0), (20.0, 10.0), (25.0, 20.0)]);
    }

    #[test]
    fn every_plot_has_a_name_of_its_own() {
        let names: std::collections::BTreeSet<&str> = ABOVE.iter().chain(&BELOW).map(|shown| shown.panel.id).collect();
        assert_eq!(names.len(), ABOVE.len() + BELOW.len());
    }
}
