//! Wall time and how people read it: RFC 3339 and ages. Times that decide anything are hybrid times of statements.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Unix milliseconds now; 0 when the clock is before 1970.
pub fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// Unix milliseconds as RFC 3339 in UTC, to the second.
pub fn rfc3339(millis: u64) -> String {
    let seconds = millis / 1000;
    let (year, month, day) = civil(seconds / 86_400);
    let of_day = seconds % 86_400;
    format!("{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}Z", of_day / 3600, of_day % 3600 / 60, of_day % 60)
}

/// Unix milliseconds as `2026-11-21T01:23:45.678Z`. Times beyond the year 9999 read as its end.
pub fn rfc3339_millis(millis: u64) -> String {
    const END: u64 = 253_402_300_799_999;
    let millis = millis.min(END);
    let seconds = rfc3339(millis);
    format!("{}.{:03}Z", seconds.trim_end_matches('Z'), millis % 1000)
}

/// Days since 1970-01-01 as year, month and day (Howard Hinnant, "chrono-compatible low-level date algorithms").
fn civil(days: u64) -> (u64, u64, u64) {
    let shifted = days + 719_468;
    let era = shifted / 146_097;
    let of_era = shifted % 146_097;
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_index = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month_index + 2) / 5 + 1;
    let month = if month_index < 10 { month_index + 3 } else { month_index - 9 };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    (year, month, day)
}

/// Unix milliseconds of an RFC 3339 time in UTC, such as `2026-11-26T13:00:00Z`; parts of a second are read to the
/// millisecond. `None`: it is none, or in another zone.
pub fn parse_rfc3339(text: &str) -> Option<u64> {
    let (date, time) = text.strip_suffix('Z')?.split_once('T')?;
    let number = |text: &str, digits: usize| {
        let plain = text.len() == digits && text.bytes().all(|byte| byte.is_ascii_digit());
        plain.then(|| text.parse::<u64>().ok()).flatten()
    };
    let mut date = date.split('-');
    let (year, month, day) = (number(date.next()?, 4)?, number(date.next()?, 2)?, number(date.next()?, 2)?);
    let (clock, fraction) = time.split_once('.').unwrap_or((time, ""));
    let mut clock = clock.split(':');
    let (hour, minute, second) = (number(clock.next()?, 2)?, number(clock.next()?, 2)?, number(clock.next()?, 2)?);
    let bare = date.next().is_none() && clock.next().is_none() && time.contains('.') != fraction.is_empty();
    let digits: String = fraction.chars().chain("000".chars()).take(3).collect();
    let thousandths = number(&digits, 3).filter(|_| fraction.bytes().all(|byte| byte.is_ascii_digit()))?;
    let of_day = (hour < 24 && minute < 60 && second < 60).then_some((hour * 60 + minute) * 60 + second)?;
    let days = (1..=366 * (year.checked_sub(1969)?)).rev().find(|days| civil(days - 1) == (year, month, day))? - 1;
    bare.then_some((days * 86_400 + of_day) * 1000 + thousandths)
}

/// Unix milliseconds of a hybrid time written `MILLIS.COUNTER`.
pub fn hlc_millis(text: &str) -> Option<u64> {
    text.split('.').next()?.parse().ok()
}

/// A span for people: its greatest unit, and the next one while that still matters (`3m12s`, `5h`, `420ms`).
pub fn span(length: Duration) -> String {
    let seconds = length.as_secs();
    match seconds {
        0 => format!("{}ms", length.as_millis()),
        1..60 => format!("{seconds}s"),
        60..3600 => two(seconds, 60, "m", 1, "s"),
        3600..86_400 => two(seconds, 3600, "h", 60, "m"),
        _ => two(seconds, 86_400, "d", 3600, "h"),
    }
}

fn two(seconds: u64, unit: u64, name: &str, lesser: u64, lesser_name: &str) -> String {
    match seconds % unit / lesser {
        0 => format!("{}{name}", seconds / unit),
        rest => format!("{}{name}{rest}{lesser_name}", seconds / unit),
    }
}

/// How long ago a time was, as [`span`]; `0s` for times ahead of this clock.
pub fn age(now_ms: u64, then_ms: u64) -> String {
    span(Duration::from_secs(now_ms.saturating_sub(then_ms) / 1000)).replace("0ms", "0s")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_those_of_the_calendar() {
        assert_eq!(rfc3339(0), "1970-01-01T00:00:00Z");
        assert_eq!(rfc3339(951_782_400_000), "2000-02-29T00:00:00Z");
        assert_eq!(rfc3339(1_763_690_461_999), "2025-11-21T02:01:01Z");
        assert_eq!(rfc3339(4_102_444_799_000), "2099-12-31T23:59:59Z");
    }

    #[test]
    fn times_of_statements_are_told_to_the_millisecond() {
        for (millis, text) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (951_782_399_999, "2000-02-28T23:59:59.999Z"),
            (951_782_400_000, "2000-02-29T00:00:00.000Z"),
            (1_709_164_800_000, "2024-02-29T00:00:00.000Z"),
            (1_795_224_225_678, "2026-11-21T01:23:45.678Z"),
            (4_107_542_400_000, "2100-03-01T00:00:00.000Z"),
            (253_402_300_799_999, "9999-12-31T23:59:59.999Z"),
            (u64::MAX, "9999-12-31T23:59:59.999Z"),
        ] {
            assert_eq!(rfc3339_millis(millis), text);
        }
    }

    #[test]
    fn a_time_is_read_as_it_is_written() {
        for millis in [0, 951_782_400_000, 1_763_690_461_000, 4_102_444_799_000] {
            assert_eq!(parse_rfc3339(&rfc3339(millis)), Some(millis));
        }
        assert_eq!(parse_rfc3339("2025-11-21T02:01:01.5Z"), Some(1_763_690_461_500));
        assert_eq!(parse_rfc3339("2025-11-21T02:01:01.123456Z"), Some(1_763_690_461_123));
        for bad in [
            "",
            "Z",
            "2025-11-21",
            "2025-11-21T02:01:01",
            "2025-11-21T02:01:01+01:00",
            "2025-02-30T00:00:00Z",
            "2025-11-21T24:00:00Z",
            "2025-11-21T02:01:01.Z",
            "2025-11-21T02:01:01.xZ",
            "1969-01-01T00:00:00Z",
            "2025-11-21-1T02:01:01Z",
            "+025-11-21T02:01:01Z",
        ] {
            assert_eq!(parse_rfc3339(bad), None, "{bad}");
        }
    }

    #[test]
    fn spans_show_two_units_at_most() {
        let text = |seconds| span(Duration::from_secs(seconds));
        assert_eq!(span(Duration::from_millis(420)), "420ms");
        assert_eq!((text(59), text(60), text(192)), ("59s".into(), "1m".into(), "3m12s".into()));
        assert_eq!((text(7200), text(90_000)), ("2h".into(), "1d1h".into()));
        assert_eq!((age(5000, 9000), age(5000, 4500)), ("0s".into(), "0s".into()));
    }
}
