//! An Avro schema as records are judged and read by it: types in one vector, names resolved.

use super::json_schema::{SchemaMistake, read};
use apache_avro::Schema;
use apache_avro::schema::{InnerDecimalSchema, Name, UuidSchema};
use std::collections::HashMap;
use std::path::Path;

/// A type among those of a plan.
pub type TypeId = usize;

/// What a type is. Logical types are the types they are stored as.
#[derive(Debug, Clone, PartialEq)]
pub enum Kind {
    /// `null`
    Null,
    /// `boolean`
    Boolean,
    /// `int`
    Int,
    /// `long`
    Long,
    /// `float`
    Float,
    /// `double`
    Double,
    /// `bytes`
    Bytes,
    /// `string`
    Text,
    /// `fixed` of so many bytes.
    Fixed(usize),
    /// `enum` of these symbols.
    Enum(Vec<String>),
    /// `array` of these items.
    Array(TypeId),
    /// `map` of these values.
    Map(TypeId),
    /// A union of these branches.
    Union(Vec<TypeId>),
    /// `record` of these fields.
    Record(Vec<Field>),
}

/// A field of a record.
#[derive(Debug, Clone, PartialEq)]
pub struct Field {
    /// Its name.
    pub name: String,
    /// Its type.
    pub field_type: TypeId,
    /// Whether it has a default, so that records may go without it.
    pub has_default: bool,
}

/// A schema.
#[derive(Debug, Clone)]
pub struct Plan {
    kinds: Vec<Kind>,
    /// The full name of each named type, and the word for each other: what tags a branch of a union in JSON.
    names: Vec<String>,
    root: TypeId,
}

impl Plan {
    /// Reads a schema.
    pub fn load(path: &Path) -> Result<Self, SchemaMistake> {
        let text = read(path)?;
        let schema = crate::input::guarded(path, || Ok(Schema::parse_str(&text)))
            .map_err(|error| SchemaMistake::at(path, &error.to_string()))?;
        let schema = schema.map_err(|error| SchemaMistake::at(path, &format!("is no Avro schema: {error}")))?;
        Self::of(&schema).map_err(|message| SchemaMistake::at(path, &message))
    }

    /// The plan of a schema that was parsed.
    pub fn of(schema: &Schema) -> Result<Self, String> {
        let mut plan = Self { kinds: Vec::new(), names: Vec::new(), root: 0 };
        plan.root = plan.add(schema, None, &mut HashMap::new())?;
        Ok(plan)
    }

    /// The type of a record.
    pub fn root(&self) -> TypeId {
        self.root
    }

    /// What a type is. A plan gives out no other types than its own.
    pub fn kind(&self, id: TypeId) -> &Kind {
        self.kinds.get(id).unwrap_or(&Kind::Null)
    }

    /// The name of a type.
    pub fn name(&self, id: TypeId) -> &str {
        self.names.get(id).map_or("", String::as_str)
    }

    fn push(&mut self, kind: Kind, name: &str) -> TypeId {
        self.kinds.push(kind);
        self.names.push(name.to_string());
        self.kinds.len() - 1
    }

    /// The parser of the library bounds how deep schemas nest, and so this recursion.
    fn add(
        &mut self,
        schema: &Schema,
        namespace: Option<&str>,
        known: &mut HashMap<String, TypeId>,
    ) -> Result<TypeId, String> {
        Ok(match schema {
            Schema::Null => self.push(Kind::Null, "null"),
            Schema::Boolean => self.push(Kind::Boolean, "boolean"),
            Schema::Int | Schema::Date | Schema::TimeMillis => self.push(Kind::Int, "int"),
            Schema::Long
            | Schema::TimeMicros
            | Schema::TimestampMillis
            | Schema::TimestampMicros
            | Schema::TimestampNanos
            | Schema::LocalTimestampMillis
            | Schema::LocalTimestampMicros
            | Schema::LocalTimestampNanos => self.push(Kind::Long, "long"),
            Schema::Float => self.push(Kind::Float, "float"),
            Schema::Double => self.push(Kind::Double, "double"),
            Schema::Bytes | Schema::BigDecimal | Schema::Uuid(UuidSchema::Bytes) => self.push(Kind::Bytes, "bytes"),
            Schema::String | Schema::Uuid(UuidSchema::String) => self.push(Kind::Text, "string"),
            Schema::Decimal(decimal) => match &decimal.inner {
                InnerDecimalSchema::Bytes => self.push(Kind::Bytes, "bytes"),
                InnerDecimalSchema::Fixed(fixed) => {
                    self.named(Kind::Fixed(fixed.size), full(&fixed.name, namespace), known)
                }
            },
            Schema::Uuid(UuidSchema::Fixed(fixed)) | Schema::Duration(fixed) | Schema::Fixed(fixed) => {
                self.named(Kind::Fixed(fixed.size), full(&fixed.name, namespace), known)
            }
            Schema::Enum(symbols) => {
                self.named(Kind::Enum(symbols.symbols.clone()), full(&symbols.name, namespace), known)
            }
            Schema::Array(array) => {
                let items = self.add(&array.items, namespace, known)?;
                self.push(Kind::Array(items), "array")
            }
            Schema::Map(map) => {
                let values = self.add(&map.types, namespace, known)?;
                self.push(Kind::Map(values), "map")
            }
            Schema::Union(union) => {
                let branches: Result<Vec<_>, _> =
                    union.variants().iter().map(|branch| self.add(branch, namespace, known)).collect();
                self.push(Kind::Union(branches?), "union")
            }
            Schema::Record(record) => {
                // The name is known before the fields, which may refer to it.
                let name = full(&record.name, namespace);
                let namespace = name.rsplit_once('.').map(|(namespace, _)| namespace.to_string());
                let id = self.named(Kind::Null, name, known);
                let mut fields = Vec::with_capacity(record.fields.len());
                for field in &record.fields {
                    let field_type = self.add(&field.schema, namespace.as_deref(), known)?;
                    fields.push(Field { name: field.name.clone(), field_type, has_default: field.default.is_some() });
                }
                self.kinds[id] = Kind::Record(fields);
                id
            }
            Schema::Ref { name } => {
                let name = full(name, namespace);
                *known.get(&name).ok_or_else(|| format!("the type `{name}` is not defined"))?
            }
        })
    }

    fn named(&mut self, kind: Kind, name: String, known: &mut HashMap<String, TypeId>) -> TypeId {
        let id = self.push(kind, &name);
        known.insert(name, id);
        id
    }
}

/// Names inside a record without a namespace of their own have the record's.
fn full(name: &Name, namespace: Option<&str>) -> String {
    name.fullname(namespace)
}
