//! Statements end where the server's own `psql` finds their ends: both leave the same database.

use restage_lab::{Cluster, Major};

use crate::world::{World, told};

const SCRIPTS: [(&str, &str); 9] = [
    ("quotes", include_str!("nasty/quotes.sql")),
    ("functions", include_str!("nasty/functions.sql")),
    ("atomic", include_str!("nasty/atomic.sql")),
    ("copies", include_str!("nasty/copies.sql")),
    ("rules", include_str!("nasty/rules.sql")),
    ("comments", include_str!("nasty/comments.sql")),
    ("blocks", include_str!("nasty/blocks.sql")),
    ("identifiers", include_str!("nasty/identifiers.sql")),
    ("transactions", include_str!("nasty/transactions.sql")),
];

#[tokio::test]
async fn what_a_script_leaves_is_what_psql_leaves() {
    for major in Major::ALL {
        let cluster = Cluster::start(major).unwrap();
        for (name, text) in SCRIPTS {
            for (ending, text) in [("lf", text.to_owned()), ("crlf", text.replace('\n', "\r\n"))] {
                let (ours, theirs) = (format!("{name}_{ending}"), format!("{name}_{ending}_twin"));
                let mut world = World::new(&cluster, &ours);
                world.settings.placeholder_replacement = false;
                world.write("V1__a.sql", &text);
                let ran = world.run().await;
                ran.unwrap_or_else(|error| panic!("{name} with {ending} on {major}: {}", told(&error)));
                world.sql("DROP TABLE flyway_schema_history");
                cluster.create_database(&theirs).unwrap();
                cluster.psql(&theirs, &text).unwrap();
                assert_eq!(cluster.dump(&ours).unwrap(), cluster.dump(&theirs).unwrap(), "{name} with {ending} on {major}");
            }
        }
    }
}

/// Where `psql`, which reads line by line, takes the second part for a literal without escapes, and the server does not.
#[tokio::test]
async fn a_literal_with_escapes_that_goes_on_ends_where_the_server_ends_it() {
    let cluster = Cluster::any().unwrap();
    let world = World::new(&cluster, "app");
    world.write("V1__a.sql", "CREATE TABLE a AS SELECT E'a;'\n  ';b\\'' AS b;\nINSERT INTO a VALUES ('c');");
    assert_eq!(world.applied().await, ["V1__a.sql"]);
    assert_eq!(world.sql("SELECT b FROM a"), "a;;b'\nc");
}
