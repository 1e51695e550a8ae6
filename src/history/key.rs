//! Which number is remembered, and by which run.

use serde::{Deserialize, Serialize};
use std::fmt;

/// Which number is remembered. Equal keys name one series of a dataset.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Key {
    /// The public name of the metric, such as `Column.a.Completeness`.
    pub metric: String,
    /// What tells apart metrics of one name: the parameters of its rule type in canonical form.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// The normal form of `where`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub filter: Option<String>,
}

impl Key {
    /// Of a metric over all rows that its name alone tells apart.
    pub fn new(metric: impl Into<String>) -> Self {
        Self { metric: metric.into(), detail: None, filter: None }
    }
}

/// As people read it; control characters are as they are.
impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.metric)?;
        if let Some(detail) = &self.detail {
            write!(f, " ({detail})")?;
        }
        if let Some(filter) = &self.filter {
            write!(f, " where {filter}")?;
        }
        Ok(())
    }
}

/// Forty hexadecimal digits that name a run: the same for the same rules, files and time.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct RunId(pub String);

impl RunId {
    /// Digits there are.
    const DIGITS: usize = 40;

    /// Whether it is what it should be. Names of files hold it, so that nothing else may be in it.
    pub fn is_valid(&self) -> bool {
        let digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        self.0.len() == Self::DIGITS && self.0.bytes().all(digit)
    }

    /// As many digits as people need to tell runs apart.
    pub fn short(&self) -> &str {
        self.0.get(..10).unwrap_or(&self.0)
    }
}
