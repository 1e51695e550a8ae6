//! `dq` checks data and schemas against rules written in DQDL.
pub mod comparison;
pub mod diagnostic;
pub mod dqdl;
pub mod error;
pub mod intervals;
pub mod metrics;
pub mod plan;
pub mod rules;
pub mod span;
pub mod sql;
pub mod value;
