//! What a history has once somebody else has migrated: only what stands there is believed.

use crate::site::Site;
use restage_core::Code;
use restage_core::provider::{MigrateSpec, Versions};
use restage_core::scenario::migrations::Scripts;
use restage_lab::Major;
use restage_providers::versions::AllVersions;

#[tokio::test(flavor = "multi_thread")]
async fn a_migrator_that_made_no_history_has_migrated_nothing_whatever_baseline_it_would_have_written() {
    let site = Site::start(Major::V15);
    site.psql("postgres", "CREATE DATABASE app");
    site.psql("app", "CREATE TABLE a ()");
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("V1__a.sql"), "CREATE TABLE a ();\n").unwrap();
    let baseline = [("baselineOnMigrate", "true"), ("baselineVersion", "1")];
    let scripts = Scripts {
        locations: vec![".".into()],
        settings: baseline.map(|(key, value)| (key.to_owned(), value.to_owned())).into(),
        ..Scripts::default()
    };
    let address = site.address("app", "postgres");
    let spec = MigrateSpec { address, scripts, folder: folder.path().into(), expected: vec![], signals: None };
    let error = AllVersions::new(site.access()).observed(&spec).await.unwrap_err();
    assert_eq!(error.code, Code::VerifyMismatch, "{error:?}");
}
