//! Mistakes in a ruleset: what every stage reports and the command line renders.

use crate::span::Span;
use serde::Serialize;

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Works, but probably not as meant.
    Warning,
    /// The document is refused.
    Error,
}

/// One mistake: where it is, what it is and how to mend it.
///
/// Holds no source text; whoever renders it attaches the source.
#[derive(Debug, Clone, PartialEq)]
pub struct Diagnostic {
    /// Stable identity, e.g. `dqdl::trailing_comma`; listed in [`CODES`].
    pub code: &'static str,
    /// Whether the document is refused for it.
    pub severity: Severity,
    /// One sentence for a person.
    pub message: String,
    /// Where.
    pub span: Span,
    /// What stands under the caret; a few words.
    pub label: String,
    /// What to write instead.
    pub help: Option<String>,
}

impl Diagnostic {
    /// A mistake that refuses the document.
    pub fn error(code: Code, span: Span, message: impl Into<String>) -> Self {
        Self {
            code: code.as_str(),
            severity: Severity::Error,
            message: message.into(),
            span,
            label: code.label().into(),
            help: None,
        }
    }

    /// A finding that does not refuse the document.
    pub fn warning(code: Code, span: Span, message: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, ..Self::error(code, span, message) }
    }

    /// Replaces the words under the caret.
    pub fn label(mut self, label: impl Into<String>) -> Self {
        self.label = label.into();
        self
    }

    /// Says what to do about it.
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $code:literal, $label:literal;)*) => {
        /// Every kind of mistake the language front end can report.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Code { $($(#[$doc])* $name,)* }

        impl Code {
            /// The stable code.
            pub fn as_str(self) -> &'static str {
                match self { $(Code::$name => $code,)* }
            }

            /// What stands under the caret unless the finding knows better.
            fn label(self) -> &'static str {
                match self { $(Code::$name => $label,)* }
            }
        }

        /// All codes, in order of the stages that report them.
        pub const CODES: &[Code] = &[$(Code::$name,)*];
    };
}

codes! {
    /// A character that starts no token.
    UnexpectedCharacter = "dqdl::unexpected_character", "not part of the language";
    /// A string without its closing quote.
    UnterminatedString = "dqdl::unterminated_string", "opened here";
    /// `'text'`.
    SingleQuotes = "dqdl::single_quotes", "single quote";
    /// `// comment`.
    SlashComment = "dqdl::slash_comment", "not a comment";
    /// `==`.
    DoubleEquals = "dqdl::double_equals", "one sign too many";
    /// `<>`.
    AngleNotEqual = "dqdl::angle_not_equal", "not an operator";
    /// Any other syntax mistake.
    Syntax = "dqdl::syntax", "unexpected";
    /// `[a, ]`.
    TrailingComma = "dqdl::trailing_comma", "nothing follows this comma";
    /// Two rules without a comma between them.
    MissingComma = "dqdl::missing_comma", "expected a comma before this";
    /// Parentheses or composites nested beyond the limit.
    TooDeep = "dqdl::too_deep", "one level too many";
    /// A document larger than the limit.
    TooLarge = "dqdl::too_large", "document ends far beyond here";
    /// Sections out of order.
    SectionOrder = "dqdl::section_order", "out of place";
    /// A section given twice.
    DuplicateSection = "dqdl::duplicate_section", "second time";
    /// Text after the last section.
    TextAfterDocument = "dqdl::text_after_document", "not read by any section";
    /// Neither rules nor analyzers.
    EmptyDocument = "dqdl::empty_document", "nothing to evaluate";
    /// `{}` or a key that the section does not know.
    Dictionary = "dqdl::dictionary", "in this section";
    /// `["a", 1]`.
    MixedList = "dqdl::mixed_list", "another kind of value";
    /// A list without elements.
    EmptyList = "dqdl::empty_list", "empty list";
    /// `= "1.0"` where a number is wanted, `between "a" and "b"`, and kin.
    OperandKind = "dqdl::operand_kind", "does not fit here";
    /// `$name` where only a literal may stand.
    VariableNotAllowed = "dqdl::variable_not_allowed", "variable";
    /// A number, size or duration beyond what can be represented.
    Overflow = "dqdl::overflow", "too large";
    /// A tag given a value it cannot have.
    TagValue = "dqdl::tag_value", "not a value for this tag";
    /// A reserved word used as a name.
    ReservedWord = "dqdl::reserved_word", "reserved";
    /// A rule or analyzer type that does not exist.
    UnknownRuleType = "rules::unknown_rule_type", "no such type";
    /// An analyzer-only type among rules, or the other way round.
    WrongSection = "rules::wrong_section", "not in this section";
    /// Too many or too few parameters.
    ParameterCount = "rules::parameter_count", "parameters";
    /// A condition is missing.
    ConditionMissing = "rules::condition_missing", "needs a condition";
    /// A condition of the wrong kind, or none wanted.
    ConditionKind = "rules::condition_kind", "this condition";
    /// `where` on a type that has none.
    WhereNotSupported = "rules::where_not_supported", "no `where` here";
    /// An empty or unreadable `where`.
    WhereInvalid = "rules::where_invalid", "in this predicate";
    /// A query that cannot be planned.
    QueryInvalid = "rules::query_invalid", "in this query";
    /// `with threshold` on a type that has none, twice, or with a string.
    Threshold = "rules::threshold", "this threshold";
    /// A tag nobody reads.
    UnknownTag = "rules::unknown_tag", "not read by this type";
    /// A variable that is not declared.
    UnknownVariable = "rules::unknown_variable", "not declared";
    /// A variable of the wrong type for its place.
    VariableType = "rules::variable_type", "wrong type of variable";
    /// Two variables of one name, or a name that is not allowed.
    VariableName = "rules::variable_name", "this name";
    /// `$name` inside the value of a variable.
    NestedVariable = "rules::nested_variable", "inside a value";
    /// A variable nobody uses.
    UnusedVariable = "rules::unused_variable", "never used";
    /// Labels beyond the limits, twice the same key, an empty list.
    Label = "rules::label", "this label";
    /// A regular expression that does not compile.
    Pattern = "rules::pattern", "in this pattern";
    /// A date or time that does not exist.
    Date = "rules::date", "no such date or time";
    /// A time zone nobody knows.
    TimeZone = "rules::time_zone", "unknown zone";
    /// A function that dynamic operands do not have.
    UnknownFunction = "rules::unknown_function", "no such function";
    /// A keyword or operand the type cannot use.
    OperandNotSupported = "rules::operand_not_supported", "not usable here";
    /// A rule type that only this engine has, with `--target glue`.
    Extension = "rules::extension", "not in Glue";
    /// A column that the data does not have.
    UnknownColumn = "rules::unknown_column", "no such column";
    /// A rule that the columns' types cannot satisfy.
    ColumnType = "rules::column_type", "type does not fit";
    /// A rule that will be ERROR for another reason.
    NotEvaluated = "rules::not_evaluated", "cannot be evaluated";
    /// Arithmetic whose value differs from the usual precedence.
    Precedence = "lint::precedence", "evaluated left to right";
    /// `between` bounds that no value can satisfy.
    EmptyRange = "lint::empty_range", "no value satisfies this";
    /// `> 2024-01-31` without quotes.
    UnquotedDate = "lint::unquoted_date", "a number";
    /// A rule that stands twice.
    DuplicateRule = "lint::duplicate_rule", "again";
    /// `and` read as a connector between parameters.
    ConnectorAnd = "lint::connector_and", "joins parameters, not rules";
}

/// The nearest of `candidates` to `name`, if near enough to be a slip of the pen.
pub fn nearest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let wanted = name.to_lowercase();
    // A hostile name is compared by a prefix only: the distance is quadratic in the length.
    let wanted: String = wanted.chars().take(128).collect();
    candidates
        .into_iter()
        .map(|candidate| {
            (
                strsim::damerau_levenshtein(&wanted, &candidate.to_lowercase().chars().take(128).collect::<String>()),
                candidate,
            )
        })
        .filter(|(distance, candidate)| {
            let shorter = candidate.chars().count().min(wanted.chars().count());
            *distance <= 1 + shorter / 4 && distance * 2 <= shorter
        })
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn codes_are_unique_and_name_their_stage() {
        let mut seen = HashSet::new();
        for code in CODES {
            assert!(seen.insert(code.as_str()), "{} stands twice", code.as_str());
            let (stage, name) = code.as_str().split_once("::").expect("stage::name");
            assert!(["dqdl", "rules", "lint"].contains(&stage), "{stage}");
            assert!(name.chars().all(|c| c.is_ascii_lowercase() || c == '_'), "{name}");
        }
    }

    #[test]
    fn nearest_finds_slips_and_ignores_strangers() {
        assert_eq!(nearest("emial", ["email", "name"]), Some("email"));
        assert_eq!(nearest("EMAIL", ["email", "name"]), Some("email"));
        assert_eq!(nearest("zzz", ["email", "name"]), None);
    }
}
