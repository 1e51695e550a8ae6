//! Types of other files: copied with all that they need, each once.

use super::Parser;
use crate::compat::avro::schema::{AvroSchema, DefaultValue, Shape, Type, TypeId, Use};
use crate::json_text::{Document, NodeId};
use std::sync::Arc;

impl Parser<'_> {
    /// The type of another schema. All that comes with it stands where it was named first.
    pub(super) fn import(&mut self, foreign: &AvroSchema, id: TypeId, node: NodeId) -> TypeId {
        let mut waiting = Vec::new();
        let own = self.allot(foreign, id, node, &mut waiting);
        while let Some((theirs, ours)) = waiting.pop() {
            let shape = match &foreign.get(theirs).shape {
                Shape::Array(inner) => Shape::Array(self.moved(foreign, *inner, node, &mut waiting)),
                Shape::Map(inner) => Shape::Map(self.moved(foreign, *inner, node, &mut waiting)),
                Shape::Union(branches) => {
                    let branches = branches.iter().map(|branch| self.moved(foreign, *branch, node, &mut waiting));
                    Shape::Union(branches.collect())
                }
                Shape::Record(record) => {
                    let mut record = record.clone();
                    for field in &mut record.fields {
                        field.schema = self.moved(foreign, field.schema, node, &mut waiting);
                        field.node = node;
                        field.default = field.default.map(|default| DefaultValue {
                            document: self.document_number(foreign, default.document),
                            node: default.node,
                        });
                    }
                    Shape::Record(record)
                }
                Shape::Enum(symbols) => {
                    let mut symbols = symbols.clone();
                    symbols.node = node;
                    Shape::Enum(symbols)
                }
                Shape::Fixed { size, .. } => Shape::Fixed { size: *size, node },
                Shape::Plain(tag) => Shape::Plain(*tag),
            };
            self.shape(ours, shape);
        }
        own
    }

    fn moved(&mut self, foreign: &AvroSchema, used: Use, node: NodeId, waiting: &mut Vec<(TypeId, TypeId)>) -> Use {
        Use { id: self.allot(foreign, used.id, node, waiting), node }
    }

    /// The number of a type here; a new one waits for its shape.
    fn allot(&mut self, foreign: &AvroSchema, id: TypeId, node: NodeId, waiting: &mut Vec<(TypeId, TypeId)>) -> TypeId {
        let schema = foreign.get(id);
        let (number, place) = schema.origin;
        let number = self.document_number(foreign, number);
        let key = (number, place);
        if let Some(known) = self.imported.get(&key) {
            return *known;
        }
        let mut name = schema.name.clone();
        if let Some(name) = &mut name {
            name.node = node;
        }
        let own = self.push(schema.shape.clone(), name, node);
        let Type { logical, origin, .. } = &mut self.types[own.0 as usize];
        *logical = schema.logical.clone();
        *origin = (number, place);
        self.imported.insert(key, own);
        waiting.push((id, own));
        own
    }

    /// The number that a document of another schema has here.
    fn document_number(&mut self, foreign: &AvroSchema, number: u32) -> u32 {
        let document: &Arc<Document> = foreign.documents.get(number as usize).unwrap_or(&foreign.documents[0]);
        let known = self.documents.iter().position(|own| Arc::ptr_eq(own, document));
        let own = known.unwrap_or_else(|| {
            self.documents.push(Arc::clone(document));
            self.documents.len() - 1
        });
        u32::try_from(own).unwrap_or(u32::MAX)
    }
}
