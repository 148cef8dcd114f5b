//! `secret`: sealing, opening and rotating, and the groups that secrets are sealed to. Secrets come from standard input, a file
//! or the system's randomness, never from arguments, and go to standard output only.

mod group;
mod reseal;
mod source;
mod status;

use std::path::PathBuf;

use driftless_client::sealed::{BadSealed, Identity, Recipients, Sealed, seal};
use driftless_client::sign;
use driftless_statement::{Path, StatementId};
use serde::Serialize;

use crate::args::{NoteArgs, SecretCommand, Source};
use crate::exit::Failure;
use crate::session::Session;

pub use group::Listed;
pub use reseal::Resealed;
pub use status::SecretRow;

pub async fn run(command: SecretCommand, session: &Session) -> Result<(), Failure> {
    match command {
        SecretCommand::Set { path, group, source, force, note } => {
            let wanted = Wanted { group, force, rotate: false };
            set(session, &path, &wanted, &source, &note).await
        }
        SecretCommand::Rotate { path, source, note } => {
            let wanted = Wanted { group: None, force: false, rotate: true };
            set(session, &path, &wanted, &source, &note).await
        }
        SecretCommand::Get { path, identity, show } => get(session, &path, &identity, show).await,
        SecretCommand::Recipients(command) => group::run(command, session).await,
        SecretCommand::Reseal { group, identity, dry_run, note } => {
            let opener = reseal::Opener::of(&identity)?;
            reseal::run(session, &group, &opener, dry_run, &note).await
        }
        SecretCommand::Status { prefix } => status::run(session, &prefix).await,
    }
}

/// How a secret is set.
struct Wanted {
    group: Option<String>,
    force: bool,
    /// Only over a sealed value.
    rotate: bool,
}

/// What was done, for programs.
#[derive(Debug, Serialize)]
struct Done {
    path: Path,
    group: String,
    recipients: Vec<String>,
    statements: Vec<StatementId>,
}

async fn set(
    session: &Session,
    path: &Path,
    wanted: &Wanted,
    source: &Source,
    given: &NoteArgs,
) -> Result<(), Failure> {
    source::check(source)?;
    let (client, signer) = (session.client()?, session.signer()?);
    let merged = client.merged(path, Some(&signer.public())).await?;
    let before = current(&merged)?;
    let group = group_of(path, before.as_ref(), wanted)?;
    // Before anybody is asked for a secret that could not be sealed.
    group::recipients(&client, &group).await?;
    let secret = source::read(source)?;
    // As it is now: it may have changed while somebody typed.
    let recipients = group::recipients(&client, &group).await?;
    // A new secret: who knew the old one does not know this.
    let sealed = seal(&secret, &group, recipients, Recipients::new())?;
    drop(secret);
    let edited = sign::replace(&merged, sealed.to_value())?;
    let statements = session.submit_to(&client, &signer, vec![edited], given).await?;
    let names: Vec<String> = sealed.recipients().keys().cloned().collect();
    session.out.say(&format!("{path}: sealed to group {group}: {}", names.join(", ")));
    let done = Done { path: path.clone(), group, recipients: names, statements };
    session.out.show(&done, |_| done.statements.iter().map(|id| format!("{id}\n")).collect())
}

/// What lies at an entry: nothing, a sealed value, or another one.
fn current(merged: &driftless_client::api::Merged) -> Result<Option<Result<Sealed, BadSealed>>, Failure> {
    let Some(tree) = &merged.tree else { return Ok(None) };
    let tree = driftless_client::tree::from_json(tree).map_err(|error| Failure::Unreachable(error.to_string()))?;
    Ok(Some(Sealed::parse(&tree.to_value())))
}

/// The group to seal to.
fn group_of(path: &Path, before: Option<&Result<Sealed, BadSealed>>, wanted: &Wanted) -> Result<String, Failure> {
    if path.scope().is_mesh() {
        return Err(Failure::Usage(format!(
            "{path}: `@mesh` holds what every node must read; keep secrets in other scopes"
        )));
    }
    match (before, &wanted.group) {
        (None, _) if wanted.rotate => Err(Failure::NotFound(format!(
            "{path} is absent; set a first secret with `driftless secret set {path} --group GROUP`"
        ))),
        (None, None) => Err(Failure::Usage(format!(
            "{path} is new: give --group GROUP (`driftless secret recipients list` shows the groups)"
        ))),
        (Some(Err(bad)), _) if !wanted.force => Err(Failure::Refused(format!(
            "{path}: its value {bad}; to replace it give `driftless secret set --force` (what was there stays readable in the \
             history)"
        ))),
        (Some(Err(_)), None) => Err(Failure::Usage(format!("{path}: give --group GROUP with --force"))),
        (_, Some(group)) => Ok(group.clone()),
        (Some(Ok(sealed)), None) => Ok(sealed.group().to_owned()),
    }
}

async fn get(session: &Session, path: &Path, identity: &[PathBuf], show: bool) -> Result<(), Failure> {
    if session.out.format.is_some() {
        return Err(Failure::Usage(
            "-o does not go with `secret get`: it prints the secret's bytes as they are".to_owned(),
        ));
    }
    let identities = load(identity)?;
    let client = session.client()?;
    let secret = if identities.is_empty() {
        client.secret(path).await?.bytes
    } else {
        let item = client.item(path).await?;
        let about = |error: String| Failure::Refused(format!("{path}: {error}"));
        let sealed = Sealed::parse(&item.value).map_err(|bad| about(format!("its value {bad}")))?;
        sealed.open(&identities).map_err(|error| about(error.to_string()))?
    };
    if session.out.terminal() && !show && !is_plain(&secret) {
        return Err(Failure::Usage(
            "the secret is not plain text and was not printed to the terminal; send it to a file or a pipe, or give --show"
                .to_owned(),
        ));
    }
    session.out.secret(&secret)
}

/// Whether a terminal shows it and takes no orders from it.
fn is_plain(secret: &[u8]) -> bool {
    str::from_utf8(secret).is_ok_and(|text| text.chars().all(|c| !c.is_control() || matches!(c, '\n' | '\t')))
}

/// The identities of files.
fn load(files: &[PathBuf]) -> Result<Vec<Identity>, Failure> {
    let mut identities = Vec::new();
    for file in files {
        identities.extend(Identity::load(file)?);
    }
    Ok(identities)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_terminal_gets_plain_text_only() {
        assert!(is_plain("pässword\n".as_bytes()) && is_plain(b"") && is_plain(b"a\tb"));
        for bad in [&b"\x1b[2J"[..], b"\xff", b"a\0b", b"a\rb", "\u{9b}31m".as_bytes()] {
            assert!(!is_plain(bad), "{bad:?}");
        }
    }
}
