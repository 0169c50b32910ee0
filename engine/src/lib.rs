//! A live phone call: one supervised actor tree per call, around deciders that are plain, synchronous state
//! machines.
//!
//! - [`ports`]: what the engine needs from the world above it.
//! - [`options`]: every timer, queue and limit, with its default, unit and reason.
//! - [`call`]: the actors and the deciders of one call.
//! - [`stt`], [`llm`], [`tts`]: the provider traits and the clients that implement them.
//! - [`log_limit`]: a bound for log lines that strangers cause.
//! - [`twilio`]: the Media Streams wire format and server.
//!
//! The engine knows nothing of SQL, REST or tenants' settings; what it must know of a call comes in a
//! [`ports::CallPlan`].

pub mod call;
pub mod engine;
pub mod ids;
pub mod llm;
pub mod log_limit;
pub mod options;
pub mod ports;
pub mod provider;
pub mod stt;
pub mod tts;
pub mod twilio;
