//! What all services of AWS share: credentials and region of the environment, attempts, time limits.

use super::Refused;
use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{AppName, BehaviorVersion, Region, SdkConfig};
use aws_sdk_cloudwatch::error::{ProvideErrorMetadata, SdkError};
use aws_smithy_http_client::Builder;
use aws_smithy_http_client::tls::Provider;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use std::error::Error;
use std::time::Duration;

/// Attempts at one request; the library waits longer from one to the next, by a random time.
pub(super) const ATTEMPTS: u32 = 4;

/// The settings of the environment, of profiles and of the machine; the user's region first.
pub(super) async fn settings(region: Option<String>) -> SdkConfig {
    let client = Builder::new().tls_provider(Provider::Rustls(CryptoMode::Ring)).build_https();
    let timeouts = TimeoutConfig::builder()
        .connect_timeout(Duration::from_secs(5))
        .operation_attempt_timeout(Duration::from_secs(15))
        .operation_timeout(Duration::from_secs(60))
        .build();
    let mut loader = aws_config::defaults(BehaviorVersion::v2026_01_12())
        .http_client(client)
        .retry_config(RetryConfig::standard().with_max_attempts(ATTEMPTS))
        .timeout_config(timeouts);
    if let Ok(name) = AppName::new("dq") {
        loader = loader.app_name(name);
    }
    if let Some(region) = region {
        loader = loader.region(Region::new(region));
    }
    loader.load().await
}

/// Why a request was not taken: what the service says, or what kept it from being asked.
pub(super) fn refused<E, R>(error: &SdkError<E, R>) -> Refused
where
    E: Error + ProvideErrorMetadata + 'static,
    R: std::fmt::Debug,
{
    if let Some(answer) = error.as_service_error() {
        let code = answer.code().unwrap_or("refused");
        return Refused::whole(format!("{code}: {}", answer.message().unwrap_or("without a reason")));
    }
    let mut reasons = vec![error.to_string()];
    let mut source = error.source();
    while let Some(inner) = source {
        let reason = inner.to_string();
        if reasons.last() != Some(&reason) {
            reasons.push(reason);
        }
        source = inner.source();
    }
    Refused::whole(reasons.join(": "))
}
