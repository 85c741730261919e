//! One queue of Amazon SQS, found and ready to be asked.

use crate::aws::{Kind, Trouble};
use aws_sdk_sqs::Client;
use aws_sdk_sqs::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_sqs::types::QueueAttributeName;
use restage_core::provider::queue::{Count, Receipt, SqsName};
use restage_core::{Code, Error, Result};
use serde_json::Value;

/// A queue and the client that reaches it.
pub(super) struct Door {
    client: Client,
    name: SqsName,
    url: String,
}

/// What a queue says of itself.
pub(super) struct Around {
    pub(super) count: Count,
    /// After so many receptions the queue moves a message to another one.
    pub(super) receptions: Option<i64>,
}

impl Door {
    pub(super) fn new(client: Client, name: SqsName, url: String) -> Self {
        Self { client, name, url }
    }

    /// Finds the URL of a queue that is known by name.
    pub(super) async fn find(client: Client, name: SqsName) -> Result<Self> {
        if let SqsName::Url(url) = &name {
            let url = url.clone();
            return Ok(Self::new(client, name, url));
        }
        let mut door = Self::new(client, name, String::new());
        let answer = door.client.get_queue_url().queue_name(door.name.name()).send().await;
        let url = answer.map_err(|error| door.refused(&error, "found"))?.queue_url;
        door.url = url.ok_or_else(|| door.missing())?;
        Ok(door)
    }

    pub(super) fn client(&self) -> &Client {
        &self.client
    }

    pub(super) fn name(&self) -> &SqsName {
        &self.name
    }

    pub(super) fn url(&self) -> &str {
        &self.url
    }

    pub(super) async fn look_around(&self) -> Result<Around> {
        let wanted = [
            QueueAttributeName::ApproximateNumberOfMessages,
            QueueAttributeName::ApproximateNumberOfMessagesNotVisible,
            QueueAttributeName::ApproximateNumberOfMessagesDelayed,
            QueueAttributeName::RedrivePolicy,
        ];
        let request = self.client.get_queue_attributes().queue_url(&self.url);
        let answer = request.set_attribute_names(Some(wanted.into())).send().await;
        let told = answer.map_err(|error| self.refused(&error, "counted"))?.attributes.unwrap_or_default();
        // A number that is not there must not be taken for none.
        let count = |name: QueueAttributeName| {
            let number = told.get(&name).and_then(|text| text.parse::<u64>().ok());
            number.ok_or_else(|| {
                Code::QueueForbidden.error(format!("the queue `{}` does not say how many messages it has", self.name.name()))
            })
        };
        Ok(Around {
            count: Count {
                waiting: count(QueueAttributeName::ApproximateNumberOfMessages)?,
                in_flight: count(QueueAttributeName::ApproximateNumberOfMessagesNotVisible)?,
                delayed: count(QueueAttributeName::ApproximateNumberOfMessagesDelayed)?,
            },
            receptions: told.get(&QueueAttributeName::RedrivePolicy).and_then(|policy| max_receptions(policy)),
        })
    }

    pub(super) async fn delete(&self, receipt: &Receipt) -> Result<()> {
        let request = self.client.delete_message().queue_url(&self.url).receipt_handle(&receipt.0);
        request.send().await.map(drop).map_err(|error| self.refused(&error, "emptied"))
    }

    /// The error for a request that failed.
    pub(super) fn refused<E, R>(&self, error: &SdkError<E, R>, done: &str) -> Error
    where
        E: ProvideErrorMetadata + std::error::Error + 'static,
        R: std::fmt::Debug + 'static,
    {
        let (trouble, name) = (Trouble::of(error), self.name.name());
        match trouble.kind {
            Kind::Missing => self.missing().because(trouble),
            Kind::UnknownCaller => trouble.of_aws(&format!("use the queue `{name}`")),
            Kind::Unreachable => Code::QueueUnreachable
                .error(format!("the queue `{name}` cannot be reached"))
                .help("check region, endpoint, proxy and network from this machine, for example with `aws sqs list-queues`")
                .because(trouble)
                .passing(),
            Kind::Forbidden | Kind::Other => Code::QueueForbidden
                .error(format!("the queue `{name}` cannot be {done}"))
                .help("the cause is AWS's own and names what is missing; `aws sts get-caller-identity` says who asks")
                .because(trouble),
        }
    }

    fn missing(&self) -> Error {
        Code::QueueMissing
            .error(format!("there is no queue `{}` in this account and region", self.name.name()))
            .help("check the name, the region and the account; FIFO queues end with `.fifo`")
    }
}

/// `{"deadLetterTargetArn": …, "maxReceiveCount": 3}`, where the number may be text.
fn max_receptions(policy: &str) -> Option<i64> {
    let policy: Value = serde_json::from_str(policy).ok()?;
    let number = policy.get("maxReceiveCount")?;
    number.as_i64().or_else(|| number.as_str()?.parse().ok())
}
