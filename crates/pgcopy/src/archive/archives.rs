//! Archives that were read, for as long as nothing has changed that `pg_dump` reads.
//!
//! A run looks at the same structure several times: for the plan, before the shadow, in the snapshot, before the swap. `pg_dump`
//! takes a second for 1,500 tables; to see that no row of the catalogs is another than before takes a few milliseconds.

use super::{Archive, dump_without};
use crate::Result;
use crate::connect::SourceClient;
use crate::facts::{export_snapshot, identity};
use crate::stop::Stop;
use crate::tools::Tools;
use restage_core::facts::Identity;
use restage_core::schema::{Schema, TableName, quote_identifier};
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// How many are kept: a source and a target, as two versions of `pg_dump` read them.
const KEPT: usize = 4;

/// Keeps archives; its clones keep the same ones.
#[derive(Clone, Debug, Default)]
pub struct Archives(Arc<Mutex<Vec<Known>>>);

#[derive(Debug)]
struct Known {
    of: Reading,
    fingerprint: String,
    archive: Arc<Archive>,
    schema: Option<Arc<Schema>>,
}

/// Which database is read, by whom and how: all that an archive depends on besides the catalogs.
#[derive(Debug, PartialEq)]
struct Reading {
    database: Identity,
    user: String,
    tools: Tools,
    without: BTreeSet<TableName>,
}

impl Archives {
    /// The structure of the session's database as it is now; the session is in no transaction.
    pub async fn now(&self, client: &SourceClient, tools: &Tools, stop: &Stop) -> Result<Arc<Archive>> {
        client.begin(None).await?;
        let snapshot = export_snapshot(client.reader()).await?;
        let archive = client.guard(stop, self.within(client, &snapshot, &BTreeSet::new(), tools, stop)).await?;
        client.end().await?;
        Ok(archive)
    }

    /// The structure of the session's database without some tables, in the snapshot that its transaction has exported.
    pub async fn within(
        &self,
        client: &SourceClient,
        snapshot: &str,
        without: &BTreeSet<TableName>,
        tools: &Tools,
        stop: &Stop,
    ) -> Result<Arc<Archive>> {
        let (database, user) = (identity(client.reader()).await?, client.endpoint().user.clone());
        let of = Reading { database, user, tools: tools.clone(), without: without.clone() };
        let reading = dump_without(without, tools, client.endpoint(), Some(snapshot), stop);
        let (fingerprint, archive) = if self.known().iter().any(|known| known.of == of) {
            let fingerprint = fingerprint(client).await?;
            if let Some(known) = self.known().iter().find(|known| known.of == of && known.fingerprint == fingerprint) {
                return Ok(Arc::clone(&known.archive));
            }
            (fingerprint, reading.await?)
        } else {
            tokio::try_join!(fingerprint(client), reading)?
        };
        let archive = Arc::new(archive);
        let mut all = self.known();
        all.retain(|known| known.of != of);
        if all.len() >= KEPT {
            all.remove(0);
        }
        all.push(Known { of, fingerprint, archive: Arc::clone(&archive), schema: None });
        Ok(archive)
    }

    /// Keeps the structure that was read in the same snapshot as an archive.
    pub(crate) fn keep_schema(&self, of: &Arc<Archive>, schema: &Schema) {
        if let Some(known) = self.known().iter_mut().find(|known| Arc::ptr_eq(&known.archive, of)) {
            known.schema.get_or_insert_with(|| Arc::new(schema.clone()));
        }
    }

    /// The structure that was read with an archive: what has not changed for `pg_dump` has not changed for anybody.
    pub(crate) fn schema(&self, of: &Arc<Archive>) -> Option<Arc<Schema>> {
        self.known().iter().find(|known| Arc::ptr_eq(&known.archive, of))?.schema.clone()
    }

    fn known(&self) -> MutexGuard<'_, Vec<Known>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The catalogs that say what there is in a database, but for what is of rows and of other databases.
const CATALOGS: &str = "SELECT relname FROM pg_class WHERE relnamespace = 'pg_catalog'::regnamespace AND relkind = 'r' \
     AND (NOT relisshared OR relname = 'pg_subscription') AND relname NOT IN ('pg_statistic', 'pg_statistic_ext_data', 'pg_largeobject', 'pg_largeobject_metadata') \
     AND has_table_privilege(oid, 'SELECT') ORDER BY 1";

/// Whatever changes a row gives it another place and writer.
async fn fingerprint(client: &SourceClient) -> Result<String> {
    let reader = client.reader();
    let catalogs = reader.query("list the catalogs", CATALOGS, &[]).await?;
    let rows = |row: &tokio_postgres::Row| {
        let name = quote_identifier(row.get(0));
        format!("SELECT sum(hashtidextended(ctid, xmin::text::int8)) AS rows FROM pg_catalog.{name}")
    };
    let mut each: Vec<String> = catalogs.iter().map(rows).collect();
    // Shared catalogs change with every database; of them only names count.
    for (names, of) in [("rolname", "pg_roles"), ("spcname", "pg_tablespace")] {
        each.push(format!("SELECT sum(hashtextextended({names}::text, oid::int8)) FROM pg_catalog.{of}"));
    }
    // Its catalog is not for everybody.
    each.push("SELECT sum(hashtextextended(m::text, 0)) FROM pg_catalog.pg_user_mappings m".to_owned());
    let sql = format!("SELECT string_agg(rows::text, ',') FROM ({}) AS catalogs", each.join(" UNION ALL "));
    let row = reader.query("look whether the structure has changed", &sql, &[]).await?.remove(0);
    Ok(row.get::<_, Option<String>>(0).unwrap_or_default())
}
