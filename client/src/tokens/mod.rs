//! Bearer tokens of a node's local API: made here, shown once, and kept by the node as hashes only. What a token is must
//! never be in an error, a log, a URL or a `Debug`. It must not know HTTP, nor what a node answers.

mod file;

use std::fmt;
use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use driftless_statement::Prefix;
use driftless_statement::id::{hex, parse_hex32};
use zeroize::Zeroizing;

pub use file::{load, update};

/// Every token begins so: people, logs and scanners of repositories recognise one.
pub const START: &str = "dlt_";
/// Separates these hashes from every other use of BLAKE3.
const CONTEXT: &str = "driftless 2026-11 token of the local API v1";
/// Tokens that a file may hold. Each request with a token is compared with all of them.
pub const MOST: usize = 1000;
/// Prefixes that a token may name, for reading and for writing each.
pub const MOST_PREFIXES: usize = 256;

/// A token: 256 random bits as text. Whoever has it may do what the file of tokens says.
#[derive(Clone)]
pub struct Token(Zeroizing<String>);

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(..)")
    }
}

/// A text is no token. Says nothing about the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a token: one is {START} and 64 lowercase hexadecimal digits, as `driftless token new` printed it")]
pub struct BadToken;

impl Token {
    /// A new token from the system's randomness.
    pub fn generate() -> Result<Self, TokenError> {
        let mut bytes = Zeroizing::new([0; 32]);
        getrandom::fill(bytes.as_mut_slice()).map_err(TokenError::Randomness)?;
        let digits = Zeroizing::new(hex(bytes.as_slice()));
        let mut text = Zeroizing::new(String::with_capacity(START.len() + digits.len()));
        text.push_str(START);
        text.push_str(&digits);
        Ok(Self(text))
    }

    /// Reads a token's text.
    pub fn parse(text: &str) -> Result<Self, BadToken> {
        let digits = text.strip_prefix(START).ok_or(BadToken)?;
        parse_hex32("a token", digits).map_err(|_| BadToken)?;
        Ok(Self(Zeroizing::new(text.to_owned())))
    }

    /// Reads a file that holds one token and nothing else, readable by its owner only.
    pub fn read(path: &Path) -> Result<Self, TokenError> {
        let text = Zeroizing::new(read_private(path, 4096)?);
        Self::parse(text.trim_end_matches(['\n', '\r'])).map_err(|bad| TokenError::NotAToken(path.to_owned(), bad))
    }

    /// The text, to be sent to the node and to nobody else.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// What the node keeps of it.
    pub fn hash(&self) -> TokenHash {
        TokenHash(blake3::Hasher::new_derive_key(CONTEXT).update(self.0.as_bytes()).finalize())
    }
}

/// The hash of a token. A plain one is enough: 256 random bits cannot be guessed, so there is nothing that a slow, salted
/// hash would protect. Compared in constant time, as BLAKE3's own type does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TokenHash(blake3::Hash);

impl fmt::Display for TokenHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.to_hex())
    }
}

/// What a role or a token may do.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rights {
    /// Prefixes that may be read.
    pub read: Vec<Prefix>,
    /// Prefixes that may be written as the node's own author, and read: a patch tells what it finds.
    pub write: Vec<Prefix>,
    /// How the node is: status, divergence, metrics.
    pub observe: bool,
    /// Statements signed elsewhere may be handed in.
    pub submit: bool,
}

impl Rights {
    /// Everything there is.
    pub fn all() -> Self {
        Self { read: vec![Prefix::all()], write: vec![Prefix::all()], observe: true, submit: true }
    }
}

/// One token as the node knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Known {
    /// Its name, for people.
    pub name: String,
    /// Its hash.
    pub hash: TokenHash,
    /// When it was made, Unix milliseconds.
    pub created_ms: u64,
    /// From when on it is worth nothing, Unix milliseconds.
    pub expires_ms: u64,
    /// What it may do.
    pub rights: Rights,
}

/// Why a token or a file of tokens cannot be used. Says nothing about any token.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// There is no such file.
    #[error("token file {0}: not found; correct the path")]
    Missing(PathBuf),
    /// A directory, device, socket or pipe.
    #[error("token file {0}: not a regular file")]
    NotAFile(PathBuf),
    /// Others than the owner may read or change it.
    #[error(
        "token file {path}: mode {mode:04o} lets others than its owner at it; run `chmod 600 {path}`, and revoke its tokens \
         if somebody else may have used them", path = path.display()
    )]
    Open {
        /// Which.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// Too large.
    #[error("token file {path}: {got} bytes, at most {max}; this is another kind of file", path = path.display())]
    TooLarge {
        /// Which.
        path: PathBuf,
        /// Its size.
        got: u64,
        /// What is allowed.
        max: u64,
    },
    /// It holds no token.
    #[error("token file {0}: {1}")]
    NotAToken(PathBuf, BadToken),
    /// It is no file of tokens.
    #[error("token file {path}: {reason}", path = path.display())]
    Malformed {
        /// Which.
        path: PathBuf,
        /// Where and what.
        reason: String,
    },
    /// The operating system refused.
    #[error("token file {path}: {doing} failed: {cause}", path = path.display())]
    Io {
        /// Which.
        path: PathBuf,
        /// What was being done.
        doing: &'static str,
        /// What the system said.
        cause: io::Error,
    },
    /// The operating system gave no randomness. Nothing was made.
    #[error("no randomness for a new token: {0}")]
    Randomness(getrandom::Error),
}

/// Checks a token's name.
pub fn check_name(name: &str) -> Result<(), String> {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    if (1..=64).contains(&name.len()) && name.chars().all(fits) && !name.starts_with('-') {
        return Ok(());
    }
    Err("name: must be 1 to 64 of A-Z a-z 0-9 . _ -, not beginning with -".to_owned())
}

/// A prefix as people write it: `/` is everything.
pub fn prefix(text: &str) -> Result<Prefix, String> {
    match text {
        "" => Err("a prefix must not be empty; write `/` for everything".to_owned()),
        "/" => Ok(Prefix::all()),
        text => Prefix::parse(text.strip_suffix('/').unwrap_or(text)).map_err(|bad| bad.to_string()),
    }
}

/// The same back as text.
pub fn prefix_text(prefix: &Prefix) -> String {
    if prefix.as_str().is_empty() { "/".to_owned() } else { prefix.to_string() }
}

/// The text of a small file that only its owner can read or change.
fn read_private(path: &Path, max: u64) -> Result<String, TokenError> {
    use std::io::Read;
    let failed = |doing| move |cause| TokenError::Io { path: path.to_owned(), doing, cause };
    // Looked at before it is opened: opening a pipe would wait for a writer.
    let metadata = fs::metadata(path).map_err(|cause| match cause.kind() {
        io::ErrorKind::NotFound => TokenError::Missing(path.to_owned()),
        _ => failed("reading it")(cause),
    })?;
    check_private(path, &metadata, max)?;
    let file = fs::File::open(path).map_err(failed("opening it"))?;
    // And again: what was opened may be another file by now.
    check_private(path, &file.metadata().map_err(failed("reading it"))?, max)?;
    let mut text = String::with_capacity(usize::try_from(metadata.len()).unwrap_or(0) + 1);
    file.take(max).read_to_string(&mut text).map_err(|cause| match cause.kind() {
        io::ErrorKind::InvalidData => {
            TokenError::Malformed { path: path.to_owned(), reason: "is not UTF-8 text".to_owned() }
        }
        _ => failed("reading it")(cause),
    })?;
    Ok(text)
}

fn check_private(path: &Path, metadata: &fs::Metadata, max: u64) -> Result<(), TokenError> {
    if !metadata.is_file() {
        return Err(TokenError::NotAFile(path.to_owned()));
    }
    let mode = metadata.permissions().mode() & 0o7777;
    if mode & 0o077 != 0 {
        return Err(TokenError::Open { path: path.to_owned(), mode });
    }
    if metadata.len() > max {
        return Err(TokenError::TooLarge { path: path.to_owned(), got: metadata.len(), max });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_token_is_recognised_and_never_shown() {
        let token = Token::generate().unwrap();
        let text = token.expose().to_owned();
        assert_eq!((text.len(), text.starts_with("dlt_")), (68, true));
        assert_eq!(Token::parse(&text).unwrap().hash(), token.hash());
        assert_ne!(Token::generate().unwrap().hash(), token.hash());
        assert!(!format!("{token:?}").contains(text.trim_start_matches(START)));
        assert!(!token.hash().to_string().contains(text.trim_start_matches(START)));
        let (long, bare) = (text.replacen("dlt_", "dlt_0", 1), text.replacen("dlt_", "", 1));
        for bad in ["", "dlt_", &long, &format!("{text}0"), &text.to_uppercase(), &bare, &format!(" {text}")] {
            assert_eq!(Token::parse(bad).unwrap_err(), BadToken, "{bad}");
        }
    }

    /// Pinned: a file of tokens outlives the program that wrote it.
    #[test]
    fn the_hash_of_a_token_stays() {
        let token = Token::parse(&format!("dlt_{}", "5a".repeat(32))).unwrap();
        assert_eq!(token.hash().to_string(), PINNED);
    }

    const PINNED: &str = "04182b7c69515e05115213d0b6539d5309dca80a1e93b23eee6f2022cbd78b90";
}
