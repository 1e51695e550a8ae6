//! Names of data to files: directories, patterns, partitions by directory name.
//!
//! Engines that write many files put values into the names of directories, as in
//! `sales/year=2024/month=1/part-0.parquet`, and leave markers and unfinished work beside them under
//! names that start with `_` or `.`; both are Hive's conventions, which Spark follows.

use super::files::{MOST_FILES, expand, list};
use super::{remote, source::STDIN};
use crate::error::Error;
use std::collections::HashSet;
use std::path::{Path, PathBuf};

/// What Hive writes for NULL.
const NULL_PARTITION: &str = "__HIVE_DEFAULT_PARTITION__";

/// A data file and the values in the names of its directories.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DataFile {
    /// Where it is.
    pub path: PathBuf,
    /// Names and values of `name=value` directories, outermost first; `None` is NULL.
    pub partition: Vec<(String, Option<String>)>,
}

impl From<&Path> for DataFile {
    fn from(path: &Path) -> Self {
        Self { path: path.to_path_buf(), partition: Vec::new() }
    }
}

/// The data files that names stand for, in order: a file itself, all files below a directory or an
/// object store's prefix, or what a pattern matches. Each file once.
pub fn data_files(names: &[PathBuf], partition_columns: bool) -> Result<Vec<DataFile>, Error> {
    let mut files: Vec<DataFile> = Vec::new();
    for name in names {
        let mut found = Vec::new();
        if name == Path::new(STDIN) {
            found.push(DataFile::from(name.as_path()));
        } else if let Some(url) = remote::url(name) {
            for object in remote::list(url)? {
                found.push(data_file(PathBuf::from(object.url)));
            }
            found.retain(|file| !is_marker(Path::new(url), &file.path));
        } else if let Some((scheme, _)) =
            name.to_str().and_then(|name| name.split_once("://")).filter(|_| !name.exists())
        {
            let scheme = crate::error::escape_controls(scheme);
            return Err(Error::Option(format!(
                "there is no way to read {scheme}://; data is at s3://, gs://, az://, http(s):// or in local files"
            )));
        } else {
            // Everything below is meant, not the directories themselves.
            let below = name.ends_with("**").then(|| name.join("*"));
            let pattern = below.as_ref().unwrap_or(name);
            for root in expand(&pattern.to_string_lossy())? {
                if root != *name && is_marker(fixed(name), &root) && !names_markers(name) {
                    continue;
                }
                if !root.is_dir() {
                    found.push(data_file(root));
                } else if below.is_none() {
                    let files = list(&root.to_string_lossy())?;
                    let data = files.into_iter().filter(|file| !is_marker(&root, &file.path));
                    found.extend(data.map(|file| data_file(file.path)));
                }
            }
        }
        if found.is_empty() {
            let message = "there are no data files".to_string();
            return Err(Error::Format { path: remote::shown_name(name), message });
        }
        files.append(&mut found);
        if files.len() > MOST_FILES {
            return Err(Error::Option(format!("there are more than {MOST_FILES} data files")));
        }
    }
    let mut seen = HashSet::new();
    if let Some(twice) = files.iter().find(|file| !seen.insert(&file.path)) {
        let shown = crate::error::shown(&remote::shown_name(&twice.path));
        return Err(Error::Option(format!("{shown} is named twice: its rows would count twice")));
    }
    if !partition_columns {
        files.iter_mut().for_each(|file| file.partition.clear());
    }
    Ok(files)
}

/// Whether a name below the root says that a file is no data.
fn is_marker(root: &Path, path: &Path) -> bool {
    let below = path.strip_prefix(root).unwrap_or(path);
    below
        .components()
        .any(|part| part.as_os_str().to_str().is_some_and(|name| name.starts_with(['_', '.']) && !name.contains('=')))
}

/// The part of a pattern without wildcards.
fn fixed(pattern: &Path) -> &Path {
    let wild = |path: &&Path| path.to_string_lossy().contains(['*', '?', '[']);
    pattern.ancestors().find(|path| !wild(path)).unwrap_or(Path::new(""))
}

/// Whether a pattern asks for names that otherwise are no data.
fn names_markers(pattern: &Path) -> bool {
    let wild = pattern.strip_prefix(fixed(pattern)).unwrap_or(pattern);
    wild.components().any(|part| part.as_os_str().to_str().is_some_and(|name| name.starts_with(['_', '.'])))
}

fn data_file(path: PathBuf) -> DataFile {
    let partition = path.parent().into_iter().flat_map(Path::components).filter_map(|part| {
        let (name, value) = part.as_os_str().to_str()?.split_once('=')?;
        let value = (value != NULL_PARTITION).then(|| decoded(value));
        (!name.is_empty()).then(|| (decoded(name), value))
    });
    DataFile { partition: partition.collect(), path }
}

/// A name with `%` and two hexadecimal digits replaced by the byte they stand for.
fn decoded(name: &str) -> String {
    let mut bytes = Vec::with_capacity(name.len());
    let mut rest = name.as_bytes();
    while let [first, tail @ ..] = rest {
        let code = match (first, tail) {
            (b'%', [high, low, ..]) => char::from(*high).to_digit(16).zip(char::from(*low).to_digit(16)),
            _ => None,
        };
        match code {
            Some((high, low)) => {
                bytes.push((high * 16 + low) as u8);
                rest = &tail[2..];
            }
            None => {
                bytes.push(*first);
                rest = tail;
            }
        }
    }
    String::from_utf8(bytes).unwrap_or_else(|_| name.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_directories_are_values() {
        let partition = |path: &str| data_file(PathBuf::from(path)).partition;
        let pair = |name: &str, value: Option<&str>| (name.to_string(), value.map(str::to_string));
        assert_eq!(
            partition("lake/year=2024/city=S%C3%A3o%2FPaulo/a.parquet"),
            [pair("year", Some("2024")), pair("city", Some("São/Paulo"))]
        );
        assert_eq!(partition("/lake/day=__HIVE_DEFAULT_PARTITION__/a.csv"), [pair("day", None)]);
        assert_eq!(partition("lake/plain/=x/a=b.csv"), []);
    }

    #[test]
    fn markers_are_no_data() {
        let root = Path::new("_lake");
        assert!(is_marker(root, Path::new("_lake/_SUCCESS")));
        assert!(is_marker(root, Path::new("_lake/_temporary/0/part-0.parquet")));
        assert!(is_marker(root, Path::new("_lake/.part-0.parquet.crc")));
        assert!(!is_marker(root, Path::new("_lake/_year=2024/part-0.parquet")));
    }
}
