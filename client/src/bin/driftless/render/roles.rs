//! Roles, as `role list` shows them.

use crate::commands::role::Named;
use crate::out::Paint;
use crate::table::{Cell, row, table};

/// A row for each.
pub fn list(paint: Paint, roles: &[Named]) -> String {
    if roles.is_empty() {
        return "No role is kept; make one with `driftless role set NAME VERBS PREFIX`\n".to_owned();
    }
    let rows: Vec<Vec<Cell>> = roles
        .iter()
        .map(|Named { name, role }| {
            let mut terms: Vec<String> = Vec::new();
            for (what, approvals) in [("writes", &role.approvals), ("deletes", &role.delete_approvals)] {
                terms.extend(approvals.iter().map(|one| format!("{what}: {} of {}", one.need, one.of.len())));
            }
            terms.extend(role.not_after.iter().map(|latest| format!("not after {latest}")));
            terms.extend(role.labels.iter().map(|(name, value)| format!("{name}={value}")));
            row![
                name.as_str(),
                role.verbs.join(","),
                if role.prefix.is_empty() { "/" } else { &role.prefix },
                role.scopes.join(","),
                terms.join("; ")
            ]
        })
        .collect();
    table(paint, &["ROLE", "VERBS", "PREFIX", "SCOPES", "TERMS"], &rows)
}
