//! Scores by quality dimension and by column: how many of the rules that judge one of them pass.

use crate::check::Run;
use crate::dimension::Dimension;
use crate::verdict::{Outcome, Verdict};

/// How many rules pass, of those that were judged. Rules that could not be evaluated are judged and
/// do not pass; deselected ones are not judged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scorecard {
    /// Of all rules.
    pub total: (u64, u64),
    /// By dimension, those without rules left out. A composite counts in each dimension of its operands.
    pub dimensions: Vec<(Dimension, u64, u64)>,
    /// By column, in the order in which rules name them.
    pub columns: Vec<(String, u64, u64)>,
}

impl Scorecard {
    /// Of a run.
    pub fn of(run: &Run) -> Self {
        let mut card = Self { total: (0, 0), dimensions: Vec::new(), columns: Vec::new() };
        let mut by_dimension = [(0, 0); Dimension::ALL.len()];
        // Wide tables have many columns, and each may have rules.
        let mut positions = std::collections::HashMap::new();
        for outcome in run.outcomes.iter().filter(|outcome| outcome.verdict != Verdict::Skip) {
            let passed = u64::from(outcome.verdict == Verdict::Pass);
            let count = |counts: &mut (u64, u64)| {
                counts.0 += passed;
                counts.1 += 1;
            };
            count(&mut card.total);
            let judged_by = dimensions(outcome);
            for (dimension, counts) in Dimension::ALL.iter().zip(&mut by_dimension) {
                if judged_by.contains(dimension) {
                    count(counts);
                }
            }
            for name in &outcome.columns {
                let position = *positions.entry(name.as_str()).or_insert_with(|| {
                    card.columns.push((name.clone(), 0, 0));
                    card.columns.len() - 1
                });
                if let Some((_, column_passed, judged)) = card.columns.get_mut(position) {
                    *column_passed += passed;
                    *judged += 1;
                }
            }
        }
        card.dimensions = Dimension::ALL
            .into_iter()
            .zip(by_dimension)
            .filter(|(_, (_, judged))| *judged > 0)
            .map(|(dimension, (passed, judged))| (dimension, passed, judged))
            .collect();
        card
    }
}

/// The least score of all rules, or of those with a label. With it, it is the score of these rules that decides, and
/// not each of them.
#[derive(Debug, Clone, PartialEq)]
pub struct LeastScore {
    /// Name and value of the label; `dimension` also stands for the dimension of rules without that label.
    pub label: Option<(String, String)>,
    /// From 0 to 1.
    pub score: f64,
}

impl LeastScore {
    /// Whether it decides about a rule.
    pub fn covers(&self, outcome: &Outcome) -> bool {
        let Some((name, value)) = &self.label else { return true };
        if name.eq_ignore_ascii_case("dimension")
            && let Some(dimension) = Dimension::named(value)
        {
            return dimensions(outcome).contains(&dimension);
        }
        outcome.label(name).is_some_and(|own| own.trim().eq_ignore_ascii_case(value))
    }

    /// How many rules pass, of those that were judged.
    pub fn counts(&self, run: &Run) -> (u64, u64) {
        let judged = run.outcomes.iter().filter(|outcome| outcome.verdict != Verdict::Skip && self.covers(outcome));
        judged.fold((0, 0), |(passed, judged), outcome| {
            (passed + u64::from(outcome.verdict == Verdict::Pass), judged + 1)
        })
    }

    /// Whether enough rules pass. Of no rules, none fails.
    pub fn is_met(&self, run: &Run) -> bool {
        let (passed, judged) = self.counts(run);
        judged == 0 || passed as f64 / judged as f64 >= self.score
    }
}

impl std::str::FromStr for LeastScore {
    type Err = String;

    /// `0.95`, `95%`, `team=payments:0.95`; the last colon ends the label.
    fn from_str(text: &str) -> Result<Self, String> {
        let (label, score) = match text.rsplit_once(':') {
            Some((label, score)) => (Some(label), score),
            None => (None, text),
        };
        let number = |text: &str| text.trim().parse::<f64>().ok();
        let score = match score.trim().strip_suffix('%') {
            Some(percent) => number(percent).map(|percent| percent / 100.0),
            None => number(score),
        };
        let score = score
            .filter(|score| (0.0..=1.0).contains(score))
            .ok_or("a score is a number from 0 to 1, such as 0.95, or a share such as 95%")?;
        let label = label
            .map(|label| match label.split_once('=') {
                Some((name, value)) if !name.trim().is_empty() && !value.trim().is_empty() => {
                    Ok((name.trim().to_string(), value.trim().to_string()))
                }
                _ => Err("before the score stands a label, such as team=payments:0.95"),
            })
            .transpose()?;
        Ok(Self { label, score })
    }
}

impl std::fmt::Display for LeastScore {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.label {
            Some((name, value)) => write!(out, "rules with {name}={value}"),
            None => write!(out, "all rules"),
        }
    }
}

/// What a rule is about: what its label says, or its type, or the types of its operands.
pub fn dimensions(outcome: &Outcome) -> Vec<Dimension> {
    if let Some(dimension) = outcome.label("dimension").and_then(Dimension::named) {
        return vec![dimension];
    }
    let own = outcome.rule_type.and_then(|name| crate::rules::find(name)?.dimension);
    let mut found: Vec<_> = own.into_iter().chain(outcome.operands.iter().flat_map(dimensions)).collect();
    found.sort_unstable();
    found.dedup();
    found
}

#[cfg(test)]
mod tests {
    use super::LeastScore;
    use crate::rules::{Place, REGISTRY};

    #[test]
    fn least_scores_are_read_or_refused() {
        let score =
            |text: &str| text.parse::<LeastScore>().map(|least| (least.label.map(|(_, value)| value), least.score));
        assert_eq!(score("95%"), Ok((None, 0.95)));
        assert_eq!(score("0.07"), Ok((None, 0.07)));
        assert_eq!(score("team=a:b : 1"), Ok((Some("a:b".into()), 1.0)));
        for wrong in ["", "1.1", "-0.1", "nan", "95", "team:0.9", "=x:0.9", "team=:0.9", "team=x:"] {
            assert!(score(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn every_rule_type_has_a_dimension() {
        for rule_type in REGISTRY.iter().filter(|rule_type| rule_type.place != Place::Analyzers) {
            assert!(rule_type.dimension.is_some(), "{}", rule_type.name);
        }
    }
}
