//! What a standby cannot tell.

use crate::place::Pair;
use restage_lab::Cluster;

#[tokio::test(flavor = "multi_thread")]
async fn unlogged_sequences_of_a_standby_are_made_and_said_to_be_unknown_and_never_behind_their_column() {
    let primary = Cluster::any().unwrap();
    primary.create_database("app").unwrap();
    let make = "CREATE UNLOGGED SEQUENCE alone START 5; SELECT nextval('alone');
        CREATE SEQUENCE logged START 7; SELECT nextval('logged');
        CREATE TABLE numbered (id serial PRIMARY KEY); INSERT INTO numbered SELECT FROM generate_series(1, 30);
        ALTER SEQUENCE numbered_id_seq SET UNLOGGED";
    primary.psql("app", make).unwrap();
    let standby = Cluster::standby_of(&primary).unwrap();
    standby.await_replay_of(&primary).unwrap();
    let target = Cluster::any().unwrap();
    let mut notes = Pair { source: &standby, target: &target }.fill_all().await.notes;
    notes.sort();
    let unknown =
        |name: &str| format!("where the sequence `{name}` stands is not copied: it is unlogged, and a standby does not know");
    let moved = "the sequence `numbered_id_seq` was behind its column and was moved from 1 to 30".to_owned();
    assert_eq!(notes, [moved, unknown("alone"), unknown("numbered_id_seq")]);
    assert_eq!(target.psql("copy", "SELECT nextval('alone'), nextval('logged'), nextval('numbered_id_seq')").unwrap(), "5|8|31");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_primary_knows_its_unlogged_sequences() {
    let cluster = Cluster::any().unwrap();
    cluster.create_database("app").unwrap();
    cluster.psql("app", "CREATE UNLOGGED SEQUENCE alone; SELECT setval('alone', 41)").unwrap();
    let filled = Pair { source: &cluster, target: &cluster }.fill_all().await;
    assert_eq!(filled.notes, [""; 0]);
    assert_eq!(cluster.psql("copy", "SELECT nextval('alone')").unwrap(), "42");
}
