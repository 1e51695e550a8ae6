//! Metrics to CloudWatch by `PutMetricData`.

use super::{Message, Refused, Service, Stop, account, one_place};

pub(super) const SERVICE: Service = Service {
    name: "cloudwatch",
    format: "cloudwatch",
    by_line: true,
    regional: true,
    place: account,
    place_of: one_place,
    send,
};

#[cfg(not(feature = "aws"))]
fn send(_: &Message, _: Option<&str>, _: Stop<'_>) -> Result<(), Refused> {
    Err(Refused::whole(super::WITHOUT_AWS))
}

/// Sends a request of the report: all of its values are taken, or none.
#[cfg(feature = "aws")]
fn send(message: &Message, _: Option<&str>, stop: Stop<'_>) -> Result<(), Refused> {
    use aws_sdk_cloudwatch::operation::RequestId;
    let request: request::Request = serde_json::from_str(&message.body)
        .map_err(|error| Refused::whole(format!("this is no input of PutMetricData: {error}")))?;
    let data = request.metric_data.into_iter().map(request::Datum::value).collect::<Result<Vec<_>, _>>()?;
    super::retry::run(
        async {
            let account = super::aws::Account::of("CloudWatch", message.region.clone()).await?;
            let client = aws_sdk_cloudwatch::Client::new(account.settings());
            let sent = client.put_metric_data().namespace(request.namespace).set_metric_data(Some(data)).send().await;
            match sent {
                // All that the answer has; other servers have none.
                Ok(answer) if answer.request_id().is_some() => Ok(()),
                Ok(_) => Err(account.strange()),
                Err(error) => Err(account.refused(&error)),
            }
        },
        stop,
    )
}

/// What the report wrote, as the service's library wants it.
#[cfg(feature = "aws")]
mod request {
    use super::Refused;
    use aws_sdk_cloudwatch::primitives::{DateTime, DateTimeFormat};
    use aws_sdk_cloudwatch::types::{Dimension, MetricDatum, StandardUnit};
    use serde::Deserialize;

    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase", deny_unknown_fields)]
    pub(super) struct Request {
        pub(super) namespace: String,
        pub(super) metric_data: Vec<Datum>,
    }

    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase", deny_unknown_fields)]
    pub(super) struct Datum {
        metric_name: String,
        dimensions: Vec<Pair>,
        timestamp: String,
        value: f64,
        unit: String,
    }

    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase", deny_unknown_fields)]
    struct Pair {
        name: String,
        value: String,
    }

    impl Datum {
        pub(super) fn value(self) -> Result<MetricDatum, Refused> {
            let time = DateTime::from_str(&self.timestamp, DateTimeFormat::DateTime)
                .map_err(|_| Refused::whole("a timestamp is not one"))?;
            let dimension = |pair: Pair| Dimension::builder().name(pair.name).value(pair.value).build();
            Ok(MetricDatum::builder()
                .metric_name(self.metric_name)
                .set_dimensions(Some(self.dimensions.into_iter().map(dimension).collect()))
                .timestamp(time)
                .value(self.value)
                .unit(StandardUnit::from(self.unit.as_str()))
                .build())
        }
    }
}
