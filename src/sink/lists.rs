//! What rows carry besides their columns: which rules they failed, passed and were skipped by.
//!
//! Most rows share an outcome with many others. Texts are made once per distinct outcome; arrays hold the
//! numbers of rules.

use super::{Extra, Verdicts};
use arrow_array::{Array, ArrayRef, DictionaryArray, Int32Array, ListArray, StringArray};
use arrow_buffer::{BooleanBuffer, OffsetBuffer, ScalarBuffer};
use arrow_schema::{ArrowError, DataType, Field};
use std::collections::HashMap;
use std::sync::Arc;

/// The column of bad rows.
pub const FAILED_RULES: &str = "_dq_failed_rules";

/// The columns of Glue's rowLevelOutcomes, in its order. Users match names and values literally.
pub const OUTCOMES: [&str; 4] =
    ["DataQualityRulesPass", "DataQualityRulesFail", "DataQualityRulesSkip", "DataQualityEvaluationResult"];

/// Bytes of texts that are kept.
const MOST_TEXT: usize = 16 << 20;

impl Extra {
    /// The names of the columns, in order.
    pub fn names(self) -> &'static [&'static str] {
        match self {
            Extra::None => &[],
            Extra::FailedRules => &[FAILED_RULES],
            Extra::Outcomes => &OUTCOMES,
        }
    }

    /// The columns as fields. Lists hold text, or the numbers of texts in a dictionary.
    pub(super) fn fields(self, encoded: bool) -> Vec<Field> {
        let list = |name: &str| {
            let text = match encoded {
                true => DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8)),
                false => DataType::Utf8,
            };
            Field::new_list(name, Arc::new(Field::new("element", text, false)), false)
        };
        match self {
            Extra::None => Vec::new(),
            Extra::FailedRules => vec![list(FAILED_RULES)],
            Extra::Outcomes => {
                let [passed, failed, skipped, result] = OUTCOMES;
                vec![list(passed), list(failed), list(skipped), Field::new(result, DataType::Utf8, false)]
            }
        }
    }
}

/// The outcomes of the rows of a batch, some words of bits a row: failed rules, then passed ones.
pub(super) struct Patterns {
    words: Vec<u64>,
    /// Words a row.
    width: usize,
    rules: usize,
}

impl Patterns {
    /// Turns bits by rule into bits by row; the passed ones only where they matter.
    pub(super) fn new(extra: Extra, verdicts: &Verdicts<'_>) -> Self {
        let rules = verdicts.rules.len();
        let half = rules.div_ceil(64);
        let passed: &[BooleanBuffer] = if extra == Extra::Outcomes { verdicts.pass } else { &[] };
        let width = if extra == Extra::Outcomes { 2 * half } else { half };
        let failed = verdicts.fail.iter().take(rules).enumerate();
        let passed = passed.iter().take(rules).enumerate().map(|(rule, bits)| (half * 64 + rule, bits));
        let bitmaps: Vec<(usize, &BooleanBuffer)> = failed.chain(passed).collect();
        // Most rules pass on all rows: that is told once.
        let mut everywhere = vec![0u64; width];
        let is_whole = |bits: &BooleanBuffer| bits.count_set_bits() == verdicts.rows && bits.len() == verdicts.rows;
        for (bit, _) in bitmaps.iter().filter(|(_, bits)| is_whole(bits)) {
            everywhere[bit / 64] |= 1 << (bit % 64);
        }
        let mut words = everywhere.repeat(verdicts.rows);
        for (bit, bits) in bitmaps.iter().filter(|(_, bits)| !is_whole(bits)) {
            for row in bits.set_indices() {
                if let Some(word) = words.get_mut(row * width + bit / 64) {
                    *word |= 1 << (bit % 64);
                }
            }
        }
        Self { words, width, rules }
    }

    /// The outcome of a row.
    pub(super) fn row(&self, row: usize) -> Outcome<'_> {
        let words = self.words.get(row * self.width..(row + 1) * self.width).unwrap_or_default();
        Outcome { words, rules: self.rules }
    }
}

/// The outcome of a row.
#[derive(Clone, Copy)]
pub(super) struct Outcome<'a> {
    words: &'a [u64],
    rules: usize,
}

impl<'a> Outcome<'a> {
    fn halves(self) -> (&'a [u64], &'a [u64]) {
        self.words.split_at(self.rules.div_ceil(64).min(self.words.len()))
    }

    fn failed(self) -> impl Iterator<Item = usize> {
        positions(self.halves().0.iter().copied())
    }

    fn passed(self) -> impl Iterator<Item = usize> {
        positions(self.halves().1.iter().copied())
    }

    fn skipped(self) -> impl Iterator<Item = usize> {
        let (failed, passed) = self.halves();
        let rules = self.rules;
        positions(failed.iter().zip(passed).map(|(failed, passed)| !(failed | passed)))
            .take_while(move |rule| *rule < rules)
    }

    fn result(self) -> &'static str {
        if self.halves().0.iter().all(|word| *word == 0) { "Passed" } else { "Failed" }
    }
}

/// The positions of bits that are set, from the lowest of the first word on.
fn positions(words: impl Iterator<Item = u64>) -> impl Iterator<Item = usize> {
    words.enumerate().flat_map(|(at, word)| {
        let mut rest = word;
        std::iter::from_fn(move || {
            let lowest = (rest != 0).then(|| rest.trailing_zeros() as usize)?;
            rest &= rest - 1;
            Some(at * 64 + lowest)
        })
    })
}

/// A field of a row: its name, its text, and whether that is a JSON array.
pub(super) struct Value {
    pub(super) name: &'static str,
    pub(super) text: String,
    pub(super) is_array: bool,
}

/// Makes the bytes of fields.
type Render = Box<dyn Fn(&[Value]) -> Vec<u8> + Send>;

/// What text formats add to a row, made once per distinct outcome.
pub(super) struct Texts {
    extra: Extra,
    /// The texts of the rules as JSON.
    rules: Vec<String>,
    render: Render,
    made: HashMap<Box<[u64]>, Vec<u8>>,
    bytes: usize,
}

impl Texts {
    pub(super) fn new(extra: Extra, rules: &[String], render: impl Fn(&[Value]) -> Vec<u8> + Send + 'static) -> Self {
        let rules = rules.iter().map(|rule| serde_json::Value::from(rule.as_str()).to_string()).collect();
        Self { extra, rules, render: Box::new(render), made: HashMap::new(), bytes: 0 }
    }

    /// The outcomes of a batch.
    pub(super) fn patterns(&self, verdicts: &Verdicts<'_>) -> Patterns {
        Patterns::new(self.extra, verdicts)
    }

    /// What is added to a row of an outcome.
    pub(super) fn of(&mut self, outcome: Outcome<'_>) -> &[u8] {
        if !self.made.contains_key(outcome.words) {
            let text = (self.render)(&self.values(outcome));
            if self.bytes > MOST_TEXT {
                self.made.clear();
                self.bytes = 0;
            }
            self.bytes += text.len() + size_of_val(outcome.words);
            self.made.insert(outcome.words.into(), text);
        }
        self.made.get(outcome.words).map(Vec::as_slice).unwrap_or_default()
    }

    fn values(&self, outcome: Outcome<'_>) -> Vec<Value> {
        let list = |name: &'static str, rules: &mut dyn Iterator<Item = usize>| {
            let texts: Vec<&str> = rules.filter_map(|rule| self.rules.get(rule).map(String::as_str)).collect();
            Value { name, text: format!("[{}]", texts.join(",")), is_array: true }
        };
        match self.extra {
            Extra::None => Vec::new(),
            Extra::FailedRules => vec![list(FAILED_RULES, &mut outcome.failed())],
            Extra::Outcomes => {
                let [passed, failed, skipped, result] = OUTCOMES;
                vec![
                    list(passed, &mut outcome.passed()),
                    list(failed, &mut outcome.failed()),
                    list(skipped, &mut outcome.skipped()),
                    Value { name: result, text: outcome.result().to_string(), is_array: false },
                ]
            }
        }
    }
}

/// The extra columns of some rows, lists as numbers in the dictionary of `rules`.
pub(super) fn arrays(
    extra: Extra,
    patterns: &Patterns,
    rows: &[usize],
    rules: &ArrayRef,
) -> Result<Vec<ArrayRef>, ArrowError> {
    let mut columns: Vec<ArrayRef> = Vec::new();
    let outcomes = || rows.iter().map(move |row| patterns.row(*row));
    let known = |rule: &usize| *rule < rules.len();
    if extra == Extra::Outcomes {
        columns.push(list(outcomes().map(|outcome| outcome.passed().filter(known)), rules)?);
    }
    if extra != Extra::None {
        columns.push(list(outcomes().map(|outcome| outcome.failed().filter(known)), rules)?);
    }
    if extra == Extra::Outcomes {
        columns.push(list(outcomes().map(|outcome| outcome.skipped().filter(known)), rules)?);
        columns.push(Arc::new(StringArray::from_iter_values(outcomes().map(Outcome::result))));
    }
    Ok(columns)
}

fn list<R: Iterator<Item = usize>>(rows: impl Iterator<Item = R>, rules: &ArrayRef) -> Result<ArrayRef, ArrowError> {
    let too_many = |_| ArrowError::ComputeError("too many rules on the rows of a batch".into());
    let mut keys: Vec<i32> = Vec::new();
    let mut offsets: Vec<i32> = vec![0];
    for row in rows {
        for rule in row {
            keys.push(i32::try_from(rule).map_err(too_many)?);
        }
        offsets.push(i32::try_from(keys.len()).map_err(too_many)?);
    }
    let values: ArrayRef = Arc::new(DictionaryArray::try_new(Int32Array::from(keys), rules.clone())?);
    let field = Arc::new(Field::new("element", values.data_type().clone(), false));
    Ok(Arc::new(ListArray::try_new(field, OffsetBuffer::new(ScalarBuffer::from(offsets)), values, None)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outcomes_of_many_rules_are_told_row_by_row() {
        let texts: Vec<String> = (0..130).map(|rule| format!("Rule {rule}")).collect();
        // Every third rule passes on all rows, others pass, fail or skip.
        let bits = |wanted: usize| -> Vec<BooleanBuffer> {
            let outcome = |rule: usize, row: usize| if rule.is_multiple_of(3) { 0 } else { (rule * 7 + row * 5) % 3 };
            (0..130).map(|rule| BooleanBuffer::collect_bool(7, |row| outcome(rule, row) == wanted)).collect()
        };
        let (pass, fail) = (bits(0), bits(1));
        let verdicts = Verdicts { rules: &texts, pass: &pass, fail: &fail, rows: 7 };
        let patterns = Patterns::new(Extra::Outcomes, &verdicts);
        let short = Patterns::new(Extra::FailedRules, &verdicts);
        for row in 0..verdicts.rows {
            let outcome = patterns.row(row);
            let all = |bits: &[BooleanBuffer]| (0..130).filter(|rule| bits[*rule].value(row)).collect::<Vec<_>>();
            let skipped: Vec<usize> =
                (0..130).filter(|rule| !verdicts.pass[*rule].value(row) && !verdicts.fail[*rule].value(row)).collect();
            assert_eq!(outcome.passed().collect::<Vec<_>>(), all(verdicts.pass));
            assert_eq!(outcome.failed().collect::<Vec<_>>(), all(verdicts.fail));
            assert_eq!(short.row(row).failed().collect::<Vec<_>>(), all(verdicts.fail));
            assert_eq!(outcome.skipped().collect::<Vec<_>>(), skipped);
        }
    }

    #[test]
    fn without_rules_rows_pass() {
        let verdicts = Verdicts { rules: &[], pass: &[], fail: &[], rows: 2 };
        let mut texts = Texts::new(Extra::Outcomes, &[], |values| {
            values.iter().map(|value| value.text.as_str()).collect::<Vec<_>>().join(" ").into_bytes()
        });
        let patterns = texts.patterns(&verdicts);
        assert_eq!(texts.of(patterns.row(1)), b"[] [] [] Passed");
    }
}
