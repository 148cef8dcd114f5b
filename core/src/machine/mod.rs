//! The dispatcher: events in, effects out, one deadline. It decides nothing itself; each room decides for its part.

mod effect;
mod event;
mod outcome;

pub use effect::{Effect, Topic, Verdict};
pub use event::{CallId, Event};
pub use outcome::{
    ChangeReach, Conflicted, Explained, Fate, GrantTold, LocalChange, LocalEdit, MergedAnswer, Precondition, Receipt,
    ScopeState, Standing, StatusTold, SubmitOutcome, Told, WriteOutcome, WriteRefused,
};
