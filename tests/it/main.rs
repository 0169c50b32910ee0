//! The whole product with the sandbox around it: recorded calls, faults, bad input, the real binary.
#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod admin_command;
mod bad_input;
mod binary;
mod canaries;
mod children_killed;
mod doctor;
mod heard_truth;
mod import_env;
mod invariants;
mod keys_command;
mod live_control;
mod mailbox_of_environment;
mod nodes_on_a_bus;
mod one_conversation;
mod opus_recording;
mod outage;
mod provider_faults;
mod recorded_calls;
mod store_command;
mod support;
mod tidy;
mod tones;
mod two_tenants;
mod webhooks_killed;
mod who_answers;
