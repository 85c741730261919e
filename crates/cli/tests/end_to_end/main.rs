//! restage as people use it: the binary, real servers, real files. The last line of defence, above the simulation's.

#![cfg(test)]

mod ailing;
mod look;
mod people;
mod play;
mod terminal;
mod truth;
mod world;

mod copy;
mod refresh;
mod drift;
mod in_place;
mod migrated;
mod migrated_aws;
mod deployments;
mod migrations;
mod migrator;
mod migrator_ended;
mod migrator_input;
mod migrator_aws;
mod diagnosed;
mod questions;
mod refusals;
mod trouble;
mod store;
mod kills;
mod keeper;
mod secrets;
mod versions;
mod gates;
mod stages;
mod turns;
mod swap;
mod unusual;
mod pages;
