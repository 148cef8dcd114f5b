//! Keeps the memory of this process to itself: no core file, and no look into it by other processes of its user.

use nix::sys::prctl;
use nix::sys::resource::{Resource, getrlimit, setrlimit};

/// Forbids dumps of this process. Gives back what the system did not allow, in words.
pub fn keep_to_itself() -> Vec<String> {
    let mut refused = Vec::new();
    if let Err(error) = prctl::set_dumpable(false) {
        refused.push(format!("the process stays dumpable: {error}"));
    }
    // A service manager may have done it, and forbidden the call.
    let done = getrlimit(Resource::RLIMIT_CORE).is_ok_and(|(soft, hard)| soft == 0 && hard == 0);
    if !done && let Err(error) = setrlimit(Resource::RLIMIT_CORE, 0, 0) {
        refused.push(format!("the limit of core files stays: {error}; set LimitCORE=0"));
    }
    refused
}
