//! What a history says, read on a session that cannot write: that of a database which is only looked at.

use restage_pgcopy::connect::Reader;

use crate::history::{Row, Table};
use crate::placeholders::{OwnPlaceholder, Placeholders};
use crate::runner::{self, Holder, Known, Unfinished, literal, of_server, row_of};
use crate::settings::Settings;
use crate::{Kind, Result};

/// The history of a database, if it has one: in the schema that settings name, or in the only one with a table of that name.
pub async fn history(reader: Reader<'_>, settings: &Settings) -> Result<Option<(Table, Vec<Row>)>> {
    let Some(table) = table(reader, settings).await? else { return Ok(None) };
    let rows = reader.rows("read the history", &table.read()).await.map_err(of_server)?;
    let rows = rows.iter().map(|row| row_of(|column| row.get(column))).collect::<Result<_>>()?;
    Ok(Some((table, rows)))
}

/// Who holds the lock of a history, be there such a table or not.
pub async fn holder(reader: Reader<'_>, table: &Table) -> Result<Option<Holder>> {
    runner::holder(reader, table).await
}

/// The migration that was begun without a transaction and did not come to its end, if there is one; the history exists.
pub async fn unfinished(reader: Reader<'_>, table: &Table) -> Result<Option<Unfinished>> {
    let sql = format!("SELECT {}", runner::notes_exist(table));
    let rows = reader.rows("look for the notes of a migration", &sql).await.map_err(of_server)?;
    let are_there = rows.first().and_then(|row| row.get(0)) == Some("t");
    if are_there { runner::unfinished(reader, table).await } else { Ok(None) }
}

/// Whether any of these schemas has objects that are not of an extension, as Flyway counts.
pub async fn are_filled(reader: Reader<'_>, schemas: &[String]) -> Result<bool> {
    let names = schemas.iter().map(|schema| literal(schema)).collect::<Vec<_>>().join(", ");
    let own = |table: &str, namespace: &str, more: &str| {
        format!(
            "SELECT 1 FROM pg_catalog.{table} o JOIN pg_catalog.pg_namespace n ON n.oid = o.{namespace} \
             LEFT JOIN pg_catalog.pg_depend d ON d.objid = o.oid AND d.deptype = 'e' \
             WHERE n.nspname IN ({names}) AND d.objid IS NULL{more}"
        )
    };
    let sql = format!(
        "SELECT EXISTS ({} UNION ALL {} UNION ALL {})",
        own("pg_class", "relnamespace", " AND o.relkind IN ('r', 'v', 'S', 't')"),
        own("pg_type", "typnamespace", " AND o.typcategory NOT IN ('A', 'C')"),
        own("pg_proc", "pronamespace", ""),
    );
    let rows = reader.rows("look for objects", &sql).await.map_err(of_server)?;
    Ok(rows.first().and_then(|row| row.get(0)) == Some("t"))
}

/// Tables with the columns of a history, whatever they are called.
pub async fn like_histories(reader: Reader<'_>) -> Result<Vec<Table>> {
    let sql = "SELECT n.nspname, c.relname FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
               WHERE c.relkind IN ('r', 'p') AND 5 = (SELECT count(*) FROM pg_catalog.pg_attribute a WHERE a.attrelid = c.oid \
               AND a.attname IN ('installed_rank', 'script', 'checksum', 'installed_on', 'success')) ORDER BY 1, 2";
    let rows = reader.rows("look for other histories", sql).await.map_err(of_server)?;
    Ok(rows.iter().filter_map(|row| Some(Table { schema: row.get(0)?.to_owned(), name: row.get(1)?.to_owned() })).collect())
}

async fn table(reader: Reader<'_>, settings: &Settings) -> Result<Option<Table>> {
    let name = settings.table.replace('\'', "''");
    let sql = format!(
        "SELECT n.nspname FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
         WHERE c.relname = '{name}' AND c.relkind IN ('r', 'p') ORDER BY 1"
    );
    let rows = reader.rows("look for the history", &sql).await.map_err(of_server)?;
    let mut schemas: Vec<&str> = rows.iter().filter_map(|row| row.get(0)).collect();
    if let Some(wanted) = settings.history_schema() {
        schemas.retain(|schema| *schema == wanted);
    }
    match schemas[..] {
        [] => Ok(None),
        [schema] => Ok(Some(Table { schema: schema.to_owned(), name: settings.table.clone() })),
        [first, second, ..] => {
            let error = Kind::Setting.error(format_args!("`{}` is in `{first}` and in `{second}`", settings.table));
            Err(error.help("say which one is meant with `defaultSchema`"))
        }
    }
}

/// The placeholders with all values, Flyway's own included.
pub fn placeholders(settings: &Settings, known: &Known<'_>) -> Result<Placeholders> {
    let mut placeholders = settings.placeholders()?;
    let folder = std::env::current_dir().unwrap_or_default().display().to_string();
    for (which, value) in [
        (OwnPlaceholder::DefaultSchema, known.table.schema.clone()),
        (OwnPlaceholder::Schemas, settings.schemas.join(",")),
        (OwnPlaceholder::User, known.role.to_owned()),
        (OwnPlaceholder::Database, known.database.to_owned()),
        (OwnPlaceholder::Timestamp, known.timestamp.clone()),
        (OwnPlaceholder::WorkingDirectory, folder),
        (OwnPlaceholder::Table, known.table.name.clone()),
        (OwnPlaceholder::Environment, known.environment.to_owned()),
    ] {
        placeholders.insert_own(which, value);
    }
    Ok(placeholders)
}
