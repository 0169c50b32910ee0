#![doc = include_str!("../README.md")]
#![deny(unsafe_code)]

pub mod chain;
pub mod g711;
mod instruction_set;
mod kernels;
pub mod level;
pub mod mix;
pub mod resample;
pub mod stereo;
pub mod vad;

pub use instruction_set::InstructionSet;
