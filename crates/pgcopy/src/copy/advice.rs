//! What would have made a copy faster, by the target's settings and what was seen while it went on.

use super::budget::SHARED_BUFFERS_KB;
use super::streams::{Waited, Wire};
use super::tally::Tally;
use crate::Result;
use crate::connect::Reader;
use std::time::Duration;

/// Nobody changes settings for less.
const WORTH_ADVICE: Duration = Duration::from_secs(10);
/// A side that makes the other wait for more than this part of all waiting is what the rows' speed depends on.
const SLOW_SIDE: f64 = 0.7;
/// PostgreSQL's own default, which suits no database of some size.
const SMALL_SHARED_BUFFERS_KB: i64 = 128 << 10;

/// The target's settings and counters, as they were before the copy.
pub(super) struct Before {
    checkpoints: i64,
}

struct Settings {
    wal_level: String,
    max_wal_size: String,
    shared_buffers_kb: i64,
    helpers: i32,
    has_lz4: bool,
}

impl Before {
    pub(super) async fn look(target: Reader<'_>) -> Result<Self> {
        Ok(Self { checkpoints: checkpoints(target).await? })
    }

    /// Advice, a line each; none after a copy that was over soon.
    pub(super) async fn advice(&self, target: Reader<'_>, tally: &Tally) -> Result<Vec<String>> {
        if tally.elapsed() < WORTH_ADVICE {
            return Ok(vec![]);
        }
        let settings = Settings::read(target).await?;
        let forced = checkpoints(target).await? - self.checkpoints;
        Ok(settings.advice(forced, &tally.streams().waited()))
    }
}

impl Settings {
    async fn read(target: Reader<'_>) -> Result<Self> {
        let sql = format!(
            "SELECT current_setting('wal_level'), current_setting('max_wal_size'), {SHARED_BUFFERS_KB}, \
                    current_setting('max_parallel_maintenance_workers')::int4, \
                    EXISTS (SELECT FROM pg_settings WHERE name = 'default_toast_compression' AND 'lz4' = ANY(enumvals))"
        );
        let row = target.query("read the target's settings", &sql, &[]).await?.remove(0);
        Ok(Self {
            wal_level: row.get(0),
            max_wal_size: row.get(1),
            shared_buffers_kb: row.get(2),
            helpers: row.get(3),
            has_lz4: row.get(4),
        })
    }

    fn advice(&self, forced_checkpoints: i64, waited: &Waited) -> Vec<String> {
        let Wire { from_source, to_target } = waited.wire.unwrap_or_default();
        let all = waited.source + waited.target + from_source + to_target;
        let slow = |side: Duration| !all.is_zero() && side.as_secs_f64() / all.as_secs_f64() > SLOW_SIDE;
        let slow_wire = from_source + to_target > waited.source.max(waited.target);
        let Self { wal_level, max_wal_size, shared_buffers_kb, helpers, has_lz4 } = self;
        [
            slow(waited.source).then(|| match waited.wire {
                None => "rows waited for the source or the network to it: read from a standby, or from a nearer machine".to_owned(),
                Some(_) => "rows waited for the source's server: read from a standby, or when others ask less of it".to_owned(),
            }),
            slow_wire.then(|| {
                let end = if from_source > to_target { "source" } else { "target" };
                format!("rows waited for the network between this machine and the {end}: run restage on a machine nearer to it")
            }),
            (forced_checkpoints > 0).then(|| {
                format!("raise the target's `max_wal_size`, which is {max_wal_size}: {forced_checkpoints} checkpoints were asked for meanwhile")
            }),
            (wal_level != "minimal" && slow(waited.target)).then(|| {
                format!(
                    "where nothing replicates or archives the target, set its `wal_level` to `minimal` and `max_wal_senders` to 0 \
                     (it is `{wal_level}`): rows of tables that are not split are then not written twice"
                )
            }),
            (*shared_buffers_kb <= SMALL_SHARED_BUFFERS_KB)
                .then(|| "raise the target's `shared_buffers` to about a quarter of its memory".to_owned()),
            (*helpers == 0).then(|| "raise the target's `max_parallel_maintenance_workers`, which is 0".to_owned()),
            (!has_lz4).then(|| "use a target built with lz4, which compresses long values with less work".to_owned()),
        ]
        .into_iter()
        .flatten()
        .collect()
    }
}

/// Checkpoints that the amount of changes has asked for, and not the time.
async fn checkpoints(target: Reader<'_>) -> Result<i64> {
    let sql = if target.version() < 170_000 {
        "SELECT checkpoints_req FROM pg_stat_bgwriter"
    } else {
        "SELECT num_requested FROM pg_stat_checkpointer"
    };
    Ok(target.query("count the target's checkpoints", sql, &[]).await?[0].get(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings() -> Settings {
        Settings { wal_level: "minimal".into(), max_wal_size: "1GB".into(), shared_buffers_kb: 8 << 20, helpers: 2, has_lz4: true }
    }

    fn waited(source: u64, target: u64, wire: Option<Wire>) -> Waited {
        Waited { source: Duration::from_secs(source), target: Duration::from_secs(target), wire }
    }

    #[test]
    fn a_server_at_its_best_needs_no_advice() {
        let even = Wire { from_source: Duration::from_secs(2), to_target: Duration::from_secs(3) };
        assert!(settings().advice(0, &waited(5, 6, Some(even))).is_empty());
    }

    #[test]
    fn each_setting_that_costs_time_is_named() {
        let worst =
            Settings { wal_level: "replica".into(), shared_buffers_kb: 128 << 10, helpers: 0, has_lz4: false, ..settings() };
        let advice = worst.advice(3, &waited(0, 60, None));
        let named = ["max_wal_size", "wal_level", "shared_buffers", "max_parallel_maintenance_workers", "lz4"];
        assert_eq!(advice.len(), named.len(), "{advice:?}");
        assert!(advice.iter().zip(named).all(|(line, name)| line.contains(name)), "{advice:?}");
    }

    #[test]
    fn the_slowest_of_the_servers_and_the_wire_is_named() {
        let wire = |from_source, to_target| {
            Some(Wire { from_source: Duration::from_secs(from_source), to_target: Duration::from_secs(to_target) })
        };
        for (slow, named) in [
            (waited(60, 0, None), "for the source or the network to it"),
            (waited(60, 5, wire(5, 5)), "for the source's server"),
            (waited(6, 5, wire(7, 2)), "the network between this machine and the source"),
            (waited(6, 5, wire(1, 6)), "the network between this machine and the target"),
        ] {
            let advice = settings().advice(0, &slow);
            assert!(advice.len() == 1 && advice[0].contains(named), "{advice:?}");
        }
    }
}
