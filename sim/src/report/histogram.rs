//! The histogram of propagation: which share of arrivals took how long, with the percentiles marked. The bars are as wide
//! as each other, though their spans are not: each edge says where it is. It must not know how times were measured.

use std::ops::Range;

use super::axis;
use super::legend;
use super::markup::{Markup, element};
use super::path::{Across, Place};
use super::scale::{Scale, marks};
use super::words::{count, decimal, span};
use crate::record::Propagation;

/// One run's propagation, with the label and the colour it has in the drawing.
pub type Side<'a> = (&'a str, &'static str, &'a Propagation);

const HEIGHT: f64 = 170.0;
/// Rows above the bars, for the names of percentiles.
const ROW: f64 = 15.0;

/// Draws the propagation of one run, or of two beside each other.
pub fn draw(sides: &[Side]) -> Markup {
    let bars = shown(sides);
    let top = sides.iter().flat_map(|side| bars.clone().map(|bar| share(side.2, bar))).fold(0.0, f64::max);
    let marks = marks(top, 4);
    let named = percentiles(sides);
    let head = ROW * named.len() as f64 + 4.0;
    let height = HEIGHT + head;
    let y = Scale::new((0.0, marks.last().copied().unwrap_or(1.0)), (height, head));
    let about = "How long after their acknowledgement statements were effective on other nodes.";
    let mut inside = axis::titled("spread", "Propagation", &described(sides)).then(axis::grid(&marks, &y));
    inside.push(edges(&bars, height, bars_of(sides)));
    for (at, side) in sides.iter().enumerate() {
        inside.push(bars.clone().map(|bar| rect(side, bar, &bars, (at, sides.len()), &y)).collect());
    }
    inside.push(named.iter().enumerate().map(|(row, mark)| percentile(mark, row, &bars, height)).collect());
    if named.is_empty() {
        inside.push(axis::empty("no arrivals"));
    }
    let row = axis::ruler(&marks, &y, height, |mark| format!("{} %", decimal(mark)))
        .then(axis::plot("spread", height, inside))
        .then(axis::side("ends", height, notes(sides, head)));
    let end = |(label, tone, spread): &Side| legend::End {
        label: (*label).to_owned(),
        figure: format!("{} arrivals, max {}", count(spread.arrivals), span(spread.max_us as f64 / 1_000.0)),
        tone,
        place: 0.0,
    };
    let ends: Vec<legend::End> = sides.iter().map(end).collect();
    legend::figure("spread", "Propagation", "share of arrivals, by time taken", Markup::text(about), &ends, row)
}

/// What a histogram cannot show: how many arrivals it is of, and the longest of them.
fn notes(sides: &[Side], head: f64) -> Markup {
    let note = |(at, (label, tone, spread)): (usize, &Side)| {
        let texts = [
            format!("{label} {} arrivals", count(spread.arrivals)),
            format!("{label} max {}", span(spread.max_us as f64 / 1_000.0)),
        ];
        let line = |(row, text): (usize, String)| {
            let y = Place(head + 10.0 + ROW * (at * 2 + row) as f64);
            element("text", &[("class", &format!("name {tone}")), ("x", &"13"), ("y", &y)], Markup::text(text.trim()))
        };
        texts.into_iter().enumerate().map(line).collect::<Markup>()
    };
    sides.iter().enumerate().filter(|side| side.1.2.arrivals > 0).map(note).collect()
}

/// The bars from the first to the last that any side has something in, and one more on either side.
fn shown(sides: &[Side]) -> Range<usize> {
    let used: Vec<usize> = sides
        .iter()
        .flat_map(|side| side.2.histogram.iter().enumerate().filter(|bar| *bar.1 > 0).map(|bar| bar.0))
        .collect();
    let most = bars_of(sides);
    match (used.iter().min(), used.iter().max()) {
        (Some(first), Some(last)) => first.saturating_sub(1)..(last + 2).min(most),
        _ => 0..most,
    }
}

/// How many bars the histograms have; the last is open.
fn bars_of(sides: &[Side]) -> usize {
    sides.iter().map(|side| side.2.histogram.len()).max().unwrap_or(0).max(1)
}

/// The share of a bar, of a hundred.
fn share(side: &Propagation, bar: usize) -> f64 {
    let all: u64 = side.histogram.iter().sum();
    let here = side.histogram.get(bar).copied().unwrap_or(0);
    if all == 0 { 0.0 } else { here as f64 * 100.0 / all as f64 }
}

/// A percentile to mark: its name, its colour, microseconds.
type Mark = (String, &'static str, u64);

fn percentiles(sides: &[Side]) -> Vec<Mark> {
    let of = |(label, tone, spread): &Side| -> Vec<Mark> {
        let named = |name: &str, value: u64| (format!("{label} {name}").trim().to_owned(), *tone, value);
        let all = [("p50", spread.p50_us), ("p90", spread.p90_us), ("p99", spread.p99_us)];
        // Two runs have six percentiles; the middle ones would only crowd the drawing.
        let kept = all.into_iter().filter(|(name, _)| sides.len() == 1 || *name != "p90");
        kept.filter(|_| spread.arrivals > 0).map(|(name, value)| named(name, value)).collect()
    };
    sides.iter().flat_map(of).collect()
}

/// Milliseconds at which a bar begins.
fn begin(bar: usize) -> f64 {
    bar.checked_sub(1).and_then(|before| Propagation::BOUNDS_MS.get(before)).map_or(0.0, |bound| *bound as f64)
}

/// Where a time stands among the bars shown, as a share of the width.
fn across(micros: u64, bars: &Range<usize>) -> f64 {
    let millis = micros as f64 / 1_000.0;
    let bar = Propagation::BOUNDS_MS.partition_point(|bound| (*bound as f64) < millis).clamp(bars.start, bars.end - 1);
    // The last bar is open; a value in it stands somewhere between its begin and twice that.
    let end = Propagation::BOUNDS_MS.get(bar).map_or(begin(bar) * 2.0, |bound| *bound as f64);
    let within = Scale::new((begin(bar), end), (0.0, 1.0)).at(millis);
    ((bar - bars.start) as f64 + within) * 100.0 / bars.len() as f64
}

fn rect(side: &Side, bar: usize, bars: &Range<usize>, (at, of): (usize, usize), y: &Scale) -> Markup {
    let (slot, share) = (100.0 / bars.len() as f64, share(side.2, bar));
    // A tenth of each slot stays free, so that bars are seen as bars.
    let width = slot * 0.9 / of as f64;
    let x = Across((bar - bars.start) as f64 * slot + slot * 0.05 + at as f64 * width);
    let (top, floor) = (y.at(share), y.at(0.0));
    let arrivals = side.2.histogram.get(bar).copied().unwrap_or(0);
    let text = format!("{} {}: {} arrivals, {} %", side.0, bounds(bar, side.2), count(arrivals), decimal(share));
    let title = element("title", &[], Markup::text(text.trim()));
    let class = format!("bar {}", side.1);
    element(
        "rect",
        &[("class", &class), ("x", &x), ("width", &Across(width)), ("y", &Place(top)), ("height", &Place(floor - top))],
        title,
    )
}

fn bounds(bar: usize, side: &Propagation) -> String {
    let open = bar + 1 == side.histogram.len();
    match Propagation::BOUNDS_MS.get(bar).filter(|_| !open) {
        Some(bound) => format!("{} to {}", span(begin(bar)), span(*bound as f64)),
        None => format!("over {}", span(begin(bar))),
    }
}

/// The times at the edges of bars; the end of the open one has none.
fn edges(bars: &Range<usize>, height: f64, open: usize) -> Markup {
    let edge = |at: usize| {
        let x = Across((at - bars.start) as f64 * 100.0 / bars.len() as f64);
        axis::foot(at - bars.start, x, height, &if at == open { "longer".to_owned() } else { span(begin(at)) })
    };
    (bars.start..=bars.end).map(edge).collect()
}

fn percentile((name, tone, micros): &Mark, row: usize, bars: &Range<usize>, height: f64) -> Markup {
    let place = across(*micros, bars);
    let (x, y) = (Across(place), Place(ROW * row as f64 + 11.0));
    let line = format!("percentile {tone}");
    // Names stand right of their lines, except where the drawing ends.
    let (class, dx) = if place < 80.0 { (format!("name {tone}"), "5") } else { (format!("name left {tone}"), "-5") };
    let from = Place(ROW * row as f64);
    let keys: super::markup::Attributes =
        &[("class", &line), ("x1", &x), ("x2", &x), ("y1", &from), ("y2", &Place(height))];
    let text = Markup::text(format!("{name} {}", span(*micros as f64 / 1_000.0)));
    element("line", keys, Markup::none()).then(element(
        "text",
        &[("class", &class), ("x", &x), ("dx", &dx), ("y", &y)],
        text,
    ))
}

fn described(sides: &[Side]) -> String {
    let of = |(label, _, spread): &Side| {
        let [p50, p90, p99, max] =
            [spread.p50_us, spread.p90_us, spread.p99_us, spread.max_us].map(|us| span(us as f64 / 1_000.0));
        format!(
            "{label} {} arrivals: half within {p50}, 90 % within {p90}, 99 % within {p99}, all within {max}.",
            count(spread.arrivals)
        )
    };
    sides.iter().map(of).map(|text| text.trim().to_owned()).collect::<Vec<String>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::fixture;

    #[test]
    fn times_stand_in_order_and_within_the_drawing() {
        let places: Vec<f64> = (0..400).map(|at| across(at * at * 500, &(0..15))).collect();
        assert!(places.is_sorted(), "{places:?}");
        assert!(places.iter().all(|place| (0.0..=100.0).contains(place)), "{places:?}");
        // 30 ms is half way through the bar from 20 to 40 ms, the fourth of fifteen.
        assert!((across(30_000, &(0..15)) - 3.5 * 100.0 / 15.0).abs() < 1e-9);
    }

    #[test]
    fn only_bars_with_something_in_them_and_their_neighbours_are_shown() {
        let record = fixture::record();
        assert_eq!(shown(&[("", "blue", &record.propagation)]), 1..16);
        assert_eq!(shown(&[("", "blue", &Propagation::default())]), 0..1);
    }
}
