//! Durations and sizes with their units. A number without one is refused: nobody can tell what was meant.

use std::time::Duration;

const DURATION_UNITS: [(&str, u64); 5] = [
    ("ms", 1),
    ("s", 1_000),
    ("m", 60_000),
    ("h", 3_600_000),
    ("d", 86_400_000),
];
const SIZE_UNITS: [(&str, u64); 4] = [("B", 1), ("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30)];

/// Parses `250ms`, `60s`, `10m`, `12h`, `30d`.
///
/// # Errors
/// In words that say what to write.
pub fn parse_duration(text: &str) -> Result<Duration, String> {
    scaled(
        text,
        &DURATION_UNITS,
        "a duration such as 250ms, 60s, 10m, 12h or 30d",
    )
    .map(Duration::from_millis)
}

/// Parses `512B`, `64KiB`, `32MiB`, `1GiB` into bytes.
///
/// # Errors
/// In words that say what to write.
pub fn parse_size(text: &str) -> Result<u64, String> {
    scaled(text, &SIZE_UNITS, "a size such as 512B, 64KiB or 32MiB")
}

/// The duration in the largest unit that leaves no rest.
pub fn duration_text(duration: Duration) -> String {
    in_largest_unit(
        u64::try_from(duration.as_millis()).unwrap_or(u64::MAX),
        &DURATION_UNITS,
        "0s",
    )
}

/// The size in the largest unit that leaves no rest.
pub fn size_text(bytes: u64) -> String {
    in_largest_unit(bytes, &SIZE_UNITS, "0B")
}

fn in_largest_unit(amount: u64, units: &[(&str, u64)], zero: &str) -> String {
    if amount == 0 {
        return zero.to_owned();
    }
    units
        .iter()
        .rev()
        .find(|(_, scale)| amount.is_multiple_of(*scale))
        .map_or_else(
            || amount.to_string(),
            |(unit, scale)| format!("{}{unit}", amount / scale),
        )
}

fn scaled(text: &str, units: &[(&str, u64)], expected: &str) -> Result<u64, String> {
    let text = text.trim();
    let digits = text
        .trim_end_matches(|c: char| c.is_ascii_alphabetic())
        .trim_end();
    let unit = text.get(digits.len()..).unwrap_or_default().trim();
    let scale = units
        .iter()
        .find(|(name, _)| *name == unit)
        .map(|(_, scale)| *scale);
    let (Ok(number), Some(scale)) = (digits.parse::<u64>(), scale) else {
        return Err(format!("is not {expected}"));
    };
    number
        .checked_mul(scale)
        .ok_or_else(|| format!("is too large to be {expected}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_need_a_unit() {
        assert_eq!(parse_duration("60s"), Ok(Duration::from_mins(1)));
        assert_eq!(parse_duration("10 m"), Ok(Duration::from_mins(10)));
        assert_eq!(parse_duration("250ms"), Ok(Duration::from_millis(250)));
        assert_eq!(parse_duration("30d"), Ok(Duration::from_hours(30 * 24)));
        for bad in [
            "",
            "60",
            "s",
            "-1s",
            "1.5h",
            "10M",
            "1w",
            "99999999999999999999s",
            "999999999999999d",
        ] {
            assert!(parse_duration(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn sizes_need_a_unit() {
        assert_eq!(parse_size("64KiB"), Ok(65_536));
        assert_eq!(parse_size("0B"), Ok(0));
        for bad in ["64", "64KB", "MiB", "-1B"] {
            assert!(parse_size(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn amounts_are_shown_in_their_largest_whole_unit() {
        assert_eq!(duration_text(Duration::from_hours(24)), "1d");
        assert_eq!(duration_text(Duration::from_secs(90)), "90s");
        assert_eq!(duration_text(Duration::ZERO), "0s");
        assert_eq!(size_text(32 << 20), "32MiB");
    }
}
