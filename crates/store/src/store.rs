//! The store itself: opening it, and reaching its database without blocking the runtime.

use crate::folder::Folder;
use crate::schema;
use crate::trouble::{self, Trouble};
use restage_core::name::JobName;
use restage_core::{Code, Result};
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags, Transaction, TransactionBehavior};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How long a call waits for another process that is writing.
pub const BUSY_WITHIN: Duration = Duration::from_secs(10);
/// How long opening waits for other processes that are opening the same new store.
pub const OPEN_WITHIN: Duration = Duration::from_secs(10);
/// The pause between two attempts at opening; SQLite does not wait by itself there.
const OPEN_PAUSE: Duration = Duration::from_millis(10);
/// The journal file of SQLite is cut to this after a checkpoint, in bytes.
const WAL_KEPT_BYTES: i64 = 16 << 20;

/// What restage remembers, in a folder on a local disk; clones share one connection.
#[derive(Clone)]
pub struct Store {
    inner: Arc<Inner>,
}

struct Inner {
    folder: Folder,
    connection: Mutex<Connection>,
}

impl Store {
    /// Opens the store in that folder, making it if there is none: the folder for its owner only (0700), files too (0600).
    ///
    /// Errs with [`Code::StoreNewer`] if a newer restage wrote it and with [`Code::StoreUnusable`] if the folder holds
    /// other things, cannot be written, is damaged or locked; none of these changes anything in it.
    pub async fn open(path: impl Into<PathBuf>) -> Result<Self> {
        let path = path.into();
        blocking(move || open(&path)).await
    }

    /// The store's folder.
    pub fn path(&self) -> &Path {
        self.inner.folder.root()
    }

    /// Where a detached command keeps its files; the folder's parent exists, the folder itself is the caller's to make.
    pub fn job_dir(&self, name: &JobName) -> PathBuf {
        self.inner.folder.job(name)
    }

    pub(crate) fn folder(&self) -> &Folder {
        &self.inner.folder
    }

    /// Works in a transaction that may write; it is durable once this returns.
    pub(crate) async fn write<T, F>(&self, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&Transaction<'_>) -> Result<T, Trouble> + Send + 'static,
    {
        self.transact(TransactionBehavior::Immediate, work).await
    }

    /// Works in a transaction that sees one moment of the database.
    pub(crate) async fn read<T, F>(&self, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&Transaction<'_>) -> Result<T, Trouble> + Send + 'static,
    {
        self.transact(TransactionBehavior::Deferred, work).await
    }

    async fn transact<T, F>(&self, behavior: TransactionBehavior, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&Transaction<'_>) -> Result<T, Trouble> + Send + 'static,
    {
        let inner = Arc::clone(&self.inner);
        blocking(move || {
            // A panic inside has rolled its transaction back, so the connection is as good as before.
            let mut connection = inner.connection.lock().unwrap_or_else(PoisonError::into_inner);
            let attempt = || {
                let transaction = connection.transaction_with_behavior(behavior)?;
                let value = work(&transaction)?;
                transaction.commit()?;
                Ok(value)
            };
            attempt().map_err(|trouble: Trouble| trouble.of(inner.folder.root()))
        })
        .await
    }
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Store").field("path", &self.path()).finish_non_exhaustive()
    }
}

fn open(path: &Path) -> Result<Store> {
    let folder = Folder::ensure(path)?;
    let until = Instant::now() + OPEN_WITHIN;
    let connection = loop {
        match connect(&folder) {
            Err(trouble) if trouble.is_busy() && Instant::now() < until => std::thread::sleep(OPEN_PAUSE),
            connected => break connected.map_err(|trouble| trouble.of(path))?,
        }
    };
    folder.close_to_others()?;
    Ok(Store { inner: Arc::new(Inner { folder, connection: Mutex::new(connection) }) })
}

fn connect(folder: &Folder) -> Result<Connection, Trouble> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    // A store that is refused must stay as it is: closing must not move what a killed process left into the database.
    let untidy = folder.has_leftovers();
    let mut connection = Connection::open_with_flags(folder.database(), flags)?;
    connection.busy_timeout(BUSY_WITHIN)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, untidy)?;
    // One transaction sees one moment, while another process may be making the same new store.
    schema::check(&connection.transaction()?, folder.root())?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, false)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
    let mode: String = connection.pragma_update_and_check(None, "journal_mode", "wal", |row| row.get(0))?;
    if !mode.eq_ignore_ascii_case("wal") {
        return Err(trouble::no_shared_memory(folder.root()).into());
    }
    connection.pragma_update(None, "synchronous", "full")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.pragma_update(None, "trusted_schema", false)?;
    connection.pragma_update(None, "journal_size_limit", WAL_KEPT_BYTES)?;
    schema::upgrade(&mut connection, folder.root())?;
    Ok(connection)
}

/// Runs work that may block where it disturbs nobody. Once begun it is finished, even if nobody waits any more.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(stopped) => match stopped.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            Err(cancelled) => Err(Code::Interrupted
                .error("the process was ending before the store was reached")
                .help("`restage resume` goes on with the run")
                .because(cancelled)),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use restage_core::name::RunId;
    use restage_core::run::{Event, Journal, Person, Seq, What};

    fn event() -> Event {
        Event { at: jiff::Timestamp::UNIX_EPOCH, what: What::ResumeAsked { by: Person("alice".repeat(100)) } }
    }

    async fn with_run() -> (tempfile::TempDir, Store, RunId) {
        let place = tempfile::tempdir().unwrap();
        let store = Store::open(place.path()).await.unwrap();
        let run = RunId::parse("aaaaaaaaaa").unwrap();
        let insert = "INSERT INTO runs (id, scenario, title, plan, plan_sum, plan_digest, started_by, created_at, head)
                      VALUES ('aaaaaaaaaa', 's', '', '{}', x'', '', 'alice', '', ?)";
        let head = crate::journal::chain::first(&run);
        store.write(move |transaction| Ok(transaction.execute(insert, [head])?)).await.unwrap();
        (place, store, run)
    }

    fn connection(store: &Store) -> std::sync::MutexGuard<'_, Connection> {
        store.inner.connection.lock().unwrap()
    }

    #[tokio::test]
    async fn a_full_disk_is_said_and_loses_nothing() {
        let (_place, store, run) = with_run().await;
        let journal = store.journal(&run);
        connection(&store).execute_batch("PRAGMA max_page_count = 1").unwrap(); // no page beyond those it has
        let mut durable = 0;
        let error = loop {
            match journal.append(Seq(durable), &event()).await {
                Ok(()) => durable += 1,
                Err(error) => break error,
            }
        };
        assert_eq!(error.code, Code::StoreUnusable);
        assert!(error.to_string().contains("is full"), "{error}");
        assert!(error.help.unwrap().contains("make room"));
        connection(&store).execute_batch("PRAGMA max_page_count = 100000").unwrap();
        assert_eq!(journal.read().await.unwrap().len() as u64, durable);
        journal.append(Seq(durable), &event()).await.unwrap();
    }

    #[tokio::test]
    async fn a_locked_store_is_said_and_still_read() {
        let (place, store, run) = with_run().await;
        connection(&store).busy_timeout(Duration::from_millis(20)).unwrap();
        let other = Connection::open(place.path().join(crate::DATABASE_FILE)).unwrap();
        other.execute_batch("BEGIN IMMEDIATE").unwrap();
        let error = store.journal(&run).append(Seq(0), &event()).await.unwrap_err();
        assert_eq!(error.code, Code::StoreUnusable);
        assert!(error.retry && error.to_string().contains("locked by another process"), "{error}");
        assert_eq!(store.journal(&run).read().await.unwrap(), []);
        other.execute_batch("ROLLBACK").unwrap();
        store.journal(&run).append(Seq(0), &event()).await.unwrap();
    }

    #[tokio::test]
    async fn a_commit_waits_for_the_disk() {
        let (_place, store, _) = with_run().await;
        let pragma = |name| connection(&store).pragma_query_value(None, name, |row| row.get::<_, i64>(0)).unwrap();
        assert_eq!((pragma("synchronous"), pragma("foreign_keys")), (2, 1)); // 2 is FULL
    }

    #[tokio::test]
    async fn work_that_panics_leaves_the_store_usable() {
        let (_place, store, run) = with_run().await;
        let broken = store.clone();
        let panicked = tokio::spawn(async move {
            broken
                .write(|transaction| {
                    transaction.execute("DELETE FROM runs", [])?;
                    panic!("on purpose");
                    #[expect(unreachable_code, reason = "says what type the work has")]
                    Ok(())
                })
                .await
        });
        assert!(panicked.await.unwrap_err().is_panic());
        store.journal(&run).append(Seq(0), &event()).await.unwrap();
    }
}
