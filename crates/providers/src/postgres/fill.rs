//! Filling a shadow.

use super::mark::{Origin, Role};
use super::servers::{Caller, Servers};
use super::shadow;
use super::trouble::told;
use super::work::Setting;
use futures::future::BoxFuture;
use restage_core::environment::{DatabaseAddress, SecretRef};
use restage_core::provider::{FillSpec, Filled};
use restage_core::{Code, Result};
use restage_pgcopy::copy::{self, Filling, Inherited, Route};
use restage_pgcopy::mask::MaskKey;
use restage_pgcopy::tools::Tools;
use secrecy::ExposeSecret;

/// Copies production into the shadow, which is made empty first.
pub(super) async fn fill(servers: &Servers, spec: &FillSpec, setting: &Setting) -> Result<Filled> {
    let (run, shadow) = (&spec.run, spec.shadow.get());
    let mask_key = mask_key(servers, spec.carried.mask_secret.as_ref()).await?;
    let source = servers.endpoint(&spec.source).await?;
    let tools = tools(servers, &spec.source, &spec.target).await?;
    let target = servers.archives().now(&servers.read(&spec.target).await?, &tools, &setting.stop).await.map_err(told)?;
    let notes = shadow::ensure_empty(servers, &spec.target, &spec.shadow, run).await?;
    let maintenance = servers.maintain(shadow, &Caller::run(run)).await?;
    shadow::set_role(&maintenance, shadow, run, Role::Filling).await?;
    let filling = Filling {
        carried: &spec.carried,
        inherited: &Inherited::from_archive(&target),
        mask_key: mask_key.as_ref(),
        tools: &tools,
        archives: servers.archives(),
        stop: &setting.stop,
        reporter: &setting.reporter,
    };
    let route = Route { source, target: servers.endpoint(shadow).await? };
    let copying: BoxFuture<'_, _> = Box::pin(copy::fill(&route, &filling));
    let mut filled = copying.await.map_err(told)?;
    let origin = Origin { source: filled.source.clone(), data_at: filled.snapshot_at };
    shadow::set_role(&maintenance, shadow, run, Role::Filled(origin)).await?;
    filled.notes.extend(notes);
    Ok(filled)
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
