//! A shadow that is begun anew: nothing is left of what an earlier attempt made of it.

use crate::compared::told;
use crate::place::{Plain, as_role, assert_same, dump, endpoint};
use crate::whole::EVERYTHING;
use restage_core::provider::{Carried, Filled};
use restage_lab::{Cluster, Config, Installation, Major};
use restage_pgcopy::archive;
use restage_pgcopy::connect::Endpoint;
use restage_pgcopy::copy::{self, Inherited, Route};

/// What depends on nothing but what every server has, and what only a superuser makes.
const MORE: &str = "
CREATE TYPE shelf; CREATE FUNCTION shelf_in(cstring) RETURNS shelf LANGUAGE internal IMMUTABLE STRICT AS 'textin';
CREATE FUNCTION shelf_out(shelf) RETURNS cstring LANGUAGE internal IMMUTABLE STRICT AS 'textout';
CREATE TYPE shelf (INPUT = shelf_in, OUTPUT = shelf_out, LIKE = text); CREATE TYPE hollow; ALTER TYPE shelf OWNER TO boss;
CREATE TABLE shelves (at shelf DEFAULT 'left'); INSERT INTO shelves DEFAULT VALUES;
CREATE TRANSFORM FOR int LANGUAGE sql (FROM SQL WITH FUNCTION prsd_lextype(internal), TO SQL WITH FUNCTION int4recv(internal));
CREATE CAST (money AS text) WITH INOUT;
CREATE FUNCTION handle() RETURNS language_handler LANGUAGE c AS '$libdir/plpgsql', 'plpgsql_call_handler';
CREATE LANGUAGE second HANDLER handle;
CREATE ACCESS METHOD fake TYPE TABLE HANDLER heap_tableam_handler; CREATE TABLE kept_so (id int) USING fake;
CREATE CONVERSION odd FOR 'LATIN1' TO 'UTF8' FROM iso8859_1_to_utf8;
CREATE TEXT SEARCH PARSER parse (START = prsd_start, GETTOKEN = prsd_nexttoken, END = prsd_end, LEXTYPES = prsd_lextype);
CREATE TEXT SEARCH TEMPLATE simpler (INIT = dsimple_init, LEXIZE = dsimple_lexize);
CREATE TEXT SEARCH DICTIONARY d (TEMPLATE = simpler);
CREATE OPERATOR FAMILY odd USING btree; CREATE OPERATOR CLASS odder FOR TYPE int USING btree AS FUNCTION 1 btint4cmp(int, int);
CREATE USER MAPPING FOR PUBLIC SERVER elsewhere OPTIONS (name 'x'); CREATE PUBLICATION all_news FOR ALL TABLES;
CREATE SUBSCRIPTION feed CONNECTION 'host=127.0.0.1 port=1 dbname=nowhere' PUBLICATION far WITH (connect = false, slot_name = 'production');
COMMENT ON SCHEMA public IS 'ours'; ALTER DEFAULT PRIVILEGES FOR ROLE writer GRANT SELECT ON TABLES TO PUBLIC;
";
const OLD: &str = "
ALTER SCHEMA public OWNER TO boss; GRANT CREATE ON SCHEMA public TO writer WITH GRANT OPTION;
ALTER DEFAULT PRIVILEGES FOR ROLE boss REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC; ALTER DEFAULT PRIVILEGES FOR ROLE boss REVOKE ALL ON TYPES FROM boss;
ALTER DEFAULT PRIVILEGES FOR ROLE boss IN SCHEMA public GRANT USAGE ON SEQUENCES TO writer WITH GRANT OPTION;
ALTER DEFAULT PRIVILEGES FOR ROLE boss GRANT CREATE ON SCHEMAS TO \"the reader\"; GRANT EXECUTE ON FUNCTION pg_read_file(text) TO \"the reader\";
ALTER DEFAULT PRIVILEGES FOR ROLE boss GRANT ALL ON SEQUENCES TO writer; GRANT SELECT ON pg_authid TO writer; REVOKE USAGE ON LANGUAGE plpgsql FROM PUBLIC;
";

/// Every catalog of a database with the number of its rows, without statistics.
const CATALOGS: &str = "SELECT relname, (xpath('/row/count/text()', query_to_xml(format('SELECT count(*) FROM pg_catalog.%I', relname), false, true, '')))[1]::text
      FROM pg_class WHERE relnamespace = 'pg_catalog'::regnamespace AND relkind = 'r' AND NOT relisshared AND relname !~ '^pg_statistic'
    UNION ALL SELECT 'subscriptions', count(*)::text FROM pg_subscription JOIN pg_database d ON d.oid = subdbid WHERE datname = current_database() ORDER BY 1";
/// Those that the first copy has brought something into.
const CHANGED: [&str; 14] = [
    "pg_am|",
    "pg_cast|",
    "pg_conversion|",
    "pg_default_acl|",
    "pg_event_trigger|",
    "pg_extension|",
    "pg_largeobject_metadata|",
    "pg_language|",
    "pg_opclass|",
    "pg_publication|",
    "pg_transform|",
    "pg_ts_parser|",
    "pg_user_mapping|",
    "subscriptions|",
];

/// Databases to copy from and to, and one that nobody has touched.
fn arrange(major: Major, content: &[&str], old: &str, owner: &str) -> Cluster {
    let settings = vec![("wal_level".to_owned(), "logical".to_owned())];
    let cluster = Config { settings, ..Config::of(Installation::find(major).unwrap()) }.start().unwrap();
    let roles =
        "CREATE ROLE boss; CREATE ROLE \"the reader\"; CREATE ROLE writer; CREATE ROLE login LOGIN PASSWORD 'pw' IN ROLE boss";
    cluster.psql("postgres", roles).unwrap();
    for database in ["app", "old", "bare", "copy", "fresh"] {
        cluster.psql("postgres", &format!("CREATE DATABASE {database} TEMPLATE template0 OWNER {owner}")).unwrap();
    }
    content.iter().for_each(|sql| drop(cluster.psql("app", sql).unwrap()));
    cluster.psql("old", old).unwrap();
    cluster
}

/// Copies a database over `copy` by way of that login, with publications.
async fn fill(cluster: &Cluster, source: &str, target: &Endpoint, plain: &Plain) -> Filled {
    let route = Route { source: endpoint(cluster, source), target: target.clone() };
    let carried = Carried { publications: true, ..copy::everything(&plain.facts(&route.source).await) };
    copy::fill(&route, &plain.filling(&carried)).await.unwrap_or_else(|error| panic!("{}", told(&error)))
}

/// Copies `app` as somebody who takes the place of `old`, and nothing over that; says what the first copy noted, and which
/// catalogs it changed.
async fn twice(cluster: &Cluster, target: &Endpoint) -> (Vec<String>, Vec<String>) {
    let mut plain = Plain::onto(cluster);
    let old = archive::dump(&plain.tools, &endpoint(cluster, "old"), None, &plain.stop).await.unwrap();
    plain.inherited = Inherited::from_archive(&old);
    let filled = fill(cluster, "app", target, &plain).await;
    let state = |database: &str| cluster.psql(database, CATALOGS).unwrap();
    let (fresh, before) = (state("fresh"), state("copy"));
    let changed = before.lines().filter(|line| !fresh.lines().any(|known| known == *line)).map(str::to_owned).collect();

    fill(cluster, "bare", target, &Plain::onto(cluster)).await;
    assert_same(&dump(cluster, "fresh", cluster.major(), &[]), &dump(cluster, "copy", cluster.major(), &[]));
    assert_same(&fresh, &state("copy"));
    (filled.notes, changed)
}

async fn what_an_earlier_attempt_made_is_gone(major: Major) {
    let cluster = arrange(major, &[EVERYTHING, MORE], OLD, "postgres");
    let (notes, changed) = twice(&cluster, &endpoint(&cluster, "copy")).await;
    assert!(!notes.iter().any(|note| note.starts_with("could not")), "{notes:#?}");
    assert!(CHANGED.iter().all(|name| changed.iter().any(|line| line.starts_with(name))), "{changed:?}");
    cluster.psql("app", "ALTER SUBSCRIPTION feed SET (slot_name = NONE); DROP SUBSCRIPTION feed").unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_earlier_attempt_made_is_gone_on_14() {
    what_an_earlier_attempt_made_is_gone(Major::V14).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_earlier_attempt_made_is_gone_on_18() {
    what_an_earlier_attempt_made_is_gone(Major::V18).await;
}

/// What an ordinary login can make.
const ORDINARY: &str =
    "CREATE EXTENSION citext; CREATE TABLE people (id serial PRIMARY KEY, email citext); ALTER TABLE people OWNER TO boss;
    INSERT INTO people (email) VALUES ('a@x'); SELECT lo_create(5)";
const ORDINARY_OLD: &str = "ALTER SCHEMA public OWNER TO boss; GRANT CREATE ON SCHEMA public TO writer;
    ALTER DEFAULT PRIVILEGES FOR ROLE boss REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC; ALTER DEFAULT PRIVILEGES FOR ROLE boss GRANT SELECT ON TABLES TO writer";

#[tokio::test(flavor = "multi_thread")]
async fn an_ordinary_login_can_begin_anew() {
    let cluster = arrange(Major::V17, &[ORDINARY], ORDINARY_OLD, "login");
    let target = as_role(&cluster, "copy", "login", "pw");
    let (notes, changed) = twice(&cluster, &target).await;
    assert_eq!(notes, Vec::<String>::new());
    assert!(changed.iter().any(|line| line.starts_with("pg_default_acl|2")), "{changed:?}");

    // What broke off while it cleared may have left no more than this.
    cluster.psql("copy", "ALTER DEFAULT PRIVILEGES FOR ROLE boss GRANT SELECT ON TABLES TO writer").unwrap();
    fill(&cluster, "bare", &target, &Plain::onto(&cluster)).await;
    assert_same(&dump(&cluster, "fresh", cluster.major(), &[]), &dump(&cluster, "copy", cluster.major(), &[]));
}
