//! How to check: what is read, how much of it, and where things go.

use super::{Observe, Ruleset, StateOptions, selected};
use crate::diagnostic::nearest;
use crate::error::escape_controls;
use crate::history::Past;
use crate::input::ReadOptions;
use crate::redaction::Redaction;
use crate::rules::bind::BoundNode;
use crate::rules::{all, find};
use crate::scan::ScanOptions;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// A selection of rules, [`CheckOptions::only`] and [`CheckOptions::skip`], that cannot be meant.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}; {}", escape_controls(message), escape_controls(help))]
pub struct WrongSelection {
    /// What is wrong. Options are named as on the command line.
    pub message: String,
    /// What to do about it.
    pub help: String,
}

/// How to check.
#[derive(Debug, Clone)]
pub struct CheckOptions {
    /// Zone of timestamps and texts that name none.
    pub zone: chrono_tz::Tz,
    /// How files are read.
    pub read: ReadOptions,
    /// Other datasets, by alias: files, directories, patterns, URLs.
    pub references: BTreeMap<String, Vec<PathBuf>>,
    /// Workers.
    pub threads: usize,
    /// Rows per batch.
    pub batch_rows: usize,
    /// How long one query may take.
    pub sql_timeout: Duration,
    /// Bytes that states which grow with the data may hold together before they go to disk; queries, and
    /// the keys of a reference, may each hold as many.
    pub memory_bytes: u64,
    /// Whether rules about rows pass on a dataset without rows.
    pub allow_empty: bool,
    /// Rule types and names (`Rule_3`) to evaluate; all when empty.
    pub only: Vec<String>,
    /// Rule types and names not to evaluate.
    pub skip: Vec<String>,
    /// Failing rows that are shown for each failed rule, at most.
    pub samples: usize,
    /// Columns that tell those rows apart.
    pub key: Vec<String>,
    /// How values of the data are hidden in everything that is said of them. Files of rows hold them as they are.
    pub redaction: Redaction,
    /// Whether a composite passes if every row passes it, instead of by the verdicts of its operands.
    pub composite_rows: bool,
    /// Whether rows that a rule's filter leaves out are not judged by it, instead of passing.
    pub filtered_rows_skip: bool,
    /// Where all rows go, with the rules they pass, fail and skip.
    pub rows_out: Option<PathBuf>,
    /// Where the rows go that fail no rule.
    pub good: Option<PathBuf>,
    /// Where the rows go that fail a rule, with the rules they fail.
    pub bad: Option<PathBuf>,
    /// What past runs measured; without it, rules that need past values cannot be evaluated.
    pub past: Option<Arc<Past>>,
    /// Which numbers are compared with those of past runs.
    pub observe: Observe,
    /// Where metric states go and come from.
    pub states: StateOptions,
}

impl Default for CheckOptions {
    fn default() -> Self {
        let scan = ScanOptions::default();
        Self {
            zone: chrono_tz::UTC,
            read: ReadOptions::default(),
            references: BTreeMap::new(),
            threads: scan.threads,
            batch_rows: scan.batch_rows,
            sql_timeout: Duration::from_secs(300),
            memory_bytes: scan.memory_bytes,
            allow_empty: false,
            only: Vec::new(),
            skip: Vec::new(),
            samples: 5,
            key: Vec::new(),
            redaction: Redaction::Off,
            composite_rows: false,
            filtered_rows_skip: false,
            rows_out: None,
            good: None,
            bad: None,
            past: None,
            observe: Observe::default(),
            states: StateOptions::default(),
        }
    }
}

impl CheckOptions {
    /// Whether any rule of the ruleset is selected.
    pub fn selects_any(&self, ruleset: &Ruleset) -> bool {
        selected(ruleset, self).next().is_some()
    }

    /// The rules of the ruleset that are selected.
    pub fn selected<'a>(&'a self, ruleset: &'a Ruleset) -> impl Iterator<Item = &'a BoundNode> {
        selected(ruleset, self).map(|(_, node)| node)
    }

    /// Refuses a selection that lets anything pass: one that leaves no rule of a ruleset that has some, or that names
    /// neither a rule type nor a rule.
    pub fn check_selection(&self, ruleset: &Ruleset) -> Result<(), WrongSelection> {
        let rules = ruleset.rules().len();
        for name in self.only.iter().chain(&self.skip) {
            let number = name.strip_prefix("Rule_").and_then(|number| number.parse::<usize>().ok());
            let numbered = number.is_some_and(|number| (1..=rules).contains(&number));
            if !numbered && name != "Composite" && find(name).is_none() {
                let near = nearest(name, all().into_iter().map(|own| own.name));
                let rules = || format!("rules are called Rule_1 to Rule_{rules}");
                let help = near.map_or_else(rules, |near| format!("did you mean {near}?"));
                let message = format!("`{name}` is neither a rule type nor a rule of this ruleset");
                return Err(WrongSelection { message, help });
            }
        }
        if !ruleset.rules().is_empty() && !self.selects_any(ruleset) {
            let help = "a check that judges nothing would pass anything".to_string();
            return Err(WrongSelection { message: "--only and --skip leave no rule to evaluate".into(), help });
        }
        Ok(())
    }

    /// Whether single rows matter, and not only how many there are of a kind.
    pub(super) fn looks_at_rows(&self) -> bool {
        self.samples > 0 || self.composite_rows || self.writes_rows()
    }

    /// Whether rows are written somewhere.
    pub(crate) fn writes_rows(&self) -> bool {
        self.rows_out.is_some() || self.good.is_some() || self.bad.is_some()
    }

    pub(super) fn selects(&self, position: usize, node: &BoundNode) -> bool {
        let name = format!("Rule_{}", position + 1);
        let type_name = if let BoundNode::Rule(rule) = node { rule.rule_type.name } else { "Composite" };
        let named = |names: &[String]| names.iter().any(|wanted| *wanted == name || wanted == type_name);
        (self.only.is_empty() || named(&self.only)) && !named(&self.skip)
    }
}
