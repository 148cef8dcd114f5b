//! What one caller may do, parsed once and asked many times. Pure.

use std::fmt;
use std::sync::{Arc, LazyLock};

use driftless_client::tokens::Rights;
use driftless_statement::{Body, Path, Prefix, Scope, Statement};

use super::tokens::Lease;

/// Who calls, for the log of this node. Never the token itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Who {
    /// A user of this machine, by number.
    User(u32),
    /// A connection to the Unix socket whose user the system did not tell.
    Unknown,
    /// Somebody on this machine, over TCP.
    Tcp,
    /// Whoever has the token of this name.
    Token(Arc<str>),
}

impl fmt::Display for Who {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::User(uid) => write!(f, "user {uid}"),
            Self::Unknown => f.write_str("an unknown user"),
            Self::Tcp => f.write_str("a caller over TCP without a token"),
            Self::Token(name) => write!(f, "token {name}"),
        }
    }
}

/// Rights in the form in which they are asked.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Granted {
    /// Some role or token stands behind it, be it one without rights.
    known: bool,
    /// What may be read, by reading or by writing it.
    read: Vec<Prefix>,
    write: Vec<Prefix>,
    /// What may be opened of what is sealed.
    open: Vec<Prefix>,
    observe: bool,
    submit: bool,
    /// All but opening, which is asked for by itself.
    everything: bool,
}

impl Granted {
    /// What several roles allow together.
    pub fn of<'a>(rights: impl IntoIterator<Item = &'a Rights>) -> Self {
        let mut granted = Self::default();
        for one in rights {
            granted.known = true;
            granted.read.extend(one.read.iter().chain(&one.write).cloned());
            granted.write.extend(one.write.iter().cloned());
            granted.observe |= one.observe;
            granted.submit |= one.submit;
        }
        granted.read = least(granted.read);
        granted.write = least(granted.write);
        let all = [Prefix::all()];
        granted.everything = granted.read == all && granted.write == all && granted.observe && granted.submit;
        granted
    }

    /// The same, and to open secrets under these prefixes.
    #[must_use]
    pub fn opening<'a>(mut self, prefixes: impl IntoIterator<Item = &'a Prefix>) -> Self {
        self.open = least(prefixes.into_iter().cloned().collect());
        self
    }
}

/// The same prefixes without those that another one contains, in order.
fn least(mut prefixes: Vec<Prefix>) -> Vec<Prefix> {
    prefixes.sort();
    prefixes.dedup();
    let all = prefixes.clone();
    prefixes.retain(|one| !all.iter().any(|other| other != one && other.contains(one)));
    prefixes
}

/// Whether one of the prefixes covers a text that should be a path. One that is none is covered at most by its first
/// characters, and found nowhere.
fn covered(prefixes: &[Prefix], path: &str) -> bool {
    prefixes.iter().map(Prefix::as_str).any(|prefix| {
        prefix.is_empty() || path.strip_prefix(prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    })
}

/// What one caller may do.
#[derive(Debug, Clone)]
pub struct Permit {
    granted: Arc<Granted>,
    who: Who,
    lease: Option<Lease>,
}

impl Permit {
    /// A permit of what was granted.
    pub fn new(granted: Arc<Granted>, who: Who) -> Self {
        Self { granted, who, lease: None }
    }

    /// A permit of a token, which may end.
    pub fn leased(granted: Arc<Granted>, who: Who, lease: Lease) -> Self {
        Self { granted, who, lease: Some(lease) }
    }

    /// A permit of everything, secrets too.
    pub fn everything(who: Who) -> Self {
        static ALL: LazyLock<Arc<Granted>> =
            LazyLock::new(|| Arc::new(Granted::of([&Rights::all()]).opening([&Prefix::all()])));
        Self::new(ALL.clone(), who)
    }

    /// A permit of nothing.
    pub fn nothing(who: Who) -> Self {
        Self::new(Arc::default(), who)
    }

    /// Who holds it.
    pub fn who(&self) -> &Who {
        &self.who
    }

    /// What may end it.
    pub fn lease(&self) -> Option<&Lease> {
        self.lease.as_ref()
    }

    /// Whether nothing is kept from the caller but, it may be, secrets.
    pub fn is_whole(&self) -> bool {
        self.granted.everything
    }

    /// Whether some role or token stands behind it.
    pub fn is_known(&self) -> bool {
        self.granted.known
    }

    /// Whether the caller may ask how the node is.
    pub fn observes(&self) -> bool {
        self.granted.observe
    }

    /// Whether the caller may hand in statements signed elsewhere.
    pub fn submits(&self) -> bool {
        self.granted.submit
    }

    /// Whether the caller may read anything at all.
    pub fn reads_something(&self) -> bool {
        !self.granted.read.is_empty()
    }

    /// Whether a path may be read, given as it stands in a request.
    pub fn reads_text(&self, path: &str) -> bool {
        covered(&self.granted.read, path)
    }

    /// Whether a path may be written, given as it stands in a request.
    pub fn writes_text(&self, path: &str) -> bool {
        covered(&self.granted.write, path)
    }

    /// Whether a secret may be opened, its path given as it stands in a request.
    pub fn opens_text(&self, path: &str) -> bool {
        covered(&self.granted.open, path)
    }

    /// Whether an entry may be read.
    pub fn reads(&self, path: &Path) -> bool {
        self.reads_text(path.as_str())
    }

    /// Whether all of a scope may be read.
    pub fn reads_scope(&self, scope: &Scope) -> bool {
        self.reads_text(scope.as_str())
    }

    /// The scopes of which all may be read; `None`: every one.
    pub fn scopes_read(&self) -> Option<Vec<Scope>> {
        let all = self.granted.read.iter().any(|read| *read == Prefix::all());
        (!all).then(|| self.granted.read.iter().filter_map(|read| Scope::parse(read.as_str()).ok()).collect())
    }

    /// Whether some part of what lies under a prefix may be read.
    pub fn reads_within(&self, prefix: &Prefix) -> bool {
        self.granted.read.iter().any(|read| read.overlaps(prefix))
    }

    /// The parts of a prefix that may be read, in order, none within another.
    pub fn parts(&self, prefix: &Prefix) -> Vec<Prefix> {
        if self.granted.read.iter().any(|read| read.contains(prefix)) {
            return vec![prefix.clone()];
        }
        self.granted.read.iter().filter(|read| prefix.contains(read)).cloned().collect()
    }

    /// Whether a statement may be told of: a write of which some entry may be read, or anything of a scope that may be read
    /// whole.
    pub fn tells(&self, statement: &Statement) -> bool {
        let touched = || statement.touches.iter().any(|touch| self.reads(&touch.path));
        self.reads_scope(&statement.scope) || (matches!(statement.body, Body::Write(_)) && touched())
    }

    /// Whether a statement may be told of whole, as its bytes are.
    pub fn tells_whole(&self, statement: &Statement) -> bool {
        self.tells(statement) && statement.touches.iter().all(|touch| self.reads(&touch.path))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn permit(read: &[&str], write: &[&str]) -> Permit {
        let list = |texts: &[&str]| texts.iter().map(|text| Prefix::parse(text).unwrap()).collect();
        let rights = Rights { read: list(read), write: list(write), ..Rights::default() };
        Permit::new(Arc::new(Granted::of([&rights])), Who::User(7))
    }

    #[test]
    fn prefixes_end_at_slashes() {
        let some = permit(&["shop/checkout", "platform"], &["shop/checkout/own"]);
        for (path, read, write) in [
            ("shop/checkout", true, false),
            ("shop/checkout/limits", true, false),
            ("shop/checkout/own", true, true),
            ("shop/checkout/own/a", true, true),
            ("shop/checkout/owner", true, false),
            ("shop/checkout-x", false, false),
            ("shop", false, false),
            ("shop/other", false, false),
            ("platform/a", true, false),
            ("platform-x/a", false, false),
            ("@mesh/a", false, false),
            ("", false, false),
            ("/shop/checkout", false, false),
            ("shop//checkout", false, false),
        ] {
            assert_eq!((some.reads_text(path), some.writes_text(path)), (read, write), "{path}");
        }
    }

    #[test]
    fn who_may_write_may_read_and_no_more() {
        let writer = permit(&[], &["shop/a"]);
        assert!(writer.reads_text("shop/a/b") && writer.reads_something() && !writer.reads_text("shop/b"));
        assert!(!writer.is_whole() && writer.is_known());
        let nobody = Permit::nothing(Who::Tcp);
        assert!(!nobody.is_known() && !nobody.reads_something() && !nobody.reads_within(&Prefix::all()));
    }

    #[test]
    fn the_parts_of_a_prefix_are_what_may_be_read_of_it() {
        let some = permit(&["shop/b", "shop/a", "shop/a/deep", "platform"], &[]);
        let parts =
            |text: &str| some.parts(&Prefix::parse(text).unwrap()).iter().map(ToString::to_string).collect::<Vec<_>>();
        assert_eq!(parts(""), ["platform", "shop/a", "shop/b"]);
        assert_eq!(parts("shop"), ["shop/a", "shop/b"]);
        assert_eq!(parts("shop/a/deep/er"), ["shop/a/deep/er"]);
        assert!(parts("shop/c").is_empty() && !some.reads_within(&Prefix::parse("shop/c").unwrap()));
        assert!(some.reads_within(&Prefix::all()));
    }

    #[test]
    fn several_roles_add_up_to_everything() {
        let read = Rights { read: vec![Prefix::all()], observe: true, ..Rights::default() };
        let write = Rights { write: vec![Prefix::all()], submit: true, ..Rights::default() };
        assert!(Granted::of([&read, &write]).everything);
        assert!(!Granted::of([&read]).everything && !Granted::of([&write]).everything);
        assert!(Permit::everything(Who::Unknown).is_whole());
        assert_eq!(Granted::of([]), Granted::default());
    }
}
