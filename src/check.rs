//! The whole order: text, tree, bound rules, plan, scan, verdicts. The only file that
//! knows all of it.

use crate::diagnostic::{Diagnostic, Severity};
use crate::dqdl;
use crate::error::Error;
use crate::input::{Dataset, ReadOptions};
use crate::metrics::{Family, Metric, Statistic};
use crate::plan::explain::Explanation;
use crate::plan::{Measure, MetricId, MetricSet, Observation};
use crate::rules::bind::{BindOptions, Bound, BoundNode, BoundRule, bind};
use crate::rules::compile::{Compiler, Unevaluated, compile, find_column};
use crate::scan::{ScanOptions, scan};
use crate::verdict::{Judge, Outcome, Verdict};
use arrow_schema::DataType;
use chrono::{DateTime, Utc};
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicU64;
use std::time::{Duration, Instant};

/// A document that was parsed and bound.
#[derive(Debug, Clone)]
pub struct Ruleset {
    bound: Bound,
    diagnostics: Vec<Diagnostic>,
    now: DateTime<Utc>,
}

impl Ruleset {
    /// Reads a document. Mistakes do not stop it: they are in [`Ruleset::diagnostics`].
    pub fn parse(text: &str, options: &BindOptions) -> Self {
        let parsed = dqdl::parse(text);
        let bound = bind(&parsed.document, options);
        let mut diagnostics = parsed.diagnostics;
        diagnostics.extend(bound.diagnostics.iter().cloned());
        diagnostics.sort_by_key(|diagnostic| (diagnostic.span.start, diagnostic.severity == Severity::Warning));
        Self { bound, diagnostics, now: options.now }
    }

    /// Everything wrong with the document, in order of position.
    pub fn diagnostics(&self) -> &[Diagnostic] {
        &self.diagnostics
    }

    /// Whether the document is refused.
    pub fn has_errors(&self) -> bool {
        self.diagnostics.iter().any(|diagnostic| diagnostic.severity == Severity::Error)
    }

    /// The rules, in order.
    pub fn rules(&self) -> &[BoundNode] {
        &self.bound.rules
    }

    /// The analyzers, in order.
    pub fn analyzers(&self) -> &[BoundRule] {
        &self.bound.analyzers
    }
}

/// How to check.
#[derive(Debug, Clone)]
pub struct CheckOptions {
    /// Zone of timestamps and texts that name none.
    pub zone: chrono_tz::Tz,
    /// How files are read.
    pub read: ReadOptions,
    /// Workers.
    pub threads: usize,
    /// Rows per batch.
    pub batch_rows: usize,
    /// Whether rules about rows pass on a dataset without rows.
    pub allow_empty: bool,
    /// Rule types and names (`Rule_3`) to evaluate; all when empty.
    pub only: Vec<String>,
    /// Rule types and names not to evaluate.
    pub skip: Vec<String>,
}

impl Default for CheckOptions {
    fn default() -> Self {
        let scan = ScanOptions::default();
        Self {
            zone: chrono_tz::UTC,
            read: ReadOptions::default(),
            threads: scan.threads,
            batch_rows: scan.batch_rows,
            allow_empty: false,
            only: Vec::new(),
            skip: Vec::new(),
        }
    }
}

impl CheckOptions {
    /// Whether any rule of the ruleset is selected.
    pub fn selects_any(&self, ruleset: &Ruleset) -> bool {
        selected(ruleset, self).next().is_some()
    }

    fn selects(&self, position: usize, node: &BoundNode) -> bool {
        let name = format!("Rule_{}", position + 1);
        let type_name = if let BoundNode::Rule(rule) = node { rule.rule_type.name } else { "Composite" };
        let named = |names: &[String]| names.iter().any(|wanted| *wanted == name || wanted == type_name);
        (self.only.is_empty() || named(&self.only)) && !named(&self.skip)
    }
}

/// What a run found.
#[derive(Debug, Clone)]
pub struct Run {
    /// One per top-level rule, in document order.
    pub outcomes: Vec<Outcome>,
    /// Analyzers, none of which this version evaluates.
    pub analyzers: Vec<AnalyzerOutcome>,
    /// Passed rules over rules that were not skipped; `None` when there are none.
    pub score: Option<f64>,
    /// Rows of the data.
    pub rows: u64,
    /// Columns of the data.
    pub columns: usize,
    /// Columns that were read.
    pub columns_read: usize,
    /// Size of the files.
    pub bytes: u64,
    /// The files.
    pub files: Vec<PathBuf>,
    /// When the run started.
    pub started: DateTime<Utc>,
    /// How long it took.
    pub elapsed: Duration,
    /// Things worth knowing about how the data was read.
    pub notes: Vec<String>,
}

impl Run {
    /// How many outcomes have a verdict.
    pub fn count(&self, verdict: Verdict) -> usize {
        self.outcomes.iter().filter(|outcome| outcome.verdict == verdict).count()
    }
}

/// An analyzer of the document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AnalyzerOutcome {
    /// Canonical text.
    pub analyzer: String,
    /// Why there are no values.
    pub message: String,
}

/// A plan for one schema.
struct Plan {
    metrics: MetricSet,
    rows: MetricId,
    observations: Vec<Result<Observation, Unevaluated>>,
}

impl Plan {
    fn new(ruleset: &Ruleset, dataset: &Dataset, options: &CheckOptions) -> Self {
        let schema = dataset.schema();
        let mut metrics = MetricSet::default();
        let rows = metrics.ask(Metric { family: Family::Rows, columns: Vec::new(), filter: None });
        let mut compiler = Compiler { schema, metrics: &mut metrics, zone: options.zone, now: ruleset.now };
        let mut observations = Vec::new();
        let mut unfit = Vec::new();
        for (_, node) in selected(ruleset, options) {
            each_leaf(node, &mut |rule| {
                let observation = compile(&mut compiler, rule);
                if matches!(&observation, Err(reason) if reason.code == "column_type") {
                    unfit.push(rule);
                }
                observations.push(observation);
            });
        }
        if dataset.infers_types() {
            // A rule that does not fit an inferred type may fit the type that all rows ask for: its columns are read.
            for field in unfit.iter().flat_map(|rule| &rule.parameters).filter_map(|name| find_column(schema, name)) {
                metrics.ask(Metric {
                    family: Family::NonNull,
                    columns: vec![field.name().as_str().into()],
                    filter: None,
                });
            }
        }
        Self { metrics, rows, observations }
    }
}

fn selected<'a>(ruleset: &'a Ruleset, options: &'a CheckOptions) -> impl Iterator<Item = (usize, &'a BoundNode)> {
    ruleset.bound.rules.iter().enumerate().filter(|(position, node)| options.selects(*position, node))
}

fn each_leaf<'a>(node: &'a BoundNode, visit: &mut dyn FnMut(&'a BoundRule)) {
    match node {
        BoundNode::Rule(rule) => visit(rule),
        BoundNode::Composite { operands, .. } => operands.iter().for_each(|operand| each_leaf(operand, visit)),
    }
}

/// Checks files against a ruleset without errors. A rule that fails or cannot be evaluated is
/// part of the result; an error means that the data could not be read.
pub fn check(
    ruleset: &Ruleset,
    paths: &[PathBuf],
    options: &CheckOptions,
    progress: Option<&AtomicU64>,
) -> Result<Run, Error> {
    let clock = Instant::now();
    let mut read = options.read.clone();
    let mut notes = Vec::new();
    loop {
        let attempt = Dataset::open(paths, &read).and_then(|dataset| {
            let plan = Plan::new(ruleset, &dataset, options);
            if let Some(progress) = progress {
                progress.store(0, std::sync::atomic::Ordering::Relaxed);
            }
            let scan_options = ScanOptions { threads: options.threads, batch_rows: options.batch_rows, progress };
            scan(&dataset, &plan.metrics, &scan_options).map(|results| (dataset, plan, results))
        });
        let (dataset, plan, results) = match attempt {
            Ok(done) => done,
            Err(error) => {
                widen(error, &mut read, &mut notes)?;
                continue;
            }
        };
        let judge = Judge { results: &results, observations: &plan.observations, allow_empty: options.allow_empty };
        let mut next = 0;
        let outcomes: Vec<_> = ruleset
            .bound
            .rules
            .iter()
            .enumerate()
            .map(
                |(position, node)| {
                    if options.selects(position, node) { judge.node(node, &mut next) } else { skipped(node) }
                },
            )
            .collect();
        let judged = outcomes.iter().filter(|outcome| outcome.verdict != Verdict::Skip).count();
        let passed = outcomes.iter().filter(|outcome| outcome.verdict == Verdict::Pass).count();
        let rows = results
            .read(&Measure::Statistic(plan.rows, Statistic::Count))
            .map_err(|_| Error::Internal("rows were not counted".into()))?;
        return Ok(Run {
            outcomes,
            analyzers: ruleset
                .analyzers()
                .iter()
                .map(|analyzer| AnalyzerOutcome {
                    analyzer: analyzer.text.clone(),
                    message: "analyzers are not evaluated by this version".into(),
                })
                .collect(),
            score: (judged > 0).then(|| passed as f64 / judged as f64),
            rows: rows.to_f64() as u64,
            columns: dataset.schema().fields().len(),
            columns_read: plan.metrics.columns().len(),
            bytes: dataset.bytes(),
            files: dataset.paths().map(Path::to_path_buf).collect(),
            started: ruleset.now,
            elapsed: clock.elapsed(),
            notes,
        });
    }
}

/// Takes a wider type for a column into the options, or gives the error back. Every round widens a
/// column, so there are at most a few rounds per column.
fn widen(error: Error, read: &mut ReadOptions, notes: &mut Vec<String>) -> Result<(), Error> {
    match error {
        Error::Widen { column, data_type, reason } if read.inferred_types.get(&column) != Some(&*data_type) => {
            let name = crate::error::escape_controls(&column);
            notes.retain(|note: &String| !note.starts_with(&format!("column `{name}` ")));
            notes.push(format!("column `{name}` is read as {}, because of {reason}", widened_name(&data_type)));
            read.inferred_types.insert(column, *data_type);
            Ok(())
        }
        error => Err(error),
    }
}

/// Opens files with the types that hold in all of them.
fn open_unified(paths: &[PathBuf], options: &ReadOptions) -> Result<Dataset, Error> {
    let mut read = options.clone();
    loop {
        match Dataset::open(paths, &read) {
            Ok(dataset) => return Ok(dataset),
            Err(error) => widen(error, &mut read, &mut Vec::new())?,
        }
    }
}

fn widened_name(data_type: &DataType) -> &'static str {
    match data_type {
        DataType::Utf8 => "text",
        DataType::Float64 => "float",
        DataType::Int64 => "int",
        DataType::Decimal128(_, _) => "decimal",
        DataType::Boolean => "boolean",
        DataType::Date32 => "date",
        DataType::Timestamp(_, _) => "timestamp",
        _ => "another type",
    }
}

fn skipped(node: &BoundNode) -> Outcome {
    let (rule, rule_type, labels, span) = match node {
        BoundNode::Rule(rule) => (&rule.text, Some(rule.rule_type.name), &rule.labels, rule.span),
        BoundNode::Composite { text, labels, span, .. } => (text, None, labels, *span),
    };
    Outcome {
        rule: rule.clone(),
        rule_type,
        verdict: Verdict::Skip,
        code: None,
        message: Some("deselected".into()),
        help: None,
        metrics: Vec::new(),
        rows: None,
        columns: Vec::new(),
        labels: labels.clone(),
        span,
        operands: Vec::new(),
    }
}

/// The plan for files, without reading their data.
pub fn explain(ruleset: &Ruleset, paths: &[PathBuf], options: &CheckOptions) -> Result<Explanation, Error> {
    let dataset = open_unified(paths, &options.read)?;
    let plan = Plan::new(ruleset, &dataset, options);
    let mut leaves = Vec::new();
    selected(ruleset, options).for_each(|(_, node)| each_leaf(node, &mut |rule| leaves.push(rule.text.clone())));
    let rules = leaves.into_iter().zip(&plan.observations).map(|(text, observation)| match observation {
        Ok(observation) => (text, observation.metrics(), None),
        Err(reason) => (text, Vec::new(), Some(reason.message.clone())),
    });
    Ok(Explanation::new(&plan.metrics, dataset.schema().fields().len(), rules))
}

/// What rules would say of the columns of files: every rule that could not be evaluated.
pub fn lint_schema(ruleset: &Ruleset, paths: &[PathBuf], options: &CheckOptions) -> Result<Vec<Diagnostic>, Error> {
    use crate::diagnostic::Code;
    let dataset = open_unified(paths, &options.read)?;
    let mut metrics = MetricSet::default();
    let mut compiler =
        Compiler { schema: dataset.schema(), metrics: &mut metrics, zone: options.zone, now: ruleset.now };
    let mut findings = Vec::new();
    for node in ruleset.rules() {
        each_leaf(node, &mut |rule| {
            if let Err(reason) = compile(&mut compiler, rule) {
                let code = match reason.code {
                    "unknown_column" => Code::UnknownColumn,
                    "column_type" | "nested_column" => Code::ColumnType,
                    _ => return,
                };
                let span = rule.parameter_spans.first().copied().unwrap_or(rule.span);
                let finding = Diagnostic::error(code, span, reason.message);
                findings.push(match reason.help {
                    Some(help) => finding.help(help),
                    None => finding,
                });
            }
        });
    }
    Ok(findings)
}
