//! Eight years of a real project's configuration through a real mesh: every value comes out as it went in.
#![allow(clippy::unwrap_used, clippy::print_stdout, clippy::print_stderr)]

use std::path::{Path, PathBuf};

use driftless_tests::replay::{self, Options};

/// Beside the repository, not in it; `DRIFTLESS_HISTORY=FILE` names another.
fn history() -> Option<PathBuf> {
    if let Some(file) = std::env::var_os("DRIFTLESS_HISTORY") {
        return Some(file.into());
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent()?.parent()?;
    let file = root.join("shared/data/real-history/kube-prometheus.jsonl.gz");
    file.is_file().then_some(file)
}

/// Beside this test's own program: `cargo test --workspace` builds both.
fn driftlessd() -> PathBuf {
    let own = std::env::current_exe().unwrap();
    let beside = own.parent().unwrap().with_file_name("driftlessd");
    assert!(beside.exists(), "{} is not built: run `cargo build -p driftless-node` first", beside.display());
    beside
}

/// With a node killed and another cut off in between.
#[tokio::test(flavor = "multi_thread")]
async fn a_real_history_comes_out_as_it_went_in() {
    let Some(file) = history() else {
        eprintln!("skipped: ../shared/data/real-history/kube-prometheus.jsonl.gz is not beside the repository");
        return;
    };
    let home = tempfile::tempdir().unwrap();
    let options = Options {
        file,
        commits: None,
        program: driftlessd(),
        home: home.path().join("m"),
        window: 16,
        say: |text| println!("{text}"),
    };
    let report = replay::run(&options).await.unwrap();
    println!("{report}");
    // The history's own figures, as its README gives them; 58 edits leave the value as it was, and need no statement.
    assert_eq!((report.commits, report.edits, report.values), (1118, 5546, (88, 322_239)));
    assert_eq!(report.statements, 5546 - 58);
    assert!(report.nodes.iter().all(|node| node.conflicts == 0), "a path is written at one node at a time");
}
