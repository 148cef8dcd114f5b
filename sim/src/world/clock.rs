//! One node's clock: true time, and the faults that act on it now. It steps when a fault ends, as after a correction.

use crate::plan::{Class, Fault};

/// True time at the beginning of every world, Unix milliseconds: 14 November 2023.
pub const START_MS: u64 = 1_700_000_000_000;

/// A clock.
#[derive(Debug, Default)]
pub struct Clock {
    acting: Vec<(usize, Fault, u64)>,
}

impl Clock {
    /// A fault begins to act.
    pub fn begin(&mut self, number: usize, fault: &Fault, world_ms: u64) {
        self.acting.push((number, fault.clone(), world_ms));
    }

    /// A fault no longer acts.
    pub fn end(&mut self, number: usize) {
        self.acting.retain(|(acting, ..)| *acting != number);
    }

    /// What it shows, Unix milliseconds.
    pub fn wall_ms(&self, world_ms: u64) -> u64 {
        let off = |(_, fault, begun_ms): &(usize, Fault, u64)| {
            let (amount, since) = (fault.amount as i64, (world_ms - begun_ms) as i64);
            // Every other amount goes the other way.
            let signed = if amount % 2 == 0 { amount } else { -amount };
            match fault.class {
                Class::ClockSkew | Class::ClockJump => signed,
                Class::ClockDrift => signed * since / 1_000,
                Class::ClockStop => -since,
                _ => 0,
            }
        };
        (START_MS + world_ms).saturating_add_signed(self.acting.iter().map(off).sum())
    }
}
