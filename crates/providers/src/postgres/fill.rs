//! Filling a shadow: from where an earlier attempt came to, if its snapshot is still kept, else from the start.

use super::mark::{Origin, Role};
use super::servers::{Caller, Servers};
use super::shadow;
use super::trouble::told;
use super::work::Setting;
use crate::jobs::{Keep, Keepers, Kept, end_keeper};
use futures::future::BoxFuture;
use restage_core::environment::{DatabaseAddress, SecretRef};
use restage_core::provider::{FillSpec, Filled};
use restage_core::{Code, Result};
use restage_pgcopy::Kind;
use restage_pgcopy::connect::Endpoint;
use restage_pgcopy::copy::{self, Filling, Inherited, Keeping, Route};
use restage_pgcopy::mask::MaskKey;
use restage_pgcopy::tools::Tools;
use secrecy::ExposeSecret;

/// Sessions on the source that a copy needs at least where another process keeps the snapshot: one of that, two of its own.
const LEAST_SESSIONS_WITH_A_KEEPER: u16 = 3;

/// Copies production into the shadow. Where that succeeds, a keeper is left for the caller to end once the receipt is kept:
/// between the ledger's end and the receipt, a crash means filling anew.
pub(super) async fn fill(servers: &Servers, spec: &FillSpec, setting: &Setting) -> Result<Filled> {
    let (run, shadow) = (&spec.run, spec.shadow.get());
    let mask_key = mask_key(servers, spec.carried.mask_secret.as_ref()).await?;
    let source = servers.endpoint(&spec.source).await?;
    let tools = tools(servers, &spec.source, &spec.target).await?;
    let target = servers.archives().now(&servers.read(&spec.target).await?, &tools, &setting.stop).await.map_err(told)?;
    let (kept, why_not) = match keep(setting, &source, spec).await? {
        Keep::Another(kept) => (Some(kept), None),
        Keep::Itself(why) => (None, why),
    };
    let place = servers.endpoint(shadow).await?;
    let notes = ready(servers, spec, kept.as_ref(), &place).await?;
    let maintenance = servers.maintain(shadow, &Caller::run(run)).await?;
    shadow::set_role(&maintenance, shadow, run, Role::Filling).await?;
    let filling = Filling {
        carried: &spec.carried,
        keeping: kept.as_ref().map_or(Keeping::Itself, |kept| Keeping::Another(&kept.snapshot)),
        inherited: &Inherited::from_archive(&target),
        mask_key: mask_key.as_ref(),
        tools: &tools,
        archives: servers.archives(),
        stop: &setting.stop,
        reporter: &setting.reporter,
    };
    let route = Route { source, target: place };
    let copying: BoxFuture<'_, _> = Box::pin(copy::fill(&route, &filling));
    let copied = copying.await;
    if copied.as_ref().is_err_and(|error| !can_be_gone_on_after(error.kind)) {
        end_keeper(&setting.folder).await?;
    }
    let mut filled = copied.map_err(told)?;
    let origin = Origin { source: filled.source.clone(), data_at: filled.snapshot_at };
    let marked = shadow::set_role(&maintenance, shadow, run, Role::Filled(origin)).await;
    if marked.is_err() {
        // There is nothing left to go on with.
        end_keeper(&setting.folder).await?;
    }
    marked?;
    filled.notes.extend(notes);
    filled.notes.extend(why_not.map(|why| {
        format!("no other process could keep the snapshot of this copy, which would have begun anew had it broken off: {why}")
    }));
    Ok(filled)
}

/// Has the snapshot kept by another process, unless there are too few sessions for that.
async fn keep(setting: &Setting, source: &Endpoint, spec: &FillSpec) -> Result<Keep> {
    let sessions = spec.carried.limits.source_connections;
    let keepers = match sessions {
        Some(sessions) if sessions.get() < LEAST_SESSIONS_WITH_A_KEEPER => &Keepers::None,
        _ => &setting.keepers,
    };
    keepers.keep(&setting.folder, source, spec, &setting.stop).await
}

/// Leaves the shadow as it is if the copy can be gone on with, else makes it empty. Returns notes.
async fn ready(servers: &Servers, spec: &FillSpec, kept: Option<&Kept>, place: &Endpoint) -> Result<Vec<String>> {
    if let Some(kept) = kept
        && let Some(notes) = shadow::left_filling(servers, &spec.target, &spec.shadow, &spec.run).await?
        && copy::can_go_on(place, &kept.snapshot).await.map_err(told)?
    {
        return Ok(notes);
    }
    shadow::ensure_empty(servers, &spec.target, &spec.shadow, &spec.run).await
}

/// Whether the next attempt may well get further: what has failed may pass, or the work was only to stop, which leaves it to
/// whoever stopped it what becomes of it.
fn can_be_gone_on_after(kind: Kind) -> bool {
    kind == Kind::Interrupted || kind.may_pass() && kind != Kind::SnapshotLost
}

/// The shortest secret that masks are made with, in bytes: shorter ones can be tried through.
const MASK_SECRET_BYTES_MIN: usize = 16;

/// The key of the masks, if there is one; a secret that is too short is refused.
pub(super) async fn mask_key(servers: &Servers, reference: Option<&SecretRef>) -> Result<Option<MaskKey>> {
    let Some(reference) = reference else { return Ok(None) };
    let secret = servers.secrets().resolve(reference).await?;
    let length = secret.expose_secret().len();
    if length < MASK_SECRET_BYTES_MIN {
        let error = Code::SecretUnavailable.error(format!("the secret that `mask-secret:` names has only {length} bytes"));
        return Err(error.help(format!("give it at least {MASK_SECRET_BYTES_MIN} random ones, the same for every run")));
    }
    MaskKey::new(secret.expose_secret().as_bytes()).map(Some).map_err(told)
}

/// PostgreSQL's programs as they were chosen for the plan, so that the same structure has the same digest.
pub(super) async fn tools(servers: &Servers, source: &DatabaseAddress, target: &DatabaseAddress) -> Result<Tools> {
    let (source, target) = (servers.read(source).await?.major(), servers.read(target).await?.major());
    // What reads both servers: the plan refuses a source that is newer than the target.
    Tools::find(source.max(target), target).map_err(told)
}
