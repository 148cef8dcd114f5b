//! `secret status`: what is sealed, to whom, and what is left to do about it.

use std::collections::BTreeMap;

use driftless_client::sealed::{Recipients, Sealed};
use driftless_statement::{Path, Prefix};
use serde::Serialize;

use super::reseal;
use crate::exit::Failure;
use crate::render;
use crate::session::Session;

/// One sealed value, for programs.
#[derive(Debug, Serialize)]
pub struct SecretRow {
    pub path: Path,
    /// Empty when the value cannot be read.
    pub group: String,
    pub sealed_to: Vec<String>,
    /// `current`, `stale` (sealed to others than the group holds), `no_group` or `unreadable`.
    pub state: &'static str,
    /// Recipients of the group that it is not sealed to.
    pub lacks: Vec<String>,
    /// Who can open it and is in the group no more.
    pub still: Vec<String>,
    /// Removed recipients that could read this secret: flagged until it is rotated.
    pub known_to: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

pub async fn run(session: &Session, prefix: &Prefix) -> Result<(), Failure> {
    let client = session.client()?;
    let groups = super::group::all(session, &client).await?;
    let groups: BTreeMap<String, Recipients> =
        groups.into_iter().map(|(name, group)| (name, group.recipients())).collect();
    let found = reseal::scan(session, &client, prefix).await?;
    let rows: Vec<SecretRow> = found.into_iter().map(|(path, sealed)| row(path, sealed, &groups)).collect();
    if rows.is_empty() {
        session.out.say("no secrets");
    }
    session.out.show(&rows, |paint| render::secrets::status(paint, &rows))?;
    let flagged = rows.iter().filter(|row| !row.known_to.is_empty()).count();
    if flagged > 0 {
        let secrets = render::count(flagged, "secret is", "secrets are");
        session.out.say(&format!("{secrets} known to who is no recipient any more: `driftless secret rotate PATH`"));
    }
    Ok(())
}

fn row(path: Path, sealed: Result<Sealed, String>, groups: &BTreeMap<String, Recipients>) -> SecretRow {
    let names = |recipients: &Recipients| recipients.keys().cloned().collect::<Vec<_>>();
    let mut row = SecretRow {
        path,
        group: String::new(),
        sealed_to: Vec::new(),
        state: "unreadable",
        lacks: Vec::new(),
        still: Vec::new(),
        known_to: Vec::new(),
        reason: None,
    };
    match sealed {
        Err(bad) => row.reason = Some(bad),
        Ok(sealed) => {
            row.group = sealed.group().to_owned();
            row.sealed_to = names(sealed.recipients());
            row.known_to = names(sealed.known_to());
            match groups.get(sealed.group()) {
                None => row.state = "no_group",
                Some(next) => {
                    row.state = if sealed.recipients() == next { "current" } else { "stale" };
                    (row.lacks, row.still) = reseal::difference(&sealed, next);
                }
            }
        }
    }
    row
}
