//! The tables of a page: faults, heals, conflicts, nodes, states, violations, totals. Long ones are cut, and say so. It must
//! not know where they stand.

use std::collections::BTreeMap;

use self::Holds::{Numbers, Words};
use super::figures::{KINDS, kinds, open_conflicts};
use super::markup::{Markup, element};
use super::timeline::family;
use super::verdict::moment;
use super::words::{Unit, bytes, clock, count, span};
use crate::plan::Class;
use crate::record::Record;

/// Rows that a table has at most.
const ROWS: usize = 200;

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Holds {
    /// Words.
    Words,
    /// Numbers, set to the right.
    Numbers,
    /// One word of a few, in a colour of its own.
    Verdicts,
}

/// A column: its head, and what it holds.
pub type Column = (&'static str, Holds);

/// A table with a heading, which says `none` where there are no rows.
pub fn table(title: &str, columns: &[Column], rows: &[Vec<String>]) -> Markup {
    let heads = columns.iter().map(|(head, holds)| cell("th", *holds, head));
    let line = |row: &Vec<String>| {
        let cells = row.iter().zip(columns).map(|(text, (_, holds))| cell("td", *holds, text));
        element("tr", &[], cells.collect())
    };
    let head = element("thead", &[], element("tr", &[], heads.collect()));
    let body = element("tbody", &[], rows.iter().take(ROWS).map(line).collect());
    let left = rows.len().saturating_sub(ROWS);
    let more = match (left, rows.is_empty()) {
        (0, false) => Markup::none(),
        (0, true) => element("p", &[("class", &"quiet")], Markup::text("none")),
        _ => element("p", &[("class", &"quiet")], Markup::text(format!("and {} more", count(left as u64)))),
    };
    let drawn = if rows.is_empty() { Markup::none() } else { element("table", &[], head.then(body)) };
    element(
        "section",
        &[],
        element("h2", &[], Markup::text(title)).then(element("div", &[("class", &"wide")], drawn)).then(more),
    )
}

fn cell(name: &'static str, holds: Holds, text: &str) -> Markup {
    let class = match holds {
        Holds::Words => String::new(),
        Holds::Numbers => "number".to_owned(),
        Holds::Verdicts => format!("way {text}"),
    };
    element(name, &[("class", &class)], Markup::text(text))
}

/// Faults by class.
pub fn faults(record: &Record) -> Markup {
    let mut classes: BTreeMap<Class, (u64, u64, u64, u64)> = BTreeMap::new();
    for fault in &record.faults {
        let row = classes.entry(fault.class).or_insert((0, 0, u64::MAX, 0));
        let lasted = fault.to_ms.saturating_sub(fault.from_ms);
        *row = (row.0 + 1, row.1 + lasted, row.2.min(fault.amount), row.3.max(fault.amount));
    }
    let row = |(class, (times, lasted, least, most)): (Class, (u64, u64, u64, u64))| {
        let amount = match class.row().unit {
            "" => String::new(),
            unit if least == most => format!("{} {unit}", count(most)),
            unit => format!("{} to {} {unit}", count(least), count(most)),
        };
        vec![class.name().to_owned(), family(class).0.to_owned(), count(times), span(lasted as f64), amount]
    };
    let columns = [("class", Words), ("about", Words), ("times", Numbers), ("in all", Numbers), ("amount", Words)];
    table("Faults by class", &columns, &classes.into_iter().map(row).collect::<Vec<_>>())
}

/// Heals, with the time until all were equal.
pub fn heals(record: &Record) -> Markup {
    let row = |heal: &crate::record::Heal| {
        let after = heal.equal_after_ms.map_or("a new fault came first".to_owned(), |after| span(after as f64));
        vec![clock(heal.at_ms as f64 / 1_000.0), after]
    };
    table("Heals", &[("at", Numbers), ("equal after", Numbers)], &record.heals.iter().map(row).collect::<Vec<_>>())
}

/// Open conflicts, with both sides.
pub fn conflicts(record: &Record) -> Markup {
    let columns = [("entry", Words), ("where in it", Words), ("what shows", Words), ("the other side", Words)];
    let row = |conflict: &crate::record::ConflictShown| {
        let pointer = if conflict.pointer.is_empty() { "the whole entry" } else { &conflict.pointer };
        vec![conflict.path.clone(), pointer.to_owned(), conflict.winner.clone(), conflict.loser.clone()]
    };
    let title = format!("Open conflicts at the end: {}", count(open_conflicts(record)));
    table(&title, &columns, &record.conflicts.iter().map(row).collect::<Vec<_>>())
}

/// Nodes at the end.
pub fn nodes(record: &Record) -> Markup {
    let columns = [
        ("node", Words),
        ("region", Words),
        ("state", Words),
        ("statements", Numbers),
        ("effective state", Words),
        ("sent", Numbers),
        ("boots", Numbers),
    ];
    let row = |end: &crate::record::NodeEnd| {
        let state = if end.up { "runs" } else { "is down" };
        let [name, region, digest] = [&end.name, &end.region, &end.digest].map(Clone::clone);
        vec![name, region, state.to_owned(), count(end.statements), digest, bytes(end.sent as f64), count(end.boots)]
    };
    table("Nodes at the end", &columns, &record.ends.iter().map(row).collect::<Vec<_>>())
}

/// States worth reaching; those never reached first.
pub fn sometimes(record: &Record) -> Markup {
    let mut states: Vec<(&String, &u64)> = record.sometimes.iter().collect();
    states.sort_by_key(|(state, times)| (**times > 0, state.as_str()));
    let row = |(state, times): (&String, &u64)| {
        vec![state.clone(), if *times == 0 { "never".to_owned() } else { count(*times) }]
    };
    let rows: Vec<Vec<String>> = states.into_iter().map(row).collect();
    table("States worth reaching", &[("state", Words), ("times", Numbers)], &rows)
}

/// Rules that were broken.
pub fn violations(record: &Record) -> Markup {
    let columns = [("rule", Words), ("at", Numbers), ("node", Numbers), ("what was seen", Words)];
    let row = |violation: &crate::record::Violation| {
        vec![violation.check.clone(), moment(violation), violation.node.to_string(), violation.what.clone()]
    };
    table("Rules broken", &columns, &record.violations.iter().map(row).collect::<Vec<_>>())
}

/// Totals that no other part shows.
pub fn totals(record: &Record) -> Markup {
    let totals = &record.totals;
    let row = |name: &str, text: String| vec![name.to_owned(), text];
    let mut rows = vec![
        row("events", count(totals.events)),
        row("writes asked for", count(totals.writes)),
        row("acknowledged", count(totals.acknowledged)),
    ];
    rows.extend(totals.refused.iter().map(|(reason, times)| row(&format!("refused: {reason}"), count(*times))));
    rows.push(row("crashes", count(totals.crashes)));
    rows.push(row("gossip messages that arrived", count(totals.copies)));
    rows.push(row("messages lost", count(totals.lost)));
    let sent = KINDS.iter().zip(kinds(&totals.bytes));
    rows.extend(sent.map(|(kind, sent)| row(&format!("sent: {kind}"), Unit::Bytes.show(sent as f64))));
    rows.push(row("reads and views", count(totals.reads)));
    rows.push(row("sessions of reconciliation", count(totals.sessions)));
    rows.push(row("node-seconds", count(totals.node_seconds)));
    rows.push(row("time on this machine", span(totals.wall_ms as f64)));
    table("Totals", &[("what", Words), ("how much", Numbers)], &rows)
}
