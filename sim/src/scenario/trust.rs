//! What root keys and approvers do in a scenario, besides granting keys and striking them.

use serde::{Deserialize, Serialize};

use super::check::{BadScenario, bad};

/// Rotations, and writes that wait for approvals. None by default.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Trust {
    /// In how many seeds the root keys are rotated, in thousandths; in a third of them twice.
    pub rotated: u64,
    /// How often an author writes whose grant demands approvals, a minute; its approvers act as often.
    pub demanded_per_minute: f64,
}

impl Default for Trust {
    fn default() -> Self {
        Self { rotated: 0, demanded_per_minute: 0.0 }
    }
}

impl Trust {
    /// Whether any of it happens.
    pub fn is_on(&self) -> bool {
        *self != Self::default()
    }

    /// Whether none of it does.
    pub fn is_off(&self) -> bool {
        !self.is_on()
    }

    pub(super) fn check(&self) -> Result<(), BadScenario> {
        if self.rotated > 1_000 {
            return Err(bad("trust.rotated", format!("is {}; at most 1000 thousandths", self.rotated)));
        }
        if !(0.0..=600.0).contains(&self.demanded_per_minute) {
            return Err(bad("trust.demanded_per_minute", format!("is {}; from 0 to 600", self.demanded_per_minute)));
        }
        Ok(())
    }
}
