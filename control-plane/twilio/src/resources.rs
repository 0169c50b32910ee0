//! Twilio's resources: what is asked for and what comes back. Only documented fields are kept.

pub(crate) mod accounts;
pub(crate) mod applications;
pub(crate) mod balance;
pub(crate) mod calls;
pub(crate) mod conferences;
pub(crate) mod keys;
pub(crate) mod messages;
pub(crate) mod numbers;
pub(crate) mod participants;
pub(crate) mod queues;
pub(crate) mod recordings;
