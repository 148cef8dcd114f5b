//! Grants, as `grant` without arguments shows them.

use driftless_client::api::{GrantInfo, Grants};

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
                terms(grant),
                grant.issuer.short(),
                Cell::ink(word, state)
            ]
        })
        .collect();
    let mut head = format!("Root keys: {} ({} needed for a root act)\n", roots.join(", "), answer.threshold);
    if answer.epochs.last().is_some_and(|epoch| epoch.ended_by.len() > 1) {
        head.push_str("Two rotations ended this epoch: no root act counts any more, found the mesh anew\n");
    } else if answer.epochs.len() > 1 {
        head.push_str(&format!("Epoch {} since genesis, {}\n", answer.epochs.len(), answer.epoch.short()));
    }
    head.push('\n');
    head + &table(paint, &["GRANT", "RANK", "KEY", "VERBS", "PREFIX", "SCOPES", "TERMS", "ISSUER", "STATE"], &rows)
}

fn terms(grant: &GrantInfo) -> String {
    let mut terms: Vec<String> = Vec::new();
    for demand in &grant.demands {
        terms.push(format!("{}: {} of {}", demand.what, demand.approvals, demand.of.len()));
    }
    terms.extend(grant.not_after.iter().map(|latest| format!("not after {latest}")));
    terms.extend(grant.labels.iter().map(|(name, value)| format!("{name}={value}")));
    terms.join("; ")
}
