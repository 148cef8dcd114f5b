//! What all plots over the time of a run share: the axis of time, gridlines, the stretches in which something was wrong.
//! It must not know the quantities.

use super::markup::{Markup, element};
use super::path::{Across, Place};
use super::scale::{self, Scale};
use super::words::{clock, span};
use crate::record::Record;

/// The time of a run, as all its plots show it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Time {
    /// How long it was, seconds.
    pub seconds: f64,
    /// Stretches with at least one fault, seconds.
    pub trouble: Vec<(f64, f64)>,
    /// Heals: when, and after how many seconds all were equal.
    pub heals: Vec<(f64, Option<f64>)>,
    /// Rules that were broken: when, and which.
    pub broken: Vec<(f64, String)>,
}

/// Moments of broken rules that are drawn at most; the table has the others.
const LINES: usize = 40;
/// Room under a drawing for the moments, pixels.
pub const FOOT: f64 = 18.0;

impl Time {
    /// The time of a run.
    pub fn of(record: &Record) -> Self {
        let faults = record.faults.iter().map(|fault| fault.to_ms as f64 / 1_000.0);
        let last = record.series.last().map_or(0.0, |sample| sample.second as f64);
        let seconds = faults.chain([last, record.seconds as f64]).fold(1.0, f64::max);
        let heals = record
            .heals
            .iter()
            .map(|heal| (heal.at_ms as f64 / 1_000.0, heal.equal_after_ms.map(|after| after as f64 / 1_000.0)));
        let broken = record.violations.iter().map(|broken| (broken.at_ms as f64 / 1_000.0, broken.check.clone()));
        Self { seconds, trouble: union(record), heals: heals.collect(), broken: broken.collect() }
    }

    /// The time that two runs share. Where they met different faults, shades would be wrong for one of them.
    pub fn of_both(a: &Record, b: &Record) -> Self {
        let seconds = Self::of(a).seconds.max(Self::of(b).seconds);
        let trouble = if a.faults == b.faults { union(a) } else { Vec::new() };
        Self { seconds, trouble, ..Self::default() }
    }

    /// Where a moment is, as a share of the width.
    pub fn across(&self, second: f64) -> Across {
        Across(Scale::new((0.0, self.seconds), (0.0, 100.0)).at(second))
    }
}

/// Stretches of all faults, those that touch drawn together.
fn union(record: &Record) -> Vec<(f64, f64)> {
    let mut spans: Vec<(u64, u64)> = record.faults.iter().map(|fault| (fault.from_ms, fault.to_ms)).collect();
    spans.sort_unstable();
    let mut merged: Vec<(u64, u64)> = Vec::new();
    for (from, to) in spans {
        match merged.last_mut() {
            Some(last) if from <= last.1 => last.1 = last.1.max(to),
            _ => merged.push((from, to)),
        }
    }
    merged.into_iter().map(|(from, to)| (from as f64 / 1_000.0, to as f64 / 1_000.0)).collect()
}

/// Title and description of a drawing, for those who cannot see it.
pub fn titled(id: &str, title: &str, about: &str) -> Markup {
    let named = |name, part: &str, text: &str| element(name, &[("id", &format!("{id}-{part}"))], Markup::text(text));
    named("title", "title", title).then(named("desc", "about", about))
}

/// The drawing itself: as wide as there is room.
pub fn plot(id: &str, height: f64, inside: Markup) -> Markup {
    let named = format!("{id}-title {id}-about");
    let (class, role, wide, high) = ("plot", "img", "100%", Place(height + FOOT));
    element(
        "svg",
        &[("class", &class), ("role", &role), ("aria-labelledby", &named), ("width", &wide), ("height", &high)],
        inside,
    )
}

/// A drawing within, stretched to the width of the page; heights stay as they are.
pub fn stretched(height: f64, inside: Markup) -> Markup {
    let view = format!("0 0 1000 {}", Place(height));
    element(
        "svg",
        &[("width", &"100%"), ("height", &Place(height)), ("viewBox", &view), ("preserveAspectRatio", &"none")],
        inside,
    )
}

/// Lines across the drawing.
pub fn grid(marks: &[f64], y: &Scale) -> Markup {
    let across = |(at, mark): (usize, &f64)| {
        let place = Place(y.at(*mark));
        let class = if at == 0 { "floor" } else { "grid" };
        element("line", &[("class", &class), ("x2", &"100%"), ("y1", &place), ("y2", &place)], Markup::none())
    };
    marks.iter().enumerate().map(across).collect()
}

/// The moments of a drawing: a faint line each, and its name below. Narrow screens leave every other name out.
pub fn moments(time: &Time, height: f64) -> Markup {
    let moment = |(at, second): (usize, &f64)| foot(at, time.across(*second), height, &clock(*second));
    scale::moments(time.seconds, 12).iter().enumerate().map(moment).collect()
}

/// A place on the axis below a drawing, with its name.
pub fn foot(at: usize, x: Across, height: f64, name: &str) -> Markup {
    let line = |class: &str, from: f64, to: f64| {
        let (from, to) = (Place(from), Place(to));
        element("line", &[("class", &class), ("x1", &x), ("x2", &x), ("y1", &from), ("y2", &to)], Markup::none())
    };
    let class = if at % 2 == 1 { "moment spare" } else { "moment" };
    let text = element("text", &[("class", &class), ("x", &x), ("y", &Place(height + 15.0))], Markup::text(name));
    line("grid", 0.0, height).then(line("floor", height, height + 4.0)).then(text)
}

/// The marks at the left of a drawing, in a drawing of their own.
pub fn ruler(marks: &[f64], y: &Scale, height: f64, label: impl Fn(f64) -> String) -> Markup {
    let texts = marks.iter().map(|mark| {
        let place = Place(y.at(*mark) + 4.0);
        element("text", &[("class", &"mark"), ("x", &"100%"), ("dx", &"-6"), ("y", &place)], Markup::text(label(*mark)))
    });
    side("ruler", height, texts.collect())
}

/// A drawing beside the plot. It repeats what the plot's description says, so readers of screens pass it by.
pub fn side(class: &'static str, height: f64, inside: Markup) -> Markup {
    element(
        "svg",
        &[("class", &class), ("width", &"100%"), ("height", &Place(height + FOOT)), ("aria-hidden", &"true")],
        inside,
    )
}

/// What stands in a drawing that has nothing to draw.
pub fn empty(text: &'static str) -> Markup {
    element("text", &[("x", &"6"), ("y", &"14")], Markup::text(text))
}

/// A shade over each stretch in which something was wrong.
pub fn trouble(time: &Time, height: f64) -> Markup {
    time.trouble.iter().map(|(from, to)| shade("trouble", time, (*from, *to), height, Markup::none())).collect()
}

/// A shade over the time from each heal until all were equal.
pub fn mending(time: &Time, height: f64) -> Markup {
    let shaded = |(at, after): &(f64, Option<f64>)| {
        let after = (*after)?;
        let text = format!("all wrongs ended at {}; equal after {}", clock(*at), span(after * 1_000.0));
        let title = element("title", &[], Markup::text(text));
        Some(shade("mending", time, (*at, at + after), height, title))
    };
    time.heals.iter().filter_map(shaded).collect()
}

/// A line through each moment at which a rule was broken.
pub fn broken(time: &Time, height: f64) -> Markup {
    let line = |(at, check): &(f64, String)| {
        let (x, high) = (time.across(*at), Place(height));
        let title = element("title", &[], Markup::text(format!("{} broken at {}", check, clock(*at))));
        element("line", &[("class", &"broken"), ("x1", &x), ("x2", &x), ("y1", &"-3"), ("y2", &high)], title)
    };
    time.broken.iter().take(LINES).map(line).collect()
}

fn shade(class: &'static str, time: &Time, (from, to): (f64, f64), height: f64, inside: Markup) -> Markup {
    let (x, end) = (time.across(from), time.across(to));
    let width = Across(end.0 - x.0);
    element("rect", &[("class", &class), ("x", &x), ("width", &width), ("height", &Place(height))], inside)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::fixture;

    #[test]
    fn faults_that_touch_are_one_stretch() {
        let time = Time::of(&fixture::record());
        assert_eq!(time.trouble, [(60.0, 180.0), (270.0, 330.0), (500.0, 503.0)]);
        assert_eq!(time.seconds, 540.0);
    }

    #[test]
    fn a_run_without_time_still_has_an_axis() {
        let time = Time::of(&Record::default());
        assert_eq!((time.seconds, time.across(0.0).0, time.across(7.0).0), (1.0, 0.0, 100.0));
        assert!(moments(&time, 50.0).into_string().contains("0:00"));
    }
}
