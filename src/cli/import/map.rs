//! The file that names the new owner of each number: `number,tenant,agent,label`, one number a line. It is read as a whole, with all
//! its faults, before anything is touched.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::path::Path;
use std::str::FromStr;

use uuid::Uuid;

use crate::cli::failure::Failure;
use crate::domain::{AgentId, E164, Invalid, NumberLabel, TenantId};
use crate::provisioning::PlannedImport;

/// The first line of the file.
pub(super) const HEADER: &str = "number,tenant,agent,label";
/// Maximum number of lines, without the header.
const MOST_LINES: usize = 100_000;
/// Maximum size of the file in bytes.
const MOST_BYTES: u64 = 64 * 1024 * 1024;
/// Maximum number of faults that are listed.
const MOST_SHOWN: usize = 50;

/// The file, with the line of each entry.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Map {
    /// The entries, in the order of the file.
    pub(super) plan: Vec<PlannedImport>,
    /// The lines of the entries.
    lines: Vec<usize>,
}

/// The faults of a file, in any order.
#[derive(Debug, Default)]
pub(super) struct Faults(Vec<(usize, String)>);

impl Faults {
    fn note(&mut self, line: usize, why: impl Into<String>) {
        self.0.push((line, why.into()));
    }

    /// Fails if there are faults, with the first of them.
    pub(super) fn unless_any<T>(mut self, path: &Path, read: T) -> Result<T, Failure> {
        if self.0.is_empty() {
            return Ok(read);
        }
        self.0.sort();
        let count = self.0.len();
        let s = if count == 1 { "" } else { "s" };
        let mut text = format!("{} has {count} fault{s}; nothing was changed\n", path.display());
        for (line, why) in self.0.iter().take(MOST_SHOWN) {
            text.push_str(&format!("\n  line {line}: {why}"));
        }
        if count > MOST_SHOWN {
            text.push_str(&format!("\n  and {} more", count - MOST_SHOWN));
        }
        Err(Failure::Usage(text))
    }
}

impl Map {
    /// Reads the file.
    pub(super) fn read(path: &Path) -> Result<(Self, Faults), Failure> {
        let unreadable =
            |why: &dyn std::fmt::Display| Failure::Usage(format!("cannot read {}: {why}", path.display()));
        let size = std::fs::metadata(path).map_err(|error| unreadable(&error))?.len();
        if size > MOST_BYTES {
            return Err(unreadable(&format!("it has {size} bytes; at most {MOST_BYTES} are allowed")));
        }
        let bytes = std::fs::read(path).map_err(|error| unreadable(&error))?;
        let text = String::from_utf8(bytes).map_err(|_| unreadable(&"it is not in UTF-8"))?;
        Ok(Self::parse(&text))
    }

    /// Parses the text of a file.
    fn parse(text: &str) -> (Self, Faults) {
        let (mut map, mut faults) = (Self::default(), Faults::default());
        // Spreadsheets write a byte order mark, and `\r\n`.
        let mut lines = text.strip_prefix('\u{feff}').unwrap_or(text).lines().map(str::trim_end);
        if lines.next() != Some(HEADER) {
            faults.note(1, format!("the first line must be exactly {HEADER}"));
            return (map, faults);
        }
        let mut first_lines: HashMap<E164, usize> = HashMap::new();
        for (at, text) in lines.enumerate() {
            let line = at + 2;
            if at >= MOST_LINES {
                faults.note(line, format!("at most {MOST_LINES} numbers are allowed: split the file"));
                break;
            }
            if text.is_empty() {
                continue;
            }
            let Some(planned) = entry(text, line, &mut faults) else { continue };
            match first_lines.entry(planned.number.clone()) {
                Entry::Occupied(first) => {
                    faults.note(line, format!("{} is on line {} already", planned.number, first.get()));
                }
                Entry::Vacant(none) => {
                    none.insert(line);
                    map.plan.push(planned);
                    map.lines.push(line);
                }
            }
        }
        (map, faults)
    }

    /// Adds faults of entries, by their position.
    pub(super) fn add_faults(&self, found: Vec<(usize, String)>, faults: &mut Faults) {
        for (at, why) in found {
            faults.note(self.lines.get(at).copied().unwrap_or_default(), why);
        }
    }
}

/// Reads a line, and notes all of its faults.
fn entry(text: &str, line: usize, faults: &mut Faults) -> Option<PlannedImport> {
    let fields = match fields(text) {
        Ok(fields) => fields,
        Err(why) => {
            faults.note(line, why);
            return None;
        }
    };
    let [number, tenant, agent, label] = fields.as_slice() else {
        faults.note(line, format!("{HEADER} has 4 fields; got {}", fields.len()));
        return None;
    };
    let before = faults.0.len();
    let number = parsed::<E164>("number", number, line, faults);
    let tenant = tenant.parse::<Uuid>().ok().filter(|tenant| !tenant.is_nil()).map(TenantId);
    if tenant.is_none() {
        faults.note(line, "tenant: the user id of a tenant is required, a UUID");
    }
    let agent = optional::<AgentId>("agent", agent, line, faults);
    let label = optional::<NumberLabel>("label", label, line, faults);
    // Even if the number itself is fine: an entry with a fault must not be imported without its label.
    if faults.0.len() > before {
        return None;
    }
    Some(PlannedImport { number: number?, tenant: tenant?, agent, label })
}

fn parsed<T: FromStr<Err = Invalid>>(field: &str, text: &str, line: usize, faults: &mut Faults) -> Option<T> {
    text.parse().map_err(|why: Invalid| faults.note(line, format!("{field}: {why}"))).ok()
}

/// An empty field is none.
fn optional<T: FromStr<Err = Invalid>>(
    field: &str,
    text: &str,
    line: usize,
    faults: &mut Faults,
) -> Option<T> {
    if text.is_empty() { None } else { parsed(field, text, line, faults) }
}

/// The fields of a line of CSV (RFC 4180). A quoted field may have commas, and quotes that are doubled, but no line breaks.
fn fields(text: &str) -> Result<Vec<String>, &'static str> {
    let (mut fields, mut rest) = (Vec::new(), text);
    loop {
        let field = match rest.strip_prefix('"') {
            None => {
                let (field, after) = rest.split_at(rest.find(',').unwrap_or(rest.len()));
                if field.contains('"') {
                    return Err("a field with a quote must be quoted as a whole");
                }
                rest = after;
                field.trim().to_owned()
            }
            Some(quoted) => {
                let (mut field, mut quoted) = (String::new(), quoted);
                loop {
                    let end = quoted.find('"').ok_or("a quoted field does not end")?;
                    let (part, after) = quoted.split_at(end);
                    field.push_str(part);
                    match after.strip_prefix("\"\"") {
                        Some(after) => {
                            field.push('"');
                            quoted = after;
                        }
                        None => {
                            rest = after.strip_prefix('"').unwrap_or_default();
                            break;
                        }
                    }
                }
                field
            }
        };
        fields.push(field);
        match rest.strip_prefix(',') {
            Some(next) => rest = next,
            None if rest.is_empty() => return Ok(fields),
            None => return Err("a quoted field must be followed by a comma"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TENANT: &str = "00000000-0000-0000-0000-000000000001";
    const AGENT: &str = "agent_00000000000000000000000000000002";

    fn faults(text: &str) -> Vec<String> {
        let (_, faults) = Map::parse(text);
        faults.0.into_iter().map(|(line, why)| format!("{line} {why}")).collect()
    }

    #[test]
    fn a_file_of_a_spreadsheet_reads() {
        let text = format!(
            "\u{feff}{HEADER}\r\n+12125550123,{TENANT},{AGENT},\"Front desk, \"\"old\"\"\"\r\n\r\n+12125550124,{TENANT},,\r\n"
        );
        let (map, faults) = Map::parse(&text);
        assert!(faults.0.is_empty(), "{faults:?}");
        assert_eq!((map.plan.len(), map.lines), (2, vec![2, 4]));
        assert_eq!(map.plan[0].label.as_ref().unwrap().as_str(), "Front desk, \"old\"");
        assert_eq!((map.plan[1].agent, map.plan[1].label.is_none()), (None, true));
    }

    #[test]
    fn every_fault_is_found_and_named_by_its_line() {
        assert!(faults("number,tenant\n")[0].starts_with("1 the first line must be exactly"));
        assert_eq!(faults("").len(), 1);
        let text = format!(
            "{HEADER}\n+12125550123,{TENANT},{AGENT},x\n2125550124,tenant,agent,\n+12125550123,{TENANT},,\nx\n\
             +12125550125,{TENANT},,\"open\n+12125550126,{TENANT},,\"a\"b\n+12125550127,{TENANT},,a\"b\n"
        );
        let found = faults(&text);
        assert_eq!(found.len(), 8, "{found:#?}");
        let named = |line: &str| found.iter().filter(|fault| fault.starts_with(line)).count();
        assert_eq!(
            [named("3 "), named("4 "), named("5 "), named("6 "), named("7 "), named("8 ")],
            [3, 1, 1, 1, 1, 1]
        );
        assert!(found.iter().any(|fault| fault.contains("is on line 2 already")), "{found:#?}");
    }

    #[test]
    fn a_long_file_is_read_and_a_longer_one_refused() {
        let line = |n: usize| format!("+1212{:07},{TENANT},,\n", 2_000_000 + n);
        let lines: String = (0..MOST_LINES).map(line).collect();
        let (map, found) = Map::parse(&format!("{HEADER}\n{lines}"));
        assert_eq!((map.plan.len(), found.0.len()), (MOST_LINES, 0));
        let found = faults(&format!("{HEADER}\n{lines}{}", line(MOST_LINES)));
        assert_eq!(found.len(), 1);
        assert!(found[0].contains("at most 100000 numbers"), "{found:?}");
        // All duplicates: the message stays short.
        let same = line(1).repeat(MOST_LINES);
        let (_, found) = Map::parse(&format!("{HEADER}\n{same}"));
        let Err(failure) = found.unless_any(Path::new("numbers.csv"), ()) else { panic!("no fault") };
        let text = failure.to_string();
        assert!(text.contains("99999 faults") && text.ends_with("and 99949 more"), "{text}");
        assert_eq!(text.lines().count(), 53);
    }
}
