//! Criterion benches, the floor that the load generator compares against, and speech in noise to measure with.

pub mod echo_floor;
pub mod speech_corpus;
