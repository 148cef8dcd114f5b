//! Golden cases of the schema subset: `tests/vectors/schema.json` is what fold version 1 means by each keyword, and it
//! never changes. `tests/python` holds it against an implementation of JSON Schema that is not ours.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

#[path = "../../../tests/tests/figures.rs"]
mod figures;

use std::collections::BTreeMap;

use driftless_statement::schema::{BadSchema, Rule, Unmet, is_place, scope_of};
use driftless_statement::{Path, Value, json, limits};
use proptest::prelude::*;

const FILE: &str = include_str!("../../../tests/vectors/schema.json");

fn path(text: &str) -> Path {
    text.parse().unwrap()
}

fn entry(governs: &str, schema: Value) -> Value {
    let governs = ("governs".to_owned(), Value::Text(governs.into()));
    Value::Map([governs, ("schema".to_owned(), schema)].into())
}

fn read(schema: &Value) -> Result<Rule, String> {
    Rule::read(&path("@mesh/schemas/s/x"), &entry("s", schema.clone())).map_err(|bad| bad.to_string())
}

fn meets(schema: &Value, value: &Value) -> Result<(), String> {
    read(schema).unwrap().meets(value, &mut limits::SCHEMA_STEPS.clone()).map_err(|unmet| unmet.to_string())
}

fn list(of: &Value, key: &str) -> Vec<BTreeMap<String, Value>> {
    let Value::Map(map) = of else { panic!("a map") };
    let Value::List(list) = &map[key] else { panic!("a list") };
    list.iter().map(|item| if let Value::Map(map) = item { map.clone() } else { panic!("a map") }).collect()
}

#[test]
fn keywords_mean_what_the_golden_cases_say() {
    let file = json::parse(FILE.as_bytes()).unwrap();
    let mut seen = 0;
    for row in list(&file, "meets") {
        for case in list(&Value::Map(row.clone()), "cases") {
            let want = if let Value::Text(text) = &case["unmet"] { Err(text.to_string()) } else { Ok(()) };
            let about = format!("{} {}", json::to_string(&row["schema"]), json::to_string(&case["value"]));
            assert_eq!(meets(&row["schema"], &case["value"]), want, "{about}");
            seen += 1;
        }
    }
    for row in list(&file, "refused") {
        let Value::Text(want) = &row["refused"] else { panic!("a text") };
        let want =
            if want.starts_with('/') { format!("/schema{want}") } else { want.replace("the whole value", "/schema") };
        assert_eq!(read(&row["schema"]).unwrap_err(), want);
        seen += 1;
    }
    figures::say(&format!("schemas: {seen} golden cases hold"));
    assert!(seen > 120);
}

#[test]
fn a_schema_lies_in_its_place_and_governs_its_scope() {
    let ok = entry("shop/a", Value::Bool(true));
    let read = |at: &str, value: &Value| Rule::read(&path(at), value).map_err(|bad| bad.to_string());
    assert_eq!(read("@mesh/schemas/shop/limits/v2", &ok).unwrap().governs().as_str(), "shop/a");
    for at in ["@mesh/schemas", "@mesh/schemas/shop", "@mesh/schemas/@mesh/x", "@mesh/schemas/@other/x"] {
        assert!(is_place(&path(at)));
        assert_eq!(scope_of(&path(at)), None);
        assert!(read(at, &ok).unwrap_err().contains("cannot lie here"), "{at}");
    }
    assert!(!is_place(&path("@mesh/schemas-b/x")) && !is_place(&path("shop/schemas")));
    let wrong = |value: &Value| read("@mesh/schemas/shop/x", value).unwrap_err();
    for governs in ["", "web", "shopping", "shop/../x", "@mesh", "shop/"] {
        assert!(wrong(&entry(governs, Value::Bool(true))).starts_with("/governs must be a prefix inside scope shop"));
    }
    assert!(wrong(&Value::Int(3)).contains("must be a map with `governs`"));
    assert!(wrong(&json::parse(br#"{"governs":"shop"}"#).unwrap()).contains("must be a map with"));
    assert!(wrong(&json::parse(br#"{"governs":"shop","schema":{},"scheme":1}"#).unwrap()).contains("\"scheme\""));
    let large = entry("shop", json::parse(format!(r#"{{"title":"{}"}}"#, "x".repeat(65_536)).as_bytes()).unwrap());
    assert!(wrong(&large).contains("at most 65536"));
    let rule = read("@mesh/schemas/shop/x", &ok).unwrap();
    assert_eq!(read("@mesh/schemas/shop/x", &rule.to_value()), Ok(rule));
}

/// The dearest that a schema and a value within their limits can be: the check is given up, and that is no pass.
#[test]
fn a_check_never_costs_more_than_its_budget() {
    let many: Vec<Value> = (0..9_000).map(|number| Value::Text(format!("{number:05}").into())).collect();
    let dear = Value::Map([("items".into(), Value::Map([("enum".into(), Value::List(many))].into()))].into());
    let value = Value::List(vec![Value::Text("09000".into()); 100_000]);
    let mut budget = limits::SCHEMA_STEPS;
    let found = read(&dear).unwrap().meets(&value, &mut budget).unwrap_err();
    assert!(matches!(found.why, Unmet::NoneOf { .. }), "the first element is none of them: {found}");
    let value = Value::List(vec![Value::Text("08999".into()); 100_000]);
    let mut budget = limits::SCHEMA_STEPS;
    let found = read(&dear).unwrap().meets(&value, &mut budget).unwrap_err();
    assert_eq!((found.why, budget), (Unmet::Budget { max: limits::SCHEMA_STEPS }, 0));
    // A text is paid for by its length, so a long one cannot be compared for nothing.
    let long = Value::Text("x".repeat(60_000).into());
    let same = Value::Map([("items".into(), Value::Map([("const".into(), long.clone())].into()))].into());
    let mut budget = limits::SCHEMA_STEPS;
    read(&same).unwrap().meets(&Value::List(vec![long; 16]), &mut budget).unwrap();
    assert!(limits::SCHEMA_STEPS - budget > 16 * 60_000 / 64);
}

fn any_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        any::<i64>().prop_map(|int| Value::Int(int.into())),
        (-4i128..4).prop_map(Value::Int),
        prop_oneof![Just(0.0), Just(-0.0), Just(1.0), Just(2.5), Just(1e300)].prop_map(Value::Float),
        "[a-c/~]{0,3}".prop_map(|text| Value::Text(text.into())),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        let map = prop::collection::btree_map("[a-c]|type|items|required|properties|enum|minimum", inner.clone(), 0..4);
        prop_oneof![prop::collection::vec(inner, 0..4).prop_map(Value::List), map.prop_map(Value::Map)]
    })
}

fn cases() -> ProptestConfig {
    ProptestConfig { cases: figures::law(figures::asked()), failure_persistence: None, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(cases())]

    /// Reading and checking end, without a panic, whatever they are given; the same answer each time.
    #[test]
    fn anything_can_be_read_and_checked(schema in any_value(), value in any_value(), budget in 0usize..64) {
        if let Ok(rule) = read(&schema) {
            let mut steps = budget;
            let first = rule.meets(&value, &mut steps);
            prop_assert!(steps <= budget);
            prop_assert_eq!(&first, &rule.meets(&value, &mut budget.clone()));
            // More budget never turns a finding into a pass, nor a pass into a finding.
            let whole = rule.meets(&value, &mut limits::SCHEMA_STEPS.clone());
            let gave_up = matches!(&first, Err(found) if matches!(found.why, Unmet::Budget { .. }));
            prop_assert!(gave_up || first == whole);
        }
    }

    /// A value is equal to itself, as `const` and `enum` mean it.
    #[test]
    fn a_value_meets_itself(value in any_value()) {
        let is = Value::Map([("const".to_owned(), value.clone())].into());
        prop_assert_eq!(meets(&is, &value), Ok(()));
        let one_of = Value::Map([("enum".to_owned(), Value::List(vec![Value::Null, value.clone()]))].into());
        prop_assert_eq!(meets(&one_of, &value), Ok(()));
    }
}

#[test]
fn findings_stay_short() {
    let key = "k".repeat(1_000);
    let nested = (0..20).fold(Value::Int(1), |inner, _| Value::Map([(key.clone(), inner)].into()));
    let schema =
        (0..20).fold(Value::Bool(false), |inner, _| Value::Map([("additionalProperties".to_owned(), inner)].into()));
    let found = meets(&schema, &nested).unwrap_err();
    assert!(found.len() < 400, "{} bytes", found.len());
    let unknown = Value::Map([("x".repeat(900), Value::Null)].into());
    assert!(read(&unknown).unwrap_err().len() < 500);
    let long = Value::Text("y".repeat(10_000).into());
    assert!(meets(&Value::Map([("type".into(), Value::Text("null".into()))].into()), &long).unwrap_err().len() < 200);
    assert!(matches!(Rule::read(&path("@mesh/x"), &long).unwrap_err().why, BadSchema::Place));
}
