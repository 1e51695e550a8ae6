//! The verdict of Avro Java 1.12.0's `SchemaCompatibility`, with its locations and in its order.
//!
//! Ported are also its habits: a pair of types has the findings of its first comparison wherever
//! it is met again, a pair in progress counts as compatible and is remembered so, and branches of
//! unions are tried from a location of their own.

use super::hints;
use super::path::{PathId, Paths, Step};
use super::schema::{AvroSchema, Enum, Field, Record, Shape, Tag, Type, TypeId, Use, claimed};
use super::{MOST_FINDINGS, MOST_LEVELS, Profile};
use crate::compat::finding::{Finding, Incomparable, Kind};
use crate::error::escape_controls;
use std::collections::{HashMap, HashSet};

/// Pairs of types that are compared.
pub(super) const MOST_PAIRS: usize = 4_000_000;

/// Fields, symbols, branches and pairs that are looked at.
pub(super) const MOST_STEPS: usize = 400_000_000;

/// Bytes of all locations that are listed.
const MOST_LOCATION_BYTES: usize = 64 << 20;

/// What is found, in the order of Avro Java.
pub(super) fn check(reader: &AvroSchema, writer: &AvroSchema, profile: Profile) -> Result<Vec<Finding>, Incomparable> {
    let mut checker = Checker {
        reader,
        writer,
        known: HashMap::new(),
        pairs: Vec::new(),
        found: Vec::new(),
        paths: Paths::new(),
        steps: 0,
    };
    let root = checker.pair(reader.root, writer.root, Paths::ROOT, 0)?;
    Ok(checker.findings(root, profile))
}

/// One incompatibility; its words are made when it is listed.
#[derive(Clone, Copy)]
pub(super) struct Found {
    pub(super) kind: Kind,
    pub(super) reader: Use,
    pub(super) writer: Use,
    /// Of a missing default, the field; of a missing branch, where the writer's branch is.
    pub(super) index: usize,
    path: PathId,
}

#[derive(Clone, Copy)]
enum Part {
    Found(usize),
    Pair(usize),
}

/// What is known of a pair of types.
struct Pair {
    compatible: bool,
    parts: Vec<Part>,
}

struct Checker<'a> {
    reader: &'a AvroSchema,
    writer: &'a AvroSchema,
    known: HashMap<(TypeId, TypeId), usize>,
    pairs: Vec<Pair>,
    found: Vec<Found>,
    paths: Paths,
    steps: usize,
}

impl Checker<'_> {
    fn spend(&mut self, steps: usize) -> Result<(), Incomparable> {
        self.steps += steps;
        if self.steps > MOST_STEPS || self.pairs.len() > MOST_PAIRS || self.found.len() > MOST_PAIRS {
            let message = format!("the schemas have more than {MOST_PAIRS} pairs of types to compare");
            return Err(Incomparable { message });
        }
        Ok(())
    }

    /// Compares two types, or remembers what was found when they were compared.
    fn pair(&mut self, reader: Use, writer: Use, path: PathId, level: usize) -> Result<usize, Incomparable> {
        if let Some(known) = self.known.get(&(reader.id, writer.id)) {
            return Ok(*known);
        }
        if level > MOST_LEVELS {
            return Err(Incomparable { message: format!("the schemas are nested deeper than {MOST_LEVELS} levels") });
        }
        self.spend(1)?;
        let index = self.pairs.len();
        // In progress: compatible until proven otherwise.
        self.pairs.push(Pair { compatible: true, parts: Vec::new() });
        self.known.insert((reader.id, writer.id), index);
        let parts = stacker::maybe_grow(64 * 1024, 1024 * 1024, || self.compare(reader, writer, path, level + 1))?;
        self.pairs[index] = Pair { compatible: parts.is_empty(), parts };
        Ok(index)
    }

    fn compatible(&mut self, reader: Use, writer: Use, level: usize) -> Result<bool, Incomparable> {
        let pair = self.pair(reader, writer, Paths::ROOT, level)?;
        Ok(self.pairs[pair].compatible)
    }

    fn found(&mut self, parts: &mut Vec<Part>, kind: Kind, reader: Use, writer: Use, index: usize, path: PathId) {
        parts.push(Part::Found(self.found.len()));
        self.found.push(Found { kind, reader, writer, index, path });
    }

    /// Adds what another pair has.
    fn merge(
        &mut self,
        parts: &mut Vec<Part>,
        reader: Use,
        writer: Use,
        path: PathId,
        level: usize,
    ) -> Result<(), Incomparable> {
        let pair = self.pair(reader, writer, path, level)?;
        if !self.pairs[pair].compatible {
            parts.push(Part::Pair(pair));
        }
        Ok(())
    }

    fn compare(&mut self, reader: Use, writer: Use, path: PathId, level: usize) -> Result<Vec<Part>, Incomparable> {
        let (ours, theirs): (&Type, &Type) = (self.reader.get(reader.id), self.writer.get(writer.id));
        let mut parts = Vec::new();
        match (&ours.shape, &theirs.shape) {
            (Shape::Array(inner), Shape::Array(other)) => {
                let below = self.paths.below(path, Step::Word("items"));
                self.merge(&mut parts, *inner, *other, below, level)?;
            }
            (Shape::Map(inner), Shape::Map(other)) => {
                let below = self.paths.below(path, Step::Word("values"));
                self.merge(&mut parts, *inner, *other, below, level)?;
            }
            (Shape::Union(_), Shape::Union(branches)) => {
                for (index, branch) in branches.iter().enumerate() {
                    self.spend(1)?;
                    if !self.compatible(reader, *branch, level)? {
                        let below = self.paths.below(path, Step::Index(index));
                        self.found(&mut parts, Kind::MissingUnionBranch, reader, *branch, index, below);
                    }
                }
            }
            (Shape::Fixed { size, .. }, Shape::Fixed { size: other, .. }) => {
                self.names(&mut parts, reader, writer, path);
                if size != other {
                    let below = self.paths.below(path, Step::Word("size"));
                    self.found(&mut parts, Kind::FixedSizeMismatch, reader, writer, 0, below);
                }
            }
            (Shape::Enum(symbols), Shape::Enum(other)) => {
                self.names(&mut parts, reader, writer, path);
                self.spend(symbols.symbols.len() + other.symbols.len())?;
                if symbols.default.is_none() && !missing_symbols(symbols, other).is_empty() {
                    let below = self.paths.below(path, Step::Word("symbols"));
                    self.found(&mut parts, Kind::MissingEnumSymbols, reader, writer, 0, below);
                }
            }
            (Shape::Record(record), Shape::Record(other)) => {
                self.names(&mut parts, reader, writer, path);
                for (index, field) in record.fields.iter().enumerate() {
                    self.spend(1 + field.aliases.len())?;
                    self.field(&mut parts, (reader, index, field), (writer, other), path, level)?;
                }
            }
            (Shape::Plain(tag), Shape::Plain(other)) if tag == other => {}
            // Every branch that may be written has to be readable.
            (_, Shape::Union(branches)) => {
                for (index, branch) in branches.iter().enumerate() {
                    let below = self.paths.below(path, Step::Index(index));
                    self.merge(&mut parts, reader, *branch, below, level)?;
                }
            }
            (Shape::Union(branches), _) => {
                for branch in branches {
                    self.spend(1)?;
                    // Most branches of most unions are of another type: nothing to remember.
                    if self.never(*branch, theirs.tag()) {
                        continue;
                    }
                    if self.compatible(*branch, writer, level)? {
                        return Ok(parts);
                    }
                }
                self.found(&mut parts, Kind::MissingUnionBranch, reader, writer, 0, path);
            }
            _ => {
                if !ours.tag().promotes(theirs.tag()) {
                    self.found(&mut parts, Kind::TypeMismatch, reader, writer, 0, path);
                }
            }
        }
        Ok(parts)
    }

    /// Whether a branch without a name has nothing in common with a type.
    fn never(&self, branch: Use, writer: Tag) -> bool {
        let branch = self.reader.get(branch.id);
        branch.name.is_none() && branch.tag() != writer && !branch.tag().promotes(writer)
    }

    fn names(&mut self, parts: &mut Vec<Part>, reader: Use, writer: Use, path: PathId) {
        let (ours, theirs) = (&self.reader.get(reader.id).name, &self.writer.get(writer.id).name);
        if let (Some(ours), Some(theirs)) = (ours, theirs)
            && !ours.reads(theirs)
        {
            let below = self.paths.below(path, Step::Word("name"));
            self.found(parts, Kind::NameMismatch, reader, writer, 0, below);
        }
    }

    fn field(
        &mut self,
        parts: &mut Vec<Part>,
        (reader, index, field): (Use, usize, &Field),
        (writer, record): (Use, &Record),
        path: PathId,
        level: usize,
    ) -> Result<(), Incomparable> {
        let claimed = claimed(field, record);
        match claimed.as_slice() {
            [one] => {
                let below = self.paths.field(path, index);
                let below = self.paths.below(below, Step::Word("type"));
                self.merge(parts, field.schema, record.fields[*one].schema, below, level)
            }
            [] if field.default.is_some() => Ok(()),
            [] => {
                let below = self.paths.field(path, index);
                if matches!(&self.reader.get(field.schema.id).shape, Shape::Enum(Enum { default: Some(_), .. })) {
                    // Java compares the enum with the writer's record here.
                    let below = self.paths.below(below, Step::Word("type"));
                    return self.merge(parts, field.schema, writer, below, level);
                }
                self.found(parts, Kind::ReaderFieldMissingDefaultValue, reader, writer, index, below);
                Ok(())
            }
            _ => {
                let message = format!(
                    "the field `{}` of `{}` matches several fields of the other schema by its name and aliases ({}), \
                     so no reader can tell which to take: remove the aliases that do not belong to it",
                    escape_controls(&field.name),
                    escape_controls(self.reader.get(reader.id).called()),
                    self.paths.text(path),
                );
                Err(Incomparable { message })
            }
        }
    }

    /// What was found from a pair on, in Java's order; what is met again is repeated.
    fn findings(&self, root: usize, profile: Profile) -> Vec<Finding> {
        let mut findings = Vec::new();
        let mut bytes = 0;
        let mut waiting: Vec<Part> = self.pairs[root].parts.iter().rev().copied().collect();
        while let Some(part) = waiting.pop() {
            match part {
                Part::Pair(pair) => waiting.extend(self.pairs[pair].parts.iter().rev()),
                Part::Found(found) => {
                    let found = &self.found[found];
                    let location = self.paths.text(found.path);
                    bytes += location.len();
                    if findings.len() >= MOST_FINDINGS || bytes > MOST_LOCATION_BYTES {
                        let message = format!("more than the {} findings before this one", findings.len());
                        let hint = "mend these first";
                        findings.push(Finding::new(Kind::FindingsOmitted, "/", message).hint(hint));
                        break;
                    }
                    findings.push(hints::finding(self.reader, self.writer, found, location, profile));
                }
            }
        }
        findings
    }
}

/// The writer's symbols that the reader does not have, sorted.
pub(super) fn missing_symbols<'a>(reader: &Enum, writer: &'a Enum) -> Vec<&'a str> {
    let known: HashSet<&str> = reader.symbols.iter().map(String::as_str).collect();
    let mut missing: Vec<&str> = writer.symbols.iter().map(String::as_str).filter(|s| !known.contains(s)).collect();
    missing.sort_unstable();
    missing
}
