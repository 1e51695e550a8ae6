//! What the rules of registries do not look at, and data or programs suffer from all the same.
//!
//! Follows what a decoder would do: of a reader's union the branch that Avro Java's decoder takes,
//! not the first that could read the data.

use super::hints::nullable;
use super::path::{PathId, Paths, Step};
use super::schema::{AvroSchema, DefaultValue, Enum, Field, Record, Shape, Tag, Type, TypeId, Use, claimed};
use super::sound::Truth;
use super::{MOST_FINDINGS, logical::Logical};
use crate::compat::finding::{Finding, Kind};
use crate::error::escape_controls;
use crate::json_text::{Document, NodeId, Value};
use std::collections::{HashMap, HashSet};

/// How the message ends about a namespace that decoders look at.
pub(super) const IN_A_UNION: &str = "in a union of the reader";

/// Bytes of all locations that are listed.
const MOST_LOCATION_BYTES: usize = 16 << 20;

pub(super) fn advice(reader: &AvroSchema, writer: &AvroSchema, truth: &Truth) -> Vec<Finding> {
    let mut advisor = Advisor {
        reader,
        writer,
        truth,
        paths: Paths::new(),
        seen: HashSet::new(),
        waiting: vec![Visit { reader: reader.root, writer: writer.root, path: Paths::ROOT, in_union: false }],
        findings: Vec::new(),
        bytes: 0,
    };
    while let Some(visit) = advisor.waiting.pop() {
        if advisor.findings.len() >= MOST_FINDINGS || advisor.bytes > MOST_LOCATION_BYTES {
            break;
        }
        if advisor.seen.insert((visit.reader.id, visit.writer.id, visit.in_union)) {
            let before = advisor.waiting.len();
            advisor.visit(visit);
            // In the order of the reader.
            advisor.waiting[before..].reverse();
        }
    }
    advisor.findings
}

#[derive(Clone, Copy)]
struct Visit {
    reader: Use,
    writer: Use,
    path: PathId,
    in_union: bool,
}

struct Advisor<'a> {
    reader: &'a AvroSchema,
    writer: &'a AvroSchema,
    truth: &'a Truth,
    paths: Paths,
    seen: HashSet<(TypeId, TypeId, bool)>,
    waiting: Vec<Visit>,
    findings: Vec<Finding>,
    bytes: usize,
}

impl Advisor<'_> {
    fn report(&mut self, kind: Kind, path: PathId, nodes: (NodeId, NodeId), message: &str, hint: &str) {
        let location = self.paths.text(path);
        self.bytes += location.len();
        self.findings.push(
            Finding::new(kind, location, escape_controls(message))
                .reader(self.reader.place(nodes.0))
                .writer(self.writer.place(nodes.1))
                .hint(escape_controls(hint)),
        );
    }

    fn visit(&mut self, visit: Visit) {
        let Visit { reader, writer, path, .. } = visit;
        let (ours, theirs): (&Type, &Type) = (self.reader.get(reader.id), self.writer.get(writer.id));
        match (&ours.shape, &theirs.shape) {
            (_, Shape::Union(branches)) => {
                for (index, branch) in branches.iter().enumerate() {
                    let path = self.paths.below(path, Step::Index(index));
                    self.waiting.push(Visit { reader, writer: *branch, path, in_union: false });
                }
                return;
            }
            (Shape::Union(branches), _) => return self.union(branches, visit),
            _ => {}
        }
        if ours.tag() != theirs.tag() && !ours.tag().promotes(theirs.tag()) {
            return;
        }
        self.meaning(ours, theirs, visit);
        match (&ours.shape, &theirs.shape) {
            (Shape::Array(inner), Shape::Array(other)) => self.below(*inner, *other, path, "items"),
            (Shape::Map(inner), Shape::Map(other)) => self.below(*inner, *other, path, "values"),
            (Shape::Record(record), Shape::Record(other)) => {
                self.namespace(ours, theirs, visit);
                self.record(record, other, visit);
            }
            (Shape::Enum(symbols), Shape::Enum(other)) => {
                self.namespace(ours, theirs, visit);
                self.enumeration(symbols, other, visit);
            }
            (Shape::Fixed { .. }, Shape::Fixed { .. }) => self.namespace(ours, theirs, visit),
            _ => {}
        }
    }

    fn below(&mut self, reader: Use, writer: Use, path: PathId, word: &'static str) {
        let path = self.paths.below(path, Step::Word(word));
        self.waiting.push(Visit { reader, writer, path, in_union: false });
    }

    /// The branch that a decoder takes, and whether it can read.
    fn union(&mut self, branches: &[Use], visit: Visit) {
        let theirs: &Type = self.writer.get(visit.writer.id);
        let reads = |branch: &Use| self.truth.reads(branch.id, visit.writer.id);
        let readable = branches.iter().position(reads);
        let taken = self.taken(branches, visit.writer);
        match (taken, readable) {
            (Some(taken), Some(readable)) if !self.truth.reads(branches[taken].id, visit.writer.id) => {
                let called = |branch: usize| self.reader.get(branches[branch].id).called().to_string();
                let message = format!(
                    "decoders read `{}` as branch {taken} (`{}`), which cannot read it; branch {readable} (`{}`) could",
                    theirs.called(),
                    called(taken),
                    called(readable),
                );
                let hint = format!("put the branch that reads it first, or make `{}` readable", called(taken));
                self.report(
                    Kind::FirstMatchBranch,
                    visit.path,
                    (branches[taken].node, visit.writer.node),
                    &message,
                    &hint,
                );
            }
            (Some(taken), _) => {
                self.waiting.push(Visit { reader: branches[taken], in_union: true, ..visit });
            }
            // An enum or fixed of another namespace: no decoder finds its branch.
            (None, Some(readable)) => {
                self.waiting.push(Visit { reader: branches[readable], in_union: true, ..visit });
            }
            (None, None) => {}
        }
    }

    /// The branch that the decoder of Avro Java 1.12 takes: of the same type and full name, for
    /// records else of the same structure (one of the same short name before others), else the
    /// first that the value can be promoted to.
    fn taken(&self, branches: &[Use], writer: Use) -> Option<usize> {
        let theirs = self.writer.get(writer.id);
        let mut structure = None;
        for (index, branch) in branches.iter().enumerate() {
            let ours = self.reader.get(branch.id);
            if ours.tag() != theirs.tag() {
                continue;
            }
            let (Some(our_name), Some(their_name)) = (&ours.name, &theirs.name) else { return Some(index) };
            if our_name.full == their_name.full || our_name.aliases.contains(&their_name.full) {
                return Some(index);
            }
            if ours.tag() == Tag::Record
                && self.truth.reads(branch.id, writer.id)
                && (structure.is_none() || our_name.short == their_name.short)
            {
                structure = Some(index);
            }
        }
        let promoted = || branches.iter().position(|branch| self.reader.get(branch.id).tag().promotes(theirs.tag()));
        structure.or_else(promoted)
    }

    /// What the bytes mean: promotions and logical types.
    fn meaning(&mut self, ours: &Type, theirs: &Type, visit: Visit) {
        let nodes = (visit.reader.node, visit.writer.node);
        let (tag, other) = (ours.tag(), theirs.tag());
        if matches!((other, tag), (Tag::Int | Tag::Long, Tag::Float) | (Tag::Long, Tag::Double)) {
            let bits = if tag == Tag::Float { 24 } else { 53 };
            let message = format!("`{}` read as `{}` loses digits beyond {bits} bits", other.word(), tag.word());
            let hint = if other == Tag::Int { "read it as `double`, which holds every int" } else { "keep `long`" };
            self.report(Kind::LossyPromotion, visit.path, nodes, &message, hint);
        }
        match (&ours.logical, &theirs.logical) {
            (Some(Logical::Decimal { precision, scale }), Some(Logical::Decimal { precision: p, scale: s }))
                if (precision, scale) != (p, s) =>
            {
                let message = format!("decimal({p}, {s}) is read as decimal({precision}, {scale})");
                let hint = format!(
                    "keep \"precision\": {p} and \"scale\": {s}; a wider decimal needs a field of its own, because \
                     the bytes hold the unscaled number"
                );
                self.report(Kind::DecimalChanged, visit.path, nodes, &message, &hint);
            }
            (our_type, their_type) if our_type != their_type => {
                let described = |logical: &Option<Logical>, tag: Tag| {
                    logical.as_ref().map_or(format!("plain {}", tag.word()), Logical::described)
                };
                let was = described(their_type, other);
                let message = format!("{was} is read as {}", described(our_type, tag));
                let hint = format!("keep {was}; another meaning needs a field of its own");
                self.report(Kind::LogicalTypeChanged, visit.path, nodes, &message, &hint);
            }
            _ => {}
        }
    }

    fn namespace(&mut self, ours: &Type, theirs: &Type, visit: Visit) {
        let (Some(our_name), Some(their_name)) = (&ours.name, &theirs.name) else { return };
        let same = our_name.full == their_name.full || our_name.aliases.contains(&their_name.full);
        if same || our_name.short != their_name.short {
            return;
        }
        let union = if visit.in_union { format!(", {IN_A_UNION}") } else { String::new() };
        let message = format!(
            "`{}` moved from namespace `{}` to `{}`{union}",
            our_name.short,
            their_name.namespace(),
            our_name.namespace()
        );
        let hint = format!("add \"aliases\": [\"{}\"] to `{}`", their_name.full, our_name.full);
        self.report(Kind::NamespaceChanged, visit.path, (our_name.node, their_name.node), &message, &hint);
    }

    fn enumeration(&mut self, symbols: &Enum, other: &Enum, visit: Visit) {
        if symbols.default.is_some() || symbols.symbols == other.symbols {
            return;
        }
        let ours: HashSet<&String> = symbols.symbols.iter().collect();
        let theirs: HashSet<&String> = other.symbols.iter().collect();
        if ours == theirs {
            return;
        }
        let message = "the symbols change, and the enum has no default for those a reader does not know";
        let first = symbols.symbols.first().map_or("UNKNOWN", String::as_str);
        let hint = format!("add a symbol for the unknown and name it: \"default\": \"{first}\"");
        self.report(Kind::EnumWithoutDefault, visit.path, (symbols.node, other.node), message, &hint);
    }

    fn record(&mut self, record: &Record, other: &Record, visit: Visit) {
        let mut claims: HashMap<usize, usize> = HashMap::new();
        for (index, field) in record.fields.iter().enumerate() {
            let path = self.paths.field(visit.path, index);
            let claimed = claimed(field, other);
            let source = claimed.first().map(|source| (*source, &other.fields[*source]));
            let their_node = source.map_or(visit.writer.node, |(_, source)| source.node);
            let was_nullable = source.is_some_and(|(_, source)| nullable(self.writer, source.schema));
            if field.default.is_none() && nullable(self.reader, field.schema) && !was_nullable {
                let message = format!("`{}` is nullable, but has no default", field.name);
                let hint = "add \"default\": null, or writers can never leave the field out";
                self.report(Kind::NullableWithoutDefault, path, (field.node, their_node), &message, hint);
            }
            let Some((source, their_field)) = source else { continue };
            if let Some(first) = claims.insert(source, index) {
                let message =
                    format!("`{}` and `{}` both read `{}`", record.fields[first].name, field.name, their_field.name);
                let hint = format!("remove the alias `{}` from the field that is not meant", their_field.name);
                self.report(Kind::AliasConflict, path, (field.node, their_field.node), &message, &hint);
            }
            self.default_changed(field, their_field, path);
            let path = self.paths.below(path, Step::Word("type"));
            self.waiting.push(Visit { reader: field.schema, writer: their_field.schema, path, in_union: false });
        }
    }

    fn default_changed(&mut self, field: &Field, their_field: &Field, path: PathId) {
        let (Some(ours), Some(theirs)) = (field.default, their_field.default) else { return };
        let documents = (self.reader.default_document(ours), self.writer.default_document(theirs));
        if !same_value(documents, (ours, theirs)) {
            let message = format!("another default of `{}`", field.name);
            let hint = "data without the field are read differently from now on: make sure that this is meant";
            self.report(Kind::DefaultChanged, path, (field.node, their_field.node), &message, hint);
        }
    }
}

/// Whether two values are the same JSON: the order of members and the spelling of numbers aside.
fn same_value(documents: (&Document, &Document), values: (DefaultValue, DefaultValue)) -> bool {
    let mut waiting = vec![(values.0.node, values.1.node)];
    while let Some((one, other)) = waiting.pop() {
        match (documents.0.value(one), documents.1.value(other)) {
            (Value::Number, Value::Number) => {
                let (one, other) = (documents.0.number(one), documents.1.number(other));
                let double = |text: Option<&str>| text.and_then(|text| text.parse::<f64>().ok());
                let whole =
                    |text: Option<&str>| text.is_some_and(|text| text.bytes().all(|byte| byte.is_ascii_digit()));
                if one != other && (whole(one) && whole(other) || double(one) != double(other)) {
                    return false;
                }
            }
            (Value::Array(ours), Value::Array(theirs)) => {
                if ours.len() != theirs.len() {
                    return false;
                }
                waiting.extend(ours.iter().copied().zip(theirs.iter().copied()));
            }
            (Value::Object(_), Value::Object(_)) => {
                let ours = super::defaults::last_members(documents.0, one);
                let theirs = super::defaults::last_members(documents.1, other);
                if ours.len() != theirs.len() {
                    return false;
                }
                for (name, value) in ours {
                    let Some(other) = theirs.get(name) else { return false };
                    waiting.push((value, *other));
                }
            }
            (one, other) => {
                if one != other {
                    return false;
                }
            }
        }
    }
    true
}
