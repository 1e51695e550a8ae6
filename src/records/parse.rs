//! JSON texts into an arena, by way of `serde_json`.

use super::arena::{Arena, DEEPEST, Id, MOST_VALUES, Malformed, Shape};
use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::Number;
use std::borrow::Cow;
use std::fmt;

/// Reads a text.
pub fn parse<'t>(arena: &mut Arena<'t>, text: &'t str) -> Result<Id, Malformed> {
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let root = Build(arena).deserialize(&mut deserializer);
    let root = root.and_then(|root| deserializer.end().map(|()| root));
    root.map_err(|error| malformed(text, &error))
}

fn malformed(text: &str, error: &serde_json::Error) -> Malformed {
    let said = error.to_string();
    let message = said.rsplit_once(" at line ").map_or(said.as_str(), |(message, _)| message);
    let message = if message.starts_with("recursion limit") {
        format!("arrays and objects are nested deeper than {DEEPEST} levels")
    } else {
        message.to_string()
    };
    let line = error.line().max(1);
    let bytes = text.lines().nth(line - 1).and_then(|own| own.get(..error.column().saturating_sub(1)));
    let column = bytes.map_or(error.column().max(1), |before| before.chars().count() + 1);
    Malformed { message, line, column }
}

/// Builds one value.
struct Build<'b, 't>(&'b mut Arena<'t>);

impl<'t> Build<'_, 't> {
    fn add<E: serde::de::Error>(self, shape: Shape<'t>) -> Result<Id, E> {
        if self.0.is_full() {
            return Err(E::custom(format!("there are more than {MOST_VALUES} values in it")));
        }
        Ok(self.0.push(shape))
    }
}

impl<'de> DeserializeSeed<'de> for Build<'_, 'de> {
    type Value = Id;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Id, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Build<'_, 'de> {
    type Value = Id;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E: serde::de::Error>(self) -> Result<Id, E> {
        self.add(Shape::Null)
    }

    fn visit_bool<E: serde::de::Error>(self, yes: bool) -> Result<Id, E> {
        self.add(Shape::Boolean(yes))
    }

    fn visit_u64<E: serde::de::Error>(self, number: u64) -> Result<Id, E> {
        self.add(Shape::Number(number.into()))
    }

    fn visit_i64<E: serde::de::Error>(self, number: i64) -> Result<Id, E> {
        self.add(Shape::Number(number.into()))
    }

    fn visit_f64<E: serde::de::Error>(self, number: f64) -> Result<Id, E> {
        let number = Number::from_f64(number).ok_or_else(|| E::custom("number out of range"))?;
        self.add(Shape::Number(number))
    }

    fn visit_borrowed_str<E: serde::de::Error>(self, text: &'de str) -> Result<Id, E> {
        self.add(Shape::Text(Cow::Borrowed(text)))
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Id, E> {
        self.add(Shape::Text(Cow::Owned(text.to_string())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Id, A::Error> {
        let opened = self.0.open_array();
        while let Some(item) = items.next_element_seed(Build(&mut *self.0))? {
            self.0.item(item);
        }
        if self.0.is_full() {
            return Err(A::Error::custom(format!("there are more than {MOST_VALUES} values in it")));
        }
        Ok(self.0.close_array(opened))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Id, A::Error> {
        let opened = self.0.open_object();
        while let Some(name) = members.next_key_seed(Name)? {
            let value = members.next_value_seed(Build(&mut *self.0))?;
            self.0.member(name, value);
        }
        if self.0.is_full() {
            return Err(A::Error::custom(format!("there are more than {MOST_VALUES} values in it")));
        }
        Ok(self.0.close_object(opened))
    }
}

/// Reads a name.
struct Name;

impl<'de> DeserializeSeed<'de> for Name {
    type Value = Cow<'de, str>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<'de> Visitor<'de> for Name {
    type Value = Cow<'de, str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name")
    }

    fn visit_borrowed_str<E>(self, name: &'de str) -> Result<Self::Value, E> {
        Ok(Cow::Borrowed(name))
    }

    fn visit_str<E>(self, name: &str) -> Result<Self::Value, E> {
        Ok(Cow::Owned(name.to_string()))
    }
}
