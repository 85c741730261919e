//! Whether both databases are at the same migrations, by identity.

use super::super::migrate;
use super::Copying;
use super::checks::list;
use crate::error::{Code, Error};
use crate::facts::{AppliedMigration, DatabaseFacts, MigrationDifference, MigrationHistory, MigrationTool, PendingFacts};
use crate::plan::{Builder, Level};
use crate::provider::Place;
use crate::scenario::copy_database::Require;

pub(super) fn look(copying: &Copying<'_>, builder: &mut Builder) {
    if copying.stage.migrations.require == Require::Any {
        return;
    }
    let (source, target) = (histories(copying, &copying.facts.source), histories(copying, &copying.facts.target));
    if source.is_empty() && target.is_empty() {
        return match &copying.stage.migrations.history {
            Some(table) => builder.refuse(
                Code::TableMissing
                    .error(format!("neither database has the migration history `{table}`"))
                    .help("correct `migrations: { history: … }`, or leave it out to have it recognised"),
            ),
            None => builder.find(Level::Note, "no migration history was recognised in either database", None),
        };
    }
    for ours in &source {
        match target.iter().find(|theirs| theirs.tool == ours.tool && theirs.table == ours.table) {
            Some(theirs) => compare(copying, ours, theirs, builder),
            None => builder
                .refuse(one_sided(&format!("the source has a {} history in `{}` and the target has none", ours.tool, ours.table))),
        }
    }
    for theirs in target.iter().filter(|theirs| !source.iter().any(|ours| ours.tool == theirs.tool && ours.table == theirs.table)) {
        builder
            .refuse(one_sided(&format!("the target has a {} history in `{}` and the source has none", theirs.tool, theirs.table)));
    }
}

fn histories<'a>(copying: &Copying<'_>, database: &'a DatabaseFacts) -> Vec<&'a MigrationHistory> {
    let asked = &copying.stage.migrations.history;
    database.migrations.iter().filter(|history| asked.as_ref().is_none_or(|table| *table == history.table)).collect()
}

fn one_sided(message: &str) -> Error {
    Code::MigrationsDiffer
        .error(message)
        .help("check the addresses; with `migrations: { require: any }` the difference is accepted")
}

/// Brings the shadow to the target's version with the scripts that the stage names.
pub(super) fn apply(copying: &Copying<'_>, builder: &mut Builder) {
    let Some(scripts) = &copying.stage.migrations.apply else { return };
    match pending(copying) {
        Ok(Some(pending)) => {
            let place = Place::Shadow(copying.target.clone());
            migrate::tell(pending, builder);
            builder.then(migrate::applying(place, scripts, pending, copying.scope), copying.stage.within);
        }
        Ok(None) => {}
        Err(error) => builder.refuse(error),
    }
}

/// What the stage's scripts will apply to the copy, if it names any.
fn pending<'a>(copying: &Copying<'a>) -> Result<Option<&'a PendingFacts>, Error> {
    let Some(scripts) = &copying.stage.migrations.apply else { return Ok(None) };
    migrate::pending(&migrate::of_copy(&copying.stage.database, scripts, copying.scope), copying.scope).map(Some)
}

/// The history that the copy will have once the stage's scripts were applied.
fn once_applied(copying: &Copying<'_>, source: &MigrationHistory) -> MigrationHistory {
    let mut history = source.clone();
    // What could not be observed is refused where it is to be applied.
    if let (MigrationTool::Flyway, Ok(Some(facts))) = (source.tool, pending(copying)) {
        history.applied.extend(facts.pending.iter().map(|script| AppliedMigration {
            id: script.id().to_owned(),
            checksum: script.checksum.map(|sum| sum.to_string()),
            success: true,
        }));
    }
    history
}

fn compare(copying: &Copying<'_>, source: &MigrationHistory, target: &MigrationHistory, builder: &mut Builder) {
    if copying.stage.migrations.apply.is_some() {
        return compare_applied(&once_applied(copying, source), target, builder);
    }
    let difference = MigrationDifference::between(source, target);
    let tool = source.tool;
    let mut refuse = |what: &str, ids: &[String], help: &str| {
        if !ids.is_empty() {
            let names: Vec<String> = ids.iter().map(|id| format!("`{id}`")).collect();
            builder.refuse(Code::MigrationsDiffer.error(format!("{tool} migrations {what}: {}", list(&names))).help(help));
        }
    };
    refuse("recorded as failed", &difference.failed, "repair the history where they failed");
    refuse("with other content on the target", &difference.changed, "find out who changed them; restage does not guess");
    refuse("that only production has", &difference.source_only, "deploy production's version to the target first");
    if copying.stage.migrations.require == Require::Same {
        refuse(
            "that only the target has",
            &difference.target_only,
            "deploy production's version to the target; or use `require: target-ahead` with a `run` stage in `before-swap:` that migrates the shadow",
        );
        return;
    }
    if difference.target_only.is_empty() {
        return;
    }
    let names: Vec<String> = difference.target_only.iter().map(|id| format!("`{id}`")).collect();
    if copying.swap().is_none_or(|swap| swap.before.is_empty()) {
        builder.refuse(
            Code::MigrationsDiffer
                .error(format!("the target is ahead of production by {}, and nothing would migrate the shadow", list(&names)))
                .help("add a `run` stage to `before-swap:` that applies the target's migrations to the shadow"),
        );
    } else {
        builder.find(
            Level::Note,
            format!("the target is ahead of production by {}; `before-swap:` has to migrate the shadow", list(&names)),
            None,
        );
    }
}

/// Compares what the copy will have with what the target has: the copy may come out ahead, and must not come out behind.
fn compare_applied(after: &MigrationHistory, target: &MigrationHistory, builder: &mut Builder) {
    let difference = MigrationDifference::between(after, target);
    let tool = after.tool;
    let named = |ids: &[String]| list(&ids.iter().map(|id| format!("`{id}`")).collect::<Vec<_>>());
    let mut refuse = |what: &str, ids: &[String], help: &str| {
        if !ids.is_empty() {
            builder.refuse(Code::MigrationsDiffer.error(format!("{tool} migrations {what}: {}", named(ids))).help(help));
        }
    };
    refuse("recorded as failed", &difference.failed, "repair the history where they failed");
    refuse("with other content on the target", &difference.changed, "find out who changed them; restage does not guess");
    refuse(
        "that the target has, and neither production nor `apply` has",
        &difference.target_only,
        "name the scripts of the version that the target runs",
    );
    if !difference.source_only.is_empty() {
        builder.find(Level::Note, format!("the copy comes out ahead of the target by {}", named(&difference.source_only)), None);
    }
}
