//! The summary of a run for a terminal: at most forty lines, each begun by what it is about. It must not know how a run
//! is made.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::figures::{
    KINDS, QUEUES, heal_times, longest_queues, open_conflicts, quantile, rates, reached, speed, worst,
};
use super::history;
use super::verdict::{moment, next, verdict};
use super::words::{Unit, clock, count, decimal, plural, span};
use crate::record::{Record, Violation};

/// Columns that a line takes at most.
const WIDE: usize = 110;
/// Columns of what a line is about.
const HEAD: usize = 18;
/// Violations that are shown in full.
const SHOWN: usize = 3;

/// The summary of a run.
pub fn summary(record: &Record) -> String {
    let mut out = format!("{}, seed {}: {}\n", record.scenario, record.seed, verdict(record).1);
    if !record.about.is_empty() {
        out.push_str(&said("about", &record.about, 2));
    }
    out.push_str(&world(record));
    out.push_str(&times(record));
    out.push_str(&costs(record));
    out.push_str(&state(record));
    if let Some(history) = &record.history {
        out.push_str(&listed("history", &history::told(history), 2, " · "));
    }
    if let Some(told) = &record.hostile {
        let (signed, in_) = (count(told.signed), count(told.let_in));
        let came = format!("{signed} statements signed, {in_} on a disk, {} left the summaries", count(told.left));
        let who = [told.authors.join(" "), told.peers.join(" "), came, plural(told.strikes, "strike")];
        out.push_str(&listed("hostile", &who, 4, " · "));
    }
    out.push_str(&end(record));
    out
}

fn world(record: &Record) -> String {
    let totals = &record.totals;
    let run = [
        plural(record.nodes as u64, "node"),
        format!("{} s simulated ({})", count(record.seconds), clock(record.seconds as f64)),
        plural(totals.events, "event"),
        format!("{} of a process", plural(totals.crashes, "crash")),
    ];
    let refused: u64 = totals.refused.values().sum();
    let mut writes = vec![format!("{} of {} acknowledged", count(totals.acknowledged), count(totals.writes))];
    writes.extend(named(&totals.refused));
    if let Some(first) = writes.get_mut(1) {
        *first = format!("{} refused: {first}", count(refused));
    }
    let faults: u64 = totals.faults.values().sum();
    let mut classes = named(&totals.faults);
    if let Some(first) = classes.first_mut() {
        *first = format!("{}: {first}", count(faults));
    } else {
        classes.push("none".to_owned());
    }
    line("run", &run) + &listed("faults", &classes, 4, ", ") + &listed("writes", &writes, 3, ", ")
}

/// Names with how often, the most frequent first.
fn named(counts: &BTreeMap<String, u64>) -> Vec<String> {
    let mut list: Vec<(&String, &u64)> = counts.iter().filter(|(_, times)| **times > 0).collect();
    list.sort_by_key(|(name, times)| (std::cmp::Reverse(**times), name.as_str()));
    list.into_iter().map(|(name, times)| format!("{name} {}", count(*times))).collect()
}

fn times(record: &Record) -> String {
    let spread = &record.propagation;
    let measured = |us: u64| (spread.arrivals > 0).then_some(us as f64 / 1_000.0);
    let healed = heal_times(record);
    let after = |share| quantile(&healed, share).map(|ms| ms as f64);
    let mut out = format!("{:HEAD$}", "");
    for name in ["p50", "p90", "p99", "max"] {
        let _ = write!(out, "{name:>10}");
    }
    out.push('\n');
    let cut = record.heals.len() - healed.len();
    let mut heals = format!("{} of {}", healed.len(), plural(record.heals.len() as u64, "heal"));
    if cut > 0 {
        let _ = write!(heals, ", {cut} met by a new fault");
    }
    let spread_over = [spread.p50_us, spread.p90_us, spread.p99_us, spread.max_us].map(measured);
    out.push_str(&row("propagation", spread_over, &plural(spread.arrivals, "arrival")));
    out.push_str(&row("equal after heals", [500, 900, 990, 1_000].map(after), &heals));
    out
}

fn row(head: &str, values: [Option<f64>; 4], note: &str) -> String {
    let mut out = format!("{head:HEAD$}");
    for value in values {
        let _ = write!(out, "{:>10}", value.map_or("–".to_owned(), span));
    }
    let _ = writeln!(out, "   {note}");
    out
}

fn costs(record: &Record) -> String {
    let spread = &record.propagation;
    let copies = match spread.arrivals {
        0 => "–".to_owned(),
        _ => format!("{} a node and statement (1 is the least)", decimal(spread.copies_thousandths as f64 / 1_000.0)),
    };
    let rates = rates(record);
    let show = |rate: Option<f64>| rate.map_or("–".to_owned(), |rate| Unit::Bytes.show(rate));
    let mut kinds: Vec<String> = KINDS.iter().zip(rates).map(|(kind, rate)| format!("{kind} {}", show(rate))).collect();
    let all = rates.into_iter().flatten().reduce(|sum, rate| sum + rate);
    kinds.push(format!("all {} a node and second", show(all)));
    line("copies", &[copies]) + &line("bytes", &kinds)
}

fn state(record: &Record) -> String {
    let show = |unit: Unit, value: Option<f64>| value.map_or("–".to_owned(), |value| unit.show(value));
    let mean = worst(record, |sample| sample.divergence_mean);
    let most = worst(record, |sample| sample.divergence_max);
    let missing = worst(record, |sample| sample.most_missing);
    let sets = worst(record, |sample| sample.sets as u64);
    let behind = [
        format!("at most {} statements at one node", show(Unit::Count, missing)),
        format!("at most {} different sets", show(Unit::Count, sets)),
    ];
    let divergence = [
        format!("mean at most {}", show(Unit::Share, mean)),
        format!("worst node at most {}", show(Unit::Share, most)),
    ];
    let queues = QUEUES.iter().zip(longest_queues(record)).map(|(name, most)| format!("{name} {}", count(most as u64)));
    line("missing", &behind)
        + &line("divergence", &divergence)
        + &line("longest queues", &queues.collect::<Vec<String>>())
        + &line("conflicts", &[format!("{} open at the end", count(open_conflicts(record)))])
}

fn end(record: &Record) -> String {
    let (reached, of) = reached(record);
    let never: Vec<String> =
        record.sometimes.iter().filter(|(_, times)| **times == 0).map(|(state, _)| state.clone()).collect();
    let mut out = line("sometimes", &[format!("{reached} of {of} states reached")]);
    if !never.is_empty() {
        out.push_str(&listed("  never", &never, 3, "; "));
    }
    for violation in record.violations.iter().take(SHOWN) {
        let Violation { check, node, what, .. } = violation;
        let text = format!("{check} at {} on node {node}: {what}", moment(violation));
        out.push_str(&said("broken", &text, 2));
    }
    if record.violations.len() > SHOWN {
        out.push_str(&line("", &[format!("and {} more", count((record.violations.len() - SHOWN) as u64))]));
    }
    if let Some(next) = next(record) {
        out.push_str(&said("what to do", &next, 3));
    }
    let took = format!("{} on this machine", span(record.totals.wall_ms as f64));
    let speed = speed(record).map_or("–".to_owned(), |speed| format!("{} node-seconds a second", decimal(speed)));
    out + &line("speed", &[speed, took])
        + &line("trace", &[record.trace.clone(), format!("version {}", record.version)])
}

/// One line, its parts set apart.
fn line(head: &str, parts: &[String]) -> String {
    format!("{head:HEAD$}{}\n", parts.join(" · "))
}

/// Things over as many lines as are allowed; those that do not fit are counted.
fn listed(head: &str, things: &[String], lines: usize, between: &str) -> String {
    wrapped(head, things, lines, between, |left| format!("{between}and {left} more"))
}

/// Sentences over as many lines as are allowed.
fn said(head: &str, text: &str, lines: usize) -> String {
    let words: Vec<String> = text.split_whitespace().map(str::to_owned).collect();
    wrapped(head, &words, lines, " ", |_| " …".to_owned())
}

fn wrapped(head: &str, pieces: &[String], lines: usize, between: &str, rest: impl Fn(usize) -> String) -> String {
    let room = WIDE - HEAD;
    let mut rows = vec![String::new()];
    for (at, piece) in pieces.iter().enumerate() {
        let full = rows.len() == lines;
        let Some(row) = rows.last_mut() else { break };
        let length = row.chars().count() + between.len() + piece.chars().count();
        if row.is_empty() {
            row.push_str(piece);
        } else if length <= room {
            row.push_str(between);
            row.push_str(piece);
        } else if full {
            row.push_str(&rest(pieces.len() - at));
            break;
        } else {
            row.push_str(between.trim_end());
            rows.push(piece.clone());
        }
    }
    let heads = std::iter::once(head).chain(std::iter::repeat(""));
    rows.iter().zip(heads).map(|(row, head)| format!("{head:HEAD$}{row}\n")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::fixture;

    const WANTED: &str = "\
three-regions, seed 7: 1 rule broken
about             Nine nodes in three regions; <ap> is cut off & comes back.
run               9 nodes · 540 s simulated (9:00) · 191,000 events · 1 crash of a process
faults            4: crash 1, flapping 1, partition 1, slow-disk 1
writes            1,575 of 1,620 acknowledged, 45 refused: disk-full 40, stale base 5
                         p50       p90       p99       max
propagation            58 ms    141 ms    412 ms  2.02 min   12,600 arrivals
equal after heals      2.1 s     7.4 s     7.4 s     7.4 s   2 of 3 heals, 1 met by a new fault
copies            2.31 a node and statement (1 is the least)
bytes             gossip 800 B · exchange 155 B · beacons 97 B · control 48.5 B · all 1.07 KiB a node and second
missing           at most 240 statements at one node · at most 4 different sets
divergence        mean at most 48 % · worst node at most 75 %
longest queues    room 10 · disk 5 · line 1 · submissions 0 · requests 14
conflicts         4 open at the end
sometimes         2 of 3 states reached
  never           a beacon expired
broken            monotonic-reads at 3:07.250 on node 5: a service read revision 41 of app/limits after it had
                  read 42
what to do        the same version (0.1.0) with the same scenario (three-regions), seed (7) and number of
                  nodes (9) gives the same run with the same trace; look at the first violation first, the
                  others may follow from it
speed             40,000 node-seconds a second · 125 ms on this machine
trace             9f2c41d07b6ea853 · version 0.1.0
";

    #[test]
    fn the_summary_of_a_known_run() {
        assert_eq!(summary(&fixture::record()), WANTED);
    }

    #[test]
    fn a_summary_is_at_most_forty_lines_whatever_happened() {
        let mut record = fixture::record();
        let many = |what: &str| (0..400).map(|at| (format!("a rather long name of {what} {at}"), at % 3)).collect();
        record.totals.faults = many("a fault");
        record.totals.refused = many("a reason");
        record.sometimes = many("a state");
        record.about = "many words ".repeat(300);
        record.history = Some(crate::record::HistoryTold::default());
        record.violations = vec![record.violations[0].clone(); 70];
        record.violations.iter_mut().for_each(|violation| violation.what = "much was seen ".repeat(90));
        let text = summary(&record);
        assert!(text.lines().count() <= 40, "{} lines:\n{text}", text.lines().count());
        assert!(text.lines().all(|line| line.chars().count() <= WIDE + 15), "{text}");
        assert!(text.contains("and 67 more"), "{text}");
    }

    #[test]
    fn a_run_that_measured_nothing_says_so() {
        let text = summary(&Record::default());
        assert!(text.contains("–") && !text.contains("NaN") && !text.contains("inf"), "{text}");
    }
}
