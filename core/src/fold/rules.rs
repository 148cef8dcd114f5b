//! What a write must keep in an entry: the limits, and the schemas over it; in an entry where schemas lie, to leave one.
//! It weighs one statement in one entry; verdicts over several entries are the scope's.

use std::sync::Arc;

use driftless_statement::schema::{self, Rule};
use driftless_statement::{Hlc, Path};

use super::entry::{Entry, Weighed};
use super::fate::{Breach, Limits};
use super::govern::Governance;

/// What the writes of one scope must keep.
#[derive(Debug, Clone, Default)]
pub(super) struct Rules {
    pub limits: Limits,
    pub governance: Governance,
}

impl Rules {
    /// What the weighed statement would break. The merged value is made only where it is needed: near a limit, where some
    /// schema holds, and where schemas lie.
    pub(super) fn breach(&self, entry: &mut Entry, weighed: &mut Weighed, path: &Path, hlc: Hlc) -> Option<Breach> {
        let limit = entry.test(weighed, &self.limits);
        if limit.is_some() || !self.reads(path, hlc) {
            return limit;
        }
        match entry.trial(weighed) {
            Err(_) => Some(Breach::Engine),
            // A deleted entry keeps every rule.
            Ok(None) => None,
            Ok(Some(tree)) if schema::is_place(path) => match Rule::read(path, &tree.to_value()) {
                Ok(rule) => {
                    weighed.rule = Some(Arc::new(rule));
                    None
                }
                Err(bad) => Some(Breach::NotASchema { bad }),
            },
            Ok(Some(tree)) => self.governance.breach(path, hlc, &tree.to_value()),
        }
    }

    /// Whether the value of an entry has anything to keep besides limits.
    fn reads(&self, path: &Path, hlc: Hlc) -> bool {
        schema::is_place(path) || (!self.governance.is_empty() && self.governance.at(path, hlc).next().is_some())
    }
}
