//! Messages to web hooks: Slack's, those that take Slack's messages, and programs that read JSON.

use super::{Message, Refused, Service, one_place};

pub(super) const SERVICE: Service =
    Service { name: "webhook", format: "webhook", by_line: false, place, place_of: one_place, send };

/// Behind it stands the name of a variable that holds the address.
const VARIABLE: &str = "env:";

/// The variable of the address, when the user names none.
const DEFAULT: &str = "DQ_WEBHOOK_URL";

/// The variable of what is sent as `Authorization`.
#[cfg(feature = "cloud")]
const AUTHORIZATION: &str = "DQ_WEBHOOK_AUTHORIZATION";

/// A variable keeps its name; of an address, which gives access to whoever knows it, only the server is kept.
fn place(named: Option<&str>) -> Result<Option<String>, String> {
    if !cfg!(feature = "cloud") {
        return Err("built without the feature cloud, which sends to web hooks".into());
    }
    match named {
        None => Ok(Some(format!("{VARIABLE}{DEFAULT}"))),
        Some(named) => match named.strip_prefix(VARIABLE) {
            Some(variable) if !variable.is_empty() && !variable.contains(['=', '\0']) => Ok(Some(named.to_string())),
            Some(_) => Err("--publish webhook=env:NAME needs the name of a variable".into()),
            None => server(named).map(Some),
        },
    }
}

/// Scheme, host and port of an address.
#[cfg(feature = "cloud")]
fn server(address: &str) -> Result<String, String> {
    let url = url::Url::parse(address).map_err(|error| format!("the address of the web hook: {error}"))?;
    if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
        return Err("a web hook has an address at https:// or http://".into());
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(format!("a web hook's address holds no password; put what authorizes you into {AUTHORIZATION}"));
    }
    Ok(url.origin().ascii_serialization())
}

#[cfg(not(feature = "cloud"))]
fn server(_: &str) -> Result<String, String> {
    Err("built without the feature cloud, which sends to web hooks".into())
}

#[cfg(not(feature = "cloud"))]
fn send(_: &Message, _: Option<&str>) -> Result<(), Refused> {
    Err(Refused::whole("built without the feature cloud, which sends to web hooks"))
}

#[cfg(feature = "cloud")]
fn send(message: &Message, named: Option<&str>) -> Result<(), Refused> {
    let place = message.place.as_deref().unwrap_or_default();
    let address = address(place, named).map_err(Refused::whole)?;
    let authorization = std::env::var(AUTHORIZATION).ok().filter(|value| !value.is_empty());
    super::retry::run(post::post(&address, authorization.as_deref(), &message.body))
}

/// The whole address: as named, or from the environment.
#[cfg(feature = "cloud")]
fn address(place: &str, named: Option<&str>) -> Result<String, String> {
    let of_variable = |variable: &str| {
        let value = std::env::var(variable).ok().filter(|value| !value.trim().is_empty());
        let value = value.ok_or_else(|| format!("the variable {variable} does not hold the web hook's address"))?;
        server(value.trim()).map_err(|fault| format!("the variable {variable}: {fault}"))?;
        Ok(value.trim().to_string())
    };
    match (place.strip_prefix(VARIABLE), named) {
        (Some(variable), _) => of_variable(variable),
        (None, Some(named)) => Ok(named.to_string()),
        // Kept in a file without what gives access.
        (None, None) => match of_variable(DEFAULT) {
            Ok(address) if server(&address).is_ok_and(|server| server == place) => Ok(address),
            _ => Err(format!("set {DEFAULT} to the address of the web hook at {place}")),
        },
    }
}

/// Requests to web servers.
#[cfg(feature = "cloud")]
mod post {
    use super::super::retry::pause;
    use super::Refused;
    use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue, RETRY_AFTER};
    use reqwest::{Client, Response, redirect};
    use std::time::Duration;

    const ATTEMPTS: u32 = 4;

    /// Characters of an answer in a message.
    const ANSWER: usize = 200;

    pub(super) async fn post(address: &str, authorization: Option<&str>, body: &str) -> Result<(), Refused> {
        let client = Client::builder()
            // Who answers from elsewhere must not get the message.
            .redirect(redirect::Policy::none())
            .connect_timeout(Duration::from_secs(5))
            .timeout(Duration::from_secs(15))
            .user_agent(concat!("dq/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|error| Refused::whole(format!("nothing can be sent: {}", error.without_url())))?;
        let authorization = match authorization.map(HeaderValue::from_str) {
            Some(Ok(mut value)) => {
                value.set_sensitive(true);
                Some(value)
            }
            Some(Err(_)) => return Err(Refused::whole("what authorizes you is no value of a header")),
            None => None,
        };
        let mut attempt = 1;
        loop {
            let mut request = client.post(address).header(CONTENT_TYPE, "application/json").body(body.to_string());
            if let Some(value) = &authorization {
                request = request.header(AUTHORIZATION, value.clone());
            }
            let (reason, again, asked) = match request.send().await {
                Ok(response) if response.status().is_success() => return Ok(()),
                Ok(response) => refusal(response).await,
                Err(error) => (unreachable(error), true, None),
            };
            if !again || attempt >= ATTEMPTS {
                return Err(Refused::whole(reason));
            }
            pause(attempt, asked).await;
            attempt += 1;
        }
    }

    /// Why, whether to try again, and after which time.
    async fn refusal(mut response: Response) -> (String, bool, Option<Duration>) {
        let status = response.status();
        let asked = response
            .headers()
            .get(RETRY_AFTER)
            .and_then(|value| value.to_str().ok()?.trim().parse().ok())
            .map(Duration::from_secs);
        // The first bytes say it; the rest of an answer may be of any length.
        let start = response.chunk().await.ok().flatten().unwrap_or_default();
        let start = String::from_utf8_lossy(&start[..start.len().min(4 * ANSWER)]);
        let answer: String = start.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(ANSWER).collect();
        let reason = if answer.is_empty() { status.to_string() } else { format!("{status}: {answer}") };
        (reason, status.is_server_error() || matches!(status.as_u16(), 408 | 425 | 429), asked)
    }

    /// What the library says of an error holds the address, which is a secret, only in its URL.
    fn unreachable(error: reqwest::Error) -> String {
        let error = error.without_url();
        let mut reasons = vec![error.to_string()];
        let mut source = std::error::Error::source(&error);
        while let Some(inner) = source {
            reasons.push(inner.to_string());
            source = inner.source();
        }
        reasons.dedup();
        reasons.join(": ")
    }
}
