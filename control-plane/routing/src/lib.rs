//! Decides who answers a call, and says so in TwiML.
