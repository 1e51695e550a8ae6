//! The whole order: text, tree, bound rules, plan, scan, verdicts. The only file that
//! knows all of it.

mod analyzers;
mod cache;
pub(crate) mod checked;
pub(crate) mod inputs;
mod merge;
mod observations;
mod options;
mod outputs;
mod points;
mod refused;
pub(crate) mod row_run;
pub(crate) mod rows;
mod samples;
pub(crate) mod states;
mod table;

use crate::diagnostic::{Code, Diagnostic, Severity};
use crate::dqdl;
use crate::error::Error;
use crate::history::{self, Key};
pub use crate::metrics::Distribution;
use crate::metrics::{Family, Metric};
use crate::plan::explain::Explanation;
use crate::plan::{MetricId, MetricSet, Observation, Reported, Results};
use crate::rules::bind::{BindOptions, Bound, BoundNode, BoundRule, bind};
use crate::rules::compile::{Compiler, compile, compile_analyzer, find_column};
pub use crate::scan::Progress;
use crate::scan::{ScanError, ScanOptions, Sources, proved};
use crate::span::LineIndex;
pub use crate::sql::PRIMARY;
use crate::sql::Predicate;
use crate::unevaluated::{Place, Unevaluated};
use crate::value::Number;
use crate::verdict::{Judge, Outcome, Verdict};
use checked::Checked;
use chrono::{DateTime, Utc};
use inputs::{Files, Inputs, Readings, widen};
pub use merge::merge;
pub use observations::Observe;
pub use options::{CheckOptions, WrongSelection};
use outputs::{GoodRows, Outputs};
pub use refused::RefusedRuleset;
use row_run::RowContext;
pub use states::StateOptions;
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
pub use table::{check_table, judge_table};

/// A document that was parsed and bound.
#[derive(Debug, Clone)]
pub struct Ruleset {
    bound: Bound,
    diagnostics: Vec<Diagnostic>,
    now: DateTime<Utc>,
    lines: Arc<LineIndex>,
}

impl Ruleset {
    /// Reads a document. Mistakes do not stop it: they are in [`Ruleset::diagnostics`].
    pub fn parse(text: &str, options: &BindOptions) -> Self {
        let parsed = dqdl::parse(text);
        let bound = bind(&parsed.document, options);
        let mut diagnostics = parsed.diagnostics;
        diagnostics.extend(bound.diagnostics.iter().cloned());
        diagnostics.sort_by_key(|diagnostic| (diagnostic.span.start, diagnostic.severity == Severity::Warning));
        Self { bound, diagnostics, now: options.now, lines: Arc::new(LineIndex::new(text)) }
    }

    /// The ruleset, unless it is refused: what [`check`] and [`Checker`](crate::checker::Checker) take. Warnings are no
    /// reason. The error names every mistake and its place.
    pub fn accepted(self) -> Result<Self, RefusedRuleset> {
        if self.has_errors() { Err(self.refusal()) } else { Ok(self) }
    }

    fn refusal(&self) -> RefusedRuleset {
        RefusedRuleset::new(&self.diagnostics, &self.lines)
    }

    /// Refuses what would let data pass that was not judged: a rule with a mistake is not among those that are
    /// judged, and neither is one that a misspelt option leaves out.
    pub(crate) fn refuse_gaps(&self, options: &CheckOptions) -> Result<(), Error> {
        if self.has_errors() {
            return Err(Error::Option(self.refusal().to_string()));
        }
        options.check_selection(self).map_err(|wrong| Error::Option(wrong.to_string()))
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

    /// The time of the run, which ages are counted from.
    pub fn now(&self) -> DateTime<Utc> {
        self.now
    }

    /// Where lines of the text begin: reports show rules at their lines.
    pub fn lines(&self) -> &LineIndex {
        &self.lines
    }

    /// The analyzers, in order.
    pub fn analyzers(&self) -> &[BoundRule] {
        &self.bound.analyzers
    }
}

/// What a run found.
#[derive(Debug, Clone)]
pub struct Run {
    /// One per top-level rule, in document order.
    pub outcomes: Vec<Outcome>,
    /// One per analyzer, in document order.
    pub analyzers: Vec<AnalyzerOutcome>,
    /// Passed rules over rules that were not skipped; `None` when there are none.
    pub score: Option<f64>,
    /// Rows of the data.
    pub rows: u64,
    /// Columns of the data.
    pub columns: usize,
    /// Columns that were decoded; what a file's metadata answers is not.
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
    /// Whether the run was ended before all rows were read: nothing is certain then.
    pub incomplete: bool,
    /// Where the SQL of rules that could not be evaluated goes wrong.
    pub sql_mistakes: Vec<Diagnostic>,
    /// What was measured, as later runs ask for it; see [`Run::points`].
    pub measured: Vec<(Key, Number)>,
    /// Numbers against those of past runs, anomalies first.
    pub observations: Vec<history::Observation>,
}

impl Run {
    /// How many outcomes have a verdict.
    pub fn count(&self, verdict: Verdict) -> usize {
        self.outcomes.iter().filter(|outcome| outcome.verdict == verdict).count()
    }

    /// The verdict of all rules together: ERROR if something could not be evaluated, an analyzer included, or not all
    /// rows were read; else FAIL if a rule fails; else PASS if one passes; SKIP if no rule was judged.
    pub fn verdict(&self) -> Verdict {
        let unmeasured = self.analyzers.iter().any(|analyzer| analyzer.message.is_some());
        if self.count(Verdict::Error) > 0 || unmeasured || self.incomplete {
            Verdict::Error
        } else if self.count(Verdict::Fail) > 0 {
            Verdict::Fail
        } else if self.count(Verdict::Pass) > 0 {
            Verdict::Pass
        } else {
            Verdict::Skip
        }
    }
}

/// What an analyzer measured.
#[derive(Debug, Clone, PartialEq)]
pub struct AnalyzerOutcome {
    /// Canonical text.
    pub analyzer: String,
    /// Metrics under their public names; those without a value are left out.
    pub metrics: Vec<(String, Number)>,
    /// Distributions under their public names, with the type of the values.
    pub distributions: Vec<(String, Distribution, &'static str)>,
    /// Why values are missing.
    pub message: Option<String>,
    /// What to do about it.
    pub help: Option<String>,
}

/// A plan for one schema.
pub(crate) struct Plan {
    pub(crate) metrics: MetricSet,
    predicates: HashMap<Arc<str>, Predicate>,
    rows: MetricId,
    observations: Vec<Result<Observation, Unevaluated>>,
    analyzers: Vec<Result<Vec<Reported>, Unevaluated>>,
}

impl Plan {
    pub(crate) fn new(ruleset: &Ruleset, inputs: &Inputs, options: &CheckOptions) -> Self {
        let schema = inputs.primary.schema();
        let mut metrics = MetricSet::default();
        let mut predicates = HashMap::new();
        let rows = metrics.ask(Metric::new(Family::Rows, Vec::new()));
        let mut compiler = Compiler {
            schema,
            references: &inputs.schemas,
            metrics: &mut metrics,
            predicates: &mut predicates,
            sql: &inputs.sql,
            filter: None,
            zone: options.zone,
            now: ruleset.now,
            redaction: &options.redaction,
        };
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
        let analyzers = ruleset.analyzers().iter().map(|analyzer| compile_analyzer(&mut compiler, analyzer)).collect();
        if inputs.primary.infers_types() {
            // A rule that does not fit an inferred type may fit the type that all rows ask for: its columns are read.
            for field in unfit.iter().flat_map(|rule| &rule.parameters).filter_map(|name| find_column(schema, name)) {
                metrics.ask(Metric::new(Family::NonNull, vec![field.name().as_str().into()]));
            }
        }
        Self { metrics, predicates, rows, observations, analyzers }
    }

    /// What the text is to blame for among the rules and analyzers that cannot be evaluated.
    fn findings(&self, ruleset: &Ruleset, options: &CheckOptions) -> Vec<Diagnostic> {
        let mut leaves = Vec::new();
        selected(ruleset, options).for_each(|(_, node)| each_leaf(node, &mut |rule| leaves.push(rule)));
        let rules = leaves.into_iter().zip(self.observations.iter().map(|observation| observation.as_ref().err()));
        let analyzers = ruleset.analyzers().iter().zip(self.analyzers.iter().map(|reported| reported.as_ref().err()));
        let named = !options.references.is_empty();
        rules.chain(analyzers).filter_map(|(rule, reason)| finding(rule, reason?, named)).collect()
    }

    /// Columns of the data that are read, those of predicates included, those left out whose metrics
    /// are all proved.
    fn columns_read(&self, proved: &[(usize, usize)]) -> Vec<&str> {
        let mut columns: Vec<&str> = Vec::new();
        let metrics = self
            .metrics
            .as_slice()
            .iter()
            .zip(proved)
            .filter(|(metric, (proofs, parts))| metric.dataset.is_none() && (proofs < parts || *parts == 0));
        for (metric, _) in metrics {
            let filter = metric.filter.as_ref().and_then(|text| self.predicates.get(text));
            let filters = filter.into_iter().flat_map(Predicate::columns);
            for name in metric.columns.iter().map(|column| &**column).chain(filters) {
                if !columns.contains(&name) {
                    columns.push(name);
                }
            }
        }
        columns
    }
}

/// Rules that are evaluated, and their positions.
fn selected<'a>(ruleset: &'a Ruleset, options: &'a CheckOptions) -> impl Iterator<Item = (usize, &'a BoundNode)> {
    ruleset.bound.rules.iter().enumerate().filter(|(position, node)| options.selects(*position, node))
}

fn each_leaf<'a>(node: &'a BoundNode, visit: &mut dyn FnMut(&'a BoundRule)) {
    match node {
        BoundNode::Rule(rule) => visit(rule),
        BoundNode::Composite { operands, .. } => operands.iter().for_each(|operand| each_leaf(operand, visit)),
    }
}

/// Who looks on while a check runs.
#[derive(Debug, Clone, Copy, Default)]
pub struct Watch<'a> {
    /// Is told what is done.
    pub progress: Option<&'a Progress>,
    /// Ends the check early once it is set: every rule is ERROR then, with what is known so far.
    pub stop: Option<&'a AtomicBool>,
}

impl Watch<'_> {
    fn stopped(&self) -> bool {
        self.stop.is_some_and(|stop| stop.load(Ordering::Relaxed))
    }
}

/// What became of every rule, the deselected ones included.
pub(crate) fn judged(ruleset: &Ruleset, plan: &Plan, results: &Results, options: &CheckOptions) -> Vec<Outcome> {
    let (observations, past) = (&plan.observations, options.past.as_deref());
    let judge = Judge { results, observations, allow_empty: options.allow_empty, past, now: ruleset.now };
    let mut next = 0;
    let rules = ruleset.bound.rules.iter().enumerate();
    rules
        .map(
            |(position, node)| {
                if options.selects(position, node) { judge.node(node, &mut next) } else { skipped(node) }
            },
        )
        .collect()
}

/// Checks data, named by files, directories, patterns or URLs. A rule that fails or cannot be evaluated is part of the
/// result; an error means that the ruleset has mistakes, or that the data could not be read.
pub fn check(ruleset: &Ruleset, data: &[PathBuf], options: &CheckOptions, watch: Watch<'_>) -> Result<Run, Error> {
    let clock = Instant::now();
    let fitting = states::fitting(options)?;
    let options = &*fitting;
    let files = Files::find(data, options)?;
    let open = |readings: &Readings| Inputs::open(&files, options, readings, ruleset.now);
    carried_out(ruleset, &open, options, watch, None, clock)
}

/// Opens the data, with what is known of its types so far.
type Open<'o> = &'o dyn Fn(&Readings) -> Result<Inputs, ScanError>;

/// A check from the opened data on; what becomes of each row goes to `good` if that is there.
fn carried_out(
    ruleset: &Ruleset,
    open: Open<'_>,
    options: &CheckOptions,
    watch: Watch<'_>,
    good: Option<&GoodRows>,
    clock: Instant,
) -> Result<Run, Error> {
    ruleset.refuse_gaps(options)?;
    let mut readings = Readings::new(options);
    let mut notes = Vec::new();
    loop {
        let attempt = open(&readings).and_then(|inputs| {
            let plan = Plan::new(ruleset, &inputs, options);
            if let Some(progress) = watch.progress {
                progress.restart(inputs.primary.bytes());
            }
            let rows_matter = options.looks_at_rows() || good.is_some();
            let keep_keys = if rows_matter { rows::keep_keys(&plan, ruleset, options) } else { Vec::new() };
            let scan_options = ScanOptions {
                threads: options.threads,
                batch_rows: options.batch_rows,
                memory_bytes: options.memory_bytes,
                progress: watch.progress,
                stop: watch.stop,
                keep_keys: &keep_keys,
                redaction: &options.redaction,
                states: None,
            };
            let sources = Sources {
                primary: &inputs.primary,
                references: &inputs.references,
                predicates: &plan.predicates,
                sql: &inputs.sql,
            };
            // What cannot be written is said before everything is read.
            rows::key_columns(&inputs.primary, options)?;
            let outputs = if options.writes_rows() || good.is_some() {
                let texts = rows::texts(ruleset, options);
                Some(Outputs::create(options, &inputs.primary, texts, good.cloned())?)
            } else {
                None
            };
            let (scanned, state_notes) = states::scanned(&sources, &plan, &scan_options, options, ruleset.now)?;
            let results = &scanned.results;
            let rows = states::rows_of(&plan, results)?;
            let mut outcomes = judged(ruleset, &plan, results, options);
            let mut notes = state_notes;
            if !watch.stopped() {
                let context = RowContext {
                    plan: &plan,
                    sources: &sources,
                    keys: &scanned.keys,
                    failing_parts: &scanned.failing_parts,
                    scan: &scan_options,
                    options,
                    rows,
                };
                notes.extend(context.run(ruleset, results, &mut outcomes, outputs)?);
            }
            if watch.stopped() {
                outcomes.iter_mut().for_each(Outcome::interrupt);
            }
            let primary = inputs.primary.clone();
            Ok(Checked { primary, plan: Arc::new(plan), scanned, outcomes, rows, notes })
        });
        match attempt {
            Ok(checked) => {
                let elapsed = clock.elapsed();
                let mut run = Run { elapsed, incomplete: watch.stopped(), ..checked.into_run(ruleset, options, notes) };
                if run.incomplete {
                    // Of rows that were not all read nothing is concluded.
                    run.observations.clear();
                }
                return Ok(run);
            }
            Err(trouble) => widen(trouble, &mut readings, &mut notes)?,
        }
    }
}

fn skipped(node: &BoundNode) -> Outcome {
    let (rule, rule_type, labels, span) = match node {
        BoundNode::Rule(rule) => (&rule.text, Some(rule.rule_type.name), &rule.labels, rule.span),
        BoundNode::Composite { text, labels, span, .. } => (text, None, labels, *span),
    };
    Outcome {
        rule: rule.clone(),
        evaluated: None,
        rule_type,
        verdict: Verdict::Skip,
        code: None,
        message: Some("deselected".into()),
        help: None,
        metrics: Vec::new(),
        compared: Vec::new(),
        rows: None,
        row_counts: None,
        samples: None,
        columns: Vec::new(),
        labels: labels.clone(),
        span,
        operands: Vec::new(),
    }
}

/// The plan for files, without reading their data.
pub fn explain(ruleset: &Ruleset, data: &[PathBuf], options: &CheckOptions) -> Result<Explanation, Error> {
    let inputs = Inputs::open_unified(data, options, ruleset.now)?;
    let plan = Plan::new(ruleset, &inputs, options);
    let mut leaves = Vec::new();
    selected(ruleset, options).for_each(|(_, node)| each_leaf(node, &mut |rule| leaves.push(rule.text.clone())));
    let rules = leaves.into_iter().zip(&plan.observations).map(|(text, observation)| match observation {
        Ok(observation) => (text, observation.metrics(), None),
        Err(reason) => (text, Vec::new(), Some(reason.message.clone())),
    });
    let analyzers = ruleset.analyzers().iter().zip(&plan.analyzers).map(|(analyzer, reported)| match reported {
        Ok(reported) => {
            let mut ids: Vec<_> = reported.iter().flat_map(|reported| reported.measure.metrics()).collect();
            ids.sort_unstable();
            ids.dedup();
            (analyzer.text.clone(), ids, None)
        }
        Err(reason) => (analyzer.text.clone(), Vec::new(), Some(reason.message.clone())),
    });
    let proved = proved(&inputs.primary, &plan.metrics);
    let columns = plan.columns_read(&proved).into_iter().map(str::to_string).collect();
    let predicate =
        |text: &Arc<str>| plan.predicates.get(text).map(|predicate| predicate.columns().map(str::to_string).collect());
    let total = inputs.primary.schema().fields().len();
    Ok(Explanation::new(&plan.metrics, &proved, columns, total, predicate, rules.chain(analyzers)))
}

/// What rules would say of the columns of files: every rule that could not be evaluated.
pub fn lint_schema(ruleset: &Ruleset, data: &[PathBuf], options: &CheckOptions) -> Result<Vec<Diagnostic>, Error> {
    let inputs = Inputs::open_unified(data, options, ruleset.now)?;
    let options = CheckOptions { only: Vec::new(), skip: Vec::new(), ..options.clone() };
    let mut findings = Plan::new(ruleset, &inputs, &options).findings(ruleset, &options);
    // What was found without data is not said twice.
    let known = |finding: &Diagnostic| {
        ruleset.diagnostics().iter().any(|own| own.code == finding.code && own.span.range() == finding.span.range())
    };
    findings.retain(|finding| !known(finding));
    Ok(findings)
}

fn is_about_sql(finding: &Diagnostic) -> bool {
    [Code::WhereInvalid, Code::QueryInvalid].iter().any(|code| code.as_str() == finding.code)
}

/// A reason as a finding about the text; `None` for what the text is not to blame for.
fn finding(rule: &BoundRule, reason: &Unevaluated, references_named: bool) -> Option<Diagnostic> {
    let code = match (reason.code, reason.place) {
        // References may be named when the rules are run.
        ("unknown_reference" | "unknown_table", _) if !references_named => return None,
        ("unreadable_reference" | "no_sql" | "not_supported", _) => return None,
        (_, Some(Place::Predicate(_))) => Code::WhereInvalid,
        (_, Some(Place::Query(_))) => Code::QueryInvalid,
        ("column_type" | "nested_column", _) => Code::ColumnType,
        ("unknown_column", _) => Code::UnknownColumn,
        _ => Code::NotEvaluated,
    };
    let span = match reason.place {
        Some(Place::Parameter(span) | Place::Predicate(span) | Place::Query(span)) => span,
        None => rule.parameter_spans.first().copied().unwrap_or(rule.span),
    };
    let finding = Diagnostic::error(code, span, reason.message.clone());
    Some(match &reason.help {
        Some(help) => finding.help(help.clone()),
        None => finding,
    })
}
