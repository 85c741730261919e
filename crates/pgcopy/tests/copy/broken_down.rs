//! A target that breaks down, after which what is not logged is empty.

use crate::compared::told;
use crate::place::{Pair, assert_same};
use crate::resumed::{Came, GONE_ON, broken_off, finished, keeper};
use restage_core::provider::{Carried, Verify};
use restage_core::schema::TableName;
use restage_lab::Cluster;
use restage_pgcopy::copy::{self, Keeping};
use restage_pgcopy::stop::Stop;
use restage_pgcopy::{Kind, verify};
use std::num::NonZeroUsize;

/// The largest table, which comes first, is not logged.
const TABLES: &str = "CREATE UNLOGGED TABLE fleeting (id int PRIMARY KEY, filling text DEFAULT repeat('x', 200));
    INSERT INTO fleeting SELECT generate_series(1, 20000);
    CREATE TABLE lasting (id int PRIMARY KEY, filling text DEFAULT repeat('x', 100)); INSERT INTO lasting SELECT generate_series(1, 20000); ANALYZE";

fn arrange() -> (Cluster, Cluster) {
    let (from, to) = (Cluster::any().unwrap(), Cluster::any().unwrap());
    from.create_database("app").unwrap();
    from.psql("app", TABLES).unwrap();
    (from, to)
}

fn fleeting_rows(target: &Cluster) -> String {
    target.psql("copy", "SELECT count(*) FROM fleeting").unwrap()
}

/// All that was committed is there after it but for the rows of what is not logged.
fn break_down(target: &mut Cluster) {
    target.psql("postgres", "CHECKPOINT").unwrap();
    target.crash().unwrap();
    target.start_again().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn tables_that_a_broken_down_target_has_emptied_are_filled_anew() {
    let (from, mut to) = arrange();
    let pair = Pair { source: &from, target: &to };
    let carried = Carried { workers: Some(1), verify: Verify::Checksums, ..copy::everything(&pair.facts().await) };
    let keeper = keeper(&pair, &carried).await;
    assert!(matches!(broken_off(&pair, &carried, keeper.snapshot(), 3).await, Came::ToHang));
    assert!(finished(&to).contains_key("fleeting") && fleeting_rows(&to) == "20000", "{:?}", finished(&to));
    break_down(&mut to);
    assert!(finished(&to).contains_key("fleeting") && fleeting_rows(&to) == "0", "{:?}", finished(&to));

    let pair = Pair { source: &from, target: &to };
    let filled = pair.fill_keeping(&carried, Keeping::Another(keeper.snapshot())).await;
    let filled = filled.unwrap_or_else(|error| panic!("{}", told(&error)));
    assert!(!filled.notes.iter().any(|note| note.starts_with(GONE_ON)), "{:?}", filled.notes);
    assert_same(&from.dump("app").unwrap(), &to.dump("copy").unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_that_are_gone_before_they_are_compared_are_missed() {
    let (from, mut to) = arrange();
    let filled = Pair { source: &from, target: &to }.fill_all().await;
    let found = |table: &str| filled.tables[&TableName::parse(table).unwrap()].rows_found;
    assert_eq!((found("lasting"), found("fleeting")), (Some(20_000), None));
    break_down(&mut to);
    let target = crate::place::endpoint(&to, "copy");
    let error = verify::rows(&target, &filled, NonZeroUsize::MIN, &Stop::never()).await.unwrap_err();
    assert_eq!((error.kind, error.message.as_str()), (Kind::Mismatch, "`fleeting` should have 20000 rows and has 0"));
}
