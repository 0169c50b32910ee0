//! The engine's ports, as the control plane serves them.

pub(crate) mod admissions;
pub(crate) mod control;
pub(crate) mod log;
pub(crate) mod own_tools;
pub(crate) mod record;
pub(crate) mod tools;
