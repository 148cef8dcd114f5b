//! Schemas: entries that operators write, and values held against them on every node.

use driftless_statement::schema::{Rule, Unmet};
use driftless_statement::{Path, Prefix, Scope, Value, json, limits};

use crate::script::halves;

/// Law: a schema reads back as written and governs nothing outside its scope; checking a value gives the same verdict each
/// time, never spends more than its budget, and what it spent is enough for the same verdict again.
pub fn schema(data: &[u8]) {
    let (entry, value) = halves(data);
    let Ok(entry) = json::parse(entry) else { return };
    let path = Path::parse("@mesh/schemas/shop/x").expect("a path");
    let bare = Value::Map([("governs".into(), Value::Text("shop".into())), ("schema".into(), entry.clone())].into());
    for entry in [entry, bare] {
        if let Ok(rule) = Rule::read(&path, &entry) {
            assert_eq!(rule.to_value(), entry);
            assert!(Prefix::from(&Scope::parse("shop").expect("a scope")).contains(rule.governs()));
            if let Ok(value) = json::parse(value) {
                meets(&rule, &value);
            }
        }
    }
}

fn meets(rule: &Rule, value: &Value) {
    let mut left = limits::SCHEMA_STEPS;
    let verdict = rule.meets(value, &mut left);
    assert!(left <= limits::SCHEMA_STEPS);
    if let Err(found) = &verdict {
        assert!(found.at.chars().count() <= 257 && found.to_string().len() < 4096, "{found}");
    }
    let spent = limits::SCHEMA_STEPS - left;
    let mut exact = spent;
    assert_eq!(rule.meets(value, &mut exact), verdict);
    if let Some(mut less) = spent.checked_sub(1) {
        let given_up = rule.meets(value, &mut less);
        assert!(matches!(given_up.map_err(|found| found.why), Err(Unmet::Budget { .. })), "{spent} were not needed");
    }
}
