//! Memory and processes of the target's server for indexes and keys that are made at the same time.

use crate::Result;
use crate::connect::Reader;
use restage_core::size::ByteSize;
use std::sync::atomic::{AtomicU64, Ordering};

/// What all workers together may take; without limits where the server's own settings are left alone.
#[derive(Debug, Default)]
pub(super) struct Budget(Option<Limits>);

#[derive(Debug)]
struct Limits {
    workers: u64,
    /// For all, in kB.
    memory: u64,
    /// What the server gives every session, in kB; a worker never gets less.
    own_memory: u64,
    /// Cores of the server, if they are known.
    cores: Option<u64>,
    /// Helpers that the server lets one statement have.
    helpers: u64,
    /// What workers have at the moment, in kB.
    taken: AtomicU64,
}

/// A worker's share; given back when dropped.
#[derive(Debug)]
pub(super) struct Share<'a> {
    limits: Option<&'a Limits>,
    memory: u64,
    helpers: u64,
}

/// A setting's largest value in kB; the server takes no more.
const MEMORY_MAX: u64 = 2_147_483_647;

impl Budget {
    /// As asked for, or the memory that the server has for pages, which administrators set by what the machine has.
    pub(super) async fn read(target: Reader<'_>, workers: usize, cores: Option<usize>, memory: Option<ByteSize>) -> Result<Self> {
        let sql = "SELECT (SELECT setting::int8 FROM pg_settings WHERE name = 'maintenance_work_mem'), \
                          (SELECT setting::int8 * current_setting('block_size')::int8 / 1024 FROM pg_settings WHERE name = 'shared_buffers'), \
                          current_setting('max_parallel_maintenance_workers')::int8";
        let rows = target.query("read the settings for indexes", sql, &[]).await?;
        let number = |at: usize| rows[0].get::<_, i64>(at).unsigned_abs();
        let (own_memory, workers) = (number(0), workers.max(1) as u64);
        let memory = memory.map_or_else(|| number(1).max(own_memory * workers), |asked| asked.bytes() >> 10);
        let own_memory = own_memory.min(memory / workers).max(1024);
        let (cores, helpers, taken) = (cores.map(|cores| cores as u64), number(2), AtomicU64::new(0));
        Ok(Self(Some(Limits { workers, memory, own_memory, cores, helpers, taken })))
    }

    /// A share for one of so many workers that have something to do; what the others do not need is divided among them.
    pub(super) fn take(&self, busy: usize) -> Share<'_> {
        let Some(limits) = &self.0 else { return Share { limits: None, memory: 0, helpers: 0 } };
        let shares = 1 + limits.workers.saturating_sub(busy as u64);
        let wanted = limits.memory / limits.workers * shares;
        let left = limits.memory.saturating_sub(limits.taken.load(Ordering::Relaxed));
        let memory = wanted.min(left).clamp(limits.own_memory, MEMORY_MAX);
        limits.taken.fetch_add(memory, Ordering::Relaxed);
        let of_cores = |cores: u64| (cores * shares / limits.workers).saturating_sub(1);
        Share { limits: Some(limits), memory, helpers: limits.cores.map_or(limits.helpers, of_cores).min(limits.helpers) }
    }
}

impl Share<'_> {
    /// The settings of a session that has this share.
    pub(super) fn settings(&self) -> Option<String> {
        let Self { memory, helpers, .. } = self;
        self.limits.map(|_| format!("SET maintenance_work_mem = '{memory}kB'; SET max_parallel_maintenance_workers = {helpers}; "))
    }
}

impl Drop for Share<'_> {
    fn drop(&mut self) {
        if let Some(limits) = self.limits {
            limits.taken.fetch_sub(self.memory, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn budget(cores: Option<u64>) -> Budget {
        let limits = Limits { workers: 4, memory: 8 << 20, own_memory: 1 << 16, cores, helpers: 2, taken: AtomicU64::new(0) };
        Budget(Some(limits))
    }

    #[test]
    fn workers_share_what_there_is() {
        let budget = budget(Some(8));
        let all: Vec<Share<'_>> = (0..4).map(|_| budget.take(4)).collect();
        assert!(all.iter().all(|share| (share.memory, share.helpers) == (2 << 20, 1)), "{all:?}");
        drop(all);
        let alone = budget.take(1);
        assert_eq!((alone.memory, alone.helpers), (8 << 20, 2));
    }

    #[test]
    fn whoever_comes_late_gets_no_less_than_the_server_gives() {
        let budget = budget(None);
        let alone = budget.take(1);
        let late = budget.take(2);
        assert_eq!((alone.memory, late.memory, late.helpers), (8 << 20, 1 << 16, 2));
        assert_eq!(late.settings().unwrap(), "SET maintenance_work_mem = '65536kB'; SET max_parallel_maintenance_workers = 2; ");
    }

    #[test]
    fn without_limits_the_settings_are_left_alone() {
        assert_eq!(Budget::default().take(1).settings(), None);
    }
}
