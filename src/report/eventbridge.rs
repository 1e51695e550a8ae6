//! The event that Glue sends when a check has ended, as input of EventBridge's `PutEvents`:
//! `aws events put-events --cli-input-json` takes it as it is.
//!
//! Fields are those of real events; Glue's documentation spells some of them otherwise.

use super::glue::{cut, run_digits};
use super::{Publication, Report};
use crate::verdict::Verdict;
use serde_json::{Map, Value, json};
use std::io::{self, Write};

/// What rules about Glue's events match.
const DETAIL_TYPE: &str = "Data Quality Evaluation Results Available";
/// Bytes of names; an entry of such names is far below the 256 KB that the service takes.
const NAME: usize = 255;

pub(super) fn write(report: &Report<'_>, out: &mut dyn Write) -> io::Result<()> {
    let (run, publication) = (report.run, report.publication);
    if let Some(fault) = fault(publication) {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, fault));
    }
    let digits = run_digits(report);
    let name = |name: &str| cut(name, NAME);
    let ruleset = name(&report.ruleset_name());
    let context = match &publication.job {
        Some(job) => json!({
            "contextType": "GLUE_JOB",
            "jobId": format!("jr_{digits}"),
            "jobName": name(job),
            "evaluationContext": ruleset,
        }),
        None => json!({
            "contextType": "GLUE_DATA_CATALOG",
            "runId": format!("dqrun-{digits}"),
            "databaseName": name(report.database()),
            "tableName": name(&report.table()),
            "catalogId": name(report.catalog()),
        }),
    };
    let passed = run.count(Verdict::Pass);
    let failed = run.count(Verdict::Fail) + run.count(Verdict::Error);
    let mut detail = Map::new();
    detail.insert("resultId".into(), format!("dqresult-{digits}").into());
    detail.insert("context".into(), context);
    detail.insert("rulesetNames".into(), json!([ruleset]));
    let state = if failed == 0 { "SUCCEEDED" } else { "FAILED" };
    detail.insert("state".into(), state.into());
    if let Some(score) = run.score {
        detail.insert("score".into(), score.into());
    }
    detail.insert("numRulesSucceeded".into(), passed.into());
    detail.insert("numRulesFailed".into(), failed.into());
    detail.insert("numRulesSkipped".into(), run.count(Verdict::Skip).into());

    let mut entry = Map::new();
    entry.insert("Time".into(), report.completed().to_rfc3339_opts(chrono::SecondsFormat::Secs, true).into());
    entry.insert("Source".into(), publication.event_source.clone().into());
    let resources = resources(report, &digits);
    if !resources.is_empty() {
        entry.insert("Resources".into(), resources.into());
    }
    entry.insert("DetailType".into(), DETAIL_TYPE.into());
    entry.insert("Detail".into(), Value::Object(detail).to_string().into());
    if let Some(bus) = &publication.event_bus {
        entry.insert("EventBusName".into(), bus.clone().into());
    }
    serde_json::to_writer_pretty(&mut *out, &json!({ "Entries": [entry] }))?;
    writeln!(out)
}

/// Names of what was checked, where region and account are known.
fn resources(report: &Report<'_>, digits: &str) -> Vec<String> {
    let publication = report.publication;
    let (Some(region), Some(account), None) = (&publication.region, &publication.catalog, &publication.job) else {
        return Vec::new();
    };
    let partition = match region.as_str() {
        china if china.starts_with("cn-") => "aws-cn",
        government if government.starts_with("us-gov-") => "aws-us-gov",
        _ => "aws",
    };
    let of = |kind: &str, name: &str| {
        format!("arn:{partition}:glue:{region}:{}:{kind}/{}", cut(account, NAME), cut(name, 2 * NAME))
    };
    vec![
        of("table", &format!("{}/{}", report.database(), report.table())),
        of("dqRun", &format!("dqrun-{digits}")),
        of("dataQualityRuleset", &report.ruleset_name()),
    ]
}

/// What the service would refuse, if anything.
pub(super) fn fault(publication: &Publication) -> Option<String> {
    let made_of = |text: &str, others: &str| {
        !text.is_empty() && text.len() <= 256 && text.chars().all(|c| c.is_ascii_alphanumeric() || others.contains(c))
    };
    let source = &publication.event_source;
    if source.trim().is_empty() || source.len() > 256 || source.chars().any(char::is_control) {
        return Some("the source of events has 1 to 256 characters".into());
    }
    if source.starts_with("aws.") {
        return Some("the source of events cannot begin with `aws.`: only AWS may send such events".into());
    }
    if publication.event_bus.as_deref().is_some_and(|bus| !made_of(bus, "/.-_:")) {
        return Some("an event bus is a name or an ARN: letters, digits and any of / . - _ :".into());
    }
    if publication.region.as_deref().is_some_and(|region| !made_of(region, "-")) {
        return Some("a region is made of letters, digits and hyphens, such as eu-central-1".into());
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::Run;
    use crate::report::example::{self, HOSTILE};

    fn entry(run: &Run, publication: &Publication) -> (Value, Value) {
        let text = example::written(run, publication, write).expect("a report");
        let document: Value = serde_json::from_str(&text).expect("JSON");
        let [entry] = document["Entries"].as_array().expect("entries").as_slice() else { panic!("one entry: {text}") };
        let detail = serde_json::from_str(entry["Detail"].as_str().expect("a text")).expect("JSON in JSON");
        (entry.clone(), detail)
    }

    fn rules(verdicts: &[Verdict]) -> Run {
        example::run(verdicts.iter().map(|verdict| example::outcome("RowCount > 1", *verdict)).collect())
    }

    #[test]
    fn events_are_like_those_of_a_table_in_glue() {
        let publication = Publication {
            region: Some("eu-central-1".into()),
            catalog: Some("123456789012".into()),
            database: Some("db".into()),
            event_bus: Some("quality".into()),
            ..Publication::default()
        };
        let run = rules(&[Verdict::Pass, Verdict::Pass, Verdict::Fail, Verdict::Error, Verdict::Skip]);
        let (entry, detail) = entry(&run, &publication);
        let id = detail["resultId"].as_str().and_then(|id| id.strip_prefix("dqresult-")).expect("an id");
        assert!(id.len() == 40 && id.chars().all(|c| c.is_ascii_hexdigit()), "{id}");
        let expected = json!({
            "resultId": format!("dqresult-{id}"),
            "context": {
                "contextType": "GLUE_DATA_CATALOG",
                "runId": format!("dqrun-{id}"),
                "databaseName": "db",
                "tableName": "t",
                "catalogId": "123456789012",
            },
            "rulesetNames": ["rs"],
            "state": "FAILED",
            "score": 0.5,
            "numRulesSucceeded": 2,
            "numRulesFailed": 2,
            "numRulesSkipped": 1,
        });
        assert_eq!(detail, expected);
        assert_eq!(entry["Time"], "2026-01-01T00:00:00Z");
        assert_eq!(entry["Source"], "dq.local");
        assert_eq!(entry["DetailType"], DETAIL_TYPE);
        assert_eq!(entry["EventBusName"], "quality");
        let arn = |rest: &str| format!("arn:aws:glue:eu-central-1:123456789012:{rest}");
        let resources =
            [arn("table/db/t"), arn(&format!("dqRun/dqrun-{id}")), arn("dataQualityRuleset/rs")].map(Value::from);
        assert_eq!(entry["Resources"].as_array().map(Vec::as_slice), Some(resources.as_slice()));
    }

    #[test]
    fn events_of_jobs_name_the_job() {
        let publication = Publication { job: Some("nightly".into()), ..Publication::default() };
        let (entry, detail) = entry(&rules(&[Verdict::Pass]), &publication);
        assert_eq!(detail["state"], "SUCCEEDED");
        assert_eq!(detail["context"]["contextType"], "GLUE_JOB");
        assert_eq!(detail["context"]["jobName"], "nightly");
        assert_eq!(detail["context"]["evaluationContext"], "rs");
        assert!(entry.get("Resources").is_none() && entry.get("EventBusName").is_none());
    }

    #[test]
    fn without_judged_rules_there_is_no_score() {
        let (_, detail) = entry(&rules(&[Verdict::Skip]), &Publication::default());
        assert!(detail.get("score").is_none());
        assert_eq!(detail["numRulesSkipped"], 1);
    }

    #[test]
    fn entries_stay_within_the_limits_whatever_names_hold() {
        let long = HOSTILE.repeat(1000);
        let publication = Publication {
            ruleset: Some(long.clone()),
            table: Some(long.clone()),
            database: Some(long.clone()),
            catalog: Some(long),
            region: Some("us-gov-west-1".into()),
            ..Publication::default()
        };
        let (entry, _) = entry(&rules(&[Verdict::Fail]), &publication);
        assert!(entry.to_string().len() < 64 << 10);
        assert!(entry["Resources"][0].as_str().is_some_and(|arn| arn.starts_with("arn:aws-us-gov:glue:")));
        let wrong = Publication { event_source: "aws.x".into(), ..Publication::default() };
        assert!(example::written(&rules(&[Verdict::Pass]), &wrong, write).is_err());
    }
}
