//! Rulesets from files and stdin, and the options that decide how they are read.

use super::args::{RuleArguments, TargetArgument};
use super::exit::Trouble;
use crate::dqdl::MAX_DOCUMENT_BYTES;
use crate::error::shown;
use crate::rules::{BindOptions, Target};
use chrono::{DateTime, Utc};
use std::fs::File;
use std::io::Read;
use std::path::Path;

/// A ruleset's text.
pub struct Source {
    /// Its path, or `-`.
    pub name: String,
    /// Its text.
    pub text: String,
}

/// Reads a ruleset; never more than the largest document.
pub fn read(path: &Path) -> Result<Source, Trouble> {
    let stdin = path == Path::new("-");
    let name = if stdin { "-".to_string() } else { path.to_string_lossy().into_owned() };
    let trouble = |error: std::io::Error| {
        let reason = crate::error::Error::Read { path: path.to_path_buf(), source: error };
        Trouble::Usage { message: reason.to_string(), help: reason.help() }
    };
    let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or("").to_lowercase();
    if crate::input::FORMATS
        .iter()
        .any(|format| format.name == extension || extension != "txt" && format.extensions.contains(&extension.as_str()))
    {
        let message = format!("{} is a data file, not a ruleset", shown(path));
        return Err(Trouble::Usage { message, help: Some("write dq check --ruleset RULES DATA".into()) });
    }
    let mut bytes = Vec::new();
    let limit = MAX_DOCUMENT_BYTES as u64 + 1;
    if stdin {
        std::io::stdin().lock().take(limit).read_to_end(&mut bytes).map_err(trouble)?;
    } else {
        File::open(path).and_then(|file| file.take(limit).read_to_end(&mut bytes)).map_err(trouble)?;
    }
    if bytes.len() > MAX_DOCUMENT_BYTES {
        return Err(Trouble::Usage {
            message: format!("{}: a ruleset has at most {} MiB", shown(path), MAX_DOCUMENT_BYTES >> 20),
            help: Some("split it over several files".into()),
        });
    }
    let text = String::from_utf8(bytes).map_err(|error| Trouble::Usage {
        message: format!("{}: not a text in UTF-8, from byte {}", shown(path), error.utf8_error().valid_up_to()),
        help: Some("is this a ruleset? Data files stand behind the options".into()),
    })?;
    Ok(Source { name, text })
}

/// Time, engine and zone.
pub fn bind_options(arguments: &RuleArguments) -> Result<(BindOptions, chrono_tz::Tz), Trouble> {
    let now = match &arguments.now {
        None => Utc::now(),
        Some(text) => DateTime::parse_from_rfc3339(text)
            .map_err(|_| Trouble::Usage {
                message: format!("--now takes a time such as 2026-01-31T12:00:00Z, not `{text}`"),
                help: None,
            })?
            .with_timezone(&Utc),
    };
    let target = match arguments.target {
        TargetArgument::Dq => Target::Dq,
        TargetArgument::Glue => Target::Glue,
    };
    let zone = arguments.timezone.parse().map_err(|_| {
        let near =
            crate::diagnostic::nearest(&arguments.timezone, chrono_tz::TZ_VARIANTS.iter().map(|zone| zone.name()));
        Trouble::Usage {
            message: format!("there is no time zone `{}`", arguments.timezone),
            help: near.map(|near| format!("did you mean {near}?")),
        }
    })?;
    Ok((BindOptions { now, target }, zone))
}
