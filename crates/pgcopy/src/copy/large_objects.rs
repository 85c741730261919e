//! Large objects: many small ones in one round trip, long ones piece by piece.

use super::ledger::Ledger;
use super::owners::Owners;
use super::pace::Pace;
use super::statements::{Failure, Runner, Statement};
use crate::Result;
use crate::connect::{Reader, SourceClient, TargetClient};
use crate::stop::Stop;
use restage_core::schema::quote_literal;
use tokio_postgres::types::Type;

/// How much of an object is read at once.
const PIECE_BYTES: i32 = 256 << 10;
/// How many objects' first pieces are read at once.
const OBJECTS_PER_QUERY: i64 = 32;
/// How many objects are given their owners and comments at a time; there may be millions, of which nothing else is kept.
const OBJECTS_PER_PAGE: i64 = 1000;

/// What was copied.
pub(super) struct LargeObjects {
    pub(super) count: u64,
    /// Whether any of them needs an owner or a comment, which [`hand_over`] gives.
    pub(super) later: bool,
}

/// Copies every large object with its object id; inside the target session's transaction if one is open.
pub(super) async fn copy(
    source: &SourceClient,
    target: &TargetClient,
    owners: &Owners,
    pace: &Pace,
    stop: &Stop,
) -> Result<LargeObjects> {
    let mut copied = LargeObjects { count: 0, later: false };
    let mut last: u32 = 0;
    loop {
        stop.check()?;
        let rows = source
            .query(
                "read large objects",
                FIRST_PIECES,
                &[(&last, Type::OID), (&PIECE_BYTES, Type::INT4), (&OBJECTS_PER_QUERY, Type::INT8)],
            )
            .await?;
        let Some(end) = rows.last() else { return Ok(copied) };
        last = end.get(0);
        let (ids, pieces): (Vec<u32>, Vec<&[u8]>) = rows.iter().map(|row| (row.get::<_, u32>(0), row.get::<_, &[u8]>(1))).unzip();
        pace.keep(pieces.iter().map(|piece| piece.len()).sum()).await;
        let create = "SELECT lo_from_bytea(id, piece) FROM unnest($1::oid[], $2::bytea[]) AS t(id, piece)";
        target.reader().query("create large objects", create, &[(&ids, Type::OID_ARRAY), (&pieces, Type::BYTEA_ARRAY)]).await?;
        for row in &rows {
            if i32::try_from(row.get::<_, &[u8]>(1).len()) == Ok(PIECE_BYTES) {
                copy_rest(source, target, row.get(0), pace, stop).await?;
            }
            copied.later |= owners.of_new(row.get(2)).is_some() || row.get::<_, bool>(3);
            copied.count += 1;
        }
    }
}

const FIRST_PIECES: &str = "SELECT oid, lo_get(oid, 0, $2), pg_get_userbyid(lomowner), obj_description(oid, 'pg_largeobject') IS NOT NULL \
     FROM (SELECT oid, lomowner FROM pg_largeobject_metadata WHERE oid > $1 ORDER BY oid LIMIT $3) AS piece ORDER BY oid";

async fn copy_rest(source: &SourceClient, target: &TargetClient, id: u32, pace: &Pace, stop: &Stop) -> Result<()> {
    let mut offset = i64::from(PIECE_BYTES);
    loop {
        stop.check()?;
        let read =
            [(&id as &(dyn tokio_postgres::types::ToSql + Sync), Type::OID), (&offset, Type::INT8), (&PIECE_BYTES, Type::INT4)];
        let rows = source.query(format!("read the large object {id}"), "SELECT lo_get($1, $2, $3)", &read).await?;
        let piece: &[u8] = rows[0].get(0);
        if piece.is_empty() {
            return Ok(());
        }
        pace.keep(piece.len()).await;
        let write = [(&id as &(dyn tokio_postgres::types::ToSql + Sync), Type::OID), (&offset, Type::INT8), (&piece, Type::BYTEA)];
        target.reader().query(format!("write the large object {id}"), "SELECT lo_put($1, $2, $3)", &write).await?;
        offset += i64::try_from(piece.len()).unwrap_or(i64::MAX);
    }
}

/// Gives large objects their owners and comments, and returns notes. `source` reads in the snapshot that they were copied from.
pub(super) async fn hand_over(source: Reader<'_>, runner: &Runner<'_>, ledger: &Ledger, owners: &Owners) -> Result<Vec<String>> {
    let mut notes = Vec::new();
    let mut last: u32 = 0;
    loop {
        let page = [(&last as &(dyn tokio_postgres::types::ToSql + Sync), Type::OID), (&OBJECTS_PER_PAGE, Type::INT8)];
        let rows = source.query("read large objects' owners", OWNERS_AND_COMMENTS, &page).await?;
        let Some(end) = rows.last() else { return Ok(notes) };
        let runner = runner.recording(ledger, format!("large objects after {last}"));
        last = end.get(0);
        let statements: Vec<Statement> =
            rows.iter().flat_map(|row| statements(row.get(0), row.get(1), row.get(2), owners)).collect();
        notes.extend(runner.run(&statements).await?);
    }
}

const OWNERS_AND_COMMENTS: &str = "SELECT oid, pg_get_userbyid(lomowner), obj_description(oid, 'pg_largeobject') \
     FROM pg_largeobject_metadata WHERE oid > $1 ORDER BY oid LIMIT $2";

fn statements(id: u32, owner: &str, comment: Option<&str>, owners: &Owners) -> Vec<Statement> {
    let noted = |doing: String, sql: String| Statement { doing, sql, failure: Failure::Noted };
    let owner = owners.of_new(owner).map(|owner| {
        noted(
            format!("give the large object {id} to `{owner}`"),
            format!("ALTER LARGE OBJECT {id} OWNER TO {};", restage_core::schema::quote_identifier(owner)),
        )
    });
    let comment = comment.map(|comment| {
        noted(format!("comment on the large object {id}"), format!("COMMENT ON LARGE OBJECT {id} IS {};", quote_literal(comment)))
    });
    owner.into_iter().chain(comment).collect()
}
