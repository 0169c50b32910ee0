//! What calls cost: price book, usage and budgets.
