//! The table: rows with what is demanded of them, and the Markdown page in which each run replaces its own rows. It must
//! not know how a figure came to be.

use std::fmt::Write as _;
use std::path::Path;

use crate::pairing::{Paired, Spread};

/// What a figure has to be.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Want {
    /// Not more than this.
    AtMost(f64),
    /// Not less than this.
    AtLeast(f64),
    /// Shown for its own sake.
    Shown,
}

impl Want {
    fn met(self, figure: f64) -> Option<bool> {
        match self {
            Self::AtMost(bound) => Some(figure <= bound),
            Self::AtLeast(bound) => Some(figure >= bound),
            Self::Shown => None,
        }
    }

    fn text(self, unit: &str) -> String {
        match self {
            Self::AtMost(bound) => format!("≤ {}{unit}", number(bound)),
            Self::AtLeast(bound) => format!("≥ {}{unit}", number(bound)),
            Self::Shown => "–".to_owned(),
        }
    }
}

/// One row of the table.
#[derive(Debug, Clone)]
pub struct Row {
    /// What is measured; names the row.
    pub what: String,
    /// What it is held against.
    pub against: String,
    /// What is demanded.
    pub want: Want,
    /// ` ×` for ratios.
    pub unit: &'static str,
    /// The figures of all rounds.
    pub figure: Spread,
    /// Orders of magnitude, and what else a reader should know.
    pub note: String,
}

impl Row {
    /// A ratio of two sides that were run in turn.
    pub fn ratio(what: impl Into<String>, against: impl Into<String>, want: Want, paired: &Paired) -> Self {
        let figure = paired.ratio.clone();
        Self { what: what.into(), against: against.into(), want, unit: " ×", figure, note: String::new() }
    }

    /// A figure that needs no yardstick: bytes, counts.
    pub fn plain(what: impl Into<String>, want: Want, unit: &'static str, figure: f64) -> Self {
        let figure = Spread::of([figure]);
        Self { what: what.into(), against: "–".to_owned(), want, unit, figure, note: String::new() }
    }

    /// Adds a remark.
    pub fn note(mut self, note: impl Into<String>) -> Self {
        self.note = note.into();
        self
    }

    fn line(&self) -> String {
        let (least, most) = self.figure.ends();
        let spread = if least == most { "–".to_owned() } else { format!("{} – {}", number(least), number(most)) };
        let Self { what, against, unit, note, .. } = self;
        let (want, figure, met) = (self.want.text(unit), number(self.figure.median()), self.met());
        format!("| {what} | {against} | {want} | {figure}{unit} | {spread} | {met} | {note} |")
    }

    /// The same for a page that shows the most telling rows only.
    fn short(&self) -> String {
        let Self { what, against, unit, .. } = self;
        let (want, figure, met) = (self.want.text(unit), number(self.figure.median()), self.met());
        format!("| {what} | {against} | {want} | {figure}{unit} | {met} |")
    }

    fn met(&self) -> &'static str {
        match self.want.met(self.figure.median()) {
            Some(true) => "yes",
            Some(false) => "**no**",
            None => "",
        }
    }
}

/// A number with three digits that matter.
fn number(number: f64) -> String {
    match number.abs() {
        size if size >= 1_000.0 => {
            let whole = format!("{number:.0}");
            let mut grouped = String::new();
            for (at, digit) in whole.chars().enumerate() {
                if at > 0 && (whole.len() - at).is_multiple_of(3) && !grouped.ends_with('-') {
                    grouped.push(',');
                }
                grouped.push(digit);
            }
            grouped
        }
        size if size >= 100.0 || number.fract() == 0.0 => format!("{number:.0}"),
        size if size >= 10.0 => format!("{number:.1}"),
        _ => format!("{number:.2}"),
    }
}

const HEAD: &str = "| what | held against | at least | measured | spread | met | remark |\n| --- | --- | --- | --- | --- | --- | --- |\n";
const BEGIN: &str = "<!-- the table: written by driftless-benches -->\n";
const BEGIN_PART: &str = "<!-- rows of the table: written by driftless-benches -->\n";
const END: &str = "<!-- end of the table -->\n";

/// The table of some rows.
pub fn markdown(rows: &[Row]) -> String {
    rows.iter().fold(HEAD.to_owned(), |mut text, row| {
        let _ = writeln!(text, "{}", row.line());
        text
    })
}

/// The name of a row that stands in a page.
fn name_of(line: &str) -> &str {
    line.split('|').nth(1).unwrap_or_default().trim()
}

/// Puts rows into a page: one that stands there already is replaced where it stands, a new one comes last. `anew`: none
/// that stands there is kept.
pub fn merge(page: &str, rows: &[Row], anew: bool) -> String {
    if let Some((before, rest)) = page.split_once(BEGIN_PART) {
        return format!("{before}{BEGIN_PART}{}", renew(rest, rows));
    }
    let (before, rest) = page.split_once(BEGIN).unwrap_or((page, ""));
    let (table, after) = rest.split_once(END).unwrap_or(("", ""));
    let kept = table.lines().skip(if anew { usize::MAX } else { 2 });
    let mut lines: Vec<String> = kept.map(str::to_owned).collect();
    for row in rows {
        let fresh = row.line();
        match lines.iter_mut().find(|line| name_of(line) == name_of(&fresh)) {
            Some(line) => *line = fresh,
            None => lines.push(fresh),
        }
    }
    let body: String = lines.iter().map(|line| format!("{line}\n")).collect();
    format!("{before}{BEGIN}{HEAD}{body}{END}{after}")
}

/// The same for a page that shows a part of the table: its rows are renewed, and none comes or goes.
fn renew(page: &str, rows: &[Row]) -> String {
    let (table, after) = page.split_once(END).unwrap_or((page, ""));
    let fresh = |line: &str| rows.iter().find(|row| row.what == name_of(line)).map(Row::short);
    let table: String =
        table.lines().map(|line| format!("{}\n", fresh(line).unwrap_or_else(|| line.to_owned()))).collect();
    format!("{table}{END}{after}")
}

/// Writes rows into a page on disk.
pub fn write(page: &Path, rows: &[Row], anew: bool) -> std::io::Result<()> {
    let text = std::fs::read_to_string(page)?;
    std::fs::write(page, merge(&text, rows, anew))
}

#[cfg(test)]
mod tests {
    use super::{Row, Want, merge};

    #[test]
    fn a_row_replaces_itself_and_nothing_else() {
        let one = |figure| Row::plain("one", Want::AtMost(2.0), " B", figure);
        let two = Row::plain("two", Want::AtLeast(1234.5), "", 2_000.0);
        let page = merge("before\n", &[one(1.0), two], false);
        assert!(page.starts_with("before\n"));
        assert!(page.contains("| one | – | ≤ 2 B | 1 B | – | yes |"));
        assert!(page.contains("| two | – | ≥ 1,234 | 2,000 | – | yes |"), "{page}");
        let again = merge(&page, &[one(3.25)], false);
        assert!(again.contains("| one | – | ≤ 2 B | 3.25 B | – | **no** |"));
        assert!(again.contains("| two |"));
        assert_eq!(again.matches("| one |").count(), 1);
        assert!(!merge(&again, &[one(1.0)], true).contains("| two |"));
        let part = format!("before\n{}| what |\n| --- |\n| one | old |\n{}after\n", super::BEGIN_PART, super::END);
        let other = Row::plain("other", Want::Shown, "", 1.0);
        let renewed = merge(&part, &[one(1.5), other], true);
        assert_eq!(renewed, part.replace("| one | old |", "| one | – | ≤ 2 B | 1.50 B | yes |"));
    }

    #[test]
    fn the_readme_shows_rows_as_the_table_has_them() {
        let page = |name: &str| std::fs::read_to_string(format!("{}/../{name}", env!("CARGO_MANIFEST_DIR"))).unwrap();
        let cells =
            |line: &str| line.trim_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect::<Vec<_>>();
        let rows = |text: &str, begin: &str| {
            let table = text.split_once(begin).unwrap().1.split_once(super::END).unwrap().0.to_owned();
            table.lines().skip(2).map(cells).collect::<Vec<_>>()
        };
        let table = rows(&page("docs/benchmarks.md"), super::BEGIN);
        let shown = rows(&page("README.md"), super::BEGIN_PART);
        assert!(shown.len() > 20);
        for row in shown {
            let whole = table.iter().find(|whole| whole[0] == row[0]);
            let whole = whole.unwrap_or_else(|| panic!("no row {:?} in docs/benchmarks.md", row[0]));
            assert_eq!(row, [&whole[..4], &whole[5..6]].concat());
        }
    }
}
