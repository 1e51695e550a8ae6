//! `FileUniqueness`: no two files hold the same.

use super::BoundRule;
use super::compile::{Compiler, Unevaluated};
use super::file_question;
use super::signature::{Example, NUMBER, RuleType, Signature};
use crate::dimension::Dimension;
use crate::metrics::Statistic;
use crate::metrics::files::FileTest;
use crate::plan::{Expectation, Observation};

pub(super) static RULE: RuleType = RuleType {
    name: "FileUniqueness",
    dimension: Some(Dimension::Uniqueness),
    signatures: &[Signature { parameters: &["path"], required: 0, repeats: false, conditions: NUMBER }],
    tags: &["matchFileName", "recentFiles", "uriRegex", "filterOrder", "dataFrame"],
    summary: "Share of files with contents of their own",
    manual: "Files with distinct contents over files; with `matchFileName`, files of different names differ. Paths and the other tags \
             are those of FileFreshness.\n\
             NULL: plays no role.\n\
             NaN: plays no role.\n\
             Empty: no files is ERROR; empty files hold the same.\n\
             Types: all.",
    examples: &[Example {
        data: "a\n1\n",
        rule: "FileUniqueness = 1.0",
        verdict: "PASS",
        metric: Some(("Dataset.*.FileUniquenessRatio", 1.0)),
        ..Example::BASE
    }],
    check: file_question::check,
    detail: file_question::detail,
    compile,
    ..RuleType::BASE
};

fn compile(compiler: &mut Compiler<'_>, rule: &BoundRule) -> Result<Observation, Unevaluated> {
    let files = file_question::ask(compiler, rule, FileTest::Unique { names: file_question::match_names(rule) });
    Ok(file_question::share(files, Expectation::Condition, &[("FileUniquenessRatio", Statistic::FileCompliance)]))
}
