//! The swap: both databases change their names in one transaction while nobody is in them.
//!
//! What has happened so far is read off the names that exist, so each of these calls may come again after a crash at any
//! point: target and shadow mean *not swapped*, target and old one mean *swapped*. The door of the target may be found closed
//! in either case, and is opened by whoever finishes or gives up.

mod door;
mod lost;
mod rename;
mod shelter;
mod standing;

pub(super) use shelter::Shelter;

use super::attributes;
use super::listing::{Listed, Listing, list};
use super::mark::{Origin, Role, Swap};
use super::servers::{Caller, Servers};
use super::sessions::{self, Ended};
use super::shadow;
use super::trouble::told;
use rename::{Refused, Renaming};
use restage_core::facts::Identity;
use restage_core::name::RunId;
use restage_core::provider::{Own, SwapSpec, Swapped};
use restage_core::{Code, Error, Result};
use restage_pgcopy::connect::TargetClient;
use restage_pgcopy::stop::Stop;
use standing::Standing;
use std::time::{Duration, Instant};

/// How often is looked whether transactions have ended by themselves.
const DRAIN_EVERY: Duration = Duration::from_millis(100);
/// How often finding out and opening the door is tried after something went wrong, and the pause between.
const RECOVERY_ATTEMPTS: u32 = 10;
const RECOVERY_PAUSE: Duration = Duration::from_secs(1);

/// Puts the shadow in the target's place.
pub(super) async fn swap(servers: &Servers, shelter: &Shelter, spec: &SwapSpec, run: &RunId) -> Result<Swapped> {
    let swapping = Swapping { servers: servers.clone(), spec: spec.clone(), run: run.clone() };
    shelter.run(|stop| async move { swapping.forth(&stop).await }).await
}

/// Puts the old database back.
pub(super) async fn swap_back(servers: &Servers, shelter: &Shelter, spec: &SwapSpec, run: &RunId) -> Result<()> {
    let swapping = Swapping { servers: servers.clone(), spec: spec.clone(), run: run.clone() };
    shelter.run(|stop| async move { swapping.back(&stop).await }).await
}

/// A swap with all it needs.
struct Swapping {
    servers: Servers,
    spec: SwapSpec,
    run: RunId,
}

impl Swapping {
    async fn forth(&self, stop: &Stop) -> Result<Swapped> {
        let client = self.session().await?;
        let listing = list(&client).await?;
        match Standing::of(&listing, &self.spec, &self.run)? {
            Standing::After { target, old, swap } => {
                door::open_new(&client, target).await?;
                Ok(self.receipt(&listing, old, swap))
            }
            Standing::Before { target, shadow } => {
                let renaming = self.prepare(&client, &listing, target, shadow).await?;
                // Where an earlier attempt has closed the door, it has looked, and nobody was in since.
                if target.allows_connections {
                    self.drain(&client, target.oid, stop).await?;
                    // What the drain has let come to its end is looked at, too.
                    Box::pin(lost::expect_nothing(&self.servers, &self.spec, stop)).await?;
                }
                let done = self.close_and(&client, &renaming, stop).await;
                match done {
                    Ok(receipt) => Ok(receipt),
                    Err(error) => self.recover(error).await,
                }
            }
            Standing::Alone { .. } => Err(Code::PlanStale
                .error(format!("the shadow `{}` is not there any more", self.spec.shadow.database))
                .help("`restage undo` takes the run back; then start a new one")),
            Standing::Orphaned { .. } => Err(attributes::gone(self.spec.target.database.as_str())),
        }
    }

    async fn session(&self) -> Result<TargetClient> {
        let client = self.servers.maintain(&self.spec.target, &Caller::run(&self.run)).await?;
        // What is told to others must be true: this commits for good whatever the server's default is.
        let settings = format!("SET synchronous_commit = on; SET lock_timeout = {}", self.spec.within.as_millis());
        client.run("set the session up", &settings).await.map_err(told)?;
        Ok(client)
    }

    /// Everything that can be looked at and done before anybody is kept out.
    async fn prepare(&self, client: &TargetClient, listing: &Listing, target: &Listed, shadow: &Listed) -> Result<Renaming> {
        shadow::expect(listing, &self.spec.target, &self.spec.target_identity)?;
        for listed in [target, shadow] {
            if listing.identity(listed) == self.spec.source_identity {
                let error =
                    Code::SameDatabase.error(format!("`{}` at {} is the source itself", listed.name, self.spec.target.endpoint));
                return Err(error.help("correct the addresses in the environments file; two names may lead to one server"));
            }
        }
        let origin = filled(shadow, &self.run)?;
        door::expect_ours(target, &self.run)?;
        door::expect_no_prepared(client, target).await?;
        let notes = attributes::take_over(client, &target.name, &shadow.name).await?;
        Ok(Renaming {
            notes,
            run: self.run.clone(),
            old: self.spec.old.database.as_str().to_owned(),
            target: target.clone(),
            shadow: shadow.clone(),
            origin,
        })
    }

    /// Lets transactions end by themselves, for so long; new sessions still come in.
    async fn drain(&self, client: &TargetClient, database: u32, stop: &Stop) -> Result<()> {
        let began = Instant::now();
        while began.elapsed() < self.spec.drain && sessions::any_transaction(client, database).await? {
            pause(DRAIN_EVERY, stop).await?;
        }
        stop.check().map_err(told)
    }

    /// Closes the door, ends sessions until there are none, and renames.
    async fn close_and(&self, client: &TargetClient, renaming: &Renaming, stop: &Stop) -> Result<Swapped> {
        let (closed, earlier) = (Instant::now(), door::closed_for(&renaming.target, &self.run));
        door::close_for(client, renaming).await?;
        let ended = self.until_renamed(client, Way::Forth { renaming, earlier }, closed, stop).await?;
        let listing = list(client).await?;
        let outage_seconds = (earlier + closed.elapsed()).as_secs_f64();
        let (before, after) = (listing.identity(&renaming.target), listing.identity(&renaming.shadow));
        let old = Own::tagged(self.spec.old.clone());
        Ok(Swapped { outage_seconds, sessions_ended: ended.count(), old, before, after, notes: renaming.notes.clone() })
    }

    /// Ends sessions until none is left and both can be renamed; whoever slips in between is ended too.
    async fn until_renamed(&self, client: &TargetClient, way: Way<'_>, closed: Instant, stop: &Stop) -> Result<Ended> {
        let mut ended = Ended::default();
        loop {
            stop.check().map_err(told)?;
            let sessions = sessions::on(client, &way.databases()).await?;
            let mut in_use = None;
            if sessions.is_empty() {
                match way.rename(client, closed, &ended).await {
                    Ok(()) => return Ok(ended),
                    Err(Refused::InUse(error)) => in_use = Some(error),
                    Err(Refused::Otherwise(error)) => return Err(error),
                }
            }
            if closed.elapsed() > self.spec.within {
                return Err(in_use.unwrap_or_else(|| sessions::remaining(&sessions, self.spec.within)));
            }
            sessions::end(client, &sessions, &mut ended).await?;
            tokio::time::sleep(sessions::LOOK_EVERY).await;
        }
    }

    /// Finds out, on a new session, what has become of a swap that went wrong; leaves the door open.
    async fn recover(&self, error: Error) -> Result<Swapped> {
        for attempt in 0..RECOVERY_ATTEMPTS {
            if attempt > 0 {
                tokio::time::sleep(RECOVERY_PAUSE).await;
            }
            match self.settle().await {
                // The answer to COMMIT was lost, not the commit.
                Ok(Some(receipt)) => return Ok(receipt),
                Ok(None) => return Err(error),
                Err(_) => {}
            }
        }
        let name = &self.spec.target.database;
        let help =
            format!("`{name}` may still be closed: run `alter database \"{name}\" allow_connections true`, or `restage resume`");
        Err(error.help(help))
    }

    async fn settle(&self) -> Result<Option<Swapped>> {
        let client = self.session().await?;
        let listing = list(&client).await?;
        match Standing::of(&listing, &self.spec, &self.run)? {
            Standing::After { target, old, swap } => {
                door::open_new(&client, target).await?;
                Ok(Some(self.receipt(&listing, old, swap)))
            }
            Standing::Before { target, shadow } => {
                door::open(&client, target, &self.run).await?;
                door::open(&client, shadow, &self.run).await?;
                Ok(None)
            }
            Standing::Alone { target } => door::open(&client, target, &self.run).await.map(|()| None),
            Standing::Orphaned { .. } => Ok(None),
        }
    }

    /// The receipt of a swap that an earlier attempt made.
    fn receipt(&self, listing: &Listing, old: &Listed, swap: Swap) -> Swapped {
        Swapped {
            outage_seconds: Duration::from_millis(swap.outage_ms).as_secs_f64(),
            sessions_ended: swap.sessions_ended,
            old: Own::tagged(self.spec.old.clone()),
            before: listing.identity(old),
            after: Identity { system: listing.system.clone(), oid: swap.new },
            notes: vec![],
        }
    }

    async fn back(&self, stop: &Stop) -> Result<()> {
        let client = self.session().await?;
        let listing = list(&client).await?;
        match Standing::of(&listing, &self.spec, &self.run)? {
            Standing::After { target, old, .. } => {
                let back = rename::Back::new(&self.run, target, old, self.spec.shadow.database.as_str());
                self.drain(&client, target.oid, stop).await?;
                let done = self.close_and_back(&client, &back, stop).await;
                match done {
                    Ok(()) => Ok(()),
                    Err(error) => self.recover_back(error).await,
                }
            }
            Standing::Before { target, shadow } => {
                door::open(&client, target, &self.run).await?;
                door::open(&client, shadow, &self.run).await
            }
            Standing::Alone { target } => {
                if matches!(target.comment().mark_of(&self.run).map(|mark| &mark.role), Some(Role::Live(_))) {
                    return Err(Code::CannotUndo
                        .error(format!("the old `{}` is not there any more, so the swap cannot be taken back", target.name))
                        .help("restore it from a backup, or refresh it again"));
                }
                door::open(&client, target, &self.run).await
            }
            Standing::Orphaned { old } => rename::reinstate(&client, old, &target_name(&self.spec), &self.run).await,
        }
    }

    async fn close_and_back(&self, client: &TargetClient, back: &rename::Back, stop: &Stop) -> Result<()> {
        let closed = Instant::now();
        door::close(client, &back.target.name).await?;
        self.until_renamed(client, Way::Back(back), closed, stop).await.map(drop)
    }

    async fn recover_back(&self, error: Error) -> Result<()> {
        match self.recover(error).await {
            // Still swapped, with the door open again: the error stands.
            Ok(_) => Err(Code::SessionsRemain
                .error(format!("the old `{}` could not be put back", self.spec.target.database))
                .help("end the sessions on it, then `restage undo`")),
            Err(error) => Err(error),
        }
    }
}

/// Waits so long, or until asked to stop.
async fn pause(time: Duration, stop: &Stop) -> Result<()> {
    let sleeping = async {
        tokio::time::sleep(time).await;
        Ok(())
    };
    stop.race(sleeping).await.map_err(told)
}

/// Which way both are renamed.
#[derive(Clone, Copy)]
enum Way<'a> {
    Forth { renaming: &'a Renaming, earlier: Duration },
    Back(&'a rename::Back),
}

impl Way<'_> {
    fn databases(&self) -> [u32; 2] {
        match self {
            Self::Forth { renaming, .. } => [renaming.target.oid, renaming.shadow.oid],
            Self::Back(back) => [back.target.oid, back.old.oid],
        }
    }

    async fn rename(&self, client: &TargetClient, closed: Instant, ended: &Ended) -> Result<(), Refused> {
        match self {
            Self::Forth { renaming, earlier } => renaming.forth(client, *earlier + closed.elapsed(), ended.count()).await,
            Self::Back(back) => back.rename(client).await,
        }
    }
}

fn target_name(spec: &SwapSpec) -> String {
    spec.target.database.as_str().to_owned()
}

/// Where the shadow's data come from; a shadow that is not whole is not swapped in.
fn filled(shadow: &Listed, run: &RunId) -> Result<Origin> {
    match shadow.comment().mark_of(run).map(|mark| mark.role.clone()) {
        Some(Role::Filled(origin)) => Ok(origin),
        _ => Err(Code::PlanStale
            .error(format!("the shadow `{}` does not hold a whole copy", shadow.name))
            .help("`restage undo` takes the run back; then start a new one")),
    }
}
