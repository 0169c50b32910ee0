//! The crate from the outside: what went in comes back, whatever happens to the file in between.

mod damage;
mod independent;
mod round_trip;
mod seek;
mod support;
