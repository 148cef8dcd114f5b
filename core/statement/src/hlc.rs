//! Hybrid logical time (Kulkarni et al., "Logical Physical Clocks", 2014): milliseconds and a counter in 64 bits.

use core::fmt;

/// A point in hybrid logical time: Unix milliseconds in the upper 48 bits, a counter in the lower 16.
/// Ordered as the number it is. It breaks ties between concurrent statements and never decides authority.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, serde::Serialize, serde::Deserialize)]
pub struct Hlc(pub u64);

impl Hlc {
    /// The first instant of a millisecond. Milliseconds beyond 48 bits saturate.
    pub fn from_millis(millis: u64) -> Self {
        Self(millis.min((1 << 48) - 1) << 16)
    }

    /// Unix milliseconds.
    pub fn millis(self) -> u64 {
        self.0 >> 16
    }

    /// The smallest time that is later than this one; `None` at the end of time.
    pub fn next(self) -> Option<Self> {
        self.0.checked_add(1).map(Self)
    }
}

impl fmt::Display for Hlc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.millis(), self.0 & 0xffff)
    }
}
