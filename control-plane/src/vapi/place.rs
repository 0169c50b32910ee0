//! Asks Vapi to place a call.
