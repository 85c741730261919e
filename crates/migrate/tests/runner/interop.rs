//! The history's table is the one that Flyway makes, and one that Flyway made is gone on with.

use restage_lab::{Cluster, Major};

use crate::world::{World, told};

/// What Flyway runs to create its table.
const FLYWAYS: &str = r#"CREATE TABLE "public"."flyway_schema_history" (
    "installed_rank" INT NOT NULL,
    "version" VARCHAR(50),
    "description" VARCHAR(200) NOT NULL,
    "type" VARCHAR(20) NOT NULL,
    "script" VARCHAR(1000) NOT NULL,
    "checksum" INTEGER,
    "installed_by" VARCHAR(100) NOT NULL,
    "installed_on" TIMESTAMP NOT NULL DEFAULT now(),
    "execution_time" INTEGER NOT NULL,
    "success" BOOLEAN NOT NULL
);
ALTER TABLE "public"."flyway_schema_history" ADD CONSTRAINT "flyway_schema_history_pk" PRIMARY KEY ("installed_rank");
CREATE INDEX "flyway_schema_history_s_idx" ON "public"."flyway_schema_history" ("success");"#;

#[tokio::test]
async fn the_history_is_flyways_on_every_version() {
    for major in Major::ALL {
        let cluster = Cluster::start(major).unwrap();
        let world = World::new(&cluster, "app");
        world.run().await.unwrap();
        cluster.create_database("flyway").unwrap();
        cluster.psql("flyway", FLYWAYS).unwrap();
        assert_eq!(cluster.dump("app").unwrap(), cluster.dump("flyway").unwrap(), "{major}");
        let comments = "SELECT count(*) FROM pg_description WHERE objoid = 'flyway_schema_history'::regclass";
        assert_eq!(world.sql(comments), "0");
    }
}

#[tokio::test]
async fn a_history_that_flyway_wrote_is_gone_on_with_on_every_version() {
    for major in Major::ALL {
        let cluster = Cluster::start(major).unwrap();
        let world = World::new(&cluster, "app");
        world.sql(FLYWAYS);
        // The checksum is the one that Flyway gives to this script.
        world.sql(
            "INSERT INTO flyway_schema_history VALUES (1, '1', 'a', 'SQL', 'V1__a.sql', 962658605, 'flyway', now(), 12, true); \
             CREATE TABLE t(a int)",
        );
        world.write("V1__a.sql", "CREATE TABLE t(a int);\n");
        world.write("V2__b.sql", "CREATE TABLE b ();");
        assert_eq!(world.applied().await, ["V2__b.sql"], "{major}");
        let written = world.sql(
            "SELECT installed_rank, version, description, type, script, checksum, installed_by, execution_time >= 0, \
             now()::timestamp - installed_on < '1 minute', success FROM flyway_schema_history WHERE installed_rank = 2",
        );
        assert_eq!(written, "2|2|b|SQL|V2__b.sql|-1372736567|postgres|t|t|t", "{major}");
    }
}

#[tokio::test]
async fn a_failed_row_of_flyways_stops_a_run() {
    let cluster = Cluster::any().unwrap();
    let world = World::new(&cluster, "app");
    world.sql(FLYWAYS);
    world.sql("INSERT INTO flyway_schema_history VALUES (1, '1', 'a', 'SQL', 'V1__a.sql', 0, 'flyway', now(), 12, false)");
    world.write("V1__a.sql", "");
    let error = world.refused().await;
    assert!(told(&error).contains("the migration to version `1` (`V1__a.sql`) has failed"), "{}", told(&error));
}
