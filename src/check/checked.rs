//! All that is known once data was read, as a [`Run`].

use super::analyzers::analyzed;
use super::{CheckOptions, Plan, Ruleset, Run, is_about_sql, observations, points};
use crate::input::Dataset;
use crate::scan::Scanned;
use crate::verdict::{Outcome, Verdict};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// All that is known once data was read.
pub struct Checked {
    /// The data.
    pub primary: Arc<Dataset>,
    /// What was measured.
    pub plan: Arc<Plan>,
    /// What that gave.
    pub scanned: Scanned,
    /// What became of the rules.
    pub outcomes: Vec<Outcome>,
    /// Rows of the data.
    pub rows: u64,
    /// Things worth knowing.
    pub notes: Vec<String>,
}

impl Checked {
    /// What was found, with notes about types.
    pub fn into_run(self, ruleset: &Ruleset, options: &CheckOptions, notes: Vec<String>) -> Run {
        let Checked { primary, plan, scanned, outcomes, rows, notes: row_notes } = self;
        let results = scanned.results;
        let measured = points::measured(ruleset, &plan, &results, options);
        let (observations, unlisted) = observations::observed(ruleset, &plan, &results, &measured, options);
        let unlisted = (unlisted > 0).then(|| format!("{unlisted} more metrics were compared with past values"));
        let judged = outcomes.iter().filter(|outcome| outcome.verdict != Verdict::Skip).count();
        let passed = outcomes.iter().filter(|outcome| outcome.verdict == Verdict::Pass).count();
        let analyzers = ruleset.analyzers().iter().zip(&plan.analyzers);
        Run {
            outcomes,
            analyzers: analyzers
                .map(|(analyzer, reported)| analyzed(analyzer, reported, &results, &options.redaction))
                .collect(),
            score: (judged > 0).then(|| passed as f64 / judged as f64),
            rows,
            columns: primary.schema().fields().len(),
            columns_read: scanned.columns_read,
            bytes: primary.bytes(),
            files: primary.paths().map(Path::to_path_buf).collect(),
            started: ruleset.now,
            elapsed: Duration::ZERO,
            notes: primary.notes().iter().cloned().chain(notes).chain(row_notes).chain(unlisted).collect(),
            incomplete: false,
            sql_mistakes: plan.findings(ruleset, options).into_iter().filter(is_about_sql).collect(),
            measured,
            observations,
        }
    }
}
