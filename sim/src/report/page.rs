//! A page around drawings and tables: one file that needs nothing from elsewhere, in light and in dark. It must not know
//! how drawings are made.

use super::axis::Time;
use super::figures::{heal_times, quantile, reached, speed};
use super::markup::{Markup, element};
use super::verdict::{Verdict, next, verdict};
use super::words::{clock, count, decimal, plural, span};
use super::{histogram, history, plots, replayed, sockets, tables, timeline};
use crate::record::Record;

/// The page of one run.
pub fn html(record: &Record) -> String {
    let time = Time::of(record);
    let lanes = timeline::draw("faults", "Faults", record, &time);
    let told = record.history.as_ref().map(history::tables).unwrap_or_default();
    let body = header(record)
        .then(plots::of_one(record, &time, lanes))
        .then(spread(record))
        .then(sockets::tables(record))
        .then(told)
        .then(element("div", &[("class", &"tables")], parts(record)))
        .then(footer(&[record]));
    page(&format!("{}, seed {}", record.scenario, record.seed), body)
}

/// A whole page.
pub fn page(title: &str, body: Markup) -> String {
    let head = element("meta", &[("charset", &"utf-8")], Markup::none())
        .then(element(
            "meta",
            &[("name", &"viewport"), ("content", &"width=device-width, initial-scale=1")],
            Markup::none(),
        ))
        .then(element("meta", &[("name", &"color-scheme"), ("content", &"light dark")], Markup::none()))
        .then(element("title", &[], Markup::text(format!("{title} · Driftless simulator"))))
        .then(element("style", &[], Markup::fixed(include_str!("../../assets/report.css"))));
    let whole = element("head", &[], head).then(element("body", &[], element("main", &[], body)));
    format!("<!DOCTYPE html>\n{}\n", element("html", &[("lang", &"en")], whole).into_string())
}

/// Propagation: beside the real one where the run is held to it.
fn spread(record: &Record) -> Markup {
    match &record.sockets {
        None => histogram::draw(&[("", "blue", &record.propagation)]),
        Some(told) => histogram::draw(&[("simulated", "blue", &record.propagation), ("real", "red", &told.real)]),
    }
}

fn header(record: &Record) -> Markup {
    let (how, text) = verdict(record);
    let class = match how {
        Verdict::Good => "verdict good",
        Verdict::Tame => "verdict tame",
        Verdict::Broken => "verdict broken",
    };
    let title =
        Markup::text(&record.scenario).then(element("small", &[], Markup::text(format!(" seed {}", record.seed))));
    let mut inside = element("h1", &[], title)
        .then(element("p", &[("class", &class)], Markup::text(text)))
        .then(element("p", &[("class", &"lead")], Markup::text(&record.about)))
        .then(keys(record));
    if !record.violations.is_empty() {
        inside.push(tables::violations(record));
    }
    if let Some(next) = next(record) {
        inside.push(element("p", &[("class", &"lead")], Markup::text(format!("What to do: {next}."))));
    }
    element("header", &[], inside)
}

/// The figures that matter most, large.
fn keys(record: &Record) -> Markup {
    let (spread, totals, healed) = (&record.propagation, &record.totals, heal_times(record));
    let measured = |us: u64| if spread.arrivals > 0 { span(us as f64 / 1_000.0) } else { "–".to_owned() };
    let after = |share| quantile(&healed, share).map_or("–".to_owned(), |ms| span(ms as f64));
    let (reached, of) = reached(record);
    let faults: u64 = totals.faults.values().sum();
    let copies =
        if spread.arrivals > 0 { decimal(spread.copies_thousandths as f64 / 1_000.0) } else { "–".to_owned() };
    let list = [
        (measured(spread.p50_us), format!("propagation p50; p99 {}", measured(spread.p99_us))),
        (after(500), format!("equal after a heal, p50; max {}", after(1_000))),
        (copies, "copies of a statement that reach a node".to_owned()),
        (count(totals.acknowledged), format!("writes acknowledged, of {}", count(totals.writes))),
        (count(faults), format!("faults, of {}", plural(totals.faults.len() as u64, "class"))),
        (format!("{reached} of {of}"), "states worth reaching were reached".to_owned()),
        (clock(record.seconds as f64), format!("simulated, {}", plural(record.nodes as u64, "node"))),
        (
            count(totals.events),
            format!("events; {} node-seconds a second", speed(record).map_or("–".to_owned(), decimal)),
        ),
    ];
    let key = |(figure, about): (String, String)| {
        element("div", &[], element("dd", &[], Markup::text(figure)).then(element("dt", &[], Markup::text(about))))
    };
    element("dl", &[("class", &"figures")], list.into_iter().map(key).collect())
}

fn parts(record: &Record) -> Markup {
    [replayed::log, tables::faults, tables::heals, history::conflicts, tables::nodes, tables::sometimes, tables::totals]
        .map(|table| table(record))
        .into_iter()
        .collect()
}

/// What tells these runs from all others.
pub fn footer(records: &[&Record]) -> Markup {
    let of = |record: &&Record| {
        let (name, seed, version) = (&record.scenario, record.seed, &record.version);
        element("p", &[], Markup::text(format!("{name}, seed {seed}, version {version}, trace {}", record.trace)))
    };
    element("footer", &[], records.iter().map(of).collect())
}
