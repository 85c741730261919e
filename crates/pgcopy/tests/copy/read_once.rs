//! What a plan has read of the source serves its copy.

use crate::place::{Pair, Plain, endpoint};
use restage_lab::{Cluster, Config, Installation};
use restage_pgcopy::copy;

/// A query that only reading the structure makes, and one that only `pg_dump` does.
const STRUCTURE: &str = "c.relispartition, c.relpersistence::text";
const DUMP: &str = "FROM pg_catalog.pg_seclabels";

fn source() -> Cluster {
    let mut config = Config::of(Installation::any().unwrap());
    config.settings = vec![("log_statement".into(), "all".into())];
    let cluster = config.start().unwrap();
    cluster.create_database("app").unwrap();
    cluster.psql("app", "CREATE TABLE things (id int PRIMARY KEY); INSERT INTO things SELECT generate_series(1, 10)").unwrap();
    cluster
}

#[tokio::test]
async fn a_plan_and_its_copy_read_the_structure_once() {
    let (source, target) = (source(), Cluster::any().unwrap());
    target.create_database("copy").unwrap();
    let plain = Plain::onto(&target);
    let carried = copy::everything(&plain.facts(&endpoint(&source, "app")).await);
    let planned = source.log();
    copy::fill(&Pair { source: &source, target: &target }.route(), &plain.filling(&carried)).await.unwrap();
    for log in [planned, source.log()] {
        assert_eq!([STRUCTURE, DUMP].map(|of| log.matches(of).count()), [1, 1]);
    }
    assert_eq!(target.psql("copy", "SELECT count(*) FROM things").unwrap(), "10");
}
