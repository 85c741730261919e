//! Runs SQL in one transaction.

use super::Cx;
use super::action::{About, Action, Summary};
use crate::error::{Code, Result};
use crate::name::RunId;
use crate::plan::{How, Reversal};
use crate::provider::{Fate, Place, SqlDone, SqlSpec, Work};
use serde::{Deserialize, Serialize};

/// Runs statements on a database; either all of them happen or none.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunSql {
    /// Where.
    pub place: Place,
    /// The statements.
    pub statement: String,
    /// The statements that take them back.
    pub undo: Option<String>,
}

impl RunSql {
    fn work(&self, cx: &Cx<'_>, statement: &str) -> Work {
        Work::Sql(SqlSpec { address: self.place.address(&cx.run), statement: statement.to_owned() })
    }
}

/// The first words of SQL, for titles.
fn opening(statement: &str) -> String {
    const TITLE_CHARS: usize = 48;
    let line = statement.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.chars().count() <= TITLE_CHARS { line } else { format!("{}…", line.chars().take(TITLE_CHARS).collect::<String>()) }
}

impl Action for RunSql {
    type Receipt = SqlDone;
    fn about(&self) -> About {
        let statement = opening(&self.statement);
        let (what, reversal) = match (&self.place, &self.undo) {
            (Place::Shadow(target), _) => (format!("the shadow of {target}"), Reversal::Full),
            (Place::Live(address) | Place::Old(address), Some(_)) => (address.to_string(), Reversal::Full),
            (Place::Live(address) | Place::Old(address), None) => {
                (address.to_string(), Reversal::Leaves(format!("what `{statement}` changed: it has no `undo:`")))
            }
        };
        About::new(format!("run `{statement}`")).effect(How::Changes, what).reversal(reversal)
    }
    async fn run(&self, cx: &Cx<'_>) -> Result<SqlDone> {
        cx.job(&self.work(cx, &self.statement)).await
    }
    async fn undo(&self, cx: &Cx<'_>, receipt: Option<SqlDone>) -> Result<()> {
        let Some(undo) = &self.undo else { return Ok(()) };
        let fate = if receipt.is_some() { Fate::Happened } else { cx.providers.jobs.fate(&cx.job_name()).await? };
        match fate {
            Fate::Happened => cx.undo_job::<SqlDone>(&self.work(cx, undo)).await.map(drop),
            Fate::Never => Ok(()),
            Fate::Unknown => Err(Code::InDoubt
                .error(format!("nobody knows whether `{}` was committed", opening(&self.statement)))
                .help("look at the database; if it was committed, run the stage's `undo:` by hand")),
        }
    }
    fn summary(&self, receipt: SqlDone) -> Summary {
        Summary { lines: vec![format!("`{}` touched {} rows", opening(&self.statement), receipt.rows)], ..Summary::default() }
    }
    fn by_hand(&self, run: &RunId) -> Vec<String> {
        let address = self.place.address(run);
        self.undo
            .iter()
            .map(|undo| format!("if `{}` was committed on {address}, run there: {undo}", opening(&self.statement)))
            .collect()
    }
}
