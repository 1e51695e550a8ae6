//! A run that the tests of formats show.

use super::{Report, find};
use crate::compat::Language;
use crate::compat::allow::Acceptance;
use crate::compat::finding::{Finding, Kind, Severity};
use crate::compat::gate::{Entry, Judged, Located, Run, State};
use crate::compat::mode::{Direction, Mode};
use crate::report::Style;

/// An error, a note, and an accepted error.
pub(super) fn run() -> Run {
    let place = |version: Option<&str>, file: &str, start| Located {
        file: Some(file.into()),
        version: version.map(str::to_string),
        pointer: "/fields/0/type".into(),
        start: Some(start),
        end: Some((start.0, start.1 + 4)),
    };
    let entry = |kind: Kind| {
        let message = "reader type: INT not compatible with writer type: STRING";
        let finding = Finding::new(kind, "/fields/0/type", message).hint("keep the type");
        let mut entry = Entry::of_file(finding, None, None);
        entry.schema = "shop.User".into();
        entry.direction = Some(Direction::Backward);
        entry.version = Some("v1.avsc".into());
        entry.reader = Some(place(None, "schemas/user.avsc", (3, 5)));
        entry.writer = Some(place(Some("v1.avsc"), "v1.avsc", (2, 7)));
        entry.place = place(None, "schemas/user.avsc", (3, 5));
        entry
    };
    let mut accepted = entry(Kind::NameMismatch);
    let expires = chrono::NaiveDate::from_ymd_opt(2027, 1, 31);
    accepted.accepted = Some(Acceptance { reason: "agreed".into(), expires });
    Run {
        mode: Mode::Backward,
        against: "v1.avsc".into(),
        schemas: vec![Judged {
            name: "shop.User".into(),
            file: Some("schemas/user.avsc".into()),
            language: Some(Language::Avro),
            state: State::Kept,
            comparisons: vec![(Some(Direction::Backward), "v1.avsc".into(), false)],
        }],
        entries: vec![entry(Kind::TypeMismatch), entry(Kind::DefaultChanged), accepted],
    }
}

/// What a format writes.
pub(super) fn written(format: &str, run: &Run) -> String {
    let report = Report { run, style: Style::default(), fail_on: Severity::Error };
    let mut bytes = Vec::new();
    if let Some(format) = find(format) {
        (format.write)(&report, &mut bytes).unwrap_or_default();
    }
    String::from_utf8(bytes).unwrap_or_default()
}
