//! `edit`: an entry in the person's own editor, as YAML.

use std::path::Path as FilePath;
use std::process::Command;

use driftless_client::offline::Need;
use driftless_client::sign::{self, Desired};
use driftless_statement::Path;

use super::set::sign_and_send;
use crate::args::SigningArgs;
use crate::documents;
use crate::exit::Failure;
use crate::out::yaml;
use crate::session::Session;

pub async fn run(session: &Session, path: &Path, given: &SigningArgs) -> Result<(), Failure> {
    let editor = editor()?;
    let (source, signer) = (session.source(given, false)?, session.signer()?);
    let merged = source.merged(path, Some(&signer.public()), Need::Value).await?;
    let tree = merged.tree.as_ref().map(driftless_client::tree::from_json).transpose();
    let value = tree.map_err(|error| Failure::Unreachable(error.to_string()))?.map(|tree| tree.to_value());
    let before = value.as_ref().map(yaml).transpose()?.unwrap_or_default();
    let file = draft(path, &before)?;
    open(&editor, &file).inspect_err(|_| discard(&file))?;
    let after = std::fs::read_to_string(&file).map_err(|error| Failure::file(&file, error))?;
    if after == before || after.trim().is_empty() {
        discard(&file);
        session.out.say("nothing was changed; nothing was signed (to delete an entry use `driftless delete`)");
        return Ok(());
    }
    let kept = |reason: String| Failure::Usage(format!("{reason}; your text is kept in {}", file.display()));
    let wanted = documents::one(&after).map_err(kept)?;
    let plan = sign::plan(&merged, &Desired::Value(wanted))?;
    let sent = sign_and_send(session, &source, &signer, plan.into_iter().collect(), given).await;
    match &sent {
        Ok(()) => discard(&file),
        Err(_) => session.out.say(&format!("your text is kept in {}", file.display())),
    }
    sent
}

fn editor() -> Result<String, Failure> {
    let set = |name| std::env::var(name).ok().filter(|value| !value.trim().is_empty());
    set("VISUAL")
        .or_else(|| set("EDITOR"))
        .ok_or_else(|| Failure::Usage("set VISUAL or EDITOR to an editor".to_owned()))
}

/// A file for the editor, readable by its owner only, named so that the editor knows what it holds.
fn draft(path: &Path, text: &str) -> Result<std::path::PathBuf, Failure> {
    use std::io::Write;
    use std::os::unix::fs::OpenOptionsExt;
    let name = format!("driftless-{}-{}.yaml", path.as_str().replace('/', "-"), std::process::id());
    let file = std::env::temp_dir().join(name);
    let opened = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&file);
    let written = opened.and_then(|mut opened| opened.write_all(text.as_bytes()));
    written.map(|()| file.clone()).map_err(|error| Failure::file(file, error))
}

/// Runs the editor through the shell, since `EDITOR` may hold arguments.
fn open(editor: &str, file: &FilePath) -> Result<(), Failure> {
    let status = Command::new("sh").args(["-c", &format!("{editor} \"$1\""), "sh"]).arg(file).status();
    match status {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(Failure::Usage(format!("{editor} ended with {status}; nothing was signed"))),
        Err(error) => Err(Failure::file(editor, error)),
    }
}

fn discard(file: &FilePath) {
    // A draft that stays in the directory for temporary files does no harm.
    let _ = std::fs::remove_file(file);
}
