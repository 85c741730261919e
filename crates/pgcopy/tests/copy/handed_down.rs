//! What the database to be replaced hands down: owners, grants, default privileges.

use crate::place::{Pair, Plain, as_role, dump, endpoint};
use restage_lab::{Cluster, Major};
use restage_pgcopy::archive;
use restage_pgcopy::copy::{self, Inherited, Route};

const ROLES: &str =
    "CREATE ROLE app; CREATE ROLE boss; CREATE ROLE reader; CREATE ROLE writer; CREATE ROLE prod_only; CREATE ROLE ops;";
const PRODUCTION: &str = "
CREATE TABLE people (id serial PRIMARY KEY, email text); ALTER TABLE people OWNER TO app;
CREATE TABLE fresh (id serial); ALTER TABLE fresh OWNER TO app;
CREATE FUNCTION f(int) RETURNS int LANGUAGE sql AS 'SELECT 1'; ALTER FUNCTION f OWNER TO app;
CREATE FUNCTION g() RETURNS int LANGUAGE sql AS 'SELECT 1'; ALTER FUNCTION g() OWNER TO app;
CREATE TABLE orphan (id int); ALTER TABLE orphan OWNER TO prod_only;
CREATE SCHEMA side AUTHORIZATION app; CREATE TYPE side.kind AS ENUM ('a'); ALTER TYPE side.kind OWNER TO app;
GRANT ALL ON people TO ops; GRANT SELECT ON fresh TO ops;
ALTER DEFAULT PRIVILEGES FOR ROLE app GRANT INSERT ON TABLES TO ops;
ALTER DEFAULT PRIVILEGES FOR ROLE ops IN SCHEMA public GRANT SELECT ON TABLES TO ops;
";
const OLD: &str = "
CREATE TABLE people (id serial PRIMARY KEY); ALTER TABLE people OWNER TO boss;
CREATE FUNCTION f(int) RETURNS int LANGUAGE sql AS 'SELECT 2'; ALTER FUNCTION f OWNER TO app;
CREATE TABLE gone (id int); GRANT SELECT ON gone TO reader;
REVOKE ALL ON FUNCTION f(int) FROM PUBLIC; GRANT EXECUTE ON FUNCTION f(int) TO writer;
GRANT SELECT ON people TO reader; GRANT UPDATE (id) ON people TO writer WITH GRANT OPTION;
GRANT USAGE ON SCHEMA public TO reader; GRANT CREATE ON SCHEMA public TO writer;
ALTER DEFAULT PRIVILEGES FOR ROLE app IN SCHEMA public GRANT SELECT ON TABLES TO reader;
ALTER DEFAULT PRIVILEGES FOR ROLE app REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC;
ALTER DEFAULT PRIVILEGES FOR ROLE app GRANT EXECUTE ON FUNCTIONS TO reader;
ALTER DEFAULT PRIVILEGES FOR ROLE app GRANT USAGE ON SEQUENCES TO writer;
";

fn arrange(major: Major) -> (Cluster, Cluster) {
    let (from, to) = (Cluster::start(major).unwrap(), Cluster::start(major).unwrap());
    from.create_database("app").unwrap();
    to.create_database("old").unwrap();
    from.psql("app", &format!("{ROLES}{PRODUCTION}")).unwrap();
    to.psql("old", &format!("{}{OLD}", ROLES.replace("CREATE ROLE prod_only;", ""))).unwrap();
    (from, to)
}

fn owners(cluster: &Cluster) -> String {
    let sql = "SELECT string_agg(relname || '=' || pg_get_userbyid(relowner), ' ' ORDER BY relname) FROM pg_class \
               WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'S')";
    cluster.psql("copy", sql).unwrap()
}

fn grants(cluster: &Cluster) -> Vec<String> {
    let dump = dump(cluster, "copy", cluster.major(), &["--schema-only"]);
    dump.lines()
        .filter(|line| line.starts_with("GRANT") || line.starts_with("REVOKE") || line.starts_with("ALTER DEFAULT"))
        .map(str::to_owned)
        .collect()
}

const GRANTS: [&str; 16] = [
    "GRANT USAGE ON SCHEMA public TO reader;",
    "GRANT CREATE ON SCHEMA public TO writer;",
    "REVOKE ALL ON FUNCTION public.f(integer) FROM PUBLIC;",
    "GRANT ALL ON FUNCTION public.f(integer) TO writer;",
    "REVOKE ALL ON FUNCTION public.g() FROM PUBLIC;",
    "GRANT ALL ON FUNCTION public.g() TO reader;",
    "GRANT SELECT ON TABLE public.fresh TO reader;",
    "GRANT USAGE ON SEQUENCE public.fresh_id_seq TO writer;",
    "GRANT SELECT ON TABLE public.people TO reader;",
    "GRANT UPDATE(id) ON TABLE public.people TO writer WITH GRANT OPTION;",
    "ALTER DEFAULT PRIVILEGES FOR ROLE app GRANT USAGE ON SEQUENCES  TO writer;",
    "ALTER DEFAULT PRIVILEGES FOR ROLE app REVOKE ALL ON FUNCTIONS  FROM PUBLIC;",
    "ALTER DEFAULT PRIVILEGES FOR ROLE app GRANT ALL ON FUNCTIONS  TO reader;",
    "ALTER DEFAULT PRIVILEGES FOR ROLE app GRANT INSERT ON TABLES  TO ops;",
    "ALTER DEFAULT PRIVILEGES FOR ROLE app IN SCHEMA public GRANT SELECT ON TABLES  TO reader;",
    "ALTER DEFAULT PRIVILEGES FOR ROLE ops IN SCHEMA public GRANT SELECT ON TABLES  TO ops;",
];

#[tokio::test(flavor = "multi_thread")]
async fn the_targets_owners_and_grants_are_kept_and_new_objects_get_its_default_privileges() {
    let (from, to) = arrange(Major::V15);
    let pair = Pair { source: &from, target: &to };
    let carried = copy::everything(&pair.facts().await);
    let filled = pair.fill(&carried, Some("old")).await.unwrap();
    assert_eq!(filled.notes, Vec::<String>::new());
    assert_eq!(owners(&to), "fresh=app fresh_id_seq=app orphan=postgres people=boss people_id_seq=boss");
    assert_eq!(to.psql("copy", "SELECT pg_get_userbyid(typowner) FROM pg_type WHERE typname = 'kind'").unwrap(), "app");
    let mut expected = GRANTS.map(str::to_owned).to_vec();
    let mut found = grants(&to);
    expected.sort();
    found.sort();
    assert_eq!(found, expected);
}

/// The login owns the database, is a member of some roles and no superuser; it never gets what it may not have.
async fn an_ordinary_login_hands_over_what_it_can(major: Major) {
    let (from, to) = arrange(major);
    to.psql("postgres", "CREATE ROLE login LOGIN PASSWORD 'pw' IN ROLE app, boss").unwrap();
    to.psql("postgres", "CREATE DATABASE copy TEMPLATE template0 OWNER login").unwrap();
    // On old servers `public` belongs to the superuser, as it does where version 15 was upgraded from one.
    let mut plain = Plain::onto(&to);
    let source = endpoint(&from, "app");
    let carried = copy::everything(&plain.facts(&source).await);
    let old = archive::dump(&plain.tools, &endpoint(&to, "old"), None, &plain.stop).await.unwrap();
    plain.inherited = Inherited::from_archive(&old);
    let route = Route { source, target: as_role(&to, "copy", "login", "pw") };
    let filled = copy::fill(&route, &plain.filling(&carried)).await.unwrap();
    assert_eq!(owners(&to), "fresh=app fresh_id_seq=app orphan=login people=boss people_id_seq=boss");
    let found = grants(&to);
    for grant in ["GRANT SELECT ON TABLE public.people TO reader;", "GRANT ALL ON FUNCTION public.g() TO reader;"] {
        assert!(found.iter().any(|known| known == grant), "{grant} in {found:#?}");
    }
    assert!(!found.iter().any(|known| known.contains("CREATE ON SCHEMA public TO app") || known.contains("TO boss")), "{found:#?}");
    // It cannot speak for `ops`.
    assert_eq!(filled.notes.len(), 1, "{:#?}", filled.notes);
    assert!(filled.notes[0].starts_with("could not set what `ops` grants by default in `public`: "), "{}", filled.notes[0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_ordinary_login_on_15_hands_over_what_it_can() {
    an_ordinary_login_hands_over_what_it_can(Major::V15).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_ordinary_login_on_17_hands_over_what_it_can() {
    an_ordinary_login_hands_over_what_it_can(Major::V17).await;
}
