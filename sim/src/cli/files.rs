//! Files in and out.

use std::path::{Path, PathBuf};

use driftless_sim::scenario::{BadScenario, READY, Scenario, ready};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::Which;

/// Why a command cannot be carried out. Nothing was run.
#[derive(Debug, thiserror::Error)]
pub enum CannotRun {
    /// A file cannot be read or written.
    #[error("{path}: {reason}")]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// There is no such scenario.
    #[error("`{0}` is neither a file nor a ready scenario; ready ones: {names}", names = names())]
    NoScenario(String),
    /// The scenario cannot be.
    #[error(transparent)]
    Scenario(#[from] BadScenario),
}

fn names() -> String {
    READY.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ")
}

pub fn failed(path: &Path, reason: impl ToString) -> CannotRun {
    CannotRun::File { path: path.to_owned(), reason: reason.to_string() }
}

/// The scenario that was asked for.
pub fn scenario(which: &Which) -> Result<Scenario, CannotRun> {
    let path = Path::new(&which.scenario);
    let mut scenario = match ready(&which.scenario) {
        Some(scenario) if !path.exists() => scenario,
        _ if path.exists() => Scenario::parse(&read(path)?)?,
        _ => return Err(CannotRun::NoScenario(which.scenario.clone())),
    };
    scenario.nodes = which.nodes.unwrap_or(scenario.nodes);
    scenario.minutes = which.minutes.unwrap_or(scenario.minutes);
    scenario.check()?;
    Ok(scenario)
}

/// A file's text.
pub fn read(path: &Path) -> Result<String, CannotRun> {
    std::fs::read_to_string(path).map_err(|error| failed(path, error))
}

/// A file's JSON.
pub fn read_json<T: DeserializeOwned>(path: &Path) -> Result<T, CannotRun> {
    serde_json::from_str(&read(path)?).map_err(|error| failed(path, format!("not what was expected there: {error}")))
}

/// Writes a file, and says so.
pub fn write(path: &Path, text: &str) -> Result<(), CannotRun> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(|error| failed(folder, error))?;
    }
    std::fs::write(path, text).map_err(|error| failed(path, error))?;
    eprintln!("wrote {}", path.display());
    Ok(())
}

/// Writes a file of JSON.
pub fn write_json(path: &Path, what: &impl Serialize) -> Result<(), CannotRun> {
    let text = serde_json::to_string_pretty(what).map_err(|error| failed(path, error))?;
    write(path, &text)
}
