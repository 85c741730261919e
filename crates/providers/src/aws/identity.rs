//! Who asks.

use super::{Aws, Trouble};
use restage_core::Result;
use restage_core::environment::AwsPlace;
use serde::Serialize;
use std::fmt;

/// Whom AWS takes this process for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CallerIdentity {
    /// The number of the account.
    pub account: String,
    /// The user or role, as an ARN.
    pub arn: String,
}

impl Aws {
    /// Whom AWS takes this process for.
    pub async fn caller(&self, place: &AwsPlace) -> Result<CallerIdentity> {
        let client = aws_sdk_sts::Client::new(&self.config(place).await?);
        let answer = client.get_caller_identity().send().await;
        let told = answer.map_err(|error| Trouble::of(&error).of_aws("ask who is asking"))?;
        let text = |part: Option<&str>| part.unwrap_or("nobody").to_owned();
        Ok(CallerIdentity { account: text(told.account()), arn: text(told.arn()) })
    }
}

impl fmt::Display for CallerIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` in account {}", self.arn, self.account)
    }
}
