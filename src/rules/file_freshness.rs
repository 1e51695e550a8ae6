//! `FileFreshness`: how old files are.

use super::BoundRule;
use super::compile::{Compiler, Unevaluated};
use super::condition::BoundCondition;
use super::signature::{Conditions, Example, RuleType, Signature};
use super::{file_question, points};
use crate::dimension::Dimension;
use crate::dqdl::ast::Kind;
use crate::intervals::Intervals;
use crate::metrics::Statistic;
use crate::metrics::files::FileTest;
use crate::plan::{Expectation, Observation};
use arrow_schema::{DataType, TimeUnit};

pub(super) static RULE: RuleType = RuleType {
    name: "FileFreshness",
    dimension: Some(Dimension::Timeliness),
    signatures: &[Signature {
        parameters: &["path"],
        required: 0,
        repeats: false,
        conditions: Conditions::Required(&[Kind::Date]),
    }],
    threshold: true,
    tags: &["timeZone", "recentFiles", "uriRegex", "filterOrder", "failFast", "dataFrame"],
    summary: "Whether files were modified when they should have been",
    manual: "Compares the time of the last modification of every file with an instant: `> (now() - 24 hours)`. The path is a file, a \
             directory with all below it, or a pattern; without one, the data files themselves. `recentFiles` keeps the newest, \
             `uriRegex` those in whose path a pattern is found, `filterOrder` says which comes first; `failFast` stops at the first \
             file that does not satisfy.\n\
             NULL: plays no role.\n\
             NaN: plays no role.\n\
             Empty: no files is ERROR.\n\
             Types: all.",
    examples: &[
        Example {
            data: "a\n1\n",
            rule: r#"FileFreshness > "2020-01-01""#,
            verdict: "PASS",
            metric: Some(("Dataset.*.FileFreshness.Compliance", 1.0)),
            ..Example::BASE
        },
        Example {
            data: "a\n1\n",
            rule: r#"FileFreshness < "2020-01-01""#,
            verdict: "FAIL",
            metric: Some(("Dataset.*.FileCount", 1.0)),
            ..Example::BASE
        },
    ],
    check: file_question::check,
    detail: file_question::detail,
    compile,
    ..RuleType::BASE
};

fn compile(compiler: &mut Compiler<'_>, rule: &BoundRule) -> Result<Observation, Unevaluated> {
    let Some(BoundCondition::Date(condition)) = &rule.condition else { return Err(file_question::no_condition(rule)) };
    let instants = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
    let points: Option<Vec<_>> =
        condition.operands.iter().map(|point| points::date(*point, &instants, compiler.zone)).collect();
    let points = points.ok_or_else(|| Unevaluated::new("operand", "a file is never modified at NULL"))?;
    let test = FileTest::Modified(Intervals::satisfying(condition.operator, &points));
    let files = file_question::ask(compiler, rule, test);
    let shown = [("FileFreshness.Compliance", Statistic::FileCompliance)];
    Ok(file_question::share(files, Expectation::Threshold, &shown))
}
