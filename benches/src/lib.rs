//! Criterion benches, the floor that the load generator compares against, speech in noise to measure with, and a server to measure.

pub mod echo_floor;
pub mod served;
pub mod speech_corpus;
pub mod tenants;
