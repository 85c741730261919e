//! What of the target survives: its own objects and its kept rows, brought into the shadow.

use super::fill::tools;
use super::servers::{Caller, Servers};
use super::trouble::told;
use super::work::Setting;
use futures::future::BoxFuture;
use restage_core::Result;
use restage_core::environment::DatabaseAddress;
use restage_core::provider::{DeltaSpec, Deltas, KeepSpec, Kept, Surviving};
use restage_core::schema::{Schema, TableName};
use restage_pgcopy::catalog;
use restage_pgcopy::connect::SourceClient;
use restage_pgcopy::delta::{self, Restoration};
use restage_pgcopy::keep::{self, Follow, Table};
use std::collections::BTreeSet;

/// Brings back what only the target has.
pub(super) fn deltas<'a>(servers: &'a Servers, spec: &'a DeltaSpec, setting: &'a Setting) -> BoxFuture<'a, Result<Deltas>> {
    Box::pin(async move {
        let tools = tools(servers, &spec.target, &spec.target).await?;
        let (target, schema) = read(servers, &spec.target, setting).await?;
        let archive = servers.archives().now(&target, &tools, &setting.stop).await.map_err(told)?;
        let shadow = servers.write(spec.shadow.get(), &Caller::job(&setting.job)).await?;
        let kept = names(&tables(&spec.surviving, &schema, Follow::Referring));
        let what = Restoration { archive: &archive, schema: &schema, deltas: &spec.surviving.deltas, kept: &kept };
        delta::restore(&target, &shadow, what, &setting.stop).await.map_err(told)
    })
}

/// Carries the kept rows over, and the rows of the target's own tables that refer to them.
pub(super) fn keep<'a>(servers: &'a Servers, spec: &'a KeepSpec, setting: &'a Setting) -> BoxFuture<'a, Result<Kept>> {
    Box::pin(async move {
        let (target, schema) = read(servers, &spec.target, setting).await?;
        let shadow = servers.write(spec.shadow.get(), &Caller::job(&setting.job)).await?;
        let tables = tables(&spec.surviving, &schema, Follow::Referring);
        keep::carry(&target, &shadow, &tables, &spec.surviving.deltas, &setting.stop).await.map_err(told)
    })
}

/// The kept tables, and the target's own tables that join them.
pub(super) fn tables(surviving: &Surviving, target: &Schema, follow: Follow) -> Vec<Table> {
    keep::with_own_tables(&plain(surviving), target, &surviving.deltas, follow)
}

/// The kept tables alone.
pub(super) fn plain(surviving: &Surviving) -> Vec<Table> {
    let table =
        |keep: &restage_core::provider::KeepTable| Table { own: keep.own.clone(), masked: keep.masked.clone(), plan: keep.clone() };
    surviving.keep.iter().map(table).collect()
}

/// The tables' names.
pub(super) fn names(tables: &[Table]) -> BTreeSet<TableName> {
    tables.iter().map(|table| table.plan.table.clone()).collect()
}

/// A session on the target with its structure.
async fn read(servers: &Servers, target: &DatabaseAddress, setting: &Setting) -> Result<(SourceClient, Schema)> {
    let client = servers.read(target).await?;
    let schema = client.guard(&setting.stop, catalog::read(client.reader())).await.map_err(told)?;
    Ok((client, schema))
}
