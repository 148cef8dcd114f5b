//! Two runs side by side: every figure of both with its ratio, and which way that is. It must not know why they differ.

use super::axis::Time;
use super::figures::{Figure, Good, figures};
use super::markup::{Markup, element};
use super::page::{footer, page};
use super::tables::Holds::{Numbers, Verdicts, Words};
use super::words::decimal;
use super::{histogram, plots, tables, timeline, verdict};
use crate::record::Record;

/// Figures closer than this are called the same: a fiftieth.
const SAME: f64 = 0.02;

/// One row of a comparison.
struct Row {
    name: &'static str,
    a: String,
    b: String,
    ratio: String,
    /// Which way B went, seen from A.
    way: &'static str,
}

/// Two runs, for a terminal.
pub fn compare(a: &Record, b: &Record) -> String {
    let mut out = format!("A  {}\nB  {}\n\n", named(a), named(b));
    out.push_str(&format!("{:<28}{:>14}{:>14}{:>9}\n", "", "A", "B", "B / A"));
    for row in rows(a, b) {
        let text = format!("{:<28}{:>14}{:>14}{:>9}   {}", row.name, row.a, row.b, row.ratio, row.way);
        out.push_str(text.trim_end());
        out.push('\n');
    }
    out
}

/// Two runs, as a page: the same plots with both.
pub fn compare_html(a: &Record, b: &Record) -> String {
    let time = Time::of_both(a, b);
    let title = element("h1", &[], Markup::text("Two runs"));
    let side = |name: &str, tone: &str, run: &Record| {
        let key = element("b", &[("class", &format!("key {tone}"))], Markup::text(name));
        element("p", &[("class", &"lead")], key.then(Markup::text(format!(" {}", named(run)))))
    };
    let header = title.then(side("A", "blue", a)).then(side("B", "red", b)).then(table(a, b));
    let spread = histogram::draw(&[("A", "blue", &a.propagation), ("B", "red", &b.propagation)]);
    let body = element("header", &[], header)
        .then(plots::of_two(a, b, &time, lanes(a, b, &time)))
        .then(spread)
        .then(footer(&[a, b]));
    page(&format!("{} and {}", short(a), short(b)), body)
}

/// The timelines of both; one where both met the same faults.
fn lanes(a: &Record, b: &Record, time: &Time) -> Markup {
    if a.faults == b.faults {
        return timeline::draw("faults", "Faults of both", a, time);
    }
    timeline::draw("faults-a", "Faults of A", a, time).then(timeline::draw("faults-b", "Faults of B", b, time))
}

fn short(run: &Record) -> String {
    format!("{}, seed {}", run.scenario, run.seed)
}

fn named(run: &Record) -> String {
    format!("{}, version {}, trace {}: {}", short(run), run.version, run.trace, verdict::verdict(run).1)
}

fn table(a: &Record, b: &Record) -> Markup {
    let columns = [("figure", Words), ("A", Numbers), ("B", Numbers), ("B / A", Numbers), ("", Verdicts)];
    let row = |row: Row| vec![row.name.to_owned(), row.a, row.b, row.ratio, row.way.to_owned()];
    let rows: Vec<Vec<String>> = rows(a, b).into_iter().map(row).collect();
    element("div", &[("class", &"slim")], tables::table("Figures", &columns, &rows))
}

fn rows(a: &Record, b: &Record) -> Vec<Row> {
    figures(a).into_iter().zip(figures(b)).map(|(a, b)| row(&a, &b)).collect()
}

fn row(a: &Figure, b: &Figure) -> Row {
    let show = |figure: &Figure| figure.value.map_or("–".to_owned(), |value| figure.unit.show(value));
    let ratio = match (a.value, b.value) {
        (Some(a), Some(b)) if a > 0.0 => decimal(b / a),
        _ => "–".to_owned(),
    };
    Row { name: a.name, a: show(a), b: show(b), ratio, way: way(a, b) }
}

fn way(a: &Figure, b: &Figure) -> &'static str {
    let (Some(from), Some(to)) = (a.value, b.value) else { return "" };
    let near = (to - from).abs() <= SAME * from.abs();
    match (a.good, near, to < from) {
        (_, true, _) => "same",
        (Good::Less, _, true) | (Good::More, _, false) => "better",
        (Good::Less, _, false) | (Good::More, _, true) => "worse",
        (Good::Neither, ..) => "differs",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::fixture;

    fn line(name: &str) -> String {
        let text = compare(&fixture::record(), &fixture::other());
        let found = text.lines().find(|line| line.starts_with(name)).unwrap_or_default();
        found.split_whitespace().collect::<Vec<&str>>().join(" ")
    }

    #[test]
    fn each_figure_says_which_way_it_went() {
        assert_eq!(line("propagation p99"), "propagation p99 412 ms 824 ms 2 worse");
        assert_eq!(line("propagation p50"), "propagation p50 58 ms 58 ms 1 same");
        assert_eq!(line("bytes a node: gossip"), "bytes a node: gossip 800 B/s 400 B/s 0.5 better");
        assert_eq!(line("rules broken"), "rules broken 1 0 0 better");
    }

    #[test]
    fn what_was_not_measured_is_not_compared() {
        let text = compare(&Record::default(), &fixture::record());
        assert!(text.contains("–") && !text.contains("NaN") && !text.contains("inf"), "{text}");
        let row = text.lines().find(|line| line.starts_with("propagation p50")).unwrap_or_default();
        assert!(row.ends_with("–"), "{row}");
    }
}
