//! Databases as a provider offers them: shadows, the swap and the way back.

use crate::content::{Content, Database, Door, Spot, Tag};
use crate::world::{Portion, Process, State, Strangers};
use restage_core::environment::DatabaseAddress;
use restage_core::facts::Identity;
use restage_core::name::RunId;
use restage_core::provider::{Databases, Gone, Own, ShadowSpec, Stay, SwapSpec, Swapped};
use restage_core::{Code, Error, Result};

/// Seconds that a simulated swap takes.
const OUTAGE_SECONDS: f64 = 0.5;

#[async_trait::async_trait]
impl Databases for Process {
    async fn ensure_shadow(&self, spec: &ShadowSpec, run: &RunId) -> Result<Own<DatabaseAddress>> {
        self.call("ensure-shadow", |state, portion| match portion {
            Portion::Half => Ok(Own::tagged(spec.shadow.clone())),
            Portion::Whole => state.ensure_shadow(spec, run),
        })
        .await
    }
    async fn find_own(&self, address: &DatabaseAddress, run: &RunId) -> Result<Option<Own<DatabaseAddress>>> {
        let find = |state: &mut State, _| {
            let own = state.databases.get(&Spot::of(address)).is_some_and(|database| database.is_of(run));
            Ok(own.then(|| Own::tagged(address.clone())))
        };
        self.call("find-own", find).await
    }
    async fn ensure_dropped(&self, database: Own<DatabaseAddress>, stay: Stay) -> Result<Gone> {
        self.call("ensure-dropped", |state, portion| match portion {
            Portion::Half => Ok(Gone::Now),
            Portion::Whole => {
                state.ensure_dropped(&Spot::of(database.get()))?;
                Ok(if stay == Stay::ToTheEnd { Gone::Now } else { Gone::Soon })
            }
        })
        .await
    }
    async fn swap(&self, spec: &SwapSpec, run: &RunId) -> Result<Swapped> {
        self.call("swap", |state, portion| state.swap(spec, run, portion)).await
    }
    async fn swap_back(&self, spec: &SwapSpec, run: &RunId) -> Result<()> {
        self.call("swap-back", |state, portion| match portion {
            Portion::Half => Ok(()),
            Portion::Whole => state.swap_back(spec, run),
        })
        .await
    }
    async fn was_refreshed_by(&self, address: &DatabaseAddress, run: &RunId) -> Result<bool> {
        let look = |state: &mut State, _| Ok(state.read(&Spot::of(address))?.content.refreshed_by.as_ref() == Some(run));
        self.call("was-refreshed-by", look).await
    }
}

impl State {
    fn ensure_shadow(&mut self, spec: &ShadowSpec, run: &RunId) -> Result<Own<DatabaseAddress>> {
        let target = self.read(&Spot::of(&spec.target))?;
        if target.identity != spec.target_identity {
            return Err(Code::PlanStale.error("the target is another database than the plan was made for"));
        }
        let system = target.identity.system.clone();
        let spot = Spot::of(&spec.shadow);
        match self.databases.get(&spot) {
            Some(shadow) if shadow.is_of(run) => {}
            Some(_) if self.strangers == Strangers::Adopted => self.write(&spot)?.tag = Tag::Run(run.clone()),
            Some(_) => return Err(not_ours(&spot)),
            None => {
                let identity = Identity { system, oid: 20_000 + self.fresh() };
                let tag = Tag::Run(run.clone());
                self.databases.insert(spot, Database { identity, tag, door: Door::Open, content: Content::default() });
            }
        }
        Ok(Own::tagged(spec.shadow.clone()))
    }

    fn ensure_dropped(&mut self, spot: &Spot) -> Result<()> {
        let Some(database) = self.databases.get(spot) else { return Ok(()) };
        if database.tag == Tag::None || database.tag == Tag::Stranger {
            self.violate(format!("{spot} was dropped, and no run had made it"));
        }
        if self.scene.targets.contains_key(spot) {
            self.violate(format!("the target {spot} was dropped"));
        }
        self.write(spot)?;
        self.databases.remove(spot);
        Ok(())
    }

    fn swap(&mut self, spec: &SwapSpec, run: &RunId, portion: Portion) -> Result<Swapped> {
        let (target, shadow, old) = (Spot::of(&spec.target), Spot::of(&spec.shadow), Spot::of(&spec.old));
        if self.is_swapped(&target, &shadow, &old, run) {
            let after = self.write(&target)?;
            after.door = Door::Open;
            return Ok(swapped(spec, &after.identity.clone()));
        }
        if self.read(&target)?.identity != spec.target_identity || spec.target_identity == spec.source_identity {
            return Err(Code::PlanStale.error("the target is another database than the plan was made for"));
        }
        if !self.read(&shadow)?.is_of(run) {
            return Err(not_ours(&shadow));
        }
        if self.databases.contains_key(&old) {
            return Err(not_ours(&old));
        }
        self.nobody_is_at(&shadow, "swapped in");
        self.write(&target)?.door = Door::Closed;
        let after = self.read(&shadow)?.identity.clone();
        if portion == Portion::Whole {
            self.rename(&target, &old)?;
            self.write(&old)?.tag = Tag::Run(run.clone());
            self.rename(&shadow, &target)?;
        }
        Ok(swapped(spec, &after))
    }

    fn is_swapped(&self, target: &Spot, shadow: &Spot, old: &Spot, run: &RunId) -> bool {
        let is_ours = |spot: &Spot| self.databases.get(spot).is_some_and(|database| database.is_of(run));
        is_ours(target) && is_ours(old) && !self.databases.contains_key(shadow)
    }

    fn swap_back(&mut self, spec: &SwapSpec, run: &RunId) -> Result<()> {
        let (target, shadow, old) = (Spot::of(&spec.target), Spot::of(&spec.shadow), Spot::of(&spec.old));
        if self.is_swapped(&target, &shadow, &old, run) {
            self.rename(&target, &shadow)?;
            self.rename(&old, &target)?;
            self.write(&target)?.tag = Tag::None;
        } else if self.read(&target)?.identity != spec.target_identity {
            return Err(Code::CannotUndo.error(format!("`{target}` is no longer what this run put there")));
        }
        self.write(&target)?.door = Door::Open;
        Ok(())
    }

    fn rename(&mut self, from: &Spot, to: &Spot) -> Result<()> {
        self.write(from)?;
        let database = self.databases.remove(from).expect("it was there a line ago");
        if self.databases.insert(to.clone(), database).is_some() {
            self.violate(format!("{from} was renamed to {to}, where another database was"));
        }
        Ok(())
    }

    /// A database that changes hands must have no job at it.
    fn nobody_is_at(&mut self, spot: &Spot, what: &str) {
        let busy: Vec<String> = self.jobs_at(spot).map(ToString::to_string).collect();
        if !busy.is_empty() {
            self.violate(format!("{spot} was {what} while jobs were at it: {}", busy.join(", ")));
        }
    }
}

fn swapped(spec: &SwapSpec, after: &Identity) -> Swapped {
    Swapped {
        outage_seconds: OUTAGE_SECONDS,
        sessions_ended: 2,
        old: Own::tagged(spec.old.clone()),
        before: spec.target_identity.clone(),
        after: after.clone(),
        notes: vec![],
    }
}

fn not_ours(spot: &Spot) -> Error {
    Code::ObjectNotOurs
        .error(format!("`{spot}` is there and is not this run's"))
        .help("look whose it is, and remove it or give it another name")
}
