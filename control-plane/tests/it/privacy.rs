//! What is kept of a person: exported whole, erased without a trace but for what the receipt names, also if the process is killed in
//! between; and what ends by itself. The other person, and the other tenant, keep all that is theirs.

mod erased;
mod exported;
mod killed;
mod retained;
mod traces;
mod world;
