//! The terminal or the connection of `ssh` that a migrator was started from has gone.

use std::fs;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// Where the system says which signals this process ignores.
const STATUS: &str = "/proc/self/status";
/// What stands before their mask, in hexadecimal digits.
const IGNORED: &str = "SigIgn:";

/// Hears of it from now on; nothing where it is ignored, as `nohup` asks for.
pub(super) fn hangups() -> Option<Signal> {
    let bit = 1 << (SignalKind::hangup().as_raw_value() - 1);
    let is_ignored = fs::read_to_string(STATUS).is_ok_and(|status| ignored(&status) & bit != 0);
    if is_ignored { None } else { signal(SignalKind::hangup()).ok() }
}

/// Returns once it has gone; never where nobody hears of it.
pub(super) async fn hung_up(hangups: Option<Signal>) {
    match hangups {
        Some(mut hangups) => drop(hangups.recv().await),
        None => std::future::pending().await,
    }
}

fn ignored(status: &str) -> u64 {
    let mask = status.lines().find_map(|line| line.strip_prefix(IGNORED));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mask_of_ignored_signals_is_read() {
        assert_eq!(ignored("Name:\tx\nSigIgn:\t0000000000001001\nSigCgt:\t0\n"), 0x1001);
        assert_eq!(ignored("Name:\tx\n"), 0);
    }
}
