//! The node's identity and what it opens. Nothing here is logged, counted or written; no error says anything of a secret.

use std::path::Path;

use driftless_client::keys::KeyError;
use driftless_client::sealed::{BadSealed, Group, Identity, IdentityError, MEMBER, OpenError, Recipient, Sealed};
use driftless_statement::{PublicKey, json};
use tracing::{info, warn};
use zeroize::Zeroizing;

use super::census::State;

/// Why a value was not opened. Says nothing of what is sealed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unopened {
    /// It is an ordinary value.
    #[error("it is not a sealed value")]
    NotSealed,
    /// It was meant to be a sealed value and is none.
    #[error("the value is not well sealed: {0}; set it again with `driftless secret set`")]
    Bad(#[from] BadSealed),
    /// It is sealed, and not opened by this node's identity.
    #[error("{0}")]
    Shut(#[from] OpenError),
}

/// Holds the node's identity in memory that is not swapped out, where the system allows that.
pub struct Keeper {
    identities: Box<[Identity]>,
    recipients: Vec<Recipient>,
    locked: Option<region::LockGuard>,
}

impl Keeper {
    /// Reads the identity's file; the first start makes one.
    pub fn start(path: &Path) -> Result<Self, IdentityError> {
        let identities = match Identity::load(path) {
            Err(IdentityError::Missing(_)) => make(path)?,
            loaded => loaded?,
        };
        let keeper = Self::new(identities);
        info!(recipient = %keeper.recipient(), file = %path.display(), "this node opens what is sealed to its recipient");
        if keeper.locked.is_none() {
            warn!(
                "the system does not let this node lock its identity in memory: it may be swapped out; raise LimitMEMLOCK"
            );
        }
        Ok(keeper)
    }

    /// Of identities that are in memory already. The first one's recipient is the node's.
    pub fn new(identities: Vec<Identity>) -> Self {
        let identities = identities.into_boxed_slice();
        let recipients = identities.iter().map(Identity::recipient).collect();
        let locked = region::lock(identities.as_ptr(), size_of_val::<[Identity]>(&identities)).ok();
        Self { identities, recipients, locked }
    }

    /// Whom others seal to, when this node shall open it. No secret.
    pub fn recipient(&self) -> &str {
        self.recipients.first().map_or("", Recipient::as_str)
    }

    /// Whether a group names a node, which is this one, with a recipient whose identity is not here: its file was lost or
    /// replaced.
    pub(super) fn has_lost(&self, group: &Group, node: &PublicKey) -> bool {
        let mut own = group.0.values().filter(|member| member.node.as_ref() == Some(node));
        own.any(|member| !self.recipients.contains(&member.recipient))
    }

    /// Opens an entry's value, given as JSON.
    pub fn open(&self, text: &str) -> Result<Zeroizing<Vec<u8>>, Unopened> {
        Ok(read(text)?.open(&self.identities)?)
    }

    /// Whether a sealed value is for this node, and opens. What a trial opens is wiped at once.
    pub(super) fn judge(&self, sealed: &Sealed) -> State {
        if !sealed.recipients().values().any(|recipient| self.recipients.contains(recipient)) {
            return State::NotForThisNode;
        }
        if sealed.open(&self.identities).is_ok() { State::Openable } else { State::Unopenable }
    }
}

/// Makes the identity of a node that starts for the first time. A file that comes into being meanwhile is another process's,
/// and kept.
fn make(path: &Path) -> Result<Vec<Identity>, IdentityError> {
    let identity = Identity::generate();
    match identity.save(path) {
        Err(IdentityError::File(KeyError::Exists(_))) => Identity::load(path),
        saved => saved.map(|()| vec![identity]),
    }
}

/// Whether a value, as compact JSON, means to be a sealed one: nothing that the canonical form puts before `@sealed` may
/// stand beside it.
pub(super) fn is_meant(text: &str) -> bool {
    let rest = text.strip_prefix("{\"").and_then(|rest| rest.strip_prefix(MEMBER));
    rest.is_some_and(|rest| rest.starts_with("\":"))
}

/// A sealed value out of an entry's JSON.
pub(super) fn read(text: &str) -> Result<Sealed, Unopened> {
    if !is_meant(text) {
        return Err(Unopened::NotSealed);
    }
    let value = json::parse(text.as_bytes()).map_err(|_| Unopened::NotSealed)?;
    Ok(Sealed::parse(&value)?)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use driftless_client::sealed::{Recipients, seal};

    use super::*;

    fn sealed_to(identity: &Identity, secret: &[u8]) -> String {
        let recipients = Recipients::from([("a".to_owned(), identity.recipient())]);
        json::to_string(&seal(secret, "web", recipients, Recipients::new()).unwrap().to_value())
    }

    #[test]
    fn the_first_start_makes_an_identity_that_later_ones_find() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("secrets.key");
        let first = Keeper::start(&path).unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert!(first.recipient().starts_with("age1") && text.contains(first.recipient()), "as age-keygen writes it");
        assert!(text.lines().any(|line| line.starts_with("AGE-SECRET-KEY-1")));
        assert_eq!(Keeper::start(&path).unwrap().recipient(), first.recipient());
        assert_eq!(std::fs::read_to_string(&path).unwrap(), text, "never overwritten");
    }

    #[test]
    fn a_file_that_is_open_to_others_or_damaged_is_refused_and_kept() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("secrets.key");
        Keeper::start(&path).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
        let error = Keeper::start(&path).err().unwrap().to_string();
        assert!(error.contains("secrets.key") && error.contains("chmod 600"), "{error}");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        let secret = text.lines().find(|line| line.starts_with("AGE-")).unwrap().to_owned();
        let cut = text.replace(&secret, secret.get(..40).unwrap());
        for bad in [String::new(), cut, format!("{text}more\n")] {
            std::fs::write(&path, &bad).unwrap();
            let error = Keeper::start(&path).err().unwrap().to_string();
            assert!(error.contains("AGE-SECRET-KEY-1…"), "{error}");
            assert!(!error.contains(secret.get(16..40).unwrap()), "an error tells of the secret");
            assert_eq!(std::fs::read_to_string(&path).unwrap(), bad, "never overwritten");
        }
    }

    #[test]
    fn what_is_sealed_to_the_node_opens_and_all_else_says_why_not() {
        let identity = Identity::generate();
        let text = sealed_to(&identity, b"hunter2");
        let keeper = Keeper::new(vec![identity]);
        assert_eq!(keeper.open(&text).unwrap().as_slice(), b"hunter2");
        for plain in ["1", "{}", "\"@sealed\"", "{\"@sealedly\":1}", "[{\"@sealed\":{}}]"] {
            assert_eq!(keeper.open(plain).unwrap_err(), Unopened::NotSealed, "{plain}");
        }
        for bad in ["{\"@sealed\":1}", "{\"@sealed\":{}}", &text.replacen("{\"@sealed\"", "{\"@sealed\":1,\"z\"", 1)] {
            assert!(matches!(keeper.open(bad).unwrap_err(), Unopened::Bad(_)), "{bad}");
        }
        let stranger = Keeper::new(vec![Identity::generate()]);
        assert!(matches!(stranger.open(&text), Err(Unopened::Shut(OpenError::NotARecipient { .. }))));
        let at = text.find("FILE-----\\n").unwrap() + 60;
        let other = if text.as_bytes()[at] == b'A' { "B" } else { "A" };
        let mut damaged = text.clone();
        damaged.replace_range(at..=at, other);
        let error = keeper.open(&damaged).unwrap_err();
        assert!(matches!(error, Unopened::Shut(_)) && !error.to_string().contains("hunter"), "{error}");
    }
}
