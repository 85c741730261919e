//! What must hold: of the targets at every moment, of everything once a run has come to an end.

use crate::content::{Door, Spot, Tag};
use crate::scene::{Scene, Target, Way};
use crate::world::{Effect, Stands, State};
use restage_core::plan::Plan;
use restage_core::run::{Event, What};
use std::collections::{BTreeMap, BTreeSet};

/// What must hold did not: why.
pub(crate) type Held = Result<(), String>;

/// Which of its two contents a target shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shows {
    Old,
    New,
}

/// Whether the old database must still be there after a refresh.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OldOne {
    Retained,
    Retired,
}

impl State {
    /// At every moment: each target shows its old content or its new one; production and what is strangers' is what it was.
    pub(crate) fn look_at_targets(&mut self, cause: &str) {
        let scene = self.scene.clone();
        for (spot, target) in &scene.targets {
            if let Err(why) = self.shows(spot, target) {
                self.violate(format!("after `{cause}` {why}"));
            }
        }
        let strangers = self.before.iter().filter(|(_, database)| database.tag == Tag::Stranger).map(|(spot, _)| spot);
        let untouchable = scene.production.keys().chain(strangers);
        if let Some(spot) = untouchable.into_iter().find(|spot| self.databases.get(spot) != self.before.get(spot)) {
            self.violate(format!("after `{cause}` {spot}, which is not the run's, is not what it was"));
        }
    }

    /// What a target shows; an error if it is neither.
    pub(crate) fn shows(&self, spot: &Spot, target: &Target) -> Result<Shows, String> {
        let Some(database) = self.databases.get(spot) else { return Err(format!("the target {spot} is not there")) };
        let now = &database.content;
        if self.before.get(spot).is_some_and(|before| now.is_but_for(|text| self.scene.live.contains_key(text), &before.content)) {
            return Ok(Shows::Old);
        }
        if target.way == Way::Shadow {
            return Err(format!("{spot} changed, although nothing was to be swapped in"));
        }
        if !target.source.as_ref().is_some_and(|source| now.is_copy_of(source)) {
            return Err(format!("{spot} shows neither its old rows nor a whole copy: {:?}", now.parts));
        }
        if !are_all_of(&now.own_rows, &target.kept, spot) {
            return Err(format!("{spot} shows other kept rows than planned: {:?}", now.own_rows));
        }
        if !are_all_of(&now.own_objects, &target.deltas, spot) {
            return Err(format!("{spot} shows other deltas than planned: {:?}", now.own_objects));
        }
        if let Some(missing) = target.on_shadow.iter().find(|statement| !now.statements.contains_key(*statement)) {
            return Err(format!("{spot} was swapped in before `{missing}`"));
        }
        Ok(Shows::New)
    }

    /// After `Refreshed`.
    pub(crate) fn is_refreshed(&self, old_one: OldOne) -> Held {
        let scene = self.scene.clone();
        let mut known: BTreeSet<&Spot> = self.before.keys().collect();
        for (spot, target) in &scene.targets {
            self.target_is_refreshed(spot, target, old_one)?;
            known.extend([&target.shadow, &target.old]);
        }
        if let Some(leftover) = self.databases.keys().find(|spot| !known.contains(spot)) {
            return Err(format!("{leftover} was left behind"));
        }
        for statement in scene.live.keys().chain(scene.targets.values().flat_map(|target| &target.on_shadow)) {
            let times: u32 = self.databases.values().filter_map(|database| database.content.statements.get(statement)).sum();
            let most = 1 + self.effects.get(statement).map_or(0, |effect| effect.broken_off);
            let retired = old_one == OldOne::Retired && times == 0;
            require(retired || (1..=most).contains(&times), || format!("`{statement}` took effect {times} times"))?;
        }
        for command in &scene.commands {
            let effect = self.effects.get(command).cloned().unwrap_or_default();
            let Effect { stands, runs, broken_off } = effect;
            require(stands == Stands::There && (1..=1 + broken_off).contains(&runs), || {
                format!("`{command}` ended {runs} times: {stands:?}")
            })?;
        }
        self.is_told_and_recorded(&scene)?;
        require(self.looks_left.values().all(|left| *left == 0), || "a condition was not waited for".into())
    }

    /// The messages of migrators are gone, and records say the version that there is.
    fn is_told_and_recorded(&self, scene: &Scene) -> Held {
        for queue in &scene.purged {
            let count = self.queues.clone().count(queue).total();
            require(count == 0, || format!("the queue {queue} has {count} messages"))?;
        }
        for (record, former) in &scene.records {
            let version = self.records.get(record);
            require(version.is_some() && version != former.as_ref(), || format!("{record} says {version:?}, as before"))?;
        }
        Ok(())
    }

    fn target_is_refreshed(&self, spot: &Spot, target: &Target, old_one: OldOne) -> Held {
        let shows = self.shows(spot, target)?;
        let wanted = if target.way == Way::Shadow { Shows::Old } else { Shows::New };
        require(shows == wanted, || format!("{spot} shows its {shows:?} content"))?;
        require(self.databases[spot].door == Door::Open, || format!("{spot} is closed"))?;
        let has_shadow = self.databases.get(&target.shadow).is_some_and(|shadow| shadow.is_of(&self.run));
        require(has_shadow == (target.way == Way::Shadow), || format!("{} is there: {has_shadow}", target.shadow))?;
        let old = self.databases.get(&target.old).filter(|old| old.is_of(&self.run));
        match (target.way, old_one, old) {
            (Way::Swap, OldOne::Retained, Some(old)) => {
                let same = old.content.is_but_for(|text| self.scene.live.contains_key(text), &self.before[spot].content);
                require(same && old.door == Door::Closed, || format!("{} is not the old database, closed", target.old))
            }
            (Way::Swap, OldOne::Retained, None) => Err(format!("{} was not retained", target.old)),
            (Way::Swap, OldOne::Retired, Some(_)) => Err(format!("{} was not retired", target.old)),
            (Way::Swap, OldOne::Retired, None) | (Way::Shadow | Way::InPlace, ..) => Ok(()),
        }
    }

    /// After `Undone` and `Cancelled`: all but what the plan said would be left is as it was.
    pub(crate) fn is_as_before(&self) -> Held {
        let leaves = &self.scene.leaves;
        for spot in self.before.keys().chain(self.databases.keys()).collect::<BTreeSet<_>>() {
            match (self.before.get(spot), self.databases.get(spot)) {
                (Some(_), None) => return Err(format!("{spot} is gone")),
                (None, _) => return Err(format!("{spot} was left behind")),
                (Some(before), Some(now)) => {
                    let same =
                        now.content.is_but_for(|text| leaves.contains(text), &before.content) && now.identity == before.identity;
                    require(same && (now.door, &now.tag) == (before.door, &before.tag), || {
                        format!("{spot} is not as before: {now:?}")
                    })?;
                }
            }
        }
        for (record, former) in &self.scene.records {
            require(self.records.get(record) == former.as_ref(), || format!("{record} is not as before"))?;
        }
        for command in self.scene.commands.iter().filter(|command| !leaves.contains(*command)) {
            let stands = self.effects.get(command).map_or(Stands::Absent, |effect| effect.stands);
            require(stands == Stands::Absent, || format!("`{command}` was not taken back: {stands:?}"))?;
        }
        Ok(())
    }

    /// Whether a refresh in place was committed: then there is no way back.
    pub(crate) fn is_past_return(&self) -> bool {
        let in_place = self.scene.targets.iter().filter(|(_, target)| target.way == Way::InPlace);
        in_place.into_iter().any(|(spot, _)| self.databases[spot].content.refreshed_by.is_some())
    }
}

/// A gate was passed only after somebody had approved.
pub(crate) fn gates_were_kept(plan: &Plan, events: &[Event]) -> Held {
    let mut approved = BTreeSet::new();
    for event in events {
        match event.what {
            What::Approved { step, .. } => drop(approved.insert(step)),
            What::StepStarted { step } if plan.step(step).step.is_gate() => {
                require(approved.contains(&step), || format!("step {step} was passed without approval"))?;
            }
            _ => {}
        }
    }
    Ok(())
}

/// Whether exactly those are there, all from that database.
fn are_all_of<T: Ord>(found: &BTreeMap<T, Spot>, wanted: &BTreeSet<T>, spot: &Spot) -> bool {
    found.keys().eq(wanted) && found.values().all(|from| from == spot)
}

pub(crate) fn require(holds: bool, otherwise: impl FnOnce() -> String) -> Held {
    if holds { Ok(()) } else { Err(otherwise()) }
}
