//! What the made-up databases promise to those who copy them.

#![cfg(test)]

use std::process::Command;

use restage_lab::dataset::{self, PREPROD_OWNER, PRODUCTION_READER, Scale};
use restage_lab::{Cluster, Major};

const ALL_ROWS: &str = "
    SELECT sum((xpath('//n/text()', query_to_xml(format('SELECT count(*) AS n FROM %s', oid::regclass), true, true, '')))[1]::text::bigint)
    FROM pg_class WHERE relkind = 'r' AND relnamespace IN ('public'::regnamespace, 'audit'::regnamespace)";

#[test]
fn production_is_the_same_every_time_on_every_version() {
    let digest = |major| {
        let cluster = Cluster::start(major).unwrap();
        dataset::production(&cluster, "app", Scale::TINY).unwrap();
        let tables = ["people", "users", "notes", "bookings", "flyway_schema_history"];
        let lines = tables.map(|table| format!("SELECT line::text FROM {table} AS line"));
        let sql = format!("SELECT md5(string_agg(line, '|' ORDER BY line)) FROM ({}) AS lines", lines.join(" UNION ALL "));
        cluster.psql("app", &sql).unwrap()
    };
    let mut digests: Vec<String> = Major::ALL.into_iter().map(digest).collect();
    digests.dedup();
    assert_eq!(digests.len(), 1, "{digests:?}");
}

#[test]
fn a_hundredth_of_production_has_ten_thousand_rows() {
    let cluster = Cluster::any().unwrap();
    dataset::production(&cluster, "app", Scale(0.01)).unwrap();
    let rows: u64 = cluster.psql("app", ALL_ROWS).unwrap().parse().unwrap();
    assert!(rows >= 10_000, "{rows}");
}

#[test]
fn the_reader_can_dump_all_of_production_and_write_nothing() {
    let cluster = Cluster::any().unwrap();
    dataset::production(&cluster, "app", Scale::TINY).unwrap();
    let url = cluster.url_with_password("app", PRODUCTION_READER.user, PRODUCTION_READER.password);
    let dump = Command::new(cluster.installation().bin("pg_dump")).arg(&url).output().unwrap();
    assert!(dump.status.success(), "{}", String::from_utf8_lossy(&dump.stderr));
    assert!(String::from_utf8_lossy(&dump.stdout).contains("lo_open"));
    let mut psql = Command::new(cluster.installation().bin("psql"));
    let write = psql.args(["-X", "-c", "UPDATE people SET email = NULL", &url]).output().unwrap();
    assert!(String::from_utf8_lossy(&write.stderr).contains("permission denied"), "{write:?}");
}

#[test]
fn preprod_differs_from_production_as_promised() {
    let (production, preprod) = (Cluster::any().unwrap(), Cluster::any().unwrap());
    dataset::production(&production, "app", Scale::TINY).unwrap();
    dataset::preprod(&preprod, "app", Scale::TINY).unwrap();
    let both = |sql: &str| (production.psql("app", sql).unwrap(), preprod.psql("app", sql).unwrap());

    let (here, there) = both("SELECT id || email FROM users WHERE username = 'bram.1'");
    assert_ne!(here, there);
    assert_eq!(here[..36], there[..36]);
    assert_eq!(both("SELECT count(*) FROM users WHERE username LIKE 'tester.%'"), ("0".to_owned(), "20".to_owned()));
    let (here, there) = both("SELECT login FROM accounts WHERE id = 1");
    assert_ne!(here, there);
    let (here, there) = both("SELECT md5(string_agg(version || checksum, ',')) FROM flyway_schema_history");
    assert_eq!(here, there);

    let names = "SELECT string_agg(relname, ' ' ORDER BY relname) FROM pg_class \
                 WHERE relname IN ('user_summary', 'test_scenarios', 'users')";
    assert_eq!(both(names), ("users".to_owned(), "test_scenarios user_summary users".to_owned()));
    assert_eq!(preprod.psql("app", "SELECT count(*) FROM test_scenarios JOIN users ON users.id = owner_id").unwrap(), "50");
    assert_eq!(preprod.psql("app", "SHOW statement_timeout").unwrap(), "5min");
    let owner = "SELECT datdba::regrole FROM pg_database WHERE datname = 'app'";
    assert_eq!(preprod.psql("app", owner).unwrap(), PREPROD_OWNER.user);
}
