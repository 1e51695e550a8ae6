//! Failing rows as a table.

use super::markup::{escape, numbers, short, table, words};
use crate::report::text::grouped;
use crate::report::text::samples::columns;
use crate::sample::Samples;
use std::path::PathBuf;

/// Rows shown of one rule, however many were kept: many rules times many rows is no page any more.
const ROWS: usize = 20;

/// Columns shown of them.
const COLUMNS: usize = 16;

/// Characters of a column's name.
const HEAD: usize = 80;

/// The table, and how much of all it shows. `rule` names the rule.
pub(super) fn samples(samples: &Samples, files: &[PathBuf], rule: &str) -> String {
    let rows = &samples.rows[..samples.rows.len().min(ROWS)];
    let all = columns(rows, files);
    let shown = &all[..all.len().min(COLUMNS)];
    let mut caption = format!("{} of {} failing rows", grouped(rows.len() as u64), grouped(samples.failing));
    if shown.len() < all.len() {
        caption.push_str(&format!(", {} of {} columns", shown.len(), all.len()));
    }
    if rows.is_empty() {
        return format!("<p class=\"muted\">{caption} shown</p>\n");
    }
    let head = |text: &str, right: bool| if right { numbers(text) } else { words(text) };
    let heads: Vec<String> = shown.iter().map(|column| head(&short(&column.head, HEAD), column.right)).collect();
    let mut body = String::new();
    for row in 0..rows.len() {
        body.push_str("<tr>");
        for column in shown {
            let cell = column.cells.get(row).map_or("", String::as_str);
            // Texts stand in quotes, so this is no text.
            let class = match (cell, column.right) {
                ("NULL", _) => " class=\"null\"",
                (_, true) => " class=\"number\"",
                _ => "",
            };
            body.push_str(&format!("<td{class}>{}</td>", escape(cell)));
        }
        body.push_str("</tr>\n");
    }
    table(&format!("Failing rows of {rule}"), &caption, &heads, &body)
}
