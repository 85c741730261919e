//! Queues in Amazon SQS.

use crate::cloud::{Cloud, aws, message};
use aws_sdk_sqs::types::QueueAttributeName;
use restage_core::Code;
use restage_core::environment::AwsPlace;
use restage_core::provider::Queues;
use restage_core::provider::queue::{Queue, Sight, SqsName, SqsQueue};
use restage_providers::queues::SqsQueues;
use restage_sim::queues::keeps_its_promises;
use std::time::Duration;

#[tokio::test]
async fn standard_and_fifo_queues_keep_their_promises_by_name_and_by_url() {
    let cloud = Cloud::start();
    let queues = SqsQueues::new(aws());
    cloud.make("test-migrator", &[]).await;
    let fifo = cloud.make("test-migrator.fifo", &[]).await;
    keeps_its_promises(&queues, &cloud.named("test-migrator")).await;
    // The URL says where it is, and the region has to come from somewhere.
    let by_url = SqsName::parse(&fifo).unwrap();
    let place = AwsPlace { region: cloud.place().region, endpoint: None };
    keeps_its_promises(&queues, &Queue::Sqs(SqsQueue::new(by_url, place))).await;
}

#[tokio::test]
async fn a_look_counts_what_it_cannot_see() {
    let cloud = Cloud::start();
    let (queues, queue) = (SqsQueues::new(aws()), cloud.named("q"));
    cloud.make("q", &[]).await;
    queues.send(&queue, &message(1)).await.unwrap();
    assert_eq!(queues.receive(&queue, Duration::ZERO).await.unwrap().len(), 1);
    queues.send(&queue, &message(2)).await.unwrap();
    let peeked = queues.peek(&queue).await.unwrap();
    let texts: Vec<&str> = peeked.messages.iter().map(|message| message.text.as_str()).collect();
    assert_eq!((texts, peeked.count.in_flight, peeked.sight()), (vec!["message 2"], 1, Sight::Part));
}

#[tokio::test]
async fn a_look_moves_nothing_into_a_dead_letter_queue() {
    let cloud = Cloud::start();
    let (queues, queue, dead) = (SqsQueues::new(aws()), cloud.named("q"), cloud.named("dead"));
    cloud.make("dead", &[]).await;
    let policy = r#"{"deadLetterTargetArn":"arn:aws:sqs:us-east-1:123456789012:dead","maxReceiveCount":3}"#;
    cloud.make("q", &[(QueueAttributeName::RedrivePolicy, policy)]).await;
    queues.send(&queue, &message(1)).await.unwrap();
    assert_eq!(queues.peek(&queue).await.unwrap().messages.len(), 1);
    let received = queues.receive(&queue, Duration::ZERO).await.unwrap();
    assert_eq!((received.len(), queues.count(&dead).await.unwrap().total()), (1, 0));
}

#[tokio::test]
async fn messages_of_one_group_beyond_the_first_ten_are_known_to_be_unseen() {
    let cloud = Cloud::start();
    let (queues, queue) = (SqsQueues::new(aws()), cloud.named("q.fifo"));
    let url = cloud.make("q.fifo", &[]).await;
    for number in 0..12 {
        let request = cloud.sqs.send_message().queue_url(&url).message_body(format!("message {number}"));
        request.message_group_id("the migrator").message_deduplication_id(number.to_string()).send().await.unwrap();
    }
    let peeked = queues.peek(&queue).await.unwrap();
    assert_eq!((peeked.messages.len(), peeked.count.total(), peeked.sight()), (10, 12, Sight::Part));
    assert_eq!(queues.receive(&queue, Duration::ZERO).await.unwrap().len(), 10, "they are shown to others again");
}

#[tokio::test]
async fn a_queue_that_is_not_there_is_named() {
    let cloud = Cloud::start();
    let queues = SqsQueues::new(aws());
    for name in ["missing", "http://127.0.0.1:1/123456789012/missing"] {
        let error = queues.count(&cloud.named(name)).await.unwrap_err();
        assert_eq!(
            (error.code, error.message.as_str()),
            (Code::QueueMissing, "there is no queue `missing` in this account and region")
        );
    }
}

#[tokio::test]
async fn a_service_that_does_not_answer_is_told_from_a_missing_queue() {
    let endpoint = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        format!("http://{}/123456789012/q", listener.local_addr().unwrap())
    };
    let place = AwsPlace { region: Some(restage_core::environment::AwsRegion::parse("us-east-1").unwrap()), endpoint: None };
    let queue = Queue::Sqs(SqsQueue::new(SqsName::parse(&endpoint).unwrap(), place));
    let error = SqsQueues::new(aws()).send(&queue, &message(1)).await.unwrap_err();
    assert_eq!((error.code, error.retry), (Code::QueueUnreachable, true));
}
