//! Results to services: metrics to CloudWatch, events to EventBridge, lines to S3, messages to web hooks.
//!
//! What is sent is what the report format of the same name writes. A service is one file of this room and one
//! line of [`SERVICES`]. Whatever a service does not take, after several attempts, goes to a file
//! ([`undelivered`]) from which it is sent again; until then it stands in a [`journal`]: nothing is lost, and what
//! timed out may arrive twice.

#[cfg(feature = "aws")]
mod aws;
mod cloudwatch;
mod eventbridge;
pub mod journal;
#[cfg(feature = "cloud")]
mod retry;
mod s3;
pub mod undelivered;
mod webhook;

use crate::error::{escape_controls, shown};
use crate::report::Report;
use journal::Journal;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use undelivered::{Spool, Undelivered};

/// A service that takes results.
pub struct Service {
    /// The word for `--publish`, and the report format of its messages.
    pub name: &'static str,
    /// The report format of what is sent.
    format: &'static str,
    /// Whether every line of the report is a message of its own.
    by_line: bool,
    /// Whether requests go to the region that the user or the environment names.
    regional: bool,
    /// Where messages go, as it may be kept in a file, by what the user named; or what is wrong with that.
    place: fn(named: Option<&str>) -> Result<Option<String>, String>,
    /// The place of one report's message.
    place_of: fn(place: &str, report: &Report<'_>) -> String,
    /// Sends one message.
    send: fn(&Message, named: Option<&str>, stop: Stop<'_>) -> Result<(), Refused>,
}

/// What is set once the user wants the program to end.
pub type Stop<'a> = Option<&'a AtomicBool>;

fn is_set(stop: Stop<'_>) -> bool {
    stop.is_some_and(|stop| stop.load(Ordering::Relaxed))
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
    /// The AWS region that the user named, or the environment did.
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
    /// Whether other messages for this place would find nobody either.
    down: bool,
}

/// Why something was not sent, or not to its end, when the program had to end.
const INTERRUPTED: &str = "interrupted";

impl Refused {
    fn whole(reason: impl Into<String>) -> Self {
        Self { reason: reason.into(), rest: None, down: false }
    }

    /// Nobody answers at this place.
    fn down(reason: impl Into<String>) -> Self {
        Self { down: true, ..Self::whole(reason) }
    }

    fn interrupted() -> Self {
        Self::whole(INTERRUPTED)
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
        Ok(Self { service, named: named.map(|named| named.trim().to_string()), place })
    }
}

/// What came of publishing.
#[derive(Debug, Default)]
pub struct Delivered {
    /// Messages that services took.
    pub sent: usize,
    /// What they did not take, or what was not tried.
    pub refused: Vec<Undelivered>,
    /// What else went wrong: reports that could not be written, so that there is nothing to send; files.
    pub faults: Vec<String>,
}

impl Delivered {
    /// Whether the user ended it.
    pub fn was_interrupted(&self) -> bool {
        self.refused.iter().any(|undelivered| undelivered.reason == INTERRUPTED)
    }
}

/// Sends a report to services, one after the other, once all of it is stored.
pub fn publish(report: &Report<'_>, destinations: &[Destination], spool: &Spool, stop: Stop<'_>) -> Delivered {
    let (mut waiting, mut named, mut faults) = (Vec::new(), Vec::new(), Vec::new());
    for destination in destinations {
        match messages(report, destination) {
            Ok(messages) => {
                named.extend(messages.iter().map(|_| destination.named.as_deref()));
                waiting.extend(messages.into_iter().map(Undelivered::new));
            }
            Err(fault) => faults.push(format!("nothing was sent to {}: {fault}", destination.service.name)),
        }
    }
    if waiting.is_empty() {
        return Delivered { faults, ..Delivered::default() };
    }
    match Journal::create(spool, waiting) {
        Ok(journal) => {
            let mut delivered = deliver(journal, &named, stop);
            faults.append(&mut delivered.faults);
            Delivered { faults, ..delivered }
        }
        Err(error) => {
            // What cannot be kept could be lost on its way.
            let path = shown(spool.path());
            faults.push(format!("nothing was sent, because nothing can be kept beside {path}: {error}"));
            Delivered { faults, ..Delivered::default() }
        }
    }
}

/// Sends what was kept once more.
pub fn resume(journal: Journal, stop: Stop<'_>) -> Delivered {
    deliver(journal, &[], stop)
}

/// Sends the messages of a journal; `named` is what the user named for each, if it is known.
fn deliver(mut journal: Journal, named: &[Option<&str>], stop: Stop<'_>) -> Delivered {
    let mut delivered = Delivered::default();
    let mut unreachable: HashMap<_, String> = HashMap::new();
    let (mut untried, mut positions) = (Vec::new(), Vec::new());
    let mut lost = None;
    for (position, waiting) in journal.take_messages().into_iter().enumerate() {
        let address = address(&waiting.message);
        let known = match unreachable.get(&address) {
            _ if is_set(stop) => Some(INTERRUPTED.to_string()),
            reason => reason.map(|reason| format!("not tried: {reason}")),
        };
        if let Some(reason) = known {
            // Kept together in the end; until then they stand in the journal.
            positions.push(position);
            untried.push(Undelivered { reason, ..waiting });
            continue;
        }
        let Err(refused) = attempt(&waiting.message, named.get(position).copied().flatten(), stop) else {
            delivered.sent += 1;
            // Without its mark a message is sent once more, if the program is killed.
            let _ = journal.done([position]);
            continue;
        };
        let reason = escape_controls(&refused.reason);
        if refused.down {
            unreachable.insert(address, reason.clone());
        }
        let refused = waiting.refused(reason, refused.rest);
        lost = journal.keep(&[position], std::slice::from_ref(&refused)).err().or(lost);
        delivered.refused.push(refused);
    }
    if !untried.is_empty() {
        lost = journal.keep(&positions, &untried).err().or(lost);
        delivered.refused.append(&mut untried);
    }
    let path = shown(journal.path());
    match lost {
        Some(error) => delivered.faults.push(format!("what was not taken stays in {path}: {error}")),
        None => {
            if let Err(error) = journal.end() {
                delivered.faults.push(format!("{path} cannot be removed: {error}"));
            }
        }
    }
    delivered
}

/// What is the same for messages that find the same server: service, place without what is below it, region.
fn address(message: &Message) -> (String, Option<String>, Option<String>) {
    let place = message.place.as_deref().map(|place| match place.match_indices('/').nth(2) {
        Some((end, _)) => place[..end].to_string(),
        None => place.to_string(),
    });
    (message.service.clone(), place, message.region.clone())
}

fn attempt(message: &Message, named: Option<&str>, stop: Stop<'_>) -> Result<(), Refused> {
    match SERVICES.iter().find(|service| service.name == message.service) {
        Some(service) => (service.send)(message, named, stop),
        None => Err(Refused::whole("this version knows no such service")),
    }
}

/// The region that tools of AWS use when nobody names one.
fn environment_region() -> Option<String> {
    let value = |name: &str| std::env::var(name).ok().map(|value| value.trim().to_string());
    ["AWS_REGION", "AWS_DEFAULT_REGION"].into_iter().filter_map(value).find(|value| !value.is_empty())
}

/// A report as messages for a service.
fn messages(report: &Report<'_>, destination: &Destination) -> Result<Vec<Message>, String> {
    let service = destination.service;
    let text = report.render(service.format).map_err(|error| error.to_string())?;
    let place = destination.place.as_deref().map(|place| (service.place_of)(place, report));
    let bodies: Vec<Cow<'_, str>> =
        if service.by_line { text.lines().map(Cow::Borrowed).collect() } else { vec![Cow::Owned(text)] };
    // Kept with the message: it may be sent again from another environment.
    let region = match service.regional {
        true => report.publication.region.clone().or_else(environment_region),
        false => None,
    };
    let message = |body: Cow<'_, str>| Message {
        service: service.name.to_string(),
        place: place.clone(),
        region: region.clone(),
        body: body.into_owned(),
    };
    Ok(bodies.into_iter().map(message).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::find;

    #[test]
    fn every_service_sends_a_format_that_exists() {
        for service in SERVICES {
            assert!(find(service.format).is_some(), "{}", service.name);
        }
    }

    #[test]
    fn one_server_is_not_asked_again_for_other_objects() {
        let message = |place: &str| Message {
            service: "s3".into(),
            place: Some(place.into()),
            region: None,
            body: String::new(),
        };
        let same = |one: &str, other: &str| address(&message(one)) == address(&message(other));
        assert!(same("s3://bucket/a/b", "s3://bucket/c"));
        assert!(!same("s3://bucket/a", "s3://other/a") && !same("https://a#1", "https://a#2"));
    }

    #[test]
    fn what_is_not_tried_is_kept_with_its_reason() {
        let directory = tempfile::tempdir().unwrap();
        let spool = Spool::at(&directory.path().join("u.jsonl")).unwrap();
        let message = |body: &str| {
            let message = Message { service: "pigeon".into(), place: None, region: None, body: body.into() };
            Undelivered::new(message)
        };
        let journal = Journal::create(&spool, vec![message("a"), message("b")]).unwrap();
        let delivered = resume(journal, Some(&AtomicBool::new(true)));
        assert!(delivered.was_interrupted() && delivered.faults.is_empty());
        assert!(
            delivered.refused.iter().all(|refused| (refused.reason.as_str(), refused.attempts) == (INTERRUPTED, 0))
        );
        let journal::Taken::Messages(journal) = journal::take(&spool).unwrap() else { panic!("they are kept") };
        let delivered = resume(journal, None);
        assert_eq!((delivered.refused.len(), delivered.refused[0].attempts), (2, 1));
        assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 1);
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
        assert!(Destination::parse("webhook=env:DQ_TEST_NO_SUCH_VARIABLE").is_err());
        assert!(Destination::parse("cloudwatch=eu-west-1").is_err());
    }
}
