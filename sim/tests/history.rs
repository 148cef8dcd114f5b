//! A history replayed branch by branch: what is concurrent in it is concurrent in the mesh, and nothing else; a real one,
//! when its data lies beside the repository, comes out as its own last lines say.

use std::path::{Path, PathBuf};

use driftless_sim::Options;
use driftless_sim::history::{History, replay};
use driftless_sim::record::{HistoryTold, Record};

fn played(lines: &[&str]) -> (Record, HistoryTold) {
    let history = History::parse(lines.iter().map(|line| Ok((*line).to_owned()))).unwrap();
    let record = replay(&history, 1, Options::default(), &mut |_| {});
    assert_eq!(record.violations, []);
    let told = record.history.clone().unwrap();
    (record, told)
}

/// Two authors change one value and two others without knowing of each other; a third merges what they did.
const FORK: [&str; 4] = [
    r#"{"id":0,"parents":[],"time":1,"author":1,"changes":[{"path":"a","value":{"x":1,"y":1,"z":1}},{"path":"b","value":1}]}"#,
    r#"{"id":1,"parents":[0],"time":2,"author":1,"changes":[{"path":"a","value":{"x":2,"y":2,"z":1}},{"path":"b","value":null}]}"#,
    r#"{"id":2,"parents":[0],"time":3,"author":2,"changes":[{"path":"a","value":{"x":3,"y":1,"z":3}}]}"#,
    r#"{"id":3,"parents":[1,2],"time":4,"author":3,"changes":[]}"#,
];

#[test]
fn what_was_concurrent_in_the_history_is_so_in_the_mesh() {
    let (record, told) = played(&FORK);
    assert_eq!((record.nodes, told.commits, told.merges, told.forks_met, told.merges_met), (2, 4, 1, 1, 1));
    assert_eq!((told.statements, told.paths, told.settled, told.equal), (5, 2, 1, 1));
    // The last line about `a` lacks what commit 1 did to `y` without knowing of it.
    let [differs] = told.differ.as_slice() else { panic!("{:?}", told.differ) };
    assert_eq!((differs.path.as_str(), differs.last.as_str()), ("app/a", "commit 2 by author 2"));
    assert_eq!(differs.why, "of 3 values in it, made without it: 1 from commit 1 by author 1");
    let [conflict] = told.conflicts.as_slice() else { panic!("{:?}", told.conflicts) };
    assert_eq!((conflict.path.as_str(), conflict.pointer.as_str(), told.open), ("app/a", "/x", 1));
    assert_eq!(conflict.winner, "commit 2 by author 2: put 3");
    assert_eq!(conflict.loser, "commit 1 by author 1: put 2");
    assert_eq!(conflict.shows, "3 from commit 2 by author 2");
    assert_eq!(
        conflict.why,
        "made without each other, met in commit 3 by author 3; nobody who saw both changed the entry since"
    );
}

#[test]
fn who_saw_both_sides_ends_the_conflict() {
    let settled = r#"{"id":4,"parents":[3],"time":5,"author":3,"changes":[{"path":"a","value":{"x":4,"y":2,"z":3}}]}"#;
    let (_, told) = played(&[FORK[0], FORK[1], FORK[2], FORK[3], settled]);
    assert_eq!((told.settled, told.equal, told.open, told.merges_in_conflict, told.most_open), (2, 2, 0, 1, 1));
    let elsewhere =
        r#"{"id":4,"parents":[3],"time":5,"author":3,"changes":[{"path":"a","value":{"x":3,"y":4,"z":3}}]}"#;
    let (_, told) = played(&[FORK[0], FORK[1], FORK[2], FORK[3], elsewhere]);
    assert_eq!((told.settled, told.equal, told.open), (2, 2, 1));
    assert!(told.conflicts[0].why.ends_with("commit 4 by author 3 and 0 more changed the entry since, elsewhere"));
}

#[test]
fn the_same_history_and_seed_give_the_same_run() {
    assert_eq!(played(&FORK), played(&FORK));
}

/// Beside the repository, not in it; `DRIFTLESS_HISTORY=FILE` names another.
fn real() -> Option<PathBuf> {
    if let Some(file) = std::env::var_os("DRIFTLESS_HISTORY") {
        return Some(file.into());
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent()?.parent()?;
    let file = root.join("shared/data/real-history/kube-prometheus.jsonl.gz");
    file.is_file().then_some(file)
}

#[test]
fn a_real_history_comes_out_as_its_last_lines_say_and_every_conflict_is_explained() {
    let Some(file) = real() else {
        eprintln!("skipped: ../shared/data/real-history/kube-prometheus.jsonl.gz is not beside the repository");
        return;
    };
    let history = History::read(&file, None).unwrap();
    // The checks look at every step, which is for the fast build.
    let options = Options { checks: !cfg!(debug_assertions), ..Options::default() };
    let record = replay(&history, 1, options, &mut |_| {});
    assert_eq!(record.violations, []);
    let told = record.history.unwrap();
    // The history's own figures, as its README gives them, and its graph's.
    assert_eq!((told.commits, told.merges, told.authors, told.changes), (1118, 139, 185, 5546));
    assert_eq!((told.paths, told.live, told.merges_met), (366, (88, 88), 139));
    assert_eq!((told.settled, told.equal), (341, 366));
    assert!(told.open > 0, "a history of 139 merges without a conflict proves nothing");
    assert_eq!(told.conflicts.len() as u64, told.open, "each one is explained");
}
