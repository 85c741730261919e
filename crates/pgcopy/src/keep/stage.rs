//! Bringing the target's rows to where they are merged.
//!
//! From another database they come by COPY in text form, which carries over small differences of type. Inside one
//! transaction they are set aside first, as text too: a temporary table with columns of the user's own types would be dropped
//! along with those types.

use super::layout::flag;
use super::staged::{Field, Staged, Staging, constraint};
use super::table::Table;
use crate::connect::{Boundaries, SourceClient, TargetClient};
use crate::stop::Stop;
use crate::{Kind, Result, event_triggers};
use restage_core::schema::{ColumnName, TableName};
use tokio_postgres::types::Type;

/// Where rows set aside wait, by the table's place in the list.
fn aside(at: usize) -> String {
    format!("pg_temp.restage_aside_{at}")
}

/// Copies the rows of the kept tables out of the database they are in, before that is emptied in the same transaction.
pub async fn set_aside(client: &TargetClient, tables: &[Table]) -> Result<()> {
    let paused = event_triggers::pause(client).await?;
    for (at, table) in tables.iter().enumerate() {
        let name = &table.plan.table;
        let from = super::layout::read(client.reader(), std::iter::once(name)).await?;
        let Some(layout) = from.get(name) else { return Err(missing(name)) };
        let texts: Vec<String> =
            carried(&table.plan.columns).map(|(at, column)| format!("t.{}::text AS c{at}", column.sql())).collect();
        let sql = format!("CREATE TEMPORARY TABLE {} AS SELECT {} FROM {} AS t", aside(at), texts.join(", "), layout.from());
        client.run(format!("set the rows of `{name}` aside"), &sql).await?;
    }
    event_triggers::resume(client, &paused).await
}

fn carried(columns: &[ColumnName]) -> impl Iterator<Item = (usize, &ColumnName)> {
    columns.iter().enumerate()
}

/// The table as `FROM` takes it: with its partitions' rows, without those of tables that inherit from it.
async fn own_rows(target: &SourceClient, table: &TableName) -> Result<String> {
    let sql = "SELECT c.relkind = 'p' FROM pg_class c WHERE c.oid = to_regclass($1)";
    let rows = target.reader().query(format!("look at `{table}`"), sql, &[(&table.sql(), Type::TEXT)]).await?;
    let row = rows.first().ok_or_else(|| missing(table))?;
    Ok(if flag(row, 0)? { table.sql() } else { format!("ONLY {}", table.sql()) })
}

fn missing(table: &TableName) -> crate::Error {
    Kind::Missing.error(format!("`{table}` is to be kept and is not on the target")).help("plan again")
}

impl Staging<'_> {
    /// Brings the rows from the target's own database, in a transaction that is open there.
    pub(super) async fn fetch(&self, target: &SourceClient, stop: &Stop) -> Result<()> {
        for staged in &self.tables {
            stop.check()?;
            self.create(staged).await?;
            self.copy(target, staged, stop).await?;
            self.finish(staged).await?;
        }
        Ok(())
    }

    /// Takes up the rows that were set aside earlier in the transaction.
    pub(super) async fn take_up(&self) -> Result<()> {
        for (at, staged) in self.tables.iter().enumerate() {
            self.create(staged).await?;
            let from = &staged.keep.plan.columns;
            let position = |field: &Field| from.iter().position(|name| name == &field.column.name).unwrap_or_default();
            let values: Vec<String> =
                staged.fields.iter().map(|field| format!("a.c{}::{}", position(field), field.column.cast)).collect();
            let sql =
                format!("INSERT INTO {} ({}) SELECT {} FROM {} AS a", staged.name, currents(staged), values.join(", "), aside(at));
            self.change(staged.table(), "take up the rows", &sql).await?;
            self.change(staged.table(), "take up the rows", &format!("DROP TABLE {}", aside(at))).await?;
            self.finish(staged).await?;
        }
        Ok(())
    }

    /// Removes the staged rows.
    pub(super) async fn clear(&self) -> Result<()> {
        for staged in &self.tables {
            self.change(staged.table(), "forget the staged rows", &format!("DROP TABLE {}", staged.name)).await?;
        }
        Ok(())
    }

    /// An empty staging table with the types that the shadow has.
    async fn create(&self, staged: &Staged<'_>) -> Result<()> {
        let columns: Vec<String> =
            staged.fields.iter().map(|field| format!("{} AS {}", field.there("t").sql, field.current())).collect();
        let former: Vec<String> =
            staged.fields.iter().map(|field| format!(", ADD {} {}", field.former(), field.column.type_name)).collect();
        let sql = format!(
            "DROP TABLE IF EXISTS {name}; \
             CREATE TEMPORARY TABLE {name} AS SELECT {columns} FROM {from} AS t WITH NO DATA; \
             ALTER TABLE {name} ADD nth bigint GENERATED ALWAYS AS IDENTITY, ADD at_table oid, ADD at_row tid, ADD fate text, \
             ADD fresh boolean NOT NULL DEFAULT false, ADD nulled integer NOT NULL DEFAULT 0{former}",
            name = staged.name,
            columns = columns.join(", "),
            from = staged.layout.from(),
            former = former.concat(),
        );
        self.shadow.run(format!("stage rows of `{}`", staged.table()), &sql).await
    }

    async fn copy(&self, target: &SourceClient, staged: &Staged<'_>, stop: &Stop) -> Result<()> {
        let table = staged.table();
        let names: Vec<String> = staged.fields.iter().map(|field| field.column.name.sql()).collect();
        let out = format!("COPY (SELECT {} FROM {}) TO STDOUT", names.join(", "), own_rows(target, table).await?);
        let mut from = target.copy_out(format!("kept rows of `{table}`"), &out, Boundaries::Any)?;
        let copy_in = format!("COPY {} ({}) FROM STDIN", staged.name, currents(staged));
        let mut into = self.shadow.copy_in(format!("kept rows of `{table}`"), &copy_in)?;
        let misfit = |error| constraint(error, table);
        while let Some(chunk) = stop.race(from.next()).await? {
            into.send(chunk).await.map_err(misfit)?;
        }
        let (read, written) = (from.rows().await?, into.finish().await.map_err(misfit)?);
        if read == written {
            return Ok(());
        }
        Err(Kind::Mismatch.error(format!("`{table}` has {read} rows on the target, and {written} of them were staged")))
    }

    /// Remembers every value as it was, and lets the planner know the rows.
    async fn finish(&self, staged: &Staged<'_>) -> Result<()> {
        let sets: Vec<String> = staged.fields.iter().map(|field| format!("{} = {}", field.former(), field.current())).collect();
        let sql = format!("UPDATE {name} SET {sets}; ANALYZE {name}", name = staged.name, sets = sets.join(", "));
        self.shadow.run(format!("stage rows of `{}`", staged.table()), &sql).await
    }
}

fn currents(staged: &Staged<'_>) -> String {
    staged.fields.iter().map(Field::current).collect::<Vec<_>>().join(", ")
}
