//! Creates the database that will replace the target.

use super::Cx;
use super::action::{About, Action};
use crate::environment::DatabaseAddress;
use crate::error::Result;
use crate::facts::Identity;
use crate::name::RunId;
use crate::plan::How;
use crate::provider::{Own, Place, ShadowSpec, Stay};
use serde::{Deserialize, Serialize};

/// Creates the shadow beside its target: same owner, encoding, locale and settings.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CreateShadow {
    /// The database it will replace.
    pub target: DatabaseAddress,
    /// The target's identity when the plan was made.
    pub target_identity: Identity,
    /// The digest of the target's structure when the plan was made.
    pub target_structure: String,
}

impl CreateShadow {
    fn shadow(&self, run: &RunId) -> DatabaseAddress {
        Place::Shadow(self.target.clone()).address(run)
    }
}

impl Action for CreateShadow {
    type Receipt = Own<DatabaseAddress>;
    fn about(&self) -> About {
        About::new(format!("create a shadow of `{}`", self.target.database))
            .effect(How::Creates, format!("a database beside {}", self.target))
    }
    async fn run(&self, cx: &Cx<'_>) -> Result<Self::Receipt> {
        let spec = ShadowSpec {
            target: self.target.clone(),
            shadow: self.shadow(&cx.run),
            target_identity: self.target_identity.clone(),
            target_structure: self.target_structure.clone(),
        };
        cx.providers.databases.ensure_shadow(&spec, &cx.run).await
    }
    async fn undo(&self, cx: &Cx<'_>, _: Option<Self::Receipt>) -> Result<()> {
        match cx.providers.databases.find_own(&self.shadow(&cx.run), &cx.run).await? {
            Some(shadow) => cx.providers.databases.ensure_dropped(shadow, Stay::ToTheEnd).await.map(drop),
            None => Ok(()),
        }
    }
    fn by_hand(&self, run: &RunId) -> Vec<String> {
        let shadow = self.shadow(run);
        vec![format!("drop the shadow if it is there: `drop database if exists \"{}\"` on {}", shadow.database, shadow.endpoint)]
    }
}
