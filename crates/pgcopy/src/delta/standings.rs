//! Where the target's own sequences stand.

use crate::Result;
use crate::connect::{Reader, TargetClient};
use restage_core::facts::ObjectKind;
use restage_core::provider::Delta;
use restage_core::schema::{Schema, TableName, quote_literal};
use std::collections::BTreeSet;

/// How many sequences one query reads.
const SEQUENCES_PER_QUERY: usize = 200;

/// The last values of the sequences that come back.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Standings(Vec<(TableName, i64, bool)>);

/// Reads where the target's own sequences stand, and those of its own tables and columns.
pub async fn standings(target: Reader<'_>, schema: &Schema, deltas: &[Delta]) -> Result<Standings> {
    let mut tables: BTreeSet<&TableName> = BTreeSet::new();
    let mut columns = BTreeSet::new();
    let mut sequences = BTreeSet::new();
    for delta in deltas {
        match delta {
            Delta::Table { name } => {
                tables.insert(name);
            }
            Delta::Column { table, column, .. } => {
                columns.insert((table, column));
            }
            Delta::Object { kind, schema, name } if *kind == ObjectKind::Sequence => {
                sequences.insert(TableName::new(schema.clone(), name.clone()));
            }
            Delta::View { .. } | Delta::ForeignKey { .. } | Delta::RowSecurity { .. } | Delta::Object { .. } => {}
        }
    }
    let comes_back = |(name, sequence): &(&TableName, &restage_core::schema::Sequence)| {
        let owner = sequence.owned_by.as_ref();
        sequences.contains(*name)
            || owner.is_some_and(|path| tables.contains(&path.table) || columns.contains(&(&path.table, &path.column)))
    };
    let names: Vec<&TableName> = schema.sequences.iter().filter(comes_back).map(|(name, _)| name).collect();
    let mut standings = Vec::new();
    for some in names.chunks(SEQUENCES_PER_QUERY) {
        let each: Vec<String> = some
            .iter()
            .enumerate()
            .map(|(at, name)| format!("SELECT {at}::int8, last_value, is_called FROM {}", name.sql()))
            .collect();
        for row in target.query("read the target's own sequences", &each.join(" UNION ALL "), &[]).await? {
            let at = usize::try_from(row.get::<_, i64>(0)).unwrap_or_default();
            standings.push((some[at].clone(), row.get(1), row.get(2)));
        }
    }
    Ok(Standings(standings))
}

impl Standings {
    /// Sets them, never back: an identity column's sequence may have another name now and is left to the rows.
    pub(super) async fn write(&self, shadow: &TargetClient) -> Result<()> {
        for (name, last_value, is_called) in &self.0 {
            let literal = quote_literal(&name.sql());
            let sql = format!(
                "SELECT setval(to_regclass({literal}), {last_value}, {is_called}) FROM pg_class WHERE oid = to_regclass({literal}) AND relkind = 'S'"
            );
            shadow.run(format!("set the sequence `{name}`"), &sql).await?;
        }
        Ok(())
    }
}
