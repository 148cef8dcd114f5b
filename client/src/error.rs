//! Why a call to a node did not give what was asked for. It must not know how the command line words or counts it.

use std::time::Duration;

use crate::api::Problem;

/// Why a call failed.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ClientError {
    /// No connection, or it broke before the whole answer came. A write may have happened or not: it is safe to send a
    /// signed statement again; read first before a write that the node signs is repeated.
    #[error("no answer from the node at {endpoint}: {reason}")]
    Unreachable {
        /// Where.
        endpoint: String,
        /// What the system said.
        reason: String,
    },
    /// The answer did not come in time. A write may have happened or not, as above.
    #[error("the node at {endpoint} did not answer within {}", crate::clock::span(*after))]
    Timeout {
        /// Where.
        endpoint: String,
        /// How long was waited.
        after: Duration,
    },
    /// The node answered with a problem. Nothing was changed, except where the problem's kind says otherwise.
    #[error("{}", .0.detail)]
    Problem(Box<Problem>),
    /// The answer is not what this version of the client understands. A write may have happened.
    #[error("the answer of the node at {endpoint} is not understood: {reason}; do client and node differ in version?")]
    Answer {
        /// Where.
        endpoint: String,
        /// What is wrong with it.
        reason: String,
    },
    /// What was to be sent cannot be sent. Nothing was sent.
    #[error("cannot ask that of a node: {0}")]
    Request(String),
}

/// Problem kinds begin with this.
pub const PROBLEM: &str = "urn:driftless:problem:";

impl ClientError {
    /// The problem that the node answered with.
    pub fn problem(&self) -> Option<&Problem> {
        match self {
            Self::Problem(problem) => Some(problem),
            Self::Unreachable { .. } | Self::Timeout { .. } | Self::Answer { .. } | Self::Request(_) => None,
        }
    }

    /// The stable word of the problem's kind.
    pub fn word(&self) -> Option<&str> {
        self.problem().map(|problem| problem.kind.strip_prefix(PROBLEM).unwrap_or(&problem.kind))
    }

    /// Whether the node says that there is no such thing.
    pub fn is_not_found(&self) -> bool {
        self.problem().is_some_and(|problem| problem.status == 404)
    }

    /// Whether a precondition (`If-Match`, `If-None-Match`) did not hold.
    pub fn is_precondition(&self) -> bool {
        self.problem().is_some_and(|problem| problem.status == 412)
    }

    /// Whether the same call may well succeed later with nothing changed by the caller.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Unreachable { .. } | Self::Timeout { .. } => true,
            Self::Problem(problem) => matches!(problem.status, 429 | 500..=599),
            Self::Answer { .. } | Self::Request(_) => false,
        }
    }
}
