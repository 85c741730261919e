//! Scripts that nobody should write, and what must be said of them.

use restage_lab::Cluster;
use restage_migrate::runner::Left;

use crate::world::World;

#[tokio::test]
async fn a_commit_behind_a_hint_ends_the_transaction() {
    let cluster = Cluster::any().unwrap();
    let world = World::new(&cluster, "app");
    world.write("V1__a.sql", "CREATE TABLE a ();\n/*+ hint */ COMMIT;\nSELECT 1 / 0;");
    let error = world.refused().await;
    assert!(world.has("a"));
    assert_eq!(error.failure().unwrap().left, Left::Statements { done: 2 }, "{}", error.message);
}
