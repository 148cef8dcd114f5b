//! Numbers as people read them: grouped digits, three significant ones, units that fit the size. It must not know what
//! the numbers are about.

/// In what a figure is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// Whole things.
    Count,
    /// Thousandths of one, shown as a decimal number.
    Thousandths,
    /// Thousandths, shown as a share of a hundred.
    Share,
    /// Microseconds.
    Micros,
    /// Milliseconds.
    Millis,
    /// Bytes.
    Bytes,
    /// Bytes that one node sends in one second.
    Rate,
}

impl Unit {
    /// A value with its unit.
    pub fn show(self, value: f64) -> String {
        match self {
            Self::Count if value.fract() == 0.0 => count(value as u64),
            Self::Count => decimal(value),
            Self::Thousandths => decimal(value / 1_000.0),
            Self::Share => format!("{} %", decimal(value / 10.0)),
            Self::Micros => span(value / 1_000.0),
            Self::Millis => span(value),
            Self::Bytes => bytes(value),
            Self::Rate => format!("{}/s", bytes(value)),
        }
    }
}

/// A whole number with its digits in groups of three.
pub fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// Three significant digits, no more decimals than that takes, and none that say nothing.
pub fn decimal(value: f64) -> String {
    if !value.is_finite() {
        return "–".to_owned();
    }
    let size = value.abs();
    if size >= 999.5 {
        return if value < 0.0 { format!("-{}", count(size.round() as u64)) } else { count(size.round() as u64) };
    }
    let places = if size >= 99.95 {
        0
    } else if size >= 9.995 {
        1
    } else {
        2
    };
    let text = format!("{value:.places$}");
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

/// A span of time, from milliseconds.
pub fn span(millis: f64) -> String {
    match millis {
        none if none <= 0.0 => "0 ms".to_owned(),
        short if short < 0.9995 => format!("{} µs", decimal(short * 1_000.0)),
        middle if middle < 999.5 => format!("{} ms", decimal(middle)),
        long if long < 119_500.0 => format!("{} s", decimal(long / 1_000.0)),
        longer if longer < 7_170_000.0 => format!("{} min", decimal(longer / 60_000.0)),
        longest => format!("{} h", decimal(longest / 3_600_000.0)),
    }
}

/// Bytes, in the binary unit that fits.
pub fn bytes(bytes: f64) -> String {
    const KIB: f64 = 1_024.0;
    match bytes {
        few if few < KIB => format!("{} B", decimal(few)),
        some if some < KIB * KIB => format!("{} KiB", decimal(some / KIB)),
        many if many < KIB * KIB * KIB => format!("{} MiB", decimal(many / KIB / KIB)),
        most => format!("{} GiB", decimal(most / KIB / KIB / KIB)),
    }
}

/// A moment of a run: minutes and seconds, with hours where there are any.
pub fn clock(seconds: f64) -> String {
    let whole = seconds.max(0.0).round() as u64;
    let (hours, minutes, rest) = (whole / 3_600, whole / 60 % 60, whole % 60);
    if hours > 0 { format!("{hours}:{minutes:02}:{rest:02}") } else { format!("{minutes}:{rest:02}") }
}

/// A list of node numbers, runs of neighbours drawn together: `0–3, 7`.
pub fn nodes(list: &[usize]) -> String {
    let mut sorted = list.to_vec();
    sorted.sort_unstable();
    sorted.dedup();
    let runs: Vec<String> = sorted
        .chunk_by(|a, b| a + 1 == *b)
        .map(|run| match run {
            [one] => one.to_string(),
            [first, .., last] => format!("{first}–{last}"),
            [] => String::new(),
        })
        .collect();
    match runs.is_empty() {
        true => "all".to_owned(),
        false => runs.join(", "),
    }
}

/// `1 fault`, `2 faults`, `3 classes`.
pub fn plural(number: u64, one: &str) -> String {
    let ending = match (number, one.ends_with('s') || one.ends_with("sh")) {
        (1, _) => "",
        (_, true) => "es",
        (_, false) => "s",
    };
    format!("{} {one}{ending}", count(number))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_come_in_groups() {
        assert_eq!([0, 12, 123, 1_234, 1_234_567].map(count), ["0", "12", "123", "1,234", "1,234,567"]);
    }

    #[test]
    fn three_digits_are_enough() {
        let shown = [0.0, 0.5, 1.204, 9.999, 12.34, 99.97, 123.4, 999.6, 1_234.5].map(decimal);
        assert_eq!(shown, ["0", "0.5", "1.2", "10", "12.3", "100", "123", "1,000", "1,235"]);
        assert_eq!(decimal(f64::NAN), "–");
    }

    #[test]
    fn units_follow_the_size() {
        let spans = [0.0, 0.25, 12.0, 999.9, 1_234.0, 61_000.0, 150_000.0, 9_000_000.0].map(span);
        assert_eq!(spans, ["0 ms", "250 µs", "12 ms", "1 s", "1.23 s", "61 s", "2.5 min", "2.5 h"]);
        assert_eq!([12.0, 2_048.0, 3_145_728.0].map(bytes), ["12 B", "2 KiB", "3 MiB"]);
        assert_eq!([0.0, 59.6, 61.0, 3_723.0].map(clock), ["0:00", "1:00", "1:01", "1:02:03"]);
        assert_eq!(Unit::Share.show(8.0), "0.8 %");
    }

    #[test]
    fn neighbours_are_drawn_together() {
        assert_eq!(nodes(&[7, 1, 0, 2, 9]), "0–2, 7, 9");
        assert_eq!(nodes(&[]), "all");
    }

    #[test]
    fn things_are_counted_in_words() {
        assert_eq!([0, 1, 2].map(|number| plural(number, "fault")), ["0 faults", "1 fault", "2 faults"]);
        assert_eq!([1, 2].map(|number| plural(number, "class")), ["1 class", "2 classes"]);
    }
}
