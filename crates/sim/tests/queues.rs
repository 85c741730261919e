//! The queues in memory keep to what every queue must, with and without faults.

#![cfg(test)]

use futures::executor::block_on;
use restage_core::provider::queue::{LocalQueue, Queue};
use restage_sim::queues::{QueueFaults, SimQueues, keeps_its_promises};

fn queue() -> Queue {
    Queue::Local(LocalQueue::parse("test-migrator").unwrap())
}

#[test]
fn queues_without_faults_keep_their_promises() {
    block_on(keeps_its_promises(&SimQueues::new(0, QueueFaults::None), &queue()));
}

#[test]
fn queues_that_reorder_repeat_and_delay_keep_their_promises() {
    for seed in 0..200 {
        let queues = SimQueues::new(seed, QueueFaults::All);
        let kept = std::panic::catch_unwind(|| block_on(keeps_its_promises(&queues, &queue())));
        assert!(kept.is_ok(), "seed {seed}");
    }
}
