//! Deltas: what the target has and production has not, brought back on top of the fresh copy.
//!
//! The target's own archive says how each object is made and in which order. Everything happens in one transaction, so that a
//! second attempt finds all of it or nothing; what is there already, such as a table that the target's migrations have made in
//! the copy, stays, and takes the target's rows.
//!
//! Rows of the target's own tables that refer to kept rows wait for those: [`crate::keep::with_own_tables`] says which.

mod dangling;
mod making;
mod rights;
mod rows;
mod selection;
mod standings;

pub use dangling::dangling;
pub use standings::{Standings, standings};

use crate::archive::Archive;
use crate::connect::{SourceClient, TargetClient};
use crate::stop::Stop;
use crate::{Result, event_triggers};
use making::Maker;
use restage_core::provider::{Delta, Deltas};
use restage_core::schema::{Schema, TableName};
use selection::Selection;
use std::collections::{BTreeMap, BTreeSet};

/// What is brought back.
#[derive(Clone, Copy)]
pub struct Restoration<'a> {
    /// The target's archive.
    pub archive: &'a Archive,
    /// The target's structure.
    pub schema: &'a Schema,
    /// What production lacks.
    pub deltas: &'a [Delta],
    /// The tables whose rows come with the kept ones: these, and the target's own tables that join them.
    pub kept: &'a BTreeSet<TableName>,
}

/// Brings the deltas back in one transaction of the shadow, reading rows and sequences from the target.
pub async fn restore(target: &SourceClient, shadow: &TargetClient, what: Restoration<'_>, stop: &Stop) -> Result<Deltas> {
    let work = async {
        target.begin(None).await?;
        shadow.run("begin bringing deltas back", "BEGIN").await?;
        let standings = standings(target.reader(), what.schema, what.deltas).await?;
        let restored = within(shadow, what, Some(target), &standings, stop).await?;
        shadow.run("commit the deltas", "COMMIT").await?;
        target.end().await?;
        Ok(restored)
    };
    let done = shadow.guard(stop, work).await;
    if done.is_err() {
        // What went wrong before says more than that this may fail too.
        let _ = shadow.run("take the deltas back", "ROLLBACK").await;
        let _ = target.end().await;
    }
    done
}

/// Brings the structure back within the open transaction of a refresh in place; all rows come with the kept ones, which must
/// have been set aside with [`crate::keep::Follow::All`], and `standings` were read before the target's objects were dropped.
pub async fn restore_structure(client: &TargetClient, what: Restoration<'_>, standings: &Standings, stop: &Stop) -> Result<Deltas> {
    client.guard(stop, within(client, what, None, standings, stop)).await
}

async fn within(
    shadow: &TargetClient,
    what: Restoration<'_>,
    rows: Option<&SourceClient>,
    standings: &Standings,
    stop: &Stop,
) -> Result<Deltas> {
    let selection = Selection::of(what)?;
    let mut maker = Maker::new(shadow, what, stop);
    let paused = event_triggers::pause(shadow).await?;
    maker.begin().await?;
    for part in &selection.before_rows {
        maker.make(part).await?;
    }
    let rows = match rows {
        Some(target) => rows::bring(target, shadow, what, maker.existing(), stop).await?,
        None => BTreeMap::new(),
    };
    for part in &selection.after_rows {
        maker.make(part).await?;
    }
    standings.write(shadow).await?;
    maker.refresh().await?;
    rights::give(&mut maker, &selection).await?;
    maker.end().await?;
    event_triggers::resume(shadow, &paused).await?;
    Ok(Deltas { restored: what.deltas.to_vec(), rows })
}
