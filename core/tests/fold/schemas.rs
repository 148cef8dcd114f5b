//! The laws of schemas: what holds for a write is a function of the set of `@mesh`'s statements and its own, in any order
//! of arrival, against a naive model that folds `@mesh` anew for every write.

use std::collections::BTreeMap;
use std::sync::Arc;

use driftless_core::fold::{Breach, Fate, Limits, Member, ScopeFold};
use driftless_statement::schema::Rule;
use driftless_statement::{
    Edit, Hlc, Op, Path, Prefix, Scope, StatementId, Step, Tree, Value, Verified, json, limits as bounds,
};
use proptest::prelude::*;
use proptest::test_runner::TestRunner;

use crate::support::generate::{Dice, TAME, WILD, set, shuffle};
use crate::support::model::{self, Model};
use crate::support::{cases, forge};

fn path(text: &str) -> Path {
    text.parse().unwrap()
}

fn value(text: &str) -> Value {
    json::parse(text.as_bytes()).unwrap()
}

fn scope() -> Scope {
    Scope::parse("s").unwrap()
}

/// Loose enough that a good part of what the generator writes meets them, and tight enough that some does not.
const SCHEMAS: [&str; 9] = [
    r#"{"type":"object"}"#,
    r#"{"properties":{"c":{"type":"integer","maximum":4}}}"#,
    r#"{"required":["m"]}"#,
    r#"{"properties":{"l":{"maxItems":2}}}"#,
    r#"{"properties":{"m":{"properties":{"x":{"type":["integer","string","null"]}}}}}"#,
    r#"{"properties":{"l":{"items":{"type":["integer","object"]}}}}"#,
    "true",
    r#"{"pattern":"no keyword"}"#,
    r#"{"type":"nothing"}"#,
];
const GOVERNS: [&str; 5] = ["s", "s/one", "s/two", "s/one/deep", "t"];

/// Writes of schemas: made, changed in part from one side or several, deleted, malformed, elsewhere.
fn schema_writes(seeds: &[u64], longest: u64) -> Vec<Member> {
    let mut made: Vec<Arc<Verified>> = Vec::new();
    let mut members = Vec::new();
    for (index, seed) in seeds.iter().enumerate() {
        let mut dice = Dice(*seed);
        let at = path(
            ["@mesh/schemas/s/a", "@mesh/schemas/s/a", "@mesh/schemas/s/b", "@mesh/schemas/s", "@mesh/else"]
                [dice.below(5)],
        );
        let earlier: Vec<&Arc<Verified>> = made.iter().filter(|one| one.statement().bases_of(&at).is_some()).collect();
        let seen = if dice.chance(70) { earlier.len() } else { dice.below(earlier.len() + 1) };
        let bases: Vec<StatementId> =
            earlier[..seen].iter().rev().take(1 + dice.below(2)).map(|one| one.id()).collect();
        let key = |key: &str| Step::Key(key.to_owned());
        let schema = value(SCHEMAS[dice.below(SCHEMAS.len())]);
        let governs = Value::Text(GOVERNS[dice.below(GOVERNS.len())].to_owned().into());
        let edits = match dice.below(10) {
            0 | 1 if !bases.is_empty() => vec![Edit { at: vec![key("governs")], op: Op::Put(governs) }],
            2 | 3 if !bases.is_empty() => vec![Edit { at: vec![key("schema")], op: Op::Put(schema) }],
            4 if !bases.is_empty() => vec![Edit { at: vec![], op: Op::Delete }],
            5 => vec![Edit { at: vec![], op: Op::Put(schema) }],
            _ => {
                let map = [("governs".to_owned(), governs), ("schema".to_owned(), schema)];
                vec![Edit { at: vec![], op: Op::Put(Value::Map(map.into())) }]
            }
        };
        // Among the times of the others, at the same ones too, and later than what it names.
        let named = earlier[..seen].iter().map(|one| one.statement().hlc.0 + 1).max().unwrap_or(0);
        let hlc = (998 + dice.below(2 * longest as usize + 4) as u64).max(named);
        let one = forge(5 + (index % 3) as u8, hlc, vec![(at, bases, edits)]);
        members.push(Member { statement: one.clone(), counts: dice.chance(88) });
        made.push(one);
    }
    members
}

/// `@mesh` and one scope, driven as a node drives them.
#[derive(Default)]
struct Two {
    mesh: ScopeFold,
    scope: ScopeFold,
}

impl Two {
    fn with(limits: Limits) -> Self {
        Self { mesh: ScopeFold::new(), scope: ScopeFold::with_limits(limits) }
    }

    fn update(&mut self, add: &[Member], remove: &[StatementId]) {
        let (mesh, own): (Vec<Member>, Vec<Member>) =
            add.iter().cloned().partition(|member| member.statement.statement().scope.is_mesh());
        self.mesh.update(&mesh, remove);
        if self.mesh.governed_anew().contains(&scope()) {
            self.scope.govern(self.mesh.governance(&scope()));
        }
        self.scope.update(&own, remove);
    }

    fn fates(&self, members: &[Member]) -> BTreeMap<StatementId, Option<Fate>> {
        let fold =
            |member: &Member| if member.statement.statement().scope.is_mesh() { &self.mesh } else { &self.scope };
        members.iter().map(|member| (member.statement.id(), fold(member).fate(&member.statement.id()))).collect()
    }
}

/// The rules over an entry at a time, from scratch: `@mesh` as it was before that time.
fn rules(mesh: &[Member], at: &Path, hlc: Hlc) -> Vec<(Prefix, Path, Rule)> {
    let mut fold = ScopeFold::new();
    let before: Vec<Member> = mesh.iter().filter(|one| one.statement.statement().hlc < hlc).cloned().collect();
    fold.update(&before, &[]);
    let read = |(path, tree): (&Path, Option<&Tree>)| {
        Rule::read(path, &tree?.to_value()).ok().map(|rule| (path.clone(), rule))
    };
    let all = fold.entries().filter_map(|(path, entry)| read((path, entry.tree())));
    let mut over: Vec<_> = all
        .filter(|(_, rule)| rule.governs().covers(at))
        .map(|(path, rule)| (rule.governs().clone(), path, rule))
        .collect();
    over.sort_by(|a, b| (&a.0, &a.1).cmp(&(&b.0, &b.1)));
    over
}

fn model(mesh: &[Member], own: &[Member], limits: &Limits) -> Model {
    model::governed(own, limits, &|at, hlc, value| {
        let mut budget = bounds::SCHEMA_STEPS;
        rules(mesh, at, hlc).into_iter().find_map(|(_, schema, rule)| {
            rule.meets(value, &mut budget).err().map(|unmet| Breach::Schema { schema, unmet })
        })
    })
}

fn limits(kind: u8) -> Limits {
    match kind % 6 {
        0 => Limits { entry_bytes: 26, ..Limits::default() },
        1 => Limits { heads: 2, ..Limits::default() },
        _ => Limits::default(),
    }
}

fn by_id(members: Vec<Member>) -> Vec<Member> {
    let all: BTreeMap<StatementId, Member> = members.into_iter().map(|one| (one.statement.id(), one)).collect();
    all.into_values().collect()
}

fn run(law: impl Fn(&[Member], &[Member], Limits, &mut Dice) -> Result<(), TestCaseError>) {
    let seeds = |longest| prop::collection::vec(any::<u64>(), 1..longest);
    let input = (seeds(16), seeds(9), any::<u8>(), any::<u64>());
    let outcome = TestRunner::new(cases()).run(&input, |(own, mesh, kind, order)| {
        let manner = if kind & 64 == 0 { WILD } else { TAME };
        let (own, mesh) = (by_id(set(&own, manner)), by_id(schema_writes(&mesh, own.len() as u64)));
        law(&mesh, &own, limits(kind), &mut Dice(order))
    });
    if let Err(error) = outcome {
        panic!("{error}");
    }
}

/// In any order, in any batches; some first without counting, some taken away and given again.
fn in_any_order(all: &[Member], limits: Limits, dice: &mut Dice) -> Two {
    let mut two = Two::with(limits);
    let mut waiting = shuffle(all, dice);
    let mut given: Vec<Member> = Vec::new();
    while !waiting.is_empty() {
        let take = 1 + dice.below(waiting.len().min(3));
        let mut add: Vec<Member> = Vec::new();
        for member in waiting.drain(..take).collect::<Vec<_>>() {
            if dice.chance(15) {
                add.push(Member { counts: !member.counts, ..member.clone() });
                waiting.push(member);
            } else {
                given.push(member.clone());
                add.push(member);
            }
        }
        let mut remove = Vec::new();
        if !given.is_empty() && dice.chance(15) {
            let gone = given.remove(dice.below(given.len()));
            if add.iter().all(|member| member.statement.id() != gone.statement.id()) {
                remove.push(gone.statement.id());
            }
            waiting.push(gone);
        }
        two.update(&add, &remove);
    }
    two
}

#[test]
fn any_order_of_arrival_gives_what_the_model_says() {
    run(|mesh, own, limits, dice| {
        let all: Vec<Member> = mesh.iter().chain(own).cloned().collect();
        let mut once = Two::with(limits);
        once.update(&all, &[]);
        let model = model(mesh, own, &limits);
        for (id, fate) in &model.fates {
            prop_assert_eq!(&once.scope.fate(id), fate);
        }
        for (path, shown) in &model.entries {
            let entry = once.scope.entry(path);
            prop_assert_eq!(entry.and_then(|entry| entry.tree()), shown.tree.as_ref());
            prop_assert_eq!(entry.map(|entry| entry.heads()), Some(shown.heads.clone()));
        }
        let any = in_any_order(&all, limits, dice);
        prop_assert_eq!(any.fates(&all), once.fates(&all));
        prop_assert_eq!(any.scope.digest(), once.scope.digest());
        prop_assert_eq!(any.mesh.digest(), once.mesh.digest());
        prop_assert_eq!(any.mesh.governance(&scope()), once.mesh.governance(&scope()));
        Ok(())
    });
}

/// One by one in the order of time, as at a node that missed nothing: nothing is ever decided twice.
#[test]
fn one_by_one_is_the_same_as_all_at_once() {
    run(|mesh, own, limits, _| {
        let mut all: Vec<Member> = mesh.iter().chain(own).cloned().collect();
        let mut once = Two::with(limits);
        once.update(&all, &[]);
        all.sort_by_key(|member| member.statement.key());
        let mut each = Two::with(limits);
        all.iter().for_each(|member| each.update(std::slice::from_ref(member), &[]));
        prop_assert_eq!(each.fates(&all), once.fates(&all));
        prop_assert_eq!(each.scope.digest(), once.scope.digest());
        Ok(())
    });
}

/// A generator that is too tame hides bugs.
#[test]
fn the_generator_is_not_tame() {
    let mut reached: BTreeMap<&'static str, usize> = BTreeMap::new();
    let mut dice = Dice(3);
    for _ in 0..400 {
        let seeds = |dice: &mut Dice, most: usize| (0..1 + dice.below(most)).map(|_| dice.next()).collect::<Vec<_>>();
        let own = seeds(&mut dice, 15);
        let (mesh, own) = (by_id(schema_writes(&seeds(&mut dice, 8), own.len() as u64)), by_id(set(&own, WILD)));
        let all: Vec<Member> = mesh.iter().chain(&own).cloned().collect();
        let mut without = ScopeFold::new();
        without.update(&own, &[]);
        let mut two = Two::default();
        two.update(&own, &[]);
        let changed = two.mesh.governance(&scope()).is_empty();
        assert!(changed);
        two.update(&mesh, &[]);
        let mut reach = |what, times| *reached.entry(what).or_default() += times;
        let of = |want: fn(&Breach) -> bool| {
            let unfit = |fate: &Option<Fate>| matches!(fate, Some(Fate::Unfit { breach, .. }) if want(breach));
            two.fates(&all).values().filter(|fate| unfit(fate)).count()
        };
        reach("unfit by a schema", of(|breach| matches!(breach, Breach::Schema { .. })));
        reach("not a schema", of(|breach| matches!(breach, Breach::NotASchema { .. })));
        reach("a value that breaks a schema stays", usize::from(stays(&two, &mesh)));
        reach("a late schema changed what is shown", usize::from(two.scope.digest() != without.digest()));
        let over = |at: &str| two.scope.governed_by().at(&path(at), Hlc(u64::MAX)).count();
        reach("two schemas over one entry", usize::from(over("s/one") > 1));
        reach("concurrent schema writes", two.mesh.entries().filter(|(_, entry)| entry.heads().len() > 1).count());
        reach("a schema deleted", two.mesh.entries().filter(|(_, entry)| entry.tree().is_none()).count());
    }
    println!("{reached:#?}");
    assert!(reached.len() == 7 && reached.values().all(|times| *times >= 20), "too tame: {reached:#?}");
}

/// Whether some value was there before the schema that it breaks.
fn stays(two: &Two, mesh: &[Member]) -> bool {
    two.scope.entries().any(|(path, entry)| {
        let value = entry.value();
        rules(mesh, path, Hlc(u64::MAX)).iter().any(|(_, _, rule)| {
            value.as_ref().is_some_and(|value| rule.meets(value, &mut bounds::SCHEMA_STEPS.clone()).is_err())
        })
    })
}
