//! Rule types: one file each, and the registry that lists them.
//!
//! A [`RuleType`] is data (name, signatures, flags, manual, examples) and a `compile`
//! function that turns a bound rule into metrics and an observation of them. Nothing
//! about a rule type stands anywhere else. Adding one is a file here, its `mod` line
//! and its line in [`REGISTRY`], and its entry in `grammar/rule-types.json`.
//!
//! [`bind()`] checks a document against the registry, without data. Rules that read
//! only the schema observe known values; no rule compares anything itself.

pub mod bind;
pub mod compile;
pub mod condition;
mod custom;
pub mod expression;
mod points;
pub mod signature;

mod aggregate_match;
mod all_statistics;
mod column_correlation;
mod column_count;
mod column_data_type;
mod column_exists;
mod column_length;
mod column_names_match_pattern;
mod column_values;
mod completeness;
mod custom_sql;
mod data_freshness;
mod dataset_match;
mod detect_anomalies;
mod distinct_values_count;
mod distribution;
mod duplicate_row_count;
mod entropy;
mod file_freshness;
mod file_match;
mod file_question;
mod file_size;
mod file_uniqueness;
mod interquartile_range;
mod is_complete;
mod is_primary_key;
mod is_unique;
mod kurtosis;
mod mean;
mod range;
mod referential_integrity;
mod row_count;
mod row_count_match;
mod schema_match;
mod skewness;
mod standard_deviation;
mod sum;
mod unique_value_ratio;
mod uniqueness;
mod variance;
mod zeros_count;

pub use bind::{BindOptions, Bound, BoundNode, BoundRule, Target, bind};
pub use custom::{RegisterError, register};
pub use signature::{Conditions, Example, Place, RuleType, Signature, Status};

/// All built-in types, in alphabetical order.
pub static REGISTRY: &[&RuleType] = &[
    &aggregate_match::RULE,
    &all_statistics::RULE,
    &column_correlation::RULE,
    &column_count::RULE,
    &column_data_type::RULE,
    &column_exists::RULE,
    &column_length::RULE,
    &column_names_match_pattern::RULE,
    &column_values::RULE,
    &completeness::RULE,
    &custom_sql::RULE,
    &data_freshness::RULE,
    &dataset_match::RULE,
    &detect_anomalies::RULE,
    &distinct_values_count::RULE,
    &distribution::RULE,
    &duplicate_row_count::RULE,
    &entropy::RULE,
    &file_freshness::RULE,
    &file_match::RULE,
    &file_size::RULE,
    &file_uniqueness::RULE,
    &interquartile_range::RULE,
    &is_complete::RULE,
    &is_primary_key::RULE,
    &is_unique::RULE,
    &kurtosis::RULE,
    &mean::RULE,
    &range::RULE,
    &referential_integrity::RULE,
    &row_count::RULE,
    &row_count_match::RULE,
    &schema_match::RULE,
    &skewness::RULE,
    &standard_deviation::RULE,
    &sum::RULE,
    &unique_value_ratio::RULE,
    &uniqueness::RULE,
    &variance::RULE,
    &zeros_count::RULE,
];

/// The type of that name, built-in or registered; names are case-sensitive.
pub fn find(name: &str) -> Option<&'static RuleType> {
    REGISTRY.iter().find(|rule_type| rule_type.name == name).copied().or_else(|| custom::find(name))
}

/// All types: the built-in ones, then those that were registered, in the order they came.
pub fn all() -> Vec<&'static RuleType> {
    REGISTRY.iter().copied().chain(custom::registered()).collect()
}
