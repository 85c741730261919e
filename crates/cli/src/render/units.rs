//! Numbers for people: decimal units, as disks and networks are sold.

use jiff::Timestamp;
use jiff::tz::TimeZone;

/// `1.2 GB`
#[expect(clippy::cast_precision_loss, reason = "three digits are shown")]
pub(crate) fn bytes(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["kB", "MB", "GB", "TB", "PB"];
    if bytes < 1_000 {
        return format!("{bytes} B");
    }
    let mut value = bytes as f64 / 1e3;
    let mut unit = 0;
    while value >= 999.5 && unit + 1 < UNITS.len() {
        value /= 1e3;
        unit += 1;
    }
    if value < 9.95 { format!("{value:.1} {}", UNITS[unit]) } else { format!("{value:.0} {}", UNITS[unit]) }
}

/// `1,234,567`
pub(crate) fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `0.42 s`, `12.3 s`, `3m 20s`, `2h 05m`
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "whole seconds are shown")]
pub(crate) fn seconds(seconds: f64) -> String {
    let whole = seconds.max(0.0).round() as u64;
    match whole {
        _ if seconds < 9.995 => format!("{:.2} s", seconds.max(0.0)),
        _ if seconds < 99.95 => format!("{seconds:.1} s"),
        0..3600 => format!("{}m {:02}s", whole / 60, whole % 60),
        _ => format!("{}h {:02}m", whole / 3600, whole % 3600 / 60),
    }
}

/// `85 MB/s`
#[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "three digits are shown")]
pub(crate) fn rate(moved: u64, seconds: f64) -> String {
    if seconds < 0.05 {
        return "-".into();
    }
    format!("{}/s", bytes((moved as f64 / seconds) as u64))
}

/// `2026-11-20 14:05:09 UTC`, in the zone of the machine
pub(crate) fn time(moment: Timestamp) -> String {
    moment.to_zoned(TimeZone::system()).strftime("%F %T %Z").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_well_at_every_size() {
        let shown: Vec<String> = [0, 999, 1_000, 9_950, 999_499, 999_500, 1_234_567_890].into_iter().map(bytes).collect();
        assert_eq!(shown, ["0 B", "999 B", "1.0 kB", "10 kB", "999 kB", "1.0 MB", "1.2 GB"]);
        assert_eq!([count(7), count(1234), count(1_234_567)], ["7", "1,234", "1,234,567"]);
        let shown: Vec<String> = [0.004, 9.99, 12.34, 100.0, 3_725.0].into_iter().map(seconds).collect();
        assert_eq!(shown, ["0.00 s", "9.99 s", "12.3 s", "1m 40s", "1h 02m"]);
    }
}
