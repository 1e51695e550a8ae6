//! Objects at URLs, where this build reads them.

#[cfg(not(feature = "cloud"))]
use super::source::Source;
#[cfg(not(feature = "cloud"))]
use crate::error::Error;
#[cfg(not(feature = "cloud"))]
use std::fs::File;
use std::path::{Path, PathBuf};
#[cfg(not(feature = "cloud"))]
use std::sync::Arc;

/// Schemes of URLs that name data.
const SCHEMES: &[&str] = &["s3", "s3a", "gs", "az", "abfs", "abfss", "adl", "azure", "http", "https"];

/// The URL in a path, if it is one.
pub fn url(path: &Path) -> Option<&str> {
    let text = path.to_str()?;
    let (scheme, _) = text.split_once("://")?;
    SCHEMES.iter().any(|known| scheme.eq_ignore_ascii_case(known)).then_some(text)
}

/// A name of data for people: a URL without its secrets, or the path itself.
pub fn shown_name(path: &Path) -> PathBuf {
    url(path).map_or_else(|| path.to_path_buf(), |url| PathBuf::from(shown_url(url)))
}

/// What a query has that gives access.
const SECRETS: &[&str] = &["sig=", "signature=", "token=", "credential="];

/// Whether a query gives access.
pub fn is_secret(query: &str) -> bool {
    let query = query.to_ascii_lowercase();
    SECRETS.iter().any(|secret| query.contains(secret))
}

/// A URL for people and reports: without user, password, query and fragment. In keys of object stores `?` and
/// `#` are characters as others, and stay, unless a signature follows.
pub fn shown_url(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else { return url.to_string() };
    let kind = scheme.to_ascii_lowercase();
    let end = match kind.as_str() {
        "http" | "https" => rest.find(['?', '#']),
        _ => rest.match_indices('?').map(|(mark, _)| mark).find(|mark| is_secret(&rest[*mark..])),
    };
    let rest = &rest[..end.unwrap_or(rest.len())];
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let authority = match authority.rsplit_once('@') {
        Some((container, _)) if kind.starts_with('a') && !container.contains(':') => authority,
        Some((_, host)) => host,
        None => authority,
    };
    format!("{scheme}://{authority}{path}")
}

/// An object below a URL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// Where it is.
    pub url: String,
    /// Bytes.
    pub size: u64,
    /// When it was last changed, in microseconds since 1970 UTC.
    pub modified: i64,
}

/// Opens, lists and writes objects.
#[cfg(feature = "cloud")]
pub use super::object_store::{check_upload, list, open, upload};

/// Refuses: this build reads local files only.
#[cfg(not(feature = "cloud"))]
pub fn open(url: &str) -> Result<Arc<dyn Source>, Error> {
    Err(absent(url))
}

/// Refuses: this build reads local files only.
#[cfg(not(feature = "cloud"))]
pub fn list(url: &str) -> Result<Vec<Listed>, Error> {
    Err(absent(url))
}

/// Refuses: this build writes local files only.
#[cfg(not(feature = "cloud"))]
pub fn check_upload(url: &str) -> Result<(), Error> {
    Err(absent(url))
}

/// Refuses: this build writes local files only.
#[cfg(not(feature = "cloud"))]
pub fn upload(url: &str, _: File) -> Result<(), Error> {
    Err(absent(url))
}

#[cfg(not(feature = "cloud"))]
fn absent(url: &str) -> Error {
    Error::Option(format!(
        "{}: built without the feature cloud, which knows URLs",
        crate::error::escape_controls(&shown_url(url))
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_not_shown() {
        let cases = [
            ("s3://data/a/part-?.csv", "s3://data/a/part-?.csv"),
            ("s3://data/a#b%20c.csv", "s3://data/a#b%20c.csv"),
            ("s3://AKIA:secret@data/a.csv", "s3://data/a.csv"),
            ("s3://data/a.csv?X-Amz-Signature=secret", "s3://data/a.csv"),
            ("https://user:secret@example.com:8443/a@b.csv?sig=secret#x", "https://example.com:8443/a@b.csv"),
            ("https://example.com?secret", "https://example.com"),
            ("HTTP://user@example.com/a", "HTTP://example.com/a"),
            ("abfss://box@account.dfs.core.windows.net/a", "abfss://box@account.dfs.core.windows.net/a"),
            ("abfss://box:secret@account.dfs.core.windows.net/a", "abfss://account.dfs.core.windows.net/a"),
            ("az://box/a?sv=1&sig=secret?sig=secret", "az://box/a"),
            ("data.csv", "data.csv"),
        ];
        for (url, shown) in cases {
            assert_eq!(shown_url(url), shown);
            assert!(!shown_url(url).contains("secret"));
        }
    }
}
