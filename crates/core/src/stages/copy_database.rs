//! `copy-database`: makes the target database true to production, masked, with its own users kept.
//!
//! Swap: shadow → copy → compare → `before-swap:` → deltas → kept rows → compare → swap. Deltas and kept rows come after
//! the stages of `before-swap:`, so that a target ahead of production is migrated first and its own rows meet the
//! structure that they come from.

mod checks;
mod drift;
mod keep;
mod masks;
mod migrations;
mod selection;

pub use drift::deltas;
pub use selection::taken;

use super::Scope;
use crate::duration::Duration;
use crate::environment::DatabaseAddress;
use crate::error::{Code, Result};
use crate::facts::{CopyFacts, CopyKey, structure_digest};
use crate::plan::{Builder, COPY_BYTES_PER_SECOND, INDEX_BYTES_PER_SECOND, Level, StepOutlook, TABLES_PER_SECOND};
use crate::provider::{Carried, RowsTaken, Surviving};
use crate::scenario::copy_database::{CopyDatabase, Replace, Swap};
use crate::steps::{CreateShadow, FillShadow, KeepRows, RefreshInPlace, RestoreDeltas, SwapDatabase, VerifyRows, VerifyShadow};

/// One `copy-database` stage with all it is decided from.
struct Copying<'a> {
    stage: &'a CopyDatabase,
    scope: &'a Scope<'a>,
    source: DatabaseAddress,
    target: DatabaseAddress,
    facts: &'a CopyFacts,
}

/// What was decided.
struct Decided {
    carried: Carried,
    surviving: Surviving,
}

pub(super) fn expand(stage: &CopyDatabase, scope: &Scope<'_>, builder: &mut Builder) {
    builder.begin_stage(format!("copy-database {}", stage.database));
    let copying = match Copying::new(stage, scope) {
        Ok(copying) => copying,
        Err(error) => return builder.refuse(error),
    };
    checks::look(&copying, builder);
    migrations::look(&copying, builder);
    let carried = selection::select(&copying, builder);
    masks::look(&copying, &carried, builder);
    let deltas = drift::find(&copying, &carried, builder);
    let keep = keep::decide(&copying, &carried, &deltas, builder);
    let decided = Decided { carried, surviving: Surviving { deltas, keep } };
    match &stage.replace {
        Replace::Swap(how) => swap(&copying, how, decided, builder),
        Replace::InPlace => in_place(&copying, decided, builder),
    }
}

impl<'a> Copying<'a> {
    fn new(stage: &'a CopyDatabase, scope: &'a Scope<'a>) -> Result<Self> {
        let (from, to) = (&scope.scenario.from, &scope.scenario.to);
        let key = CopyKey { from: from.clone(), to: to.clone(), database: stage.database.clone() };
        let facts = scope.facts.copy(&key).ok_or_else(|| {
            Code::PlanStale.error(format!("nothing was observed of `{}` in `{from}` and `{to}`", stage.database)).help("plan again")
        })?;
        Ok(Self {
            stage,
            scope,
            source: scope.address(from, &stage.database)?.clone(),
            target: scope.address(to, &stage.database)?.clone(),
            facts,
        })
    }
    /// How the swap is done, if there is one.
    fn swap(&self) -> Option<&'a Swap> {
        match &self.stage.replace {
            Replace::Swap(swap) => Some(swap),
            Replace::InPlace => None,
        }
    }
    fn target_structure(&self) -> String {
        structure_digest(&self.facts.target.objects)
    }
}

fn swap(copying: &Copying<'_>, how: &Swap, decided: Decided, builder: &mut Builder) {
    let Copying { stage, source, target, facts, .. } = copying;
    let Decided { carried, surviving } = decided;
    let outlook = outlook(facts, &carried);
    let shadow = builder.then(
        CreateShadow {
            target: target.clone(),
            target_identity: facts.target.identity.clone(),
            target_structure: copying.target_structure(),
        },
        CREATING,
    );
    let fill = FillShadow { source: source.clone(), target: target.clone(), shadow: shadow.clone(), carried };
    let filled = builder.then(fill, stage.within);
    builder.expect(filled.step, outlook);
    builder.then(VerifyRows { shadow: shadow.clone(), filled }, stage.within);
    migrations::apply(copying, builder);
    before_swap(copying, how, builder);
    if !surviving.deltas.is_empty() {
        builder.then(RestoreDeltas { target: target.clone(), shadow: shadow.clone(), surviving: surviving.clone() }, stage.within);
    }
    if !surviving.keep.is_empty() {
        builder.then(KeepRows { target: target.clone(), shadow: shadow.clone(), surviving: surviving.clone() }, stage.within);
    }
    builder.then(
        VerifyShadow { source: source.clone(), target: target.clone(), shadow: shadow.clone(), surviving: surviving.clone() },
        stage.within,
    );
    let swap = SwapDatabase {
        target: target.clone(),
        shadow,
        target_structure: copying.target_structure(),
        surviving,
        source_identity: facts.source.identity.clone(),
        target_identity: facts.target.identity.clone(),
        drain: how.drain,
        within: how.within,
        retain: how.retain,
    };
    // The swap keeps its own deadlines once it has compared once more; the step's is only a backstop behind them.
    let closing = how.drain.as_millis() + how.within.as_millis() + SWAP_MARGIN.as_millis();
    let backstop = Duration::from_millis(stage.within.as_millis() + closing);
    builder.then(swap, backstop);
}

/// The deadline for creating a database.
const CREATING: Duration = Duration::from_minutes(10);
/// Time beyond the swap's own deadlines for connecting and answering.
const SWAP_MARGIN: Duration = Duration::from_secs(60);

fn before_swap(copying: &Copying<'_>, how: &Swap, builder: &mut Builder) {
    let scope = Scope { shadow: Some(&copying.stage.database), ..*copying.scope };
    let stage = builder.stage().to_owned();
    super::expand_on_shadow(&how.before, &scope, builder);
    builder.begin_stage(stage);
}

fn in_place(copying: &Copying<'_>, decided: Decided, builder: &mut Builder) {
    let Copying { stage, source, target, facts, .. } = copying;
    let outlook = outlook(facts, &decided.carried);
    let refresh = RefreshInPlace {
        source: source.clone(),
        target: target.clone(),
        target_identity: facts.target.identity.clone(),
        target_structure: copying.target_structure(),
        carried: decided.carried,
        surviving: decided.surviving,
    };
    let step = builder.then(refresh, stage.within).step;
    builder.expect(step, outlook);
    builder.find(
        Level::Warning,
        format!(
            "`{}` is refreshed in one transaction: its users wait meanwhile, and once it is committed there is no undo",
            target.database
        ),
        Some("use `replace: swap` where the server has room and the role may create databases"),
    );
}

/// Rows, bytes and seconds of a copy, from the source's statistics.
fn outlook(facts: &CopyFacts, carried: &Carried) -> StepOutlook {
    let mut outlook = StepOutlook::default();
    for (table, taken) in &carried.tables {
        outlook.seconds += 1.0 / TABLES_PER_SECOND;
        let (Some(estimate), true) = (facts.source.estimates.tables.get(table), taken.rows != RowsTaken::None) else { continue };
        outlook.rows += estimate.rows;
        outlook.bytes += estimate.bytes;
        outlook.seconds += seconds(estimate.bytes, COPY_BYTES_PER_SECOND) + seconds(estimate.index_bytes, INDEX_BYTES_PER_SECOND);
    }
    outlook
}

#[expect(clippy::cast_precision_loss, reason = "an estimate")]
fn seconds(bytes: u64, per_second: f64) -> f64 {
    bytes as f64 / per_second
}
