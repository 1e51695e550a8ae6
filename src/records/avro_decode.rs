//! Records of Avro files, read into an arena by the schema in the file.
//!
//! Values become what Avro's JSON encoding makes of them, without tags on unions: bytes are a text of
//! one character a byte, `NaN` and the infinities are texts. Logical types stay as they are stored.
//! Nothing that a file says of itself is believed: depth, lengths and counts are all bounded.

use super::arena::{Arena, DEEPEST, Id, Shape};
use super::avro_plan::{Kind, Plan, TypeId};
use serde_json::Number;
use std::borrow::Cow;

/// Reads a record and leaves the bytes behind it.
pub fn decode<'t>(plan: &'t Plan, bytes: &mut &'t [u8], arena: &mut Arena<'t>) -> Result<Id, &'static str> {
    value(plan, plan.root(), bytes, arena, 0)
}

const CUT: &str = "a record is cut off";

fn value<'t>(
    plan: &'t Plan,
    id: TypeId,
    bytes: &mut &'t [u8],
    arena: &mut Arena<'t>,
    depth: usize,
) -> Result<Id, &'static str> {
    if depth > DEEPEST {
        return Err("a record is nested deeper than 127 levels");
    }
    if arena.is_full() {
        return Err("a record has more values than a record may have");
    }
    Ok(match plan.kind(id) {
        Kind::Null => arena.push(Shape::Null),
        Kind::Boolean => match take(bytes, 1)? {
            [0] => arena.push(Shape::Boolean(false)),
            [1] => arena.push(Shape::Boolean(true)),
            _ => return Err("a boolean is neither true nor false"),
        },
        Kind::Int => {
            let number = i32::try_from(long(bytes)?).map_err(|_| "an int has more than 32 bits")?;
            arena.push(Shape::Number(number.into()))
        }
        Kind::Long => {
            let number = long(bytes)?;
            arena.push(Shape::Number(number.into()))
        }
        Kind::Float => {
            let number = take(bytes, 4)?.try_into().map(f32::from_le_bytes).map_err(|_| CUT)?;
            double(arena, f64::from(number))
        }
        Kind::Double => {
            let number = take(bytes, 8)?.try_into().map(f64::from_le_bytes).map_err(|_| CUT)?;
            double(arena, number)
        }
        Kind::Bytes => {
            let length = length(bytes)?;
            arena.push(Shape::Text(latin(take(bytes, length)?)))
        }
        Kind::Fixed(size) => arena.push(Shape::Text(latin(take(bytes, *size)?))),
        Kind::Text => {
            let text = text(bytes)?;
            arena.push(Shape::Text(Cow::Borrowed(text)))
        }
        Kind::Enum(symbols) => {
            let position = usize::try_from(long(bytes)?).map_err(|_| "an enum has no such symbol")?;
            let symbol = symbols.get(position).ok_or("an enum has no such symbol")?;
            arena.push(Shape::Text(Cow::Borrowed(symbol.as_str())))
        }
        Kind::Union(branches) => {
            let position = usize::try_from(long(bytes)?).map_err(|_| "a union has no such branch")?;
            let branch = *branches.get(position).ok_or("a union has no such branch")?;
            value(plan, branch, bytes, arena, depth + 1)?
        }
        Kind::Array(items) => {
            let opened = arena.open_array();
            while let Some(count) = block(bytes)? {
                for _ in 0..count {
                    let item = value(plan, *items, bytes, arena, depth + 1)?;
                    arena.item(item);
                }
            }
            arena.close_array(opened)
        }
        Kind::Map(values) => {
            let opened = arena.open_object();
            while let Some(count) = block(bytes)? {
                for _ in 0..count {
                    let name = text(bytes)?;
                    let member = value(plan, *values, bytes, arena, depth + 1)?;
                    arena.member(Cow::Borrowed(name), member);
                }
            }
            arena.close_object(opened)
        }
        Kind::Record(fields) => {
            let opened = arena.open_object();
            for field in fields {
                let member = value(plan, field.field_type, bytes, arena, depth + 1)?;
                arena.member(Cow::Borrowed(field.name.as_str()), member);
            }
            arena.close_object(opened)
        }
    })
}

fn double(arena: &mut Arena<'_>, number: f64) -> Id {
    let shape = match Number::from_f64(number) {
        Some(number) => Shape::Number(number),
        None if number.is_nan() => Shape::Text(Cow::Borrowed("NaN")),
        None if number > 0.0 => Shape::Text(Cow::Borrowed("Infinity")),
        None => Shape::Text(Cow::Borrowed("-Infinity")),
    };
    arena.push(shape)
}

/// The first bytes.
pub fn take<'t>(bytes: &mut &'t [u8], length: usize) -> Result<&'t [u8], &'static str> {
    let (taken, rest) = bytes.split_at_checked(length).ok_or(CUT)?;
    *bytes = rest;
    Ok(taken)
}

/// A number in Avro's variable-length zigzag form.
pub fn long(bytes: &mut &[u8]) -> Result<i64, &'static str> {
    let mut number = 0_u64;
    for shift in (0..64).step_by(7) {
        let [byte] = *take(bytes, 1)? else { return Err(CUT) };
        number |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Ok((number >> 1) as i64 ^ -((number & 1) as i64));
        }
    }
    Err("a number is too long")
}

fn length(bytes: &mut &[u8]) -> Result<usize, &'static str> {
    usize::try_from(long(bytes)?).map_err(|_| "a length is negative")
}

fn text<'t>(bytes: &mut &'t [u8]) -> Result<&'t str, &'static str> {
    let length = length(bytes)?;
    std::str::from_utf8(take(bytes, length)?).map_err(|_| "a text is not UTF-8")
}

/// How many items follow; `None` behind the last.
fn block(bytes: &mut &[u8]) -> Result<Option<u64>, &'static str> {
    match long(bytes)? {
        0 => Ok(None),
        // The size of the block in bytes is for those who skip it.
        count if count < 0 => long(bytes).map(|_| Some(count.unsigned_abs())),
        count => Ok(Some(count.unsigned_abs())),
    }
}

fn latin(bytes: &[u8]) -> Cow<'_, str> {
    match std::str::from_utf8(bytes) {
        Ok(text) if text.is_ascii() => Cow::Borrowed(text),
        _ => Cow::Owned(bytes.iter().map(|byte| char::from(*byte)).collect()),
    }
}
