//! What is asked of files, whatever is in them.

use super::test::Test;
use super::{NoValue, Reading, Statistic};
use crate::intervals::Intervals;
use crate::value::Number;
use std::sync::Arc;

/// Files and what is asked of each.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct FileQuestion {
    /// A file, a directory with all below it, or a glob; `None` for the files that are checked.
    pub path: Option<String>,
    /// Which of the files.
    pub selection: Selection,
    /// What they must be.
    pub test: FileTest,
    /// Whether to stop at the first file that does not satisfy.
    pub fail_fast: bool,
}

/// Which files of a path are looked at.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Selection {
    /// Only so many, the newest; all when `None`.
    pub recent: Option<usize>,
    /// Only those in whose path this pattern is found.
    pub pattern: Option<String>,
    /// Whether the pattern is applied before the newest are taken.
    pub pattern_first: bool,
}

/// What a file must be.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum FileTest {
    /// Last modified within these microseconds since 1970.
    Modified(Intervals),
    /// As large as this, in bytes.
    Size(Intervals),
    /// A checksum, in lower-case hexadecimal digits, that passes a test of text.
    Checksum(Algorithm, Arc<Test>),
    /// Of contents that no earlier file has; names take part if asked.
    Unique {
        /// Whether files of different names differ.
        names: bool,
    },
    /// Also below this other path: as many files with the same contents; names take part if asked.
    SameAs {
        /// The other path.
        path: String,
        /// How contents are compared.
        algorithm: Algorithm,
        /// Whether names must agree too.
        names: bool,
    },
}

/// How a checksum is computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Algorithm {
    /// MD5, 128 bits.
    Md5,
    /// SHA-1, 160 bits.
    Sha1,
    /// SHA-256.
    #[default]
    Sha256,
}

impl Algorithm {
    /// As Glue spells it: `MD5`, `SHA-1`, `SHA-256`.
    pub fn parse(name: &str) -> Option<Self> {
        match name {
            "MD5" => Some(Algorithm::Md5),
            "SHA-1" => Some(Algorithm::Sha1),
            "SHA-256" => Some(Algorithm::Sha256),
            _ => None,
        }
    }
}

impl std::fmt::Display for FileQuestion {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let what = match &self.test {
            FileTest::Modified(_) => "last modified",
            FileTest::Size(_) => "size",
            FileTest::Checksum(_, _) => "checksum",
            FileTest::Unique { .. } => "distinct contents",
            FileTest::SameAs { .. } => "contents",
        };
        write!(f, "{what} of {}", self.path.as_deref().unwrap_or("the data files"))?;
        if let FileTest::SameAs { path, .. } = &self.test {
            write!(f, " and {path}")?;
        }
        if let Some(pattern) = &self.selection.pattern {
            write!(f, " matching {pattern}")?;
        }
        match self.selection.recent {
            Some(recent) => write!(f, ", newest {recent}"),
            None => Ok(()),
        }
    }
}

/// What was found out about files.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FileFacts {
    /// Files looked at.
    pub files: u64,
    /// Files that satisfy.
    pub satisfying: u64,
    /// Size of the smallest, in bytes.
    pub smallest: u64,
    /// Size of the largest, in bytes.
    pub largest: u64,
    /// The first file that does not satisfy, and why.
    pub offender: Option<String>,
}

impl FileFacts {
    /// Counts and sizes.
    pub fn statistic(&self, statistic: Statistic) -> Reading {
        if self.files == 0 {
            return Err(NoValue::NoData);
        }
        Ok(match statistic {
            Statistic::Count => Number::integer(self.files.into()),
            Statistic::FileCompliance => Number::Float(self.satisfying as f64 / self.files as f64),
            Statistic::MinimumFileSize => Number::integer(self.smallest.into()),
            Statistic::MaximumFileSize => Number::integer(self.largest.into()),
            _ => return Err(NoValue::NotInFamily),
        })
    }
}
