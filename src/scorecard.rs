//! Scores by quality dimension and by column: how many of the rules that judge one of them pass.

use crate::check::Run;
use crate::dimension::Dimension;
use crate::rules::BoundNode;
use crate::verdict::{Outcome, Severity, Verdict};

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
    /// Name and value of the label; `dimension` and `severity` also stand for those of rules without that label.
    pub label: Option<(String, String)>,
    /// From 0 to 1.
    pub score: f64,
}

impl LeastScore {
    /// Whether it decides about a rule.
    pub fn covers(&self, outcome: &Outcome) -> bool {
        self.decides(|name| outcome.label(name), || dimensions(outcome), || Severity::of(outcome))
    }

    /// Whether it will decide about a rule that was not judged yet.
    pub fn will_cover(&self, node: &BoundNode) -> bool {
        let severity = || Severity::labelled(node.label("severity"));
        self.decides(|name| node.label(name), || dimensions_of(node), severity)
    }

    fn decides<'a>(
        &self,
        label: impl Fn(&str) -> Option<&'a str>,
        dimensions: impl Fn() -> Vec<Dimension>,
        severity: impl Fn() -> Severity,
    ) -> bool {
        let Some((name, value)) = &self.label else { return true };
        if name.eq_ignore_ascii_case("dimension")
            && let Some(dimension) = Dimension::named(value)
        {
            return dimensions().contains(&dimension);
        }
        if name.eq_ignore_ascii_case("severity")
            && let Some(named) = Severity::named(value)
        {
            return severity() == named;
        }
        label(name).is_some_and(|own| own.trim().eq_ignore_ascii_case(value))
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
            // Read as a whole: what is divided by 100 may miss the share of rules that it means.
            Some(percent) => number(&format!("{}e-2", percent.trim())),
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
            None => write!(out, "rules"),
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

/// What a rule will be about.
fn dimensions_of(node: &BoundNode) -> Vec<Dimension> {
    if let Some(dimension) = node.label("dimension").and_then(Dimension::named) {
        return vec![dimension];
    }
    match node {
        BoundNode::Rule(rule) => rule.rule_type.dimension.into_iter().collect(),
        BoundNode::Composite { operands, .. } => operands.iter().flat_map(dimensions_of).collect(),
    }
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
        // As exact as the share that it is compared with.
        for passed in 0..=1000 {
            let share = f64::from(passed) / 1000.0;
            let percent = format!("{}.{}%", passed / 10, passed % 10);
            assert_eq!(score(&percent), Ok((None, share)), "{percent}");
        }
        assert_eq!(score("team=a:b : 1"), Ok((Some("a:b".into()), 1.0)));
        for wrong in
            ["", "1.1", "-0.1", "nan", "95", "team:0.9", "=x:0.9", "team=:0.9", "team=x:", "%", "101%", "nan%", "1e1%"]
        {
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
