//! Quality dimensions: what rules say about data.

/// What a rule says about data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Dimension {
    /// Nothing is missing.
    Completeness,
    /// Nothing is there twice.
    Uniqueness,
    /// Values and names have the form they must have.
    Validity,
    /// The data agrees with itself and with other data.
    Consistency,
    /// The data is as new as it must be.
    Timeliness,
    /// Taken together, the values are plausible.
    Accuracy,
}

impl Dimension {
    /// All of them, in the order in which they are shown.
    pub const ALL: [Dimension; 6] = [
        Dimension::Completeness,
        Dimension::Uniqueness,
        Dimension::Validity,
        Dimension::Consistency,
        Dimension::Timeliness,
        Dimension::Accuracy,
    ];

    /// Its name, as the label `dimension` has it.
    pub fn name(self) -> &'static str {
        match self {
            Dimension::Completeness => "completeness",
            Dimension::Uniqueness => "uniqueness",
            Dimension::Validity => "validity",
            Dimension::Consistency => "consistency",
            Dimension::Timeliness => "timeliness",
            Dimension::Accuracy => "accuracy",
        }
    }

    /// The dimension of that name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|dimension| dimension.name().eq_ignore_ascii_case(name.trim()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dimensions_are_found_by_name_in_any_case() {
        assert_eq!(Dimension::named(" Timeliness"), Some(Dimension::Timeliness));
        assert_eq!(Dimension::named("beauty"), None);
    }
}
