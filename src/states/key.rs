//! Names of metrics that hold anywhere: in other runs, by other programs.
//!
//! A key is a text in JSON, arrays of words and numbers in a fixed order: two metrics have one key only if they
//! measure the same. What a metric depends on besides its own words is part of its key: the zone and, where it may
//! matter, the time of the run for filters, the files of a reference for lookups.

use crate::intervals::Intervals;
use crate::metrics::files::FileQuestion;
use crate::metrics::lookup::{KeySource, Lookup};
use crate::metrics::test::{CastTarget, Test};
use crate::metrics::{Family, Metric};
use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;

/// What metrics may depend on besides their own words.
#[derive(Debug, Clone)]
pub struct Circumstances {
    /// Zone of timestamps that name none.
    pub zone: chrono_tz::Tz,
    /// The time of the run.
    pub now: DateTime<Utc>,
    /// What tells the contents of references, by alias; those where nothing does are not there.
    pub references: BTreeMap<Arc<str>, String>,
}

/// Words of filters that may stand for the time of the run. A column of such a name costs a measurement, no more.
const TIMELY: &[&str] =
    &["now", "current", "curdate", "getdate", "localtime", "unix_timestamp", "today", "tomorrow", "yesterday"];

/// The keys under which states of a metric may be found, its own first. Values counted one by one also tell which
/// of them occur once. `Err` says why its states cannot be merged.
pub fn keys(metric: &Metric, circumstances: &Circumstances) -> Result<Vec<String>, &'static str> {
    let mut keys = vec![key(metric, circumstances)?];
    if metric.family == Family::Distinct {
        keys.push(key(&Metric { family: Family::Frequencies, ..metric.clone() }, circumstances)?);
    }
    Ok(keys)
}

/// The key of a metric, or why its states cannot be merged.
pub fn key(metric: &Metric, circumstances: &Circumstances) -> Result<String, &'static str> {
    if metric.dataset.is_some() {
        return Err("it is measured on another dataset than the data");
    }
    let family = family(&metric.family, circumstances)?;
    let columns: Vec<&str> = metric.columns.iter().map(|column| &**column).collect();
    let filter = metric.filter.as_deref().map(|filter| {
        let lower = filter.to_lowercase();
        let timely = TIMELY.iter().any(|word| lower.contains(word));
        let now = timely.then(|| circumstances.now.to_rfc3339());
        json!([filter, circumstances.zone.name(), now])
    });
    Ok(json!([family, columns, filter]).to_string())
}

fn family(family: &Family, circumstances: &Circumstances) -> Result<Value, &'static str> {
    Ok(match family {
        Family::Rows
        | Family::NonNull
        | Family::Extent
        | Family::Lengths
        | Family::Moments
        | Family::CoMoments
        | Family::Frequencies
        | Family::Distinct
        | Family::Quantiles => json!([family.name()]),
        Family::Passing(own) => json!([family.name(), test(own)]),
        Family::Distribution { bins } => json!([family.name(), bins]),
        Family::Lookup(own) => lookup(own, circumstances)?,
        Family::Query(_) => return Err("a query needs all rows at once"),
        Family::Files(question) => return Err(about_files(question)),
        Family::Custom(own) if own.is_kept() => json!([family.name(), own.name(), own.parameters()]),
        Family::Custom(_) => return Err("the crate that it is of does not write its states"),
    })
}

fn about_files(question: &FileQuestion) -> &'static str {
    match question.path {
        None => "it is about the data files, and not about what is in them",
        Some(_) => "it is about files, and not about what is in the data",
    }
}

fn lookup(lookup: &Lookup, circumstances: &Circumstances) -> Result<Value, &'static str> {
    let Lookup { source, columns, compared, null_is_value, unique_keys } = lookup;
    let KeySource::Dataset(alias) = source else { return Err("the rows of a query are those of all data at once") };
    if *unique_keys || *compared > 0 {
        return Err("rows that differ from those of another dataset are looked up in the data");
    }
    let Some(identity) = circumstances.references.get(alias) else {
        return Err("nothing tells whether the reference is still the same");
    };
    let columns: Vec<&str> = columns.iter().map(|column| &**column).collect();
    Ok(json!(["lookup", alias.as_ref(), identity, columns, null_is_value]))
}

fn intervals(intervals: &Intervals) -> Value {
    let ends = intervals.as_slice().iter().map(|(low, high)| json!([low.to_string(), high.to_string()]));
    Value::Array(ends.collect())
}

fn test(test: &Test) -> Value {
    match test {
        // `null` within `json!` is no variable.
        Test::Null { null: nulls, value } => json!(["null", nulls, value]),
        Test::Within { intervals: own, null: nulls, nan } => json!(["within", intervals(own), nulls, nan]),
        Test::Length(own) => json!(["length", intervals(own)]),
        Test::OneOf { set, member, null: nulls } => {
            let values: Vec<&str> = set.values.iter().map(String::as_str).collect();
            json!(["one_of", values, set.whitespaces, set.ignore_case, member, nulls])
        }
        Test::Matches { pattern, member } => json!(["matches", pattern.as_ref(), member]),
        Test::DateText { intervals: own, null: nulls } => json!(["date_text", intervals(own), nulls]),
        Test::TimestampText { intervals: own, zone } => json!(["timestamp_text", intervals(own), zone.name()]),
        Test::Castable { target, member, zone } => json!(["castable", cast(target), member, zone.name()]),
        Test::Custom(own) => json!(["custom", own.name(), own.parameters()]),
    }
}

fn cast(target: &CastTarget) -> Value {
    match target {
        CastTarget::Boolean => json!(["boolean"]),
        CastTarget::Date(format) => json!(["date", format]),
        CastTarget::Timestamp => json!(["timestamp"]),
        CastTarget::Integer => json!(["integer"]),
        CastTarget::Long => json!(["long"]),
        CastTarget::Float => json!(["float"]),
        CastTarget::Double => json!(["double"]),
        CastTarget::Decimal(precision, scale) => json!(["decimal", precision, scale]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    fn circumstances(now: &str) -> Circumstances {
        let references = BTreeMap::from([("ref".into(), "one".to_string())]);
        Circumstances { zone: chrono_tz::UTC, now: now.parse().unwrap(), references }
    }

    fn lookup_in(alias: &str, compared: usize) -> Family {
        let source = KeySource::Dataset(alias.into());
        let columns = vec!["k".into()];
        Family::Lookup(Arc::new(Lookup { source, columns, compared, null_is_value: false, unique_keys: false }))
    }

    #[test]
    fn different_metrics_have_different_keys() {
        let here = circumstances("2026-01-01T00:00:00Z");
        let passing = |test| Family::Passing(Arc::new(test));
        let matches = |pattern: &str, member| passing(Test::Matches { pattern: pattern.into(), member });
        let families = [
            Family::Rows,
            Family::Distinct,
            Family::Frequencies,
            Family::Distribution { bins: 3 },
            Family::Distribution { bins: 30 },
            passing(Test::Null { null: true, value: false }),
            passing(Test::Null { null: false, value: true }),
            passing(Test::Null { null: true, value: true }),
            passing(Test::DateText { intervals: Intervals::none(), null: true }),
            passing(Test::DateText { intervals: Intervals::none(), null: false }),
            passing(Test::Within { intervals: Intervals::none(), null: true, nan: false }),
            passing(Test::Within { intervals: Intervals::none(), null: false, nan: false }),
            matches("a\",true", true),
            matches("a", true),
            matches("a", false),
            lookup_in("ref", 0),
        ];
        let columns: [&[&str]; 4] = [&["a"], &["a", "b"], &["a,b"], &["a\",\"b"]];
        let filters = [None, Some("x > 1"), Some("x > 2")];
        let mut seen = HashSet::new();
        let mut count = 0;
        for family in &families {
            for columns in columns {
                for filter in filters {
                    let columns = columns.iter().map(|name| Arc::from(*name)).collect();
                    let metric = Metric { filter: filter.map(Arc::from), ..Metric::new(family.clone(), columns) };
                    seen.insert(key(&metric, &here).unwrap());
                    count += 1;
                }
            }
        }
        assert_eq!(seen.len(), count);
    }

    #[test]
    fn a_key_names_all_that_the_states_depend_on() {
        let (here, later) = (circumstances("2026-01-01T00:00:00Z"), circumstances("2026-01-02T00:00:00Z"));
        let filtered = |filter: &str| Metric { filter: Some(filter.into()), ..Metric::new(Family::Rows, Vec::new()) };
        let differs = |metric: &Metric, other: &Circumstances| key(metric, &here) != key(metric, other);
        assert!(!differs(&filtered("a = 1"), &later));
        assert!(differs(&filtered("a < now()"), &later));
        assert!(differs(&filtered("a < CURRENT_DATE"), &later));
        assert!(differs(&filtered("a = 1"), &Circumstances { zone: chrono_tz::Europe::Berlin, ..here.clone() }));
        let looked_up = Metric::new(lookup_in("ref", 0), vec!["a".into()]);
        let references = BTreeMap::from([("ref".into(), "two".to_string())]);
        assert!(differs(&looked_up, &Circumstances { references, ..here.clone() }));
    }

    #[test]
    fn what_cannot_be_merged_says_why() {
        let here = circumstances("2026-01-01T00:00:00Z");
        let refused = |family| key(&Metric::new(family, vec!["a".into()]), &here).unwrap_err();
        assert!(refused(Family::Query("select 1".into())).contains("all rows"));
        assert!(refused(lookup_in("ref", 1)).contains("looked up in the data"));
        assert!(refused(lookup_in("other", 0)).contains("still the same"));
        let elsewhere = Metric { dataset: Some("ref".into()), ..Metric::new(Family::Rows, Vec::new()) };
        assert!(key(&elsewhere, &here).unwrap_err().contains("another dataset"));
    }
}
