//! Rules and analyzers of a saved result.

use super::field::Field;
use crate::check::{AnalyzerOutcome, Distribution};
use crate::comparison::Operator;
use crate::sample::{Cell, RowCounts, SampleRow, Samples};
use crate::span::Span;
use crate::value::Number;
use crate::verdict::{Compared, Outcome, Verdict};
use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::{Mutex, PoisonError};

/// Columns that the failing rows of a rule may have together.
const COLUMNS: usize = 10_000;

/// What rules refer to, and what is collected of them.
pub(super) struct Reader {
    /// Positions of files by name.
    files: HashMap<String, usize>,
    /// Line and column of starts and ends, in turn.
    pub(super) positions: Vec<(usize, usize)>,
}

impl Reader {
    /// For a run over these files.
    pub(super) fn new(names: &[String]) -> Self {
        let mut files = HashMap::new();
        for (position, name) in names.iter().enumerate() {
            files.entry(name.clone()).or_insert(position);
        }
        Self { files, positions: Vec::new() }
    }

    /// All top-level rules.
    pub(super) fn rules(&mut self, rules: &Field<'_>) -> Result<Vec<Outcome>, String> {
        let mut outcomes = Vec::new();
        for (position, rule) in rules.items()?.iter().enumerate() {
            let name = rule.get("name")?;
            let expected = format!("Rule_{}", position + 1);
            // Reports name rules by their positions: none may be taken out.
            if name.text()? != expected {
                return name.wrong(&expected);
            }
            outcomes.push(self.outcome(rule)?);
        }
        Ok(outcomes)
    }

    fn outcome(&mut self, rule: &Field<'_>) -> Result<Outcome, String> {
        let verdict = rule.get("verdict")?;
        let kind = rule.get("type")?;
        let operands = match rule.find("operands")? {
            Some(operands) => {
                operands.items()?.iter().map(|operand| self.outcome(operand)).collect::<Result<Vec<_>, String>>()?
            }
            None => Vec::new(),
        };
        let labels = rule.get("labels")?;
        Ok(Outcome {
            rule: rule.get("rule")?.text()?.to_string(),
            evaluated: rule.optional_text("evaluated")?,
            rule_type: match (kind.text()?, crate::rules::find(kind.text()?)) {
                ("Composite", _) => None,
                (_, Some(rule_type)) => Some(rule_type.name),
                (_, None) => return kind.wrong("a rule type of this version of dq"),
            },
            verdict: match verdict.text()? {
                "PASS" => Verdict::Pass,
                "FAIL" => Verdict::Fail,
                "ERROR" => Verdict::Error,
                "SKIP" => Verdict::Skip,
                _ => return verdict.wrong("PASS, FAIL, ERROR or SKIP"),
            },
            code: rule.find("code")?.map(|code| word(&code)).transpose()?,
            message: rule.optional_text("message")?,
            help: rule.optional_text("help")?,
            metrics: metrics(rule)?,
            rows: match rule.find("rows")? {
                Some(rows) => Some((rows.get("satisfying")?.count()?, rows.get("judged")?.count()?)),
                None => None,
            },
            row_counts: match rule.find("row_counts")? {
                Some(counts) => Some(RowCounts {
                    passed: counts.get("passed")?.count()?,
                    failed: counts.get("failed")?.count()?,
                    skipped: counts.get("skipped")?.count()?,
                }),
                None => None,
            },
            samples: rule.find("samples")?.map(|samples| self.samples(&samples)).transpose()?,
            columns: rule.get("columns")?.texts()?,
            compared: match rule.find("compared")? {
                Some(list) => list.items()?.iter().map(compared).collect::<Result<_, String>>()?,
                None => Vec::new(),
            },
            labels: labels
                .entries()?
                .iter()
                .map(|(key, value)| Ok((key.to_string(), value.text()?.to_string())))
                .collect::<Result<_, String>>()?,
            span: self.span(rule)?,
            operands,
        })
    }

    /// Positions as a span of the index that is made of them.
    fn span(&mut self, rule: &Field<'_>) -> Result<Span, String> {
        let start = (rule.get("line")?.position()?, rule.get("column")?.position()?);
        // Reports of the first versions do not say where rules end.
        let end = match (rule.find("end_line")?, rule.find("end_column")?) {
            (Some(line), Some(column)) => (line.position()?, column.position()?),
            _ => start,
        };
        let offset = self.positions.len();
        self.positions.extend([start, end]);
        Ok(Span::new(offset, offset + 1))
    }

    fn samples(&self, samples: &Field<'_>) -> Result<Samples, String> {
        let texts = samples.find("texts")?;
        let of = |part: &str| -> Result<HashSet<String>, String> {
            match &texts {
                Some(texts) => Ok(texts.get(part)?.texts()?.into_iter().collect()),
                None => Ok(HashSet::new()),
            }
        };
        let (keys, judged, other) = (of("key")?, of("cells")?, of("reference")?);
        let list = samples.get("rows")?;
        let mut rows = Vec::new();
        let mut columns = HashSet::new();
        for row in list.items()? {
            let number = row.get("row")?;
            let found = SampleRow {
                file: match row.find("file")? {
                    // A row of no file, which is never found.
                    None => usize::MAX,
                    Some(file) => match self.files.get(file.text()?) {
                        Some(position) => *position,
                        None => return file.wrong("one of data.files"),
                    },
                },
                row: if number.count()? > 0 { number.count()? } else { return number.wrong("a number from 1") },
                key: cells(&row.get("key")?, &keys)?,
                cells: cells(&row.get("cells")?, &judged)?,
                reference: cells(&row.get("reference")?, &other)?,
                group: row.find("group")?.map(|group| Ok::<_, String>(group.position()? - 1)).transpose()?,
            };
            for (name, _) in found.key.iter().chain(&found.cells).chain(&found.reference) {
                if !columns.contains(name) {
                    columns.insert(name.clone());
                }
            }
            if columns.len() > COLUMNS {
                return list.wrong(&format!("rows of at most {COLUMNS} columns"));
            }
            rows.push(found);
        }
        Ok(Samples { failing: samples.get("failing")?.count()?, rows })
    }
}

fn cells(cells: &Field<'_>, texts: &HashSet<String>) -> Result<Vec<(String, Cell)>, String> {
    let mut found = Vec::new();
    for (name, value) in cells.entries()? {
        let cell = match value.null_or_text()? {
            None => Cell::Null,
            Some(text) if texts.contains(name) => Cell::Text(text.to_string()),
            Some(text) => Cell::Value(text.to_string()),
        };
        found.push((name.to_string(), cell));
    }
    Ok(found)
}

/// What an analyzer measured.
pub(super) fn analyzer(analyzer: &Field<'_>) -> Result<AnalyzerOutcome, String> {
    let mut distributions = Vec::new();
    for (name, value) in analyzer.get("distributions")?.entries()? {
        let numbers = |name: &str| -> Result<Vec<f64>, String> {
            value.get(name)?.items()?.iter().map(|number| number.number()).collect()
        };
        let counts = value.get("counts")?;
        let distribution = Distribution {
            edges: numbers("edges")?,
            values: value.get("values")?.texts()?,
            counts: counts.items()?.iter().map(|count| count.count()).collect::<Result<_, _>>()?,
            nulls: value.get("nulls")?.count()?,
            others: value.get("others")?.count()?,
        };
        let bins = if distribution.edges.is_empty() { distribution.values.len() } else { distribution.edges.len() - 1 };
        if distribution.counts.len() != bins {
            return counts.wrong(&format!("{bins} counts, one for each bin or value"));
        }
        distributions.push((name.to_string(), distribution, word(&value.get("data_type")?)?));
    }
    Ok(AnalyzerOutcome {
        analyzer: analyzer.get("analyzer")?.text()?.to_string(),
        metrics: metrics(analyzer)?,
        distributions,
        message: analyzer.optional_text("message")?,
        help: analyzer.optional_text("help")?,
    })
}

/// Metrics as doubles, or with all digits where those are there.
fn metrics(outcome: &Field<'_>) -> Result<Vec<(String, Number)>, String> {
    let digits = outcome.find("digits")?;
    let mut metrics = Vec::new();
    for (name, value) in outcome.get("metrics")?.entries()? {
        let all = match &digits {
            Some(digits) => digits.find(name)?,
            None => None,
        };
        let number = match all {
            Some(all) => match exact(all.text()?) {
                Some(number) => number,
                None => return all.wrong("the digits of a number"),
            },
            None if value.is_null() => Number::Float(f64::NAN),
            None => Number::Float(value.number()?),
        };
        metrics.push((name.to_string(), number));
    }
    Ok(metrics)
}

fn compared(field: &Field<'_>) -> Result<Compared, String> {
    let number = |field: &Field<'_>| {
        let text = field.text()?;
        let double = || text.parse().ok().filter(|_| text.len() <= 100).map(Number::Float);
        exact(text).or_else(double).map_or_else(|| field.wrong("a number"), Ok)
    };
    let operator = field.get("operator")?;
    let counts = match (field.find("satisfying")?, field.find("judged")?) {
        (Some(satisfying), Some(judged)) => Some((satisfying.count()?, judged.count()?)),
        _ => None,
    };
    Ok(Compared {
        observed: number(&field.get("observed")?)?,
        counts,
        share: field.get("share")?.boolean()?,
        operator: match Operator::ALL.iter().find(|own| Ok(own.as_str()) == operator.text()) {
            Some(own) => *own,
            None => return operator.wrong("an operator of the language"),
        },
        operands: field.get("operands")?.items()?.iter().map(number).collect::<Result<_, String>>()?,
        met: field.get("met")?.boolean()?,
    })
}

/// Digits with a sign and a fraction, and nothing else that a double is written as.
fn exact(text: &str) -> Option<Number> {
    let plain = text.len() <= 100 && text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.' || byte == b'-');
    Number::parse(text).filter(|number| plain && matches!(number, Number::Exact { .. }))
}

/// Words of the program that files name: codes of reasons, names of types. Each is kept once for good,
/// so what a file may add is bounded.
static WORDS: Mutex<BTreeSet<&'static str>> = Mutex::new(BTreeSet::new());

fn word(field: &Field<'_>) -> Result<&'static str, String> {
    const LONGEST_WORD: usize = 64;
    const MOST_WORDS: usize = 1_000;
    let text = field.text()?;
    let mut words = WORDS.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(known) = words.get(text).copied() {
        return Ok(known);
    }
    let fits = text.len() <= LONGEST_WORD && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    if !fits || words.len() >= MOST_WORDS {
        return field.wrong("a word of dq");
    }
    let word: &'static str = Box::leak(text.to_string().into_boxed_str());
    words.insert(word);
    Ok(word)
}
