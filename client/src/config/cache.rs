//! The last-known file: what was served last, so that a service starts while its node is away. A file that cannot be
//! read or is about something else is left out, with a warning: a cache never keeps anybody from starting.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};

use driftless_statement::{Prefix, json};
use serde::{Deserialize, Serialize};

use super::snapshot::Snapshot;
use crate::api::Item;

/// Version of the file's form.
const FORM: u32 = 1;

/// What the file holds.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Saved {
    form: u32,
    /// When the node was last heard, Unix milliseconds.
    pub heard_ms: u64,
    /// Revision to resume from, by prefix.
    pub revisions: BTreeMap<Prefix, String>,
    items: Vec<Item>,
}

impl Saved {
    pub fn new(heard_ms: u64, revisions: BTreeMap<Prefix, String>, snapshot: &Snapshot) -> Self {
        Self { form: FORM, heard_ms, revisions, items: snapshot.items().map(|item| Item::clone(item)).collect() }
    }

    /// The state that was saved.
    pub fn snapshot(&mut self) -> Snapshot {
        let mut snapshot = Snapshot::default();
        std::mem::take(&mut self.items).into_iter().for_each(|item| snapshot.put(item));
        snapshot
    }
}

/// Reads the file, when it is there, whole, and about these prefixes.
pub(super) fn load(path: &Path, prefixes: &[Prefix]) -> Option<Saved> {
    let bytes = match std::fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return None,
        Err(error) => {
            tracing::warn!(path = %path.display(), %error, "the last-known file cannot be read; starting without it");
            return None;
        }
    };
    let saved: Saved = match json::read(&bytes) {
        Ok(saved) => saved,
        Err(error) => {
            tracing::warn!(path = %path.display(), %error, "the last-known file is damaged; starting without it");
            return None;
        }
    };
    let same = saved.revisions.len() == prefixes.len() && prefixes.iter().all(|p| saved.revisions.contains_key(p));
    if saved.form != FORM || !same {
        tracing::warn!(path = %path.display(), "the last-known file is of another form or other prefixes; starting without it");
        return None;
    }
    Some(saved)
}

/// Writes the file anew beside the old one and puts it in its place, readable by its owner only: configuration may be
/// confidential.
pub(super) fn store(path: &Path, saved: &Saved) -> std::io::Result<()> {
    use std::os::unix::fs::OpenOptionsExt;
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{}.new", std::process::id()));
    let fresh = PathBuf::from(name);
    let bytes = serde_json::to_vec(saved)?;
    let written = (|| {
        let mut file = std::fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&fresh)?;
        file.write_all(&bytes)?;
        file.sync_all()?;
        std::fs::rename(&fresh, path)
    })();
    if written.is_err() {
        // The half-written file is of no use; that it stays is the lesser trouble.
        let _ = std::fs::remove_file(&fresh);
    }
    written
}
