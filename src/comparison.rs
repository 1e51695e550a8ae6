//! The comparisons of the language.

/// The comparison of a condition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Operator {
    /// `=`
    Equal,
    /// `!=`
    NotEqual,
    /// `>`
    Greater,
    /// `>=`
    GreaterOrEqual,
    /// `<`
    Less,
    /// `<=`
    LessOrEqual,
    /// `between a and b`, both ends excluded
    Between,
    /// `not between a and b`
    NotBetween,
    /// `in [...]`
    In,
    /// `not in [...]`
    NotIn,
    /// `matches "..."`
    Matches,
    /// `not matches "..."`
    NotMatches,
}

impl Operator {
    /// All of them.
    pub const ALL: [Operator; 12] = [
        Operator::Equal,
        Operator::NotEqual,
        Operator::Greater,
        Operator::GreaterOrEqual,
        Operator::Less,
        Operator::LessOrEqual,
        Operator::Between,
        Operator::NotBetween,
        Operator::In,
        Operator::NotIn,
        Operator::Matches,
        Operator::NotMatches,
    ];

    /// As written in the language.
    pub fn as_str(self) -> &'static str {
        match self {
            Operator::Equal => "=",
            Operator::NotEqual => "!=",
            Operator::Greater => ">",
            Operator::GreaterOrEqual => ">=",
            Operator::Less => "<",
            Operator::LessOrEqual => "<=",
            Operator::Between => "between",
            Operator::NotBetween => "not between",
            Operator::In => "in",
            Operator::NotIn => "not in",
            Operator::Matches => "matches",
            Operator::NotMatches => "not matches",
        }
    }
}
