//! What a simulated database holds, told apart by where it came from: enough to see a mixture, a loss or a leftover.

use restage_core::environment::DatabaseAddress;
use restage_core::facts::Identity;
use restage_core::name::RunId;
use restage_core::provider::Delta;
use restage_core::schema::TableName;
use std::collections::BTreeMap;
use std::fmt;

/// A database on a server, whoever asks for it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Spot(String);

impl Spot {
    pub(crate) fn of(address: &DatabaseAddress) -> Self {
        Self(format!("{}/{}", address.endpoint, address.database))
    }
}

impl fmt::Display for Spot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Whose a database is, as its comment says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Tag {
    /// Nobody wrote any.
    None,
    /// A run made it.
    Run(RunId),
    /// Somebody else's, by chance under the name that a run would choose.
    Stranger,
}

/// A database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Database {
    pub(crate) identity: Identity,
    pub(crate) tag: Tag,
    pub(crate) door: Door,
    pub(crate) content: Content,
}

/// Whether sessions are let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Door {
    Open,
    Closed,
}

impl Database {
    pub(crate) fn is_of(&self, run: &RunId) -> bool {
        self.tag == Tag::Run(run.clone())
    }
}

/// In how many parts rows are copied.
pub(crate) const PARTS: usize = 3;

/// One part of the rows: of which database, in which snapshot of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Part {
    pub(crate) of: Spot,
    pub(crate) snapshot: u32,
}

/// What is in a database.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Content {
    pub(crate) parts: Vec<Part>,
    /// Rows of a database's own, by table, with the database that they are from.
    pub(crate) own_rows: BTreeMap<TableName, Spot>,
    /// Objects of a database's own, with the database that they are from.
    pub(crate) own_objects: BTreeMap<Delta, Spot>,
    /// Statements and commands that took effect here, and how often.
    pub(crate) statements: BTreeMap<String, u32>,
    /// The run whose refresh in place was committed here.
    pub(crate) refreshed_by: Option<RunId>,
}

impl Content {
    /// A database as it has always been.
    pub(crate) fn grown_at(spot: &Spot) -> Self {
        Self { parts: vec![Part { of: spot.clone(), snapshot: 0 }; PARTS], ..Self::default() }
    }

    /// Whether all rows are there, all from one snapshot.
    pub(crate) fn is_whole(&self) -> bool {
        self.parts.len() == PARTS && self.parts.iter().all(|part| *part == self.parts[0])
    }

    /// Whether all rows are those of that database.
    pub(crate) fn is_copy_of(&self, spot: &Spot) -> bool {
        self.is_whole() && self.parts[0].of == *spot
    }

    /// Adds one more effect of a statement.
    pub(crate) fn add(&mut self, statement: &str) {
        *self.statements.entry(statement.to_owned()).or_default() += 1;
    }

    /// Whether it is the other content, whatever those statements did to either.
    pub(crate) fn is_but_for(&self, excepted: impl Fn(&String) -> bool, other: &Self) -> bool {
        let rest = |content: &'_ Self| -> Vec<(String, u32)> {
            let rest = content.statements.iter().filter(|(statement, _)| !excepted(statement));
            rest.map(|(statement, times)| (statement.clone(), *times)).collect()
        };
        self.parts == other.parts
            && self.own_rows == other.own_rows
            && self.own_objects == other.own_objects
            && self.refreshed_by == other.refreshed_by
            && rest(self) == rest(other)
    }
}
