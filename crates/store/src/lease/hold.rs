//! Who holds a target, and whether that process is still there.

use super::life::{LifeFile, LifeName};
use crate::folder::Folder;
use crate::runs::{moment, run_id};
use crate::target::TargetKey;
use crate::trouble::Trouble;
use jiff::Timestamp;
use restage_core::name::RunId;
use rusqlite::{Connection, Params, Row};
use serde::{Deserialize, Serialize};
use std::fmt;

/// The name of a machine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Host(pub String);

/// A process that holds leases.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    /// Where it runs.
    pub host: Host,
    /// Its process id there.
    pub pid: u32,
    /// The login name it runs under.
    pub user: String,
}

/// A held target.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Hold {
    /// The target.
    pub target: TargetKey,
    /// The run it is held for.
    pub run: RunId,
    /// Who holds it.
    pub holder: Holder,
    /// Whether the holder is still there.
    pub standing: Standing,
    /// When it was taken.
    pub since: Timestamp,
    /// When it was last renewed.
    pub renewed: Timestamp,
    /// When others may take it over, whatever the standing.
    pub expires: Timestamp,
}

/// Whether a holder is still there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Standing {
    /// It runs.
    Alive,
    /// It ended without giving the lease back.
    Gone,
    /// It runs on another machine, or cannot be told.
    Unknown,
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for Holder {
    /// `process 123 of alice on db-admin`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "process {} of {} on {}", self.pid, self.user, self.host)
    }
}

/// A lease as the database has it, held or not.
pub(super) struct LeaseRow {
    target: TargetKey,
    pub(super) token: u64,
    pub(super) run: Option<RunId>,
    holder: Holder,
    since: Timestamp,
    pub(super) renewed: Timestamp,
    expires: Timestamp,
}

impl LeaseRow {
    /// The hold, if there is one, as seen from `host`.
    pub(super) fn hold(&self, folder: &Folder, host: &Host) -> Option<Hold> {
        let run = self.run.clone()?;
        let standing = if self.holder.host == *host {
            LifeFile::standing(folder, &LifeName::of(&self.target, self.token))
        } else {
            Standing::Unknown
        };
        let (target, holder) = (self.target.clone(), self.holder.clone());
        Some(Hold { target, run, holder, standing, since: self.since, renewed: self.renewed, expires: self.expires })
    }
}

const COLUMNS: &str = "SELECT target, token, run, host, pid, user, since, renewed_at, expires_at FROM leases";

pub(super) fn find(connection: &Connection, target: &TargetKey) -> Result<Option<LeaseRow>, Trouble> {
    Ok(select(connection, "WHERE target = ?", [target.as_str()])?.pop())
}

pub(super) fn find_of(connection: &Connection, run: &RunId) -> Result<Vec<LeaseRow>, Trouble> {
    select(connection, "WHERE run = ? ORDER BY target", [run.as_str()])
}

fn select(connection: &Connection, which: &str, params: impl Params) -> Result<Vec<LeaseRow>, Trouble> {
    let mut statement = connection.prepare_cached(&format!("{COLUMNS} {which}"))?;
    let mut rows = statement.query(params)?;
    let mut leases = Vec::new();
    while let Some(row) = rows.next()? {
        leases.push(read(row)?);
    }
    Ok(leases)
}

fn read(row: &Row<'_>) -> Result<LeaseRow, Trouble> {
    let time = |column: usize| -> Result<Timestamp, Trouble> { Ok(moment(&row.get::<_, String>(column)?)?) };
    Ok(LeaseRow {
        target: TargetKey::stored(row.get(0)?),
        token: row.get(1)?,
        run: row.get::<_, Option<String>>(2)?.map(run_id).transpose()?,
        holder: Holder { host: Host(row.get(3)?), pid: row.get(4)?, user: row.get(5)? },
        since: time(6)?,
        renewed: time(7)?,
        expires: time(8)?,
    })
}
