//! The JSON report in lines: one per rule, one per analyzer, and a last one about the run.

use super::{Report, json};
use serde_json::{Map, Value};
use std::io::{self, Write};

pub(super) fn write(report: &Report<'_>, out: &mut dyn Write) -> io::Result<()> {
    let Value::Object(mut run) = json::document(report) else { return Ok(()) };
    let dataset = report.dataset();
    let head = |kind: &str, run: &Map<String, Value>| {
        // A line stands alone where lines of many runs are collected.
        let mut line = Map::new();
        line.insert("kind".into(), kind.into());
        line.insert("dataset".into(), dataset.clone().into());
        for key in ["ruleset", "started"] {
            line.insert(key.into(), run.get(key).cloned().unwrap_or_default());
        }
        line
    };
    for (kind, list) in [("rule", "rules"), ("analyzer", "analyzers")] {
        let Some(Value::Array(items)) = run.shift_remove(list) else { continue };
        for item in items {
            let mut line = head(kind, &run);
            if let Value::Object(members) = item {
                line.extend(members);
            }
            end(line, out)?;
        }
    }
    let mut line = head("run", &run);
    line.extend(run);
    end(line, out)
}

fn end(line: Map<String, Value>, out: &mut dyn Write) -> io::Result<()> {
    serde_json::to_writer(&mut *out, &line)?;
    writeln!(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::Run;
    use crate::report::Publication;
    use crate::report::example::{self, HOSTILE};
    use crate::verdict::Verdict;

    fn text(run: &Run, format: fn(&Report<'_>, &mut dyn Write) -> io::Result<()>) -> String {
        example::written(run, &Publication::default(), format).expect("a report")
    }

    #[test]
    fn lines_are_the_json_report_in_pieces() {
        let mut run = example::run(vec![
            example::measured(HOSTILE, Verdict::Fail, "Column.a.Completeness", 0.8),
            example::outcome("RowCount > 1", Verdict::Skip),
        ]);
        run.analyzers = vec![example::analyzer("Mean \"a\"", "Column.a.Mean", 2.5)];
        let whole: Value = serde_json::from_str(&text(&run, json::write)).expect("JSON");
        let text = text(&run, write);
        let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
        let kinds: Vec<_> = lines.iter().map(|line| line["kind"].as_str().unwrap_or("")).collect();
        assert_eq!(kinds, ["rule", "rule", "analyzer", "run"]);
        let pieces = [&whole["rules"][0], &whole["rules"][1], &whole["analyzers"][0], &whole];
        for (line, piece) in lines.iter().zip(pieces) {
            assert_eq!(line["ruleset"], "rules/rs.dqdl");
            assert_eq!(line["dataset"], "t");
            assert_eq!(line["started"], whole["started"]);
            for (key, value) in piece.as_object().expect("an object") {
                let elsewhere = line["kind"] == "run" && ["rules", "analyzers"].contains(&key.as_str());
                assert_eq!(line.get(key), (!elsewhere).then_some(value), "{key}");
            }
        }
    }
}
