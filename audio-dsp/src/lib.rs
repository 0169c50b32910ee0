#![doc = include_str!("../README.md")]
#![deny(unsafe_code)]

pub mod chain;
pub mod g711;
pub mod level;
pub mod mix;
pub mod resample;
pub mod stereo;
pub mod vad;
