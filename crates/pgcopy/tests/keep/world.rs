//! A production, a preprod, and a shadow that holds what a copy of production would.

use restage_core::provider::{KeepTable, Kept, KeptTable, OnCollision, OnConflict, OnMissing, TableTaken};
use restage_core::schema::{ColumnName, Schema, TableName};
use restage_lab::{Cluster, Config, Installation, Major, SUPERUSER, TcpAuth};
use restage_pgcopy::connect::{self, Endpoint, SourceClient, TargetClient, Tls};
use restage_pgcopy::keep::{self, Compared, Question, Sides, Table};
use restage_pgcopy::stop::Stop;
use restage_pgcopy::{Result, catalog};
use std::collections::{BTreeMap, BTreeSet};

pub(crate) struct World {
    pub(crate) cluster: Cluster,
}

/// A kept table as a scenario has it.
#[derive(Clone)]
pub(crate) struct Keep {
    pub(crate) table: &'static str,
    pub(crate) matched: &'static [&'static str],
    pub(crate) masked: &'static [&'static str],
    pub(crate) on_conflict: OnConflict,
    pub(crate) on_collision: OnCollision,
    pub(crate) on_missing: OnMissing,
}

/// Keeps a table, refusing whatever can be refused.
pub(crate) fn keep(table: &'static str) -> Keep {
    Keep {
        table,
        matched: &[],
        masked: &[],
        on_conflict: OnConflict::Refuse,
        on_collision: OnCollision::Refuse,
        on_missing: OnMissing::Refuse,
    }
}

impl Keep {
    pub(crate) fn matched(self, matched: &'static [&'static str]) -> Self {
        Self { matched, ..self }
    }
    pub(crate) fn masked(self, masked: &'static [&'static str]) -> Self {
        Self { masked, ..self }
    }
    pub(crate) fn target_wins(self) -> Self {
        Self { on_conflict: OnConflict::KeepTarget, ..self }
    }
    pub(crate) fn source_wins(self) -> Self {
        Self { on_conflict: OnConflict::KeepSource, ..self }
    }
    pub(crate) fn renumber(self) -> Self {
        Self { on_collision: OnCollision::Renumber, ..self }
    }
    pub(crate) fn missing(self, on_missing: OnMissing) -> Self {
        Self { on_missing, ..self }
    }
}

pub(crate) fn name(text: &str) -> TableName {
    TableName::parse(text).unwrap()
}

pub(crate) fn columns<T: FromIterator<ColumnName>>(names: &[&str]) -> T {
    names.iter().map(|name| ColumnName((*name).to_owned())).collect()
}

pub(crate) fn endpoint(cluster: &Cluster, database: &str) -> Endpoint {
    Endpoint {
        host: "127.0.0.1".into(),
        port: cluster.port(),
        user: SUPERUSER.into(),
        password: None,
        database: database.into(),
        tls: Tls::default(),
    }
}

impl World {
    /// Both sides have `schema`; production has `theirs`, preprod `ours`; the shadow is like production.
    pub(crate) fn new(schema: &str, theirs: &str, ours: &str) -> Self {
        Self::on(Installation::any().unwrap().major(), schema, theirs, ours)
    }

    pub(crate) fn on(major: Major, schema: &str, theirs: &str, ours: &str) -> Self {
        // Proving a password takes longer than most of what is tested here.
        let config = Config { tcp_auth: TcpAuth::Trust, ..Config::of(Installation::find(major).unwrap()) };
        let cluster = config.start().unwrap();
        for (database, rows) in [("production", theirs), ("preprod", ours), ("shadow", theirs)] {
            cluster.create_database(database).unwrap();
            cluster.psql(database, &format!("{schema};\n{rows}")).unwrap();
        }
        Self { cluster }
    }

    pub(crate) fn sql(&self, database: &str, sql: &str) -> String {
        self.cluster.psql(database, sql).unwrap()
    }

    /// What the shadow answers.
    pub(crate) fn shadow(&self, sql: &str) -> String {
        self.sql("shadow", sql)
    }

    pub(crate) async fn reader(&self, database: &str) -> SourceClient {
        connect::source(&endpoint(&self.cluster, database)).await.unwrap()
    }

    pub(crate) async fn writer(&self, database: &str) -> TargetClient {
        connect::target(&endpoint(&self.cluster, database)).await.unwrap()
    }

    pub(crate) async fn schema(&self, database: &str) -> Schema {
        catalog::read(self.reader(database).await.reader()).await.unwrap()
    }

    /// The tables as a plan would have them, once the target's own columns are back.
    pub(crate) async fn tables(&self, keeps: &[Keep]) -> Vec<Table> {
        let (source, target) = (self.schema("production").await, self.schema("preprod").await);
        keeps.iter().map(|keep| table(keep, &source, &target)).collect()
    }

    pub(crate) async fn compare(&self, keeps: &[Keep]) -> Result<BTreeMap<TableName, Compared>> {
        self.compare_taking(keeps, &BTreeMap::new()).await
    }

    pub(crate) async fn compare_taking(
        &self,
        keeps: &[Keep],
        other: &BTreeMap<TableName, TableTaken>,
    ) -> Result<BTreeMap<TableName, Compared>> {
        let (source_schema, target_schema) = (self.schema("production").await, self.schema("preprod").await);
        let (source, target) = (self.reader("production").await, self.reader("preprod").await);
        let mut taken: BTreeMap<TableName, TableTaken> =
            source_schema.tables.keys().map(|table| (table.clone(), TableTaken::default())).collect();
        taken.extend(other.clone());
        let sides =
            Sides { source: &source, target: &target, source_schema: &source_schema, target_schema: &target_schema, taken: &taken };
        let questions: Vec<Question> = keeps.iter().map(question).collect();
        keep::compare(sides, &questions, &Stop::never()).await
    }

    pub(crate) async fn carry(&self, keeps: &[Keep]) -> Result<Kept> {
        let tables = self.tables(keeps).await;
        let (target, shadow) = (self.reader("preprod").await, self.writer("shadow").await);
        keep::carry(&target, &shadow, &tables, &[], &Stop::never()).await
    }

    /// Compares, carries, and carries again, which must change nothing; returns what the first time brought.
    pub(crate) async fn keep(&self, keeps: &[Keep]) -> BTreeMap<String, KeptTable> {
        let kept = self.carry(keeps).await.unwrap();
        let after = self.cluster.dump("shadow").unwrap();
        let again = self.carry(keeps).await.unwrap();
        assert_eq!(self.cluster.dump("shadow").unwrap(), after, "carrying again changed something");
        for (table, again) in &again.tables {
            assert_eq!(again.added, 0, "{table}");
        }
        kept.tables.into_iter().map(|(table, kept)| (table.to_string(), kept)).collect()
    }
}

fn question(keep: &Keep) -> Question {
    Question {
        table: name(keep.table),
        matched: columns(keep.matched),
        masked: columns(keep.masked),
        on_conflict: keep.on_conflict,
        on_missing: keep.on_missing,
    }
}

fn table(keep: &Keep, source: &Schema, target: &Schema) -> Table {
    let (theirs, ours) = (&source.tables[&name(keep.table)], &target.tables[&name(keep.table)]);
    let key = theirs.primary_key.clone().unwrap_or_default();
    let own: BTreeSet<ColumnName> =
        ours.written_columns().filter(|column| theirs.column(&column.name).is_none()).map(|column| column.name.clone()).collect();
    let mut foreign_keys = theirs.foreign_keys.clone();
    foreign_keys.extend(ours.foreign_keys.iter().filter(|key| key.columns.iter().any(|column| own.contains(column))).cloned());
    Table {
        plan: KeepTable {
            own: std::collections::BTreeSet::new(),
            masked: std::collections::BTreeSet::new(),
            table: name(keep.table),
            columns: ours.written_columns().map(|column| column.name.clone()).collect(),
            matched: if keep.matched.is_empty() { key.clone() } else { columns(keep.matched) },
            key,
            foreign_keys,
            on_conflict: keep.on_conflict,
            on_collision: keep.on_collision,
            on_missing: keep.on_missing,
        },
        own,
        masked: columns(keep.masked),
    }
}
