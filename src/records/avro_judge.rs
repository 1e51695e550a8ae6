//! Records against an Avro schema.
//!
//! A union's value is taken with or without a tag: `{"string": "x"}` as Avro's JSON encoding has it, or
//! `"x"` as people write it. A field with a default may be missing; a member that the schema does not
//! have is a failure. Bytes and fixed are texts of one character a byte.

use super::arena::{Arena, Id, Shape};
use super::avro_plan::{Kind, Plan, TypeId};
use super::failure::{Failure, deeper};
use super::message::type_name;
use std::collections::HashMap;

/// Names that are listed.
const LISTED: usize = 5;

/// Doubles that JSON has no numbers for.
const NO_NUMBERS: [&str; 3] = ["NaN", "Infinity", "-Infinity"];

/// Judges records, one after the other.
#[derive(Debug)]
pub struct AvroJudge<'p> {
    plan: &'p Plan,
    /// Verdicts on arrays and objects below unions: without them, unions within unions would be tried
    /// in all combinations.
    known: HashMap<(TypeId, Id), bool>,
}

impl<'p> AvroJudge<'p> {
    /// For a schema.
    pub fn new(plan: &'p Plan) -> Self {
        Self { plan, known: HashMap::new() }
    }

    /// Whether a record is valid.
    pub fn is_valid(&mut self, arena: &Arena<'_>, root: Id) -> bool {
        self.known.clear();
        self.fits(self.plan.root(), arena, root)
    }

    /// What is wrong with the record that was found not to be valid, at most so many failures, and
    /// whether there may be more.
    pub fn failures(&mut self, arena: &Arena<'_>, root: Id, most: usize, show_values: bool) -> (Vec<Failure>, bool) {
        let mut found = Vec::new();
        self.collect(self.plan.root(), arena, root, "", &mut found, most + 1);
        let more = found.len() > most;
        found.truncate(most);
        let shown = |(value, failure): (Id, Failure)| match show_values {
            true => failure.showing(arena, value),
            false => failure,
        };
        (found.into_iter().map(shown).collect(), more)
    }

    fn fits(&mut self, id: TypeId, arena: &Arena<'_>, value: Id) -> bool {
        match self.plan.kind(id) {
            Kind::Array(items) => {
                matches!(arena.shape(value), Shape::Array(..))
                    && arena.items(value).iter().all(|item| self.fits(*items, arena, *item))
            }
            Kind::Map(values) => {
                matches!(arena.shape(value), Shape::Object(..))
                    && arena.members(value).iter().all(|member| self.fits(*values, arena, member.value))
            }
            Kind::Record(fields) => {
                if !matches!(arena.shape(value), Shape::Object(..)) {
                    return false;
                }
                let mut found = 0;
                for field in fields {
                    match arena.get(value, &field.name) {
                        Some(member) => {
                            found += 1;
                            if !self.fits(field.field_type, arena, member) {
                                return false;
                            }
                        }
                        None if field.has_default => {}
                        None => return false,
                    }
                }
                found == arena.members(value).len()
            }
            Kind::Union(branches) => {
                if let Some((branch, inner)) = self.tagged(branches, arena, value)
                    && self.remembered(branch, arena, inner)
                {
                    return true;
                }
                branches.iter().any(|branch| self.remembered(*branch, arena, value))
            }
            kind => plain(kind, arena, value).is_none(),
        }
    }

    fn remembered(&mut self, id: TypeId, arena: &Arena<'_>, value: Id) -> bool {
        if !matches!(arena.shape(value), Shape::Array(..) | Shape::Object(..)) {
            return self.fits(id, arena, value);
        }
        if let Some(known) = self.known.get(&(id, value)) {
            return *known;
        }
        let fits = self.fits(id, arena, value);
        self.known.insert((id, value), fits);
        fits
    }

    /// The branch that the only member of an object names, and the value of that member.
    fn tagged(&self, branches: &[TypeId], arena: &Arena<'_>, value: Id) -> Option<(TypeId, Id)> {
        let [member] = arena.members(value) else { return None };
        let branch = branches.iter().find(|branch| self.plan.name(**branch) == member.name)?;
        Some((*branch, member.value))
    }

    fn collect(
        &mut self,
        id: TypeId,
        arena: &Arena<'_>,
        value: Id,
        pointer: &str,
        found: &mut Vec<(Id, Failure)>,
        most: usize,
    ) {
        if found.len() >= most {
            return;
        }
        let plan = self.plan;
        let fail = |keyword: &'static str, message: &str| (value, Failure::new(pointer, keyword, message));
        let expects = |wanted: &str| format!("is {}, not {wanted}", type_name(arena, value));
        match plan.kind(id) {
            Kind::Array(items) => {
                if !matches!(arena.shape(value), Shape::Array(..)) {
                    return found.push(fail("type", &expects("an array")));
                }
                for (position, item) in arena.items(value).iter().enumerate() {
                    self.collect(*items, arena, *item, &format!("{pointer}/{position}"), found, most);
                }
            }
            Kind::Map(values) => {
                if !matches!(arena.shape(value), Shape::Object(..)) {
                    return found.push(fail("type", &expects("a map")));
                }
                for member in arena.members(value) {
                    self.collect(*values, arena, member.value, &deeper(pointer, &member.name), found, most);
                }
            }
            Kind::Record(fields) => {
                if !matches!(arena.shape(value), Shape::Object(..)) {
                    return found.push(fail("type", &expects(&format!("a record {}", plan.name(id)))));
                }
                for field in fields {
                    match arena.get(value, &field.name) {
                        Some(member) => {
                            self.collect(field.field_type, arena, member, &deeper(pointer, &field.name), found, most);
                        }
                        None if field.has_default => {}
                        None => found.push(fail("required", &format!("`{}` is missing", field.name))),
                    }
                }
                for member in arena.members(value) {
                    if found.len() < most && !fields.iter().any(|field| field.name == member.name) {
                        let place = deeper(pointer, &member.name);
                        let message = format!("is no field of {}", plan.name(id));
                        found.push((member.value, Failure::new(&place, "unknown", &message)));
                    }
                }
            }
            Kind::Union(branches) => {
                if branches.iter().any(|branch| self.remembered(*branch, arena, value)) {
                    return;
                }
                if let Some((branch, inner)) = self.tagged(branches, arena, value) {
                    if !self.remembered(branch, arena, inner) {
                        self.collect(branch, arena, inner, &deeper(pointer, plan.name(branch)), found, most);
                    }
                    return;
                }
                // What the value looks like tells which branch was meant.
                let mut meant = branches.iter().filter(|branch| looks_like(plan.kind(**branch), arena, value));
                match (meant.next(), meant.next()) {
                    (Some(branch), None) => self.collect(*branch, arena, value, pointer, found, most),
                    _ => {
                        let names: Vec<&str> = branches.iter().take(LISTED).map(|branch| plan.name(*branch)).collect();
                        let more = if branches.len() > LISTED { " and others" } else { "" };
                        found.push(fail("union", &format!("fits none of {}{more}", names.join(", "))));
                    }
                }
            }
            kind => {
                if let Some((keyword, message)) = plain(kind, arena, value) {
                    found.push(fail(keyword, &message));
                }
            }
        }
    }
}

/// Whether a value is of the sort of JSON that a type has.
fn looks_like(kind: &Kind, arena: &Arena<'_>, value: Id) -> bool {
    match arena.shape(value) {
        Shape::Null => *kind == Kind::Null,
        Shape::Boolean(_) => *kind == Kind::Boolean,
        Shape::Number(_) => matches!(kind, Kind::Int | Kind::Long | Kind::Float | Kind::Double),
        Shape::Text(_) => matches!(kind, Kind::Text | Kind::Bytes | Kind::Fixed(_) | Kind::Enum(_)),
        Shape::Array(..) => matches!(kind, Kind::Array(_)),
        Shape::Object(..) => matches!(kind, Kind::Map(_) | Kind::Record(_)),
    }
}

/// What is wrong with a value of a type without parts.
fn plain(kind: &Kind, arena: &Arena<'_>, value: Id) -> Option<(&'static str, String)> {
    let shape = arena.shape(value);
    let expects = |wanted: &str| Some(("type", format!("is {}, not {wanted}", type_name(arena, value))));
    let one_byte_each = |text: &str| text.chars().all(|character| (character as u32) < 256);
    match (kind, shape) {
        (Kind::Null, Shape::Null) | (Kind::Boolean, Shape::Boolean(_)) | (Kind::Text, Shape::Text(_)) => None,
        (Kind::Float | Kind::Double, Shape::Number(_)) => None,
        (Kind::Float | Kind::Double, Shape::Text(text)) if NO_NUMBERS.contains(&&**text) => None,
        (Kind::Int, Shape::Number(number)) if !number.is_f64() => {
            let fits = number.as_i64().is_some_and(|number| i32::try_from(number).is_ok());
            (!fits).then(|| ("range", "does not fit into 32 bits".into()))
        }
        (Kind::Long, Shape::Number(number)) if !number.is_f64() => {
            number.as_i64().is_none().then(|| ("range", "does not fit into 64 bits".into()))
        }
        (Kind::Bytes | Kind::Fixed(_), Shape::Text(text)) if !one_byte_each(text) => {
            Some(("bytes", "has a character that is no byte; write bytes as characters up to U+00FF".into()))
        }
        (Kind::Bytes, Shape::Text(_)) => None,
        (Kind::Fixed(size), Shape::Text(text)) => {
            let length = text.chars().count();
            (length != *size).then(|| ("size", format!("has {length} bytes, not {size}")))
        }
        (Kind::Enum(symbols), Shape::Text(text)) => {
            let known = symbols.iter().any(|symbol| symbol == text);
            let listed: Vec<&str> = symbols.iter().take(LISTED).map(String::as_str).collect();
            let rest = symbols.len() - listed.len();
            let more = if rest > 0 { format!(" and {rest} more") } else { String::new() };
            (!known).then(|| ("enum", format!("is none of {}{more}", listed.join(", "))))
        }
        (Kind::Null, _) => expects("null"),
        (Kind::Boolean, _) => expects("boolean"),
        (Kind::Int, _) => expects("int"),
        (Kind::Long, _) => expects("long"),
        (Kind::Float, _) => expects("float"),
        (Kind::Double, _) => expects("double"),
        (Kind::Bytes, _) => expects("bytes"),
        (Kind::Text, _) => expects("string"),
        (Kind::Fixed(_), _) => expects("fixed"),
        (Kind::Enum(_), _) => expects("enum"),
        // Those have parts and are not asked for here.
        (Kind::Array(_) | Kind::Map(_) | Kind::Union(_) | Kind::Record(_), _) => None,
    }
}
