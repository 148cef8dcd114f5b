//! The simulator beside real sockets: the same figures of both with their ratio, and what the simulator was told of links
//! and disks. It must not know how either was run.

use super::markup::{Markup, element};
use super::tables::Holds::{Numbers, Words};
use super::tables::table;
use super::words::{Unit, decimal};
use crate::record::{Calibrated, Record, SocketsTold};

/// How far the model may be from the real thing: a quarter.
const NEAR: f64 = 0.25;

/// One figure of both.
#[derive(Debug, Clone, PartialEq)]
pub struct Agreement {
    /// Which.
    pub name: &'static str,
    /// Over real sockets.
    pub real: f64,
    /// Simulated.
    pub model: f64,
    /// Whether the model must be near it.
    pub must: bool,
    unit: Unit,
}

impl Agreement {
    /// The simulated figure for each real one.
    pub fn ratio(&self) -> f64 {
        self.model / self.real
    }

    /// Whether both are within a quarter of each other where they must be.
    pub fn holds(&self) -> bool {
        !self.must || (self.ratio() - 1.0).abs() <= NEAR
    }
}

/// Whether the machine was too busy while the real nodes ran: a link took much longer than it was asked for, so that what
/// was measured is the machine, and its stalls are no property of links that a model could be given.
pub fn was_disturbed(told: &SocketsTold) -> bool {
    let late = |part: &Calibrated| part.asked_ms.is_some_and(|(_, p99)| part.measured_ms.1 > p99 * 1.5 + 5.0);
    told.calibrated.iter().any(late)
}

/// The figures of both; none in a run that was simulated only.
pub fn agreements(record: &Record) -> Vec<Agreement> {
    let Some(told) = &record.sockets else { return Vec::new() };
    let (model, real) = (&record.propagation, &told.real);
    let row = |name, must, unit, model: u64, real: u64| Agreement {
        name,
        real: real as f64,
        model: model as f64,
        must,
        unit,
    };
    vec![
        row("propagation p50", true, Unit::Micros, model.p50_us, real.p50_us),
        row("propagation p90", false, Unit::Micros, model.p90_us, real.p90_us),
        row("propagation p99", true, Unit::Micros, model.p99_us, real.p99_us),
        row("copies a node", true, Unit::Thousandths, model.copies_thousandths, real.copies_thousandths),
        row("arrivals", true, Unit::Count, model.arrivals, real.arrivals),
    ]
}

/// Both, for a terminal; empty in a run that was simulated only.
pub fn sockets(record: &Record) -> String {
    let Some(told) = &record.sockets else { return String::new() };
    let mut out = format!("{:<28}{:>14}{:>14}{:>14}\n", "", "real", "simulated", "ratio");
    for row in rows(record) {
        let [name, real, model, ratio, verdict] = row;
        out.push_str(format!("{name:<28}{real:>14}{model:>14}{ratio:>14}   {verdict}").trim_end());
        out.push('\n');
    }
    out.push_str(&format!("\n{:<28}{:>14}{:>14}{:>14}\n", "ms, median and p99", "", "asked for", "measured"));
    for part in &told.calibrated {
        let [what, asked, measured] = calibrated(part);
        out.push_str(&format!("{what:<28}{:>14}{asked:>14}{measured:>14}\n", ""));
    }
    out.push_str(&format!(
        "{} writes on {} nodes, answered within {} (p50); {} neighbours a real node\n",
        told.writes,
        record.nodes,
        Unit::Micros.show(told.answer_p50_us as f64),
        decimal(told.neighbours)
    ));
    if was_disturbed(told) {
        out.push_str("the machine was too busy to compare on: a link took half as long again as it was asked for\n");
    }
    out
}

/// Both, as tables; nothing in a run that was simulated only.
pub fn tables(record: &Record) -> Markup {
    let Some(told) = &record.sockets else { return Markup::none() };
    let columns = [("figure", Words), ("real", Numbers), ("simulated", Numbers), ("ratio", Numbers), ("", Words)];
    let figures: Vec<Vec<String>> = rows(record).into_iter().map(Vec::from).collect();
    let links: Vec<Vec<String>> = told.calibrated.iter().map(|part| Vec::from(calibrated(part))).collect();
    let columns_of_links = [("ms, median and p99", Words), ("asked for", Numbers), ("measured", Numbers)];
    let both = table("Held to real sockets", &columns, &figures).then(table(
        "Measured there, and given to the simulator",
        &columns_of_links,
        &links,
    ));
    element("div", &[("class", &"tables")], both)
}

fn rows(record: &Record) -> Vec<[String; 5]> {
    let row = |both: Agreement| {
        let verdict = match (both.must, both.holds()) {
            (false, _) => "",
            (true, true) => "within a quarter",
            (true, false) => "differs",
        };
        let (real, model) = (both.unit.show(both.real), both.unit.show(both.model));
        [both.name.to_owned(), real, model, decimal(both.ratio()), verdict.to_owned()]
    };
    agreements(record).into_iter().map(row).collect()
}

fn calibrated(part: &Calibrated) -> [String; 3] {
    let pair = |(median, p99): (f64, f64)| format!("{median:.1}, {p99:.1}");
    [part.what.clone(), part.asked_ms.map_or("–".to_owned(), pair), pair(part.measured_ms)]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::{Propagation, SocketsTold};

    fn record(model_us: u64) -> Record {
        let calibrated = vec![Calibrated { what: "a commit".to_owned(), asked_ms: None, measured_ms: (2.0, 9.5) }];
        let real = Propagation::of(&[40_000; 100], 5_000);
        let sockets = Some(SocketsTold { writes: 100, real, calibrated, ..SocketsTold::default() });
        let propagation = Propagation::of(&vec![model_us; 100], 5_100);
        Record { propagation, sockets, ..Record::default() }
    }

    #[test]
    fn a_model_that_is_off_by_more_than_a_quarter_differs() {
        let holds = |us| agreements(&record(us)).iter().all(Agreement::holds);
        assert!(holds(31_000) && holds(49_000) && !holds(29_000) && !holds(51_000));
        assert!(sockets(&record(51_000)).contains("differs") && !sockets(&record(40_000)).contains("differs"));
    }

    #[test]
    fn a_busy_machine_is_said_to_be_one() {
        let mut record = record(40_000);
        assert!(!sockets(&record).contains("too busy"));
        if let Some(told) = &mut record.sockets {
            let link = Calibrated { asked_ms: Some((5.0, 8.0)), measured_ms: (6.0, 190.0), ..Calibrated::default() };
            told.calibrated.push(link);
        }
        assert!(sockets(&record).contains("too busy"));
    }

    #[test]
    fn the_page_shows_both_and_says_nothing_where_there_is_one() {
        let page = crate::report::html(&record(40_000));
        assert!(
            page.contains("Held to real sockets") && page.contains("2.0, 9.5") && page.contains("real p50"),
            "{page}"
        );
        assert_eq!(sockets(&Record::default()), "");
        assert!(agreements(&Record::default()).is_empty());
        assert!(!crate::report::html(&Record::default()).contains("real sockets"));
    }
}
