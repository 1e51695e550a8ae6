//! What went wrong far away, in words for whoever has to mend it; never with a URL's query or a key in them.

use super::address::Kind;
use super::connect::{Place, RETRIES};
use object_store::client::{HttpError, HttpErrorKind};
use std::fmt;
use std::io;

/// How the client begins the text of an answer that is no success.
const STATUS: &str = "Server returned non-2xx status code: ";

/// How it begins that of a redirection to nowhere, which is how S3 says that a region is wrong.
const REDIRECT: &str = "Received redirect without LOCATION";

/// Characters of a server's message.
const LONGEST_MESSAGE: usize = 300;

/// What an error says, where it says anything of use. Only the last text of a chain of errors is kept, because
/// those before it contain URLs, and URLs signatures.
#[derive(Debug, Default)]
pub(super) struct Failure {
    /// The status of the answer.
    pub(super) status: Option<u16>,
    /// The store's word for it, such as NoSuchKey.
    code: Option<String>,
    /// The store's sentence about it.
    message: Option<String>,
    /// What became of the connection.
    connection: Option<HttpErrorKind>,
    redirect: bool,
    text: String,
}

impl Failure {
    /// Reads an error and its causes.
    pub(super) fn of(error: &object_store::Error) -> Self {
        let mut failure = Self::default();
        let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
        while let Some(current) = cause {
            let text = current.to_string();
            if let Some(answer) = text.strip_prefix(STATUS) {
                failure.status = answer.get(..3).and_then(|digits| digits.parse().ok());
                failure.code = tagged(answer, "Code");
                failure.message = tagged(answer, "Message");
            }
            failure.redirect |= text.starts_with(REDIRECT);
            if let Some(error) = current.downcast_ref::<HttpError>() {
                failure.connection = Some(error.kind());
            }
            cause = current.source();
            failure.text = text;
        }
        failure.text = shortened(&failure.text);
        failure
    }

    /// Whether S3 says that the bucket is in another region.
    pub(super) fn is_elsewhere(&self) -> bool {
        let codes = ["PermanentRedirect", "AuthorizationHeaderMalformed", "IllegalLocationConstraintException"];
        self.redirect || self.status == Some(301) || self.code.as_deref().is_some_and(|code| codes.contains(&code))
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.status, &self.code, &self.message) {
            (None, ..) => formatter.write_str(&self.text),
            (Some(status), None, _) => write!(formatter, "status {status}"),
            (Some(status), Some(code), None) => write!(formatter, "status {status}, {code}"),
            (Some(status), Some(code), Some(message)) => write!(formatter, "status {status}, {code}: {message}"),
        }
    }
}

/// What stands in an element of an XML answer.
fn tagged(answer: &str, tag: &str) -> Option<String> {
    let (_, rest) = answer.split_once(&format!("<{tag}>"))?;
    let (inner, _) = rest.split_once(&format!("</{tag}>"))?;
    Some(shortened(inner.trim()))
}

fn shortened(text: &str) -> String {
    text.chars().take(LONGEST_MESSAGE).collect()
}

/// The object is not the one that was opened.
pub(super) fn changed() -> io::Error {
    io::Error::other("the object changed while it was read: run again when nobody writes it")
}

/// An error as it is told to people.
pub(super) fn explain(place: &Place, key: &str, error: &object_store::Error) -> io::Error {
    let mut failure = Failure::of(error);
    let web = place.kind == Kind::Web;
    if web {
        // Any server may answer here, and repeat the query that it was asked with.
        failure.message = None;
    }
    let (name, server) = (&place.name, &place.server);
    let code = failure.code.clone().unwrap_or_default();
    let (kind, message) = match (failure.status, code.as_str()) {
        (Some(412), _) => return changed(),
        _ if place.kind == Kind::S3 && failure.is_elsewhere() => {
            let region = place.region.as_deref().unwrap_or("the one asked");
            let message = format!("{name} is in another region than {region}: set AWS_REGION to its own ({failure})");
            (io::ErrorKind::Other, message)
        }
        (Some(404), _) if web => (io::ErrorKind::NotFound, format!("there is no such file at {server} ({failure})")),
        (_, "NoSuchBucket" | "ContainerNotFound") => {
            (io::ErrorKind::NotFound, format!("there is no {name} at {server}"))
        }
        (Some(404), _) => (io::ErrorKind::NotFound, format!("there is no object `{key}` in {name}")),
        (Some(401 | 403), _)
        | (
            _,
            "InvalidAccessKeyId"
            | "InvalidToken"
            | "ExpiredToken"
            | "TokenRefreshRequired"
            | "SignatureDoesNotMatch"
            | "RequestTimeTooSkewed",
        ) => (io::ErrorKind::PermissionDenied, denied(place, &code, &failure)),
        (Some(429 | 500..), _) => {
            let message = format!("{server} is overloaded or broken, also after {RETRIES} more tries ({failure})");
            (io::ErrorKind::Other, message)
        }
        (Some(_), _) => (io::ErrorKind::Other, format!("{server} refuses the request ({failure})")),
        (None, _) => unanswered(place, key, error, &failure),
    };
    io::Error::new(kind, crate::error::escape_controls(&message))
}

fn denied(place: &Place, code: &str, failure: &Failure) -> String {
    let public = match place.kind {
        Kind::S3 => "AWS_NO_SIGN_REQUEST=yes",
        Kind::Google => "GOOGLE_SKIP_SIGNATURE=true",
        Kind::Azure => "AZURE_SKIP_SIGNATURE=true",
        Kind::Web => return format!("{} denies access ({failure}); a signed URL may have expired", place.server),
    };
    let Some(identity) = &place.identity else {
        return format!(
            "{} is not public ({failure}): requests go without credentials because of {public}",
            place.name
        );
    };
    match code {
        "InvalidAccessKeyId" => format!("{} does not know {identity}", place.server),
        "SignatureDoesNotMatch" => format!("{identity}: the secret key is another one's ({failure})"),
        "ExpiredToken" | "TokenRefreshRequired" => format!("{identity} has expired: sign in again"),
        "RequestTimeTooSkewed" => format!("the clock of this machine is wrong ({failure})"),
        _ => format!(
            "{identity} may not read this from {}, or it is not there ({failure}); a public one is read with {public}",
            place.name
        ),
    }
}

fn unanswered(place: &Place, key: &str, error: &object_store::Error, failure: &Failure) -> (io::ErrorKind, String) {
    let (name, server, text) = (&place.name, &place.server, &failure.text);
    match (failure.connection, error) {
        (Some(HttpErrorKind::Timeout), _) => {
            (io::ErrorKind::TimedOut, format!("no answer in time from {server}, also after more tries: {text}"))
        }
        (Some(HttpErrorKind::Connect), _) => {
            (io::ErrorKind::NotConnected, format!("cannot connect to {server}: {text}"))
        }
        (Some(_), _) => (io::ErrorKind::Other, format!("the connection to {server} broke: {text}")),
        (None, object_store::Error::NotFound { .. }) => {
            (io::ErrorKind::NotFound, format!("there is no object `{key}` in {name}"))
        }
        (None, object_store::Error::Precondition { .. }) => (io::ErrorKind::Other, changed().to_string()),
        (None, object_store::Error::NotSupported { .. }) => (
            io::ErrorKind::Unsupported,
            format!("{server} does not send parts of a file (no range requests): download it first"),
        ),
        (None, object_store::Error::InvalidPath { .. }) => (
            io::ErrorKind::InvalidData,
            format!("{name} has an object here whose name cannot be asked for (`//`, `.` or `..`): name the others"),
        ),
        (None, _) => (io::ErrorKind::Other, format!("{server}: {text}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    fn place(kind: Kind, identity: Option<&str>) -> Place {
        Place {
            kind,
            store: Arc::new(object_store::memory::InMemory::new()),
            name: "bucket `data`".into(),
            server: "http://127.0.0.1:1".into(),
            identity: identity.map(str::to_string),
            region: Some("us-east-1".into()),
        }
    }

    /// As the client nests them: the outer text has the URL, the inner one the answer.
    #[derive(Debug, thiserror::Error)]
    #[error("Error performing GET https://host/key?X-Amz-Signature=secret in 1s - {source}")]
    struct Outer {
        source: Inner,
    }

    #[derive(Debug, thiserror::Error)]
    #[error("{0}")]
    struct Inner(String);

    fn answer(text: &str) -> object_store::Error {
        let source = Outer { source: Inner(text.into()) };
        object_store::Error::Generic { store: "S3", source: Box::new(source) }
    }

    fn told(place: &Place, text: &str) -> (io::ErrorKind, String) {
        let error = explain(place, "a/b.csv", &answer(text));
        assert!(!error.to_string().contains("secret"), "{error}");
        (error.kind(), error.to_string())
    }

    #[test]
    fn people_learn_what_to_do() {
        let s3 = place(Kind::S3, Some("the access key of AWS_ACCESS_KEY_ID"));
        let status = |status: &str, code: &str| {
            format!("{STATUS}{status}: <Error><Code>{code}</Code><Message>Sorry.</Message></Error>")
        };
        let cases = [
            (status("404 Not Found", "NoSuchKey"), "there is no object `a/b.csv` in bucket `data`"),
            (status("404 Not Found", "NoSuchBucket"), "there is no bucket `data` at http://127.0.0.1:1"),
            (status("403 Forbidden", "AccessDenied"), "the access key of AWS_ACCESS_KEY_ID may not read"),
            (status("403 Forbidden", "InvalidAccessKeyId"), "does not know the access key of AWS_ACCESS_KEY_ID"),
            (status("400 Bad Request", "ExpiredToken"), "has expired: sign in again"),
            (status("400 Bad Request", "AuthorizationHeaderMalformed"), "another region than us-east-1"),
            (status("503 Service Unavailable", "SlowDown"), "overloaded"),
            (status("400 Bad Request", "Strange"), "status 400, Strange: Sorry."),
            (status("412 Precondition Failed", ""), "changed while it was read"),
            (format!("{REDIRECT}, this normally indicates"), "another region"),
            (format!("{STATUS}403 Forbidden: "), "(status 403)"),
            ("invalid peer certificate".to_string(), "http://127.0.0.1:1: invalid peer certificate"),
        ];
        for (text, expected) in cases {
            let (_, message) = told(&s3, &text);
            assert!(message.contains(expected), "{message}");
        }
        let (kind, message) = told(&place(Kind::S3, None), &status("403 Forbidden", "AccessDenied"));
        assert_eq!(kind, io::ErrorKind::PermissionDenied);
        assert!(message.contains("AWS_NO_SIGN_REQUEST"), "{message}");
    }

    #[test]
    fn servers_can_put_nothing_on_the_screen_but_their_words() {
        let hostile = format!("{STATUS}403 Forbidden: <Code>A\u{1b}[2J</Code><Message>{}</Message>", "x".repeat(9_000));
        let (_, message) = told(&place(Kind::S3, Some("nobody")), &hostile);
        assert!(!message.contains('\u{1b}') && message.len() < 1_000, "{message}");
        let echo = format!("{STATUS}403 Forbidden: <Code>Denied</Code><Message>?sig=secret</Message>");
        let (_, message) = told(&place(Kind::Web, None), &echo);
        assert!(message.contains("Denied"), "{message}");
    }
}
