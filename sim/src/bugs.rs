//! Bugs to plant: each is one that such a system has had somewhere. They exist to prove that the checks can fail, and are
//! asked for only in builds with the feature `planted`. Where a bug of the shell acts, the world asks for it by name; the
//! bugs of the core sit in the core.

#[cfg(feature = "planted")]
use driftless_core::machine::Planted as InCore;

/// Bugs of the shell around a machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Bug {
    /// The store tells that a batch is on disk before it is.
    StoredBeforeSync,
    /// Views reach services a while after the answers that rely on them.
    ViewLate,
    /// An older view replaces a newer one.
    ViewOutOfOrder,
    /// How the node stands is never read again.
    StandingFrozen,
    /// A watcher is not woken for every second view.
    WakeLost,
    /// Two reads of one request see two views.
    TwoViews,
    /// Recovery forgets the end of the log.
    RecoveryForgets,
    /// The machine is not told that a link came up again.
    LinkUntold,
    /// Who joins late is not given what stands in the set and does not show: void, unfit or pending.
    JoinerUnderfed,
}

#[cfg(feature = "planted")]
impl Bug {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::StoredBeforeSync,
        Self::ViewLate,
        Self::ViewOutOfOrder,
        Self::StandingFrozen,
        Self::WakeLost,
        Self::TwoViews,
        Self::RecoveryForgets,
        Self::LinkUntold,
        Self::JoinerUnderfed,
    ];
}

/// A bug to plant, wherever it sits.
#[cfg(feature = "planted")]
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Planted {
    /// In the machine.
    Core(InCore),
    /// In the shell around it.
    Shell(Bug),
}

#[cfg(feature = "planted")]
impl Planted {
    /// All of them.
    pub fn all() -> impl Iterator<Item = Self> {
        InCore::ALL.map(Self::Core).into_iter().chain(Bug::ALL.map(Self::Shell))
    }

    /// The bug, if it sits in the machine.
    pub fn in_core(self) -> Option<InCore> {
        match self {
            Self::Core(bug) => Some(bug),
            Self::Shell(_) => None,
        }
    }

    /// The bug, if it sits in the shell.
    pub fn in_shell(self) -> Option<Bug> {
        match self {
            Self::Shell(bug) => Some(bug),
            Self::Core(_) => None,
        }
    }
}
