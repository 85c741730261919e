//! PostgreSQL servers: shadows, swaps, refreshes in place, SQL, marks and observation.

mod servers;
mod trouble;
mod mark;
mod migrating;
mod listing;
mod attributes;
mod dropping;
mod sessions;
mod subscriptions;
mod shadow;
mod swap;
mod fill;
mod surviving;
mod comparing;
mod in_place;
mod statements;
mod sql;
pub(crate) mod transaction;
pub(crate) mod work;
mod lease;
mod gather;
pub(crate) mod examining;

pub use gather::gather;
pub use lease::TargetMark;
pub use mark::{Comment, Mark, Origin, Role, Swap};
pub use servers::{Caller, Servers};
pub use trouble::told;

pub(crate) use statements::expect_one_harmless;

use crate::migrator::Access;
use restage_core::Result;
use restage_core::environment::DatabaseAddress;
use restage_core::name::RunId;
use restage_core::provider::{Databases, Gone, MigrateSpec, Migrated, Own, ShadowSpec, Stay, SwapSpec, Swapped};

/// What a database has of some scripts, without touching it.
pub(crate) async fn observed(access: &Access, spec: &MigrateSpec) -> Result<Migrated> {
    migrating::observed(access, spec).await
}

/// Databases on PostgreSQL servers.
#[derive(Clone, Debug)]
pub struct Postgres {
    access: Access,
    shelter: swap::Shelter,
}

impl Postgres {
    /// Reaches servers, and what scripts refer to, through these.
    pub fn new(access: Access) -> Self {
        Self { access, shelter: swap::Shelter::default() }
    }
    /// The connections.
    pub fn servers(&self) -> &Servers {
        &self.access.servers
    }
    /// The connections, and what else scripts of migrations refer to.
    pub fn access(&self) -> &Access {
        &self.access
    }
    /// Waits until swaps whose caller is gone have let others in again.
    pub async fn settle_swaps(&self) {
        self.shelter.left().await;
    }
}

#[async_trait::async_trait]
impl Databases for Postgres {
    async fn ensure_shadow(&self, spec: &ShadowSpec, run: &RunId) -> Result<Own<DatabaseAddress>> {
        shadow::ensure(self.servers(), spec, run).await
    }
    async fn find_own(&self, address: &DatabaseAddress, run: &RunId) -> Result<Option<Own<DatabaseAddress>>> {
        shadow::find_own(self.servers(), address, run).await
    }
    async fn ensure_dropped(&self, database: Own<DatabaseAddress>, stay: Stay) -> Result<Gone> {
        shadow::ensure_dropped(self.servers(), database.get(), stay).await
    }
    async fn swap(&self, spec: &SwapSpec, run: &RunId) -> Result<Swapped> {
        swap::swap(self.servers(), &self.shelter, spec, run).await
    }
    async fn swap_back(&self, spec: &SwapSpec, run: &RunId) -> Result<()> {
        swap::swap_back(self.servers(), &self.shelter, spec, run).await
    }
    async fn was_refreshed_by(&self, address: &DatabaseAddress, run: &RunId) -> Result<bool> {
        in_place::was_refreshed_by(self.servers(), address, run).await
    }
}
