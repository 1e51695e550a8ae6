//! Results to services: metrics to CloudWatch, events to EventBridge, lines to S3, messages to web hooks.
//!
//! What is sent is what the report format of the same name writes. A service is one file of this room and one
//! line of [`SERVICES`]. Whatever a service does not take, after several attempts, goes to a file
//! ([`undelivered`]) from which it is sent again: nothing is lost, and what timed out may arrive twice.

#[cfg(feature = "aws")]
mod aws;
mod cloudwatch;
mod eventbridge;
#[cfg(feature = "cloud")]
mod retry;
mod s3;
pub mod undelivered;
mod webhook;

use crate::report::{Report, find};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use undelivered::Undelivered;

/// A service that takes results.
pub struct Service {
    /// The word for `--publish`, and the report format of its messages.
    pub name: &'static str,
    /// The report format of what is sent.
    format: &'static str,
    /// Whether every line of the report is a message of its own.
    by_line: bool,
    /// Where messages go, as it may be kept in a file, by what the user named; or what is wrong with that.
    place: fn(named: Option<&str>) -> Result<Option<String>, String>,
    /// The place of one report's message.
    place_of: fn(place: &str, report: &Report<'_>) -> String,
    /// Sends one message.
    send: fn(&Message, named: Option<&str>) -> Result<(), Refused>,
}

/// All services.
pub static SERVICES: &[Service] = &[cloudwatch::SERVICE, eventbridge::SERVICE, s3::SERVICE, webhook::SERVICE];

/// For services of AWS, whose places are the account and the region of the environment.
fn account(named: Option<&str>) -> Result<Option<String>, String> {
    if !cfg!(feature = "aws") {
        return Err(WITHOUT_AWS.into());
    }
    match named {
        None => Ok(None),
        Some(_) => Err("--publish cloudwatch and --publish eventbridge take no value: region and credentials come \
                        from the environment, as for every tool of AWS"
            .into()),
    }
}

/// What builds without the services of AWS say.
const WITHOUT_AWS: &str = "built without the feature aws, which sends to CloudWatch and EventBridge";

/// The place as it is, for services that have one for all reports.
fn one_place(place: &str, _: &Report<'_>) -> String {
    place.to_string()
}

/// A message for a service. It holds no secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// Name of the service.
    pub service: String,
    /// Where it goes, of services that have more than one place; never with a secret.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<String>,
    /// The AWS region that the user named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// What is sent.
    pub body: String,
}

/// A message that a service did not take.
#[derive(Debug)]
struct Refused {
    /// Why, in one line without secrets.
    reason: String,
    /// What is left of the body, when some of it was taken.
    rest: Option<String>,
}

impl Refused {
    fn whole(reason: impl Into<String>) -> Self {
        Self { reason: reason.into(), rest: None }
    }
}

/// Where results are sent.
pub struct Destination {
    service: &'static Service,
    /// What the user named, with its secrets.
    named: Option<String>,
    place: Option<String>,
}

impl Destination {
    /// By what a user writes: `cloudwatch`, `s3=s3://bucket/below/`. An error says what is wrong.
    pub fn parse(text: &str) -> Result<Self, String> {
        let (name, named) = match text.split_once('=') {
            Some((name, named)) => (name, Some(named)),
            None => (text, None),
        };
        let Some(service) = SERVICES.iter().find(|service| service.name == name) else {
            let names: Vec<_> = SERVICES.iter().map(|service| service.name).collect();
            // What stands behind the name may be a secret.
            return Err(format!("nothing can be published to `{name}`; services are {}", names.join(", ")));
        };
        let place = (service.place)(named)?;
        Ok(Self { service, named: named.map(str::to_string), place })
    }
}

/// What came of publishing.
#[derive(Debug, Default)]
pub struct Delivered {
    /// Messages that services took.
    pub sent: usize,
    /// What they did not take.
    pub refused: Vec<Undelivered>,
    /// Reports that could not be written, so that there is nothing to send.
    pub faults: Vec<String>,
}

/// Sends a report to services, one after the other.
pub fn publish(report: &Report<'_>, destinations: &[Destination]) -> Delivered {
    let mut delivered = Delivered::default();
    for destination in destinations {
        match messages(report, destination) {
            Ok(messages) => messages.into_iter().for_each(|message| {
                attempt(destination.service, message, destination.named.as_deref(), 0, &mut delivered);
            }),
            Err(fault) => delivered.faults.push(format!("nothing was sent to {}: {fault}", destination.service.name)),
        }
    }
    delivered
}

/// Sends what was kept once more.
pub fn resume(kept: Vec<Undelivered>) -> Delivered {
    let mut delivered = Delivered::default();
    for undelivered in kept {
        let Some(service) = SERVICES.iter().find(|service| service.name == undelivered.message.service) else {
            delivered.refused.push(Undelivered { reason: "this version knows no such service".into(), ..undelivered });
            continue;
        };
        attempt(service, undelivered.message, None, undelivered.attempts, &mut delivered);
    }
    delivered
}

fn attempt(service: &Service, message: Message, named: Option<&str>, attempts: u32, delivered: &mut Delivered) {
    match (service.send)(&message, named) {
        Ok(()) => delivered.sent += 1,
        Err(Refused { reason, rest }) => {
            let message = match rest {
                Some(body) => Message { body, ..message },
                None => message,
            };
            let reason = crate::error::escape_controls(&reason);
            delivered.refused.push(Undelivered::now(message, reason, attempts.saturating_add(1)));
        }
    }
}

/// A report as messages for a service.
fn messages(report: &Report<'_>, destination: &Destination) -> Result<Vec<Message>, String> {
    let service = destination.service;
    let format = find(service.format).ok_or("this version does not write its format")?;
    let mut bytes = Vec::new();
    (format.write)(report, &mut bytes).map_err(|error| error.to_string())?;
    let text = String::from_utf8(bytes).map_err(|_| "the report is not UTF-8")?;
    let place = destination.place.as_deref().map(|place| (service.place_of)(place, report));
    let bodies: Vec<Cow<'_, str>> =
        if service.by_line { text.lines().map(Cow::Borrowed).collect() } else { vec![Cow::Owned(text)] };
    let message = |body: Cow<'_, str>| Message {
        service: service.name.to_string(),
        place: place.clone(),
        region: report.publication.region.clone(),
        body: body.into_owned(),
    };
    Ok(bodies.into_iter().map(message).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_service_sends_a_format_that_exists() {
        for service in SERVICES {
            assert!(find(service.format).is_some(), "{}", service.name);
        }
    }

    #[test]
    fn what_cannot_be_a_destination_is_refused_without_repeating_secrets() {
        for text in
            ["cloud=secret", "webhook=ftp://secret", "webhook=https://u:secret@example.com/", "s3=https://secret"]
        {
            let error = Destination::parse(text).err().expect(text);
            assert!(!error.contains("secret"), "{error}");
        }
        assert!(Destination::parse("s3").is_err());
        assert!(Destination::parse("cloudwatch=eu-west-1").is_err());
    }
}
