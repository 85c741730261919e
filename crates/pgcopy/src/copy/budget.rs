//! Memory and processes of the target's server for indexes and keys that are made at the same time.

use crate::Result;
use crate::connect::Reader;
use restage_core::size::ByteSize;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The memory that the server has for pages, in kB, as an expression.
pub(super) const SHARED_BUFFERS_KB: &str =
    "(SELECT setting::int8 * current_setting('block_size')::int8 / 1024 FROM pg_settings WHERE name = 'shared_buffers')";

/// What all workers together may take; without limits where the server's own settings are left alone.
#[derive(Debug, Default)]
pub(super) struct Budget(Option<Limits>);

#[derive(Debug)]
struct Limits {
    workers: u64,
    /// For all, in kB.
    memory: u64,
    /// What a worker gets at least, in kB: what the server gives every session, if there is enough for all.
    own_memory: u64,
    /// What the server takes at most, in kB.
    most_memory: u64,
    /// Cores of the server, if they are known.
    cores: Option<u64>,
    /// Helpers that the server lets one statement have.
    helpers: u64,
    taken: Mutex<Taken>,
}

/// What workers have at the moment.
#[derive(Debug, Default)]
struct Taken {
    shares: u64,
    /// In kB.
    memory: u64,
}

/// A worker's share; given back when dropped.
#[derive(Debug)]
pub(super) struct Share<'a> {
    limits: Option<&'a Limits>,
    memory: u64,
    helpers: u64,
}

impl Budget {
    /// As asked for, or the memory that the server has for pages, which administrators set by what the machine has.
    pub(super) async fn read(target: Reader<'_>, workers: usize, cores: Option<usize>, memory: Option<ByteSize>) -> Result<Self> {
        let sql = format!(
            "SELECT setting::int8, max_val::int8, {SHARED_BUFFERS_KB}, current_setting('max_parallel_maintenance_workers')::int8 \
             FROM pg_settings WHERE name = 'maintenance_work_mem'"
        );
        let rows = target.query("read the settings for indexes", &sql, &[]).await?;
        let number = |at: usize| rows[0].get::<_, i64>(at).unsigned_abs();
        let (own_memory, most_memory, workers) = (number(0), number(1), workers.max(1) as u64);
        let memory = memory.map_or_else(|| number(2).max(own_memory * workers), |asked| asked.bytes() >> 10);
        let own_memory = own_memory.min(memory / workers).max(LEAST_MEMORY);
        let (cores, helpers, taken) = (cores.map(|cores| cores as u64), number(3), Mutex::default());
        Ok(Self(Some(Limits { workers, memory, own_memory, most_memory, cores, helpers, taken })))
    }

    /// A share for one of so many workers that have something to do; what the others do not need is divided among them, but
    /// for what each gets at least.
    pub(super) fn take(&self, busy: usize) -> Share<'_> {
        let Some(limits) = &self.0 else { return Share { limits: None, memory: 0, helpers: 0 } };
        let mut taken = limits.taken();
        let shares = 1 + limits.workers.saturating_sub(busy as u64);
        let wanted = limits.memory / limits.workers * shares;
        let for_others = limits.own_memory * limits.workers.saturating_sub(taken.shares + 1);
        let left = limits.memory.saturating_sub(taken.memory + for_others);
        let memory = wanted.min(left).max(limits.own_memory).min(limits.most_memory);
        *taken = Taken { shares: taken.shares + 1, memory: taken.memory + memory };
        let of_cores = |cores: u64| (cores * shares / limits.workers).saturating_sub(1);
        Share { limits: Some(limits), memory, helpers: limits.cores.map_or(limits.helpers, of_cores).min(limits.helpers) }
    }
}

/// The least that every server takes, in kB.
const LEAST_MEMORY: u64 = 1024;

impl Limits {
    fn taken(&self) -> MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
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
            let mut taken = limits.taken();
            *taken = Taken { shares: taken.shares - 1, memory: taken.memory - self.memory };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn budget(cores: Option<u64>) -> Budget {
        let limits = Limits {
            workers: 4,
            memory: 8 << 20,
            own_memory: 1 << 16,
            most_memory: u64::MAX,
            cores,
            helpers: 2,
            taken: Mutex::default(),
        };
        Budget(Some(limits))
    }

    #[test]
    fn workers_share_what_there_is() {
        let budget = budget(Some(8));
        let all: Vec<Share<'_>> = (0..4).map(|_| budget.take(4)).collect();
        assert!(all.iter().all(|share| (share.memory, share.helpers) == (2 << 20, 1)), "{all:?}");
        drop(all);
        let alone = budget.take(1);
        assert_eq!((alone.memory, alone.helpers), ((8 << 20) - 3 * (1 << 16), 2));
    }

    #[test]
    fn whoever_comes_late_gets_no_less_than_the_server_gives_and_all_no_more_than_there_is() {
        let budget = budget(None);
        let shares: Vec<Share<'_>> = (1..=4).map(|busy| budget.take(busy)).collect();
        assert!(shares[1..].iter().all(|late| (late.memory, late.helpers) == (1 << 16, 2)), "{shares:?}");
        assert_eq!(shares.iter().map(|share| share.memory).sum::<u64>(), 8 << 20);
        assert_eq!(
            shares[3].settings().unwrap(),
            "SET maintenance_work_mem = '65536kB'; SET max_parallel_maintenance_workers = 2; "
        );
    }

    #[test]
    fn without_limits_the_settings_are_left_alone() {
        assert_eq!(Budget::default().take(1).settings(), None);
    }
}
