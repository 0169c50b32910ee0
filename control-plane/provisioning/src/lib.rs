//! Sets up tenants at the carrier, step by step, so that a crash at any step loses and buys nothing twice.
