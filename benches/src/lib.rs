//! Criterion benches, and the floor that the load generator compares against.

pub mod echo_floor;
