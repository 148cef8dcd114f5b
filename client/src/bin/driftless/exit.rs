//! How a command ends: exit codes and what is said on standard error. It must not know what was asked.

use std::path::PathBuf;

use driftless_client::error::ClientError;
use driftless_client::keys::KeyError;
use driftless_client::keys::passphrase::BadPassphrase;
use driftless_client::sealed::{IdentityError, OpenError, SealError};
use driftless_client::sign::SignError;
use driftless_client::tokens::TokenError;

/// Why a command did not do what was asked. The message says what to do about it.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// Something differs, or a condition is not met. The message may be empty: the data says it.
    #[error("{0}")]
    Differs(String),
    /// Wrong usage, or input that is not what it should be.
    #[error("{0}")]
    Usage(String),
    /// The node, or the mesh's rules, refused.
    #[error("{0}")]
    Refused(String),
    /// There is no such thing.
    #[error("{0}")]
    NotFound(String),
    /// The node cannot be reached, or its answer not understood.
    #[error("{0}")]
    Unreachable(String),
    /// It took too long.
    #[error("{0}")]
    OutOfTime(String),
    /// A local file cannot be read or written.
    #[error("{path}: {reason}", path = .path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// A key file cannot be used.
    #[error("{0}")]
    Key(#[from] KeyError),
    /// A passphrase cannot be used.
    #[error("{0}")]
    Passphrase(#[from] BadPassphrase),
    /// A token, or a file of tokens, cannot be used.
    #[error("{0}")]
    Token(#[from] TokenError),
    /// An identity file cannot be used.
    #[error("{0}")]
    Identity(#[from] IdentityError),
    /// Standard output was closed: whoever read it has enough.
    #[error("")]
    Closed,
}

impl Failure {
    /// The exit code, as documented in `docs/cli.md`.
    pub fn code(&self) -> u8 {
        match self {
            Self::Closed => 0,
            Self::Differs(_) => 1,
            Self::Usage(_) => 2,
            Self::Refused(_) => 3,
            Self::NotFound(_) => 4,
            Self::Unreachable(_) => 5,
            Self::OutOfTime(_) => 6,
            Self::File { .. } | Self::Key(_) | Self::Passphrase(_) | Self::Token(_) | Self::Identity(_) => 7,
        }
    }

    /// Trouble with a local file.
    pub fn file(path: impl Into<PathBuf>, reason: impl ToString) -> Self {
        Self::File { path: path.into(), reason: reason.to_string() }
    }
}

impl From<ClientError> for Failure {
    fn from(error: ClientError) -> Self {
        let text = error.to_string();
        match &error {
            ClientError::Unreachable { .. } => Self::Unreachable(format!(
                "{text}; is driftlessd running there? Choose another node with --endpoint or --context"
            )),
            ClientError::Timeout { .. } => Self::OutOfTime(format!("{text}; give it more with --timeout")),
            ClientError::Answer { .. } => Self::Unreachable(text),
            ClientError::Request(_) => Self::Usage(text),
            ClientError::Problem(_) if error.word() == Some("no_route") => Self::Unreachable(format!(
                "the node does not know this call: {text}; do client and node differ in version?"
            )),
            ClientError::Problem(problem) => match problem.status {
                401 => Self::Refused(format!("{text}; show one with --token-file, or use the node's Unix socket")),
                404 | 410 | 421 => Self::NotFound(with_holders(text, &problem.held_by)),
                412 => Self::Differs(text),
                400 | 413 | 414 | 415 | 422 => Self::Usage(text),
                500..=599 | 408 | 429 => Self::Unreachable(format!("the node cannot answer now: {text}")),
                _ => Self::Refused(text),
            },
        }
    }
}

fn with_holders(text: String, held_by: &[String]) -> String {
    if held_by.is_empty() { text } else { format!("{text} (held by {})", held_by.join(", ")) }
}

impl From<SignError> for Failure {
    fn from(error: SignError) -> Self {
        let text = error.to_string();
        match error {
            SignError::NoGrant { .. }
            | SignError::NotRoot { .. }
            | SignError::TooManyNamed { .. }
            | SignError::ClockBehind(_)
            | SignError::EndOfTime(_)
            | SignError::Schema { .. }
            | SignError::NotASchema { .. } => Self::Refused(text),
            SignError::Invalid(_) => Self::Usage(text),
            SignError::Tree { .. } => Self::Unreachable(text),
        }
    }
}

impl From<SealError> for Failure {
    fn from(error: SealError) -> Self {
        let text = error.to_string();
        match error {
            SealError::NoRecipients(_) | SealError::TooMany { .. } => Self::Refused(text),
            SealError::Group(_) | SealError::Name(_) | SealError::TooLarge { .. } => Self::Usage(text),
            SealError::Cipher(_) => Self::file("the system", text),
        }
    }
}

impl From<OpenError> for Failure {
    fn from(error: OpenError) -> Self {
        Self::Refused(error.to_string())
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        match error.kind() {
            std::io::ErrorKind::BrokenPipe => Self::Closed,
            _ => Self::file("standard output", error),
        }
    }
}
