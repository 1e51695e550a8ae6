//! Who serves a bucket, and with whose rights it is read.

use super::address::{Address, Kind, invalid};
use super::failure::{Failure, explain};
use super::profile::Profile;
use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey, resolve_bucket_region};
use object_store::azure::{AzureConfigKey, MicrosoftAzureBuilder};
use object_store::gcp::{GoogleCloudStorageBuilder, GoogleConfigKey};
use object_store::http::HttpBuilder;
use object_store::{
    BackoffConfig, Certificate, ClientOptions, CredentialProvider, HeaderValue, ObjectStore, RetryConfig,
};
use std::collections::BTreeMap;
use std::io;
use std::str::FromStr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Until a connection stands.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// Until an answer has arrived with all its bytes; a body that breaks off is resumed.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);

/// Tries after the first, and the time after which no other begins.
pub(super) const RETRIES: usize = 5;
const RETRY_TIMEOUT: Duration = Duration::from_secs(120);

/// A bucket, a container or a web server, and who we are there.
pub(super) struct Place {
    pub(super) kind: Kind,
    pub(super) store: Arc<dyn ObjectStore>,
    /// In words: bucket `data`.
    pub(super) name: String,
    /// In words: where connections go.
    pub(super) server: String,
    /// In words: whose rights are used; without, requests are anonymous.
    pub(super) identity: Option<String>,
    /// The region of the requests, where S3's own servers are asked.
    pub(super) region: Option<String>,
}

/// Places, by what is before the key in a URL: connections and credentials serve all objects of a bucket.
static PLACES: Mutex<BTreeMap<String, Arc<Place>>> = Mutex::new(BTreeMap::new());

/// Works at the place of an address; once more if its bucket turns out to be in another region.
pub(super) async fn attempt<T, F, W>(address: &Address, work: F) -> io::Result<T>
where
    F: Fn(Arc<Place>) -> W,
    W: Future<Output = Result<T, object_store::Error>>,
{
    let place = place(address, None).await?;
    let first = work(place.clone()).await;
    let error = match first {
        Ok(done) => return Ok(done),
        Err(error) => error,
    };
    if let Some(region) = &place.region
        && Failure::of(&error).is_elsewhere()
        && let Ok(other) = resolve_bucket_region(&address.bucket, &options(false)).await
        && other != *region
    {
        let place = self::place(address, Some(other)).await?;
        return work(place.clone()).await.map_err(|error| explain(&place, &address.key, &error));
    }
    Err(explain(&place, &address.key, &error))
}

async fn place(address: &Address, region: Option<String>) -> io::Result<Arc<Place>> {
    // Web servers have one client per URL, which nobody else could use.
    let shared = address.kind != Kind::Web;
    let name = format!("{}?{}", address.root, address.signature.as_deref().unwrap_or(""));
    if shared
        && region.is_none()
        && let Some(place) = known(&name)
    {
        return Ok(place);
    }
    let place = Arc::new(match address.kind {
        Kind::S3 => s3(address, region).await?,
        Kind::Google => google(address).await?,
        Kind::Azure => azure(address).await?,
        Kind::Web => web(address)?,
    });
    if shared {
        PLACES.lock().unwrap_or_else(PoisonError::into_inner).insert(name, place.clone());
    }
    Ok(place)
}

fn known(name: &str) -> Option<Arc<Place>> {
    PLACES.lock().unwrap_or_else(PoisonError::into_inner).get(name).cloned()
}

async fn s3(address: &Address, region: Option<String>) -> io::Result<Place> {
    let profile = Profile::load(variable);
    let region = region
        .or_else(|| variable("AWS_REGION"))
        .or_else(|| variable("AWS_DEFAULT_REGION"))
        .or_else(|| profile.get("region"))
        .unwrap_or_else(|| "us-east-1".to_string());
    if !region.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-') {
        return Err(invalid("AWS_REGION or the region of the profile is no region's name"));
    }
    let custom = ["AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_ENDPOINT"]
        .into_iter()
        .find_map(variable)
        .or_else(|| profile.get("endpoint_url"))
        .map(|url| checked_endpoint(&url))
        .transpose()?;
    let endpoint =
        custom.clone().or_else(|| region.starts_with("cn-").then(|| format!("https://s3.{region}.amazonaws.com.cn")));
    let anonymous = is_on("AWS_NO_SIGN_REQUEST") || is_on("AWS_SKIP_SIGNATURE");
    let own = variable("AWS_ACCESS_KEY_ID").is_some() || variable("AWS_SECRET_ACCESS_KEY").is_some();
    let mut client = options(endpoint.as_deref().is_some_and(is_plain));
    if let Some(path) = variable("AWS_CA_BUNDLE") {
        let wrong = |error: String| invalid(&format!("the certificates of AWS_CA_BUNDLE cannot be read: {error}"));
        let bundle = std::fs::read(path).map_err(|error| wrong(error.to_string()))?;
        let certificates = Certificate::from_pem_bundle(&bundle).map_err(|error| wrong(error.to_string()))?;
        client = certificates.into_iter().fold(client, ClientOptions::with_root_certificate);
    }
    let mut builder = AmazonS3Builder::new().with_client_options(client).with_retry(retries());
    for (key, value) in settings::<AmazonS3ConfigKey>("AWS_") {
        // A session token belongs to the key beside it.
        if key != AmazonS3ConfigKey::Token || own {
            builder = builder.with_config(key, value);
        }
    }
    builder = builder.with_bucket_name(&address.bucket).with_region(&region).with_skip_signature(anonymous);
    if let Some(endpoint) = &endpoint {
        builder = builder.with_endpoint(endpoint);
    }
    if variable("AWS_VIRTUAL_HOSTED_STYLE_REQUEST").is_none() {
        // Certificates hold for one label before the host of S3.
        let label = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        let fits = address.bucket.bytes().all(label);
        builder = builder.with_virtual_hosted_style_request(endpoint.is_none() && fits);
    }
    let role = variable("AWS_WEB_IDENTITY_TOKEN_FILE").is_some() && variable("AWS_ROLE_ARN").is_some();
    let container = variable("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI").is_some()
        || variable("AWS_CONTAINER_CREDENTIALS_FULL_URI").is_some();
    let identity = if anonymous {
        None
    } else if own {
        Some("the access key of AWS_ACCESS_KEY_ID".to_string())
    } else if let Some(keys) = profile.keys()? {
        builder = builder.with_access_key_id(keys.id).with_secret_access_key(keys.secret);
        if let Some(token) = keys.token {
            builder = builder.with_token(token);
        }
        Some(format!("the access key of profile `{}`", profile.name()))
    } else if role {
        Some("the role of AWS_ROLE_ARN".to_string())
    } else if container {
        Some("the role of this container".to_string())
    } else {
        profile.must_have_keys()?;
        Some("the role of this machine".to_string())
    };
    // They become headers, which take no other characters.
    let headers = [AmazonS3ConfigKey::AccessKeyId, AmazonS3ConfigKey::Token];
    let visible = |text: String| text.bytes().all(|byte| byte.is_ascii_graphic());
    if !headers.iter().filter_map(|key| builder.get_config_value(key)).all(visible) {
        return Err(invalid("the access key or session token has characters that none has"));
    }
    let store = builder.build().map_err(|error| unfit("AWS", &error))?;
    if let Some(identity) = &identity {
        let hint = "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE to a profile of \
                    ~/.aws/credentials; a public bucket is read with AWS_NO_SIGN_REQUEST=yes";
        if identity == "the role of this machine" && is_on("AWS_EC2_METADATA_DISABLED") {
            return Err(io::Error::new(io::ErrorKind::PermissionDenied, format!("there are no credentials: {hint}")));
        }
        have_credentials(store.credentials(), identity, hint).await?;
    }
    Ok(Place {
        kind: Kind::S3,
        store: Arc::new(store),
        name: format!("bucket `{}`", address.bucket),
        server: endpoint.clone().unwrap_or_else(|| format!("Amazon S3 in {region}")),
        identity,
        region: custom.is_none().then_some(region),
    })
}

async fn google(address: &Address) -> io::Result<Place> {
    let anonymous = ["GOOGLE_SKIP_SIGNATURE", "GOOGLE_NO_SIGN_REQUEST", "GS_NO_SIGN_REQUEST"].into_iter().any(is_on);
    let endpoint = variable("GOOGLE_BASE_URL").map(|url| checked_endpoint(&url)).transpose()?;
    let mut builder = GoogleCloudStorageBuilder::new()
        .with_client_options(options(endpoint.as_deref().is_some_and(is_plain)))
        .with_retry(retries());
    for (key, value) in settings::<GoogleConfigKey>("GOOGLE_") {
        builder = builder.with_config(key, value);
    }
    let builder = builder.with_bucket_name(&address.bucket).with_skip_signature(anonymous);
    let store = builder.build().map_err(|error| unfit("Google Cloud", &error))?;
    let identity = (!anonymous).then(|| "the Google credentials of this user or machine".to_string());
    if let Some(identity) = &identity {
        let hint = "set GOOGLE_APPLICATION_CREDENTIALS to a key file, or run gcloud auth application-default login; \
                    a public bucket is read with GOOGLE_SKIP_SIGNATURE=true";
        have_credentials(store.credentials(), identity, hint).await?;
    }
    Ok(Place {
        kind: Kind::Google,
        store: Arc::new(store),
        name: format!("bucket `{}`", address.bucket),
        server: endpoint.unwrap_or_else(|| "Google Cloud Storage".to_string()),
        identity,
        region: None,
    })
}

async fn azure(address: &Address) -> io::Result<Place> {
    let anonymous =
        address.signature.is_none() && ["AZURE_SKIP_SIGNATURE", "AZURE_NO_SIGN_REQUEST"].into_iter().any(is_on);
    let settings = settings::<AzureConfigKey>("AZURE_");
    let setting =
        |wanted: AzureConfigKey| settings.iter().find(|(key, _)| *key == wanted).map(|(_, value)| value.clone());
    let endpoint = match &address.account {
        Some((_, endpoint)) => Some(endpoint.clone()),
        None => setting(AzureConfigKey::Endpoint).map(|url| checked_endpoint(&url)).transpose()?,
    };
    let mut builder = MicrosoftAzureBuilder::new()
        .with_client_options(options(endpoint.as_deref().is_some_and(is_plain)))
        .with_retry(retries());
    for (key, value) in &settings {
        // A signature in the URL is meant; other credentials would go before it.
        let credential = !matches!(
            key,
            AzureConfigKey::AccountName
                | AzureConfigKey::Endpoint
                | AzureConfigKey::UseEmulator
                | AzureConfigKey::UseFabricEndpoint
                | AzureConfigKey::Client(_)
        );
        if !credential || address.signature.is_none() {
            builder = builder.with_config(*key, value);
        }
    }
    if let Some(url) = variable("IDENTITY_ENDPOINT") {
        builder = builder.with_msi_endpoint(url);
    }
    if let Some((account, _)) = &address.account {
        builder = builder.with_account(account);
    } else if setting(AzureConfigKey::AccountName).is_none() && setting(AzureConfigKey::UseEmulator).is_none() {
        return Err(invalid(
            "whose container? Set AZURE_STORAGE_ACCOUNT_NAME, or write abfss://container@account.dfs.core.windows.net/",
        ));
    }
    if let Some(endpoint) = &endpoint {
        builder = builder.with_endpoint(endpoint.clone());
    }
    if let Some(signature) = &address.signature {
        builder = builder.with_config(AzureConfigKey::SasKey, signature);
    }
    let builder = builder.with_container_name(&address.bucket).with_skip_signature(anonymous);
    let store = builder.build().map_err(|error| unfit("Azure", &error))?;
    let identity = match &address.signature {
        _ if anonymous => None,
        Some(_) => Some("the signature in the URL".to_string()),
        None => Some("the Azure credentials of this environment or machine".to_string()),
    };
    if let Some(identity) = &identity {
        let hint = "set AZURE_STORAGE_ACCOUNT_KEY or AZURE_STORAGE_SAS_TOKEN, or AZURE_USE_AZURE_CLI=true after \
                    az login; a public container is read with AZURE_SKIP_SIGNATURE=true";
        have_credentials(store.credentials(), identity, hint).await?;
    }
    Ok(Place {
        kind: Kind::Azure,
        store: Arc::new(store),
        name: format!("container `{}`", address.bucket),
        server: endpoint.unwrap_or_else(|| "Azure Storage".to_string()),
        identity,
        region: None,
    })
}

fn web(address: &Address) -> io::Result<Place> {
    let builder = HttpBuilder::new()
        .with_url(&address.root)
        .with_client_options(options(is_plain(&address.root)))
        .with_retry(retries());
    let store = builder.build().map_err(|error| unfit("network", &error))?;
    let (name, server) = (address.bucket.clone(), address.bucket.clone());
    Ok(Place { kind: Kind::Web, store: Arc::new(store), name, server, identity: None, region: None })
}

/// Asks for credentials before the first request, so that their absence is not taken for something else.
async fn have_credentials<T>(
    provider: &Arc<dyn CredentialProvider<Credential = T>>,
    identity: &str,
    hint: &str,
) -> io::Result<()> {
    provider.get_credential().await.map(drop).map_err(|error| {
        let message = format!("there are no credentials: {identity} gives none ({}); {hint}", Failure::of(&error));
        io::Error::new(io::ErrorKind::PermissionDenied, crate::error::escape_controls(&message))
    })
}

fn unfit(what: &str, error: &object_store::Error) -> io::Error {
    invalid(&format!("the {what} settings do not fit: {}", Failure::of(error)))
}

fn options(plain: bool) -> ClientOptions {
    ClientOptions::new()
        .with_allow_http(plain)
        .with_connect_timeout(CONNECT_TIMEOUT)
        .with_timeout(REQUEST_TIMEOUT)
        .with_user_agent(HeaderValue::from_static(concat!("dq/", env!("CARGO_PKG_VERSION"))))
}

fn retries() -> RetryConfig {
    let backoff =
        BackoffConfig { init_backoff: Duration::from_millis(200), max_backoff: Duration::from_secs(10), base: 3.0 };
    RetryConfig { backoff, max_retries: RETRIES, retry_timeout: RETRY_TIMEOUT }
}

/// Whether a URL asks for a connection without encryption; nothing else does.
fn is_plain(url: &str) -> bool {
    url.get(..7).is_some_and(|scheme| scheme.eq_ignore_ascii_case("http://"))
}

fn checked_endpoint(text: &str) -> io::Result<String> {
    let wrong = || invalid("the endpoint is no URL such as https://storage.example.com");
    let url = url::Url::parse(text).map_err(|_| wrong())?;
    let bare = url.username().is_empty() && url.password().is_none() && url.query().is_none();
    if !matches!(url.scheme(), "http" | "https") || !bare || url.fragment().is_some() {
        return Err(wrong());
    }
    Ok(url.as_str().trim_end_matches('/').to_string())
}

/// A variable of the environment; an empty one is none.
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().map(|value| value.trim().to_string()).filter(|value| !value.is_empty())
}

fn is_on(name: &str) -> bool {
    let words = ["1", "true", "yes", "on", "y"];
    variable(name).is_some_and(|value| words.contains(&value.to_ascii_lowercase().as_str()))
}

/// Variables of the environment that a client knows.
fn settings<K: FromStr>(prefix: &str) -> Vec<(K, String)> {
    std::env::vars_os()
        .filter_map(|(name, value)| {
            let (name, value) = (name.to_str()?, value.to_str()?.trim());
            // An endpoint decides by its scheme.
            let known = name.starts_with(prefix) && !name.ends_with("_ALLOW_HTTP");
            let key = known.then(|| name.to_ascii_lowercase().parse().ok())??;
            (!value.is_empty()).then(|| (key, value.to_string()))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endpoints_are_urls_without_secrets() {
        assert_eq!(checked_endpoint("http://127.0.0.1:9000/").unwrap(), "http://127.0.0.1:9000");
        assert_eq!(checked_endpoint("https://Storage.example.com/s3").unwrap(), "https://storage.example.com/s3");
        for text in ["127.0.0.1:9000", "ftp://host", "https://user:secret@host", "https://host/?a=b", "", "https://"] {
            let error = checked_endpoint(text).err().map(|error| error.to_string());
            assert!(error.as_ref().is_some_and(|error| !error.contains("secret")), "{text}: {error:?}");
        }
        assert!(is_plain("HTTP://host") && !is_plain("https://host") && !is_plain("http"));
    }
}
