#![doc = include_str!("../README.md")]
#![deny(unsafe_code)]

pub mod agc;
pub mod call_progress;
pub mod chain;
pub mod comfort_noise;
pub mod dtmf;
pub mod g711;
pub mod gain;
mod goertzel;
mod instruction_set;
mod kernels;
pub mod level;
pub mod limiter;
pub mod mix;
pub mod resample;
mod sine;
pub mod stereo;
#[cfg(test)]
mod test_audio;
pub mod tone;
pub mod vad;

pub use instruction_set::InstructionSet;
