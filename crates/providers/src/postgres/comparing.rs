//! Comparing a shadow with what it should be.

use super::servers::Servers;
use super::surviving;
use super::trouble::told;
use super::work::Setting;
use futures::future::BoxFuture;
use restage_core::Result;
use restage_core::provider::{Against, Verified, VerifySpec};
use restage_pgcopy::keep::Follow;
use restage_pgcopy::{catalog, verify};
use std::num::NonZeroUsize;

/// Sessions that count at the same time; more than the server has cores do not help.
const COUNTING_SESSIONS: NonZeroUsize = NonZeroUsize::new(2).expect("2 is not 0");

/// Fails on any difference.
pub(super) fn compare<'a>(servers: &'a Servers, spec: &'a VerifySpec, setting: &'a Setting) -> BoxFuture<'a, Result<Verified>> {
    Box::pin(async move {
        let shadow = spec.shadow.get();
        match &spec.against {
            Against::Copy(filled) => {
                let shadow = servers.endpoint(shadow).await?;
                verify::rows(&shadow, filled, COUNTING_SESSIONS, &setting.stop).await.map_err(told)
            }
            Against::Origins { source, target, surviving } => {
                let (source, target) = (servers.read(source).await?, servers.read(target).await?);
                let shadow = servers.read(shadow).await?;
                let schema = catalog::read(target.reader()).await.map_err(told)?;
                let kept = surviving::tables(surviving, &schema, Follow::Referring);
                let accepted = verify::shortcomings(source.reader()).await.map_err(told)?;
                Box::pin(verify::whole(&shadow, &target, &kept, &accepted, &setting.stop)).await.map_err(told)
            }
        }
    })
}
