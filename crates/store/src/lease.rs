//! Leases: the right of one process to change a target.
//!
//! Each holder gets a token greater than all before it, and a file that it keeps locked while it lives: so others see
//! at once when it has died, and need not wait for the lease to expire. Expiry is for holders that hang.

mod hold;
mod life;

pub use hold::{Hold, Holder, Host, Standing};

use crate::store::Store;
use crate::target::TargetKey;
use crate::trouble::Trouble;
use jiff::Timestamp;
use life::{LifeFile, LifeName};
use restage_core::name::RunId;
use restage_core::provider::Clock;
use restage_core::run::Lease;
use restage_core::{Code, Error, Result};
use rusqlite::{Connection, params};
use std::sync::Arc;
use std::time::Duration;

/// How long a lease lasts unless renewed, by default: many ticks of a driver, so that only one that hangs loses it.
pub const LEASE_TTL: Duration = Duration::from_mins(1);
/// A renewal writes once so much of the lease's time has passed: the time divided by this.
const RENEWALS_PER_TTL: i32 = 3;

/// Which lease is wanted.
#[derive(Clone, Debug)]
pub struct LeaseAsk {
    /// On what.
    pub target: TargetKey,
    /// For which run.
    pub run: RunId,
    /// Who will hold it.
    pub holder: Holder,
    /// How long it lasts unless renewed; usually [`LEASE_TTL`].
    pub ttl: Duration,
}

/// A lease that was taken; dropping it lets others of this host take it over at once, as the death of the process does.
pub struct TargetLease {
    store: Store,
    ask: LeaseAsk,
    token: u64,
    clock: Arc<dyn Clock>,
    life: LifeFile,
}

/// What must still be true of a lease for its holder to write.
#[derive(Clone, Debug)]
pub(crate) struct Fence {
    target: TargetKey,
    run: RunId,
    token: u64,
}

impl Store {
    /// Takes the lease on a target, over from a holder that has died or whose time has passed.
    ///
    /// Errs with [`Code::TargetBusy`], naming the holder, while another one has it, be it for the same run.
    pub async fn lease(&self, ask: LeaseAsk, clock: Arc<dyn Clock>) -> Result<TargetLease> {
        let (now, folder, asked) = (clock.now(), self.folder().clone(), ask.clone());
        let (token, life) = self
            .write(move |transaction| {
                let before = hold::find(transaction, &asked.target)?;
                if let Some(hold) = before.as_ref().and_then(|row| row.hold(&folder, &asked.holder.host))
                    && hold.standing != Standing::Gone
                    && hold.expires > now
                {
                    return Err(busy(&hold, &asked).into());
                }
                let token = before.as_ref().map_or(0, |row| row.token) + 1;
                // Locked before anybody can read of it; if this fails halfway, the next holder of that token locks it.
                let life = LifeFile::begin(&folder, &LifeName::of(&asked.target, token))?;
                take(transaction, &asked, token, now)?;
                if let Some(row) = before {
                    LifeFile::remove(&folder, &LifeName::of(&asked.target, row.token));
                }
                Ok((token, life))
            })
            .await?;
        Ok(TargetLease { store: self.clone(), ask, token, clock, life })
    }

    /// Who holds that target, as seen from a process on `host`.
    pub async fn hold(&self, target: &TargetKey, host: &Host) -> Result<Option<Hold>> {
        let (target, host, folder) = (target.clone(), host.clone(), self.folder().clone());
        self.read(move |transaction| Ok(hold::find(transaction, &target)?.and_then(|row| row.hold(&folder, &host)))).await
    }

    /// Gives back what a run that is dead holds, as seen from a process on `host`: one whose process has ended, or whose time has
    /// passed. Errs with [`Code::WrongMoment`] while it is neither, or where another run holds the target by now.
    pub async fn release_dead(&self, target: &TargetKey, run: &RunId, host: &Host, now: Timestamp) -> Result<()> {
        let (target, run, host, folder) = (target.clone(), run.clone(), host.clone(), self.folder().clone());
        self.write(move |transaction| {
            let Some(row) = hold::find(transaction, &target)? else { return Ok(()) };
            let Some(hold) = row.hold(&folder, &host) else { return Ok(()) };
            let is_alive = hold.standing == Standing::Alive || (hold.standing == Standing::Unknown && hold.expires > now);
            if is_alive || hold.run != run {
                let error = Code::WrongMoment.error(format!("`{target}` is held by run `{}`, which is not dead", hold.run));
                return Err(error.help("look once more").into());
            }
            transaction.execute("UPDATE leases SET run = NULL WHERE target = ?", [target.as_str()])?;
            LifeFile::remove(&folder, &LifeName::of(&target, row.token));
            Ok(())
        })
        .await
    }

    /// What is held for that run, as seen from a process on `host`: whether somebody drives it.
    pub async fn holds_of(&self, run: &RunId, host: &Host) -> Result<Vec<Hold>> {
        let (run, host, folder) = (run.clone(), host.clone(), self.folder().clone());
        self.read(move |transaction| {
            let rows = hold::find_of(transaction, &run)?;
            Ok(rows.iter().filter_map(|row| row.hold(&folder, &host)).collect())
        })
        .await
    }
}

impl TargetLease {
    /// The target.
    pub fn target(&self) -> &TargetKey {
        &self.ask.target
    }
    /// The fencing token: greater than that of every holder before.
    pub fn token(&self) -> u64 {
        self.token
    }

    /// Gives the lease back. One that is another's by now stays so.
    pub async fn release(self) -> Result<()> {
        let (fence, folder) = (self.fence(), self.store.folder().clone());
        self.store
            .write(move |transaction| {
                let query = "UPDATE leases SET run = NULL WHERE target = ? AND run = ? AND token = ?";
                let given = transaction.execute(query, params![fence.target.as_str(), fence.run.as_str(), fence.token])?;
                if given > 0 {
                    LifeFile::remove(&folder, &LifeName::of(&fence.target, fence.token));
                }
                Ok(())
            })
            .await?;
        drop(self.life); // only now: until the release is durable the lease is ours
        Ok(())
    }

    pub(crate) fn fence(&self) -> Fence {
        Fence { target: self.ask.target.clone(), run: self.ask.run.clone(), token: self.token }
    }
}

#[async_trait::async_trait]
impl Lease for TargetLease {
    async fn renew(&self) -> Result<()> {
        let (fence, ttl, now) = (self.fence(), self.ask.ttl, self.clock.now());
        let checked = fence.clone();
        let renewed_at = self.store.read(move |transaction| checked.check(transaction)).await?;
        if now.duration_since(renewed_at).abs()
            < jiff::SignedDuration::try_from(ttl).unwrap_or(jiff::SignedDuration::MAX) / RENEWALS_PER_TTL
        {
            return Ok(());
        }
        self.store
            .write(move |transaction| {
                fence.check(transaction)?;
                let mut statement =
                    transaction.prepare_cached("UPDATE leases SET renewed_at = ?, expires_at = ? WHERE target = ?")?;
                statement.execute(params![now.to_string(), after(now, ttl).to_string(), fence.target.as_str()])?;
                Ok(())
            })
            .await
    }
}

impl Fence {
    /// When the lease was last renewed; [`Code::LeaseLost`] if it is another's by now.
    pub(crate) fn check(&self, connection: &Connection) -> Result<Timestamp, Trouble> {
        match hold::find(connection, &self.target)? {
            Some(row) if row.token == self.token && row.run.as_ref() == Some(&self.run) => Ok(row.renewed),
            row => Err(lost(&self.target, row.and_then(|row| row.run)).into()),
        }
    }
}

impl std::fmt::Debug for TargetLease {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TargetLease").field("ask", &self.ask).field("token", &self.token).finish_non_exhaustive()
    }
}

fn take(connection: &Connection, ask: &LeaseAsk, token: u64, now: Timestamp) -> rusqlite::Result<()> {
    connection.execute(
        "INSERT OR REPLACE INTO leases (target, token, run, host, pid, user, since, renewed_at, expires_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?7, ?8)",
        params![
            ask.target.as_str(),
            token,
            ask.run.as_str(),
            ask.holder.host.0,
            ask.holder.pid,
            ask.holder.user,
            now.to_string(),
            after(now, ask.ttl).to_string()
        ],
    )?;
    Ok(())
}

fn after(moment: Timestamp, time: Duration) -> Timestamp {
    moment.saturating_add(time).unwrap_or(Timestamp::MAX)
}

fn busy(hold: &Hold, ask: &LeaseAsk) -> Error {
    let (run, holder, target) = (&hold.run, &hold.holder, &ask.target);
    let message = format!("`{target}` is held by run `{run}` since {:.0}", hold.since);
    let help = match hold.standing {
        Standing::Alive => {
            format!("wait for it with `restage logs {run} --follow`, or end it with `restage cancel {run}`: {holder} is alive")
        }
        Standing::Gone | Standing::Unknown => format!(
            "look for {holder}, which cannot be seen from here; if it is gone, try again after {:.0}, when its lease expires",
            hold.expires
        ),
    };
    Code::TargetBusy.error(message).help(help)
}

fn lost(target: &TargetKey, to: Option<RunId>) -> Error {
    let (message, help) = match to {
        Some(run) => (
            format!("the lease on `{target}` was taken over for run `{run}`"),
            format!("look at run `{run}` with `restage show {run}` before anything else; this process has stopped"),
        ),
        None => (
            format!("the lease on `{target}` was given back"),
            "take the run up again with `restage resume`; this process has stopped".to_owned(),
        ),
    };
    Code::LeaseLost.error(message).help(help)
}
