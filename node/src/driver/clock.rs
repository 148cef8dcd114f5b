//! The one place where the shell reads the time for core.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use driftless_core::machine::Now;
use tokio::time::Instant;

/// A clock for timers that never goes back, and the machine's own.
#[derive(Debug, Clone, Copy)]
pub struct Clock {
    start: Instant,
}

impl Clock {
    /// Begins at zero.
    pub fn start() -> Self {
        Self { start: Instant::now() }
    }

    /// Both clocks now.
    pub fn now(&self) -> Now {
        let wall = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Now { mono_ms: millis(self.start.elapsed()), wall_ms: millis(wall) }
    }

    /// When the timer clock shows this.
    pub fn instant(&self, mono_ms: u64) -> Instant {
        // A day ahead is as good as never, and cannot overflow.
        let latest_ms = millis(self.start.elapsed()).saturating_add(86_400_000);
        self.start + Duration::from_millis(mono_ms.min(latest_ms))
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
