//! Prints what the fold costs. Run with `cargo test -p driftless-core --test fold measure -- --ignored --nocapture`.

use std::sync::Arc;
use std::time::{Duration, Instant};

use driftless_core::fold::{Member, ScopeFold};
use driftless_statement::{Edit, Op, Path, StatementId, Step, Value, Verified};

use crate::support::forge;

fn path(text: &str) -> Path {
    text.parse().expect("a path")
}

fn put(keys: &[&str], value: Value) -> Edit {
    Edit { at: keys.iter().map(|key| Step::Key((*key).into())).collect(), op: Op::Put(value) }
}

fn member(statement: Arc<Verified>) -> Member {
    Member { statement, counts: true }
}

fn start(width: usize) -> Value {
    Value::Map((0..width).map(|at| (format!("key{at}"), Value::Text("something of some length".into()))).collect())
}

fn one_by_one(members: &[Member]) -> (Duration, ScopeFold) {
    let mut fold = ScopeFold::new();
    let begun = Instant::now();
    members.iter().for_each(|member| drop(fold.update(std::slice::from_ref(member), &[])));
    (begun.elapsed(), fold)
}

fn at_once(members: &[Member]) -> Duration {
    let mut fold = ScopeFold::new();
    let begun = Instant::now();
    fold.update(members, &[]);
    begun.elapsed()
}

fn report(what: &str, members: &[Member]) {
    let (each, fold) = one_by_one(members);
    let once = at_once(members);
    let per = |time: Duration| time.as_secs_f64() * 1e6 / members.len() as f64;
    println!(
        "{what:<52} {:>6} statements: one by one {:>8.1} us each, at once {:>8.1} us each, {} conflicts",
        members.len(),
        per(each),
        per(once),
        fold.conflicts().count()
    );
}

/// `branches` branches take turns, for `rounds` rounds, each writing a key of its own (or all the same one).
fn turns(branches: usize, rounds: usize, width: usize, same_key: bool) -> Vec<Member> {
    let path = path("s/entry");
    let first = forge(0, 1, vec![(path.clone(), vec![], vec![put(&[], start(width))])]);
    let mut heads: Vec<StatementId> = vec![first.id(); branches];
    let mut members = vec![member(first)];
    for round in 0..rounds {
        for (branch, head) in heads.iter_mut().enumerate() {
            let key = if same_key { "key0".to_owned() } else { format!("key{branch}") };
            let edit = put(&[&key], Value::Int((round * branches + branch) as i128));
            let hlc = members.len() as u64 + 1;
            let statement = forge(branch as u8, hlc, vec![(path.clone(), vec![*head], vec![edit])]);
            *head = statement.id();
            members.push(member(statement));
        }
    }
    members
}

/// Two branches that merge after every `merge` statements.
fn merging(statements: usize, merge: usize) -> Vec<Member> {
    let path = path("s/entry");
    let mut members: Vec<Member> = Vec::new();
    let mut heads: Vec<StatementId> = Vec::new();
    while members.len() < statements {
        let turn = members.len() % (merge + 1);
        let bases = if turn == 0 { heads.clone() } else { vec![heads[(turn - 1) % heads.len()]] };
        let value = if members.is_empty() { put(&[], start(20)) } else { put(&["key1"], Value::Int(turn as i128)) };
        let statement = forge(turn as u8, members.len() as u64 + 1, vec![(path.clone(), bases.clone(), vec![value])]);
        if turn == 0 {
            heads = vec![statement.id(); 2];
        } else {
            let at = (turn - 1) % 2;
            heads[at] = statement.id();
        }
        members.push(member(statement));
    }
    members
}

#[test]
#[ignore = "prints measurements"]
fn measure() {
    for width in [1, 20, 200] {
        report(&format!("sequential, map of {width}"), &turns(1, 1000, width, true));
    }
    let many: Vec<Member> = (0..2000u64)
        .map(|at| {
            let path = path(&format!("s/entry{at}"));
            member(forge(1, at + 1, vec![(path, vec![], vec![put(&[], start(10))])]))
        })
        .collect();
    report("new entries, map of 10", &many);
    report("two alternating branches, own keys", &turns(2, 500, 20, false));
    report("two alternating branches, same key", &turns(2, 500, 20, true));
    report("two alternating branches, map of 200", &turns(2, 500, 200, false));
    report("two branches merged every 5", &merging(1000, 5));
    report("two branches merged every 50", &merging(1000, 50));
    for branches in [2, 4, 8, 16, 32, 64] {
        let rounds = 256 / branches;
        report(&format!("{branches} branches, own keys"), &turns(branches, rounds, 64, false));
        report(&format!("{branches} branches, same key"), &turns(branches, rounds, 64, true));
    }
    for history in [1000, 4000] {
        let mut members = turns(1, history, 20, false);
        let mut fold = ScopeFold::new();
        fold.update(&members, &[]);
        let mut took = Vec::new();
        for blind in 0..3 {
            let edit = put(&["key1"], Value::Int(blind));
            let statement = forge(9, members.len() as u64 + 1, vec![(path("s/entry"), vec![], vec![edit])]);
            members.push(member(statement));
            let begun = Instant::now();
            fold.update(&members[members.len() - 1..], &[]);
            took.push(begun.elapsed());
        }
        println!("blind writes behind a history of {history}: {took:?}");
    }
    let mut late = turns(2, 250, 20, false);
    late[1..].sort_by_key(|member| member.statement.statement().author);
    report("one branch of 250 arrives after the other", &late);
    let mut reversed = turns(1, 300, 20, false);
    reversed.reverse();
    report("sequential, arriving in reverse", &reversed);
}

#[test]
#[ignore = "for a profiler"]
fn profile() {
    let members = turns(2, 500, 20, false);
    let begun = Instant::now();
    let mut fold = ScopeFold::new();
    fold.update(&members, &[]);
    println!("{:?}", begun.elapsed());
}
