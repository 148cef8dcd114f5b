//! Grants, as `grant` without arguments shows them.

use driftless_client::api::Grants;

use crate::out::{Ink, Paint};
use crate::table::{Cell, row, table};

/// Root keys, then grants by rank.
pub fn grants(paint: Paint, answer: &Grants) -> String {
    let roots: Vec<String> = answer.roots.iter().map(|key| key.short()).collect();
    let rows: Vec<Vec<Cell>> = answer
        .grants
        .iter()
        .map(|grant| {
            let scopes: Vec<&str> = grant.scopes.iter().map(|scope| scope.as_str()).collect();
            let word = if grant.struck_by.is_empty() { grant.state.as_str() } else { "struck" };
            let state = if word == "authorised" { Ink::Good } else { Ink::Warn };
            row![
                grant.id.short(),
                grant.rank.to_string(),
                grant.key.short(),
                grant.verbs.join(","),
                if grant.prefix.is_empty() { "/" } else { &grant.prefix },
                scopes.join(","),
                grant.issuer.short(),
                Cell::ink(word, state)
            ]
        })
        .collect();
    let head = format!("Root keys: {} ({} needed for a root act)\n\n", roots.join(", "), answer.threshold);
    head + &table(paint, &["GRANT", "RANK", "KEY", "VERBS", "PREFIX", "SCOPES", "ISSUER", "STATE"], &rows)
}
