//! What all services of AWS share: credentials and region of the environment, attempts, time limits.

use super::Refused;
use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{AppName, BehaviorVersion, Region, SdkConfig};
use aws_sdk_cloudwatch::config::{ProvideCredentials, SharedCredentialsProvider};
use aws_sdk_cloudwatch::error::{ProvideErrorMetadata, SdkError};
use aws_smithy_http_client::Builder;
use aws_smithy_http_client::tls::Provider;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use std::error::Error;
use std::time::Duration;

/// Attempts at one request; the library waits longer from one to the next, by a random time.
pub(super) const ATTEMPTS: u32 = 4;

/// What to do without credentials.
const NO_CREDENTIALS: &str =
    "no credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE, or run where a role is given";

/// A service in a region, and who we are there.
pub(super) struct Account {
    settings: SdkConfig,
    service: &'static str,
    /// In words: service, region, and the server where that is not AWS's own.
    place: String,
}

impl Account {
    /// The settings of the environment, of profiles and of the machine; the user's region first.
    pub(super) async fn of(service: &'static str, region: Option<String>) -> Result<Self, Refused> {
        let settings = settings(region).await;
        let named = |fault: &str| format!("{service}: {fault}: name it with --region or AWS_REGION");
        let region = settings.region().map(|region| region.as_ref().to_string());
        let region = region.ok_or_else(|| Refused::down(named("no region")))?;
        if region.is_empty() || !region.chars().all(|c| c.is_ascii_alphanumeric() || c == '-') {
            return Err(Refused::down(named(&format!("`{region}` is no region"))));
        }
        let mut place = format!("{service} in {region}");
        if let Some(address) = settings.endpoint_url() {
            // The origin has neither user nor password.
            let origin = url::Url::parse(address).map(|url| url.origin().ascii_serialization());
            place.push_str(&format!(" at {}", origin.unwrap_or_else(|_| "AWS_ENDPOINT_URL".into())));
        }
        let provider =
            settings.credentials_provider().ok_or_else(|| Refused::down(format!("{place}: {NO_CREDENTIALS}")))?;
        // Asked for once, and before the request, whose error would not say what is missing.
        let credentials = provider.provide_credentials().await.map_err(|error| {
            let reasons = reasons(&error);
            Refused::down(format!("{place}: {NO_CREDENTIALS} ({reasons})"))
        })?;
        let settings =
            settings.into_builder().credentials_provider(SharedCredentialsProvider::new(credentials)).build();
        Ok(Self { settings, service, place })
    }

    pub(super) fn settings(&self) -> &SdkConfig {
        &self.settings
    }

    /// Why a request was not taken: what the service says, or what kept it from being asked.
    pub(super) fn refused<E>(&self, error: &SdkError<E>) -> Refused
    where
        E: Error + ProvideErrorMetadata + 'static,
    {
        let reason = match error.as_service_error() {
            Some(answer) => {
                let code = answer.code().unwrap_or("refused");
                format!("{code}: {}", answer.message().unwrap_or("without a reason"))
            }
            None => self.without_address(&reasons(error)),
        };
        let status = error.raw_response().map(|answer| format!("status {}, ", answer.status().as_u16()));
        let down = matches!(error, SdkError::DispatchFailure(_) | SdkError::TimeoutError(_));
        Refused { down, ..self.says(&format!("{}{reason}", status.unwrap_or_default())) }
    }

    /// A success that the service would not tell in this way.
    pub(super) fn strange(&self) -> Refused {
        self.says(&format!("the answer is not {}'s", self.service))
    }

    pub(super) fn says(&self, reason: &str) -> Refused {
        Refused::whole(format!("{}: {reason}", self.place))
    }

    /// An address may have a password in it.
    fn without_address(&self, text: &str) -> String {
        match self.settings.endpoint_url() {
            Some(address) if !address.is_empty() => text.replace(address, "AWS_ENDPOINT_URL"),
            _ => text.to_string(),
        }
    }
}

async fn settings(region: Option<String>) -> SdkConfig {
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

/// An error and its causes.
fn reasons(error: &(dyn Error + 'static)) -> String {
    let mut reasons = vec![error.to_string()];
    let mut source = error.source();
    while let Some(inner) = source {
        let reason = inner.to_string();
        if reasons.last() != Some(&reason) {
            reasons.push(reason);
        }
        source = inner.source();
    }
    reasons.join(": ")
}
