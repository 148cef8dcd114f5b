//! An exported log comes out of a replay as it went in, whatever the topology does on the way: the same values, the same
//! conflicts with the same winners.

use std::collections::BTreeMap;

use driftless_core::machine::{LocalChange, LocalEdit, Machine, Precondition};
use driftless_sim::replay::{Asked, BadLog, Log, replay};
use driftless_sim::scenario::{Scenario, ready};
use driftless_sim::world::{FOUNDING_MS, Stage};
use driftless_sim::{Case, Options, Record};
use driftless_statement::{Path, Prefix, Why, bundle, json};

/// Values by path, and conflicts as path and pointer with the reasons of both sides.
type End = (BTreeMap<Path, String>, Vec<String>);

fn end(machine: &Machine) -> End {
    let view = machine.view();
    let all = Prefix::all();
    let values = view.under(&all, None).filter_map(|(path, entry)| Some((path.clone(), entry.json()?.into_owned())));
    // Founding writes an entry of its own into each scope.
    let values = values.filter(|(path, _)| !path.as_str().ends_with("/founded")).collect();
    let (conflicts, _) = machine.conflicts(&all, 1_000);
    let reason = |side: &(std::sync::Arc<driftless_statement::Verified>, u32)| side.0.statement().note.reason.clone();
    let told = conflicts.iter().filter(|conflict| !conflict.path.as_str().ends_with("/founded")).map(|conflict| {
        // Elements that are gone go by their statement's id, which is another one.
        let named = |step: &str| step.split_once(':').map_or(step.to_owned(), |(_, element)| element.to_owned());
        let pointer: Vec<String> = conflict.pointer.split('/').map(named).collect();
        let (winner, loser) = (reason(&conflict.winner), reason(&conflict.loser));
        format!("{} {}: {winner} over {loser}", conflict.path, pointer.join("/"))
    });
    (values, told.collect())
}

fn put(stage: &mut Stage, node: usize, path: &str, value: &str, reason: &str) {
    let edit = LocalEdit {
        path: path.parse().unwrap(),
        change: LocalChange::Put(json::parse(value.as_bytes()).unwrap()),
        precondition: Precondition::None,
        note: Why { reason: reason.to_owned(), ..Why::default() }.into(),
    };
    let call = stage.write(node, edit).unwrap();
    let mut answer = None;
    stage.run_until(stage.now_ms() + 60_000, |stage| {
        answer = stage.answer(call);
        answer.is_some()
    });
    answer.unwrap().unwrap();
}

/// A log as three nodes made it that were apart for a while: lists, nested values, concurrent edits of one place.
fn made() -> (Vec<u8>, End) {
    let scenario = Scenario::parse("name = \"made\"\nnodes = 3\n[load]\nwrites_per_second = 0.0\n").unwrap();
    // In every twentieth seed statements are really signed, and a log is checked when it is read.
    let case = Case { seed: 20, scenario, plan: driftless_sim::plan::Plan::default() };
    let mut stage = Stage::new(&case, Options::default());
    stage.keep_apart();
    stage.run_to(FOUNDING_MS);
    put(&mut stage, 0, "app/list", r#"{"items":["a","b","c"],"rate":1}"#, "first");
    stage.link(0, 1);
    stage.run_until(stage.now_ms() + 60_000, |stage| stage.equal(&[0, 1]));
    stage.cut(0, 1);
    put(&mut stage, 0, "app/list", r#"{"items":["a","b","x","c"],"rate":2}"#, "one side");
    stage.run_to(stage.now_ms() + 90_000);
    put(&mut stage, 1, "app/list", r#"{"items":["b","c","d"],"rate":3}"#, "other side");
    put(&mut stage, 1, "app/root", "1", "other root");
    put(&mut stage, 2, "app/root", "2", "who saw nothing");
    put(&mut stage, 2, "app/alone", "true", "nobody else wrote here");
    stage.join_all();
    assert!(stage.run_until(stage.now_ms() + 60_000, |stage| stage.equal(&[0, 1, 2])));
    put(&mut stage, 1, "app/late", "[1,2,3]", "after all met");
    put(&mut stage, 1, "app/late", "[1,9,3]", "again");
    let machine = stage.machine(1).unwrap();
    let mut told = machine.statements(None, None, usize::MAX);
    told.reverse();
    (bundle::encode(told.iter().map(|told| told.statement.wire())), end(machine))
}

fn through(log: &[u8], scenario: Scenario, pace: Option<f64>) -> (Record, End) {
    let asked = Asked { scenario, pace, seed: 3, options: Options::default() };
    let mut last = None;
    let record = replay(&Log::read(log).unwrap(), &asked, &mut |_| {}, &mut |stage| {
        last = (0..stage.nodes()).find_map(|node| stage.machine(node)).map(end);
    });
    (record.unwrap(), last.unwrap())
}

#[test]
fn a_log_comes_out_as_it_went_in_whatever_the_topology_does() {
    let (log, wanted) = made();
    assert!(wanted.1.len() >= 2 && wanted.0.len() == 4, "{wanted:?}");
    let apart = "name = \"apart\"\nnodes = 4\nminutes = 3\n[[events]]\nat = 1\nfault = \"partition\"\nfor = 100\nnodes = [0, 1]\n\
                 [[events]]\nat = 20\nfault = \"crash\"\nfor = 20\nnodes = [0]\n";
    for scenario in [ready("steady").unwrap(), Scenario::parse(apart).unwrap()] {
        let name = scenario.name.clone();
        let (record, end) = through(&log, scenario, None);
        let told = record.replay.unwrap();
        assert_eq!(record.violations, [], "{name}");
        assert_eq!((told.accepted, told.never.len()), (told.writes, 0), "{name}: {told:?}");
        assert_eq!(end, wanted, "{name}");
        // Founding wrote into two scopes: the operator is the fourth author.
        assert_eq!((told.writes, told.authors), (10, 4), "{name}: {told:?}");
        assert!(told.left_out["grant"] > 0 && told.left_out["genesis"] == 1, "{name}: {told:?}");
    }
}

#[test]
fn the_pace_presses_times_together_and_is_bounded() {
    let (log, _) = made();
    let steady = || ready("steady").unwrap();
    let (slow, _) = through(&log, steady(), Some(1.0));
    let (fast, _) = through(&log, steady(), Some(1_000_000.0));
    assert_eq!(
        slow.trace,
        through(&log, steady(), Some(1.0)).0.trace,
        "the same log, scenario and seed give the same run"
    );
    assert_eq!((slow.replay.unwrap().pace, fast.replay.unwrap().pace), (1.0, 1_000_000.0));
    let asked = |pace| Asked { scenario: steady(), pace: Some(pace), seed: 1, options: Options::default() };
    for pace in [0.0, -1.0, f64::NAN, 0.000_001] {
        let refused = replay(&Log::read(&log).unwrap(), &asked(pace), &mut |_| {}, &mut |_| {});
        assert!(matches!(refused, Err(BadLog::Pace { .. })), "{pace}");
    }
}

#[test]
fn what_is_no_log_is_refused_with_its_reason() {
    let (log, _) = made();
    let wires = bundle::decode(&log).unwrap();
    let reason = |bytes: &[u8]| Log::read(bytes).unwrap_err().to_string();
    assert!(reason(b"{}").contains("driftless log --export"), "{}", reason(b"{}"));
    assert!(reason(&[]).contains("no write"));
    let mut spoilt = wires[1].to_vec();
    *spoilt.last_mut().unwrap() ^= 1;
    assert!(reason(&bundle::encode([wires[0], &spoilt])).contains("statement 2 of the bundle: signature"));
    // The first write of the entry is missing: what follows names it.
    let writes = Log::read(&log).unwrap().writes;
    let lacks = writes.iter().find(|write| write.statement().note.reason == "first").unwrap().id();
    let rest: Vec<_> = writes.iter().filter(|write| write.id() != lacks).map(|write| write.wire()).collect();
    let asked = Asked { scenario: ready("steady").unwrap(), pace: None, seed: 1, options: Options::default() };
    let refused = replay(&Log::read(&bundle::encode(rest)).unwrap(), &asked, &mut |_| {}, &mut |_| {}).unwrap_err();
    assert!(matches!(refused, BadLog::Missing { named, .. } if named == lacks), "{refused}");
}
