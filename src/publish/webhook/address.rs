//! Addresses of web hooks, which give access to whoever knows them: where they come from, and what may be kept and
//! said of them.

use reqwest::header::HeaderValue;
use sha2::{Digest, Sha256};
use url::Url;

/// Behind it stands the name of a variable that holds the address.
const VARIABLE: &str = "env:";

/// The variable of the address, when the user names none.
const DEFAULT: &str = "DQ_WEBHOOK_URL";

/// The variable of what is sent as `Authorization` to the address in [`DEFAULT`]. To that in another variable, it is
/// the one of that name with this ending, so that nobody gets what is meant for others.
const AUTHORIZATION: &str = "DQ_WEBHOOK_AUTHORIZATION";
const ENDING: &str = "_AUTHORIZATION";

/// Between the server of an address and its fingerprint.
const FINGERPRINT: char = '#';

/// Digits of a fingerprint.
const DIGITS: usize = 16;

/// Characters of a secret from which on a text is taken to tell it.
const TELLING: usize = 4;

/// A web hook.
pub(super) struct Hook {
    pub(super) url: Url,
    /// What is sent as `Authorization`.
    pub(super) authorization: Option<HeaderValue>,
    /// Parts of the address and of what authorizes, in lower case.
    secrets: Vec<String>,
}

/// What is kept of a place: the name of a variable, or server and fingerprint of an address.
pub(super) fn place(named: Option<&str>) -> Result<String, String> {
    match named.map(str::trim) {
        None => Hook::of_variable(DEFAULT).map(|_| format!("{VARIABLE}{DEFAULT}")),
        Some(named) => match named.strip_prefix(VARIABLE) {
            Some(variable) if variable.is_empty() || variable.contains(['=', '\0']) => {
                Err("--publish webhook=env:NAME needs the name of a variable".into())
            }
            Some(variable) => Hook::of_variable(variable).map(|_| named.to_string()),
            None => Hook::parse(named).map(|hook| hook.kept(named)),
        },
    }
}

impl Hook {
    /// The hook of a place, as named or from the environment.
    pub(super) fn find(place: &str, named: Option<&str>) -> Result<Self, String> {
        if let Some(variable) = place.strip_prefix(VARIABLE) {
            return Self::of_variable(variable);
        }
        if let Some(named) = named {
            return Self::parse(named);
        }
        // Kept without what gives access: only the very same address gets the message.
        let address = variable(DEFAULT).unwrap_or_default();
        match Self::parse(&address) {
            Ok(hook) if hook.kept(&address) == place => Ok(hook),
            _ => {
                let server = place.split(FINGERPRINT).next().unwrap_or_default();
                Err(format!("set {DEFAULT} to the address at {server} that it was for"))
            }
        }
    }

    /// The address in a variable, and what belongs to it.
    fn of_variable(name: &str) -> Result<Self, String> {
        let address =
            variable(name).ok_or_else(|| format!("the variable {name} does not hold the address of a web hook"))?;
        let mut hook = Self::parse(&address).map_err(|fault| format!("the variable {name}: {fault}"))?;
        let name = if name == DEFAULT { AUTHORIZATION.to_string() } else { format!("{name}{ENDING}") };
        if let Some(value) = variable(&name) {
            let mut header = HeaderValue::from_str(&value)
                .map_err(|_| format!("the variable {name} does not hold the value of a header"))?;
            header.set_sensitive(true);
            hook.authorization = Some(header);
            hook.secrets.extend(value.split_whitespace().flat_map(telling));
        }
        Ok(hook)
    }

    /// An address that can be one of a web hook. Nothing authorizes there.
    fn parse(address: &str) -> Result<Self, String> {
        let url = Url::parse(address.trim()).map_err(|error| format!("the address of the web hook: {error}"))?;
        if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
            return Err("a web hook has an address at https:// or http://".into());
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(format!(
                "a web hook's address holds no password; put the address into {DEFAULT}, and what authorizes you into \
                 {AUTHORIZATION}"
            ));
        }
        let path = url.path().split('/');
        let query = url.query().unwrap_or_default().split(['&', '=', ';']);
        let secrets = path.chain(query).flat_map(telling).collect();
        Ok(Self { url, authorization: None, secrets })
    }

    /// Scheme, host and port.
    pub(super) fn origin(&self) -> String {
        self.url.origin().ascii_serialization()
    }

    /// Server and fingerprint of the address.
    fn kept(&self, address: &str) -> String {
        let digest = Sha256::digest(address.trim().as_bytes());
        let digits: String = digest.iter().take(DIGITS / 2).map(|byte| format!("{byte:02x}")).collect();
        format!("{}{FINGERPRINT}{digits}", self.origin())
    }

    /// Whether a text holds part of the address, or of what authorizes, or ends in the middle of one.
    pub(super) fn is_told_by(&self, text: &str) -> bool {
        [text.to_lowercase(), decoded(text).to_lowercase()].iter().any(|text| {
            self.secrets.iter().any(|secret| {
                let mut starts = secret.char_indices().skip(TELLING).map(|(end, _)| &secret[..end]);
                text.contains(secret.as_str()) || starts.any(|start| text.trim_end().ends_with(start))
            })
        })
    }
}

/// The value of a variable, without blanks around it.
fn variable(name: &str) -> Option<String> {
    let value = std::env::var(name).ok()?;
    Some(value.trim().to_string()).filter(|value| !value.is_empty())
}

/// Parts of a secret that tell it: the whole, and its words, as they are and decoded.
fn telling(secret: &str) -> Vec<String> {
    let mut parts = Vec::new();
    for text in [secret.to_string(), decoded(secret)] {
        let text = text.to_lowercase();
        parts.extend(text.split(|c: char| !c.is_alphanumeric()).map(str::to_string));
        parts.push(text);
    }
    parts.retain(|part| part.chars().count() >= TELLING);
    parts.sort_unstable();
    parts.dedup();
    parts
}

/// With characters in the place of `%41` and the like.
fn decoded(text: &str) -> String {
    let digit = |byte: Option<&u8>| byte.and_then(|byte| char::from(*byte).to_digit(16));
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, behind)) = rest.split_first() {
        rest = behind;
        match (*first, digit(rest.first()), digit(rest.get(1))) {
            (b'%', Some(high), Some(low)) => {
                bytes.push((high * 16 + low) as u8);
                rest = &rest[2..];
            }
            (byte, ..) => bytes.push(byte),
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_an_address_the_server_and_a_fingerprint_are_kept() {
        let kept = |address: &str| place(Some(address)).unwrap();
        let one = kept("https://hooks.example.com/services/T0/s3cr3t");
        let (server, digits) = one.split_once('#').unwrap();
        assert_eq!((server, digits.len()), ("https://hooks.example.com", 16));
        assert_eq!(one, kept(" https://hooks.example.com/services/T0/s3cr3t\n"));
        assert_ne!(one, kept("https://hooks.example.com/services/T0/other"));
        let error = Hook::find(&one, None).err().unwrap();
        assert!(error.contains("DQ_WEBHOOK_URL") && error.contains("https://hooks.example.com"), "{error}");
        for wrong in ["ftp://example.com/x", "example.com", "https://u@example.com/", "env:", "env:DQ_TEST_NO_SUCH", ""]
        {
            assert!(place(Some(wrong)).is_err(), "{wrong}");
        }
    }

    #[test]
    fn answers_that_tell_an_address_are_known() {
        let mut hook = Hook::parse("https://example.com/services/T%2D0/AbCd-efgh?token=s3cr3t").unwrap();
        hook.secrets.extend("Bearer hunter2".split_whitespace().flat_map(telling));
        for text in [
            "at /SERVICES",
            "abcd",
            "EFGH",
            "%61bcd",
            "wrong token",
            "s3cr3t",
            "s3%63r3t",
            "cut: s3cr",
            "hunter2",
            "s3cr ",
        ] {
            assert!(hook.is_told_by(text), "{text}");
        }
        for text in ["", "no such hook", "abc", "s3c", "invalid_payload", "100 % of it", "%zz"] {
            assert!(!hook.is_told_by(text), "{text}");
        }
    }
}
