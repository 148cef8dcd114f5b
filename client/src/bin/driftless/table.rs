//! Aligned columns. It must not know what is in them.

use crate::out::{Ink, Paint};

/// A cell: its text, and the ink it is shown in.
#[derive(Debug, Clone)]
pub struct Cell(String, Option<Ink>);

impl Cell {
    pub fn ink(text: impl Into<String>, ink: Ink) -> Self {
        Self(plain(&text.into()), Some(ink))
    }
}

impl<T: Into<String>> From<T> for Cell {
    fn from(text: T) -> Self {
        Self(plain(&text.into()), None)
    }
}

/// A row of cells from anything that becomes one.
macro_rules! row {
    ($($cell:expr),* $(,)?) => { vec![$($crate::table::Cell::from($cell)),*] };
}
pub(crate) use row;

/// Rows under a heading, each column as wide as its widest cell; the last one is not padded.
pub fn table(paint: Paint, heading: &[&str], rows: &[Vec<Cell>]) -> String {
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.0.chars().count());
        cells.chain(heading.get(column).map(|text| text.chars().count())).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..heading.len()).map(width).collect();
    let head: Vec<Cell> = heading.iter().map(|text| Cell::ink(*text, Ink::Dim)).collect();
    std::iter::once(&head).chain(rows).map(|row| line(paint, row, &widths)).collect()
}

fn line(paint: Paint, row: &[Cell], widths: &[usize]) -> String {
    let last = row.len().saturating_sub(1);
    let mut text = String::new();
    for (column, (Cell(cell, ink), width)) in row.iter().zip(widths).enumerate() {
        text.push_str(&ink.map_or_else(|| cell.clone(), |ink| paint.ink(ink, cell)));
        if column < last {
            text.push_str(&" ".repeat(width.saturating_sub(cell.chars().count()) + 2));
        }
    }
    // An empty last cell leaves blanks behind.
    format!("{}\n", text.trim_end())
}

/// A text that stays on its line and gives the terminal no orders: notes and names come from anybody. Control characters
/// become blanks, marks that turn the direction of writing become visible.
pub fn plain(text: &str) -> String {
    let tame = |c: char| match c {
        c if c.is_control() => ' ',
        '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => '\u{fffd}',
        other => other,
    };
    text.chars().map(tame).collect()
}

/// A text cut to a number of characters, with `…` for what is missing, on one line.
pub fn shorten(text: &str, most: usize) -> String {
    let flat = plain(text);
    if flat.chars().count() <= most {
        return flat;
    }
    flat.chars().take(most.saturating_sub(1)).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_align_by_characters_and_ink_takes_no_room() {
        let rows = vec![row!["a", "1"], vec![Cell::ink("lönger", Ink::Good), "2".into()], row!["b", ""]];
        assert_eq!(table(Paint::NONE, &["NAME", "N"], &rows), "NAME    N\na       1\nlönger  2\nb\n");
        let painted = table(Paint::ALWAYS, &["NAME", "N"], &rows);
        assert!(painted.contains("\u{1b}[32mlönger\u{1b}[0m  2\n"));
    }

    #[test]
    fn long_texts_are_cut_and_stay_on_one_line() {
        assert_eq!(shorten("abc\ndef", 7), "abc def");
        assert_eq!(shorten("abcdef", 4), "abc…");
        assert_eq!(plain("\u{1b}[31mred\u{9b}1m\u{202e}x"), " [31mred 1m\u{fffd}x");
    }
}
