//! URLs of objects, taken apart for requests.

use crate::input::remote::is_secret;
use object_store::path::Path as Key;
use std::io;
use url::{Position, Url};

/// Bytes of a key; stores take about a thousand.
const LONGEST_KEY: usize = 4 << 10;

/// Bytes of the URL of a web server; signed ones are long.
const LONGEST_URL: usize = 16 << 10;

/// Where Azure's storage accounts are; at other domains they would be anyone's.
const AZURE_DOMAINS: &[&str] =
    &["core.windows.net", "core.chinacloudapi.cn", "core.usgovcloudapi.net", "fabric.microsoft.com"];

/// Who serves a URL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    S3,
    Google,
    Azure,
    Web,
}

/// A URL taken apart. Not for printing: it may hold a signature.
#[derive(Clone)]
pub(super) struct Address {
    pub(super) kind: Kind,
    /// The URL as it was given.
    given: String,
    /// What one client serves: the URL up to the bucket, the whole URL of a web server.
    pub(super) root: String,
    /// The bucket, the container, or host and port of a web server.
    pub(super) bucket: String,
    /// The storage account that the URL names, and its endpoint.
    pub(super) account: Option<(String, String)>,
    /// The name of the object as it is, without percent-encoding; the path of a web URL.
    pub(super) key: String,
    /// A shared access signature of Azure.
    pub(super) signature: Option<String>,
}

/// A URL or setting that cannot be followed.
pub(super) fn invalid(message: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, crate::error::escape_controls(message))
}

impl Address {
    /// Takes a URL apart. Keys are taken as they stand: `%` and `#` are characters of a name, as for other
    /// programs that read `s3://`, and `?` is one unless a signature follows.
    pub(super) fn parse(url: &str) -> io::Result<Self> {
        let (scheme, rest) = url.split_once("://").ok_or_else(|| invalid("this is no URL"))?;
        let kind = match scheme.to_ascii_lowercase().as_str() {
            "s3" | "s3a" => Kind::S3,
            "gs" => Kind::Google,
            "az" | "abfs" | "abfss" | "adl" | "azure" => Kind::Azure,
            "http" | "https" => return Self::web(url),
            _ => return Err(invalid("URLs begin with s3://, gs://, az://, abfss://, https:// or http://")),
        };
        let (rest, signature) = match rest.rmatch_indices('?').find(|(mark, _)| is_secret(&rest[*mark..])) {
            Some((mark, _)) => (&rest[..mark], Some(rest[mark + 1..].to_string())),
            None => (rest, None),
        };
        let (authority, key) = rest.split_once('/').unwrap_or((rest, ""));
        let (bucket, account) = match authority.rsplit_once('@') {
            None => (authority, None),
            // Azure writes the container where others write a user.
            Some((container, host)) if kind == Kind::Azure => (container, Some(azure_account(host)?)),
            Some(_) => return Err(invalid("credentials in a URL end up in logs: put them into the environment")),
        };
        if signature.is_some() && kind != Kind::Azure {
            return Err(invalid("a signed URL begins with https://"));
        }
        // Names go into hosts and paths: nothing but a name may.
        if !is_name(bucket, kind) {
            return Err(invalid("there is no valid bucket or container in the URL"));
        }
        if key.len() > LONGEST_KEY {
            return Err(invalid(&format!("the key is longer than {LONGEST_KEY} bytes")));
        }
        let root = format!("{scheme}://{authority}");
        Ok(Self { kind, given: url.into(), root, bucket: bucket.into(), account, key: key.into(), signature })
    }

    fn web(url: &str) -> io::Result<Self> {
        if url.len() > LONGEST_URL {
            return Err(invalid(&format!("the URL is longer than {LONGEST_URL} bytes")));
        }
        let mut parsed = Url::parse(url).map_err(|error| invalid(&format!("this is no valid URL: {error}")))?;
        if !parsed.username().is_empty() || parsed.password().is_some() {
            return Err(invalid("a user or password in a URL ends up in logs: use a signed URL"));
        }
        parsed.set_fragment(None);
        Ok(Self {
            kind: Kind::Web,
            given: url.to_string(),
            bucket: parsed[Position::BeforeHost..Position::AfterPort].to_string(),
            account: None,
            key: parsed.path().to_string(),
            signature: None,
            root: parsed.into(),
        })
    }

    /// Whether the key could stand for several objects.
    pub(super) fn has_wildcards(&self) -> bool {
        self.kind != Kind::Web && self.key.contains(['*', '?', '['])
    }

    /// Whether the key can only be a prefix.
    pub(super) fn names_directory(&self) -> bool {
        self.kind != Kind::Web && (self.key.is_empty() || self.key.ends_with('/'))
    }

    /// The key of one object.
    pub(super) fn object_key(&self) -> io::Result<Key> {
        if self.names_directory() {
            return Err(io::ErrorKind::IsADirectory.into());
        }
        // The client of a web server has the whole URL.
        if self.kind == Kind::Web { Ok(Key::default()) } else { checked_key(&self.key) }
    }

    /// The prefix to list; of a pattern, the directories before its first wildcard.
    pub(super) fn directory_key(&self, pattern: bool) -> io::Result<Key> {
        if !pattern {
            return checked_key(self.key.strip_suffix('/').unwrap_or(&self.key));
        }
        let literal = self.key.split(['*', '?', '[']).next().unwrap_or("");
        checked_key(literal.rsplit_once('/').map_or("", |(directory, _)| directory))
    }

    /// The URL of a key in the same place; that of a web server stays as it is.
    pub(super) fn url_of(&self, key: &str) -> String {
        match (&self.signature, self.kind) {
            (_, Kind::Web) => self.given.clone(),
            (Some(signature), _) => format!("{}/{key}?{signature}", self.root),
            (None, _) => format!("{}/{key}", self.root),
        }
    }
}

/// A key that the client sends unchanged.
fn checked_key(key: &str) -> io::Result<Key> {
    let wrong = || invalid("a key with an empty part (`//`), `.`, `..` or a control character cannot be asked for");
    if key.starts_with('/') || key.ends_with('/') {
        return Err(wrong());
    }
    Key::parse(key).map_err(|_| wrong())
}

fn azure_account(host: &str) -> io::Result<(String, String)> {
    let wrong = || invalid("storage accounts look like abfss://container@account.dfs.core.windows.net/");
    let (account, domain) = host.split_once('.').ok_or_else(wrong)?;
    let domain = domain.strip_prefix("dfs.").or_else(|| domain.strip_prefix("blob.")).ok_or_else(wrong)?;
    if !is_name(account, Kind::S3) || !AZURE_DOMAINS.contains(&domain) {
        return Err(wrong());
    }
    Ok((account.to_string(), format!("https://{account}.blob.{domain}")))
}

fn is_name(name: &str, kind: Kind) -> bool {
    // `$root`, `$web`.
    let name = if kind == Kind::Azure { name.strip_prefix('$').unwrap_or(name) } else { name };
    let fine = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    name.len() <= 255 && name.starts_with(|first: char| first.is_ascii_alphanumeric()) && name.bytes().all(fine)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_taken_as_they_stand() {
        let address = Address::parse("s3a://data/day=1%3A2/a b#c?.csv").unwrap();
        assert_eq!((address.bucket.as_str(), address.key.as_str()), ("data", "day=1%3A2/a b#c?.csv"));
        assert_eq!(address.object_key().unwrap().as_ref(), address.key);
        assert_eq!(address.url_of("x/y?z"), "s3a://data/x/y?z");
        assert!(address.has_wildcards());
        let directory = |url: &str, pattern| Address::parse(url).unwrap().directory_key(pattern).unwrap().to_string();
        assert_eq!(directory("s3://data/a/b*/c?.csv", true), "a");
        assert_eq!(directory("s3://data/*.csv", true), "");
        assert_eq!(directory("s3://data/a/b/", false), "a/b");
        assert_eq!(directory("s3://data", false), "");
    }

    #[test]
    fn azure_names_containers_and_accounts() {
        let address = Address::parse("abfss://box@shop.dfs.core.windows.net/a/?.csv?sv=2&sig=x%2F").unwrap();
        assert_eq!((address.bucket.as_str(), address.key.as_str()), ("box", "a/?.csv"));
        assert_eq!(address.account, Some(("shop".into(), "https://shop.blob.core.windows.net".into())));
        assert_eq!(address.signature.as_deref(), Some("sv=2&sig=x%2F"));
        assert_eq!(address.url_of("b"), "abfss://box@shop.dfs.core.windows.net/b?sv=2&sig=x%2F");
        assert!(Address::parse("az://$web/a").is_ok());
        assert!(Address::parse("abfss://box@shop.dfs.example.com/a").is_err());
    }

    #[test]
    fn web_urls_keep_their_query() {
        let url = "https://example.com:8443/a%20b/c*.csv?X-Amz-Signature=1%2F2#part";
        let address = Address::parse(url).unwrap();
        assert_eq!(address.root, "https://example.com:8443/a%20b/c*.csv?X-Amz-Signature=1%2F2");
        assert_eq!(address.bucket, "example.com:8443");
        assert!(!address.has_wildcards() && !address.names_directory());
        assert_eq!(address.object_key().unwrap(), Key::default());
        assert_eq!(address.url_of("ignored"), url);
    }

    #[test]
    fn hostile_urls_are_errors() {
        for url in [
            "",
            "s3",
            "s3://",
            "s3:///key",
            "s3://../key",
            "s3://a%2fb/key",
            "s3://bucket#x/key",
            "s3://bucket:80/key",
            "s3://user:hunter2@bucket/key",
            "s3://bucket/key?X-Amz-Signature=1",
            "gs://b\u{202e}ucket/key",
            "az://box:hunter2@shop.dfs.core.windows.net/a",
            "ftp://host/file",
            "https://",
            "https://user:hunter2@host/",
            "https://[::1/",
            "http://host:99999/",
        ] {
            let error = Address::parse(url).err().map(|error| error.to_string());
            assert!(error.as_ref().is_some_and(|error| !error.contains("hunter2")), "{url}: {error:?}");
        }
        for url in ["s3://bucket//key", "s3://bucket/a//b", "s3://bucket/../a", "s3://bucket/a\u{0}", "s3://bucket/a/"]
        {
            assert!(Address::parse(url).unwrap().object_key().is_err(), "{url}");
        }
        assert!(Address::parse(&format!("s3://bucket/{}", "k".repeat(5_000))).is_err());
        assert!(Address::parse(&format!("https://host/{}", "k".repeat(20_000))).is_err());
    }
}
