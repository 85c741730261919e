//! Whatever a schema looks like, its copy is the same: generated schemas, many to a database.

#[path = "generated/model.rs"]
mod model;
#[path = "generated/script.rs"]
mod script;
#[path = "generated/values.rs"]
mod values;

use crate::compared::{Database, Journey};
use model::{Schema, Views, schema};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use restage_lab::{Cluster, Major};
use script::script;
use std::cell::Cell;

/// Databases are what takes time, so that each holds many schemas.
const SCHEMAS_PER_DATABASE: u32 = 32;
/// Schemas, unless `PROPTEST_CASES` asks for another number.
const SCHEMAS: u32 = 96;
/// Copies that are made to find the smallest schema that fails.
const SHRINKING_COPIES: u32 = 40;

fn generated_schemas_arrive(source: Major, target: Major, views: Views) {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let (from, to) = (Cluster::start(source).unwrap(), Cluster::start(target).unwrap());
    let number = Cell::new(0);
    let standard = Config::default();
    let asked = std::env::var_os("PROPTEST_CASES").map(|_| standard.cases);
    let config = Config {
        cases: asked.unwrap_or(SCHEMAS).div_ceil(SCHEMAS_PER_DATABASE),
        max_shrink_iters: standard.max_shrink_iters.min(SHRINKING_COPIES),
        failure_persistence: None,
        ..standard
    };
    let schemas = prop::collection::vec(schema(views), SCHEMAS_PER_DATABASE as usize / 2..=SCHEMAS_PER_DATABASE as usize);
    let tried = TestRunner::new(config).run(&schemas, |schemas| {
        number.set(number.get() + 1);
        let name = format!("app{}", number.get());
        let ends = (Database { cluster: &from, name: &name }, Database { cluster: &to, name: &name });
        runtime.block_on(copy(Journey { from: ends.0, to: ends.1 }, &schemas));
        for end in [&from, &to] {
            end.psql("postgres", &format!("DROP DATABASE {name}")).unwrap();
        }
        Ok(())
    });
    tried.unwrap_or_else(|failure| panic!("{failure}"));
}

async fn copy(journey: Journey<'_>, schemas: &[Schema]) {
    journey.from.create("");
    journey.from.psql(&schemas.iter().enumerate().map(|(at, schema)| script(schema, at)).collect::<String>());
    journey.to.create("");
    journey.faithful().await;
}

#[test]
fn generated_schemas_arrive_on_15() {
    generated_schemas_arrive(Major::V15, Major::V15, Views::With);
}

#[test]
fn generated_schemas_arrive_from_14_to_18() {
    generated_schemas_arrive(Major::V14, Major::V18, Views::Without);
}
