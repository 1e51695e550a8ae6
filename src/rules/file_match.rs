//! `FileMatch`: files hold what they should.

use super::BoundRule;
use super::compile::{Compiler, Unevaluated};
use super::condition::BoundCondition;
use super::signature::{Conditions, Example, RuleType, Signature};
use super::{column_values, file_question};
use crate::dimension::Dimension;
use crate::dqdl::ast::Kind;
use crate::metrics::files::FileTest;
use crate::plan::{Expectation, Observation};

pub(super) static RULE: RuleType = RuleType {
    name: "FileMatch",
    dimension: Some(Dimension::Validity),
    signatures: &[
        Signature::new(&["path", "path"], Conditions::None),
        Signature {
            parameters: &["path"],
            required: 0,
            repeats: false,
            conditions: Conditions::Required(&[Kind::Text]),
        },
    ],
    tags: &["matchFileName", "hashAlgorithm", "recentFiles", "uriRegex", "filterOrder", "dataFrame"],
    summary: "Whether files agree with each other, or with checksums",
    manual: "With two paths, both must have as many files of the same contents; with `matchFileName` under the same names. With one \
             path, or none for the data files, the checksum of each file must satisfy the condition, in lower-case hexadecimal \
             digits. `hashAlgorithm` is MD5, SHA-1 or SHA-256, the default. Paths and the other tags are those of FileFreshness.\n\
             NULL: plays no role.\n\
             NaN: plays no role.\n\
             Empty: no files is ERROR.\n\
             Types: all.",
    examples: &[
        Example {
            data: "a\n1\n",
            rule: r#"FileMatch in ["ebeea52d78e4c7ebd30dab7c2f0f6d1d"] with hashAlgorithm = "MD5""#,
            verdict: "FAIL",
            metric: Some(("Dataset.*.FileCount", 1.0)),
            ..Example::BASE
        },
        Example {
            data: "a\n1\n",
            rule: r#"FileMatch matches "[0-9a-f]{64}""#,
            verdict: "PASS",
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
    let algorithm = file_question::algorithm(rule);
    let test = match (rule.parameters.get(1), &rule.condition) {
        (Some(path), _) => FileTest::SameAs { path: path.clone(), algorithm, names: file_question::match_names(rule) },
        (None, Some(BoundCondition::Text(condition))) => {
            FileTest::Checksum(algorithm, column_values::text_test(rule, condition)?.into())
        }
        _ => return Err(file_question::no_condition(rule)),
    };
    let files = file_question::ask(compiler, rule, test);
    Ok(file_question::share(files, Expectation::All, &[]))
}
