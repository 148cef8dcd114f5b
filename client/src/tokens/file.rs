//! The file of tokens that a node reads and `driftless token` writes: JSON, mode 0600, hashes only, written whole or not at
//! all. It must not know how a token is sent.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, fchown};
use std::path::Path;

use driftless_statement::Prefix;
use driftless_statement::id::parse_hex32;
use serde::{Deserialize, Serialize};

use super::{Known, MOST, MOST_PREFIXES, Rights, TokenError, TokenHash, read_private};
use crate::clock;

/// Far above a thousand tokens with a few prefixes each.
const LARGEST: u64 = 1 << 20;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    tokens: Vec<Row>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    name: String,
    hash: String,
    created: String,
    expires: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    read: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    write: Vec<String>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    observe: bool,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    submit: bool,
}

/// Reads a file of tokens: all of them, or why none.
pub fn load(path: &Path) -> Result<Vec<Known>, TokenError> {
    let text = read_private(path, LARGEST)?;
    parse(&text).map_err(|reason| TokenError::Malformed { path: path.to_owned(), reason })
}

fn parse(text: &str) -> Result<Vec<Known>, String> {
    let written: Written = serde_json::from_str(text).map_err(|error| {
        // What serde says may quote the file, and somebody may have put a token itself there.
        let what = match error.classify() {
            serde_json::error::Category::Data => "a field is missing, unknown, twice or of the wrong kind",
            _ => "not JSON",
        };
        format!("line {} column {}: {what}", error.line(), error.column())
    })?;
    if written.tokens.len() > MOST {
        return Err(format!("holds {} tokens, at most {MOST}; revoke those that expired", written.tokens.len()));
    }
    let mut known: Vec<Known> = Vec::new();
    for (place, row) in written.tokens.iter().enumerate() {
        let token = read_row(row).map_err(|what| format!("token {}: {what}", place + 1))?;
        if let Some(other) = known.iter().position(|other| other.name == token.name || other.hash == token.hash) {
            return Err(format!("token {}: has the name or the hash of token {}", place + 1, other + 1));
        }
        known.push(token);
    }
    Ok(known)
}

fn read_row(row: &Row) -> Result<Known, String> {
    super::check_name(&row.name)?;
    let hash = parse_hex32("a hash", &row.hash).map_err(|_| "hash: must be 64 lowercase hexadecimal digits")?;
    let time = |name: &str, text: &str| {
        clock::parse_rfc3339(text).ok_or_else(|| format!("{name}: must be a UTC time like 2026-11-26T13:00:00Z"))
    };
    let rights = Rights {
        read: prefixes("read", &row.read)?,
        write: prefixes("write", &row.write)?,
        observe: row.observe,
        submit: row.submit,
    };
    Ok(Known {
        name: row.name.clone(),
        hash: TokenHash(blake3::Hash::from(hash)),
        created_ms: time("created", &row.created)?,
        expires_ms: time("expires", &row.expires)?,
        rights,
    })
}

fn prefixes(name: &str, texts: &[String]) -> Result<Vec<Prefix>, String> {
    if texts.len() > MOST_PREFIXES {
        return Err(format!("{name}: at most {MOST_PREFIXES} prefixes"));
    }
    texts.iter().map(|text| super::prefix(text).map_err(|bad| format!("{name}: {bad}"))).collect()
}

fn write_row(token: &Known) -> Row {
    let texts = |prefixes: &[Prefix]| prefixes.iter().map(super::prefix_text).collect();
    Row {
        name: token.name.clone(),
        hash: token.hash.to_string(),
        created: clock::rfc3339(token.created_ms),
        expires: clock::rfc3339(token.expires_ms),
        read: texts(&token.rights.read),
        write: texts(&token.rights.write),
        observe: token.rights.observe,
        submit: token.rights.submit,
    }
}

/// Changes a file of tokens; a missing one is made. Two changes at once follow one another. When the change is refused,
/// or anything fails, the file is as it was.
pub fn update<T, E: From<TokenError>>(
    path: &Path,
    change: impl FnOnce(&mut Vec<Known>) -> Result<T, E>,
) -> Result<T, E> {
    let failed = |doing| move |cause| TokenError::Io { path: path.to_owned(), doing, cause };
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let held = File::open(directory).map_err(failed("opening its directory"))?;
    // Held until the end; the system lets go of it when this process dies.
    held.lock().map_err(failed("locking its directory"))?;
    let mut tokens = match load(path) {
        Err(TokenError::Missing(_)) => Vec::new(),
        other => other?,
    };
    let done = change(&mut tokens)?;
    let written = Written { tokens: tokens.iter().map(write_row).collect() };
    let mut text = serde_json::to_string_pretty(&written).map_err(|error| failed("writing it")(error.into()))?;
    text.push('\n');
    replace(path, directory, text.as_bytes()).map_err(failed("writing it"))?;
    held.sync_all().map_err(failed("syncing its directory"))?;
    Ok(done)
}

/// Puts a new file in the place of the old one. It belongs to whom the old one belonged to, or else the directory: the
/// node has to read what root wrote.
fn replace(path: &Path, directory: &Path, bytes: &[u8]) -> io::Result<()> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let partial = directory.join(format!(".{name}.{}.partial", std::process::id()));
    let write = || {
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&partial)?;
        let wanted = fs::metadata(path).or_else(|_| fs::metadata(directory))?;
        let now = file.metadata()?;
        if (now.uid(), now.gid()) != (wanted.uid(), wanted.gid()) {
            fchown(&file, Some(wanted.uid()), Some(wanted.gid()))?;
        }
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&partial, path)
    };
    write().inspect_err(|_| {
        // It may never have been made.
        let _ = fs::remove_file(&partial);
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::os::unix::fs::PermissionsExt;

    use super::super::Token;
    use super::*;

    fn known(name: &str) -> (Token, Known) {
        let token = Token::generate().unwrap();
        let rights = Rights { read: vec![Prefix::all()], submit: true, ..Rights::default() };
        let known = Known { name: name.to_owned(), hash: token.hash(), created_ms: 1_000, expires_ms: 9_000, rights };
        (token, known)
    }

    fn add(path: &Path, token: &Known) {
        update::<_, TokenError>(path, |tokens| {
            tokens.push(token.clone());
            Ok(())
        })
        .unwrap();
    }

    #[test]
    fn tokens_come_back_and_only_their_hashes_are_on_disk() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("tokens.json");
        assert!(matches!(load(&path), Err(TokenError::Missing(_))));
        let ((one, first), (_, second)) = (known("one"), known("two"));
        add(&path, &first);
        add(&path, &second);
        assert_eq!(load(&path).unwrap(), [first, second.clone()]);
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o7777, 0o600);
        let text = fs::read_to_string(&path).unwrap();
        assert!(!text.contains(one.expose()) && !text.contains(one.expose().trim_start_matches("dlt_")));
        update::<_, TokenError>(&path, |tokens| {
            tokens.remove(0);
            Ok(())
        })
        .unwrap();
        assert_eq!(load(&path).unwrap(), [second]);
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1, "nothing else is left behind");
    }

    #[test]
    fn a_refused_change_leaves_the_file_as_it_was() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("tokens.json");
        add(&path, &known("one").1);
        let before = fs::read(&path).unwrap();
        let refused = update::<(), _>(&path, |tokens| {
            tokens.clear();
            Err(TokenError::NotAFile("no".into()))
        });
        assert!(refused.is_err());
        assert_eq!(fs::read(&path).unwrap(), before);
    }

    /// Many at once: none is lost.
    #[test]
    fn changes_at_once_follow_one_another() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("tokens.json");
        std::thread::scope(|scope| {
            for number in 0..8 {
                let path = &path;
                scope.spawn(move || add(path, &known(&format!("t{number}")).1));
            }
        });
        assert_eq!(load(&path).unwrap().len(), 8);
    }
}
