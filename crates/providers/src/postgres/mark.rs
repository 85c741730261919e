//! The mark on databases that restage made or changed: a suffix of the database's comment.
//!
//! ```text
//! the application's database [restage run=0123456789 of=app at=2026-11-20T08:00:00Z as=filled …]
//! ```
//!
//! The comment before it stays as it was. Marks of several runs may follow each other; the last one counts, and taking it
//! away leaves the comment as that run found it.
//!
//! `CREATE DATABASE` and `COMMENT` cannot be one transaction, so a database is created with a connection limit that is the
//! run's own ([`number`]); until the comment is there, that says whose it is.

use jiff::Timestamp;
use restage_core::facts::Identity;
use restage_core::name::RunId;
use sha2::{Digest, Sha256};
use std::fmt;

/// What opens a mark.
const OPENING: &str = "[restage ";
/// The least connection limit that is a run's number: far beyond what any server grants.
const LEAST_NUMBER: u32 = 1_000_000;

/// What a run left on a database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mark {
    /// The run.
    pub run: RunId,
    /// The target that the run refreshes, as its server calls it.
    pub of: String,
    /// When the mark was made.
    pub at: Timestamp,
    /// What the database is to the run.
    pub role: Role,
}

/// What a database is to a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Role {
    /// A shadow that holds nothing yet.
    Empty,
    /// A shadow that is being filled, or was left half filled.
    Filling,
    /// A shadow that holds a whole copy.
    Filled(Origin),
    /// The target, with its door closed for the swap.
    Closed,
    /// What the target was before the swap.
    Old(Swap),
    /// The target, refreshed.
    Live(Origin),
}

/// Where data come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// The database they were copied from.
    pub source: Identity,
    /// The moment they are of.
    pub data_at: Timestamp,
}

/// A swap that was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Swap {
    /// The object id of the database that took the target's place.
    pub new: u32,
    /// Milliseconds in which nobody could connect.
    pub outage_ms: u64,
    /// Sessions that had to be ended.
    pub sessions_ended: u64,
}

/// A database's comment: its own text, and the marks after it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Comment {
    /// The text that is not restage's.
    pub text: String,
    /// The marks, the latest last.
    pub marks: Vec<Mark>,
}

/// The connection limit that tells a run's new database until its comment is there.
pub(crate) fn number(run: &RunId) -> i32 {
    let hash = Sha256::digest(run.as_str());
    let hash = u32::from_be_bytes([hash[0], hash[1], hash[2], hash[3]]);
    let range = i32::MAX.unsigned_abs() - LEAST_NUMBER;
    i32::try_from(LEAST_NUMBER + hash % range).expect("the sum is at most the greatest limit")
}

impl Comment {
    /// Reads a comment; whatever does not read as a mark is text.
    pub fn parse(comment: &str) -> Self {
        let (mut text, mut marks) = (comment, Vec::new());
        while let Some((before, mark)) = split(text) {
            text = before;
            marks.insert(0, mark);
        }
        Self { text: text.to_owned(), marks }
    }
    /// The mark that counts.
    pub fn mark(&self) -> Option<&Mark> {
        self.marks.last()
    }
    /// The mark that counts, if it is that run's.
    pub fn mark_of(&self, run: &RunId) -> Option<&Mark> {
        self.mark().filter(|mark| mark.run == *run)
    }
    /// Adds a mark; one of the same run is replaced.
    #[must_use]
    pub fn with(&self, mark: Mark) -> Self {
        let mut comment = self.without(&mark.run);
        comment.marks.push(mark);
        comment
    }
    /// Takes a run's mark away, if it is the last one.
    #[must_use]
    pub fn without(&self, run: &RunId) -> Self {
        let mut comment = self.clone();
        if comment.mark_of(run).is_some() {
            comment.marks.pop();
        }
        comment
    }
    /// The text with this mark alone.
    #[must_use]
    pub fn only(&self, mark: Mark) -> Self {
        Self { text: self.text.clone(), marks: vec![mark] }
    }
}

/// Cuts the last mark off.
fn split(comment: &str) -> Option<(&str, Mark)> {
    let inside = comment.strip_suffix(']')?;
    let at = inside.rfind(OPENING)?;
    let mark = Mark::parse(&inside[at + OPENING.len()..])?;
    let before = &inside[..at];
    Some((before.strip_suffix(' ').unwrap_or(before), mark))
}

impl Mark {
    fn parse(inside: &str) -> Option<Self> {
        let field = |name: &str| {
            let mut fields = inside.split(' ').filter_map(|field| field.split_once('='));
            fields.find(|(key, _)| *key == name).and_then(|(_, value)| unescape(value))
        };
        let origin = || {
            let (source, data_at) = (field("source")?, field("data")?.parse().ok()?);
            let (system, oid) = source.split_once('/')?;
            Some(Origin { source: Identity { system: system.to_owned(), oid: oid.parse().ok()? }, data_at })
        };
        let number = |name| field(name)?.parse().ok();
        let role = match field("as")?.as_str() {
            "empty" => Role::Empty,
            "filling" => Role::Filling,
            "filled" => Role::Filled(origin()?),
            "closed" => Role::Closed,
            "old" => Role::Old(Swap {
                new: field("new")?.parse().ok()?,
                outage_ms: number("outage-ms")?,
                sessions_ended: number("ended")?,
            }),
            "live" => Role::Live(origin()?),
            _ => return None,
        };
        Some(Self { run: RunId::parse(&field("run")?).ok()?, of: field("of")?, at: field("at")?.parse().ok()?, role })
    }
}

impl fmt::Display for Mark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{OPENING}run={} of={} at={:.0} as=", self.run, escape(&self.of), self.at)?;
        match &self.role {
            Role::Empty => f.write_str("empty")?,
            Role::Filling => f.write_str("filling")?,
            Role::Filled(origin) => write!(f, "filled {origin}")?,
            Role::Closed => f.write_str("closed")?,
            Role::Old(Swap { new, outage_ms, sessions_ended }) => {
                write!(f, "old new={new} outage-ms={outage_ms} ended={sessions_ended}")?;
            }
            Role::Live(origin) => write!(f, "live {origin}")?,
        }
        f.write_str("]")
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "data={} source={}", self.data_at, self.source)
    }
}

impl fmt::Display for Comment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)?;
        for (nth, mark) in self.marks.iter().enumerate() {
            let space = if nth == 0 && self.text.is_empty() { "" } else { " " };
            write!(f, "{space}{mark}")?;
        }
        Ok(())
    }
}

/// Leaves letters, digits and a few signs; everything else becomes `%` and two hexadecimal digits per byte.
fn escape(value: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    let parts = value.bytes().map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02x}") });
    parts.collect()
}

fn unescape(value: &str) -> Option<String> {
    let mut bytes = Vec::new();
    let mut rest = value.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        if *first == b'%' {
            let digits = std::str::from_utf8(after.get(..2)?).ok()?;
            bytes.push(u8::from_str_radix(digits, 16).ok()?);
            rest = &after[2..];
        } else {
            bytes.push(*first);
            rest = after;
        }
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mark(run: &str, role: Role) -> Mark {
        Mark { run: RunId::parse(run).unwrap(), of: "my app] %é".into(), at: "2026-11-20T08:00:00Z".parse().unwrap(), role }
    }

    fn origin() -> Origin {
        let source = Identity { system: "7349021".into(), oid: 16_384 };
        Origin { source, data_at: "2026-11-20T08:00:01.25Z".parse().unwrap() }
    }

    fn roles() -> Vec<Role> {
        let swap = Swap { new: 16_390, outage_ms: 431, sessions_ended: 3 };
        vec![Role::Empty, Role::Filling, Role::Filled(origin()), Role::Closed, Role::Old(swap), Role::Live(origin())]
    }

    #[test]
    fn every_mark_is_read_as_it_was_written() {
        for role in roles() {
            for text in ["", "the app's database", "ends with a bracket]", "[restage run=x] is not at the end", "two\nlines "] {
                let comment = Comment { text: text.into(), marks: vec![mark("0123456789", role.clone())] };
                assert_eq!(Comment::parse(&comment.to_string()), comment);
            }
        }
    }

    #[test]
    fn what_only_looks_like_a_mark_is_text() {
        for text in [
            "",
            "plain",
            "[restage ]",
            "a [restage run=0123456789]",
            "[restage run=A! of=app at=2026-11-20T08:00:00Z as=old]",
            "x [restage run=a of=app at=2026-11-20T08:00:00Z as=unknown]",
        ] {
            assert_eq!(Comment::parse(text), Comment { text: text.into(), marks: vec![] });
        }
    }

    #[test]
    fn marks_stack_and_the_last_one_can_be_taken_away() {
        let first = Comment { text: "app".into(), marks: vec![] }.with(mark("0000000001", Role::Live(origin())));
        let both = first.with(mark("0000000002", Role::Closed));
        assert_eq!(Comment::parse(&both.to_string()).marks.len(), 2);
        let second = RunId::parse("0000000002").unwrap();
        assert_eq!(both.with(mark("0000000002", Role::Empty)).marks.len(), 2);
        assert_eq!(both.without(&second), first);
        assert_eq!(first.without(&second), first);
        assert_eq!(both.only(mark("0000000003", Role::Live(origin()))).to_string().matches(OPENING).count(), 1);
    }

    #[test]
    fn a_runs_number_is_its_own_and_no_real_limit() {
        let numbers: Vec<i32> = ["0123456789", "0123456788", "zzzzzzzzzz"].map(|run| number(&RunId::parse(run).unwrap())).into();
        assert!(numbers.iter().all(|number| *number >= 1_000_000), "{numbers:?}");
        assert_ne!(numbers[0], numbers[1]);
        assert_eq!(number(&RunId::parse("0123456789").unwrap()), numbers[0]);
    }
}
