//! Events to EventBridge by `PutEvents`.

use super::{Message, Refused, Service, Stop, account, one_place};

pub(super) const SERVICE: Service = Service {
    name: "eventbridge",
    format: "eventbridge",
    by_line: false,
    regional: true,
    place: account,
    place_of: one_place,
    send,
};

#[cfg(not(feature = "aws"))]
fn send(_: &Message, _: Option<&str>, _: Stop<'_>) -> Result<(), Refused> {
    Err(Refused::whole(super::WITHOUT_AWS))
}

/// Sends the events of a report. The service takes each or refuses it; those refused are sent again.
#[cfg(feature = "aws")]
fn send(message: &Message, _: Option<&str>, stop: Stop<'_>) -> Result<(), Refused> {
    let mut request: request::Request = serde_json::from_str(&message.body)
        .map_err(|error| Refused::whole(format!("this is no input of PutEvents: {error}")))?;
    super::retry::run(
        async {
            let account = super::aws::Account::of("EventBridge", message.region.clone()).await?;
            let client = aws_sdk_eventbridge::Client::new(account.settings());
            let mut attempt = 1;
            loop {
                let entries = request.entries.iter().map(request::Entry::value).collect::<Result<Vec<_>, _>>()?;
                let sent = client.put_events().set_entries(Some(entries)).send().await;
                let answer = sent.map_err(|error| rest(&request, account.refused(&error)))?;
                // One answer for each entry, in their order.
                let mut answers = answer.entries().iter();
                let (mut reason, mut untold) = (None, false);
                request.entries.retain(|_| match answers.next() {
                    Some(answer) if answer.error_code().is_some() => {
                        let code = answer.error_code().unwrap_or_default();
                        reason = Some(format!("{code}: {}", answer.error_message().unwrap_or("without a reason")));
                        true
                    }
                    Some(answer) if answer.event_id().is_some() => false,
                    _ => {
                        untold = true;
                        true
                    }
                });
                match reason {
                    _ if untold => return Err(rest(&request, account.strange())),
                    None => return Ok(()),
                    Some(reason) if attempt >= super::aws::ATTEMPTS => {
                        return Err(rest(&request, account.says(&reason)));
                    }
                    Some(_) => {}
                }
                super::retry::pause(attempt, None).await;
                attempt += 1;
            }
        },
        stop,
    )
}

/// With the entries that were not taken.
#[cfg(feature = "aws")]
fn rest(request: &request::Request, refused: Refused) -> Refused {
    Refused { rest: serde_json::to_string(request).ok(), ..refused }
}

/// What the report wrote, as the service's library wants it.
#[cfg(feature = "aws")]
mod request {
    use super::Refused;
    use aws_sdk_eventbridge::primitives::{DateTime, DateTimeFormat};
    use aws_sdk_eventbridge::types::PutEventsRequestEntry;
    use serde::{Deserialize, Serialize};

    #[derive(Serialize, Deserialize)]
    #[serde(rename_all = "PascalCase", deny_unknown_fields)]
    pub(super) struct Request {
        pub(super) entries: Vec<Entry>,
    }

    #[derive(Serialize, Deserialize)]
    #[serde(rename_all = "PascalCase", deny_unknown_fields)]
    pub(super) struct Entry {
        time: String,
        source: String,
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        resources: Vec<String>,
        detail_type: String,
        detail: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        event_bus_name: Option<String>,
    }

    impl Entry {
        pub(super) fn value(&self) -> Result<PutEventsRequestEntry, Refused> {
            let time = DateTime::from_str(&self.time, DateTimeFormat::DateTime)
                .map_err(|_| Refused::whole("the time of an event is not one"))?;
            Ok(PutEventsRequestEntry::builder()
                .time(time)
                .source(&self.source)
                .set_resources(Some(self.resources.clone()).filter(|resources| !resources.is_empty()))
                .detail_type(&self.detail_type)
                .detail(&self.detail)
                .set_event_bus_name(self.event_bus_name.clone())
                .build())
        }
    }
}
