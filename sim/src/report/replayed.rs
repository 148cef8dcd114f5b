//! The table of a replayed log: what became of its writes. It must not know how a replay is made.

use super::markup::Markup;
use super::tables::Holds::{Numbers, Words};
use super::tables::table;
use super::words::{clock, count};
use crate::record::Record;

/// What became of the log; nothing in other runs.
pub fn log(record: &Record) -> Markup {
    let Some(told) = &record.replay else { return Markup::none() };
    let row = |name: &str, figure: u64| vec![name.to_owned(), count(figure)];
    let mut rows = vec![row("statements in the log", told.statements), row("writes among them", told.writes)];
    rows.extend(told.left_out.iter().map(|(kind, times)| row(&format!("left out: {kind}"), *times)));
    rows.push(row("authors", told.authors));
    rows.push(vec!["from the first write to the last".to_owned(), clock(told.span_s as f64)]);
    rows.push(vec!["times faster than that".to_owned(), format!("{:.3}", told.pace)]);
    rows.push(row("writes accepted", told.accepted));
    rows.push(row("came before what their author had seen", told.ahead));
    rows.push(row("offered again until a node took them", told.again));
    rows.extend(told.never.iter().map(|(why, times)| row(&format!("never accepted: {why}"), *times)));
    table("What the log came to", &[("what", Words), ("how much", Numbers)], &rows)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::ReplayTold;

    #[test]
    fn shows_what_became_of_a_log_and_nothing_where_there_is_none() {
        let never = [("was not offered".to_owned(), 3)].into();
        let replay = Some(ReplayTold { writes: 12, never, ..ReplayTold::default() });
        let drawn = log(&Record { replay, ..Record::default() }).into_string();
        assert!(drawn.contains("never accepted: was not offered"), "{drawn}");
        assert_eq!(log(&Record::default()).into_string(), "");
    }
}
