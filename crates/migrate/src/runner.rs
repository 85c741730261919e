//! Running migrations on a database: the rules of this crate, applied to a server.
//!
//! A [`Runner`] has the session that scripts run on. What it does, it does under the history's lock, which a real Flyway takes
//! too and which a second session holds. A migration in a transaction is there with its row of the history or not at all. One
//! without has its row from before its first statement, and beside the history a note of how far it came ([`Unfinished`]).

mod clock;
mod reporter;
mod failure;

mod session;
mod lock;
mod script;
mod hooks;
mod notes;

mod apply;
mod alone;
mod beginning;

mod info;
mod run;
mod undo;
mod amend;

pub use amend::{Baselined, Repaired};
pub use clock::{Clock, SystemClock};
pub use failure::{Failure, Left};
pub use info::{Disagreements, Info};
pub use lock::Holder;
pub use notes::{Next, Unfinished};
pub use reporter::{File, Progress, Reporter, Silent};
pub use run::{Applied, GoOn, Ran};

use restage_pgcopy::connect::Endpoint;
use restage_pgcopy::stop::Stop;

pub(crate) use self::failure::of_server;
use self::lock::Lock;
pub(crate) use self::lock::holder;
pub(crate) use self::notes::{notes_exist, unfinished};
use self::session::Session;
pub(crate) use self::session::literal;
use crate::checksum::Checksum;
use crate::history::{Row, RowType, Table};
use crate::placeholders::Placeholders;
use crate::reading::placeholders;
use crate::scripts::{self, Scripts};
use crate::settings::Settings;
use crate::version::Version;
use crate::{Error, Kind, Result};

/// What everything here is given.
#[derive(Clone, Copy)]
pub struct Cx<'a> {
    /// What is set.
    pub settings: &'a Settings,
    /// Who hears of progress.
    pub reporter: &'a dyn Reporter,
    /// Waits.
    pub clock: &'a dyn Clock,
    /// Asks to stop.
    pub stop: &'a Stop,
    /// The name of the environment, for the placeholder `flyway:environment`.
    pub environment: &'a str,
}

/// A database that migrations can be run on.
pub struct Runner<'a> {
    cx: Cx<'a>,
    session: Session,
    table: Table,
    placeholders: Placeholders,
    installed_by: String,
}

impl<'a> Runner<'a> {
    /// Connects; the session is one as an application has, with the settings of its role and database.
    pub async fn connect(endpoint: &Endpoint, cx: Cx<'a>) -> Result<Self> {
        let session = Session::connect(endpoint, cx).await?;
        cx.reporter.report(&Progress::Connected);
        let schema = cx.settings.history_schema().map(str::to_owned).or_else(|| session.current_schema.clone());
        let table = Table { schema: schema.ok_or_else(session::no_schema)?, name: cx.settings.table.clone() };
        let (role, database, timestamp) = (&session.role, &session.database, cx.clock.timestamp());
        let known = Known { table: &table, role, database, timestamp, environment: cx.environment };
        let placeholders = placeholders(cx.settings, &known)?;
        let installed_by = cx.settings.installed_by.clone().unwrap_or_else(|| session.role.clone());
        Ok(Self { cx, session, table, placeholders, installed_by })
    }

    /// The table of the history.
    pub fn table(&self) -> &Table {
        &self.table
    }

    /// The placeholders with all values, Flyway's own included.
    pub fn placeholders(&self) -> &Placeholders {
        &self.placeholders
    }

    /// Finds the scripts of the settings' locations, or everything that is wrong with them.
    pub fn scripts(&self) -> Result<Scripts, Vec<Error>> {
        scripts::find(&self.cx.settings.locations, self.cx.settings, &self.placeholders)
    }

    /// Who holds the lock of the history, if anybody does.
    pub async fn holder(&self) -> Result<Option<Holder>> {
        lock::holder(self.session.client.reader(), &self.table).await
    }

    /// The migration that was begun without a transaction and did not come to its end, if there is one.
    pub async fn unfinished(&self) -> Result<Option<Unfinished>> {
        let there = self.there().await?;
        if there.history && there.notes { unfinished(self.session.client.reader(), &self.table).await } else { Ok(None) }
    }

    /// The schemas that are migrated, that of the history among them.
    fn schemas(&self) -> Vec<String> {
        let mut schemas = self.cx.settings.schemas.clone();
        if !schemas.contains(&self.table.schema) {
            schemas.insert(0, self.table.schema.clone());
        }
        schemas
    }

    fn major(&self) -> u32 {
        self.session.client.major()
    }

    async fn lock(&self) -> Result<Lock> {
        Lock::take(self.session.client.endpoint(), &self.table, self.cx).await
    }

    async fn there(&self) -> Result<There> {
        let sql = format!("SELECT ({}), {}", self.table.exists(), notes_exist(&self.table));
        let rows = self.session.client.reader().rows("look for the history", &sql).await.map_err(of_server)?;
        let is = |column| rows.first().and_then(|row| row.get(column)) == Some("t");
        Ok(There { history: is(0), notes: is(1) })
    }

    /// The rows of the history, which exists.
    async fn rows(&self) -> Result<Vec<Row>> {
        let rows = self.session.client.reader().rows("read the history", &self.table.read()).await.map_err(of_server)?;
        rows.iter().map(|row| row_of(|column| row.get(column))).collect()
    }
}

/// What Flyway's own placeholders stand for.
#[derive(Clone, Debug)]
pub struct Known<'a> {
    /// The table of the history.
    pub table: &'a Table,
    /// The role that scripts run as.
    pub role: &'a str,
    /// The database that they run on.
    pub database: &'a str,
    /// The present, as [`Clock::timestamp`] tells it.
    pub timestamp: String,
    /// The name of the environment.
    pub environment: &'a str,
}

/// Which tables there are.
#[derive(Clone, Copy)]
struct There {
    history: bool,
    notes: bool,
}

pub(crate) fn row_of<'text>(get: impl Fn(usize) -> Option<&'text str>) -> Result<Row> {
    let text = |column| get(column).unwrap_or_default().to_owned();
    let number = |column: usize| -> Result<i32> {
        text(column).parse().map_err(|_| {
            let error = Kind::Invalid.error(format_args!("the history has `{}` where a number should be", text(column)));
            error.help("look at who made that table; its columns are not those of Flyway")
        })
    };
    Ok(Row {
        installed_rank: number(0)?,
        version: get(1).map(Version::parse).transpose()?,
        description: text(2),
        sort: RowType::parse(&text(3))?,
        script: text(4),
        checksum: get(5).is_some().then(|| number(5)).transpose()?.map(Checksum),
        installed_by: text(6),
        execution_time: number(7)?,
        success: get(8) == Some("t"),
        installed_on: get(9).map(str::to_owned),
    })
}
