//! Records as the `jsonschema` crate reads them, without a copy.
//!
//! The crate takes any representation of JSON that gives it what the traits here ask for. It asks for
//! a whole copy of a value only to keep it with an error; ours gives `null` there, because what is
//! said of a failure is made from the record itself, and a record of many failures would be copied
//! as many times.

use super::arena::{Arena, Id, Member, Shape};
use jsonschema::JsonType;
use jsonschema::json::{Array, Json, Node, NodeIdentity, Object, cmp, unique};
use serde_json::{Number, Value};
use std::borrow::Cow;

/// The representation.
pub struct RecordJson;

/// A value of a record.
#[derive(Clone, Copy)]
pub struct RecordNode<'a> {
    arena: &'a Arena<'a>,
    id: Id,
}

impl<'a> RecordNode<'a> {
    /// A value of an arena.
    pub fn new(arena: &'a Arena<'a>, id: Id) -> Self {
        Self { arena, id }
    }

    fn shape(&self) -> &'a Shape<'a> {
        self.arena.shape(self.id)
    }
}

static NULL: Value = Value::Null;

impl Json for RecordJson {
    type Node<'a> = RecordNode<'a>;
    type PreparedKey = String;
    type StringBuffer = Arena<'static>;

    // A lookup compares names one by one, so looking at all members once soon costs less.
    const KEYS_PER_LOOKUP: usize = 8;

    fn prepare_key(key: &str) -> String {
        key.to_string()
    }

    fn with_string_node<T>(buffer: &mut Arena<'static>, string: &str, f: impl FnOnce(RecordNode<'_>) -> T) -> T {
        buffer.clear();
        let id = buffer.push(Shape::Text(Cow::Owned(string.to_string())));
        f(RecordNode { arena: buffer, id })
    }
}

impl<'a> Node<'a, RecordJson> for RecordNode<'a> {
    type Object = Members<'a>;
    type Array = Items<'a>;
    type Number = &'a Number;

    fn as_object(&self) -> Option<Members<'a>> {
        matches!(self.shape(), Shape::Object(..)).then_some(Members(*self))
    }

    fn as_array(&self) -> Option<Items<'a>> {
        matches!(self.shape(), Shape::Array(..)).then_some(Items(*self))
    }

    fn as_string(&self) -> Option<Cow<'a, str>> {
        match self.shape() {
            Shape::Text(text) => Some(Cow::Borrowed(&**text)),
            _ => None,
        }
    }

    fn as_number(&self) -> Option<&'a Number> {
        match self.shape() {
            Shape::Number(number) => Some(number),
            _ => None,
        }
    }

    fn as_boolean(&self) -> Option<bool> {
        match self.shape() {
            Shape::Boolean(yes) => Some(*yes),
            _ => None,
        }
    }

    fn is_null(&self) -> bool {
        matches!(self.shape(), Shape::Null)
    }

    fn json_type(&self) -> JsonType {
        match self.shape() {
            Shape::Null => JsonType::Null,
            Shape::Boolean(_) => JsonType::Boolean,
            Shape::Number(_) => JsonType::Number,
            Shape::Text(_) => JsonType::String,
            Shape::Array(..) => JsonType::Array,
            Shape::Object(..) => JsonType::Object,
        }
    }

    fn string_length(&self) -> Option<u64> {
        match self.shape() {
            Shape::Text(text) => Some(text.chars().count() as u64),
            _ => None,
        }
    }

    fn equals_value(&self, expected: &Value) -> bool {
        match (self.shape(), expected) {
            (Shape::Text(own), Value::String(other)) => own == other,
            (Shape::Null, Value::Null) => true,
            (Shape::Boolean(own), Value::Bool(other)) => own == other,
            (Shape::Number(own), Value::Number(_)) => cmp::equal(&Value::Number(own.clone()), expected),
            (Shape::Array(..), Value::Array(_)) | (Shape::Object(..), Value::Object(_)) => {
                cmp::equal(&self.arena.to_json(self.id), expected)
            }
            _ => false,
        }
    }

    fn to_value(&self) -> Cow<'a, Value> {
        Cow::Borrowed(&NULL)
    }

    fn identity(&self) -> Option<NodeIdentity> {
        Some(NodeIdentity::tagged(std::ptr::from_ref(self.arena) as usize, self.id))
    }
}

/// Members of an object.
#[derive(Clone, Copy)]
pub struct Members<'a>(RecordNode<'a>);

impl<'a> Object<'a, RecordJson> for Members<'a> {
    type Node = RecordNode<'a>;
    type MemberName = &'a str;
    type MembersIter = MembersIter<'a>;

    fn len(&self) -> usize {
        self.0.arena.members(self.0.id).len()
    }

    fn get(&self, key: &String) -> Option<RecordNode<'a>> {
        let id = self.0.arena.get(self.0.id, key)?;
        Some(RecordNode { arena: self.0.arena, id })
    }

    fn members(&self) -> MembersIter<'a> {
        MembersIter { arena: self.0.arena, members: self.0.arena.members(self.0.id).iter() }
    }
}

/// Goes through members.
pub struct MembersIter<'a> {
    arena: &'a Arena<'a>,
    members: std::slice::Iter<'a, Member<'a>>,
}

impl<'a> Iterator for MembersIter<'a> {
    type Item = (&'a str, RecordNode<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        let member = self.members.next()?;
        Some((&member.name, RecordNode { arena: self.arena, id: member.value }))
    }
}

/// Items of an array.
#[derive(Clone, Copy)]
pub struct Items<'a>(RecordNode<'a>);

impl<'a> Array<'a, RecordJson> for Items<'a> {
    type Node = RecordNode<'a>;
    type ElementsIter = ItemsIter<'a>;

    fn len(&self) -> usize {
        self.0.arena.items(self.0.id).len()
    }

    fn elements(&self) -> ItemsIter<'a> {
        ItemsIter { arena: self.0.arena, items: self.0.arena.items(self.0.id).iter() }
    }

    fn is_unique(&self) -> bool {
        let arena = self.0.arena;
        let values: Vec<Value> = arena.items(self.0.id).iter().map(|item| arena.to_json(*item)).collect();
        unique::is_unique(&values)
    }
}

/// Goes through items.
pub struct ItemsIter<'a> {
    arena: &'a Arena<'a>,
    items: std::slice::Iter<'a, Id>,
}

impl<'a> Iterator for ItemsIter<'a> {
    type Item = RecordNode<'a>;

    fn next(&mut self) -> Option<Self::Item> {
        Some(RecordNode { arena: self.arena, id: *self.items.next()? })
    }
}
