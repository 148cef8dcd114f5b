//! Paths, prefixes and scopes: an allow-list of characters, so that no two paths look alike and none walks upwards.

use core::fmt;
use core::str::FromStr;

use crate::limits;

/// The scope of trust and of operators' own data; every node holds it.
pub const MESH_SCOPE: &str = "@mesh";

/// Why a text is no path, prefix or scope. Nothing was changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadPath {
    /// The path has no segment at all.
    #[error("a path must have at least two segments, like `shop/limits`: the scope and a name in it")]
    TooShort,
    /// Longer than allowed.
    #[error("a path must have at most {max} bytes, got {got}", max = limits::PATH_BYTES)]
    TooLong {
        /// Bytes given.
        got: usize,
    },
    /// Deeper than allowed.
    #[error("a path must have at most {max} segments, got {got}", max = limits::PATH_SEGMENTS)]
    TooDeep {
        /// Segments given.
        got: usize,
    },
    /// Two slashes in a row, or one at an end.
    #[error("a path must not have an empty segment (check for a leading, trailing or doubled `/`)")]
    EmptySegment,
    /// A segment that walks: `.` or `..`.
    #[error("a path segment must not be `.` or `..`")]
    Dots,
    /// A character outside the allow-list.
    #[error("a path may only use A-Z a-z 0-9 . _ ~ @ - and `/` between segments, found {found:?}")]
    Character {
        /// The first such character.
        found: char,
    },
    /// A first segment that begins with `@` and is not `@mesh`.
    #[error("scopes beginning with `@` are reserved; only `@mesh` exists")]
    Reserved,
    /// A scope with a slash in it.
    #[error("a scope is one path segment, without `/`")]
    NotAScope,
}

impl BadPath {
    /// A stable code for problem types and metrics.
    pub fn word(&self) -> &'static str {
        match self {
            Self::TooShort => "path_too_short",
            Self::TooLong { .. } => "path_too_long",
            Self::TooDeep { .. } => "path_too_deep",
            Self::EmptySegment => "path_empty_segment",
            Self::Dots => "path_dots",
            Self::Character { .. } => "path_character",
            Self::Reserved => "path_reserved",
            Self::NotAScope => "not_a_scope",
        }
    }
}

fn check_segment(segment: &str) -> Result<(), BadPath> {
    if segment.is_empty() {
        return Err(BadPath::EmptySegment);
    }
    if segment == "." || segment == ".." {
        return Err(BadPath::Dots);
    }
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '~' | '@' | '-');
    match segment.chars().find(|c| !allowed(*c)) {
        Some(found) => Err(BadPath::Character { found }),
        None => Ok(()),
    }
}

fn check(text: &str) -> Result<usize, BadPath> {
    if text.len() > limits::PATH_BYTES {
        return Err(BadPath::TooLong { got: text.len() });
    }
    let segments = text.split('/').count();
    if segments > limits::PATH_SEGMENTS {
        return Err(BadPath::TooDeep { got: segments });
    }
    text.split('/').try_for_each(check_segment)?;
    match text.split('/').next() {
        Some(first) if first.starts_with('@') && first != MESH_SCOPE => Err(BadPath::Reserved),
        _ => Ok(segments),
    }
}

macro_rules! text_type {
    ($name:ident) => {
        impl $name {
            /// The text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl std::borrow::Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl FromStr for $name {
            type Err = BadPath;
            fn from_str(text: &str) -> Result<Self, BadPath> {
                Self::parse(text)
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
                Self::parse(&text).map_err(serde::de::Error::custom)
            }
        }
    };
}

/// Where an entry lies: `shop/checkout/limits`. The first segment is its scope.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Path(std::sync::Arc<str>);
text_type!(Path);

impl Path {
    /// Checks a text against the rules of paths.
    pub fn parse(text: &str) -> Result<Self, BadPath> {
        match check(text)? {
            0 | 1 => Err(BadPath::TooShort),
            _ => Ok(Self(text.into())),
        }
    }

    /// The scope that the entry belongs to.
    pub fn scope(&self) -> Scope {
        Scope(self.0.split('/').next().unwrap_or_default().into())
    }
}

/// The unit of partial replication and of one gossip topic: one path segment.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Scope(std::sync::Arc<str>);
text_type!(Scope);

impl Scope {
    /// Checks a text against the rules of scopes.
    pub fn parse(text: &str) -> Result<Self, BadPath> {
        match check(text)? {
            1 => Ok(Self(text.into())),
            _ => Err(BadPath::NotAScope),
        }
    }

    /// `@mesh`.
    pub fn mesh() -> Self {
        Self(MESH_SCOPE.into())
    }

    /// Whether this is `@mesh`.
    pub fn is_mesh(&self) -> bool {
        &*self.0 == MESH_SCOPE
    }
}

/// What a grant covers: every path (the empty prefix), or one path and all below it. `shop` covers `shop/a`, not `shopping/a`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Prefix(std::sync::Arc<str>);
text_type!(Prefix);

impl Prefix {
    /// Checks a text against the rules of prefixes; the empty text covers everything.
    pub fn parse(text: &str) -> Result<Self, BadPath> {
        if !text.is_empty() {
            check(text)?;
        }
        Ok(Self(text.into()))
    }

    /// The prefix that covers every path.
    pub fn all() -> Self {
        Self("".into())
    }

    fn covers_text(&self, text: &str) -> bool {
        self.0.is_empty() || text.strip_prefix(&*self.0).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }

    /// Whether a path lies under this prefix.
    pub fn covers(&self, path: &Path) -> bool {
        self.covers_text(path.as_str())
    }

    /// Whether every path under `other` lies under this prefix.
    pub fn contains(&self, other: &Prefix) -> bool {
        self.covers_text(other.as_str())
    }

    /// Whether some path may lie under both.
    pub fn overlaps(&self, other: &Prefix) -> bool {
        self.contains(other) || other.contains(self)
    }
}

impl From<&Path> for Prefix {
    fn from(path: &Path) -> Self {
        Self(path.0.clone())
    }
}

impl From<&Scope> for Prefix {
    fn from(scope: &Scope) -> Self {
        Self(scope.0.clone())
    }
}
