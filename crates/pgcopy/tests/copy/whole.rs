use crate::place::{Pair, assert_same, dump};
use restage_lab::{Cluster, Major};

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
