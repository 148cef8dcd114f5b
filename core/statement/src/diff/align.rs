//! Which elements of an old list are which of a new one: edit distance with a price for each way to change.

use crate::id::ElementId;
use crate::limits;
use crate::tree::Tree;
use crate::value::Value;

use super::plan::same;

/// One place in the aligned lists, in the order of the new one.
pub(super) enum Slot<'o, 'n> {
    /// Equal.
    Keep(ElementId),
    /// Only in the old list.
    Delete(ElementId),
    /// Only in the new list.
    Insert(&'n Value),
    /// The same element with another value.
    Replace(ElementId, &'o Tree, &'n Value),
}

/// Cells of the table; beyond that the list is put whole. A thousand changed elements on both sides.
const CELLS: usize = 1 << 20;
/// Prices. A replacement is one edit and cheaper than a removal and an insertion, which are two; the more alike two
/// maps are, the cheaper.
const ADD: u32 = 80;
const REPLACE: u32 = 100;
const ALIKE: u32 = 60;
/// Keys that tell elements of a list apart in real configuration; an equal one weighs like this many others.
const NAMING_KEYS: [&str; 3] = ["id", "key", "name"];
const NAMING_WEIGHT: u32 = 8;

/// Aligns two lists. `None`: too much differs for edits to be worth it.
pub(super) fn align<'o, 'n>(old: &'o [(ElementId, Tree)], new: &'n [Value]) -> Option<Vec<Slot<'o, 'n>>> {
    let equal = |(old, new): &(&(ElementId, Tree), &Value)| same(&old.1, new);
    let head = old.iter().zip(new).take_while(equal).count();
    let (first, old) = old.split_at_checked(head)?;
    let new = new.get(head..)?;
    let tail = old.iter().rev().zip(new.iter().rev()).take_while(equal).count();
    let (old, last) = old.split_at_checked(old.len() - tail)?;
    let new = new.get(..new.len() - tail)?;
    let keep = |element: &(ElementId, Tree)| Slot::Keep(element.0);
    let middle = middle(old, new)?;
    Some(first.iter().map(keep).chain(middle).chain(last.iter().map(keep)).collect())
}

#[derive(Clone, Copy)]
enum Way {
    Keep,
    Replace,
    Delete,
    Insert,
}

fn middle<'o, 'n>(old: &'o [(ElementId, Tree)], new: &'n [Value]) -> Option<Vec<Slot<'o, 'n>>> {
    if old.len().abs_diff(new.len()) > limits::EDITS || old.len().saturating_mul(new.len()) > CELLS {
        return None;
    }
    // Row by row from the end, so that the way is read off from the start: `below` prices the rest after this element.
    let mut below: Vec<u32> = (0u32..).map(|left| left * ADD).take(new.len() + 1).collect();
    below.reverse();
    let mut ways = Vec::with_capacity(old.len());
    for (_, tree) in old.iter().rev() {
        let (row, way) = row(tree, new, &below);
        below = row;
        ways.push(way);
    }
    Some(walk(old, new, &ways))
}

/// One row of the table: the price of the rest from each place in the new list, and the way to go there.
fn row(tree: &Tree, new: &[Value], below: &[u32]) -> (Vec<u32>, Vec<Way>) {
    let mut right = below.last().copied().unwrap_or_default() + ADD;
    let mut prices = vec![right];
    let mut ways = Vec::with_capacity(new.len());
    for (value, under) in new.iter().zip(below.windows(2)).rev() {
        let [delete, both] = under else { continue };
        let change = price(tree, value);
        let pair = if change == 0 { Way::Keep } else { Way::Replace };
        // At equal price the first counts: pairs before removals, removals before insertions.
        let choices = [(both + change, pair), (delete + ADD, Way::Delete), (right + ADD, Way::Insert)];
        let Some((best, way)) = choices.into_iter().min_by_key(|(price, _)| *price) else { continue };
        right = best;
        prices.push(best);
        ways.push(way);
    }
    prices.reverse();
    ways.reverse();
    (prices, ways)
}

/// `ways` holds the rows from the last element to the first.
fn walk<'o, 'n>(mut old: &'o [(ElementId, Tree)], mut new: &'n [Value], ways: &[Vec<Way>]) -> Vec<Slot<'o, 'n>> {
    let width = new.len();
    let mut slots = Vec::with_capacity(old.len() + new.len());
    let mut rows = ways.iter().rev();
    let mut row = rows.next();
    while let Some(((id, tree), rest)) = old.split_first() {
        let way = row.and_then(|row| row.get(width - new.len())).copied();
        match (way, new.split_first()) {
            (Some(Way::Insert), Some((value, behind))) => {
                slots.push(Slot::Insert(value));
                new = behind;
                continue;
            }
            (Some(Way::Keep), Some((_, behind))) => {
                slots.push(Slot::Keep(*id));
                new = behind;
            }
            (Some(Way::Replace), Some((value, behind))) => {
                slots.push(Slot::Replace(*id, tree, value));
                new = behind;
            }
            (Some(Way::Delete) | None, _) | (_, None) => slots.push(Slot::Delete(*id)),
        }
        old = rest;
        row = rows.next();
    }
    slots.extend(new.iter().map(Slot::Insert));
    slots
}

/// What it costs to make one element of the other: nothing when they are equal.
fn price(old: &Tree, new: &Value) -> u32 {
    match (old, new) {
        (Tree::Map(old), Value::Map(new)) => {
            let weight = |key: &str| if NAMING_KEYS.contains(&key) { NAMING_WEIGHT } else { 1 };
            let all: u32 =
                old.keys().chain(new.keys().filter(|key| !old.contains_key(*key))).map(|key| weight(key)).sum();
            let alike: u32 = old
                .iter()
                .filter(|(key, old)| new.get(*key).is_some_and(|new| same(old, new)))
                .map(|(key, _)| weight(key))
                .sum();
            if alike == all { 0 } else { (REPLACE - ALIKE * alike / all.max(1)).max(1) }
        }
        (old, new) if same(old, new) => 0,
        (Tree::List(_), Value::List(_)) => REPLACE - ALIKE / 2,
        _ => REPLACE,
    }
}
