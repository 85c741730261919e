//! Observations of two small databases, put together by hand: production's `app`, and preprod's, drifted a little.
//!
//! The core's golden tests of plans build on the same file.

use restage_core::facts::{
    AppliedMigration, CopyFacts, DatabaseFacts, Estimates, Identity, KeepFacts, MigrationHistory, MigrationTool, ObjectName,
    PendingFacts, PendingScript, Privileges, TableEstimate,
};
use restage_core::schema::{
    Column, ColumnName, ColumnSource, ForeignKey, Persistence, Schema, Table, TableKind, TableName, TypeKind, View,
};
use restage_core::signal::SchemaVersion;
use std::collections::{BTreeMap, BTreeSet};

/// Both databases, equal but for what preprod has on top: two users of its own, a table, a view and a column.
pub(crate) fn pair() -> CopyFacts {
    let kept = KeepFacts { found: 4, target_only: 2, same: 2, ..KeepFacts::default() };
    CopyFacts {
        source: source(),
        target: target(),
        keep: BTreeMap::from([(name("users"), kept.clone()), (name("user_roles"), kept)]),
        delta_references: vec![],
        mask_trials: vec![],
        leftovers: vec![],
    }
}

/// Two scripts of which neither was applied.
pub(crate) fn pending() -> PendingFacts {
    let script = |version: i32, description: &str| PendingScript {
        script: format!("V{version}__{}.sql", description.replace(' ', "_")),
        version: Some(version.to_string()),
        description: description.into(),
        checksum: Some(version),
    };
    PendingFacts {
        version: Some("3".into()),
        newest: Some(SchemaVersion("5".into())),
        pending: vec![script(4, "badges"), script(5, "badge owners")],
        refusals: vec![],
    }
}

/// Production's database.
pub(crate) fn source() -> DatabaseFacts {
    let mut facts = database("7100000000000000001", "reader");
    facts.privileges = Privileges::default();
    facts
}

/// Preprod's database.
pub(crate) fn target() -> DatabaseFacts {
    let mut facts = database("7200000000000000002", "owner");
    facts.estimates.free_bytes = Some(50_000_000_000);
    add_table(
        &mut facts,
        "feature_flags",
        vec![column("id", integer()), column("user_id", integer())],
        vec![foreign_key("user_id", "users")],
    );
    let users = facts.schema.tables.get_mut(&name("users")).expect("every database has users");
    users.columns.push(nullable("theme", text()));
    let view = View {
        materialized: false,
        owner: "owner".into(),
        definition: "SELECT id FROM users".into(),
        reads: [name("users")].into(),
    };
    facts.schema.views.insert(name("active_users"), view);
    list(&mut facts, "VIEW", "active_users");
    facts
}

fn database(system: &str, user: &str) -> DatabaseFacts {
    let mut facts = DatabaseFacts {
        identity: Identity { system: system.into(), oid: 16_400 },
        server_version: 150_018,
        in_recovery: false,
        encoding: "UTF8".into(),
        locale: "en_GB.UTF-8".into(),
        owner: "owner".into(),
        is_template: false,
        user: user.into(),
        privileges: Privileges { create_database: true, owns_database: true, signal_backends: true, ..Privileges::default() },
        server_roles: ["owner", "reader", "app"].map(String::from).into(),
        available_extensions: ["plpgsql", "citext"].map(String::from).into(),
        schema: Schema { roles: ["owner", "app"].map(String::from).into(), ..Schema::default() },
        objects: BTreeMap::new(),
        migrations: vec![history(&["1", "2", "3"])],
        logical_slots: BTreeSet::new(),
        prepared_transactions: BTreeSet::new(),
        estimates: Estimates { bytes: 1_200_000_000, max_connections: 100, connections: 12, ..Estimates::default() },
    };
    add_table(&mut facts, "flyway_schema_history", vec![column("installed_rank", integer()), nullable("version", text())], vec![]);
    add_table(&mut facts, "users", vec![column("id", integer()), column("login", text())], vec![]);
    add_table(
        &mut facts,
        "user_roles",
        vec![column("id", integer()), column("user_id", integer()), column("role", text())],
        vec![foreign_key("user_id", "users")],
    );
    add_table(
        &mut facts,
        "people",
        vec![column("id", integer()), column("full_name", text()), nullable("email", text()), nullable("born", TypeKind::Date)],
        vec![],
    );
    add_table(
        &mut facts,
        "bookings",
        vec![column("id", integer()), column("person_id", integer()), nullable("remarks", text())],
        vec![foreign_key("person_id", "people")],
    );
    facts
}

/// A Flyway history of these versions.
pub(crate) fn history(versions: &[&str]) -> MigrationHistory {
    let applied =
        |version: &&str| AppliedMigration { id: (*version).into(), checksum: Some(format!("sum-{version}")), success: true };
    MigrationHistory {
        tool: MigrationTool::Flyway,
        table: name("flyway_schema_history"),
        applied: versions.iter().map(applied).collect(),
    }
}

/// Adds a table whose first column is its primary key, with 1,000 rows, as `pg_dump` would list it.
pub(crate) fn add_table(facts: &mut DatabaseFacts, table: &str, columns: Vec<Column>, foreign_keys: Vec<ForeignKey>) {
    let definition = Table {
        kind: TableKind::Ordinary,
        partition_of: None,
        inherits: vec![],
        persistence: Persistence::Permanent,
        owner: "owner".into(),
        primary_key: columns.first().map(|column| vec![column.name.clone()]),
        columns,
        unique: vec![],
        foreign_keys,
        checks: vec![],
        partition_key: vec![],
        extension_config: None,
    };
    facts.schema.tables.insert(name(table), definition);
    facts.estimates.tables.insert(name(table), TableEstimate { rows: 1_000, bytes: 80_000, index_bytes: 16_384 });
    list(facts, "TABLE", table);
}

/// Adds an object to what `pg_dump` lists, with a digest of nothing in particular.
pub(crate) fn list(facts: &mut DatabaseFacts, kind: &str, object: &str) {
    let object = ObjectName { kind: kind.into(), schema: "public".into(), name: object.into() };
    let digest = format!("digest of {} {}", object.kind, object.name);
    facts.objects.insert(object, digest);
}

/// A table of the schema `public`.
pub(crate) fn name(table: &str) -> TableName {
    TableName::new("public", table)
}

/// A column that is NOT NULL and has no default.
pub(crate) fn column(name: &str, kind: TypeKind) -> Column {
    Column { not_null: true, ..nullable(name, kind) }
}

/// A column that may be NULL.
pub(crate) fn nullable(name: &str, kind: TypeKind) -> Column {
    let type_name = match &kind {
        TypeKind::Text { max_chars: Some(most) } => format!("character varying({most})"),
        TypeKind::Text { max_chars: None } => "text".into(),
        TypeKind::Date => "date".into(),
        _ => "integer".into(),
    };
    Column {
        name: ColumnName(name.into()),
        type_name,
        kind,
        not_null: false,
        default: None,
        collation: None,
        source: ColumnSource::Written,
    }
}

/// A foreign key of one column to the `id` of another table.
pub(crate) fn foreign_key(from: &str, to: &str) -> ForeignKey {
    ForeignKey {
        name: format!("{from}_fkey"),
        columns: vec![ColumnName(from.into())],
        to: name(to),
        to_columns: vec![ColumnName("id".into())],
        definition: format!("FOREIGN KEY ({from}) REFERENCES {to}(id)"),
    }
}

/// `text`.
pub(crate) fn text() -> TypeKind {
    TypeKind::Text { max_chars: None }
}

/// `integer`.
pub(crate) fn integer() -> TypeKind {
    TypeKind::Integer { bytes: 4 }
}
