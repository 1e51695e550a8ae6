//! Messages to web hooks: Slack's, those that take Slack's messages, and programs that read JSON.

#[cfg(feature = "cloud")]
mod address;
#[cfg(feature = "cloud")]
mod post;

use super::{Message, Refused, Service, Stop, one_place};

pub(super) const SERVICE: Service =
    Service { name: "webhook", format: "webhook", by_line: false, regional: false, place, place_of: one_place, send };

/// What builds without a web client say.
#[cfg(not(feature = "cloud"))]
const WITHOUT_CLOUD: &str = "built without the feature cloud, which sends to web hooks";

#[cfg(not(feature = "cloud"))]
fn place(_: Option<&str>) -> Result<Option<String>, String> {
    Err(WITHOUT_CLOUD.into())
}

#[cfg(not(feature = "cloud"))]
fn send(_: &Message, _: Option<&str>, _: Stop<'_>) -> Result<(), Refused> {
    Err(Refused::whole(WITHOUT_CLOUD))
}

/// What is kept of the place. The address is read now, so that a wrong one is found before there is a message.
#[cfg(feature = "cloud")]
fn place(named: Option<&str>) -> Result<Option<String>, String> {
    address::place(named).map(Some)
}

#[cfg(feature = "cloud")]
fn send(message: &Message, named: Option<&str>, stop: Stop<'_>) -> Result<(), Refused> {
    let place = message.place.as_deref().unwrap_or_default();
    let hook = address::Hook::find(place, named).map_err(Refused::whole)?;
    super::retry::run(post::post(&hook, &message.body), stop)
}
