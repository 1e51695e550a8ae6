//! Requests to web servers.

use super::super::Refused;
use super::super::retry::pause;
use super::address::Hook;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, RETRY_AFTER};
use reqwest::{Client, Response, redirect};
use std::time::Duration;

const ATTEMPTS: u32 = 4;

/// Characters of an answer in a message.
const ANSWER: usize = 200;

/// Bytes of an answer that are looked at.
const LOOKED_AT: usize = 4096;

pub(super) async fn post(hook: &Hook, body: &str) -> Result<(), Refused> {
    let client = Client::builder()
        // Who answers from elsewhere must not get the message.
        .redirect(redirect::Policy::none())
        .connect_timeout(Duration::from_secs(5))
        .timeout(Duration::from_secs(15))
        .user_agent(concat!("dq/", env!("CARGO_PKG_VERSION")))
        .build()
        .map_err(|error| Refused::whole(format!("nothing can be sent: {}", error.without_url())))?;
    let mut attempt = 1;
    loop {
        let mut request = client.post(hook.url.clone()).header(CONTENT_TYPE, "application/json").body(body.to_string());
        if let Some(value) = &hook.authorization {
            request = request.header(AUTHORIZATION, value.clone());
        }
        let (refused, again, asked) = match request.send().await {
            Ok(response) if response.status().is_success() => return Ok(()),
            Ok(response) => refusal(hook, response).await,
            Err(error) => (Refused::down(unreachable(hook, error)), true, None),
        };
        if !again || attempt >= ATTEMPTS {
            return Err(refused);
        }
        pause(attempt, asked).await;
        attempt += 1;
    }
}

/// Why, whether to try again, and after which time.
async fn refusal(hook: &Hook, mut response: Response) -> (Refused, bool, Option<Duration>) {
    let status = response.status();
    let asked = response
        .headers()
        .get(RETRY_AFTER)
        .and_then(|value| value.to_str().ok()?.trim().parse().ok())
        .map(Duration::from_secs);
    // The first bytes say it; the rest of an answer may be of any length.
    let start = response.chunk().await.ok().flatten().unwrap_or_default();
    let start = String::from_utf8_lossy(&start[..start.len().min(LOOKED_AT)]);
    let start = start.split_whitespace().collect::<Vec<_>>().join(" ");
    let reason = format!("{status} at {}", hook.origin());
    // A server may repeat what it was asked with.
    let reason = match start.is_empty() || hook.is_told_by(&start) {
        true => reason,
        false => format!("{reason}: {}", start.chars().take(ANSWER).collect::<String>()),
    };
    let again = status.is_server_error() || matches!(status.as_u16(), 408 | 425 | 429);
    (Refused::whole(reason), again, asked)
}

/// What the library says of an error holds the address, which is a secret, only in its URL.
fn unreachable(hook: &Hook, error: reqwest::Error) -> String {
    let error = error.without_url();
    let mut reasons = vec![format!("{error} at {}", hook.origin())];
    let mut source = std::error::Error::source(&error);
    while let Some(inner) = source {
        reasons.push(inner.to_string());
        source = inner.source();
    }
    reasons.dedup();
    reasons.join(": ")
}
