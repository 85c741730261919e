//! Kept rows on real servers: what is found beforehand, what is carried over, and what is refused.

#![cfg(test)]

#[path = "keep/world.rs"]
mod world;

#[path = "keep/added.rs"]
mod added;

#[path = "keep/people.rs"]
mod people;

#[path = "keep/shapes.rs"]
mod shapes;

#[path = "keep/inplace.rs"]
mod inplace;

#[path = "keep/model.rs"]
mod model;
