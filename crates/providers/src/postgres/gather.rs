//! Observes what a scenario will copy: both ends of every `copy-database` stage, read-only.

use super::listing::{Listing, list, size};
use super::servers::{Caller, Servers};
use super::trouble::told;
use super::{fill, lease, migrating};
use crate::migrator::Access;
use restage_core::environment::{DatabaseAddress, Environments};
use restage_core::facts::{
    CopyFacts, CopyKey, DanglingReference, DatabaseFacts, Facts, KeepFacts, Leftover, PendingFacts, PendingKey, UniqueClash,
};
use restage_core::name::{DatabaseName, EnvironmentName, ScenarioName};
use restage_core::provider::TableTaken;
use restage_core::scenario::copy_database::{CopyDatabase, Deltas, Keep};
use restage_core::scenario::{Scenario, Stage};
use restage_core::schema::TableName;
use restage_core::{Code, Result, stages};
use restage_pgcopy::delta;
use restage_pgcopy::facts::{self, Masks};
use restage_pgcopy::keep::{self, Question, Sides};
use restage_pgcopy::stop::Stop;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// Observes the databases that a scenario copies, and those of the scenarios that it runs; touches nothing.
pub async fn gather(
    access: &Access,
    scenario: &Scenario,
    library: &BTreeMap<ScenarioName, Scenario>,
    environments: &Environments,
    folder: &Path,
) -> Result<Facts> {
    let servers = &access.servers;
    let mut wanted = Vec::new();
    collect(&scenario.stages, scenario, library, &mut wanted);
    let mut facts = Facts::default();
    for (key, scenario, stage) in wanted {
        if facts.copy(&key).is_none() {
            // What a run would miss half-way is missed now.
            fill::mask_key(servers, scenario.mask_secret.as_ref()).await?;
            let address = |environment| find(environments, &key.database, environment);
            let (source, target) = (address(&key.from)?, address(&key.to)?);
            let pair = Pair { servers, source, target, stage };
            let found = Box::pin(pair.observe()).await?;
            facts.copies.push((key, found));
        }
    }
    for key in stages::migrated(scenario, library) {
        let found = observe_pending(access, &key, environments, folder).await?;
        facts.pending.push((key, found));
    }
    Ok(facts)
}

/// What scripts and the history of one stage come to; the scripts of a copy will run on the target's server.
async fn observe_pending(access: &Access, key: &PendingKey, environments: &Environments, folder: &Path) -> Result<PendingFacts> {
    let (history, address) = (find(environments, &key.database, &key.history)?, find(environments, &key.database, &key.to)?);
    Box::pin(migrating::pending(access, history, address, &key.scripts, folder)).await
}

fn collect<'a>(
    stages: &'a [Stage],
    scenario: &'a Scenario,
    library: &'a BTreeMap<ScenarioName, Scenario>,
    wanted: &mut Vec<(CopyKey, &'a Scenario, &'a CopyDatabase)>,
) {
    for stage in stages {
        match stage {
            Stage::CopyDatabase(copy) => {
                let key = CopyKey { from: scenario.from.clone(), to: scenario.to.clone(), database: copy.database.clone() };
                wanted.push((key, scenario, copy));
            }
            Stage::Parallel(stages) => collect(stages, scenario, library, wanted),
            Stage::Scenario(name) => {
                if let Some(other) = library.get(name) {
                    collect(&other.stages, other, library, wanted);
                }
            }
            Stage::Migrate(_) | Stage::Sql(_) | Stage::Run(_) | Stage::CheckHttp(_) | Stage::WaitFor(_) | Stage::Approve(_) => {}
        }
    }
}

fn find<'e>(environments: &'e Environments, database: &DatabaseName, environment: &EnvironmentName) -> Result<&'e DatabaseAddress> {
    let found = environments.get(environment).and_then(|environment| environment.databases.get(database));
    found.ok_or_else(|| {
        let error = Code::UnknownName.error(format!("environment `{environment}` has no database `{database}`"));
        error.help("add it to the environments file")
    })
}

/// Both ends of one stage.
struct Pair<'a> {
    servers: &'a Servers,
    source: &'a DatabaseAddress,
    target: &'a DatabaseAddress,
    stage: &'a CopyDatabase,
}

impl Pair<'_> {
    async fn observe(&self) -> Result<CopyFacts> {
        let stop = Stop::never();
        let tools = fill::tools(self.servers, self.source, self.target).await?;
        let (source_client, target_client) = (self.servers.read(self.source).await?, self.servers.read(self.target).await?);
        let archives = self.servers.archives();
        let both = tokio::try_join!(
            facts::gather_database(&source_client, archives, &tools, &stop),
            facts::gather_database(&target_client, archives, &tools, &stop),
        );
        let (source, mut target) = both.map_err(told)?;
        target.estimates.free_bytes = facts::free_space(target_client.reader()).await.map_err(told)?;
        let taken = stages::taken(self.stage, &source.schema);
        let mut found = CopyFacts {
            keep: BTreeMap::new(),
            delta_references: vec![],
            mask_trials: vec![],
            leftovers: self.leftovers().await?,
            source,
            target,
        };
        // Two names for one database have nothing to be compared, and the plan refuses them.
        if found.source.identity == found.target.identity {
            return Ok(found);
        }
        let sides = Sides {
            source: &source_client,
            target: &target_client,
            source_schema: &found.source.schema,
            target_schema: &found.target.schema,
            taken: &taken,
        };
        let readable = is_readable(&found.source, &taken);
        if readable {
            // A condition that the server does not understand would fail whatever else reads by it.
            facts::try_conditions(&source_client, &found.source, &taken).await.map_err(told)?;
        }
        if readable && found.target.privileges.unreadable.is_empty() {
            let keep = self.compare(sides, &found.source, &found.target, &stop).await?;
            let references = self.references(sides, &found.source, &found.target, &stop).await?;
            let trials = facts::try_masks(&source_client, &found.source.schema, &masks(&taken)).await.map_err(told)?;
            (found.keep, found.delta_references, found.mask_trials) = (keep, references, trials);
        }
        Ok(found)
    }

    async fn compare(
        &self,
        sides: Sides<'_>,
        source: &DatabaseFacts,
        target: &DatabaseFacts,
        stop: &Stop,
    ) -> Result<BTreeMap<TableName, KeepFacts>> {
        let questions = self.questions(sides.taken, source, target);
        let compared = Box::pin(keep::compare(sides, &questions, stop)).await.map_err(told)?;
        let facts = compared.into_iter().map(|(table, compared)| {
            let clash = |clash: keep::Clash| UniqueClash { columns: clash.columns, rows: clash.rows, examples: clash.examples };
            let clashes = compared.clashes.into_iter().map(clash).collect();
            (table, KeepFacts { clashes, ..compared.facts })
        });
        Ok(facts.collect())
    }

    /// What can be asked at all; what cannot is refused by the plan, by its name.
    fn questions(&self, taken: &BTreeMap<TableName, TableTaken>, source: &DatabaseFacts, target: &DatabaseFacts) -> Vec<Question> {
        let question = |(table, keep): (&TableName, &Keep)| {
            let (theirs, ours) = (source.schema.tables.get(table)?, target.schema.tables.get(table)?);
            let masked = taken.get(table)?.masks.keys().cloned().collect::<BTreeSet<_>>();
            let key = theirs.primary_key.as_ref()?;
            let matched = if keep.match_by.is_empty() { key } else { &keep.match_by };
            let usable = |column| ours.column(column).is_some() && theirs.column(column).is_some() && !masked.contains(column);
            matched.iter().all(usable).then(|| Question {
                table: table.clone(),
                matched: keep.match_by.clone(),
                on_conflict: keep.on_conflict,
                on_missing: keep.on_missing,
                masked,
            })
        };
        self.stage.keep.iter().filter_map(question).collect()
    }

    async fn references(
        &self,
        sides: Sides<'_>,
        source: &DatabaseFacts,
        target: &DatabaseFacts,
        stop: &Stop,
    ) -> Result<Vec<DanglingReference>> {
        if self.stage.deltas != Deltas::Restore {
            return Ok(vec![]);
        }
        let deltas = stages::deltas(self.stage, source, target);
        let kept = self.stage.keep.keys().cloned().collect();
        Box::pin(delta::dangling(sides, &deltas, &kept, stop)).await.map_err(told)
    }

    /// What earlier runs left beside the target.
    async fn leftovers(&self) -> Result<Vec<Leftover>> {
        let client = self.servers.maintain(self.target, &Caller::looking()).await?;
        let listing: Listing = list(&client).await?;
        let working = lease::holder(&client, self.target.database.as_str()).await?;
        let mut leftovers = Vec::new();
        for listed in listing.iter().filter(|listed| listed.name != self.target.database.as_str()) {
            let Some(run) = listed.maker() else { continue };
            if listed.comment().mark_of(&run).is_some_and(|mark| mark.of != self.target.database.as_str()) {
                continue;
            }
            let alive = working.as_ref() == Some(&run);
            leftovers.push(Leftover {
                database: listed.name.clone(),
                run: run.to_string(),
                alive,
                bytes: size(&client, listed.oid).await?,
            });
        }
        Ok(leftovers)
    }
}

/// Whether every table that is taken may be read; the plan names those that may not.
fn is_readable(source: &DatabaseFacts, taken: &BTreeMap<TableName, TableTaken>) -> bool {
    !source.privileges.unreadable.iter().any(|table| taken.contains_key(table))
}

fn masks(taken: &BTreeMap<TableName, TableTaken>) -> Masks {
    let masked = taken.iter().filter(|(_, taken)| !taken.masks.is_empty());
    masked.map(|(table, taken)| (table.clone(), taken.masks.clone())).collect()
}
