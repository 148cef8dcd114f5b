//! Time as the shell hands it in: never read here.

/// One instant on two clocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Now {
    /// Milliseconds on a clock that never goes back; for timers.
    pub mono_ms: u64,
    /// Unix milliseconds on the machine's clock, which may jump; for hybrid time and the time floor.
    pub wall_ms: u64,
}
