//! `driftless` as a process.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

/// How a run ended.
#[derive(Debug)]
pub struct Ended {
    pub code: i32,
    pub out: String,
    pub err: String,
}

/// Runs `driftless` in a directory with nothing of the caller's environment but the search path.
pub fn driftless(dir: &Path, args: &[&str], stdin: &str) -> Ended {
    with_env(dir, args, stdin, &[])
}

/// The same with some environment.
pub fn with_env(dir: &Path, args: &[&str], stdin: &str, env: &[(&str, &str)]) -> Ended {
    let mut child = Command::new(env!("CARGO_BIN_EXE_driftless"))
        .args(args)
        .current_dir(dir)
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("DRIFTLESS_CONTEXTS", dir.join("contexts.toml"))
        .envs(env.iter().copied())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // A command that refuses its arguments does not read; then the pipe is closed.
    let _ = child.stdin.take().unwrap().write_all(stdin.as_bytes());
    let ended = child.wait_with_output().unwrap();
    Ended {
        code: ended.status.code().expect("ended by a signal"),
        out: String::from_utf8(ended.stdout).unwrap(),
        err: String::from_utf8(ended.stderr).unwrap(),
    }
}
