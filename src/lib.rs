//! `dq` checks data against rules written in DQDL, the language of AWS Glue Data
//! Quality: text in, verdicts out.
//!
//! ```
//! use dq::check::{CheckOptions, Ruleset, Watch, check};
//! use dq::report::{Publication, Report};
//! use dq::rules::BindOptions;
//! use dq::verdict::Verdict;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let rules = r#"Rules = [ RowCount = 200, IsComplete "customer_id" ]"#;
//! let ruleset = Ruleset::parse(rules, &BindOptions::default()).accepted()?;
//!
//! let run = check(&ruleset, &["fixtures/data/customers.csv".into()], &CheckOptions::default(), Watch::default())?;
//! assert_eq!((run.verdict(), run.score), (Verdict::Pass, Some(1.0)));
//!
//! let json = Report::new(&run, &ruleset, "customers.dqdl", &Publication::default()).render("json")?;
//! assert!(json.contains("\"passed\": 2"));
//! # Ok(())
//! # }
//! ```
//!
//! # The way of a rule, and the map of rooms
//!
//! text → tokens → tree ([`dqdl`]) → bound rules ([`rules`]: registry and schema) → a set
//! of deduplicated metrics ([`plan`]) → one scan over Arrow batches ([`input`], [`scan`],
//! [`metrics`], predicates in [`sql`]) → observations → verdicts ([`verdict`]) → reports
//! ([`report`], with a [`scorecard`]) and to services ([`publish`]); checked rows go to files ([`sink`]), numbers of
//! runs to a [`history`], and the [`states`] of metrics to files of their own. [`check`](mod@check) is the only file that knows the whole order; `cli` the only room that
//! knows arguments, terminals and exit codes. [`checker`]
//! goes the same way with batches that are pushed instead of read; frames of Polars and of DataFusion are checked where
//! they are (`polars`, `datafusion`). Other crates add rule types ([`rules::register`]) and
//! [metrics](metrics::custom). Beside it, `compat` compares schemas with their earlier versions,
//! `records` judges records by a schema, and a `contract` says what belongs together.
//!
//! Four kinds of bad news stay apart: a mistake in the ruleset is a
//! [`diagnostic::Diagnostic`], a rule that failed or could not be evaluated is a
//! [`verdict::Outcome`], machine trouble is an [`error::Error`].

pub mod check;
pub mod checker;
#[cfg(feature = "cli")]
pub mod cli;
pub mod comparison;
#[cfg(feature = "contracts")]
pub mod compat;
#[cfg(feature = "contracts")]
pub mod contract;
#[cfg(feature = "datafusion")]
pub mod datafusion;
pub mod diagnostic;
pub mod dimension;
pub mod dqdl;
pub mod error;
mod guard;
pub mod history;
pub mod input;
pub mod intervals;
#[cfg(feature = "contracts")]
pub mod json_text;
pub mod links;
pub mod metrics;
pub mod plan;
#[cfg(feature = "polars")]
pub mod polars;
pub mod publish;
#[cfg(feature = "contracts")]
pub mod records;
pub mod redaction;
pub mod report;
pub mod rules;
pub mod sample;
pub mod scan;
pub mod scorecard;
pub mod sink;
pub mod span;
pub mod sql;
pub mod states;
pub mod text_cast;
pub mod unevaluated;
pub mod value;
pub mod verdict;

/// The code of the page about the library compiles.
#[cfg(all(doctest, feature = "cli", feature = "polars"))]
#[doc = include_str!("../docs/library.md")]
pub struct LibraryPage;
