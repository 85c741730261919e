//! What a store promises, on real files, with other processes at it.

#![cfg(test)]

mod ground;

mod crash;
mod fixes;
mod journal;
mod lease;
mod logs;
mod mailbox;
mod opening;
mod plans;
mod queues;
mod runs;
