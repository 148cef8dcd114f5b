//! The report of a run: a summary for a terminal, one page with plots, and the same of two runs. It reads records and
//! nothing else, so a report can be made again from a record on a disk.

mod axis;
mod compare;
mod figures;
#[cfg(test)]
mod fixture;
mod histogram;
mod history;
mod legend;
mod markup;
mod page;
mod panel;
mod path;
mod plots;
mod replayed;
mod scale;
mod sockets;
mod summary;
mod tables;
mod timeline;
mod verdict;
mod words;

pub use compare::{compare, compare_html};
pub use page::html;
pub use sockets::{Agreement, agreements, sockets, was_disturbed};
pub use summary::summary;

#[cfg(test)]
mod tests;
