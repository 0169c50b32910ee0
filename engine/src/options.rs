//! Every timer, queue and limit of a call, with its default, unit and reason.
