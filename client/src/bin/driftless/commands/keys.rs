//! `keys`: making key files and showing their public halves.

use std::path::Path as FilePath;

use driftless_client::keys::{KeyError, passphrase as encrypted};
use driftless_client::{founding, keys};
use driftless_statement::PublicKey;
use serde::Serialize;

use crate::args::KeysCommand;
use crate::exit::Failure;
use crate::session::Session;

/// A key for programs.
#[derive(Debug, Serialize)]
struct Shown {
    key: PublicKey,
    file: String,
    peer_id: String,
}

pub async fn run(command: KeysCommand, session: &Session) -> Result<(), Failure> {
    let (key, file) = match command {
        KeysCommand::Rotate(arguments) => return super::rotate::run(arguments, session).await,
        KeysCommand::New { file, passphrase } => {
            let key = make(&file, passphrase, session)?;
            session
                .out
                .say(&format!("made {}; keep it secret, and have its public key granted something", file.display()));
            (key, file)
        }
        KeysCommand::Passphrase { file, new_passphrase_file, remove } => {
            (change(&file, new_passphrase_file.as_deref(), remove, session)?, file)
        }
        KeysCommand::Show { file } => {
            let none = || Failure::Usage("no key file: name one, or use a context that has a key".to_owned());
            let file = file.or_else(|| session.in_force().key.clone()).ok_or_else(none)?;
            (public(&file, session)?, file)
        }
    };
    let shown = Shown { key, file: file.display().to_string(), peer_id: founding::peer::id(&key) };
    session.out.show(&shown, |_| format!("{key}\n"))
}

fn make(file: &FilePath, passphrase: bool, session: &Session) -> Result<PublicKey, Failure> {
    let of = session.global.passphrase_file.as_deref();
    if !passphrase && of.is_none() {
        return Ok(keys::create(file)?.public());
    }
    if file.exists() {
        return Err(KeyError::Exists(file.to_owned()).into());
    }
    let chosen = crate::passphrase::choose(session.out, file, of, "--passphrase-file")?;
    let key = keys::generate()?;
    encrypted::save(file, &key, &chosen)?;
    session.out.say(&format!(
        "{} is encrypted; without its passphrase the key is lost. {} has its public key",
        file.display(),
        encrypted::public_file(file).display()
    ));
    Ok(key.public())
}

fn change(file: &FilePath, new: Option<&FilePath>, remove: bool, session: &Session) -> Result<PublicKey, Failure> {
    let key = session.key(file)?;
    let chosen = match remove {
        true => None,
        false => Some(crate::passphrase::choose(session.out, file, new, "--new-passphrase-file")?),
    };
    encrypted::change(file, &key, chosen.as_ref())?;
    session.out.say(match chosen {
        Some(_) => "it opens with the new passphrase only; copies and backups of the old file still open as before",
        None => "it is not encrypted any more: whoever gets the file has the key",
    });
    Ok(key.public())
}

/// The public key: of an encrypted file without its passphrase, where it is written down.
fn public(file: &FilePath, session: &Session) -> Result<PublicKey, Failure> {
    let noted = || encrypted::public(file).filter(|_| session.global.passphrase_file.is_none());
    match encrypted::open(file)? {
        encrypted::Opened::Key(key) => Ok(key.public()),
        encrypted::Opened::Encrypted(locked) => match noted() {
            Some(key) => {
                session.out.detail(&format!("as {} says", encrypted::public_file(file).display()));
                Ok(key)
            }
            None => {
                let of = session.global.passphrase_file.as_deref();
                Ok(crate::passphrase::unlock(session.out, &locked, file, of)?.public())
            }
        },
    }
}
