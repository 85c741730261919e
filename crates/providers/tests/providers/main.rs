//! What the providers promise, on real servers and processes.

#![cfg(test)]

mod site;
mod proxy;
mod pair;
mod cloud;

mod login;
mod shadow;
mod swap;
mod swap_crash;
mod fill;
mod keeper;
mod in_place;
mod gather;
mod sql;
mod lease;
mod command;
mod query;
mod queues;
mod parameters;
mod migrator;
mod observed;
mod diagnosis;
