//! Durations as Go writes them: `1m30s`, `500ms`, `1.5s`; `0` alone needs no unit.
//!
//! Strict: no sign, no spaces, no unit left out; nothing is rounded, so that what was printed is what was read.

use std::time::Duration;

/// Units by name, in nanoseconds; the order is that in which [`format`] uses them.
const UNITS: [(&str, u64); 6] = [
    ("h", 3_600_000_000_000),
    ("m", 60_000_000_000),
    ("s", 1_000_000_000),
    ("ms", 1_000_000),
    ("us", 1_000),
    ("ns", 1),
];

/// The duration that a text means, or nothing if it means none exactly: also nothing for parts of a nanosecond and
/// for more than 584 years.
#[must_use]
pub fn parse(text: &str) -> Option<Duration> {
    if text == "0" {
        return Some(Duration::ZERO);
    }
    if text.is_empty() {
        return None;
    }
    let mut rest = text;
    let mut total_ns: u64 = 0;
    while !rest.is_empty() {
        let (number, tail) = rest.split_at(rest.find(|c: char| !c.is_ascii_digit() && c != '.')?);
        let (unit, tail) =
            tail.split_at(tail.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(tail.len()));
        total_ns = total_ns.checked_add(nanos(number, unit_nanos(unit)?)?)?;
        rest = tail;
    }
    Some(Duration::from_nanos(total_ns))
}

fn unit_nanos(unit: &str) -> Option<u64> {
    // Go takes the micro sign U+00B5 and the Greek letter U+03BC too.
    let unit = if matches!(unit, "\u{b5}s" | "\u{3bc}s") { "us" } else { unit };
    UNITS.iter().find(|(name, _)| *name == unit).map(|(_, ns)| *ns)
}

/// `number` times `unit`, where `number` may have one decimal point.
fn nanos(number: &str, unit: u64) -> Option<u64> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if whole.is_empty() && fraction.is_empty() {
        return None;
    }
    let digits_ns = |digits: &str| if digits.is_empty() { Some(0) } else { digits.parse::<u64>().ok() };
    let mut ns = digits_ns(whole)?.checked_mul(unit)?;
    let fraction = fraction.trim_end_matches('0');
    let parts = digits_ns(fraction)?.checked_mul(unit)?;
    let divisor = 10_u64.checked_pow(u32::try_from(fraction.len()).ok()?)?;
    if parts % divisor != 0 {
        return None;
    }
    ns = ns.checked_add(parts / divisor)?;
    Some(ns)
}

/// The text of a duration: whole numbers of the largest units that fit, `1m30s`, `1s500ms`; `0s` for none.
#[must_use]
pub fn format(duration: Duration) -> String {
    let mut rest = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
    let mut text = String::new();
    for (name, ns) in UNITS {
        if rest >= ns {
            text.push_str(&(rest / ns).to_string());
            text.push_str(name);
            rest %= ns;
        }
    }
    if text.is_empty() { "0s".to_owned() } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn gos_spellings_are_understood() {
        for (text, ms) in [
            ("10s", 10_000),
            ("500ms", 500),
            ("1m30s", 90_000),
            ("1.5s", 1_500),
            ("1h", 3_600_000),
            ("0", 0),
            ("0s", 0),
            (".5s", 500),
            ("1.s", 1_000),
            ("1.500s", 1_500),
            ("2000us", 2),
            ("2000µs", 2),
            ("1s1s", 2_000),
        ] {
            assert_eq!(parse(text), Some(Duration::from_millis(ms)), "{text}");
        }
    }

    #[test]
    fn what_go_refuses_is_refused() {
        for text in [
            "",
            "10",
            "s",
            ".s",
            "10 s",
            " 10s",
            "-1s",
            "+1s",
            "1d",
            "10S",
            "1.2.3s",
            "1e3s",
            "0.1ns",
            "ten",
            "600000h0m0s9999999h",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_is_printed_is_read_back(ns in any::<u64>()) {
            let duration = Duration::from_nanos(ns);
            prop_assert_eq!(parse(&format(duration)), Some(duration));
        }

        #[test]
        fn no_text_panics(text in ".*") {
            let _ = parse(&text);
        }
    }
}
