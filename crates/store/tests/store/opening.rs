//! Opening: what is made, what is refused, and that a refusal changes nothing.

use crate::ground::{Ground, new_run};
use restage_core::Code;
use restage_core::name::{JobName, StepId};
use restage_store::{DATABASE_FILE, Store};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let paths = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    paths.flat_map(|path| if path.is_dir() { [vec![path.clone()], files(&path)].concat() } else { vec![path] }).collect()
}

/// Name and SHA-256 of every file.
fn contents(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    files(folder).into_iter().filter(|path| path.is_file()).map(|path| (path.clone(), sum(&path))).collect()
}

fn sum(path: &Path) -> Vec<u8> {
    Sha256::digest(fs::read(path).unwrap()).to_vec()
}

#[tokio::test]
async fn a_new_store_is_for_its_owner_only() {
    let ground = Ground::new().await;
    ground.with_run("aaaaaaaaaa").await;
    assert_eq!(mode(&ground.folder), 0o700);
    let made = files(&ground.folder);
    assert!(made.contains(&ground.folder.join("restage.db-wal")), "{made:?}");
    for path in made {
        assert_eq!(mode(&path), if path.is_dir() { 0o700 } else { 0o600 }, "{}", path.display());
    }
}

#[tokio::test]
async fn a_store_that_was_opened_to_others_is_closed_again() {
    let ground = Ground::new().await;
    let database = ground.folder.join(DATABASE_FILE);
    fs::set_permissions(&ground.folder, fs::Permissions::from_mode(0o755)).unwrap();
    fs::set_permissions(&database, fs::Permissions::from_mode(0o644)).unwrap();
    ground.other().await;
    assert_eq!((mode(&ground.folder), mode(&database)), (0o700, 0o600));
}

#[tokio::test]
async fn a_store_is_durable_and_guards_its_references() {
    let ground = Ground::new().await;
    let journal_mode: String = ground.sql().pragma_query_value(None, "journal_mode", |row| row.get(0)).unwrap();
    assert_eq!(journal_mode, "wal");
    let unknown = ground.store.append_log(&crate::ground::run_id("zzzzzzzzzz"), vec![crate::logs::line("x")]).await;
    assert_eq!(unknown.unwrap_err().code, Code::RunUnknown);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_may_open_a_new_store_at_once() {
    for round in 0..20 {
        let parent = tempfile::tempdir().unwrap();
        let folder = parent.path().join("store");
        let opening: Vec<_> = (0..8)
            .map(|nth| {
                let folder = folder.clone();
                tokio::spawn(async move {
                    let store = Store::open(&folder).await?;
                    store.save_run(new_run(&format!("aaaaaaaaa{nth}"))).await
                })
            })
            .collect();
        for opened in opening {
            opened.await.unwrap().unwrap_or_else(|error| panic!("round {round}: {error}, {:?}", std::error::Error::source(&error)));
        }
        assert_eq!(Store::open(&folder).await.unwrap().runs(100).await.unwrap().len(), 8);
    }
}

#[tokio::test]
async fn a_newer_store_is_refused_and_stays_as_it_is() {
    let ground = Ground::new().await;
    ground.with_run("aaaaaaaaaa").await;
    ground.sql().pragma_update(None, "user_version", 1_000).unwrap();
    let folder = ground.folder.clone();
    drop(ground.store);
    let before = contents(&folder);
    let error = Store::open(&folder).await.unwrap_err();
    assert_eq!(error.code, Code::StoreNewer);
    assert!(error.to_string().contains("has version 1000"), "{error}");
    assert!(error.help.unwrap().contains("use the newer restage"));
    assert_eq!(contents(&folder), before);
}

#[tokio::test]
async fn a_newer_store_is_refused_also_when_its_last_writer_was_killed() {
    let ground = Ground::new().await;
    ground.with_run("aaaaaaaaaa").await;
    ground.sql().pragma_update(None, "user_version", 1_000).unwrap();
    // What a killed process leaves: a journal of SQLite that is not yet in the database.
    let left = tempfile::tempdir().unwrap();
    for name in [DATABASE_FILE, "restage.db-wal"] {
        fs::copy(ground.folder.join(name), left.path().join(name)).unwrap();
    }
    assert!(fs::metadata(left.path().join("restage.db-wal")).unwrap().len() > 0);
    let sums = || [DATABASE_FILE, "restage.db-wal"].map(|name| sum(&left.path().join(name)));
    let before = sums();
    assert_eq!(Store::open(left.path()).await.unwrap_err().code, Code::StoreNewer);
    assert_eq!(sums(), before);
}

#[tokio::test]
async fn a_damaged_database_is_named_with_what_to_do() {
    let ground = Ground::new().await;
    let (folder, database) = (ground.folder.clone(), ground.folder.join(DATABASE_FILE));
    ground.with_run("aaaaaaaaaa").await;
    drop(ground.store);
    for garbage in [vec![0x5a; 8192], b"not a database".to_vec()] {
        fs::write(&database, &garbage).unwrap();
        let error = Store::open(&folder).await.unwrap_err();
        assert_eq!(error.code, Code::StoreUnusable);
        assert!(error.to_string().contains(folder.to_str().unwrap()), "{error}");
        assert!(error.help.unwrap().contains("restore it from a backup"));
        assert!(fs::read(&database).unwrap() == garbage);
    }
}

#[tokio::test]
async fn a_database_of_another_program_stays_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let database = folder.path().join(DATABASE_FILE);
    rusqlite::Connection::open(&database).unwrap().execute_batch("CREATE TABLE songs (title TEXT)").unwrap();
    let before = sum(&database);
    let error = Store::open(folder.path()).await.unwrap_err();
    assert_eq!(error.code, Code::StoreUnusable);
    assert!(error.to_string().contains("another program"), "{error}");
    assert_eq!(sum(&database), before);
}

#[tokio::test]
async fn a_folder_with_other_things_is_refused_and_stays_as_it_is() {
    let home = tempfile::tempdir().unwrap();
    fs::set_permissions(home.path(), fs::Permissions::from_mode(0o755)).unwrap();
    fs::write(home.path().join("letter.txt"), "dear").unwrap();
    let error = Store::open(home.path()).await.unwrap_err();
    assert_eq!(error.code, Code::StoreUnusable);
    assert!(std::error::Error::source(&error).unwrap().to_string().contains("`letter.txt`"));
    assert_eq!(mode(home.path()), 0o755);
    assert_eq!(files(home.path()), [home.path().join("letter.txt")]);
}

#[tokio::test]
async fn a_path_that_cannot_be_a_folder_is_refused() {
    let place = tempfile::tempdir().unwrap();
    let file = place.path().join("file");
    fs::write(&file, "").unwrap();
    for path in [file.clone(), file.join("below"), PathBuf::from("/proc/restage")] {
        let error = Store::open(&path).await.unwrap_err();
        assert_eq!(error.code, Code::StoreUnusable, "{}", path.display());
        assert!(error.help.unwrap().contains("--store"));
    }
}

#[tokio::test]
async fn jobs_have_folders_inside_the_store_whatever_their_name() {
    let ground = Ground::new().await;
    let job = JobName::of(&crate::ground::run_id("aaaaaaaaaa"), StepId(3));
    assert_eq!(ground.store.job_dir(&job), ground.folder.join("jobs/aaaaaaaaaa-3"));
    let strange: JobName = serde_json::from_str(r#""../../etc""#).unwrap();
    assert_eq!(ground.store.job_dir(&strange), ground.folder.join("jobs/______etc"));
}

#[tokio::test]
async fn a_store_of_an_older_version_is_brought_up_with_all_it_has() {
    let ground = Ground::new().await;
    let run = ground.with_run("aaaaaaaaaa").await;
    // What the first version did not have.
    ground.sql().execute_batch("DROP TABLE queue_messages; DROP TABLE fixes; PRAGMA user_version = 1").unwrap();
    let folder = ground.folder.clone();
    drop(ground.store);
    let store = Store::open(&folder).await.unwrap();
    assert_eq!(store.runs(10).await.unwrap()[0].id, run);
    let queue = restage_core::provider::queue::Queue::Local(restage_core::provider::queue::LocalQueue::parse("q").unwrap());
    let queues = store.queues(crate::ground::HandClock::at_noon());
    assert_eq!(restage_core::provider::Queues::count(&queues, &queue).await.unwrap().total(), 0);
}
