//! Emptying a database that is to be filled: a shadow that an earlier attempt left half-filled, or one that keeps its place.

mod rights;

use super::statements::{Failure, Runner, Statement, Transaction};
use crate::archive::{Archive, Entry};
use crate::connect::{Reader, TargetClient};
use crate::facts::identity;
use crate::stop::Stop;
use crate::{Kind, Result};
use restage_core::facts::{Identity, ObjectKind};
use restage_core::schema::{TableName, quote_identifier};

/// What is content; all else belongs to one of these, or to the place: extensions, subscriptions, and who may do what.
const CONTENT: [ObjectKind; 27] = [
    ObjectKind::AccessMethod,
    ObjectKind::Aggregate,
    ObjectKind::Cast,
    ObjectKind::Collation,
    ObjectKind::Conversion,
    ObjectKind::Domain,
    ObjectKind::EventTrigger,
    ObjectKind::ForeignDataWrapper,
    ObjectKind::ForeignTable,
    ObjectKind::Function,
    ObjectKind::MaterializedView,
    ObjectKind::Operator,
    ObjectKind::OperatorClass,
    ObjectKind::OperatorFamily,
    ObjectKind::ProceduralLanguage,
    ObjectKind::Procedure,
    ObjectKind::Publication,
    ObjectKind::Sequence,
    ObjectKind::Server,
    ObjectKind::Table,
    ObjectKind::TextSearchConfiguration,
    ObjectKind::TextSearchDictionary,
    ObjectKind::TextSearchParser,
    ObjectKind::TextSearchTemplate,
    ObjectKind::Transform,
    ObjectKind::Type,
    ObjectKind::View,
];

/// How many large objects one statement removes; each takes a lock.
const LARGE_OBJECTS_PER_STATEMENT: u32 = 1_000;

/// Whether a database holds anything that filling it would collide with. Below 16384 are the object ids of what was there first.
pub(super) async fn is_empty(target: Reader<'_>) -> Result<bool> {
    let sql = "SELECT NOT EXISTS (SELECT FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
                                   WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema') \
                  AND NOT EXISTS (SELECT FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace \
                                   WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema') \
                  AND NOT EXISTS (SELECT FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace \
                                   WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema') \
                  AND NOT EXISTS (SELECT FROM pg_namespace WHERE nspname !~ '^pg_' AND nspname NOT IN ('information_schema', 'public')) \
                  AND NOT EXISTS (SELECT FROM pg_event_trigger) AND NOT EXISTS (SELECT FROM pg_publication) \
                  AND NOT EXISTS (SELECT FROM pg_extension WHERE oid >= 16384) AND NOT EXISTS (SELECT FROM pg_default_acl) \
                  AND NOT EXISTS (SELECT FROM pg_foreign_data_wrapper) AND NOT EXISTS (SELECT FROM pg_largeobject_metadata)";
    let rows = target.query("look whether the database is empty", sql, &[]).await?;
    Ok(rows[0].get(0))
}

/// Drops every object of the session's database inside the transaction that is open; `archive` is that database's. Extensions
/// and subscriptions stay. Refused if the database is `source`, the one that is to be copied.
pub async fn clear_within(client: &TargetClient, source: &Identity, archive: &Archive, stop: &Stop) -> Result<Vec<String>> {
    let target = OtherDatabase::look(client, source).await?;
    drop_all(&target, &Runner::new(client, Transaction::Open, stop), archive, &CONTENT).await
}

/// A database that was looked at and is not the source.
pub(super) struct OtherDatabase<'a>(&'a TargetClient);

impl<'a> OtherDatabase<'a> {
    /// The session on it.
    pub(super) fn client(&self) -> &'a TargetClient {
        self.0
    }

    /// Looks who the database is; the source itself is refused.
    pub(super) async fn look(client: &'a TargetClient, source: &Identity) -> Result<Self> {
        if identity(client.reader()).await? != *source {
            return Ok(Self(client));
        }
        let error = Kind::SameDatabase.error(format!("{} is the database to be copied", client.endpoint()));
        Err(error.help("name another database as the target"))
    }
}

/// Makes a shadow, whose archive that is, what it was when it was made: all that is in it comes from attempts to fill it.
pub(super) async fn clear(target: &OtherDatabase<'_>, runner: &Runner<'_>, archive: &Archive) -> Result<Vec<String>> {
    let mut notes = runner.run(&drop_subscriptions(target.0.reader()).await?).await?;
    let dropped: Vec<ObjectKind> = CONTENT.into_iter().chain([ObjectKind::Extension]).collect();
    notes.extend(drop_all(target, runner, archive, &dropped).await?);
    notes.extend(rights::restore(target.0.reader(), runner).await?);
    Ok(notes)
}

/// Drops all objects of these kinds of the database whose archive that is; extensions that stay lose the rows a user gave them.
async fn drop_all(target: &OtherDatabase<'_>, runner: &Runner<'_>, archive: &Archive, kinds: &[ObjectKind]) -> Result<Vec<String>> {
    let client = target.0;
    // Last made, first dropped; what fails because something else was dropped with it is not there any more.
    let dropped = archive.entries.iter().rev().filter(|entry| kinds.contains(&entry.kind));
    let drops: Vec<Statement> = dropped.filter_map(drop_statement).collect();
    let mut notes = runner.run(&drops).await?;
    let schemas: Vec<Statement> = archive.entries.iter().rev().filter_map(drop_schema).collect();
    notes.extend(runner.run(&schemas).await?);
    empty_extensions(client, runner).await?;
    remove_large_objects(client).await?;
    Ok(notes)
}

fn drop_statement(entry: &Entry) -> Option<Statement> {
    let name = entry.described()?.strip_prefix(entry.kind.word())?;
    let sql = format!("DROP {} IF EXISTS{name} CASCADE;", entry.kind);
    Some(Statement { doing: format!("drop `{}`", entry.label()), sql, failure: Failure::Fatal })
}

/// A schema that an extension lives in cannot be dropped, and is made only if it is missing.
fn drop_schema(entry: &Entry) -> Option<Statement> {
    let is_schema = entry.kind == ObjectKind::Schema && entry.name != "public";
    let named = entry.described().filter(|_| is_schema)?;
    Some(Statement { doing: format!("drop `{}`", entry.label()), sql: format!("DROP {named};"), failure: Failure::Noted })
}

/// A copy makes them without a slot, so that none is dropped at the publisher.
async fn drop_subscriptions(target: Reader<'_>) -> Result<Vec<Statement>> {
    let sql = "SELECT subname FROM pg_subscription WHERE subslotname IS NULL \
               AND subdbid = (SELECT oid FROM pg_database WHERE datname = current_database())";
    let rows = target.query("list the subscriptions", sql, &[]).await?;
    let dropped = rows.iter().map(|row| {
        let name: &str = row.get(0);
        let sql = format!("DROP SUBSCRIPTION {};", quote_identifier(name));
        Statement { doing: format!("drop the subscription `{name}`"), sql, failure: Failure::Fatal }
    });
    Ok(dropped.collect())
}

async fn remove_large_objects(client: &TargetClient) -> Result<()> {
    let sql = format!(
        "SELECT lo_unlink(oid) FROM (SELECT oid FROM pg_largeobject_metadata LIMIT {LARGE_OBJECTS_PER_STATEMENT}) AS objects"
    );
    while !client.reader().query("remove large objects", &sql, &[]).await?.is_empty() {}
    Ok(())
}

async fn empty_extensions(client: &TargetClient, runner: &Runner<'_>) -> Result<()> {
    let sql = "SELECT n.nspname, c.relname, t.condition FROM pg_extension x, unnest(x.extconfig, x.extcondition) AS t(oid, condition) \
               JOIN pg_class c ON c.oid = t.oid JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind = 'r'";
    let tables = client.reader().query("list the extensions' tables", sql, &[]).await?;
    let delete = tables.iter().map(|row| {
        let name = TableName::new(row.get::<_, String>(0), row.get::<_, String>(1));
        let sql = format!("DELETE FROM ONLY {} {};", name.sql(), row.get::<_, &str>(2));
        Statement { doing: format!("empty `{name}`"), sql, failure: Failure::Fatal }
    });
    runner.run(&delete.collect::<Vec<_>>()).await.map(drop)
}
