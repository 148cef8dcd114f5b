//! The tokens in force: read from their file at the start, and again whenever it changed. While the file is broken, the
//! last good set holds, and says so. Comparisons take the same time whatever is compared.

use std::fmt;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use driftless_client::tokens::{self, Known, TokenError, TokenHash};
use nix::unistd::Uid;
use tokio::sync::watch;

use super::super::stamp::now_ms;
use super::permit::{Granted, Permit, Who};
use crate::metrics::Metrics;

/// How often the file is looked at. A look is one call to the system; a revoked token is refused that much later.
const LOOK: Duration = Duration::from_secs(1);
/// Longest wait for a token's end, after which the clock is asked again: it may have been set meanwhile.
const NAP: Duration = Duration::from_secs(30);

/// One token in force.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Held {
    hash: TokenHash,
    name: Arc<str>,
    expires_ms: u64,
    granted: Arc<Granted>,
}

impl From<Known> for Held {
    fn from(known: Known) -> Self {
        let granted = Arc::new(Granted::of([&known.rights]));
        Self { hash: known.hash, name: known.name.into(), expires_ms: known.expires_ms, granted }
    }
}

/// The tokens of one reading of the file.
#[derive(Debug, Default)]
struct Set(Vec<Held>);

impl Set {
    /// Compares with every token and never stops early.
    fn find(&self, hash: &TokenHash) -> Option<&Held> {
        self.0.iter().fold(None, |found, held| if held.hash == *hash { Some(held) } else { found })
    }
}

/// What is known of a token.
pub enum Found {
    /// It is in force.
    Good(Permit),
    /// It was, until a while ago.
    Expired,
    /// It is none of this node's.
    Unknown,
}

/// What a file looked like when it was read: another one in its place, or a change in it, looks otherwise.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Look(Option<[i64; 8]>);

impl Look {
    fn at(path: &Path) -> Self {
        let signed = |number: u64| i64::from_ne_bytes(number.to_ne_bytes());
        let seen = fs::metadata(path).ok();
        Self(seen.map(|seen| {
            let owner = u64::from(seen.uid()) << 32 | u64::from(seen.mode());
            let numbers = [seen.dev(), seen.ino(), seen.len(), owner].map(signed);
            let [dev, ino, len, owner] = numbers;
            [dev, ino, len, owner, seen.mtime(), seen.mtime_nsec(), seen.ctime(), seen.ctime_nsec()]
        }))
    }
}

/// The tokens in force and where they come from.
pub struct Tokens {
    path: PathBuf,
    set: watch::Sender<Arc<Set>>,
    seen: Mutex<(Look, Option<String>)>,
    metrics: Arc<Metrics>,
}

impl Tokens {
    /// Reads the file; a missing one holds none. When it is broken the node starts with none, and says so: a broken file
    /// must not take the configuration from those who need no token.
    pub fn open(path: &Path, metrics: Arc<Metrics>) -> Self {
        let seen = Mutex::new((Look(None), None));
        let tokens = Self { path: path.to_owned(), set: watch::Sender::new(Arc::default()), seen, metrics };
        tokens.look();
        tokens
    }

    /// Looks a token up by its hash.
    pub fn find(&self, hash: &TokenHash, now_ms: u64) -> Found {
        let set = self.set.borrow().clone();
        match set.find(hash) {
            Some(held) if held.expires_ms > now_ms => {
                let lease = Lease { held: held.clone(), set: self.set.subscribe() };
                Found::Good(Permit::leased(held.granted.clone(), Who::Token(held.name.clone()), lease))
            }
            Some(_) => Found::Expired,
            None => Found::Unknown,
        }
    }

    /// What is wrong with the file, if something is.
    pub fn complaint(&self) -> Option<String> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).1.clone()
    }

    /// Reads the file again if it changed.
    fn look(&self) {
        if self.path.as_os_str().is_empty() {
            return;
        }
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Look::at(&self.path);
        if now == seen.0 {
            return;
        }
        match read(&self.path) {
            Ok(set) => {
                tracing::info!(tokens = set.0.len(), path = %self.path.display(), "tokens read");
                self.set.send_replace(Arc::new(set));
                seen.1 = None;
            }
            Err(error) => {
                tracing::warn!(%error, "the file of tokens cannot be used; the last good set holds");
                seen.1 = Some(error.to_string());
            }
        }
        self.metrics.tokens_broken(seen.1.is_some());
        seen.0 = now;
    }

    /// Looks at the file again and again.
    pub async fn follow(self: &Arc<Self>) {
        if self.path.as_os_str().is_empty() {
            return std::future::pending().await;
        }
        loop {
            tokio::time::sleep(LOOK).await;
            let tokens = self.clone();
            // A file on a slow disk must not hold up answers.
            if tokio::task::spawn_blocking(move || tokens.look()).await.is_err() {
                tracing::error!("the file of tokens could not be looked at; revocations may come late");
            }
        }
    }
}

fn read(path: &Path) -> Result<Set, TokenError> {
    match tokens::load(path) {
        Ok(known) => {
            // Who else owns it may change it at any time, whatever its mode.
            let owner = fs::metadata(path).map_or(0, |seen| seen.uid());
            if owner != 0 && owner != Uid::effective().as_raw() {
                let reason = format!("belongs to user {owner}; it must be the node's own user's or root's");
                return Err(TokenError::Malformed { path: path.to_owned(), reason });
            }
            Ok(Set(known.into_iter().map(Held::from).collect()))
        }
        // To remove the file is to revoke all.
        Err(TokenError::Missing(_)) => Ok(Set::default()),
        Err(error) => Err(error),
    }
}

/// How long a token's permit holds: until it expires, is revoked, or may do something else.
#[derive(Clone)]
pub struct Lease {
    held: Held,
    set: watch::Receiver<Arc<Set>>,
}

impl fmt::Debug for Lease {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Lease({})", self.held.name)
    }
}

impl Lease {
    /// Whether it has ended.
    pub fn is_over(&self, now_ms: u64) -> bool {
        self.held.expires_ms <= now_ms || self.set.borrow().find(&self.held.hash) != Some(&self.held)
    }

    /// Waits for its end.
    pub async fn ended(&mut self) {
        loop {
            self.set.mark_unchanged();
            let now = now_ms();
            if self.is_over(now) {
                return;
            }
            let left = Duration::from_millis(self.held.expires_ms.saturating_sub(now));
            tokio::select! {
                changed = self.set.changed() => if changed.is_err() { return },
                () = tokio::time::sleep(left.min(NAP)) => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use driftless_client::tokens::{Rights, Token, update};

    use super::*;

    fn add(path: &Path, name: &str, expires_ms: u64) -> Token {
        let token = Token::generate().unwrap();
        let known =
            Known { name: name.to_owned(), hash: token.hash(), created_ms: 0, expires_ms, rights: Rights::all() };
        update::<_, TokenError>(path, |tokens| {
            tokens.push(known);
            Ok(())
        })
        .unwrap();
        token
    }

    fn word(tokens: &Tokens, token: &Token, now_ms: u64) -> &'static str {
        match tokens.find(&token.hash(), now_ms) {
            Found::Good(_) => "good",
            Found::Expired => "expired",
            Found::Unknown => "unknown",
        }
    }

    #[tokio::test]
    async fn the_file_is_read_when_it_changed_and_the_last_good_set_outlives_a_broken_one() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("tokens.json");
        let tokens = Tokens::open(&path, Arc::default());
        let token = add(&path, "one", 9_000);
        assert_eq!(word(&tokens, &token, 1_000), "unknown", "not looked at yet");
        tokens.look();
        assert_eq!((word(&tokens, &token, 8_000), word(&tokens, &token, 9_000)), ("good", "expired"));
        let Found::Good(permit) = tokens.find(&token.hash(), 8_000) else { panic!("it was good") };
        let lease = permit.lease().unwrap();
        assert!(!lease.is_over(8_000) && lease.is_over(9_000));
        fs::write(&path, "{\"tokens\": [").unwrap();
        tokens.look();
        assert_eq!(word(&tokens, &token, 8_000), "good");
        assert!(tokens.complaint().unwrap().contains("not JSON"));
        fs::write(&path, "{\"tokens\": []}").unwrap();
        tokens.look();
        assert_eq!((word(&tokens, &token, 8_000), tokens.complaint()), ("unknown", None));
        assert!(lease.is_over(8_000), "revoked");
        let token = add(&path, "two", 9_000);
        tokens.look();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        tokens.look();
        assert!(tokens.complaint().unwrap().contains("mode 0644"));
        assert_eq!(word(&tokens, &token, 8_000), "good", "what was read while it was private");
        fs::remove_file(&path).unwrap();
        tokens.look();
        assert_eq!((word(&tokens, &token, 8_000), tokens.complaint()), ("unknown", None));
    }

    #[tokio::test]
    async fn a_lease_ends_when_its_token_expires_or_goes() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("tokens.json");
        let tokens = Arc::new(Tokens::open(&path, Arc::default()));
        let (short, long) = (add(&path, "short", now_ms() + 2_000), add(&path, "long", now_ms() + 3_600_000));
        tokens.look();
        for (token, revoked) in [(short, false), (long, true)] {
            let Found::Good(permit) = tokens.find(&token.hash(), now_ms()) else { panic!("it was good") };
            let mut lease = permit.lease().unwrap().clone();
            assert!(tokio::time::timeout(Duration::from_millis(20), lease.ended()).await.is_err());
            if revoked {
                fs::remove_file(&path).unwrap();
                tokens.look();
            }
            tokio::time::timeout(Duration::from_secs(20), lease.ended()).await.unwrap();
        }
    }
}
