//! How much rules matter, as their labels say.

use super::{Outcome, Verdict};

/// How much a rule matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Good to know.
    Information,
    /// A warning.
    Minor,
    /// What rules are that say nothing of it.
    Major,
    /// More than others.
    Critical,
    /// More than all others.
    Blocker,
}

impl Severity {
    /// `information`, `minor`, `major`, `critical` or `blocker`
    pub fn as_str(self) -> &'static str {
        match self {
            Severity::Information => "information",
            Severity::Minor => "minor",
            Severity::Major => "major",
            Severity::Critical => "critical",
            Severity::Blocker => "blocker",
        }
    }

    /// The severity of that name, in the words of several tools.
    pub fn named(name: &str) -> Option<Self> {
        Some(match name.trim().to_ascii_lowercase().as_str() {
            "info" | "information" | "notice" | "note" | "trivial" => Severity::Information,
            "minor" | "low" | "warning" | "warn" => Severity::Minor,
            "major" | "medium" => Severity::Major,
            "critical" | "high" | "error" => Severity::Critical,
            "blocker" | "fatal" => Severity::Blocker,
            _ => return None,
        })
    }

    /// By the label `severity`, if there is one. What says nothing that is understood is major.
    pub fn labelled(label: Option<&str>) -> Self {
        label.and_then(Self::named).unwrap_or(Severity::Major)
    }

    /// Of a rule that was judged.
    pub fn of(outcome: &Outcome) -> Self {
        let severity = Self::labelled(outcome.label("severity"));
        // Nothing is known of what could not be evaluated.
        if outcome.verdict == Verdict::Error { severity.max(Severity::Major) } else { severity }
    }
}

#[cfg(test)]
mod tests {
    use super::Severity;

    #[test]
    fn severities_have_the_words_of_several_tools() {
        assert_eq!(Severity::named(" Warning "), Some(Severity::Minor));
        assert_eq!(Severity::named("fatal"), Some(Severity::Blocker));
        assert_eq!(Severity::named("urgent"), None);
        assert_eq!(Severity::labelled(Some("urgent")), Severity::Major);
        assert_eq!(Severity::labelled(None), Severity::Major);
        for severity in [Severity::Information, Severity::Minor, Severity::Major, Severity::Critical, Severity::Blocker]
        {
            assert_eq!(Severity::named(severity.as_str()), Some(severity));
        }
    }
}
