//! Histories of other tools, in tables as those make them.

#![cfg(test)]

#[path = "models/place.rs"]
mod place;

use place::{client, cluster};
use restage_migrate::others::{self, MigrationTool};

#[tokio::test]
async fn histories_of_all_other_tools_are_shown_and_flyways_is_left_to_its_own_commands() {
    let cluster = cluster(include_str!("../../pgcopy/tests/facts/histories.sql"));
    let found = others::histories(client(&cluster).await.reader()).await.unwrap();
    let tools: Vec<_> = found.iter().map(|history| (history.tool, history.applied.len())).collect();
    let expected = [
        (MigrationTool::Prisma, 2),
        (MigrationTool::Sqlx, 1),
        (MigrationTool::Alembic, 1),
        (MigrationTool::Liquibase, 2),
        (MigrationTool::Django, 2),
        (MigrationTool::Knex, 1),
        (MigrationTool::Rails, 1),
    ];
    assert_eq!(tools, expected);
}
