use crate::place::{Pair, assert_same, dump};
use restage_lab::{Cluster, Config, Installation, Major};

pub(crate) const EVERYTHING: &str = include_str!("everything.sql");
/// Grants are the target's, and of publications nothing is copied unless asked.
const COMPARED: [&str; 2] = ["--no-privileges", "--no-publications"];
const VIEWS: [&str; 6] = ["adults", "by_key", "feelings", "most", "keyed", "nums"];

async fn every_kind_of_object_survives(source: Major, target: Major) {
    let from = Cluster::start(source).unwrap();
    let to = Cluster::start(target).unwrap();
    from.create_database("app").unwrap();
    from.psql("app", EVERYTHING).unwrap();
    let filled = Pair { source: &from, target: &to }.fill_all().await;

    // Versions print views differently; their rows are compared instead.
    let views = VIEWS.map(|view| format!("--exclude-table={view}"));
    let options: Vec<&str> = COMPARED.into_iter().chain(views.iter().map(String::as_str).filter(|_| source != target)).collect();
    let newest = source.max(target);
    assert_same(&dump(&from, "app", newest, &options), &dump(&to, "copy", newest, &options));
    for view in VIEWS {
        let rows = format!("SET TimeZone = 'UTC'; SELECT v::text FROM {view} v ORDER BY 1");
        assert_same(&from.psql("app", &rows).unwrap(), &to.psql("copy", &rows).unwrap());
    }
    let refreshed =
        "SELECT count(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'm' AND relispopulated";
    assert_eq!(to.psql("copy", refreshed).unwrap(), "3");
    assert_eq!((filled.large_objects, filled.tables.len()), (3, 18));
}

#[tokio::test(flavor = "multi_thread")]
async fn every_kind_of_object_survives_on_15() {
    every_kind_of_object_survives(Major::V15, Major::V15).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_kind_of_object_survives_from_14_to_18() {
    every_kind_of_object_survives(Major::V14, Major::V18).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_kind_of_object_survives_from_16_to_17() {
    every_kind_of_object_survives(Major::V16, Major::V17).await;
}

/// Foreign keys of tables that are large enough to have theirs validated afterwards.
const LARGE_REFERENCES: &str = "
CREATE TABLE customers (id int PRIMARY KEY) PARTITION BY RANGE (id);
CREATE TABLE customers_1 PARTITION OF customers FOR VALUES FROM (0) TO (100);
CREATE TABLE customers_2 PARTITION OF customers FOR VALUES FROM (100) TO (1000) PARTITION BY RANGE (id);
CREATE TABLE customers_2_1 PARTITION OF customers_2 FOR VALUES FROM (100) TO (1000);
INSERT INTO customers SELECT generate_series(1, 500);
CREATE TABLE colours (name text PRIMARY KEY); INSERT INTO colours VALUES ('red'), ('blue');
CREATE TABLE orders (id int PRIMARY KEY, customer_id int REFERENCES customers, first int CONSTRAINT \"the first\" REFERENCES orders,
    colour text REFERENCES colours ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED, filling text DEFAULT repeat('x', 100));
INSERT INTO orders SELECT n, 1 + n % 500, 1, 'red' FROM generate_series(1, 20000) n;
CREATE TABLE \"orders of\" (id int, \"order\" int, filling text DEFAULT repeat('x', 100), CONSTRAINT \"of which\" FOREIGN KEY (\"order\") REFERENCES orders);
INSERT INTO \"orders of\" SELECT n, n FROM generate_series(1, 20000) n;
CREATE TABLE deliveries (id int, order_id int REFERENCES orders, filling text DEFAULT repeat('x', 100)) PARTITION BY HASH (id);
CREATE TABLE deliveries_1 PARTITION OF deliveries FOR VALUES WITH (MODULUS 2, REMAINDER 0);
CREATE TABLE deliveries_2 PARTITION OF deliveries FOR VALUES WITH (MODULUS 2, REMAINDER 1);
INSERT INTO deliveries SELECT n, n FROM generate_series(1, 20000) n;
CREATE TABLE doubtful (id int, order_id int, filling text DEFAULT repeat('x', 100));
INSERT INTO doubtful SELECT n, n + 1 FROM generate_series(1, 20000) n;
ALTER TABLE doubtful ADD CONSTRAINT doubtful_order FOREIGN KEY (order_id) REFERENCES orders NOT VALID";

async fn foreign_keys_of_large_tables_are_as_they_were(major: Major) {
    let cluster = Cluster::start(major).unwrap();
    cluster.create_database("app").unwrap();
    cluster.psql("app", LARGE_REFERENCES).unwrap();
    Pair { source: &cluster, target: &cluster }.fill_all().await;
    assert_same(&dump(&cluster, "app", major, &["--schema-only"]), &dump(&cluster, "copy", major, &["--schema-only"]));
    let unvalidated = "SELECT string_agg(conname, ', ') FROM pg_constraint WHERE NOT convalidated";
    assert_eq!(cluster.psql("copy", unvalidated).unwrap(), "doubtful_order");
}

#[tokio::test(flavor = "multi_thread")]
async fn foreign_keys_of_large_tables_are_as_they_were_on_15() {
    foreign_keys_of_large_tables_are_as_they_were(Major::V15).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn foreign_keys_of_large_tables_are_as_they_were_on_18() {
    foreign_keys_of_large_tables_are_as_they_were(Major::V18).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn long_values_are_compressed_quickly_unless_somebody_asks_for_another_way() {
    let cluster = Cluster::start(Major::V15).unwrap();
    cluster.create_database("app").unwrap();
    let long =
        "CREATE TABLE long (free text, asked text COMPRESSION pglz); INSERT INTO long SELECT t, t FROM repeat('abcdefgh', 10000) t";
    cluster.psql("app", long).unwrap();
    Pair { source: &cluster, target: &cluster }.fill_all().await;
    let how = "SELECT pg_column_compression(free), pg_column_compression(asked) FROM long";
    assert_eq!(cluster.psql("copy", how).unwrap(), "lz4|pglz");
}

/// Keys of every sort, on a table that is large enough to have its indexes built side by side.
const KEYS: &str = "
CREATE TABLE keyed (id int, code text COLLATE \"C\", extra int, \"odd name\" int, filling text DEFAULT repeat('x', 100),
    CONSTRAINT \"the key\" PRIMARY KEY (id) INCLUDE (extra) WITH (fillfactor = 70),
    CONSTRAINT later UNIQUE (code, \"odd name\") DEFERRABLE INITIALLY DEFERRED, CONSTRAINT sometime UNIQUE (extra) DEFERRABLE,
    CONSTRAINT clustered UNIQUE (\"odd name\"), EXCLUDE USING btree (extra WITH =));
INSERT INTO keyed SELECT n, 'code ' || n, n, n FROM generate_series(1, 20000) n;
ALTER TABLE keyed CLUSTER ON clustered;
CREATE INDEX ON keyed (filling);
COMMENT ON CONSTRAINT \"the key\" ON keyed IS 'told apart by';
CREATE TABLE follower (id int REFERENCES keyed, filling text DEFAULT repeat('x', 100));
INSERT INTO follower SELECT n FROM generate_series(1, 20000) n;
ANALYZE";

#[tokio::test(flavor = "multi_thread")]
async fn keys_made_from_their_index_are_what_they_were() {
    for major in [Major::V14, Major::V18] {
        let settings = vec![("log_statement".to_owned(), "ddl".to_owned())];
        let cluster = Config { settings, ..Config::of(Installation::find(major).unwrap()) }.start().unwrap();
        cluster.create_database("app").unwrap();
        cluster.psql("app", KEYS).unwrap();
        if major >= Major::V15 {
            cluster.psql("app", "ALTER TABLE keyed ADD CONSTRAINT nulls UNIQUE NULLS NOT DISTINCT (extra, code)").unwrap();
        }
        Pair { source: &cluster, target: &cluster }.fill_all().await;
        assert_same(&dump(&cluster, "app", major, &["--schema-only"]), &dump(&cluster, "copy", major, &["--schema-only"]));
        let of_an_index = "SELECT count(*) FROM pg_constraint k JOIN pg_index i ON i.indexrelid = k.conindid \
                           WHERE k.contype IN ('p', 'u') AND NOT (i.indisvalid AND i.indisready)";
        assert_eq!(cluster.psql("copy", of_an_index).unwrap(), "0");
        let log = cluster.log();
        let made = |name: &str| log.contains(&format!("ADD CONSTRAINT {name} ")) && log.contains(&format!("USING INDEX {name}"));
        assert!(made("\"the key\"") && made("\"later\"") && !made("\"clustered\""), "{log}");
    }
}

/// A large table, which is copied first, whose rows lead to a small one in a way that is recorded nowhere.
const LED_BY_NAMES: &str = "CREATE TABLE small (id int); INSERT INTO small VALUES (1);
CREATE TABLE large (id int, what regclass, filling text DEFAULT repeat('x', 100));
INSERT INTO large SELECT n, 'small' FROM generate_series(1, 20000) n; ANALYZE";
const LED_BY_A_FUNCTION: &str = "CREATE TABLE small (email text); INSERT INTO small VALUES ('nobody');
CREATE FUNCTION allowed(email text) RETURNS boolean LANGUAGE plpgsql AS
    $$ BEGIN RETURN NOT EXISTS (SELECT FROM public.small s WHERE s.email = allowed.email); END $$;
CREATE TABLE large (id int, email text CHECK (allowed(email)), filling text DEFAULT repeat('x', 100));
INSERT INTO large SELECT n, 'somebody' FROM generate_series(1, 20000) n; ANALYZE";

#[tokio::test(flavor = "multi_thread")]
async fn tables_that_rows_lead_to_are_there_before_them() {
    for led in [LED_BY_NAMES, LED_BY_A_FUNCTION] {
        let cluster = Cluster::any().unwrap();
        cluster.create_database("app").unwrap();
        cluster.psql("app", led).unwrap();
        Pair { source: &cluster, target: &cluster }.fill_all().await;
        assert_same(&cluster.dump("app").unwrap(), &cluster.dump("copy").unwrap());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_small_table_is_made_by_the_transaction_that_fills_it() {
    let settings = vec![("log_statement".to_owned(), "ddl".to_owned())];
    let cluster = Config { settings, ..Config::of(Installation::any().unwrap()) }.start().unwrap();
    cluster.create_database("app").unwrap();
    cluster.psql("app", "CREATE TABLE small (id serial PRIMARY KEY); INSERT INTO small DEFAULT VALUES").unwrap();
    Pair { source: &cluster, target: &cluster }.fill_all().await;
    // What comes before rows has transactions of its own, and needs no savepoint.
    let log = cluster.log();
    let made_within = |line: &str| line.contains("SAVEPOINT") && line.contains("CREATE TABLE \"public\".\"small\"");
    assert!(log.lines().any(made_within), "{log}");
}
