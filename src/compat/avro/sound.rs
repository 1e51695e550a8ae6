//! Which types can be read, recursion taken seriously.
//!
//! A pair of types is readable unless that leads to a contradiction: all pairs begin as readable,
//! and what is not readable is propagated to all that need it until nothing changes. Avro Java
//! instead remembers a pair as compatible that only was so while another one was in progress.

use super::check::{MOST_PAIRS, MOST_STEPS, missing_symbols};
use super::path::{PathId, Paths, Step};
use super::schema::{AvroSchema, Shape, Type, TypeId, Use, claimed};
use crate::compat::finding::{Finding, Kind};
use crate::error::escape_controls;
use std::collections::HashMap;

/// What is true of every pair of types that reading needs.
pub(super) struct Truth {
    pairs: Vec<Pair>,
    known: HashMap<(TypeId, TypeId), usize>,
    paths: Paths,
}

struct Pair {
    reader: Use,
    writer: Use,
    path: PathId,
    /// Whether one readable part is enough: a reader's union.
    any: bool,
    parts: Vec<usize>,
    needed_by: Vec<usize>,
    /// The parts that are readable as far as is known.
    left: usize,
    /// When it was found to be unreadable; what made it so came before.
    refuted: Option<usize>,
}

/// Computes what can be read; `None` beyond the limits of a comparison.
pub(super) fn compare(reader: &AvroSchema, writer: &AvroSchema) -> Option<Truth> {
    let mut builder = Builder {
        reader,
        writer,
        truth: Truth { pairs: Vec::new(), known: HashMap::new(), paths: Paths::new() },
        refuted: Vec::new(),
        steps: 0,
    };
    builder.pair(reader.root, writer.root, Paths::ROOT);
    let mut next = 0;
    while next < builder.truth.pairs.len() {
        builder.expand(next);
        if builder.steps > MOST_STEPS || builder.truth.pairs.len() > MOST_PAIRS {
            return None;
        }
        next += 1;
    }
    let Builder { mut truth, refuted, .. } = builder;
    truth.propagate(refuted);
    Some(truth)
}

impl Truth {
    /// Whether the reader's type reads the writer's; pairs that were never needed are not readable.
    pub(super) fn reads(&self, reader: TypeId, writer: TypeId) -> bool {
        self.known.get(&(reader, writer)).is_some_and(|pair| self.pairs[*pair].refuted.is_none())
    }

    fn propagate(&mut self, first: Vec<usize>) {
        let mut waiting = first;
        let mut rank = 0;
        for pair in &waiting {
            self.pairs[*pair].refuted = Some(rank);
        }
        while let Some(pair) = waiting.pop() {
            for index in 0..self.pairs[pair].needed_by.len() {
                let needing = self.pairs[pair].needed_by[index];
                let needing_pair = &mut self.pairs[needing];
                needing_pair.left = needing_pair.left.saturating_sub(1);
                if needing_pair.refuted.is_none() && (!needing_pair.any || needing_pair.left == 0) {
                    rank += 1;
                    needing_pair.refuted = Some(rank);
                    waiting.push(needing);
                }
            }
        }
    }

    /// What registries overlook, if the whole cannot be read: for when they found nothing.
    pub(super) fn overlooked(&self, reader: &AvroSchema, writer: &AvroSchema) -> Option<Finding> {
        let mut at = self.pairs.first()?;
        let mut rank = at.refuted?;
        // Down to the cause: what was refuted before all that needs it.
        while !at.any
            && let Some((part, earlier)) = at.parts.iter().find_map(|part| {
                let part = &self.pairs[*part];
                part.refuted.filter(|refuted| *refuted < rank).map(|refuted| (part, refuted))
            })
        {
            (at, rank) = (part, earlier);
        }
        let (ours, theirs) = (reader.get(at.reader.id).called(), writer.get(at.writer.id).called());
        let message = format!(
            "`{}` cannot read `{}`: registries accept it because the types are recursive",
            escape_controls(ours),
            escape_controls(theirs)
        );
        let hint = "compare the two types by themselves, and mend what is found";
        Some(
            Finding::new(Kind::RecursiveTypeUnreadable, self.paths.text(at.path), message)
                .reader(reader.place(at.reader.node))
                .writer(writer.place(at.writer.node))
                .hint(hint),
        )
    }
}

struct Builder<'a> {
    reader: &'a AvroSchema,
    writer: &'a AvroSchema,
    truth: Truth,
    /// Pairs that are unreadable by themselves.
    refuted: Vec<usize>,
    steps: usize,
}

impl Builder<'_> {
    /// The number of a pair; a new one is expanded later.
    fn pair(&mut self, reader: Use, writer: Use, path: PathId) -> usize {
        let next = self.truth.pairs.len();
        let pair = *self.truth.known.entry((reader.id, writer.id)).or_insert(next);
        if pair == next {
            self.truth.pairs.push(Pair {
                reader,
                writer,
                path,
                any: false,
                parts: Vec::new(),
                needed_by: Vec::new(),
                left: 0,
                refuted: None,
            });
        }
        pair
    }

    fn needs(&mut self, pair: usize, reader: Use, writer: Use, path: PathId) {
        let part = self.pair(reader, writer, path);
        self.truth.pairs[pair].parts.push(part);
        self.truth.pairs[pair].left += 1;
        self.truth.pairs[part].needed_by.push(pair);
    }

    fn expand(&mut self, pair: usize) {
        let Pair { reader, writer, path, .. } = self.truth.pairs[pair];
        let (ours, theirs): (&Type, &Type) = (self.reader.get(reader.id), self.writer.get(writer.id));
        self.steps += 1;
        let mut fine = true;
        match (&ours.shape, &theirs.shape) {
            (Shape::Array(inner), Shape::Array(other)) => {
                let below = self.truth.paths.below(path, Step::Word("items"));
                self.needs(pair, *inner, *other, below);
            }
            (Shape::Map(inner), Shape::Map(other)) => {
                let below = self.truth.paths.below(path, Step::Word("values"));
                self.needs(pair, *inner, *other, below);
            }
            (_, Shape::Union(branches)) => {
                for (index, branch) in branches.iter().enumerate() {
                    self.steps += 1;
                    let below = self.truth.paths.below(path, Step::Index(index));
                    self.needs(pair, reader, *branch, below);
                }
            }
            (Shape::Union(branches), _) => {
                self.truth.pairs[pair].any = true;
                self.steps += branches.len();
                for branch in branches {
                    if possible(self.reader.get(branch.id), theirs) {
                        self.needs(pair, *branch, writer, path);
                    }
                }
                fine = self.truth.pairs[pair].left > 0;
            }
            (Shape::Record(record), Shape::Record(other)) if possible(ours, theirs) => {
                for (index, field) in record.fields.iter().enumerate() {
                    self.steps += 1 + field.aliases.len();
                    match claimed(field, other).as_slice() {
                        [one] => {
                            let below = self.truth.paths.field(path, index);
                            let below = self.truth.paths.below(below, Step::Word("type"));
                            self.needs(pair, field.schema, other.fields[*one].schema, below);
                        }
                        [] => fine &= field.default.is_some(),
                        _ => fine = false,
                    }
                }
            }
            (Shape::Enum(symbols), Shape::Enum(other)) => {
                self.steps += symbols.symbols.len() + other.symbols.len();
                fine =
                    possible(ours, theirs) && (symbols.default.is_some() || missing_symbols(symbols, other).is_empty());
            }
            (Shape::Fixed { size, .. }, Shape::Fixed { size: other, .. }) => {
                fine = possible(ours, theirs) && size == other
            }
            _ => fine = possible(ours, theirs),
        }
        if !fine {
            self.refuted.push(pair);
        }
    }
}

/// Whether types that are no unions may fit, as far as they show without what they hold.
fn possible(reader: &Type, writer: &Type) -> bool {
    if reader.tag() != writer.tag() {
        return reader.tag().promotes(writer.tag());
    }
    match (&reader.name, &writer.name) {
        (Some(ours), Some(theirs)) => ours.reads(theirs),
        _ => true,
    }
}
