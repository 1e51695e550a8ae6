//! The rules of a registry: which pairs of schemas are compared, how the answer is found when
//! schemas refer to themselves, and what is written down.
//!
//! A schema may contain itself, and an alternative of `oneOf` is compared with every other, so
//! pairs are met again while they are compared. A pair under comparison is taken to be
//! compatible; if that was used and anything was refuted meanwhile, what was granted on the way
//! is forgotten and the comparison starts again, until nothing changes. What is refuted stays
//! so: assumptions only ever help.

use super::Policy;
use super::document::Spot;
use super::rules::{self, hint};
use super::view::{Side, View};
use crate::compat::finding::{Finding, Kind, Place, Severity};
use std::collections::{HashMap, HashSet};

/// Pairs of schemas that are compared before the comparison is given up.
const MOST_COMPARISONS: usize = 1_000_000;
/// Schemas in schemas.
const MOST_DEPTH: usize = 10_000;
/// Findings that are described one by one, and the bytes of their locations.
const MOST_FINDINGS: usize = 10_000;
const MOST_BYTES: usize = 8 << 20;

type Key = (Side, Spot, Spot);

#[derive(Clone, Copy, PartialEq, Eq)]
enum Purpose {
    /// Only whether the update reads the original.
    Answer,
    /// Every difference.
    Describe,
}

/// What a comparison has found.
pub(super) struct Comparison {
    pub(super) findings: Vec<Finding>,
    /// Why it was not finished.
    pub(super) given_up: Option<&'static str>,
}

impl Comparison {
    pub(super) fn has_errors(&self) -> bool {
        self.findings.iter().any(|finding| finding.severity == Severity::Error)
    }
}

/// Compares what the writer writes with what the reader reads.
pub(super) fn differences(original: View<'_>, update: View<'_>, policy: Policy) -> Comparison {
    let mut differ = Differ::new(policy);
    differ.describe(original, update);
    if let Some(severity) = differ.omitted.1 {
        let message = format!("{} more differences are not listed", differ.omitted.0);
        differ.findings.push(Finding::new(Kind::FindingsOmitted, "#/", message).severity(severity));
    }
    Comparison { findings: differ.findings, given_up: differ.given_up }
}

pub(super) struct Differ {
    policy: Policy,
    purpose: Purpose,
    /// An incompatible difference was met in the pair at hand.
    incompatible: bool,
    refuted: HashSet<Key>,
    granted: HashSet<Key>,
    /// Granted until the pass ends; `false` while under comparison.
    held: HashMap<Key, bool>,
    /// In this pass, a pair was refuted; a pair under comparison was met.
    changed: bool,
    assumed: bool,
    described: HashSet<Key>,
    path: Vec<String>,
    findings: Vec<Finding>,
    bytes: usize,
    omitted: (usize, Option<Severity>),
    spent: usize,
    depth: usize,
    given_up: Option<&'static str>,
}

impl Differ {
    fn new(policy: Policy) -> Self {
        Self {
            policy,
            purpose: Purpose::Describe,
            incompatible: false,
            refuted: HashSet::new(),
            granted: HashSet::new(),
            held: HashMap::new(),
            changed: false,
            assumed: false,
            described: HashSet::new(),
            path: Vec::new(),
            findings: Vec::new(),
            bytes: 0,
            omitted: (0, None),
            spent: 0,
            depth: 0,
            given_up: None,
        }
    }

    /// Compares what stands below, at one more step of the location.
    pub(super) fn below<'a>(&mut self, steps: &[&str], original: View<'a>, update: View<'a>) {
        match self.purpose {
            Purpose::Answer => {
                if !self.incompatible && !self.reads(original, update) {
                    self.incompatible = true;
                }
            }
            Purpose::Describe => {
                let outer = self.path.len();
                self.path.extend(steps.iter().map(|step| super::document::pointer_step(step)));
                self.describe(original, update);
                self.path.truncate(outer);
            }
        }
    }

    /// Whether the update reads all that the original writes; nothing is written down.
    pub(super) fn covers<'a>(&mut self, original: View<'a>, update: View<'a>) -> bool {
        match self.purpose {
            Purpose::Answer => self.reads(original, update),
            Purpose::Describe => self.settled(original, update),
        }
    }

    /// Whether both read each other, as far as the rules see.
    pub(super) fn equal<'a>(&mut self, original: Option<View<'a>>, update: Option<View<'a>>) -> bool {
        match (original, update) {
            (None, None) => true,
            (Some(original), Some(update)) => self.covers(original, update) && self.covers(update, original),
            _ => false,
        }
    }

    /// Whether differences are being written down: what only informs is looked at just then.
    pub(super) fn describes(&self) -> bool {
        self.purpose == Purpose::Describe
    }

    /// Notes a difference at `steps` below the pair at hand.
    pub(super) fn difference(
        &mut self,
        kind: Kind,
        steps: &[&str],
        original: Option<View<'_>>,
        update: Option<View<'_>>,
        message: impl FnOnce() -> String,
    ) {
        let severity = rules::severity(kind, self.policy);
        if severity == Severity::Error {
            self.incompatible = true;
        }
        if self.purpose == Purpose::Answer {
            return;
        }
        if self.findings.len() >= MOST_FINDINGS || self.bytes >= MOST_BYTES {
            self.omitted = (self.omitted.0 + 1, Some(severity).max(self.omitted.1));
            return;
        }
        let steps = steps.iter().map(|step| super::document::pointer_step(step));
        let location = format!("#/{}", self.path.iter().cloned().chain(steps).collect::<Vec<_>>().join("/"));
        let mut finding = Finding::new(kind, location, message()).severity(severity);
        for view in [original, update].into_iter().flatten() {
            let span = view.schema.document().span(view.via);
            let place = Place { pointer: view.schema.pointer(view.via), span };
            self.bytes += place.pointer.len();
            finding = match view.side {
                Side::Writer => finding.writer(place),
                Side::Reader => finding.reader(place),
            };
        }
        if severity != Severity::Information
            && let Some(hint) = hint(kind)
        {
            finding = finding.hint(hint);
        }
        self.bytes += finding.location.len() + finding.message.len();
        self.findings.push(finding);
    }

    /// Whether the comparison may go on one level deeper.
    fn enter(&mut self) -> bool {
        self.spent += 1;
        if self.spent > MOST_COMPARISONS {
            self.given_up = Some("the schemas have too many alternatives to compare");
        } else if self.depth >= MOST_DEPTH {
            self.given_up = Some("the schemas are nested too deeply to compare");
        }
        if self.given_up.is_none() {
            self.depth += 1;
        }
        self.given_up.is_none()
    }

    fn compare<'a>(&mut self, original: View<'a>, update: View<'a>) {
        stacker::maybe_grow(64 * 1024, 1024 * 1024, || rules::compare(self, original, update));
        self.depth -= 1;
    }

    fn describe<'a>(&mut self, original: View<'a>, update: View<'a>) {
        let (original, update) = (original.resolved(), update.resolved());
        // What a definition lacks is told once, not at each of its uses.
        if self.described.insert(key(original, update)) && self.enter() {
            self.compare(original, update);
        }
    }

    fn reads<'a>(&mut self, original: View<'a>, update: View<'a>) -> bool {
        let (original, update) = (original.resolved(), update.resolved());
        let key = key(original, update);
        if self.refuted.contains(&key) {
            return false;
        }
        if self.granted.contains(&key) {
            return true;
        }
        if let Some(finished) = self.held.get(&key) {
            self.assumed |= !finished;
            return true;
        }
        if !self.enter() {
            return false;
        }
        self.held.insert(key, false);
        let outer = std::mem::replace(&mut self.incompatible, false);
        self.compare(original, update);
        let incompatible = std::mem::replace(&mut self.incompatible, outer);
        if incompatible {
            self.held.remove(&key);
            self.refuted.insert(key);
            self.changed = true;
        } else {
            self.held.insert(key, true);
        }
        !incompatible
    }

    /// [`Differ::reads`] until no assumption is left.
    fn settled<'a>(&mut self, original: View<'a>, update: View<'a>) -> bool {
        let outer = std::mem::replace(&mut self.incompatible, false);
        self.purpose = Purpose::Answer;
        let answer = loop {
            (self.changed, self.assumed) = (false, false);
            self.held.clear();
            let answer = self.reads(original, update);
            let certain = !(self.changed && self.assumed);
            if certain && self.given_up.is_none() {
                self.granted.extend(self.held.drain().map(|(key, _)| key));
            }
            if certain || !answer || self.given_up.is_some() {
                break answer;
            }
        };
        self.held.clear();
        self.purpose = Purpose::Describe;
        self.incompatible = outer;
        answer
    }
}

fn key(original: View<'_>, update: View<'_>) -> Key {
    (original.side, original.spot, update.spot)
}
