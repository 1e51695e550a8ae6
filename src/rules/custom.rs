//! Rule types of other crates, beside the built-in ones.
//!
//! They are known to the whole process, as the built-in ones are: to the binder, to reports, to hints. Register them
//! before the first ruleset is parsed; a name is never taken away or given another meaning. What they measure besides
//! built-in metrics is of [`crate::metrics::custom`], and needs no registration.

use super::REGISTRY;
use super::signature::{RuleType, Status};
use std::sync::{PoisonError, RwLock};

static CUSTOM: RwLock<Vec<&'static RuleType>> = RwLock::new(Vec::new());

/// Names that the language, or options that select rules, use otherwise.
const TAKEN: &[&str] = &["Composite", "Rules", "Analyzers", "Metadata", "DataSources", "DefaultLabels"];

/// Why a rule type is not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RegisterError {
    /// Another type has the name, in whatever case.
    #[error("there is a rule type `{0}` already")]
    NameTaken(String),
    /// It cannot stand in a document.
    #[error("`{0}` is no name of a rule type: a capital letter, then letters and digits of ASCII")]
    Name(String),
    /// It says that Glue knows it.
    #[error("{0} must have Status::Extension: Glue does not know it")]
    Status(&'static str),
    /// No document can use it.
    #[error("{0} has no signature")]
    NoSignature(&'static str),
}

/// Adds a rule type for all rulesets that are parsed from now on. The same type again changes nothing.
///
/// The name must be new, also in another case: names are case-sensitive, people are not. The type says what built-in
/// ones say (`manual`: what NULL, NaN, empty input and types mean); its `compile` asks the compiler for metrics.
pub fn register(rule_type: &'static RuleType) -> Result<(), RegisterError> {
    let name = rule_type.name;
    let mut letters = name.chars();
    let starts = letters.next().is_some_and(|first| first.is_ascii_uppercase());
    if !starts || !letters.all(|letter| letter.is_ascii_alphanumeric()) {
        return Err(RegisterError::Name(name.into()));
    }
    if rule_type.status != Status::Extension {
        return Err(RegisterError::Status(name));
    }
    if rule_type.signatures.is_empty() {
        return Err(RegisterError::NoSignature(name));
    }
    let same_name = |other: &str| other.eq_ignore_ascii_case(name);
    // Looked up and added under one lock: two threads cannot take one name.
    let mut custom = CUSTOM.write().unwrap_or_else(PoisonError::into_inner);
    if custom.iter().any(|known| std::ptr::eq(*known, rule_type)) {
        return Ok(());
    }
    let mut known = REGISTRY.iter().chain(custom.iter()).map(|known| known.name).chain(TAKEN.iter().copied());
    if let Some(taken) = known.find(|other| same_name(other)) {
        return Err(RegisterError::NameTaken(taken.into()));
    }
    custom.push(rule_type);
    Ok(())
}

/// The registered types, in the order they came.
pub(super) fn registered() -> Vec<&'static RuleType> {
    CUSTOM.read().unwrap_or_else(PoisonError::into_inner).clone()
}

/// The registered type of that name.
pub(super) fn find(name: &str) -> Option<&'static RuleType> {
    let custom = CUSTOM.read().unwrap_or_else(PoisonError::into_inner);
    custom.iter().find(|rule_type| rule_type.name == name).copied()
}

#[cfg(test)]
mod tests {
    use super::super::signature::{NUMBER, Signature};
    use super::*;

    const FINE: RuleType = RuleType {
        name: "TestOfCustomTypes",
        status: Status::Extension,
        signatures: &[Signature::new(&["column"], NUMBER)],
        ..RuleType::BASE
    };
    static OWN: RuleType = FINE;
    static TWIN: RuleType = RuleType { name: "TestofCustomTypes", ..FINE };
    static BUILT_IN: RuleType = RuleType { name: "isComplete", ..FINE };
    static LOWER: RuleType = RuleType { name: "IsComplete", ..FINE };
    static SPACED: RuleType = RuleType { name: "Is Fine", ..FINE };
    static GLUE: RuleType = RuleType { name: "OfGlue", status: Status::Glue, ..FINE };

    #[test]
    fn names_are_new_and_fit_the_language() {
        assert_eq!(register(&OWN), Ok(()));
        assert_eq!(register(&OWN), Ok(()), "again");
        assert_eq!(super::super::find("TestOfCustomTypes").map(|found| found.name), Some(OWN.name));
        assert_eq!(register(&TWIN), Err(RegisterError::NameTaken("TestOfCustomTypes".into())));
        assert_eq!(register(&BUILT_IN), Err(RegisterError::Name("isComplete".into())));
        assert_eq!(register(&LOWER), Err(RegisterError::NameTaken("IsComplete".into())));
        assert_eq!(register(&SPACED), Err(RegisterError::Name("Is Fine".into())));
        assert_eq!(register(&GLUE), Err(RegisterError::Status("OfGlue")));
        assert_eq!(registered().iter().filter(|known| known.name == OWN.name).count(), 1);
    }
}
