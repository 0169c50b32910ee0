//! Tells customers' own servers what happened: signed, retried, and never sent into the own network.
