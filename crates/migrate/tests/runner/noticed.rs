//! What the server says beside its answers is told, with the place that made it say so.

use restage_lab::Cluster;

use crate::world::World;

/// Notices and warnings, and the other things heard that stand between them.
fn said(world: &World<'_>) -> Vec<String> {
    let wanted = |word: &String| ["NOTICE", "WARNING", "NoticesLeftOut", "BeforeFile"].iter().any(|kind| word.starts_with(kind));
    world.ear.heard().into_iter().filter(wanted).collect()
}

#[tokio::test]
async fn notices_and_warnings_of_scripts_and_callbacks_are_told_with_their_lines() {
    let cluster = Cluster::any().unwrap();
    let world = World::new(&cluster, "app");
    world.write("beforeMigrate.sql", "DROP TABLE IF EXISTS none;");
    world.write(
        "V1__a.sql",
        "CREATE TABLE a ();\n\nCREATE TABLE IF NOT EXISTS a ();\nDO $$ BEGIN RAISE WARNING 'b' USING HINT = 'c'; END $$;",
    );
    world.write("V2__b.sql", "VACUUM a;\nCOMMIT;");
    world.write("V2__b.sql.conf", "executeInTransaction=false");
    world.write(
        "V3__c.sql",
        "CREATE FUNCTION c() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE NOTICE 'late'; RETURN NULL; END $$;\n\
         CREATE TABLE c (id int);\n\
         CREATE CONSTRAINT TRIGGER c AFTER INSERT ON c DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION c();\n\
         INSERT INTO c VALUES (1);",
    );
    world.run().await.unwrap();
    assert_eq!(
        said(&world),
        [
            "NOTICE beforeMigrate.sql:1 table \"none\" does not exist, skipping",
            "BeforeFile V1__a.sql",
            "NOTICE V1__a.sql:3 relation \"a\" already exists, skipping",
            "WARNING V1__a.sql:4 b; hint: c",
            "BeforeFile V2__b.sql",
            "WARNING V2__b.sql:2 there is no transaction in progress",
            "BeforeFile V3__c.sql",
            "NOTICE V3__c.sql:0 late",
        ]
    );
}

#[tokio::test]
async fn what_a_statement_said_before_it_failed_is_told() {
    let cluster = Cluster::any().unwrap();
    let world = World::new(&cluster, "app");
    world.write("V1__a.sql", "DO $$ BEGIN RAISE NOTICE 'so far'; PERFORM 1 / 0; END $$;");
    world.refused().await;
    assert_eq!(said(&world), ["BeforeFile V1__a.sql", "NOTICE V1__a.sql:1 so far"]);
}

#[tokio::test]
async fn a_notice_is_told_while_its_statement_still_runs() {
    let cluster = Cluster::any().unwrap();
    let world = World::new(&cluster, "app");
    world.write("V1__a.sql", "DO $$ BEGIN RAISE NOTICE 'begun'; PERFORM pg_advisory_lock(1); END $$;");
    let gate = restage_pgcopy::connect::target(&world.endpoint()).await.unwrap();
    gate.run("lock", "SELECT pg_advisory_lock(1)").await.unwrap();
    let opening = async {
        let started = std::time::Instant::now();
        let mut heard = Vec::new();
        while !heard.iter().any(|word| word == "NOTICE V1__a.sql:1 begun") {
            assert!(started.elapsed() < crate::applied::PATIENCE, "{heard:?}");
            heard.extend(world.ear.heard());
            tokio::task::yield_now().await;
        }
        gate.run("unlock", "SELECT pg_advisory_unlock(1)").await.unwrap();
    };
    tokio::join!(world.run(), opening).0.unwrap();
}

#[tokio::test]
async fn of_very_many_notices_every_one_is_told_or_counted() {
    let cluster = Cluster::any().unwrap();
    let world = World::new(&cluster, "app");
    world.write("V1__a.sql", "DO $$ BEGIN FOR i IN 1..50000 LOOP RAISE NOTICE '%', i; END LOOP; END $$;");
    world.run().await.unwrap();
    let said = said(&world);
    let told = said.iter().filter(|word| word.starts_with("NOTICE ")).count();
    let left_out = said.iter().filter_map(|word| word.strip_prefix("NoticesLeftOut V1__a.sql ")?.parse::<usize>().ok());
    assert_eq!(told + left_out.sum::<usize>(), 50_000);
}
