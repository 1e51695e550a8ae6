//! One record as a tree of values in a few vectors, which the next record uses again.
//!
//! Reading a record of twenty members takes no allocation: texts without escapes are borrowed from
//! the line, and members of small objects are found by comparing names. Nothing nests deeper than
//! [`DEEPEST`], which bounds the recursion of everything that walks a record.

use serde_json::{Number, Value};
use std::borrow::Cow;
use std::collections::HashMap;

/// Levels of arrays and objects; `serde_json` refuses deeper texts.
pub const DEEPEST: usize = 127;

/// Values of one record. With the longest line that is read, they take some hundred megabytes.
pub const MOST_VALUES: usize = 2 << 20;

/// Members beyond which an object gets an index by name.
const INDEXED: usize = 32;

/// Room that is kept for the next record.
const KEPT: usize = 1 << 16;

/// Says that an object has no index.
const NONE: u32 = u32::MAX;

/// A value in an arena.
pub type Id = u32;

/// What a value is.
#[derive(Debug, Clone)]
pub enum Shape<'t> {
    /// `null`
    Null,
    /// `true`, `false`
    Boolean(bool),
    /// A whole number of 64 bits as such, every other as the nearest double.
    Number(Number),
    /// A text.
    Text(Cow<'t, str>),
    /// Places of its items.
    Array(u32, u32),
    /// Places of its members, and of its index.
    Object(u32, u32, u32),
}

/// A member of an object.
#[derive(Debug, Clone)]
pub struct Member<'t> {
    /// Its name.
    pub name: Cow<'t, str>,
    /// Its value.
    pub value: Id,
}

/// Why a text is no record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Malformed {
    /// A few words, without anything of the text.
    pub message: String,
    /// Line of the text, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
}

/// Values of one record.
#[derive(Debug, Default)]
pub struct Arena<'t> {
    shapes: Vec<Shape<'t>>,
    items: Vec<Id>,
    members: Vec<Member<'t>>,
    /// Places of members of large objects, by name.
    index: Vec<u32>,
    /// Of arrays and objects that are not closed yet.
    open_items: Vec<Id>,
    open_members: Vec<Member<'t>>,
    /// Members whose name another one of the same object has, which counts.
    duplicates: u64,
}

impl<'t> Arena<'t> {
    /// Forgets the record.
    pub fn clear(&mut self) {
        if self.shapes.capacity() > KEPT || self.members.capacity() > KEPT || self.items.capacity() > KEPT {
            *self = Self::default();
        }
        self.shapes.clear();
        self.items.clear();
        self.members.clear();
        self.index.clear();
        self.open_items.clear();
        self.open_members.clear();
        self.duplicates = 0;
    }

    /// Reads a JSON text and gives its value. Of members with one name the last counts, as for most
    /// readers. `NaN` and `Infinity` are no JSON.
    pub fn parse(&mut self, text: &'t str) -> Result<Id, Malformed> {
        super::parse::parse(self, text)
    }

    /// How many values there are.
    pub fn len(&self) -> usize {
        self.shapes.len()
    }

    /// Whether there is no value.
    pub fn is_empty(&self) -> bool {
        self.shapes.is_empty()
    }

    /// Members that gave way to another of the same name.
    pub fn duplicates(&self) -> u64 {
        self.duplicates
    }

    /// A value. An arena gives out no other places than its own.
    pub fn shape(&self, id: Id) -> &Shape<'t> {
        self.shapes.get(id as usize).unwrap_or(&Shape::Null)
    }

    /// Items of an array; of other values none.
    pub fn items(&self, id: Id) -> &[Id] {
        match self.shape(id) {
            Shape::Array(start, end) => self.items.get(*start as usize..*end as usize).unwrap_or_default(),
            _ => &[],
        }
    }

    /// Members of an object; of other values none.
    pub fn members(&self, id: Id) -> &[Member<'t>] {
        match self.shape(id) {
            Shape::Object(start, end, _) => self.members.get(*start as usize..*end as usize).unwrap_or_default(),
            _ => &[],
        }
    }

    /// The member of that name.
    #[inline]
    pub fn get(&self, id: Id, name: &str) -> Option<Id> {
        let members = self.members(id);
        match self.shape(id) {
            Shape::Object(_, _, index) if *index != NONE => {
                let order = self.index.get(*index as usize..*index as usize + members.len())?;
                let name_at = |at: &u32| members.get(*at as usize).map(|member| &*member.name);
                let found = order.binary_search_by(|at| name_at(at).cmp(&Some(name))).ok()?;
                Some(members.get(*order.get(found)? as usize)?.value)
            }
            _ => members.iter().find(|member| member.name == name).map(|member| member.value),
        }
    }

    /// The value that a JSON pointer leads to.
    pub fn at(&self, root: Id, pointer: &str) -> Option<Id> {
        let mut place = root;
        for part in pointer.split('/').skip(1) {
            place = match self.shape(place) {
                Shape::Array(..) => *self.items(place).get(part.parse::<usize>().ok()?)?,
                Shape::Object(..) if part.contains('~') => {
                    self.get(place, &part.replace("~1", "/").replace("~0", "~"))?
                }
                Shape::Object(..) => self.get(place, part)?,
                _ => return None,
            };
        }
        Some(place)
    }

    /// How many values lie inside each other, the root included.
    pub fn depth(&self, root: Id) -> usize {
        let (mut deepest, mut values) = (0, vec![(root, 1)]);
        while let Some((id, level)) = values.pop() {
            deepest = deepest.max(level);
            values.extend(self.items(id).iter().map(|item| (*item, level + 1)));
            values.extend(self.members(id).iter().map(|member| (member.value, level + 1)));
        }
        deepest
    }

    /// Adds a value without parts.
    pub fn push(&mut self, shape: Shape<'t>) -> Id {
        self.shapes.push(shape);
        (self.shapes.len() - 1) as Id
    }

    /// Whether another value is one too many.
    pub fn is_full(&self) -> bool {
        self.shapes.len() >= MOST_VALUES
    }

    /// Where the items of an array begin that is built now.
    pub fn open_array(&self) -> usize {
        self.open_items.len()
    }

    /// An item of the array that is built now.
    pub fn item(&mut self, value: Id) {
        self.open_items.push(value);
    }

    /// An array of all items since it was opened.
    pub fn close_array(&mut self, opened: usize) -> Id {
        let start = self.items.len() as u32;
        self.items.extend(self.open_items.drain(opened..));
        let end = self.items.len() as u32;
        self.push(Shape::Array(start, end))
    }

    /// Where the members of an object begin that is built now.
    pub fn open_object(&self) -> usize {
        self.open_members.len()
    }

    /// A member of the object that is built now.
    pub fn member(&mut self, name: Cow<'t, str>, value: Id) {
        self.open_members.push(Member { name, value });
    }

    /// An object of all members since it was opened.
    pub fn close_object(&mut self, opened: usize) -> Id {
        if has_twins(&self.open_members[opened..]) {
            self.merge_twins(opened);
        }
        let start = self.members.len() as u32;
        self.members.extend(self.open_members.drain(opened..));
        let end = self.members.len() as u32;
        let mut index = NONE;
        if (end - start) as usize > INDEXED {
            index = self.index.len() as u32;
            let members = &self.members[start as usize..];
            let mut order: Vec<u32> = (0..end - start).collect();
            order.sort_unstable_by(|one, other| members[*one as usize].name.cmp(&members[*other as usize].name));
            self.index.extend(order);
        }
        self.push(Shape::Object(start, end, index))
    }

    /// Leaves one member of each name, in the place of the first and with the value of the last.
    fn merge_twins(&mut self, opened: usize) {
        let mut places: HashMap<Cow<'t, str>, usize> = HashMap::new();
        let mut kept: Vec<Member<'t>> = Vec::new();
        for member in self.open_members.drain(opened..) {
            match places.get(&member.name) {
                Some(place) => {
                    kept[*place].value = member.value;
                    self.duplicates += 1;
                }
                None => {
                    places.insert(member.name.clone(), kept.len());
                    kept.push(member);
                }
            }
        }
        self.open_members.extend(kept);
    }

    /// A copy for libraries that know no arena.
    pub fn to_json(&self, id: Id) -> Value {
        match self.shape(id) {
            Shape::Null => Value::Null,
            Shape::Boolean(yes) => Value::Bool(*yes),
            Shape::Number(number) => Value::Number(number.clone()),
            Shape::Text(text) => Value::String(text.to_string()),
            Shape::Array(..) => self.items(id).iter().map(|item| self.to_json(*item)).collect(),
            Shape::Object(..) => {
                let member = |member: &Member<'t>| (member.name.to_string(), self.to_json(member.value));
                Value::Object(self.members(id).iter().map(member).collect())
            }
        }
    }

    /// Writes a value as JSON on one line.
    pub fn write(&self, id: Id, out: &mut Vec<u8>) {
        match self.shape(id) {
            Shape::Null => out.extend(b"null"),
            Shape::Boolean(true) => out.extend(b"true"),
            Shape::Boolean(false) => out.extend(b"false"),
            Shape::Number(number) => out.extend(number.to_string().as_bytes()),
            Shape::Text(text) => write_text(text, out),
            Shape::Array(..) => {
                out.push(b'[');
                for (position, item) in self.items(id).iter().enumerate() {
                    if position > 0 {
                        out.push(b',');
                    }
                    self.write(*item, out);
                }
                out.push(b']');
            }
            Shape::Object(..) => {
                out.push(b'{');
                for (position, member) in self.members(id).iter().enumerate() {
                    if position > 0 {
                        out.push(b',');
                    }
                    write_text(&member.name, out);
                    out.push(b':');
                    self.write(member.value, out);
                }
                out.push(b'}');
            }
        }
    }
}

/// Writes a text as JSON.
pub fn write_text(text: &str, out: &mut Vec<u8>) {
    // A vector takes all that is written to it, and every text is JSON.
    let _ = serde_json::to_writer(out, text);
}

/// Whether two members have one name.
fn has_twins(members: &[Member<'_>]) -> bool {
    if members.len() > INDEXED {
        let mut names: Vec<&str> = members.iter().map(|member| &*member.name).collect();
        names.sort_unstable();
        return names.windows(2).any(|pair| pair[0] == pair[1]);
    }
    // Names that differ in this are not compared.
    let mut seen = 0_u64;
    for (position, member) in members.iter().enumerate() {
        let bytes = member.name.as_bytes();
        let ends = bytes.last().map_or(0, |last| u64::from(bytes[0]).wrapping_mul(31) + u64::from(*last));
        let middle = u64::from(bytes.get(bytes.len() / 2).copied().unwrap_or(0));
        let bit = 1 << ((ends.wrapping_mul(7) + middle.wrapping_mul(3) + bytes.len() as u64) & 63);
        if seen & bit != 0 && members[..position].iter().any(|earlier| earlier.name == member.name) {
            return true;
        }
        seen |= bit;
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn any_json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<u64>().prop_map(Value::from),
            prop::num::f64::NORMAL.prop_map(Value::from),
            ".{0,8}".prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 80, 50, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
                prop::collection::vec((".{0,3}", inner), 0..50)
                    .prop_map(|members| Value::Object(members.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn a_record_is_what_serde_reads_and_is_written_as_such(value in any_json()) {
            let text = value.to_string();
            let mut arena = Arena::default();
            let root = arena.parse(&text).expect("JSON");
            prop_assert_eq!(&arena.to_json(root), &value);
            let mut written = Vec::new();
            arena.write(root, &mut written);
            prop_assert_eq!(serde_json::from_slice::<Value>(&written).expect("JSON"), value);
        }
    }

    #[test]
    fn of_two_members_with_one_name_the_last_counts() {
        let many: String = (0..40).map(|number| format!("\"m{number}\":0,")).collect();
        for text in ["{\"a\":1,\"b\":2,\"a\":3}".to_string(), format!("{{{many}\"a\":1,\"a\":3}}")] {
            let mut arena = Arena::default();
            let root = arena.parse(&text).expect("JSON");
            let a = arena.at(root, "/a").expect("a member");
            assert_eq!(arena.to_json(a), 3);
            assert_eq!(arena.duplicates(), 1);
            assert_eq!(arena.members(root).iter().filter(|member| member.name == "a").count(), 1);
        }
    }

    #[test]
    fn pointers_lead_to_values() {
        let mut arena = Arena::default();
        let root = arena.parse("{\"a/b\":[1,{\"~\":true}]}").expect("JSON");
        let at = |pointer: &str| arena.at(root, pointer).map(|id| arena.to_json(id).to_string());
        assert_eq!(at("/a~1b/1/~0").as_deref(), Some("true"));
        assert_eq!(at("/a~1b/0").as_deref(), Some("1"));
        assert_eq!(at("/a~1b/2"), None);
        assert_eq!(at("/a~1b/0/x"), None);
    }

    #[test]
    fn what_is_no_json_is_refused_with_its_place_and_nothing_of_it() {
        let deep = format!("{}{}", "[".repeat(200), "]".repeat(200));
        for (text, column) in [("{\"é\":secret}", 6), ("{\"a\":NaN}", 6), ("", 1), ("{} {}", 4), ("{\"a\":1", 7)] {
            let error = Arena::default().parse(text).expect_err("malformed");
            assert!(!error.message.contains("secret"), "{error:?}");
            assert!(error.column.abs_diff(column) <= 1, "{text}: {error:?}");
        }
        assert!(Arena::default().parse(&deep).expect_err("deep").message.contains("127 levels"));
    }
}
