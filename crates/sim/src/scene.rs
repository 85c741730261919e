//! What a plan says of the world it is for: which databases there are, and what must have become of them in the end.

use crate::content::{Content, Database, Door, Spot, Tag};
use crate::work::migration;
use restage_core::environment::DatabaseAddress;
use restage_core::facts::{Identity, PendingScript};
use restage_core::name::RunId;
use restage_core::plan::{Plan, Reversal};
use restage_core::provider::queue::Queue;
use restage_core::provider::{Condition, Delta, Place, Record};
use restage_core::schema::TableName;
use restage_core::signal::SchemaVersion;
use restage_core::steps::Step;
use std::collections::{BTreeMap, BTreeSet};

/// A plan's world, before anything happens and after everything has.
#[derive(Clone, Debug, Default)]
pub(crate) struct Scene {
    /// Databases that must never be written, with who they are.
    pub(crate) production: BTreeMap<Spot, Identity>,
    pub(crate) targets: BTreeMap<Spot, Target>,
    /// What takes a statement or command back, with what it takes back.
    pub(crate) undoes: BTreeMap<String, String>,
    /// Statements and commands that nothing takes back.
    pub(crate) leaves: BTreeSet<String>,
    /// Statements on databases in use.
    pub(crate) live: BTreeMap<String, Spot>,
    /// Commands that touch no database.
    pub(crate) commands: Vec<String>,
    pub(crate) conditions: Vec<Condition>,
    /// Commands that migrate.
    pub(crate) migrators: BTreeMap<String, Migrator>,
    /// Queues that must be empty in the end.
    pub(crate) purged: Vec<Queue>,
    /// Records with what they say before.
    pub(crate) records: BTreeMap<Record, Option<SchemaVersion>>,
}

/// What a command that migrates does.
#[derive(Clone, Debug)]
pub(crate) struct Migrator {
    pub(crate) spot: Spot,
    pub(crate) queue: Queue,
    pub(crate) scripts: Vec<PendingScript>,
}

/// A database to be replaced, and what is to replace it.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    pub(crate) identity: Identity,
    pub(crate) shadow: Spot,
    pub(crate) old: Spot,
    /// Where its new rows are from; `None` if the plan ends before they are copied.
    pub(crate) source: Option<Spot>,
    pub(crate) way: Way,
    pub(crate) kept: BTreeSet<TableName>,
    pub(crate) deltas: BTreeSet<Delta>,
    /// Statements and commands that run on the shadow.
    pub(crate) on_shadow: Vec<String>,
}

/// How far a plan goes with a target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// A shadow is made and left.
    Shadow,
    /// The shadow is swapped in.
    Swap,
    /// The content is replaced in one transaction.
    InPlace,
}

impl Scene {
    pub(crate) fn of(plan: &Plan, run: &RunId) -> Self {
        let mut scene = Self::default();
        for planned in &plan.steps {
            scene.take_copying(&planned.step, run);
            scene.take_small(&planned.step, &planned.reversal);
            scene.take_around(&planned.step);
        }
        scene
    }

    fn take_copying(&mut self, step: &Step, run: &RunId) {
        match step {
            Step::CreateShadow(step) => drop(self.target(&step.target, &step.target_identity, run)),
            Step::FillShadow(step) => {
                self.production.insert(Spot::of(&step.source), step.carried.source_identity.clone());
                self.known(&step.target).source = Some(Spot::of(&step.source));
            }
            Step::RestoreDeltas(step) => self.known(&step.target).deltas.extend(step.surviving.deltas.iter().cloned()),
            Step::KeepRows(step) => self.known(&step.target).kept.extend(step.surviving.keep.iter().map(|keep| keep.table.clone())),
            Step::SwapDatabase(step) => self.known(&step.target).way = Way::Swap,
            Step::RefreshInPlace(step) => {
                self.production.insert(Spot::of(&step.source), step.carried.source_identity.clone());
                let target = self.target(&step.target, &step.target_identity, run);
                target.way = Way::InPlace;
                target.source = Some(Spot::of(&step.source));
                target.deltas.extend(step.surviving.deltas.iter().cloned());
                target.kept.extend(step.surviving.keep.iter().map(|keep| keep.table.clone()));
            }
            Step::VerifyRows(_)
            | Step::VerifyShadow(_)
            | Step::RunMigrations(_)
            | Step::CheckQueue(_)
            | Step::AwaitMigrator(_)
            | Step::VerifyMigrations(_)
            | Step::RecordVersion(_)
            | Step::PurgeQueue(_)
            | Step::RunSql(_)
            | Step::RunCommand(_)
            | Step::AwaitCondition(_)
            | Step::AwaitApproval(_) => {}
        }
    }

    fn take_small(&mut self, step: &Step, reversal: &Reversal) {
        let (text, undo, place) = match step {
            Step::RunSql(step) => (step.statement.clone(), step.undo.clone(), Some(&step.place)),
            Step::RunCommand(step) => {
                (step.command.to_string(), step.undo.as_ref().map(ToString::to_string), step.database.as_ref())
            }
            Step::RunMigrations(step) => return self.take_scripts(&step.pending, &step.place, reversal),
            Step::AwaitMigrator(step) => {
                return self.take_scripts(&step.pending, &Place::Live(step.database.clone()), reversal);
            }
            Step::AwaitCondition(step) => return self.conditions.push(step.condition.clone()),
            _ => return,
        };
        self.take_text(text, undo, place, reversal);
    }

    fn take_scripts(&mut self, scripts: &[PendingScript], place: &Place, reversal: &Reversal) {
        for script in scripts {
            self.take_text(migration(&script.script), None, Some(place), reversal);
        }
    }

    /// What is around migrations.
    fn take_around(&mut self, step: &Step) {
        match step {
            Step::AwaitMigrator(step) => {
                let (spot, queue, scripts) = (Spot::of(&step.database), step.queue.clone(), step.pending.clone());
                self.migrators.insert(step.command.to_string(), Migrator { spot, queue, scripts });
            }
            Step::RecordVersion(step) => drop(self.records.insert(step.record.clone(), step.former.clone())),
            Step::PurgeQueue(step) => self.purged.push(step.queue.clone()),
            _ => {}
        }
    }

    fn take_text(&mut self, text: String, undo: Option<String>, place: Option<&Place>, reversal: &Reversal) {
        match place {
            Some(Place::Shadow(target)) => self.known(target).on_shadow.push(text.clone()),
            Some(Place::Live(address) | Place::Old(address)) => drop(self.live.insert(text.clone(), Spot::of(address))),
            None => self.commands.push(text.clone()),
        }
        if matches!(reversal, Reversal::Leaves(_)) {
            self.leaves.insert(text.clone());
        }
        if let Some(undo) = undo {
            self.undoes.insert(undo, text);
        }
    }

    fn target(&mut self, address: &DatabaseAddress, identity: &Identity, run: &RunId) -> &mut Target {
        self.targets.entry(Spot::of(address)).or_insert_with(|| Target {
            identity: identity.clone(),
            shadow: Spot::of(&Place::Shadow(address.clone()).address(run)),
            old: Spot::of(&Place::Old(address.clone()).address(run)),
            source: None,
            way: Way::Shadow,
            kept: BTreeSet::new(),
            deltas: BTreeSet::new(),
            on_shadow: vec![],
        })
    }

    fn known(&mut self, address: &DatabaseAddress) -> &mut Target {
        self.targets.get_mut(&Spot::of(address)).expect("a plan makes a shadow before it works on it")
    }

    /// The databases before anything happens.
    pub(crate) fn databases(&self) -> BTreeMap<Spot, Database> {
        let database = |spot: &Spot, identity: &Identity| Database {
            identity: identity.clone(),
            tag: Tag::None,
            door: Door::Open,
            content: Content::grown_at(spot),
        };
        let mut databases = BTreeMap::new();
        for (index, spot) in (1..).zip(self.live.values()) {
            let identity = Identity { system: "7900000000000000009".into(), oid: index };
            databases.insert(spot.clone(), database(spot, &identity));
        }
        for (spot, identity) in &self.production {
            databases.insert(spot.clone(), database(spot, identity));
        }
        for (spot, target) in &self.targets {
            let mut old = database(spot, &target.identity);
            old.content.own_rows = target.kept.iter().map(|table| (table.clone(), spot.clone())).collect();
            old.content.own_objects = target.deltas.iter().map(|delta| (delta.clone(), spot.clone())).collect();
            databases.insert(spot.clone(), old);
        }
        databases
    }
}
