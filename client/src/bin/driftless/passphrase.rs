//! Asks for passphrases: on the terminal without echo, or from a file or descriptor that was named. Never from an argument, which every
//! user of a machine can read, nor from the environment, which every child inherits and crash reports carry.

use std::path::Path;

use driftless_client::keys::KeyError;
use driftless_client::keys::passphrase::{Encrypted, Opened, Passphrase, open};
use driftless_statement::SecretKey;
use zeroize::Zeroizing;

use crate::exit::Failure;
use crate::out::Out;

/// How often a person may try.
const ATTEMPTS: u32 = 3;
/// Fewer characters than this are guessed soon by who has the file, whatever a guess costs. NIST SP 800-63B asks for as many where guesses
/// are not limited.
const SHORT: usize = 15;

/// The key in a file; if it is encrypted, asks for its passphrase.
pub fn key(out: Out, path: &Path, file: Option<&Path>) -> Result<SecretKey, Failure> {
    match open(path)? {
        Opened::Key(key) => Ok(key),
        Opened::Encrypted(encrypted) => unlock(out, &encrypted, path, file),
    }
}

/// The key in an encrypted file that was read.
pub fn unlock(out: Out, encrypted: &Encrypted, path: &Path, file: Option<&Path>) -> Result<SecretKey, Failure> {
    if let Some(file) = file {
        return Ok(encrypted.unlock(&Passphrase::read(file)?)?);
    }
    let mut attempt = 1;
    loop {
        let passphrase = ask(&format!("passphrase of {}: ", path.display()))?;
        match encrypted.unlock(&Passphrase::new(passphrase)?) {
            Err(KeyError::WrongPassphrase(_)) if attempt < ATTEMPTS => {
                out.say("this is not its passphrase; try again");
                attempt += 1;
            }
            other => return Ok(other?),
        }
    }
}

/// A new passphrase: of a file, or asked for twice.
pub fn choose(out: Out, path: &Path, file: Option<&Path>, option: &str) -> Result<Passphrase, Failure> {
    let Some(file) = file else {
        let first = ask_or(&format!("new passphrase of {}: ", path.display()), option)?;
        if first.chars().count() < SHORT {
            out.say(&format!(
                "warning: fewer than {SHORT} characters; whoever gets the file may guess as long as they like: five or more random words are better"
            ));
        }
        let second = ask_or("the same again: ", option)?;
        if *first != *second {
            return Err(Failure::Usage("the two passphrases differ; nothing was changed".to_owned()));
        }
        return Ok(Passphrase::new(first)?);
    };
    Ok(Passphrase::read(file)?)
}

fn ask(prompt: &str) -> Result<Zeroizing<String>, Failure> {
    ask_or(prompt, "--passphrase-file")
}

fn ask_or(prompt: &str, option: &str) -> Result<Zeroizing<String>, Failure> {
    match rpassword::prompt_password(prompt) {
        Ok(text) => Ok(Zeroizing::new(text)),
        Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {
            Err(Failure::Usage("interrupted; nothing was done".to_owned()))
        }
        Err(_) => Err(Failure::Usage(format!(
            "a passphrase is needed and there is no terminal to ask on; give {option} FILE, or {option} /dev/fd/3 with the passphrase on that descriptor"
        ))),
    }
}
