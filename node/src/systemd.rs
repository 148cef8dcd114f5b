//! What systemd wants to hear, and how often. Without systemd every function does nothing.

use std::io;
use std::time::Duration;

use sd_notify::NotifyState;

/// The node serves reads from its disk.
pub fn ready() -> io::Result<()> {
    sd_notify::notify(&[NotifyState::Ready])
}

/// The node has begun to shut down.
pub fn stopping() -> io::Result<()> {
    sd_notify::notify(&[NotifyState::Stopping])
}

/// One line for `systemctl status`.
pub fn status(line: &str) -> io::Result<()> {
    // A newline would begin another assignment.
    let line: String = line.chars().filter(|c| !c.is_control()).collect();
    sd_notify::notify(&[NotifyState::Status(&line)])
}

/// The node lives. To be called by what would hang if the node hung, every [`watchdog_interval`].
pub fn alive() -> io::Result<()> {
    sd_notify::notify(&[NotifyState::Watchdog])
}

/// How often [`alive`] must be called: half of what the unit allows. `None` when nobody watches.
pub fn watchdog_interval() -> Option<Duration> {
    sd_notify::watchdog_enabled().map(|timeout| timeout / 2).filter(|interval| !interval.is_zero())
}
