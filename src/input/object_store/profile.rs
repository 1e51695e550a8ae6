//! Profiles of AWS: the files `~/.aws/credentials` and `~/.aws/config`.
//!
//! Only keys, regions and endpoints are read. A profile that signs in through a browser, a program or a role
//! needs other programs, and the error says which command exports its credentials.

use super::address::invalid;
use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;

/// Settings of one section of a file.
type Settings = BTreeMap<String, String>;

/// Ways of signing in that are not followed.
const FOREIGN: &[&str] = &["sso_session", "sso_start_url", "credential_process", "role_arn", "login_session"];

/// A profile. Not for printing: it holds secrets.
pub(super) struct Profile {
    name: String,
    /// Whether a variable names it.
    named: bool,
    /// What the files say; nothing when neither has the profile.
    settings: Option<Settings>,
    /// Why a file could not be read: of no interest unless the profile is needed.
    trouble: Option<String>,
}

/// An access key.
pub(super) struct Keys {
    /// Its public half.
    pub(super) id: String,
    /// Its secret half.
    pub(super) secret: String,
    /// The session it belongs to, if it is a temporary one.
    pub(super) token: Option<String>,
}

impl Profile {
    /// The profile of AWS_PROFILE, or the default one, from the files that `variable` names or those at home.
    /// Settings of the credentials file go before those of the other.
    pub(super) fn load(variable: impl Fn(&str) -> Option<String>) -> Self {
        let chosen = variable("AWS_PROFILE").or_else(|| variable("AWS_DEFAULT_PROFILE"));
        let named = chosen.is_some();
        let name = chosen.unwrap_or_else(|| "default".to_string());
        let home = variable("HOME").or_else(|| variable("USERPROFILE")).map(PathBuf::from);
        let file = |setting: &str, default: &str| {
            variable(setting).map(PathBuf::from).or_else(|| Some(home.as_ref()?.join(".aws").join(default)))
        };
        let (mut settings, mut trouble): (Option<Settings>, _) = (None, None);
        let config = file("AWS_CONFIG_FILE", "config");
        let credentials = file("AWS_SHARED_CREDENTIALS_FILE", "credentials");
        for (path, prefixed) in [(config, true), (credentials, false)] {
            match path.as_deref().map(std::fs::read_to_string) {
                Some(Ok(text)) => {
                    if let Some(own) = section(&text, &name, prefixed) {
                        settings.get_or_insert_default().extend(own);
                    }
                }
                Some(Err(error)) if error.kind() != io::ErrorKind::NotFound => trouble = Some(error.to_string()),
                _ => {}
            }
        }
        Self { name, named, settings, trouble }
    }

    /// Its name.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// A setting.
    pub(super) fn get(&self, key: &str) -> Option<String> {
        self.settings.as_ref()?.get(key).cloned()
    }

    /// Its access key, if it has one of its own.
    pub(super) fn keys(&self) -> io::Result<Option<Keys>> {
        if self.named && self.settings.is_none() {
            let (name, trouble) = (&self.name, self.trouble.as_deref().unwrap_or("no such profile"));
            let message =
                format!("AWS_PROFILE is `{name}`, not found in ~/.aws/config or ~/.aws/credentials: {trouble}");
            return Err(invalid(&message));
        }
        // A role is taken on with the key beside it, which alone may do something else.
        if self.get("role_arn").is_some() {
            return Ok(None);
        }
        match (self.get("aws_access_key_id"), self.get("aws_secret_access_key")) {
            (Some(id), Some(secret)) => Ok(Some(Keys { id, secret, token: self.get("aws_session_token") })),
            (None, None) => Ok(None),
            _ => Err(invalid(&format!("profile `{}` has half of an access key", self.name))),
        }
    }

    /// An error if the profile was to sign in some other way: it must not be passed over in silence.
    pub(super) fn must_have_keys(&self) -> io::Result<()> {
        let Some(way) = FOREIGN.iter().find(|way| self.get(way).is_some()) else { return Ok(()) };
        let name = &self.name;
        let message = format!(
            "profile `{name}` signs in by {way}, which is not followed; run \
             eval \"$(aws configure export-credentials --profile {name} --format env)\" first"
        );
        Err(io::Error::new(io::ErrorKind::PermissionDenied, crate::error::escape_controls(&message)))
    }
}

/// The settings of a profile, with names in small letters. In the config file its section is called
/// `[profile name]`, except the default one.
fn section(text: &str, profile: &str, prefixed: bool) -> Option<Settings> {
    let mut found: Option<Settings> = None;
    let mut inside = false;
    for line in text.trim_start_matches('\u{feff}').lines() {
        // Indented lines belong to a nested setting, of which none matters here.
        if line.starts_with(['#', ';', ' ', '\t']) {
            continue;
        }
        let line = without_comment(line).trim();
        if let Some(title) = line.strip_prefix('[') {
            let title = title.split(']').next().unwrap_or("").trim();
            inside = names(title, profile, prefixed);
            if inside {
                found.get_or_insert_default();
            }
        } else if let Some((key, value)) = line.split_once('=')
            && inside
            && !value.trim().is_empty()
        {
            let (key, value) = (key.trim().to_ascii_lowercase(), value.trim().to_string());
            found.get_or_insert_default().insert(key, value);
        }
    }
    found
}

fn names(title: &str, profile: &str, prefixed: bool) -> bool {
    let after = title.strip_prefix("profile").filter(|rest| rest.starts_with([' ', '\t', '"', '\'']));
    match after {
        Some(rest) if prefixed => rest.trim().trim_matches(['"', '\'']) == profile,
        _ => title == profile && (!prefixed || profile == "default"),
    }
}

/// A comment begins at the start of a line or after a space: secrets have `#` in them, but no spaces.
fn without_comment(line: &str) -> &str {
    let starts = [" #", "\t#", " ;", "\t;"];
    let end = starts.iter().filter_map(|start| line.find(start)).min().unwrap_or(line.len());
    &line[..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    const CREDENTIALS: &str = "\u{feff}# keys\r
[default]\r
aws_access_key_id = AKIA1\r
AWS_Secret_Access_Key=a/b#c=d ; mine\r
\r
[half]
aws_access_key_id = AKIA2
[temporary]
aws_access_key_id=AKIA3
aws_secret_access_key=s3
aws_session_token=t==
";
    const CONFIG: &str = r#"
[default]
region = eu-west-1
s3 =
  endpoint_url = http://nested
  region = nested
[profile "temporary"]
region=eu-north-1 # cold
endpoint_url = http://127.0.0.1:9000
[temporary]
region = not-this-one
[profile web]
sso_session = main
region = us-west-2
[sso-session main]
sso_start_url = https://example.com
[profile role]
role_arn = arn:aws:iam::1:role/x
source_profile = default
aws_access_key_id = AKIA4
aws_secret_access_key = s4
[broken
region
"#;

    fn load(profile: Option<&str>) -> Profile {
        let directory = tempfile::tempdir().unwrap();
        std::fs::create_dir(directory.path().join(".aws")).unwrap();
        std::fs::write(directory.path().join(".aws/credentials"), CREDENTIALS).unwrap();
        std::fs::write(directory.path().join("elsewhere"), CONFIG).unwrap();
        let variable = |name: &str| match name {
            "HOME" => Some(directory.path().display().to_string()),
            "AWS_CONFIG_FILE" => Some(directory.path().join("elsewhere").display().to_string()),
            "AWS_PROFILE" => profile.map(str::to_string),
            _ => None,
        };
        Profile::load(variable)
    }

    #[test]
    fn keys_and_regions_are_found() {
        let default = load(None);
        let keys = default.keys().unwrap().unwrap();
        assert_eq!((keys.id.as_str(), keys.secret.as_str(), keys.token), ("AKIA1", "a/b#c=d", None));
        assert_eq!(default.get("region").as_deref(), Some("eu-west-1"));
        assert_eq!(default.get("endpoint_url"), None);
        let temporary = load(Some("temporary"));
        let keys = temporary.keys().unwrap().unwrap();
        assert_eq!((keys.id.as_str(), keys.secret.as_str(), keys.token.as_deref()), ("AKIA3", "s3", Some("t==")));
        assert_eq!(temporary.get("region").as_deref(), Some("eu-north-1"));
        assert_eq!(temporary.get("endpoint_url").as_deref(), Some("http://127.0.0.1:9000"));
    }

    #[test]
    fn a_profile_that_cannot_be_followed_is_an_error() {
        let web = load(Some("web"));
        assert!(web.keys().unwrap().is_none());
        let message = web.must_have_keys().unwrap_err().to_string();
        assert!(message.contains("sso_session") && message.contains("export-credentials --profile web"), "{message}");
        assert_eq!(web.get("region").as_deref(), Some("us-west-2"));
        let role = load(Some("role"));
        assert!(role.keys().unwrap().is_none() && role.must_have_keys().is_err());
        let message = |profile: &str| load(Some(profile)).keys().err().map(|error| error.to_string());
        assert!(message("half").is_some_and(|message| message.contains("half of an access key")));
        assert!(message("nowhere").is_some_and(|message| message.contains("`nowhere`")));
    }

    #[test]
    fn without_files_there_is_no_profile() {
        let nothing = Profile::load(|_| None);
        assert!(nothing.keys().unwrap().is_none() && nothing.must_have_keys().is_ok());
        assert_eq!((nothing.name(), nothing.get("region")), ("default", None));
    }
}
