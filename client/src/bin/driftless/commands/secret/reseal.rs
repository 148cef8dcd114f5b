//! Sealing anew to the recipients that a group holds now: everything is opened and sealed first, then signed. Each path has
//! its outcome, and what is done is not done again.

use std::path::PathBuf;

use driftless_client::api::Merged;
use driftless_client::sealed::{Identity, Recipients, Sealed, seal};
use driftless_client::sign::{self, Edited};
use driftless_client::{Client, Signer};
use driftless_statement::{Path, Prefix, PublicKey, StatementId};
use serde::Serialize;

use super::group;
use crate::args::NoteArgs;
use crate::exit::Failure;
use crate::render::{self, count};
use crate::session::Session;

/// Who opens what is sealed so far.
pub enum Opener {
    /// Identities at hand.
    Identities(Vec<Identity>),
    /// The node that is called, over its Unix socket.
    Node,
}

impl Opener {
    pub fn of(files: &[PathBuf]) -> Result<Self, Failure> {
        let identities = super::load(files)?;
        Ok(if identities.is_empty() { Self::Node } else { Self::Identities(identities) })
    }
}

/// What is to be sealed anew, and how.
pub struct Work<'a> {
    pub group: &'a str,
    pub recipients: &'a Recipients,
    pub opener: &'a Opener,
    pub dry_run: bool,
    pub note: &'a NoteArgs,
}

/// What became of one path.
#[derive(Debug, Serialize)]
pub struct Resealed {
    pub path: Path,
    /// `stale`, `would_reseal`, `resealed` or `failed`.
    pub outcome: &'static str,
    /// Recipients that it is not sealed to yet, or was not.
    pub added: Vec<String>,
    /// Recipients that can open it, or could, and are in the group no more.
    pub removed: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

impl Resealed {
    fn of(path: &Path, sealed: &Sealed, next: &Recipients, outcome: &'static str) -> Self {
        let (added, removed) = difference(sealed, next);
        Self { path: path.clone(), outcome, added, removed, reason: None }
    }
}

/// Who comes and who goes, by name; a name whose key changed does both.
pub fn difference(sealed: &Sealed, next: &Recipients) -> (Vec<String>, Vec<String>) {
    let lacking = |these: &Recipients, those: &Recipients| {
        let lacks = |(_, key): &(&String, _)| those.values().all(|other| other != *key);
        these.iter().filter(lacks).map(|(name, _)| name.clone()).collect()
    };
    (lacking(next, sealed.recipients()), lacking(sealed.recipients(), next))
}

/// Every sealed value that the node reads below a prefix.
pub async fn scan(
    session: &Session,
    client: &Client,
    prefix: &Prefix,
) -> Result<Vec<(Path, Result<Sealed, String>)>, Failure> {
    let items = client.items(prefix).await?;
    session.out.detail(&format!("looked at {}", count(items.len(), "entry", "entries")));
    let meant = items.into_iter().filter(|item| Sealed::is_meant(&item.value));
    Ok(meant.map(|item| (item.path, Sealed::parse(&item.value).map_err(|bad| bad.to_string()))).collect())
}

async fn of_group(session: &Session, client: &Client, group: &str) -> Result<Vec<(Path, Sealed)>, Failure> {
    let mut found = Vec::new();
    for (path, sealed) in scan(session, client, &Prefix::all()).await? {
        match sealed {
            Ok(sealed) if sealed.group() == group => found.push((path, sealed)),
            Ok(_) => {}
            Err(bad) => session.out.say(&format!("warning: {path} was left alone: it {bad}")),
        }
    }
    Ok(found)
}

/// What is sealed to others than the group holds.
pub async fn stale(
    session: &Session,
    client: &Client,
    group: &str,
    next: &Recipients,
) -> Result<Vec<Resealed>, Failure> {
    let found = of_group(session, client, group).await?;
    let stale = found.iter().filter(|(_, sealed)| sealed.recipients() != next);
    Ok(stale.map(|(path, sealed)| Resealed::of(path, sealed, next, "stale")).collect())
}

/// `secret reseal`.
pub async fn run(
    session: &Session,
    group: &str,
    opener: &Opener,
    dry_run: bool,
    note: &NoteArgs,
) -> Result<(), Failure> {
    let (client, signer) = (session.client()?, session.signer()?);
    let recipients = group::recipients(&client, group).await?;
    all(session, &client, &signer, &Work { group, recipients: &recipients, opener, dry_run, note }).await
}

/// Seals anew whatever is not sealed to just these recipients.
pub async fn all(session: &Session, client: &Client, signer: &Signer, work: &Work<'_>) -> Result<(), Failure> {
    let mut rows = Vec::new();
    let mut edited = Vec::new();
    for (path, sealed) in of_group(session, client, work.group).await? {
        if sealed.recipients() == work.recipients {
            continue;
        }
        let mut row = Resealed::of(&path, &sealed, work.recipients, "would_reseal");
        match one(client, &path, &signer.public(), work).await {
            Ok(edit) => edited.push(edit),
            Err(failure) => {
                row.outcome = "failed";
                row.reason = Some(failure.to_string());
            }
        }
        rows.push(row);
    }
    let mut statements = Vec::new();
    if !work.dry_run {
        statements = session.submit_to(client, signer, edited, work.note).await?;
        for row in rows.iter_mut().filter(|row| row.outcome == "would_reseal") {
            (row.outcome, row.reason) = became(client, &row.path, work).await;
        }
    }
    session.out.show(&rows, |paint| render::secrets::resealed(paint, &rows))?;
    summary(session, work, &rows, &statements)
}

/// What services read after all was handed in: that it was stored does not say that it shows.
async fn became(client: &Client, path: &Path, work: &Work<'_>) -> (&'static str, Option<String>) {
    let shows = match client.item(path).await {
        Ok(item) => Sealed::parse(&item.value).is_ok_and(|sealed| sealed.recipients() == work.recipients),
        Err(error) => return ("failed", Some(error.to_string())),
    };
    if !shows {
        let why = "stored, but not in force: `driftless explain PATH` and `driftless pending` say why";
        return ("failed", Some(why.to_owned()));
    }
    // Whoever rotated it at the same time meant another secret, and this one may hide it.
    match client.merged(path, None).await {
        Ok(merged) if merged.heads.len() < 2 => ("resealed", None),
        Ok(_) => (
            "failed",
            Some("somebody set it at the same time, and the older secret may show: `driftless explain PATH` names both, `driftless \
                  secret rotate PATH` sets the right one"
                .to_owned()),
        ),
        Err(error) => ("failed", Some(error.to_string())),
    }
}

fn summary(session: &Session, work: &Work<'_>, rows: &[Resealed], statements: &[StatementId]) -> Result<(), Failure> {
    let failed = rows.iter().filter(|row| row.outcome == "failed").count();
    let done = rows.len() - failed;
    let secrets = |number| count(number, "secret", "secrets");
    let how = if work.dry_run { "would be sealed anew; nothing was signed (--dry-run)" } else { "sealed anew" };
    session.out.say(&format!("{} {how}", secrets(done)));
    session.out.detail(&format!("{} signed", count(statements.len(), "statement", "statements")));
    let known = rows.iter().filter(|row| !row.removed.is_empty()).count();
    if known > 0 {
        session.out.say(&format!(
            "{} stay known to who was removed, until rotated: `driftless secret status` lists them, `driftless secret rotate PATH` \
             replaces one",
            secrets(known)
        ));
    }
    if failed == 0 {
        return Ok(());
    }
    Err(Failure::Refused(format!(
        "{} of {} not sealed anew, for the reasons above; when they are mended run `driftless secret reseal {}`: it does what is left",
        failed,
        secrets(rows.len()),
        work.group
    )))
}

/// The edit that seals one entry anew.
async fn one(client: &Client, path: &Path, author: &PublicKey, work: &Work<'_>) -> Result<Edited, Failure> {
    let merged = client.merged(path, Some(author)).await?;
    if merged.grant.is_none() {
        return Err(Failure::Refused(format!("key {author} has no grant to write {path}")));
    }
    let sealed = sealed_now(&merged)?;
    if sealed.group() != work.group {
        return Err(Failure::Differs(format!("it is sealed to group {} meanwhile", sealed.group())));
    }
    let secret = match work.opener {
        Opener::Identities(identities) => sealed.open(identities)?,
        Opener::Node => {
            let opened = client.secret(path).await?;
            if opened.etag != merged.etag {
                return Err(Failure::Differs(
                    "what services read is not what is merged, or changed meanwhile".to_owned(),
                ));
            }
            opened.bytes
        }
    };
    let known = sealed.known_after(work.recipients);
    let next = seal(&secret, work.group, work.recipients.clone(), known)?;
    Ok(sign::replace(&merged, next.to_value())?)
}

fn sealed_now(merged: &Merged) -> Result<Sealed, Failure> {
    let tree = merged.tree.as_ref().ok_or_else(|| Failure::NotFound("it was deleted meanwhile".to_owned()))?;
    let tree = driftless_client::tree::from_json(tree).map_err(|error| Failure::Unreachable(error.to_string()))?;
    Sealed::parse(&tree.to_value()).map_err(|bad| Failure::Refused(format!("its merged value {bad}")))
}
