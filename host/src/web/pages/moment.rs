//! Points in time as people read them: a date in words, how long ago, and the exact form beside both.

use authly_core::Timestamp;
use serde::Serialize;

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

/// A point in time, for a `<time>` element.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Moment {
    /// RFC 3339, UTC, whole seconds.
    pub iso: String,
    /// Day of the month.
    pub day: u32,
    /// Month, 1 to 12.
    pub month: u32,
    /// Year.
    pub year: i64,
    /// Hours and minutes, UTC.
    pub time: String,
    /// How long ago it was when the page was made.
    pub ago: Ago,
}

/// How long ago, in the largest unit that is not zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "unit", content = "count", rename_all = "snake_case")]
pub enum Ago {
    /// Less than a minute, or in a future that only clocks of other nodes have reached.
    Now,
    /// So many minutes.
    Minutes(u64),
    /// So many hours.
    Hours(u64),
    /// So many days.
    Days(u64),
}

impl Moment {
    /// `at`, as read at `now`.
    pub fn of(at: Timestamp, now: Timestamp) -> Self {
        let second = at.as_secs();
        let (year, month, day) = civil(second.div_euclid(86_400));
        let of_day = second.rem_euclid(86_400);
        let (hour, minute) = (of_day / 3_600, of_day % 3_600 / 60);
        Self {
            iso: format!(
                "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{:02}Z",
                of_day % 60
            ),
            day,
            month,
            year,
            time: format!("{hour:02}:{minute:02}"),
            ago: Ago::of(now.since(at).as_secs()),
        }
    }
}

impl Ago {
    fn of(seconds: u64) -> Self {
        match seconds {
            ..MINUTE => Self::Now,
            MINUTE..HOUR => Self::Minutes(seconds / MINUTE),
            HOUR..DAY => Self::Hours(seconds / HOUR),
            DAY.. => Self::Days(seconds / DAY),
        }
    }
}

/// Year, month and day of a day since 1970-01-01, in the Gregorian calendar.
///
/// Years are counted from March, so that the leap day is the last of its year and months have a regular pattern:
/// each five of them, from March, August or January, last 153 days.
fn civil(day: i64) -> (i64, u32, u32) {
    /// 400 years, after which the calendar repeats.
    const ERA: i64 = 146_097;
    /// From 0000-03-01 to 1970-01-01.
    const TO_EPOCH: i64 = 719_468;
    let day = day.saturating_add(TO_EPOCH);
    let (era, of_era) = (day.div_euclid(ERA), day.rem_euclid(ERA));
    // Without the leap days every year has 365.
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * of_year + 2) / 153;
    let day = of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 {
        from_march + 3
    } else {
        from_march - 9
    };
    let year = era * 400 + year_of_era + i64::from(month <= 2);
    let small = |value: i64| u32::try_from(value).unwrap_or_default();
    (year, small(month), small(day))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn iso_form_is_the_calendars() {
        for (seconds, iso) in [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_399, "2000-02-28T23:59:59Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (1_709_164_800, "2024-02-29T00:00:00Z"),
            (4_107_542_400, "2100-03-01T00:00:00Z"),
            (1_795_513_506, "2026-11-24T09:45:06Z"),
            (-1, "1969-12-31T23:59:59Z"),
        ] {
            let at = Timestamp::from_secs(seconds);
            assert_eq!(Moment::of(at, at).iso, iso);
        }
    }

    #[test]
    fn every_day_follows_the_one_before() {
        let mut before = civil(-1);
        for day in 0..60_000 {
            let (year, month, date) = civil(day);
            let next_day = (year, month) == (before.0, before.1) && date == before.2 + 1;
            let next_month = date == 1 && (28..=31).contains(&before.2) && month == before.1 % 12 + 1;
            assert!(next_day || next_month, "{before:?} then {year}-{month}-{date}");
            before = (year, month, date);
        }
    }

    #[test]
    fn ago_is_in_the_largest_unit() {
        let now = Timestamp::from_secs(1_000_000);
        let ago = |seconds: i64| Moment::of(Timestamp::from_secs(1_000_000 - seconds), now).ago;
        assert_eq!(ago(-5), Ago::Now);
        assert_eq!((ago(59), ago(60)), (Ago::Now, Ago::Minutes(1)));
        assert_eq!((ago(3_599), ago(3_600)), (Ago::Minutes(59), Ago::Hours(1)));
        assert_eq!((ago(86_399), ago(86_400)), (Ago::Hours(23), Ago::Days(1)));
    }
}
