//! Trying masks against check constraints, by the server that knows how to evaluate them.

use crate::catalog::base_types;
use crate::connect::SourceClient;
use crate::mask::{self, CopyColumn, MaskKey};
use crate::{Kind, Result};
use restage_core::facts::{MaskTrial, TrialVerdict};
use restage_core::mask::Mask;
use restage_core::schema::{Check, Column, ColumnName, ColumnPath, Schema, Table, TableName};
use std::collections::BTreeMap;
use tokio_postgres::types::{ToSql, Type};

/// How large a value may be to be tried: all that are looked at are held at once, with their fakes.
const TRIED_BYTES_MAX: i64 = 64 << 10;

/// The masks of a scenario, by table and column.
pub type Masks = BTreeMap<TableName, BTreeMap<ColumnName, Mask>>;

/// How many of a column's values are masked on trial, where fakes are like the values they stand for.
const VALUES_TRIED: i64 = 20;

/// Tries sample fakes of each mask against the checks of its column and of its domain. The session must not be in a
/// transaction, for a sample that is refused ends one.
pub async fn try_masks(client: &SourceClient, schema: &Schema, masks: &Masks) -> Result<Vec<MaskTrial>> {
    let key = random_key(client).await?;
    let mut trials = Vec::new();
    for (name, masks) in masks {
        let Some(table) = schema.tables.get(name) else { continue };
        let types = base_types(client.reader(), name).await?;
        for (column, mask) in masks {
            let Some(column) = table.column(column) else { continue };
            let type_oid = types.get(&column.name).copied().unwrap_or_default();
            let trial = Trial { client, name, table, column, mask, type_oid };
            trials.extend(trial.run(&key).await?);
        }
    }
    Ok(trials)
}

/// Fakes of real values may show in a plan, so nobody may know their key.
async fn random_key(client: &SourceClient) -> Result<MaskKey> {
    let sql = "SELECT gen_random_uuid()::text || gen_random_uuid()::text";
    let rows = client.query("think of a key", sql, &[]).await?;
    MaskKey::new(rows[0].get::<_, &str>(0).as_bytes())
}

/// One mask on one column.
struct Trial<'a> {
    client: &'a SourceClient,
    name: &'a TableName,
    table: &'a Table,
    column: &'a Column,
    mask: &'a Mask,
    type_oid: u32,
}

impl Trial<'_> {
    async fn run(&self, key: &MaskKey) -> Result<Vec<MaskTrial>> {
        let Some(samples) = self.samples(key).await? else { return Ok(vec![]) };
        let mut verdicts: Vec<(String, TrialVerdict)> = self.try_domain(&samples).await?.into_iter().collect();
        for check in self.table.checks.iter().filter(|check| check.columns.contains(&self.column.name)) {
            verdicts.push((check.name.clone(), self.try_check(check, &samples).await?));
        }
        let path = ColumnPath { table: self.name.clone(), column: self.column.name.clone() };
        Ok(verdicts.into_iter().map(|(constraint, verdict)| MaskTrial { column: path.clone(), constraint, verdict }).collect())
    }

    /// Some fakes; `None` where the mask cannot take the column, which other rules tell.
    async fn samples(&self, key: &MaskKey) -> Result<Option<Vec<Option<String>>>> {
        if *self.mask == Mask::Null {
            return Ok(Some(vec![None]));
        }
        let Ok(samples) = mask::samples(self.mask, &self.column.kind) else { return Ok(None) };
        if !samples.is_empty() {
            return Ok(Some(samples.into_iter().map(Some).collect()));
        }
        let (column, kind) = (self.column.name.sql(), self.column.kind.clone());
        let sql = format!(
            "SELECT DISTINCT value FROM (SELECT {column}::text AS value FROM {} WHERE {column} IS NOT NULL LIMIT $1) v \
             WHERE octet_length(value) <= $2",
            self.name.sql()
        );
        let limits: [(&(dyn ToSql + Sync), Type); 2] = [(&VALUES_TRIED, Type::INT8), (&TRIED_BYTES_MAX, Type::INT8)];
        let rows = self.client.query(format!("look at values of `{}`", self.name), &sql, &limits).await?;
        let values: Vec<&str> = rows.iter().map(|row| row.get(0)).collect();
        let column = CopyColumn { name: self.column.name.clone(), kind, type_oid: self.type_oid };
        let Ok(samples) = mask::samples_like(key, self.mask, &column, &values) else { return Ok(None) };
        Ok(Some(samples.into_iter().map(Some).collect()))
    }

    /// What the column's own type refuses, such as a domain with a check.
    async fn try_domain(&self, samples: &[Option<String>]) -> Result<Option<(String, TrialVerdict)>> {
        let sql = format!("SELECT $1::text::{} IS NULL", self.column.type_name);
        for sample in samples {
            match self.client.query("try a mask", &sql, &[(sample, Type::TEXT)]).await {
                Ok(_) => {}
                Err(error) if error.kind == Kind::ConstraintViolated => {
                    let constraint = error.constraint().unwrap_or(&self.column.type_name).to_owned();
                    return Ok(Some((constraint, refuses(sample.as_ref()))));
                }
                // The type itself cannot take the fake, which the mask's own rules speak of.
                Err(error) if error.kind == Kind::Query => return Ok(None),
                Err(error) => return Err(error),
            }
        }
        Ok(None)
    }

    async fn try_check(&self, check: &Check, samples: &[Option<String>]) -> Result<TrialVerdict> {
        if check.columns.len() > 1 || samples.is_empty() {
            return Ok(TrialVerdict::Unknown);
        }
        let (type_name, column) = (&self.column.type_name, self.column.name.sql());
        let sql = format!("SELECT ({}) IS NOT FALSE FROM (SELECT $1::text::{type_name}) AS t({column})", check.expression);
        for sample in samples {
            match self.client.query("try a mask", &sql, &[(sample, Type::TEXT)]).await {
                Ok(rows) if rows.iter().all(|row| row.get(0)) => {}
                Ok(_) => return Ok(refuses(sample.as_ref())),
                Err(error) if error.kind == Kind::ConstraintViolated => return Ok(refuses(sample.as_ref())),
                // Such as a function that the login role may not call.
                Err(error) if matches!(error.kind, Kind::Query | Kind::PermissionDenied | Kind::Missing) => {
                    return Ok(TrialVerdict::Unknown);
                }
                Err(error) => return Err(error),
            }
        }
        Ok(TrialVerdict::Passes)
    }
}

fn refuses(sample: Option<&String>) -> TrialVerdict {
    TrialVerdict::Refuses(sample.map_or_else(|| "NULL".to_owned(), String::clone))
}
