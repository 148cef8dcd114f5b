//! Where a secret comes from: standard input, a file, the keyboard, or randomness. Everything it passes through is wiped.

use std::fs::File;
use std::io::{IsTerminal, Read};
use std::os::fd::AsFd;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use driftless_client::sealed::SECRET_BYTES;
use zeroize::Zeroizing;

use crate::args::Source;
use crate::exit::Failure;

type Secret = Zeroizing<Vec<u8>>;

/// Refuses what must not be done before anything else is.
pub fn check(source: &Source) -> Result<(), Failure> {
    if source.given.is_empty() {
        return Ok(());
    }
    Err(Failure::Usage(
        "a secret is never an argument: every user of this machine could see it, and the shell keeps it. Nothing was sealed. Give it \
         on standard input or with --from-file; if what you typed is the secret, choose another one"
            .to_owned(),
    ))
}

pub fn read(source: &Source) -> Result<Secret, Failure> {
    let stdin = std::io::stdin();
    let secret = match (source.generate, &source.from_file) {
        (Some(bytes), _) => return generate(bytes),
        (None, Some(path)) => {
            let file = File::open(path).map_err(|error| Failure::file(path, error))?;
            take(file).map_err(|error| Failure::file(path, error))?
        }
        (None, None) if stdin.is_terminal() => return ask(),
        (None, None) => {
            let failed = |error| Failure::file("standard input", error);
            // Past the buffer of standard input, which nobody wipes.
            let file = File::from(stdin.as_fd().try_clone_to_owned().map_err(failed)?);
            take(file).map_err(failed)?
        }
    };
    match secret.len() {
        0 => Err(Failure::Usage("the secret is empty; nothing was sealed".to_owned())),
        length if length > SECRET_BYTES => Err(Failure::Usage(format!(
            "the secret has more than {SECRET_BYTES} bytes, the most that is sealed; keep the data elsewhere and seal the key to it"
        ))),
        _ => Ok(secret),
    }
}

/// One byte more than may be sealed, at most, in a buffer that is never moved.
fn take(file: File) -> std::io::Result<Secret> {
    let most = SECRET_BYTES + 1;
    // Room for one byte more: a full buffer would be made larger, and a copy stay behind.
    let mut secret = Zeroizing::new(Vec::with_capacity(most + 1));
    file.take(most as u64).read_to_end(&mut secret)?;
    Ok(secret)
}

/// Asks at the terminal, twice, without echo.
fn ask() -> Result<Secret, Failure> {
    let asked = |prompt: &str| {
        let text = rpassword::prompt_password(prompt).map_err(|error| Failure::file("the terminal", error))?;
        Ok::<_, Failure>(Zeroizing::new(text.into_bytes()))
    };
    let secret = asked("Secret: ")?;
    if secret.is_empty() {
        return Err(Failure::Usage("the secret is empty; nothing was sealed".to_owned()));
    }
    if *asked("The same again: ")? != *secret {
        return Err(Failure::Usage("the two are not the same; nothing was sealed".to_owned()));
    }
    Ok(secret)
}

/// Random bytes as text, which fits in a line of a file and in most programs' fields.
fn generate(bytes: u16) -> Result<Secret, Failure> {
    let mut raw = Zeroizing::new(vec![0; usize::from(bytes)]);
    getrandom::fill(&mut raw).map_err(|error| Failure::file("the system's randomness", error))?;
    Ok(Zeroizing::new(URL_SAFE_NO_PAD.encode(&*raw).into_bytes()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn source(from_file: Option<std::path::PathBuf>, generate: Option<u16>) -> Source {
        Source { from_file, generate, given: Vec::new() }
    }

    #[test]
    fn a_file_is_taken_byte_for_byte_up_to_the_bound() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("secret");
        let read_back = |bytes: &[u8]| {
            std::fs::write(&path, bytes).unwrap();
            read(&source(Some(path.clone()), None)).map(|secret| secret.to_vec())
        };
        for good in [&b"x"[..], b"line\n", b"\0\xff", &[7; SECRET_BYTES]] {
            assert_eq!(read_back(good).unwrap(), good);
        }
        assert!(read_back(b"").unwrap_err().to_string().contains("is empty"));
        assert!(read_back(&[7; SECRET_BYTES + 1]).unwrap_err().to_string().contains("more than 32768 bytes"));
        assert!(read(&source(Some(dir.path().join("none")), None)).is_err());
    }

    #[test]
    fn what_is_generated_is_text_and_new_each_time() {
        let made = |bytes| String::from_utf8(read(&source(None, Some(bytes))).unwrap().to_vec()).unwrap();
        let one = made(32);
        assert_eq!(one.len(), 43);
        assert!(one.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte)));
        assert_ne!(made(32), one);
    }
}
