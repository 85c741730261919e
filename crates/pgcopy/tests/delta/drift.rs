//! Finding and restoring the deltas of a world, as the rest of restage does.

use crate::world::{Keep, World, endpoint, name};
use restage_core::facts::{DanglingReference, ObjectKind};
use restage_core::provider::{Delta, Deltas, Kept};
use restage_core::schema::TableName;
use restage_pgcopy::Result;
use restage_pgcopy::archive::{self, Archive};
use restage_pgcopy::delta::{self, Restoration};
use restage_pgcopy::keep::{self, Follow, Sides, Table};
use restage_pgcopy::stop::Stop;
use restage_pgcopy::tools::Tools;
use std::collections::{BTreeMap, BTreeSet};

impl World {
    pub(crate) async fn archive(&self, database: &str) -> Archive {
        let tools = Tools { pg_dump: self.cluster.installation().bin("pg_dump"), major: self.cluster.major().number() };
        archive::dump(&tools, &endpoint(&self.cluster, database), None, &Stop::never()).await.unwrap()
    }

    /// Tables, columns, views and foreign keys that only preprod has, and other objects of some kinds.
    pub(crate) async fn deltas(&self) -> Vec<Delta> {
        let (source, target) = (self.schema("production").await, self.schema("preprod").await);
        let known: BTreeSet<_> = self.archive("production").await.objects().into_keys().collect();
        let mut deltas = Vec::new();
        for object in self.archive("preprod").await.objects().into_keys().filter(|object| !known.contains(object)) {
            let sequence = target.sequences.get(&TableName::new(object.schema.clone(), object.name.clone()));
            let free = ["SCHEMA", "TYPE", "DOMAIN", "FUNCTION", "INDEX", "TRIGGER", "POLICY", "RULE", "CONSTRAINT"]
                .contains(&object.kind.word());
            let of_new = target
                .tables
                .keys()
                .any(|table| !source.tables.contains_key(table) && object.name.starts_with(&format!("{} ", table.name)));
            if (free && !of_new)
                || (object.kind == ObjectKind::Sequence && sequence.is_some_and(|sequence| sequence.owned_by.is_none()))
            {
                deltas.push(Delta::Object { kind: object.kind, schema: object.schema, name: object.name });
            }
        }
        deltas.extend(
            target
                .tables
                .keys()
                .filter(|table| !source.tables.contains_key(*table))
                .map(|name| Delta::Table { name: name.clone() }),
        );
        for (name, table) in &target.tables {
            let Some(theirs) = source.tables.get(name) else { continue };
            for column in table.columns.iter().filter(|column| theirs.column(&column.name).is_none()) {
                deltas.push(Delta::Column { table: name.clone(), column: column.name.clone(), definition: column.definition() });
            }
        }
        deltas.extend(
            target.views.keys().filter(|view| !source.views.contains_key(*view)).map(|name| Delta::View { name: name.clone() }),
        );
        for (name, table) in &target.tables {
            let Some(theirs) = source.tables.get(name) else { continue };
            for key in table.foreign_keys.iter().filter(|key| !theirs.foreign_keys.iter().any(|other| other.name == key.name)) {
                deltas.push(Delta::ForeignKey { table: name.clone(), name: key.name.clone(), definition: key.definition.clone() });
            }
        }
        deltas
    }

    /// The kept tables with those of preprod's own that join them.
    pub(crate) async fn joined(&self, keeps: &[Keep], deltas: &[Delta], follow: Follow) -> Vec<Table> {
        keep::with_own_tables(&self.tables(keeps).await, &self.schema("preprod").await, deltas, follow)
    }

    /// Brings the deltas back and then carries the kept rows over.
    pub(crate) async fn restore(&self, keeps: &[Keep]) -> Result<(Deltas, Kept)> {
        let (deltas, schema, archive) = (self.deltas().await, self.schema("preprod").await, self.archive("preprod").await);
        let tables = self.joined(keeps, &deltas, Follow::Referring).await;
        let kept: BTreeSet<TableName> = tables.iter().map(|table| table.plan.table.clone()).collect();
        let (target, shadow) = (self.reader("preprod").await, self.writer("shadow").await);
        let what = Restoration { archive: &archive, schema: &schema, deltas: &deltas, kept: &kept };
        let restored = delta::restore(&target, &shadow, what, &Stop::never()).await?;
        let carried = keep::carry(&target, &shadow, &tables, &deltas, &Stop::never()).await?;
        Ok((restored, carried))
    }

    pub(crate) async fn dangling(&self, keeps: &[Keep]) -> Vec<DanglingReference> {
        let deltas = self.deltas().await;
        let (source_schema, target_schema) = (self.schema("production").await, self.schema("preprod").await);
        let (source, target) = (self.reader("production").await, self.reader("preprod").await);
        let taken: BTreeMap<_, _> =
            source_schema.tables.keys().map(|table| (table.clone(), restage_core::provider::TableTaken::default())).collect();
        let sides =
            Sides { source: &source, target: &target, source_schema: &source_schema, target_schema: &target_schema, taken: &taken };
        let kept = keeps.iter().map(|keep| name(keep.table)).collect();
        delta::dangling(sides, &deltas, &kept, &Stop::never()).await.unwrap()
    }
}
