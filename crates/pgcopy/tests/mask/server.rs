//! Masked streams between tables of a real server: it takes both formats, and holds the same rows after either.

use super::wire::{column, key};
use bytes::Bytes;
use futures::{SinkExt, TryStreamExt};
use restage_core::mask::{Mask, NamePart};
use restage_core::schema::{ColumnName, TypeKind};
use restage_lab::Cluster;
use restage_pgcopy::mask::{CopyColumn, Format, MaskSet, Masker};
use std::pin::pin;
use tokio_postgres::{Client, NoTls};

const TEXT: TypeKind = TypeKind::Text { max_chars: None };

/// Every column of `server.sql`: its type as the catalog would say it, and its mask.
fn columns() -> Vec<(CopyColumn, Option<Mask>)> {
    let of = |name: &str, kind: TypeKind, oid, mask| (column(name, kind, oid), mask);
    let template = Mask::Template("{name} <{email}> \\ {digits}".into());
    let path = |path: &str, mask: Mask| (path.to_owned(), mask);
    let json =
        Mask::Json([path("$.email", Mask::Email), path("$.nested[*].phone", Mask::Phone), path("$.text", Mask::Text)].into());
    let jsonb = Mask::Json(
        [
            path("$.email", Mask::Email),
            path("$.born", Mask::DateShift { days: 20 }),
            path("$.score", Mask::NumberNoise { percent: 30.0 }),
            path("$.ok", Mask::Text),
        ]
        .into(),
    );
    let noise = Mask::NumberNoise { percent: 100.0 };
    let shift = Mask::DateShift { days: 36_500 };
    vec![
        of("number", TypeKind::Integer { bytes: 4 }, 23, None),
        of("c_text", TEXT, 25, Some(Mask::Text)),
        of("c_varchar", TEXT, 1043, Some(Mask::Name(NamePart::Full))),
        of("c_char", TEXT, 1042, Some(Mask::Uuid)),
        of("c_domain", TEXT, 1043, Some(Mask::Hash { length: 64 })),
        of("c_name", TEXT, 19, Some(Mask::Name(NamePart::Last))),
        of("c_email", TEXT, 25, Some(Mask::Email)),
        of("c_phone", TEXT, 25, Some(Mask::Phone)),
        of("c_address", TEXT, 25, Some(Mask::Address)),
        of("c_template", TEXT, 25, Some(template)),
        of("c_uuid_text", TEXT, 25, Some(Mask::Uuid)),
        of("stays", TEXT, 25, None),
        of("c_int2", TypeKind::Integer { bytes: 2 }, 21, Some(Mask::Digits)),
        of("c_int4", TypeKind::Integer { bytes: 4 }, 23, Some(Mask::Digits)),
        of("c_int8", TypeKind::Integer { bytes: 8 }, 20, Some(Mask::Digits)),
        of("c_int4_noise", TypeKind::Integer { bytes: 4 }, 23, Some(noise.clone())),
        of("c_numeric", TypeKind::Numeric { precision: None, scale: None }, 1700, Some(noise.clone())),
        of("c_money", TypeKind::Numeric { precision: Some(7), scale: Some(2) }, 1700, Some(noise.clone())),
        of("c_real", TypeKind::Float { bytes: 4 }, 700, Some(noise.clone())),
        of("c_double", TypeKind::Float { bytes: 8 }, 701, Some(noise)),
        of("c_date", TypeKind::Date, 1082, Some(shift.clone())),
        of("c_timestamp", TypeKind::Timestamp, 1114, Some(shift.clone())),
        of("c_timestamptz", TypeKind::Timestamp, 1184, Some(shift)),
        of("c_uuid", TypeKind::Uuid, 2950, Some(Mask::Uuid)),
        of("c_json", TypeKind::Json, 114, Some(json)),
        of("c_jsonb", TypeKind::Jsonb, 3802, Some(jsonb)),
        of("c_bytea", TypeKind::Bytea, 17, Some(Mask::Hash { length: 9 })),
        of("c_bool", TypeKind::Bool, 16, Some(Mask::Fixed("true".into()))),
        of("c_mood", TypeKind::Enum { labels: vec!["calm".into(), "cross".into()] }, 0, Some(Mask::Fixed("cross".into()))),
        of("c_null", TypeKind::Other, 869, Some(Mask::Null)),
        of("c_fixed_time", TypeKind::Timestamp, 1184, Some(Mask::Fixed("2024-02-29T12:30:00.25".into()))),
    ]
}

fn set() -> MaskSet {
    let columns = columns();
    let masks = columns.iter().filter_map(|(column, mask)| Some((column.name.clone(), mask.clone()?))).collect();
    let columns: Vec<CopyColumn> = columns.into_iter().map(|(column, _)| column).collect();
    MaskSet::compile(&key(), &columns, &masks).unwrap()
}

/// Copies `source` into another table through the masks.
async fn copy(client: &Client, to: &str, format: Format) {
    let option = match format {
        Format::Binary => "binary",
        Format::Text => "text",
    };
    let rows = client.copy_out(&format!("COPY source TO STDOUT (FORMAT {option})")).await.unwrap();
    let mut rows = pin!(rows);
    let mut masker = Masker::new(&set(), format);
    let mut out = Vec::new();
    let mut nth = 0;
    while let Some(message) = rows.try_next().await.unwrap() {
        for piece in message.chunks(1 + nth % 700) {
            masker.feed(piece, &mut out).unwrap();
            nth += 1;
        }
    }
    masker.finish().unwrap();
    let sink = client.copy_in::<_, Bytes>(&format!("COPY {to} FROM STDIN (FORMAT {option})")).await.unwrap();
    let mut sink = pin!(sink);
    sink.send(Bytes::from(out)).await.unwrap();
    sink.finish().await.unwrap();
}

async fn count(client: &Client, sql: &str) -> i64 {
    client.query_one(sql, &[]).await.unwrap().get(0)
}

#[tokio::test]
async fn a_server_takes_the_masked_rows_and_finds_them_the_same_in_both_formats() {
    let cluster = Cluster::any().unwrap();
    let (client, connection) = tokio_postgres::connect(&cluster.superuser_url("postgres"), NoTls).await.unwrap();
    tokio::spawn(connection);
    client.batch_execute(include_str!("server.sql")).await.unwrap();

    copy(&client, "from_binary", Format::Binary).await;
    for (zone, table) in [("UTC", "from_text"), ("Asia/Kolkata", "from_text"), ("America/New_York", "from_text")] {
        client.batch_execute(&format!("TRUNCATE {table}; SET TimeZone = '{zone}'")).await.unwrap();
        copy(&client, table, Format::Text).await;
        let same = format!("SELECT count(*) FROM from_binary b JOIN {table} t ON b::text = t::text");
        assert_eq!(count(&client, &same).await, 1_006, "{zone}");
    }

    for (column, mask) in columns() {
        let ColumnName(name) = &column.name;
        let changed =
            format!("SELECT count(*) FROM source s JOIN from_binary b USING (number) WHERE s.{name}::text <> b.{name}::text");
        let nulls = format!(
            "SELECT count(*) FROM source s JOIN from_binary b USING (number) WHERE (s.{name} IS NULL) <> (b.{name} IS NULL)"
        );
        let (changed, nulls) = (count(&client, &changed).await, count(&client, &nulls).await);
        match mask {
            None => assert_eq!((changed, nulls), (0, 0), "{name}"),
            Some(Mask::Null) => assert_eq!(nulls, 1_000, "{name}"),
            Some(Mask::Fixed(_)) => assert_eq!(nulls, 0, "{name}"),
            Some(_) => assert!(changed > 900 && nulls == 0, "{name}: {changed} changed, {nulls} NULLs"),
        }
    }
}
