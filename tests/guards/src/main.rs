//! Guard ablation. A test suite proves that a guard works only if some test fails without it; so this program takes guards
//! out, one at a time, in a copy of the sources under `target/`, and runs the test that must fail.
//!
//! `cargo run -p driftless-guards` takes a few, other ones at each commit; `-- --all` takes all; `-- --only PART` takes those
//! whose name has PART in it or whose file begins with it. Exit code 1: a guard survived. `-- --write` writes the table as
//! `docs/guards.md` and takes none out.
#![forbid(unsafe_code)]

mod checking;
mod mirror;
mod page;
mod table;
#[cfg(test)]
mod tests;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::Instant;

use checking::{Sound, Verdict};
use mirror::Mirror;
use table::Guard;

/// Guards of a run that is not told which.
const SAMPLE: usize = 4;

struct Told {
    all: bool,
    write: bool,
    only: Vec<String>,
}

fn told() -> Result<Told, String> {
    let mut told = Told { all: false, write: false, only: Vec::new() };
    let mut args = std::env::args().skip(1);
    while let Some(arg) = args.next() {
        match arg.as_str() {
            "--all" => told.all = true,
            "--write" => told.write = true,
            "--only" => told.only.push(args.next().ok_or("--only needs a part of a name, or the beginning of a file")?),
            other => return Err(format!("{other}: not known; usage: guards [--all | --only PART | --write]")),
        }
    }
    Ok(told)
}

fn main() -> ExitCode {
    match run() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(why) => {
            say(&format!("guards: {why}"));
            ExitCode::from(2)
        }
    }
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap_or(Path::new(".")).to_owned()
}

/// To the standard output, of which the row of a guard is the whole use.
fn say(line: &str) {
    drop(writeln!(std::io::stdout(), "{line}"));
}

/// Which guards are due: the sample moves on with every commit, so that all have their turn.
fn due(all: Vec<Guard>, told: &Told, root: &Path) -> Vec<Guard> {
    if !told.only.is_empty() {
        let named = |guard: &Guard, part: &str| guard.name.contains(part) || guard.file.starts_with(part);
        let due = |guard: &Guard| told.only.iter().any(|part| named(guard, part));
        return all.into_iter().filter(due).collect();
    }
    if told.all {
        return all;
    }
    let count = Command::new("git").args(["rev-list", "--count", "HEAD"]).current_dir(root).output();
    let count = count.ok().and_then(|output| String::from_utf8(output.stdout).ok()?.trim().parse::<usize>().ok());
    let turn = count.unwrap_or(0);
    say(&format!("{SAMPLE} of {} guards, from commit number {turn}", all.len()));
    let mut sample: Vec<Guard> =
        all.iter().cycle().skip(turn * SAMPLE % all.len().max(1)).take(SAMPLE).cloned().collect();
    sample.truncate(all.len());
    sample
}

fn run() -> Result<bool, String> {
    let (told, root) = (told()?, root());
    let all = table::read(&root)?;
    if told.write {
        let written = std::fs::write(root.join("docs/guards.md"), page::page(&all));
        return written.map(|()| true).map_err(|error| format!("docs/guards.md: {error}"));
    }
    let guards = due(all.clone(), &told, &root);
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), PathBuf::from);
    let tree = target.join("guards/tree");
    std::fs::create_dir_all(&tree).map_err(|error| format!("{}: {error}", tree.display()))?;
    let mirror = Mirror::of(&root, tree).map_err(|error| format!("copying the sources: {error}"))?;
    let (begin, mut caught) = (Instant::now(), 0);
    let mut sound = Sound::default();
    // First all that is sound: a test that fails anyway proves nothing.
    let before: Vec<Verdict> = guards.iter().map(|guard| sound.run(&mirror.at, &target, &guard.check)).collect();
    for (guard, before) in guards.iter().zip(before) {
        let (outcome, fine) = match before {
            Verdict::Passed => take_out(guard, &mirror, &target)?,
            other => (format!("the check is not sound: {other:?}"), false),
        };
        caught += usize::from(fine);
        say(&format!("{:<9} {:<44} {}", outcome, guard.name, guard.check.test));
    }
    let seconds = begin.elapsed().as_secs();
    figure(&format!(
        "guards: {caught} of {} taken out were missed by their test, of {} in the table",
        guards.len(),
        all.len()
    ));
    say(&format!("{} guards, {caught} caught, {seconds} s", guards.len()));
    Ok(caught == guards.len() && !guards.is_empty())
}

/// Switches a guard off, runs its check, and switches it on again.
fn take_out(guard: &Guard, mirror: &Mirror, target: &Path) -> Result<(String, bool), String> {
    let failed = |error: std::io::Error| format!("{}: {error}", guard.file);
    let text = mirror.original(&guard.file).map_err(failed)?;
    mirror.put(&guard.file, &guard.switched_off(&text)?).map_err(failed)?;
    let verdict = match checking::build(&mirror.at, target, &guard.check) {
        Ok(binary) => checking::run(&binary, &guard.check.test),
        Err(verdict) => verdict,
    };
    mirror.put(&guard.file, &text).map_err(failed)?;
    Ok(match verdict {
        Verdict::Failed => ("caught".to_owned(), true),
        Verdict::Endless => ("caught *".to_owned(), true),
        Verdict::Passed => ("SURVIVED".to_owned(), false),
        Verdict::NoTest => ("NO TEST".to_owned(), false),
        Verdict::NoBuild(why) => (format!("NO BUILD ({why})"), false),
    })
}

/// Keeps a figure for the end of `tests/run`.
fn figure(line: &str) {
    let Some(file) = std::env::var_os("DRIFTLESS_FIGURES") else { return };
    let file = std::fs::OpenOptions::new().create(true).append(true).open(file);
    drop(file.and_then(|mut file| writeln!(file, "{line}")));
}
