//! A function as AWS Lambda runs it: checks the object that an event of S3 names, and gives a result that a Choice
//! state of Step Functions branches on.
//!
//! `DQ_RULESET=rulesets/customers.dqdl cargo run --example lambda < examples/lambda.json`
//!
//! | what happened | `verdict` | `exit_code` | in the state machine |
//! |---|---|---|---|
//! | every rule passes | `PASS` | 0 | `Choice` |
//! | a rule fails | `FAIL` | 1 | `Choice` |
//! | a rule could not be evaluated | `ERROR` | 3 | `Choice` |
//! | the event, the ruleset or the object cannot be read | | | the step fails: `Catch` |
//!
//! `state`, `score` and the numbers of rules are those of the event that Glue sends after a run, where `FAILED` is also
//! what could not be evaluated; `failed` has the rules that do not pass, as in Glue's `GetDataQualityResult`.
//!
//! Credentials and region come from the environment, as does another server: `AWS_ENDPOINT_URL=http://127.0.0.1:5000`.

// Examples speak.
#![allow(clippy::print_stdout, clippy::print_stderr)]

use dq::check::{CheckOptions, Ruleset, Run, Watch, check};
use dq::report::{Publication, Report};
use dq::rules::BindOptions;
use dq::scorecard::Scorecard;
use dq::verdict::Verdict;
use serde_json::{Map, Value, json};
use std::path::PathBuf;
use std::process::ExitCode;

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Bytes of rules in a result. A state holds 256 KB, and there may be other things in it.
const MOST_BYTES: usize = 192 << 10;

fn handler(event: Value) -> Result<Value, Failure> {
    let object = Object::of(&event)?;
    let path = std::env::var("DQ_RULESET").map_err(|_| "DQ_RULESET does not name the file of a ruleset")?;
    let rules = std::fs::read_to_string(&path).map_err(|error| format!("cannot read {path}: {error}"))?;
    // For each event again: `now()` in a rule is the time when the ruleset was parsed.
    let ruleset = Ruleset::parse(&rules, &BindOptions::default()).accepted()?;
    let url = PathBuf::from(format!("s3://{}/{}", object.bucket, object.key));
    let run = check(&ruleset, std::slice::from_ref(&url), &CheckOptions::default(), Watch::default())?;
    // Where there is no such object any more, its key may be the beginning of others.
    if run.files != [url] {
        return Err(format!("there is no object `{}` in `{}`", object.key, object.bucket).into());
    }
    result(&object, &path, &ruleset, &run)
}

/// What an event is about.
struct Object {
    bucket: String,
    key: String,
}

impl Object {
    /// Of a notification of S3, or of the event that S3 sends to EventBridge.
    fn of(event: &Value) -> Result<Self, Failure> {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_string();
        let (bucket, key) = match event["Records"].as_array().map(Vec::as_slice) {
            Some([one]) if text(&one["eventName"]).starts_with("ObjectCreated:") => {
                (&one["s3"]["bucket"]["name"], decoded(&text(&one["s3"]["object"]["key"]))?)
            }
            Some([_, _, ..]) => return Err("the event is about several objects: let each have its own".into()),
            // Here keys are as they are.
            None if event["detail-type"] == "Object Created" => {
                (&event["detail"]["bucket"]["name"], text(&event["detail"]["object"]["key"]))
            }
            _ => return Err("the event does not say that S3 has a new object".into()),
        };
        let own = Self { bucket: text(bucket), key };
        if own.bucket.is_empty() || own.key.is_empty() || own.key.ends_with('/') {
            return Err(format!("the event names no file: bucket `{}`, key `{}`", own.bucket, own.key).into());
        }
        Ok(own)
    }
}

/// Keys in notifications are written as in forms: a blank is `+`, a plus is `%2B`.
fn decoded(key: &str) -> Result<String, Failure> {
    let wrong = || format!("`{key}` is no key as notifications write it");
    let blanks = key.replace('+', " ");
    let mut parts = blanks.split('%');
    let mut bytes = parts.next().unwrap_or_default().as_bytes().to_vec();
    for part in parts {
        let (code, rest) = part.split_at_checked(2).ok_or_else(wrong)?;
        bytes.push(u8::from_str_radix(code, 16).map_err(|_| wrong())?);
        bytes.extend(rest.as_bytes());
    }
    Ok(String::from_utf8(bytes).map_err(|_| wrong())?)
}

/// The result of the step.
fn result(object: &Object, path: &str, ruleset: &Ruleset, run: &Run) -> Result<Value, Failure> {
    let publication = Publication::default();
    let report = Report::new(run, ruleset, path, &publication);
    let request: Value = serde_json::from_str(&report.render("eventbridge")?)?;
    let detail = request["Entries"][0]["Detail"].as_str().ok_or("the report has no event")?;
    let mut result: Map<String, Value> = serde_json::from_str(detail)?;
    let verdict = run.verdict();
    let exit_code: u64 = match verdict {
        Verdict::Pass | Verdict::Skip => 0,
        Verdict::Fail => 1,
        Verdict::Error => 3,
    };
    let share = |passed: u64, judged: u64| Value::from(passed as f64 / judged as f64);
    let card = Scorecard::of(run).dimensions;
    let scores = card.iter().map(|(dimension, passed, judged)| (dimension.name().to_string(), share(*passed, *judged)));
    let document: Value = serde_json::from_str(&report.render("glue")?)?;
    let failing = document["RuleResults"].as_array().into_iter().flatten().filter(|rule| rule["Result"] != "PASS");
    let (mut shown, mut bytes, mut omitted) = (Vec::new(), 0_usize, 0_u64);
    for rule in failing {
        bytes += rule.to_string().len() + 1;
        if bytes <= MOST_BYTES { shown.push(rule.clone()) } else { omitted += 1 }
    }
    result.extend([
        ("verdict".to_string(), verdict.as_str().into()),
        ("exit_code".to_string(), exit_code.into()),
        ("object".to_string(), json!({ "bucket": object.bucket, "key": object.key })),
        ("rows".to_string(), run.rows.into()),
        ("scores".to_string(), Value::Object(scores.collect())),
        ("failed".to_string(), shown.into()),
        ("failed_omitted".to_string(), omitted.into()),
    ]);
    Ok(result.into())
}

/// The event comes from standard input here. In Lambda, with the crate `lambda_runtime`:
///
/// ```ignore
/// #[tokio::main]
/// async fn main() -> Result<(), lambda_runtime::Error> {
///     lambda_runtime::run(service_fn(|event: LambdaEvent<Value>| async move { handler(event.payload) })).await
/// }
/// ```
fn main() -> ExitCode {
    let done = serde_json::from_reader(std::io::stdin().lock()).map_err(Failure::from).and_then(handler);
    done.map_or_else(
        |error| {
            eprintln!("lambda: {error}");
            ExitCode::from(3)
        },
        |result| {
            println!("{result:#}");
            ExitCode::from(result["exit_code"].as_u64().and_then(|code| u8::try_from(code).ok()).unwrap_or(3))
        },
    )
}
