//! Machine trouble: files that cannot be read, data that cannot be decoded.
//!
//! Not for mistakes in rulesets (diagnostics), nor for rules that fail or cannot be
//! evaluated (verdicts).

use std::path::{Path, PathBuf};

/// An operation that could not be carried out.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file cannot be opened or read.
    #[error("cannot read {}: {source}", shown(path))]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A file is not what its format requires.
    #[error("{}: {message}", shown(path))]
    Format {
        /// Which.
        path: PathBuf,
        /// What is wrong.
        message: String,
    },
    /// A line of a text file is wrong.
    #[error("{}, line {line}: {message}", shown(path))]
    Line {
        /// Which file.
        path: PathBuf,
        /// Which line, from 1.
        line: u64,
        /// What is wrong.
        message: String,
    },
    /// An inferred column type that other values do not fit; reading again with `data_type` helps.
    #[error("column `{column}` does not fit the type inferred for it, because of {reason}")]
    Widen {
        /// The column.
        column: String,
        /// The type that holds all values seen.
        data_type: Box<arrow_schema::DataType>,
        /// Which value or file, escaped.
        reason: String,
    },
    /// Several files that do not belong together.
    #[error("{}: {message}", shown(path))]
    Schema {
        /// The file that differs from the first.
        path: PathBuf,
        /// How.
        message: String,
    },
    /// An output cannot be written.
    #[error("cannot write {}: {source}", shown(path))]
    Write {
        /// Where.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Another engine has no rows to give: its query failed.
    #[error("no rows from {engine}: {source}")]
    Rows {
        /// Its name.
        engine: &'static str,
        /// Why.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// An option that cannot be followed.
    #[error("{0}")]
    Option(String),
    /// Code of another crate failed where no rule could say so.
    #[error("{0}")]
    Custom(String),
    /// A mistake of the engine.
    #[error("internal error: {0}; please report it")]
    Internal(String),
}

impl Error {
    /// Stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Error::Read { .. } => "input::read",
            Error::Format { .. } => "input::format",
            Error::Line { .. } => "input::line",
            Error::Widen { .. } => "input::widen",
            Error::Schema { .. } => "input::schema",
            Error::Write { .. } => "output::write",
            Error::Rows { .. } => "input::rows",
            Error::Option(_) => "input::option",
            Error::Custom(_) => "custom::failed",
            Error::Internal(_) => "engine::internal",
        }
    }

    /// What to do about it.
    pub fn help(&self) -> Option<String> {
        match self {
            Error::Read { path, source } => match source.kind() {
                // Objects far away say themselves what to do.
                _ if path.to_string_lossy().contains("://") => None,
                std::io::ErrorKind::NotFound => Some(
                    nearby(path).map_or("check the path".to_string(), |near| format!("did you mean {}?", shown(&near))),
                ),
                std::io::ErrorKind::PermissionDenied => Some("the file exists, but this user may not read it".into()),
                std::io::ErrorKind::IsADirectory => {
                    Some("name a file; a shell pattern names all files of a directory: dir/*".into())
                }
                _ => None,
            },
            // Stores far away say themselves what to do.
            Error::Write { path, .. } if path.to_string_lossy().contains("://") => None,
            Error::Write { source, .. } => write_help(source.kind()).map(str::to_string),
            Error::Line { .. } => Some(
                "mend the line; what is unusual about a CSV file, such as its delimiter, is told by the --csv options"
                    .into(),
            ),
            _ => None,
        }
    }
}

/// What to do about an output that cannot be written.
fn write_help(kind: std::io::ErrorKind) -> Option<&'static str> {
    use std::io::ErrorKind::{
        FileTooLarge, IsADirectory, NotADirectory, NotFound, PermissionDenied, QuotaExceeded, ReadOnlyFilesystem,
        StorageFull,
    };
    Some(match kind {
        StorageFull => "the disk is full: make room, or name a file on another one; nothing was written",
        QuotaExceeded => "this user may not store more there: make room, or name a file elsewhere; nothing was written",
        FileTooLarge => "files may not be as large there: name a file elsewhere; nothing was written",
        PermissionDenied => "this user may not write there: name a file in a directory of yours",
        ReadOnlyFilesystem => "nothing can be written there: name a file elsewhere",
        NotFound | NotADirectory => "make its directory first, or check the path",
        IsADirectory => "name a file, not a directory",
        _ => return None,
    })
}

/// A file of a similar name in the same directory.
fn nearby(path: &Path) -> Option<PathBuf> {
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let names: Vec<String> = std::fs::read_dir(directory)
        .ok()?
        .take(1_000)
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .collect();
    // Endings are alike by nature: only the stems are compared.
    let stem = |name: &str| name.split('.').next().unwrap_or("").to_string();
    let wanted = stem(path.file_name()?.to_str()?);
    let stems: Vec<String> = names.iter().map(|name| stem(name)).collect();
    let near = crate::diagnostic::nearest(&wanted, stems.iter().map(String::as_str))?;
    let same_kind = |name: &&String| Path::new(name).extension() == path.extension();
    let mut alike = names.iter().filter(|name| stem(name) == near);
    let near = alike.clone().find(same_kind).or_else(|| alike.next())?;
    Some(path.with_file_name(near))
}

/// A path for people: control characters escaped, so that a hostile name cannot move the cursor.
pub fn shown(path: &Path) -> String {
    escape_controls(&path.to_string_lossy())
}

/// Replaces control and direction-changing characters, and what is no character at all, by their escapes.
pub fn escape_controls(text: &str) -> String {
    // Places of Unicode that stay without a character for ever; what reads text may refuse them.
    let nothing = |c: char| u32::from(c) & 0xfffe == 0xfffe || matches!(c, '\u{fdd0}'..='\u{fdef}');
    let hostile = |c: char| {
        c.is_control()
            || nothing(c)
            || matches!(c, '\u{61c}' | '\u{200b}' | '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    if !text.chars().any(hostile) {
        return text.to_string();
    }
    text.chars().map(|c| if hostile(c) { c.escape_unicode().to_string() } else { c.to_string() }).collect()
}

#[cfg(test)]
mod tests {
    use super::escape_controls;

    #[test]
    fn what_moves_cursors_or_is_no_character_is_escaped() {
        assert_eq!(escape_controls("a\u{1b}\u{202e}"), "a\\u{1b}\\u{202e}");
        assert_eq!(escape_controls("\u{fffe}\u{ffff}\u{fdd0}\u{10ffff}"), "\\u{fffe}\\u{ffff}\\u{fdd0}\\u{10ffff}");
        assert_eq!(escape_controls("é\u{fffd}😀"), "é\u{fffd}😀");
    }
}
