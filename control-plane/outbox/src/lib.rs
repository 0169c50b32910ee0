//! The outbox: what was accepted is stored with its message, so it survives a power cut, is sent, and is sent once as far as the
//! provider's API allows.
//!
//! - [`accept`] stores a message with the work of sending it, in the unit of work of whoever accepts it.
//! - [`Outbox`] takes what is due from each tenant in turn, in lanes that do not wait for each other, and carries out what the
//!   decider ([`messaging::dispatch`]) wants. A provider is never called within a unit of work: a try is written before its call and
//!   its outcome after it, so that whoever is killed in between finds a try of which nobody knows what came.
//! - [`Outbox::told`] takes in what providers tell of tries.
//! - [`Channels`] is all that it needs of the outside: routes, calls, questions.

mod accept;
mod batches;
mod book;
mod carry_out;
mod channels;
mod convert;
mod effects;
mod lanes;
mod outgoing;
mod pace;
mod rows;
mod told;
mod world;

pub use accept::{AcceptError, Accepted, NewMessage, accept, accept_answer_to_keyword};
pub use batches::{CHUNK, MESSAGES_AHEAD};
pub use book::{Book, Faring};
pub use channels::{Alert, Answered, Channels, Hours, Parcel, Question, Route, Sent, Setup, Used};
pub use convert::{channel_of, channel_to, status_to};
pub use lanes::{Clock, LaneOptions, Outbox, OutboxOptions};
pub use outgoing::{Lane, Outgoing, Text, To};
pub use rows::note_consent;
pub use told::Tidings;
pub use world::{Facts, reaches};
