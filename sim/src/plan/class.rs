//! The classes of faults: one table that names each, says what it does and how long it lasts. It must not know how the
//! world carries them out.

use serde::{Deserialize, Serialize};

/// A class of faults.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Class {
    /// Messages between the sides are lost.
    Loss,
    /// Messages between the sides come twice.
    Duplicate,
    /// Messages between the sides overtake one another.
    Reorder,
    /// Messages between the sides take longer.
    Latency,
    /// The links between the sides carry few bytes.
    Bandwidth,
    /// No message crosses between the sides, in either direction.
    Partition,
    /// Some pairs across the sides cannot speak, others can.
    PartialPartition,
    /// Nothing goes from the nodes to the others; the way back is open, and links look alive.
    OneWay,
    /// The sides are cut and joined again every few seconds.
    Flapping,
    /// One node is cut off from all others.
    Isolation,
    /// Requests between the sides fail, gossip works.
    RequestsFail,
    /// Gossip between the sides is lost, requests work.
    GossipMute,
    /// Each event costs the node this much time.
    SlowNode,
    /// The node stands still, then goes on (SIGSTOP).
    Pause,
    /// The process dies; what was not synced is gone or not, as it happens.
    Crash,
    /// The process dies, and dies again while it starts.
    CrashInRecovery,
    /// Many nodes die at once and come back together.
    MassRestart,
    /// The disk refuses writes.
    DiskError,
    /// The disk is full until the fault ends.
    DiskFull,
    /// Each sync takes this much longer.
    SlowDisk,
    /// Syncs are acknowledged and not done; then the machine dies.
    LyingSync,
    /// The machine dies in the middle of a sync: of what was under way a part reached the disk.
    TornWrite,
    /// The node's clock is off by this much.
    ClockSkew,
    /// The node's clock runs too fast or too slow.
    ClockDrift,
    /// The node's clock jumps, and jumps back at the end.
    ClockJump,
    /// The node's clock stands still.
    ClockStop,
    /// A new member joins with an empty disk.
    Join,
    /// A node leaves in order and comes back later.
    Leave,
    /// A node's disk is gone: it comes back empty.
    DiskLoss,
    /// A node is put back to an old backup of its disk.
    Restore,
    /// The node's watchers read late.
    SlowWatchers,
    /// The node's watchers do not read until the fault ends.
    StuckWatchers,
    /// Many writes at once.
    Burst,
    /// Nobody writes.
    Idle,
    /// One entry is written on many nodes at once.
    HotEntry,
    /// Values over 16 KiB, which gossip announces by id only.
    LargeValues,
}

/// How one class behaves when a plan draws from it.
#[derive(Debug, Clone, Copy)]
pub struct Trait {
    /// The class.
    pub class: Class,
    /// Its name in scenarios and reports.
    pub name: &'static str,
    /// How often it begins, in a mesh, each hour, at the usual rate.
    pub an_hour: u64,
    /// How long it lasts, seconds: from, to.
    pub seconds: (u64, u64),
    /// How strong it is: from, to. What the number means is said where the world carries the class out.
    pub amount: (u64, u64),
    /// What the amount is, for pages.
    pub unit: &'static str,
}

const fn row(
    class: Class,
    name: &'static str,
    an_hour: u64,
    seconds: (u64, u64),
    amount: (u64, u64),
    unit: &'static str,
) -> Trait {
    Trait { class, name, an_hour, seconds, amount, unit }
}

/// All classes. Rates are guesses that let a run of ten minutes meet most classes it has switched on. Clocks jump by no
/// more than what is due everywhere before a run ends: a minute of allowed skew, and the time that healing may take.
pub const CLASSES: [Trait; 36] = [
    row(Class::Loss, "loss", 12, (10, 90), (20, 500), "‰ of messages"),
    row(Class::Duplicate, "duplicate", 12, (10, 90), (20, 500), "‰ of messages"),
    row(Class::Reorder, "reorder", 12, (10, 90), (50, 2_000), "ms of extra spread"),
    row(Class::Latency, "latency", 12, (10, 90), (50, 1_500), "ms"),
    row(Class::Bandwidth, "bandwidth", 8, (10, 60), (4, 64), "KiB a second and link"),
    row(Class::Partition, "partition", 12, (10, 120), (0, 0), ""),
    row(Class::PartialPartition, "partial-partition", 8, (10, 90), (200, 800), "‰ of pairs"),
    row(Class::OneWay, "one-way", 8, (10, 60), (0, 0), ""),
    row(Class::Flapping, "flapping", 8, (20, 90), (500, 8_000), "ms between changes"),
    row(Class::Isolation, "isolation", 12, (10, 120), (0, 0), ""),
    row(Class::RequestsFail, "requests-fail", 8, (10, 60), (200, 1_000), "‰ of requests"),
    row(Class::GossipMute, "gossip-mute", 8, (10, 60), (500, 1_000), "‰ of messages"),
    row(Class::SlowNode, "slow-node", 8, (10, 60), (1, 20), "ms an event"),
    row(Class::Pause, "pause", 8, (2, 30), (0, 0), ""),
    row(Class::Crash, "crash", 18, (1, 30), (0, 0), ""),
    row(Class::CrashInRecovery, "crash-in-recovery", 8, (1, 10), (1, 3), "deaths while starting"),
    row(Class::MassRestart, "mass-restart", 3, (1, 10), (0, 0), ""),
    row(Class::DiskError, "disk-error", 8, (1, 30), (0, 0), ""),
    row(Class::DiskFull, "disk-full", 8, (5, 60), (0, 0), ""),
    row(Class::SlowDisk, "slow-disk", 8, (10, 60), (20, 800), "ms a sync"),
    row(Class::LyingSync, "lying-sync", 4, (2, 20), (0, 0), ""),
    row(Class::TornWrite, "torn-write", 8, (1, 10), (0, 0), ""),
    row(Class::ClockSkew, "clock-skew", 8, (20, 120), (10, 20_000), "ms, every other one behind"),
    row(Class::ClockDrift, "clock-drift", 8, (20, 120), (1, 20), "ms a second, every other one slow"),
    row(Class::ClockJump, "clock-jump", 6, (5, 60), (1_000, 100_000), "ms, every other one back"),
    row(Class::ClockStop, "clock-stop", 4, (5, 30), (0, 0), ""),
    row(Class::Join, "join", 4, (0, 0), (0, 0), ""),
    row(Class::Leave, "leave", 8, (5, 90), (0, 0), ""),
    row(Class::DiskLoss, "disk-loss", 4, (5, 30), (0, 0), ""),
    row(Class::Restore, "restore", 4, (5, 30), (10, 180), "seconds of age"),
    row(Class::SlowWatchers, "slow-watchers", 8, (10, 60), (100, 5_000), "ms"),
    row(Class::StuckWatchers, "stuck-watchers", 6, (10, 120), (0, 0), ""),
    row(Class::Burst, "burst", 12, (1, 5), (20, 100), "writes a second"),
    row(Class::Idle, "idle", 6, (20, 60), (0, 0), ""),
    row(Class::HotEntry, "hot-entry", 8, (5, 30), (2, 8), "writes a second"),
    row(Class::LargeValues, "large-values", 6, (5, 30), (17, 60), "KiB a value"),
];

impl Class {
    /// Its row in the table.
    pub fn row(self) -> &'static Trait {
        CLASSES.iter().find(|row| row.class == self).unwrap_or(&CLASSES[0])
    }

    /// Whether something is wrong while it lasts: a busy or an idle mesh must be as equal as any other.
    pub fn disturbs(self) -> bool {
        !matches!(self, Self::Burst | Self::Idle | Self::HotEntry | Self::LargeValues)
    }

    /// Its name in scenarios and reports.
    pub fn name(self) -> &'static str {
        self.row().name
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_class_has_one_row_under_its_own_name() {
        let classes: BTreeSet<Class> = CLASSES.iter().map(|row| row.class).collect();
        assert_eq!(classes.len(), CLASSES.len());
        assert!(CLASSES.len() >= 24);
        for row in CLASSES {
            assert_eq!(serde_json::to_value(row.class).unwrap(), row.name);
        }
    }
}
