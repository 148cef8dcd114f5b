//! One plot over the time of a run: axis, gridlines, lines or a stack, labels at their ends. Widths are shares of the
//! page, heights are pixels: so it fits any screen without a script. It must not know which quantity it shows.

use super::axis::{self, Time};
use super::legend;
use super::markup::{Markup, element};
use super::path::{self, Across, Place, Point};
use super::scale::{Scale, byte_marks, marks, whole_marks};
use super::words::{Unit, clock};

/// How the lines of a panel are drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Each by itself, from point to point.
    Lines,
    /// Each by itself, level until the next point.
    Steps,
    /// As areas, one upon the other; all have the same moments.
    Stack,
}

/// One quantity over time.
#[derive(Debug, Clone)]
pub struct Line {
    /// Its name.
    pub label: String,
    /// The class of its colour in the style sheet.
    pub tone: &'static str,
    /// Second and value.
    pub points: Vec<Point>,
}

/// One plot.
#[derive(Debug, Clone, Copy)]
pub struct Panel {
    /// Name of the elements in the page.
    pub id: &'static str,
    /// What it shows.
    pub title: &'static str,
    /// In what.
    pub unit: Unit,
    /// What is counted, for the caption.
    pub axis: &'static str,
    /// A sentence for readers who do not know the quantity.
    pub about: &'static str,
    /// Height of the drawing, pixels.
    pub height: f64,
    /// How it is drawn.
    pub kind: Kind,
    /// Whether the time from each heal until all were equal is marked.
    pub mending: bool,
}

/// Points that a line is drawn with at most: more than pixels on most screens say nothing.
const POINTS: usize = 600;
/// Stripes that show values on hovering.
const STRIPES: usize = 100;
/// The inner drawing is this wide, and stretched to what the screen has.
const WIDE: f64 = 1_000.0;

/// Draws a panel. The lines of a stack come from the bottom up. The note goes on what the panel says about itself.
pub fn draw(panel: &Panel, whole: &[Line], time: &Time, note: &str) -> Markup {
    let lines = thinned(panel.kind, whole);
    let marks = marks_of(panel, &lines);
    let y = Scale::new((0.0, marks.last().copied().unwrap_or(1.0)), (panel.height, 0.0));
    let x = Scale::new((0.0, time.seconds), (0.0, WIDE));
    let inside = axis::titled(panel.id, panel.title, &described(panel, whole))
        .then(axis::trouble(time, panel.height))
        .then(if panel.mending { axis::mending(time, panel.height) } else { Markup::none() })
        .then(axis::grid(&marks, &y))
        .then(axis::moments(time, panel.height))
        .then(axis::stretched(panel.height, shapes(panel.kind, &lines, &x, &y)))
        .then(if whole.iter().all(|line| line.points.is_empty()) { axis::empty("no samples") } else { Markup::none() })
        .then(stripes(panel, whole, time))
        .then(axis::broken(time, panel.height));
    let ends = ends(panel, whole, &y);
    let row = axis::ruler(&marks, &y, panel.height, |mark| panel.unit.show(mark))
        .then(axis::plot(panel.id, panel.height, inside))
        .then(legend::ends(&ends, panel.height));
    let about = Markup::text(format!("{}{note}", panel.about));
    legend::figure(panel.id, panel.title, panel.axis, about, &ends, row)
}

/// Lines short enough to draw. A stack is of means, so that it adds up; lines alone keep their peaks.
fn thinned(kind: Kind, lines: &[Line]) -> Vec<Line> {
    let fold = if kind == Kind::Stack { path::mean } else { path::peak };
    lines.iter().map(|line| Line { points: path::thin(&line.points, POINTS, fold), ..line.clone() }).collect()
}

fn marks_of(panel: &Panel, lines: &[Line]) -> Vec<f64> {
    let tops = lines.iter().map(|line| path::peak(&line.points));
    let top = if panel.kind == Kind::Stack { path::peak(&total(lines)) } else { tops.fold(0.0, f64::max) };
    let about = (panel.height / 30.0) as usize;
    match panel.unit {
        Unit::Count => whole_marks(top, about),
        Unit::Bytes => byte_marks(top, about),
        // A hundredth at least, so that nothing does not look like much.
        _ => marks(top.max(10.0), about),
    }
}

/// The sum of all lines, point by point.
fn total(lines: &[Line]) -> Vec<Point> {
    let Some(first) = lines.first() else { return Vec::new() };
    let sum = |at: usize| lines.iter().filter_map(|line| line.points.get(at)).map(|point| point.1).sum();
    first.points.iter().enumerate().map(|(at, point)| (point.0, sum(at))).collect()
}

fn shapes(kind: Kind, lines: &[Line], x: &Scale, y: &Scale) -> Markup {
    let placed = |points: &[Point]| -> Vec<Point> { points.iter().map(|at| (x.at(at.0), y.at(at.1))).collect() };
    let drawn = |class: &str, line: &Line, path: String| {
        let class = format!("{class} {}", line.tone);
        element("path", &[("class", &class), ("d", &path)], Markup::none())
    };
    match kind {
        Kind::Lines => lines.iter().map(|line| drawn("line", line, path::line(&placed(&line.points)))).collect(),
        Kind::Steps => lines.iter().map(|line| drawn("line", line, path::steps(&placed(&line.points)))).collect(),
        Kind::Stack => {
            let floor: Vec<Point> = total(lines).into_iter().map(|point| (point.0, 0.0)).collect();
            let edge = |layers: usize| placed(&if layers == 0 { floor.clone() } else { total(&lines[..layers]) });
            let layer = |(at, line)| drawn("area", line, path::area(&edge(at + 1), &edge(at)));
            lines.iter().enumerate().map(layer).collect()
        }
    }
}

/// Where each line ends, with its label; from the top of a stack.
fn ends(panel: &Panel, lines: &[Line], y: &Scale) -> Vec<legend::End> {
    let stack = panel.kind == Kind::Stack;
    let mut below = 0.0;
    let end = |line: &Line| {
        let value = line.points.last().map_or(0.0, |point| point.1);
        let place = y.at(if stack { below + value / 2.0 } else { value });
        below += value;
        let figure = match stack {
            true => format!("mean {}", panel.unit.show(path::mean(&line.points).round())),
            false => format!("max {}", panel.unit.show(path::peak(&line.points).round())),
        };
        legend::End { label: line.label.clone(), figure, tone: line.tone, place }
    };
    let mut list: Vec<legend::End> = lines.iter().map(end).collect();
    if stack {
        list.reverse();
    }
    list
}

/// What the panel shows, as sentences for those who cannot see it.
fn described(panel: &Panel, lines: &[Line]) -> String {
    let of = |line: &Line| {
        let [mean, most] = [path::mean(&line.points), path::peak(&line.points)].map(|value| panel.unit.show(value));
        format!("{}: mean {mean}, at most {most}", line.label)
    };
    format!("{} {}.", panel.about, lines.iter().map(of).collect::<Vec<String>>().join("; "))
}

/// Stripes that cannot be seen until the pointer is over them: each says what the lines are there.
fn stripes(panel: &Panel, lines: &[Line], time: &Time) -> Markup {
    let (seconds, share) = (time.seconds / STRIPES as f64, 100.0 / STRIPES as f64);
    let stripe = |at: usize| {
        let (from, to) = (at as f64 * seconds, (at + 1) as f64 * seconds);
        let said: Vec<String> = lines.iter().filter_map(|line| said(panel, line, from, to)).collect();
        if said.is_empty() {
            return Markup::none();
        }
        let title = element("title", &[], Markup::text(format!("{}  {}", clock(from), said.join(" · "))));
        let (x, width, height) = (Across(at as f64 * share), Across(share), Place(panel.height));
        element("rect", &[("class", &"stripe"), ("x", &x), ("width", &width), ("height", &height)], title)
    };
    (0..STRIPES).map(stripe).collect()
}

/// The greatest value of a line within a stretch of time; where it has none there, the last one before.
fn said(panel: &Panel, line: &Line, from: f64, to: f64) -> Option<String> {
    let before = |second: f64| line.points.partition_point(|point| point.0 < second);
    let (first, end) = (before(from), before(to));
    let within = if first < end { &line.points[first..end] } else { &line.points[first.checked_sub(1)?..first] };
    Some(format!("{} {}", line.label, panel.unit.show(path::peak(within).round())))
}
