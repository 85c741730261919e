//! What both servers let a copy use: sessions, cores, memory for indexes.

use super::budget::Budget;
use super::fill::Filling;
use super::snapshot::Keeping;
use crate::Result;
use crate::connect::Reader;
use crate::facts::identity;

/// More workers by themselves than this would be felt where others work, too.
const MOST_WORKERS_BY_DEFAULT: usize = 8;
/// On servers whose cores nobody tells.
const WORKERS_WITHOUT_CORES: usize = 4;

/// What a copy uses of both servers.
#[derive(Debug)]
pub(super) struct Capacity {
    /// Sessions on each that copy, besides the one that keeps the snapshot.
    pub(super) workers: usize,
    /// How many of them can have rows of one table at a time without getting in each other's way.
    pub(super) streams: usize,
    /// What they have for indexes.
    pub(super) budget: Budget,
    /// Why there are fewer workers than were asked for.
    pub(super) notes: Vec<String>,
}

impl Capacity {
    /// Asks both servers, on which the copy has all other sessions that it needs.
    pub(super) async fn look(source: Reader<'_>, target: Reader<'_>, filling: &Filling<'_>) -> Result<Self> {
        let (carried, others) = (filling.carried, sessions_besides(filling.keeping));
        let (source_cores, target_cores) = (cores(source).await?, cores(target).await?);
        let by_cores = |cores: Option<usize>| cores.unwrap_or(WORKERS_WITHOUT_CORES).min(MOST_WORKERS_BY_DEFAULT);
        let by_cores = by_cores(source_cores).min(by_cores(target_cores));
        let wanted = match carried.workers {
            Some(workers) => usize::from(workers),
            None if waits_for_disk(target).await? => with_waiting(by_cores),
            None => by_cores,
        };
        // On one server, both ends take theirs from the same.
        let ends = if identity(source).await?.system == identity(target).await?.system { 2 } else { 1 };
        let limit = carried.limits.source_connections.map(|sessions| usize::from(sessions.get()).saturating_sub(others));
        let allowed = [
            limit.map(|left| (left, "`source-connections` allows")),
            sessions_left(source).await?.map(|left| (left / ends, "the source has sessions for")),
            sessions_left(target).await?.map(|left| (left / ends, "the target has sessions for")),
        ];
        let (mut workers, mut notes) = (wanted.max(1), Vec::new());
        for (left, why) in allowed.into_iter().flatten().filter(|(left, _)| *left < wanted) {
            if carried.workers.is_some() && left < workers {
                notes = vec![format!("workers: {} instead of {wanted}, {why} no more", left.max(1))];
            }
            workers = workers.min(left.max(1));
        }
        let budget = Budget::read(target, workers, target_cores, carried.limits.index_memory).await?;
        let both = [source, target].map(|end| end.endpoint().is_local());
        let streams = if carried.workers.is_none() && both == [true; 2] { streams_of(target_cores, workers) } else { workers };
        Ok(Self { workers, streams, budget, notes })
    }

    /// Of a copy that has one session on each side and the target's own settings.
    pub(super) fn of_one_session() -> Self {
        Self { workers: 1, streams: 1, budget: Budget::default(), notes: vec![] }
    }
}

/// Whether the server's sessions wait for its disk, as they do with each index that they make, unless nothing is to be durable.
async fn waits_for_disk(target: Reader<'_>) -> Result<bool> {
    let rows = target.query("ask whether the server waits for its disk", "SELECT current_setting('fsync')::bool", &[]).await?;
    Ok(rows[0].get(0))
}

/// Workers for as many cores, some of which wait while others work.
fn with_waiting(cores: usize) -> usize {
    (cores + cores.div_ceil(2)).min(MOST_WORKERS_BY_DEFAULT)
}

/// Where both servers and the copy have the same cores, one stream of rows keeps the target's core busy, and more than half of
/// another with sending and passing on: a table that is split is then copied no faster, and its rows are not frozen.
fn streams_of(cores: Option<usize>, workers: usize) -> usize {
    cores.map_or(workers, |cores| (cores * 3 / 5).max(1)).min(workers)
}

/// Sessions on the source besides those that copy: one that reads first, and the keeper's.
fn sessions_besides(keeping: Keeping<'_>) -> usize {
    match keeping {
        Keeping::Itself => 1,
        Keeping::Another(_) => 2,
    }
}

/// Sessions that the server, the database and the role have left, as far as they are limited.
async fn sessions_left(reader: Reader<'_>) -> Result<Option<usize>> {
    let reserved = if reader.version() < 160_000 { "0" } else { "current_setting('reserved_connections')::int" };
    let sql = format!(
        "SELECT least( \
           current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int - {reserved} \
             - (SELECT count(*)::int FROM pg_stat_activity WHERE usesysid IS NOT NULL AND datid IS NOT NULL), \
           (SELECT datconnlimit - pg_stat_get_db_numbackends(oid) FROM pg_database WHERE datname = current_database() AND datconnlimit >= 0), \
           (SELECT rolconnlimit - (SELECT count(*)::int FROM pg_stat_activity WHERE usename = current_user) \
              FROM pg_roles WHERE rolname = current_user AND rolconnlimit >= 0))"
    );
    let rows = reader.query("count the sessions", &sql, &[]).await?;
    let left: Option<i32> = rows[0].get(0);
    Ok(left.map(|left| usize::try_from(left).unwrap_or(0)))
}

/// Cores of the server, where it is known: as the server sees them, if the role may read its files, or those of this machine
/// if that is where the server seems to be.
async fn cores(reader: Reader<'_>) -> Result<Option<usize>> {
    // Apart, for a statement that names the function is refused before anything in it is looked at.
    let sql = "SELECT has_function_privilege('pg_read_file(text, bigint, bigint, boolean)', 'EXECUTE') \
                 AND pg_has_role('pg_read_server_files', 'USAGE')";
    let may_read: bool = reader.query("ask who may read the server's files", sql, &[]).await?[0].get(0);
    let mut told = None;
    if may_read {
        let sql = "SELECT pg_read_file('/sys/devices/system/cpu/online', 0, 1000, true)";
        let rows = reader.query("ask for the server's cores", sql, &[]).await?;
        told = rows[0].get::<_, Option<String>>(0).as_deref().and_then(listed);
    }
    let here = || std::thread::available_parallelism().ok().map(usize::from);
    Ok(told.or_else(|| reader.endpoint().is_local().then(here).flatten()))
}

/// How many numbers a list such as `0-3,8` has.
fn listed(list: &str) -> Option<usize> {
    let length = |range: &str| {
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        let (first, last): (usize, usize) = (first.parse().ok()?, last.parse().ok()?);
        Some((last + 1).saturating_sub(first))
    };
    list.trim().split(',').map(length).sum::<Option<usize>>().filter(|cores| *cores > 0)
}

#[cfg(test)]
mod tests {
    use super::{listed, streams_of, waits_for_disk, with_waiting};
    use crate::connect::{self, Endpoint, Tls, TlsMode};
    use restage_lab::{Config, Installation, SUPERUSER, SUPERUSER_PASSWORD};

    #[tokio::test]
    async fn a_server_waits_for_its_disk_unless_nothing_is_to_be_durable() {
        for (fsync, waits) in [("on", true), ("off", false)] {
            let settings = vec![("fsync".to_owned(), fsync.to_owned())];
            let cluster = Config { settings, ..Config::of(Installation::any().unwrap()) }.start().unwrap();
            let endpoint = Endpoint {
                host: "127.0.0.1".into(),
                port: cluster.port(),
                user: SUPERUSER.into(),
                password: Some(SUPERUSER_PASSWORD.into()),
                database: "postgres".into(),
                tls: Tls { mode: TlsMode::Prefer, root_certificate: None },
            };
            let client = connect::source(&endpoint).await.unwrap();
            assert_eq!(waits_for_disk(client.reader()).await.unwrap(), waits);
        }
    }

    #[test]
    fn more_workers_than_cores_wait_for_a_disk_and_not_without_end() {
        assert_eq!([1, 2, 3, 4, 8].map(with_waiting), [2, 3, 5, 6, 8]);
    }

    #[test]
    fn where_both_ends_share_their_cores_few_streams_keep_them_busy() {
        assert_eq!([2, 4, 8].map(|cores| streams_of(Some(cores), cores)), [1, 2, 4]);
        assert_eq!((streams_of(Some(1), 1), streams_of(None, 4), streams_of(Some(64), 8)), (1, 4, 8));
    }

    #[test]
    fn cores_are_counted_from_the_kernels_list() {
        assert_eq!((listed("0-3\n"), listed("0"), listed("0-3,8-11,15\n")), (Some(4), Some(1), Some(9)));
        assert_eq!((listed(""), listed("many"), listed("3-0")), (None, None, None));
    }
}
