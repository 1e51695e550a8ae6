//! Addresses of schemas: references are resolved against the address of the schema that
//! holds them (RFC 3986, section 5.2), in text, and never fetched.

/// An address without its fragment, and the fragment, percent-decoded; empty if there is none.
pub(super) fn split_fragment(reference: &str) -> (&str, String) {
    reference.split_once('#').map_or((reference, String::new()), |(address, fragment)| (address, decoded(fragment)))
}

/// What `%41` stands for; escapes that are none, or that give no text, stay as written.
fn decoded(fragment: &str) -> String {
    if !fragment.contains('%') {
        return fragment.to_string();
    }
    let bytes = fragment.as_bytes();
    let digit = |index: usize| bytes.get(index).and_then(|byte| char::from(*byte).to_digit(16));
    let mut plain = Vec::with_capacity(bytes.len());
    let mut index = 0;
    while let Some(byte) = bytes.get(index) {
        match (byte, digit(index + 1), digit(index + 2)) {
            (b'%', Some(high), Some(low)) => {
                plain.push(u8::try_from(high * 16 + low).unwrap_or(b'%'));
                index += 3;
            }
            _ => {
                plain.push(*byte);
                index += 1;
            }
        }
    }
    String::from_utf8(plain).unwrap_or_else(|_| fragment.to_string())
}

/// The length of `scheme:`, or none.
fn scheme(address: &str) -> Option<usize> {
    let colon = address.find(':')?;
    let name = &address[..colon];
    let starts = name.bytes().next().is_some_and(|byte| byte.is_ascii_alphabetic());
    (starts && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte))).then_some(colon + 1)
}

/// Where the path of an address starts: behind the scheme and the authority.
fn path_start(address: &str) -> usize {
    let behind = scheme(address).unwrap_or(0);
    let Some(authority) = address[behind..].strip_prefix("//") else { return behind };
    behind + 2 + authority.find('/').unwrap_or(authority.len())
}

/// `reference`, without fragment, as seen from `base`.
pub(super) fn resolved(base: &str, reference: &str) -> String {
    if reference.is_empty() {
        return base.to_string();
    }
    if scheme(reference).is_some() {
        return reference.to_string();
    }
    if reference.starts_with("//") {
        return format!("{}{reference}", &base[..scheme(base).unwrap_or(0)]);
    }
    let start = path_start(base);
    let (root, path) = base.split_at(start);
    if reference.starts_with('/') {
        return format!("{root}{}", without_dots(reference));
    }
    let path = path.split('?').next().unwrap_or("");
    let directory = path.rfind('/').map_or("", |slash| &path[..=slash]);
    let separator = if directory.is_empty() && root.contains("//") { "/" } else { "" };
    format!("{root}{}", without_dots(&format!("{separator}{directory}{reference}")))
}

/// A path without `.` and `..` steps; steps above the root vanish.
pub(super) fn without_dots(path: &str) -> String {
    let mut kept: Vec<&str> = Vec::new();
    let steps: Vec<&str> = path.split('/').collect();
    for (index, step) in steps.iter().enumerate() {
        let last = index + 1 == steps.len();
        match *step {
            "." | ".." => {
                if *step == ".." && kept.last().is_some_and(|step| !step.is_empty()) {
                    kept.pop();
                }
                if last {
                    kept.push("");
                }
            }
            step => kept.push(step),
        }
    }
    kept.join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_resolve_against_the_address_of_their_schema() {
        for (base, reference, expected) in [
            ("https://a.example/x/y.json", "z.json", "https://a.example/x/z.json"),
            ("https://a.example/x/y.json", "../z.json", "https://a.example/z.json"),
            ("https://a.example/x/y.json", "/z.json", "https://a.example/z.json"),
            ("https://a.example/x/y.json", "//b.example/z", "https://b.example/z"),
            ("https://a.example", "z.json", "https://a.example/z.json"),
            ("https://a.example/x/y.json?q=1/2", "z.json", "https://a.example/x/z.json"),
            ("https://a.example/x", "urn:uuid:1", "urn:uuid:1"),
            ("", "z.json", "z.json"),
            ("schemas/y.json", "./z.json", "schemas/z.json"),
            ("schemas/y.json", "", "schemas/y.json"),
        ] {
            assert_eq!(resolved(base, reference), expected, "{base} {reference}");
        }
    }

    #[test]
    fn fragments_are_decoded_once() {
        assert_eq!(split_fragment("a.json#/a%25b"), ("a.json", "/a%b".to_string()));
        assert_eq!(split_fragment("#/c%C3%A9"), ("", "/cé".to_string()));
        assert_eq!(split_fragment("a.json"), ("a.json", String::new()));
        assert_eq!(split_fragment("#/100%"), ("", "/100%".to_string()));
    }
}
