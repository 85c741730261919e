//! Something that stands in for AWS, and ways to put things into it that do not go through the product.

use aws_sdk_sqs::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_sqs::types::QueueAttributeName;
use aws_sdk_ssm::types::ParameterType;
use aws_smithy_http_client::Builder;
use restage_core::environment::{AwsEndpoint, AwsPlace, AwsRegion};
use restage_core::provider::queue::{Outgoing, Queue, SqsName, SqsQueue};
use restage_core::signal::{HostName, MigratorId, ProcessId, Signal};
use restage_lab::aws::{ACCESS_KEY, REGION, SECRET_KEY};
use restage_providers::aws::Aws;

pub(crate) struct Cloud {
    server: restage_lab::aws::Aws,
    pub(crate) sqs: aws_sdk_sqs::Client,
    pub(crate) ssm: aws_sdk_ssm::Client,
}

impl Cloud {
    pub(crate) fn start() -> Self {
        let server = restage_lab::aws::Aws::start().unwrap_or_else(|error| panic!("{error}: {:?}", error.help()));
        let (version, http) = (BehaviorVersion::v2026_01_12(), Builder::new().build_http());
        let keys = Credentials::new(ACCESS_KEY, SECRET_KEY, None, None, "a test");
        let sqs = aws_sdk_sqs::Config::builder().behavior_version(version).http_client(http.clone());
        let sqs = sqs.region(Region::new(REGION)).endpoint_url(server.endpoint()).credentials_provider(keys.clone()).build();
        let ssm = aws_sdk_ssm::Config::builder().behavior_version(version).http_client(http);
        let ssm = ssm.region(Region::new(REGION)).endpoint_url(server.endpoint()).credentials_provider(keys).build();
        Self { server, sqs: aws_sdk_sqs::Client::from_conf(sqs), ssm: aws_sdk_ssm::Client::from_conf(ssm) }
    }

    pub(crate) fn place(&self) -> AwsPlace {
        let endpoint = AwsEndpoint::parse(&self.server.endpoint()).unwrap();
        AwsPlace { region: Some(AwsRegion::parse(REGION).unwrap()), endpoint: Some(endpoint) }
    }

    pub(crate) fn named(&self, name: &str) -> Queue {
        Queue::Sqs(SqsQueue::new(SqsName::parse(name).unwrap(), self.place()))
    }

    /// Makes a queue with these attributes, FIFO if its name says so, and returns its URL.
    pub(crate) async fn make(&self, name: &str, attributes: &[(QueueAttributeName, &str)]) -> String {
        let mut request = self.sqs.create_queue().queue_name(name);
        if SqsName::parse(name).unwrap().is_fifo() {
            request = request.attributes(QueueAttributeName::FifoQueue, "true");
        }
        for (key, value) in attributes {
            request = request.attributes(key.clone(), *value);
        }
        request.send().await.unwrap().queue_url.unwrap()
    }

    pub(crate) async fn put(&self, name: &str, kind: ParameterType, value: &str) {
        self.ssm.put_parameter().name(name).r#type(kind).value(value).send().await.unwrap();
    }
}

pub(crate) fn aws() -> Aws {
    Aws::with_keys(ACCESS_KEY, &SECRET_KEY.to_owned().into())
}

/// A message that says which one it is.
pub(crate) fn message(number: i64) -> Outgoing {
    let migrator = MigratorId { host: HostName("h".into()), pid: ProcessId(1), started: jiff::Timestamp::UNIX_EPOCH };
    Outgoing::of(&Signal::Unknown(format!("message {number}")), &migrator, jiff::Timestamp::from_second(number).unwrap())
}
