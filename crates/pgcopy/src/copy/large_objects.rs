//! Large objects: many small ones in one round trip, long ones piece by piece.

use super::owners::Owners;
use super::statements::{Failure, Statement};
use crate::Result;
use crate::connect::{SourceClient, TargetClient};
use crate::stop::Stop;
use restage_core::schema::quote_literal;
use tokio_postgres::types::Type;

/// How much of an object is read at once.
const PIECE_BYTES: i32 = 256 << 10;
/// How many objects' first pieces are read at once.
const OBJECTS_PER_QUERY: i64 = 32;

/// What was copied.
pub(super) struct LargeObjects {
    pub(super) count: u64,
    /// Owners and comments, to be given at the end.
    pub(super) statements: Vec<Statement>,
}

/// Copies every large object with its object id; inside the target session's transaction if one is open.
pub(super) async fn copy(source: &SourceClient, target: &TargetClient, owners: &Owners, stop: &Stop) -> Result<LargeObjects> {
    let mut copied = LargeObjects { count: 0, statements: Vec::new() };
    let mut last: i64 = -1;
    loop {
        stop.check()?;
        let rows = source
            .query(
                "read large objects",
                FIRST_PIECES,
                &[(&last, Type::INT8), (&PIECE_BYTES, Type::INT4), (&OBJECTS_PER_QUERY, Type::INT8)],
            )
            .await?;
        let Some(end) = rows.last() else { return Ok(copied) };
        last = i64::from(end.get::<_, u32>(0));
        let (ids, pieces): (Vec<u32>, Vec<&[u8]>) = rows.iter().map(|row| (row.get::<_, u32>(0), row.get::<_, &[u8]>(1))).unzip();
        let create = "SELECT lo_from_bytea(id, piece) FROM unnest($1::oid[], $2::bytea[]) AS t(id, piece)";
        target.reader().query("create large objects", create, &[(&ids, Type::OID_ARRAY), (&pieces, Type::BYTEA_ARRAY)]).await?;
        for row in &rows {
            if i32::try_from(row.get::<_, &[u8]>(1).len()) == Ok(PIECE_BYTES) {
                copy_rest(source, target, row.get(0), stop).await?;
            }
            copied.statements.extend(statements(row.get(0), row.get(2), row.get(3), owners));
            copied.count += 1;
        }
    }
}

const FIRST_PIECES: &str = "SELECT oid, lo_get(oid, 0, $2), pg_get_userbyid(lomowner), obj_description(oid, 'pg_largeobject') \
     FROM (SELECT oid, lomowner FROM pg_largeobject_metadata WHERE oid::int8 > $1 ORDER BY oid::int8 LIMIT $3) AS piece ORDER BY oid::int8";

async fn copy_rest(source: &SourceClient, target: &TargetClient, id: u32, stop: &Stop) -> Result<()> {
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
        let write = [(&id as &(dyn tokio_postgres::types::ToSql + Sync), Type::OID), (&offset, Type::INT8), (&piece, Type::BYTEA)];
        target.reader().query(format!("write the large object {id}"), "SELECT lo_put($1, $2, $3)", &write).await?;
        offset += i64::try_from(piece.len()).unwrap_or(i64::MAX);
    }
}

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
