//! Where the references of a JSON Schema lead: to files, never over the network.

use jsonschema::{Retrieve, Uri};
use serde_json::Value;
use std::error::Error;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// Bytes of a schema that is referred to.
const MOST_BYTES: u64 = 64 << 20;

/// Reads schemas below directories.
#[derive(Debug)]
pub struct LocalFiles {
    /// Without links.
    directories: Vec<PathBuf>,
    /// The address of the schema itself.
    base: String,
    /// What the schema's own `$id` has in front of its last part: schemas beside it are files beside its file.
    own_address: Option<String>,
}

impl LocalFiles {
    /// For a schema at a path.
    pub fn new(path: &Path, allowed: &[PathBuf], document: &Value) -> io::Result<Self> {
        let path = path.canonicalize()?;
        let mut directories = vec![path.parent().unwrap_or(Path::new("/")).to_path_buf()];
        for directory in allowed {
            directories.push(directory.canonicalize()?);
        }
        let id = ["$id", "id"].iter().find_map(|key| document.get(*key)?.as_str());
        let own_address = id
            .filter(|id| id.contains("://"))
            .and_then(|id| id.split('#').next()?.rsplit_once('/'))
            .map(|(front, _)| format!("{front}/"));
        Ok(Self { directories, base: address(&path), own_address })
    }

    /// The address of the schema, which relative references start from.
    pub fn base(&self) -> String {
        self.base.clone()
    }

    /// The file that an address stands for.
    fn file(&self, uri: &str) -> Result<PathBuf, String> {
        let uri = uri.split('#').next().unwrap_or(uri);
        if let Some(path) = uri.strip_prefix("file://") {
            return Ok(PathBuf::from(decoded(path)));
        }
        if let Some(rest) = self.own_address.as_deref().and_then(|own| uri.strip_prefix(own)) {
            return Ok(self.directories[0].join(decoded(rest)));
        }
        Err("references are read from files, never over the network; write a path relative to the schema".into())
    }
}

impl Retrieve for LocalFiles {
    fn retrieve(&self, uri: &Uri<String>) -> Result<Value, Box<dyn Error + Send + Sync>> {
        let path = self.file(uri.as_str())?;
        let path = path.canonicalize().map_err(|error| format!("cannot read {}: {error}", path.display()))?;
        if !self.directories.iter().any(|directory| path.starts_with(directory)) {
            let message =
                format!("{} is not below the schema's directory; --allow-ref DIRECTORY allows another", path.display());
            return Err(message.into());
        }
        let mut text = String::new();
        if !path.is_file() {
            return Err(format!("{} is no file", path.display()).into());
        }
        std::fs::File::open(&path)?.take(MOST_BYTES).read_to_string(&mut text)?;
        let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
        serde_json::from_str(text).map_err(|error| format!("{} is no JSON: {error}", path.display()).into())
    }
}

/// A path as an address.
fn address(path: &Path) -> String {
    use std::fmt::Write;
    let mut address = String::from("file://");
    for byte in path.to_string_lossy().replace('\\', "/").bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'-' | b'_' | b'.' | b'~' => address.push(byte as char),
            // Writing to a text cannot fail.
            _ => drop(write!(address, "%{byte:02X}")),
        }
    }
    address
}

/// An address's path without its `%20`.
fn decoded(path: &str) -> String {
    let bytes = path.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let digits = path.get(at + 1..at + 3).filter(|_| bytes[at] == b'%');
        match digits.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            Some(byte) => {
                decoded.push(byte);
                at += 3;
            }
            None => {
                decoded.push(bytes[at]);
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&decoded).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_survive_as_addresses() {
        for path in ["/a/b c/ü.json", "/100%/x#y?z.json"] {
            let address = address(Path::new(path));
            assert!(!address.contains([' ', '#', '?']), "{address}");
            assert_eq!(decoded(address.strip_prefix("file://").expect("an address")), path);
        }
    }
}
