//! Building a check in the copy and running it. A build that fails, a test that fails and a test that is not there are
//! three different things.
//!
//! The copy is built into the target folder of the tree that people work in, so that what comes from crates.io is built once. Its
//! own crates must not meet theirs there: cargo knows a crate of a workspace by its name and place *within* it, so that the two
//! would be one, and a crate whose guard is off would be taken for a fresh one by whoever builds next.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use serde::Deserialize;

use crate::table::Check;

/// So long a test may run: many times what the slowest takes. A guard against endless work is proven by this limit.
const LIMIT: Duration = Duration::from_secs(180);

/// Memory that a test may have, KiB: a guard against endless memory is proven by this one.
const MEMORY_KIB: u64 = 6 << 20;

/// What became of a check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// The test ran and passed.
    Passed,
    /// The test ran and failed.
    Failed,
    /// The test ran until the limit.
    Endless,
    /// There is no such test.
    NoTest,
    /// The code does not build: the first error.
    NoBuild(String),
}

/// A test binary, and the folder that its tests expect to run in.
pub struct Binary {
    file: PathBuf,
    folder: PathBuf,
}

/// Settings that set the copy's crates apart: to cargo, a crate with another profile is another crate. 255 codegen units instead
/// of the 256 of incremental builds change nothing else.
fn apart(tree: &Path) -> Result<Vec<String>, Verdict> {
    let lock = std::fs::read_to_string(tree.join("Cargo.lock")).map_err(|error| Verdict::NoBuild(error.to_string()))?;
    let lock: Lock = toml::from_str(&lock).map_err(|error| Verdict::NoBuild(error.to_string()))?;
    let own = lock.package.into_iter().filter(|package| package.source.is_none());
    Ok(own.map(|package| format!("profile.dev.package.{}.codegen-units=255", package.name)).collect())
}

#[derive(Deserialize)]
struct Lock {
    package: Vec<Package>,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    source: Option<String>,
}

/// Builds the binary that holds a check.
pub fn build(tree: &Path, target_dir: &Path, check: &Check) -> Result<Binary, Verdict> {
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.current_dir(tree).args(["test", "--locked", "--no-run", "--message-format=json", "-p", &check.package]);
    match check.target.as_str() {
        "lib" => cargo.arg("--lib"),
        target => cargo.args(["--test", target]),
    };
    cargo.args(apart(tree)?.iter().flat_map(|setting| ["--config", setting]));
    cargo.env("CARGO_TARGET_DIR", target_dir).env("CARGO_INCREMENTAL", "1").stderr(Stdio::null());
    let output = cargo.output().map_err(|error| Verdict::NoBuild(error.to_string()))?;
    let lines = String::from_utf8_lossy(&output.stdout);
    let messages = || lines.lines().filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
    if !output.status.success() {
        let text = |message: serde_json::Value, name: &str| {
            message.pointer(name).and_then(|text| text.as_str()).map(str::to_owned)
        };
        let errors =
            messages().filter(|message| message.pointer("/message/level").is_some_and(|level| level == "error"));
        let first = errors.filter_map(|message| text(message, "/message/message")).next();
        return Err(Verdict::NoBuild(first.unwrap_or_else(|| "cargo failed".to_owned())));
    }
    let path = |message: &serde_json::Value, name: &str| message.get(name)?.as_str().map(PathBuf::from);
    let mut found = messages().filter_map(|message| {
        let (file, manifest) = (path(&message, "executable")?, path(&message, "manifest_path")?);
        Some(Binary { file, folder: manifest.parent()?.to_owned() })
    });
    found.next_back().ok_or_else(|| Verdict::NoBuild(format!("{} has no test target {}", check.package, check.target)))
}

/// Runs one test of a binary.
pub fn run(binary: &Binary, test: &str) -> Verdict {
    let mut command = Command::new("sh");
    command.args(["-c", &format!("ulimit -v {MEMORY_KIB}; exec \"$@\""), "sh"]).arg(&binary.file);
    command.args(["--exact", test, "--test-threads=1"]).current_dir(&binary.folder);
    command.env("CARGO_MANIFEST_DIR", &binary.folder).env_remove("DRIFTLESS_FIGURES").env("RUST_BACKTRACE", "0");
    // A law that needs more cases than this to miss a guard is no check for the table.
    command.env("DRIFTLESS_CASES", "256");
    let spawned = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn();
    let mut child = match spawned {
        Ok(child) => child,
        Err(error) => return Verdict::NoBuild(error.to_string()),
    };
    let (told, tell) = (mpsc::channel(), child.stdout.take());
    let (sender, receiver) = told;
    std::thread::spawn(move || {
        let mut text = String::new();
        let read = tell.map(|mut out| std::io::Read::read_to_string(&mut out, &mut text));
        drop(sender.send((read, text)));
    });
    let said = receiver.recv_timeout(LIMIT);
    if said.is_err() {
        // Its end is waited for below; one that is gone already needs no end.
        drop(child.kill());
    }
    let status = child.wait();
    match (said, status) {
        (Err(_), _) => Verdict::Endless,
        (Ok((_, text)), _) if text.contains("running 0 tests") => Verdict::NoTest,
        (Ok(_), Ok(status)) if status.success() => Verdict::Passed,
        (Ok(_), _) => Verdict::Failed,
    }
}

/// Binaries of the unbroken copy, by package and target.
#[derive(Default)]
pub struct Sound(BTreeMap<(String, String), Result<Binary, Verdict>>);

impl Sound {
    /// Runs a check on the unbroken copy.
    pub fn run(&mut self, tree: &Path, target_dir: &Path, check: &Check) -> Verdict {
        let key = (check.package.clone(), check.target.clone());
        match self.0.entry(key).or_insert_with(|| build(tree, target_dir, check)) {
            Ok(binary) => run(binary, &check.test),
            Err(verdict) => verdict.clone(),
        }
    }
}
