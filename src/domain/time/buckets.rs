//! Hours and days of a time zone, as it keeps them: a day has 23 or 25 hours when clocks change.

use chrono::{DateTime, Utc};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ZonedDateTime};

use super::Zone;

/// Seconds of an hour.
const HOUR: i64 = 3600;

/// Length of the buckets into which time is divided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Interval {
    /// Hours of the local clock. An hour in which the clock changes ends at the change.
    Hour,
    /// Days of the local calendar.
    Day,
}

/// Why a range was not divided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotDivided {
    /// It has too many buckets.
    TooMany,
    /// It is too close to the ends of the calendar, or the zone is unknown.
    Impossible,
}

impl Zone {
    /// Divides the time from `from` to `until` into buckets. Returns their bounds: the start of each, and the end of the last.
    /// The first bucket contains `from`; the last one ends at or after `until`.
    ///
    /// # Errors
    /// [`NotDivided`], for more than `most` buckets among others.
    pub fn buckets(
        &self,
        by: Interval,
        from: DateTime<Utc>,
        until: DateTime<Utc>,
        most: usize,
    ) -> Result<Vec<DateTime<Utc>>, NotDivided> {
        let zone = self.time_zone().ok_or(NotDivided::Impossible)?;
        let impossible = |_: jiff::Error| NotDivided::Impossible;
        let second = |at: DateTime<Utc>| Timestamp::from_second(at.timestamp()).map_err(impossible);
        let (from, last) = (second(from)?, until);
        let mut start = match by {
            Interval::Day => from.to_zoned_datetime(zone.clone()).start_of_day().map_err(impossible)?,
            Interval::Hour => start_of_hour(&zone, from).map_err(impossible)?,
        };
        let mut bounds = vec![utc(&start)?];
        while utc(&start)? < last || bounds.len() < 2 {
            if bounds.len() > most {
                return Err(NotDivided::TooMany);
            }
            let next = match by {
                Interval::Day => next_day(&start).map_err(impossible)?,
                Interval::Hour => end_of_hour(&zone, start.timestamp()).map_err(impossible)?,
            };
            // A loop that makes no progress would not end.
            if next.timestamp() <= start.timestamp() {
                return Err(NotDivided::Impossible);
            }
            bounds.push(utc(&next)?);
            start = next;
        }
        Ok(bounds)
    }
}

fn utc(at: &ZonedDateTime) -> Result<DateTime<Utc>, NotDivided> {
    DateTime::from_timestamp(at.timestamp().as_second(), 0).ok_or(NotDivided::Impossible)
}

/// The first instant of the next local date. Zones have skipped whole dates.
fn next_day(start: &ZonedDateTime) -> Result<ZonedDateTime, jiff::Error> {
    let tomorrow = start.date().tomorrow()?;
    tomorrow.at(0, 0, 0, 0).to_zoned_datetime(start.time_zone().clone())?.start_of_day()
}

/// Seconds from the start of the local hour.
fn into_hour(zone: &TimeZone, at: Timestamp) -> i64 {
    (at.as_second() + i64::from(zone.to_offset(at).seconds())).rem_euclid(HOUR)
}

fn changes_clock(zone: &TimeZone, at: Timestamp) -> Result<bool, jiff::Error> {
    let before = Timestamp::from_second(at.as_second() - 1)?;
    Ok(zone.to_offset(before) != zone.to_offset(at))
}

fn start_of_hour(zone: &TimeZone, at: Timestamp) -> Result<ZonedDateTime, jiff::Error> {
    let start = Timestamp::from_second(at.as_second() - into_hour(zone, at))?;
    let after = Timestamp::from_second(at.as_second() + 1)?;
    for change in zone.preceding(after).map(|change| change.timestamp()).take_while(|change| *change > start)
    {
        if changes_clock(zone, change)? {
            return Ok(change.to_zoned_datetime(zone.clone()));
        }
    }
    Ok(start.to_zoned_datetime(zone.clone()))
}

fn end_of_hour(zone: &TimeZone, start: Timestamp) -> Result<ZonedDateTime, jiff::Error> {
    let end = Timestamp::from_second(start.as_second() + HOUR - into_hour(zone, start))?;
    for change in zone.following(start).map(|change| change.timestamp()).take_while(|change| *change < end) {
        if changes_clock(zone, change)? {
            return Ok(change.to_zoned_datetime(zone.clone()));
        }
    }
    Ok(end.to_zoned_datetime(zone.clone()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    fn divided(zone: &str, by: Interval, from: &str, until: &str) -> Vec<String> {
        let bounds = Zone::find(zone).unwrap().buckets(by, at(from), at(until), 1000).unwrap();
        bounds.iter().map(|bound| bound.format("%m-%dT%H:%M").to_string()).collect()
    }

    #[test]
    fn days_have_the_hours_that_the_zone_gives_them() {
        let days = |zone, from, until| divided(zone, Interval::Day, from, until);
        // 23 and 25 hours.
        assert_eq!(
            days("America/New_York", "2026-03-08T05:00:00Z", "2026-03-09T00:00:00Z"),
            ["03-08T05:00", "03-09T04:00"]
        );
        assert_eq!(
            days("Europe/Berlin", "2026-10-24T22:00:00Z", "2026-10-25T23:00:00Z"),
            ["10-24T22:00", "10-25T23:00"]
        );
        assert_eq!(
            days("Asia/Kathmandu", "2026-01-01T18:14:59Z", "2026-01-01T18:15:01Z"),
            ["12-31T18:15", "01-01T18:15", "01-02T18:15"]
        );
        // Half an hour of summer time, at midnight in the west, and a date that never was.
        assert_eq!(
            days("Australia/Lord_Howe", "2026-04-04T12:59:00Z", "2026-04-05T13:31:00Z"),
            ["04-03T13:00", "04-04T13:00", "04-05T13:30", "04-06T13:30"]
        );
        assert_eq!(
            days("America/Havana", "2026-03-08T05:00:00Z", "2026-03-08T06:00:00Z"),
            ["03-08T05:00", "03-09T04:00"]
        );
        assert_eq!(
            days("Pacific/Apia", "2011-12-29T12:00:00Z", "2011-12-31T00:00:00Z"),
            ["12-29T10:00", "12-30T10:00", "12-31T10:00"]
        );
    }

    #[test]
    fn hours_begin_on_the_local_hour_and_one_that_is_repeated_comes_twice() {
        let hours = |zone, from, until| divided(zone, Interval::Hour, from, until);
        assert_eq!(
            hours("Europe/Berlin", "2026-10-25T00:30:00Z", "2026-10-25T02:00:00Z"),
            ["10-25T00:00", "10-25T01:00", "10-25T02:00"]
        );
        assert_eq!(
            hours("Asia/Kolkata", "2026-01-01T00:00:00Z", "2026-01-01T00:30:00Z"),
            ["12-31T23:30", "01-01T00:30"]
        );
        // Back from 2:00 to 1:30, and on from 2:00 to 2:30.
        assert_eq!(
            hours("Australia/Lord_Howe", "2026-04-04T14:00:00Z", "2026-04-04T16:00:00Z"),
            ["04-04T14:00", "04-04T15:00", "04-04T15:30", "04-04T16:30"]
        );
        assert_eq!(
            hours("Australia/Lord_Howe", "2026-10-03T15:45:00Z", "2026-10-03T16:00:00Z"),
            ["10-03T15:30", "10-03T16:00"]
        );
    }

    #[test]
    fn too_many_and_the_ends_of_the_calendar_are_refused() {
        let utc = Zone::find("UTC").unwrap();
        let (from, until) = (at("2026-01-01T00:00:00Z"), at("2026-01-03T00:00:00Z"));
        assert_eq!(utc.buckets(Interval::Hour, from, until, 48).unwrap().len(), 49);
        assert_eq!(utc.buckets(Interval::Hour, from, until, 47), Err(NotDivided::TooMany));
        assert_eq!(utc.buckets(Interval::Day, from, from, 1).unwrap().len(), 2, "one bucket at least");
        let end = at("9999-12-31T23:59:59Z");
        assert!(utc.buckets(Interval::Day, end, end, 10).is_err());
    }

    proptest! {
        #[test]
        fn buckets_follow_each_other_and_cover_the_range(
            zone in 0..8_usize, begins in 1_500_000_000_i64..2_200_000_000, lasts in 1_i64..(40 * 86_400), hourly: bool,
        ) {
            let zone = ["UTC", "America/Sao_Paulo", "Australia/Lord_Howe", "Asia/Kathmandu", "Pacific/Chatham", "Africa/Casablanca",
                "America/St_Johns", "Asia/Beirut"][zone];
            let by = if hourly { Interval::Hour } else { Interval::Day };
            let instant = |second| DateTime::from_timestamp(second, 0).unwrap();
            let (from, until) = (instant(begins), instant(begins + lasts));
            let bounds = Zone::find(zone).unwrap().buckets(by, from, until, 2000).unwrap();
            let longest = if hourly { HOUR } else { 25 * HOUR };
            prop_assert!(bounds[0] <= from && bounds[1] > from && *bounds.last().unwrap() >= until);
            prop_assert!(bounds[bounds.len() - 2] < until);
            for pair in bounds.windows(2) {
                let length = (pair[1] - pair[0]).num_seconds();
                prop_assert!((1..=longest).contains(&length), "{pair:?}");
                prop_assert_eq!(pair[0].timestamp() % 900, 0);
            }
        }
    }
}
