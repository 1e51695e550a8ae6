//! The language: DQDL text to a spanned syntax tree and back.
//!
//! Text becomes [`token`]s, tokens become an [`ast`] with byte spans, and
//! [`mod@print`] turns a tree into the canonical text that results carry. This room
//! knows no rule name: `RowCount > 1` and `Anything > 1` are the same to it. What
//! a type accepts is decided by `rules`.
//!
//! The grammar is `grammar/dqdl.ebnf`, its productions in the order of [`parser`].

pub mod ast;
pub mod builder;
pub mod lint;
pub mod parser;
pub mod print;
mod syntax_error;
pub mod token;

pub use parser::{MAX_DEPTH, MAX_DOCUMENT_BYTES, Parsed, parse};
