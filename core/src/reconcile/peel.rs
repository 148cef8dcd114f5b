//! Decoding: from two prefixes of coded symbols to the short names that lie in one set only. Total and bounded whatever
//! the other side sent.

use std::collections::BTreeSet;

use super::short::{Short, Symbol};
use super::sketch::{Sketch, scatter};

/// An exact difference of two sets, by short names, ascending.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Decoded {
    /// In the local set only.
    pub only_local: Vec<Short>,
    /// In the remote set only.
    pub only_remote: Vec<Short>,
}

/// The symbols do not determine the difference: more are needed, or they are no symbols of any set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NeedMore;

/// Subtracts the remote symbols from the local sketch, which must have at least as many, and peels.
///
/// `holds` tells whether the local set has a short name; it settles on which side an element lies. Each step recovers a new
/// element and empties the symbol that showed it, so there are at most as many steps as symbols: a symbol that shows an
/// element a second time is a lie and left alone.
pub fn decode(local: &Sketch, remote: &[Symbol], holds: impl Fn(&Short) -> bool) -> Result<Decoded, NeedMore> {
    let prefix = local.symbols().get(..remote.len()).ok_or(NeedMore)?;
    let mut symbols: Vec<Symbol> = prefix.to_vec();
    symbols.iter_mut().zip(remote).for_each(|(symbol, remote)| symbol.toggle(*remote));
    let found = peel(local, &mut symbols);
    if symbols.iter().any(|symbol| !symbol.is_zero()) {
        return Err(NeedMore);
    }
    let (only_local, only_remote) = found.into_iter().partition(holds);
    Ok(Decoded { only_local, only_remote })
}

fn peel(local: &Sketch, symbols: &mut [Symbol]) -> BTreeSet<Short> {
    let mut found = BTreeSet::new();
    let mut queue: Vec<usize> = (0..symbols.len()).rev().collect();
    while let Some(at) = queue.pop() {
        let Some(symbol) = symbols.get(at).copied().filter(|symbol| !symbol.is_zero()) else { continue };
        let element = local.key().element(symbol.short());
        let pure =
            element.symbol == symbol && element.indices().take_while(|index| *index <= at).any(|index| index == at);
        if !pure || found.len() >= symbols.len() || !found.insert(symbol.short()) {
            continue;
        }
        scatter(symbols, &element, 0);
        queue.extend(element.indices().take_while(|index| *index < symbols.len()));
    }
    found
}
