//! What holds for every message, whatever happens to it.

mod rules;
mod universe;
