//! What the swap would lose, looked for right before anybody is kept out: a run may have been held for days since the target's
//! own was carried over.

use super::super::servers::Servers;
use super::super::surviving;
use super::super::trouble::told;
use restage_core::provider::SwapSpec;
use restage_core::{Code, Result};
use restage_pgcopy::connect::SourceClient;
use restage_pgcopy::keep::Follow;
use restage_pgcopy::stop::Stop;
use restage_pgcopy::tools::Tools;
use restage_pgcopy::{catalog, facts, verify};

/// Refuses where the target has got rows or structure that the shadow lacks.
pub(super) async fn expect_nothing(servers: &Servers, spec: &SwapSpec, stop: &Stop) -> Result<()> {
    let target = servers.read(&spec.target).await?;
    let (structure, rows) = futures::join!(expect_structure(servers, spec, stop), expect_rows(servers, spec, &target, stop));
    // Rows may be found different because the structure is.
    structure?;
    rows
}

async fn expect_structure(servers: &Servers, spec: &SwapSpec, stop: &Stop) -> Result<()> {
    let target = servers.read(&spec.target).await?;
    // As the plan did, which refuses a source that is newer than the target.
    let tools = Tools::find(target.major(), target.major()).map_err(told)?;
    let archive = servers.archives().now(&target, &tools, stop).await.map_err(told)?;
    if facts::schema_digest(&archive) == spec.target_structure {
        return Ok(());
    }
    Err(Code::PlanStale
        .error(format!("the structure of `{}` has changed since the plan was made", spec.target.database))
        .help("`restage undo` takes the run back; then start a new one"))
}

async fn expect_rows(servers: &Servers, spec: &SwapSpec, target: &SourceClient, stop: &Stop) -> Result<()> {
    if spec.surviving.keep.is_empty() && spec.surviving.deltas.is_empty() {
        return Ok(());
    }
    let shadow = servers.read(&spec.shadow).await?;
    let schema = catalog::read(target.reader()).await.map_err(told)?;
    let kept = surviving::tables(&spec.surviving, &schema, Follow::Referring);
    Box::pin(verify::kept_rows(&shadow, target, &kept, stop)).await.map_err(told).map(drop)
}
