//! Amazon Web Services: who asks, where, and how long an answer may take. Every client is made here.
//!
//! Region and credentials come from where AWS's own tools take them, unless a file says otherwise: variables, `~/.aws`, the
//! role of an instance or a container.

mod trouble;
mod identity;
mod parameters;

pub use identity::CallerIdentity;
pub use parameters::{ParameterValue, ParameterValues, Parameters, Wanted};
pub(crate) use trouble::{Kind, Trouble};

use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_sqs::config::{Credentials, SharedCredentialsProvider};
use aws_smithy_http_client::{Builder, tls};
use restage_core::environment::AwsPlace;
use restage_core::{Code, Result};
use secrecy::{ExposeSecret, SecretString};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Mutex;

/// How long reaching AWS may take.
const CONNECT_LIMIT: Duration = Duration::from_secs(5);
/// How long one attempt of a request may take; waiting for messages comes on top.
pub(crate) const ATTEMPT_LIMIT: Duration = Duration::from_secs(10);
/// How long a request may take with all its attempts.
pub(crate) const REQUEST_LIMIT: Duration = Duration::from_mins(1);
/// How often a request is tried: the SDK repeats what AWS says may pass.
const MAX_ATTEMPTS: u32 = 4;
/// The longest pause between two attempts.
const MAX_PAUSE: Duration = Duration::from_secs(5);

/// Access to AWS; by default as whoever this machine is set up for.
#[derive(Clone, Default)]
pub struct Aws {
    credentials: Option<SharedCredentialsProvider>,
    /// Finding a region and credentials can take seconds, so each place is found once.
    configured: Arc<Mutex<BTreeMap<AwsPlace, SdkConfig>>>,
}

impl Aws {
    /// Asks with these keys, whatever this machine is set up for.
    pub fn with_keys(access_key: &str, secret_key: &SecretString) -> Self {
        let credentials = Credentials::new(access_key, secret_key.expose_secret(), None, None, "keys that were given");
        Self { credentials: Some(SharedCredentialsProvider::new(credentials)), ..Self::default() }
    }

    /// What clients for that place are made from; [`Code::AwsRefused`] where nobody says which region it is.
    pub(crate) async fn config(&self, place: &AwsPlace) -> Result<SdkConfig> {
        let mut configured = self.configured.lock().await;
        if let Some(known) = configured.get(place) {
            return Ok(known.clone());
        }
        let config = self.load(place).await;
        if config.region().is_none() {
            let help = "write `region:` beside it, set `AWS_REGION`, or set a region in `~/.aws/config`";
            return Err(Code::AwsRefused.error("nobody says which region of AWS is meant").help(help));
        }
        configured.insert(place.clone(), config.clone());
        Ok(config)
    }

    async fn load(&self, place: &AwsPlace) -> SdkConfig {
        let http = Builder::new().tls_provider(tls::Provider::Rustls(tls::rustls_provider::CryptoMode::Ring)).build_https();
        let timeouts = TimeoutConfig::builder()
            .connect_timeout(CONNECT_LIMIT)
            .operation_attempt_timeout(ATTEMPT_LIMIT)
            .operation_timeout(REQUEST_LIMIT)
            .build();
        let retries = RetryConfig::standard().with_max_attempts(MAX_ATTEMPTS).with_max_backoff(MAX_PAUSE);
        let mut loader =
            aws_config::defaults(BehaviorVersion::v2026_01_12()).http_client(http).timeout_config(timeouts).retry_config(retries);
        if let Some(region) = &place.region {
            loader = loader.region(Region::new(region.to_string()));
        }
        if let Some(endpoint) = &place.endpoint {
            loader = loader.endpoint_url(endpoint.as_str());
        }
        if let Some(credentials) = &self.credentials {
            loader = loader.credentials_provider(credentials.clone());
        }
        loader.load().await
    }
}

impl std::fmt::Debug for Aws {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Aws")
    }
}
