//! Kept rows: rows of the target that survive a refresh.
//!
//! After a refresh a kept table has production's rows and the target's own. [`compare()`] tells beforehand what will happen,
//! reading only; [`carry`] does it, in one transaction of the shadow; [`set_aside`] and [`carry_aside`] do the same within the
//! one transaction of a refresh in place.
//!
//! A row of the target and one of production are the same thing when they agree in the columns they are matched by. Where
//! these are not the primary key, the two may have different keys, and one key may mean two things: production's key holds,
//! and every kept row that refers to a row goes on referring to that row, whatever key it has then.

mod compare;
mod follow;
mod identity;
mod layout;
mod merge;
mod stage;
mod staged;
mod table;
mod taken;
mod value;

pub use compare::{Clash, Compared, MAX_DROPPED, Question, Sides, compare};
pub use follow::{Follow, with_own_tables};
pub use stage::set_aside;
pub use table::Table;

pub(crate) use compare::{Cursor, compare_all, count_dangling};
pub(crate) use follow::{own_table, own_tables};
pub(crate) use identity::Subject;
pub(crate) use layout::{count, maybe_text, text};
pub(crate) use taken::{Side, missing};
pub(crate) use value::Value;

use crate::connect::{SourceClient, TargetClient};
use crate::stop::Stop;
use crate::{Result, event_triggers};
use restage_core::provider::{Delta, Kept};
use staged::Staging;

/// Carries the rows of the kept tables from the target into the shadow, in one transaction of each; referred-to tables first.
///
/// Repeating it changes nothing: rows that are there already are found to be the same. The deltas must be back.
pub async fn carry(target: &SourceClient, shadow: &TargetClient, tables: &[Table], deltas: &[Delta], stop: &Stop) -> Result<Kept> {
    let work = async {
        target.begin(None).await?;
        shadow.run("begin carrying kept rows over", "BEGIN").await?;
        let paused = event_triggers::pause(shadow).await?;
        let staging = Staging::look(shadow, tables).await?;
        staging.fetch(target, stop).await?;
        let kept = staging.merge(deltas).await?;
        event_triggers::resume(shadow, &paused).await?;
        shadow.run("commit kept rows", "COMMIT").await?;
        target.end().await?;
        Ok(kept)
    };
    let done = shadow.guard(stop, work).await;
    if done.is_err() {
        // What went wrong before says more than that this may fail too, the connection being lost for instance.
        let _ = shadow.run("take kept rows back", "ROLLBACK").await;
        let _ = target.end().await;
    }
    done
}

/// Carries rows over within transactions that are open on both sides.
pub(crate) async fn carry_own(target: &SourceClient, shadow: &TargetClient, tables: &[Table], stop: &Stop) -> Result<Kept> {
    let staging = Staging::look(shadow, tables).await?;
    staging.fetch(target, stop).await?;
    staging.merge(&[]).await
}

/// Carries the rows that [`set_aside`] put aside into their tables, in the same transaction, which an error makes unusable.
pub async fn carry_aside(client: &TargetClient, tables: &[Table], deltas: &[Delta], stop: &Stop) -> Result<Kept> {
    let work = async {
        let paused = event_triggers::pause(client).await?;
        let staging = Staging::look(client, tables).await?;
        staging.take_up().await?;
        let kept = staging.merge(deltas).await?;
        event_triggers::resume(client, &paused).await?;
        Ok(kept)
    };
    client.guard(stop, work).await
}
