//! `dq` checks data and schemas against rules written in DQDL.
pub mod comparison;
pub mod diagnostic;
pub mod dqdl;
pub mod intervals;
pub mod metrics;
pub mod span;
pub mod value;
