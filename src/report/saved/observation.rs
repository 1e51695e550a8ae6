//! Observations of a saved result.

use super::field::Field;
use super::started;
use crate::history::observation::{MOST, SHOWN};
use crate::history::{Key, Observation};

/// Rules that an observation suggests, at most.
const RULES: usize = 10;

/// All observations; reports of runs without a history have none.
pub(super) fn all(root: &Field<'_>) -> Result<Vec<Observation>, String> {
    let Some(list) = root.find("observations")? else { return Ok(Vec::new()) };
    let items = list.items()?;
    if items.len() > MOST {
        return list.wrong(&format!("at most {MOST} observations"));
    }
    items.iter().map(observation).collect()
}

fn observation(field: &Field<'_>) -> Result<Observation, String> {
    let bound = |name: &str| field.find(name)?.map(|bound| bound.number()).transpose();
    let (expected, lower, upper) = (bound("expected")?, bound("lower")?, bound("upper")?);
    if expected.is_some() != lower.is_some() || lower.is_some() != upper.is_some() {
        return field.wrong("an observation with expected, lower and upper, or with none of them");
    }
    if lower > upper {
        return field.wrong("an observation whose lower bound is not above the upper one");
    }
    let past = field.get("past")?;
    let points = past.items()?;
    if points.len() > SHOWN {
        return past.wrong(&format!("at most {SHOWN} past values"));
    }
    let suggested = field.get("suggested_rules")?;
    let suggested_rules = suggested.texts()?;
    if suggested_rules.len() > RULES {
        return suggested.wrong(&format!("at most {RULES} rules"));
    }
    Ok(Observation {
        key: Key {
            metric: field.get("metric")?.text()?.to_string(),
            detail: field.optional_text("detail")?,
            filter: field.optional_text("filter")?,
        },
        description: field.get("description")?.text()?.to_string(),
        actual: field.get("actual")?.number()?,
        expected,
        lower,
        upper,
        method: field.optional_text("method")?,
        anomalous: field.get("anomalous")?.boolean()?,
        needs_more_data: field.get("needs_more_data")?.boolean()?,
        points: field.get("points")?.size()?,
        past: points
            .iter()
            .map(|point| Ok((started(&point.get("time")?)?, point.get("value")?.number()?)))
            .collect::<Result<_, String>>()?,
        suggested_rules,
    })
}
