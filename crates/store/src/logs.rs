//! What steps and commands of a run said. Keeping secrets out of it is up to those who append.

use crate::runs::{self, moment, sql_limit};
use crate::store::Store;
use crate::trouble::{self, Trouble};
use jiff::Timestamp;
use restage_core::Result;
use restage_core::name::{RunId, StepId};
use rusqlite::{Connection, Row, params};
use serde::{Deserialize, Serialize};

/// The longest line kept, in bytes; the rest of a longer one is cut off.
pub const MAX_LINE_BYTES: usize = 8 << 10;
/// Lines kept per run; the oldest go first.
pub const MAX_LINES_PER_RUN: u64 = 200_000;

/// A line's place in its run's log, from 0; places of lines that were dropped are not used again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct LineNumber(pub u64);

/// Where a line came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stream {
    /// A command's standard output.
    Out,
    /// A command's standard error.
    Err,
    /// restage itself.
    Note,
}

/// One line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogLine {
    /// When.
    pub at: Timestamp,
    /// The step it belongs to, if it belongs to one.
    pub step: Option<StepId>,
    /// Where it came from.
    pub stream: Stream,
    /// What it says, without the end of line.
    pub text: String,
}

/// Some lines of a log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LogPage {
    /// The lines with their places, oldest first.
    pub lines: Vec<(LineNumber, LogLine)>,
    /// Where to read on.
    pub next: LineNumber,
    /// Lines that were asked for and have been dropped.
    pub dropped: u64,
}

impl Store {
    /// Adds lines to a run's log, cut to [`MAX_LINE_BYTES`]; beyond [`MAX_LINES_PER_RUN`] the oldest are dropped.
    pub async fn append_log(&self, run: &RunId, lines: Vec<LogLine>) -> Result<()> {
        if lines.is_empty() {
            return Ok(());
        }
        let run = run.clone();
        self.write(move |transaction| append(transaction, &run, lines)).await
    }

    /// The lines from that place on, at most `limit`; an empty page means there are no more yet.
    pub async fn log(&self, run: &RunId, from: LineNumber, limit: usize) -> Result<LogPage> {
        let run = run.clone();
        self.read(move |transaction| page(transaction, &run, from, limit)).await
    }
}

impl Stream {
    const fn text(self) -> &'static str {
        match self {
            Self::Out => "out",
            Self::Err => "err",
            Self::Note => "note",
        }
    }
}

fn append(connection: &Connection, run: &RunId, lines: Vec<LogLine>) -> Result<(), Trouble> {
    runs::expect(connection, run)?;
    let mut next: u64 =
        connection.query_row("SELECT coalesce(max(line) + 1, 0) FROM log_lines WHERE run = ?", [run.as_str()], |row| row.get(0))?;
    let mut insert =
        connection.prepare_cached("INSERT INTO log_lines (run, line, at, step, stream, text) VALUES (?, ?, ?, ?, ?, ?)")?;
    for line in lines {
        let step = line.step.map(|step| step.0);
        insert.execute(params![run.as_str(), next, line.at.to_string(), step, line.stream.text(), capped(line.text)])?;
        next += 1;
    }
    let oldest = next.saturating_sub(MAX_LINES_PER_RUN);
    if oldest > 0 {
        connection.prepare_cached("DELETE FROM log_lines WHERE run = ? AND line < ?")?.execute(params![run.as_str(), oldest])?;
    }
    Ok(())
}

fn page(connection: &Connection, run: &RunId, from: LineNumber, limit: usize) -> Result<LogPage, Trouble> {
    runs::expect(connection, run)?;
    let query = "SELECT line, at, step, stream, text FROM log_lines WHERE run = ? AND line >= ? ORDER BY line LIMIT ?";
    let mut statement = connection.prepare_cached(query)?;
    let mut rows = statement.query(params![run.as_str(), from.0, sql_limit(limit)])?;
    let mut lines = Vec::new();
    while let Some(row) = rows.next()? {
        lines.push((LineNumber(row.get(0)?), line(row)?));
    }
    let first = lines.first().map_or(from, |(number, _)| *number);
    let next = lines.last().map_or(from, |(number, _)| LineNumber(number.0 + 1));
    Ok(LogPage { lines, next, dropped: first.0.saturating_sub(from.0) })
}

fn line(row: &Row<'_>) -> Result<LogLine, Trouble> {
    let stream = match row.get_ref(3)?.as_str().map_err(rusqlite::Error::from)? {
        "out" => Stream::Out,
        "err" => Stream::Err,
        "note" => Stream::Note,
        other => return Err(trouble::damaged(format!("a log has no stream `{other}`")).into()),
    };
    let at = moment(row.get_ref(1)?.as_str().map_err(rusqlite::Error::from)?)?;
    Ok(LogLine { at, step: row.get::<_, Option<u32>>(2)?.map(StepId), stream, text: row.get(4)? })
}

fn capped(mut text: String) -> String {
    let kept = text.floor_char_boundary(MAX_LINE_BYTES);
    if kept < text.len() {
        let cut = format!("… ({} more bytes)", text.len() - kept);
        text.truncate(kept);
        text.push_str(&cut);
    }
    text
}
