//! `keys`: making key files and showing their public halves.

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
        KeysCommand::New { file } => {
            let key = keys::create(&file)?.public();
            session
                .out
                .say(&format!("made {}; keep it secret, and have its public key granted something", file.display()));
            (key, file)
        }
        KeysCommand::Show { file } => {
            let none = || Failure::Usage("no key file: name one, or use a context that has a key".to_owned());
            let file = file.or_else(|| session.in_force().key.clone()).ok_or_else(none)?;
            (keys::load(&file)?.public(), file)
        }
    };
    let shown = Shown { key, file: file.display().to_string(), peer_id: founding::peer::id(&key) };
    session.out.show(&shown, |_| format!("{key}\n"))
}
