//! What `diagnose --fix` did: written down before it is done, and again once it is known how it ended.

use crate::runs::{moment, sql_limit};
use crate::store::Store;
use crate::trouble::{self, Trouble};
use jiff::Timestamp;
use restage_core::Result;
use restage_core::diagnosis::Fix;
use restage_core::error::Failure;
use restage_core::run::Person;
use rusqlite::{Row, params};
use serde::{Deserialize, Serialize};

/// The place of a fix among all of a store, from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct FixNumber(pub i64);

/// A fix that is about to be made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct NewFix {
    /// When.
    pub at: Timestamp,
    /// Who agreed to it.
    pub by: Person,
    /// What was diagnosed.
    pub subject: String,
    /// What was found.
    pub finding: String,
    /// What showed it.
    pub evidence: Vec<String>,
    /// What is done about it.
    pub fix: Fix,
}

/// How a fix ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "kebab-case")]
pub enum FixOutcome {
    /// It was done.
    Done,
    /// It was not, or not all of it.
    Failed {
        /// Why.
        failure: Failure,
    },
}

/// A fix as the store has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RecordedFix {
    /// Its place.
    pub number: FixNumber,
    /// What was to be done, and why.
    #[serde(flatten)]
    pub begun: NewFix,
    /// When and how it ended; none where nobody knows, for the process died.
    pub ended: Option<FixEnd>,
}

/// When and how a fix ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FixEnd {
    /// When.
    pub at: Timestamp,
    /// How.
    #[serde(flatten)]
    pub outcome: FixOutcome,
}

impl Store {
    /// Writes down a fix before it is made.
    pub async fn begin_fix(&self, fix: NewFix) -> Result<FixNumber> {
        self.write(move |transaction| {
            let insert = "INSERT INTO fixes (at, by, subject, finding, evidence, fix) VALUES (?, ?, ?, ?, ?, ?)";
            let (evidence, what) = (json(&fix.evidence), json(&fix.fix));
            transaction.execute(insert, params![fix.at.to_string(), fix.by.0, fix.subject, fix.finding, evidence, what])?;
            Ok(FixNumber(transaction.last_insert_rowid()))
        })
        .await
    }

    /// Writes down how a fix ended.
    pub async fn end_fix(&self, number: FixNumber, at: Timestamp, outcome: FixOutcome) -> Result<()> {
        self.write(move |transaction| {
            let update = "UPDATE fixes SET ended_at = ?, outcome = ? WHERE number = ?";
            transaction.execute(update, params![at.to_string(), json(&outcome), number.0])?;
            Ok(())
        })
        .await
    }

    /// The latest fixes, newest first, at most `limit`.
    pub async fn fixes(&self, limit: usize) -> Result<Vec<RecordedFix>> {
        self.read(move |transaction| {
            let query = "SELECT number, at, by, subject, finding, evidence, fix, ended_at, outcome FROM fixes
                         ORDER BY number DESC LIMIT ?";
            let mut statement = transaction.prepare_cached(query)?;
            let mut rows = statement.query([sql_limit(limit)])?;
            let mut fixes = Vec::new();
            while let Some(row) = rows.next()? {
                fixes.push(read(row)?);
            }
            Ok(fixes)
        })
        .await
    }
}

fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("what is written down is plain data")
}

fn read(row: &Row<'_>) -> Result<RecordedFix, Trouble> {
    let number: i64 = row.get(0)?;
    let damaged = |error: serde_json::Error| trouble::damaged(format!("fix {number} cannot be read")).because(error);
    let begun = NewFix {
        at: moment(&row.get::<_, String>(1)?)?,
        by: Person(row.get(2)?),
        subject: row.get(3)?,
        finding: row.get(4)?,
        evidence: serde_json::from_str(&row.get::<_, String>(5)?).map_err(damaged)?,
        fix: serde_json::from_str(&row.get::<_, String>(6)?).map_err(damaged)?,
    };
    let ended = match (row.get::<_, Option<String>>(7)?, row.get::<_, Option<String>>(8)?) {
        (Some(at), Some(outcome)) => Some(FixEnd { at: moment(&at)?, outcome: serde_json::from_str(&outcome).map_err(damaged)? }),
        _ => None,
    };
    Ok(RecordedFix { number: FixNumber(number), begun, ended })
}
