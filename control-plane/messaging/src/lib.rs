//! How a message reaches its person: by which channels and accounts, when, again or not, and in which words. Everything here is a
//! function of what it is given: nothing is read, waited for or kept elsewhere, so any decision can be made again and explained.
//!
//! - [`channel`], [`status`], [`failure`]: the words, and what follows from them.
//! - [`plan`]: which channels in which order, and which account of a channel first.
//! - [`dispatch`]: one message to one person, from its acceptance to its end.
//! - [`health`]: whether an account can be used.
//! - [`consent`], [`quiet`], [`phone`], [`segments`]: who wants it, at which hour, under which number, in how many parts.
//! - [`template`]: in which words.

pub mod channel;
pub mod consent;
pub mod dispatch;
pub mod failure;
pub mod health;
pub mod phone;
pub mod plan;
pub mod quiet;
pub mod segments;
pub mod status;
pub mod template;
pub mod words;

pub use channel::{Channel, MessageType};
pub use failure::{Failure, FailureClass};
pub use status::{Progress, Status};
