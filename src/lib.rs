//! `dq` checks data and schemas against rules written in DQDL.
pub mod check;
pub mod comparison;
pub mod diagnostic;
pub mod dqdl;
pub mod error;
pub mod input;
pub mod intervals;
pub mod metrics;
pub mod plan;
pub mod rules;
pub mod scan;
pub mod span;
pub mod sql;
pub mod text_cast;
pub mod value;
pub mod verdict;
