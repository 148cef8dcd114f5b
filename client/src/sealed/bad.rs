//! Why a value is no sealed value. Says which field, the limit and the fix, and nothing of what is sealed.

use super::{ARMORED_BYTES, BadRecipient, MEMBER, RECIPIENTS};

/// Why a value is no sealed value. Nothing was opened or changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadSealed {
    /// It has no member `@sealed`: an ordinary value.
    #[error("is not a sealed value: a sealed value is an object with the one member `{MEMBER}`")]
    NotSealed,
    /// There is something beside `@sealed`.
    #[error("has members beside `{MEMBER}`; a sealed value is put whole, set it again with `driftless secret set`")]
    Beside,
    /// A field is not an object.
    #[error("field `{0}` must be an object")]
    NotAnObject(&'static str),
    /// A field is not text.
    #[error("field `{0}` must hold text")]
    NotText(&'static str),
    /// A field is not there.
    #[error("field `{0}` is missing")]
    Missing(&'static str),
    /// A field that nobody knows.
    #[error("field {0:?} is unknown; known are age, group, recipients, known_to")]
    Unknown(String),
    /// The age file is too large.
    #[error("field `age` has {got} bytes, at most {ARMORED_BYTES}; seal a smaller secret")]
    TooLong {
        /// Its size.
        got: usize,
    },
    /// The age file is not armored.
    #[error("field `age` must be an armored age file, as `age -a` writes it")]
    NotArmored,
    /// A name of a group or of a recipient is not one.
    #[error("field `{field}`: a name {bad}")]
    Name {
        /// Where.
        field: &'static str,
        /// What is wrong with it.
        bad: String,
    },
    /// A recipient is not one.
    #[error("field `{field}`: {name}: {bad}")]
    Recipient {
        /// Where.
        field: &'static str,
        /// Whose.
        name: String,
        /// What is wrong with it.
        bad: BadRecipient,
    },
    /// Too many.
    #[error("field `{field}` names {got}, at most {RECIPIENTS}; seal to fewer, or rotate the secret")]
    TooMany {
        /// Where.
        field: &'static str,
        /// How many.
        got: usize,
    },
    /// It is sealed to nobody.
    #[error("field `recipients` is empty; a value is sealed to at least one")]
    NoRecipients,
}
