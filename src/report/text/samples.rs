//! Failing rows as a table no wider than the screen, or cell below cell where there are too many columns.

use super::{Style, grouped, wrapped};
use crate::error::{escape_controls, shown};
use crate::sample::{Cell, SampleRow, Samples};
use std::io::{self, Write};
use std::path::PathBuf;

/// Blanks between columns.
const GAP: usize = 2;

/// Characters below which no column is cut.
const LEAST: usize = 8;

/// What stands for the cut part of a value.
const CUT: &str = "...";

/// Failing rows and how many there are.
pub(in crate::report) fn write(
    samples: &Samples,
    files: &[PathBuf],
    indent: usize,
    style: Style,
    out: &mut dyn Write,
) -> io::Result<()> {
    let pad = " ".repeat(indent);
    let width = style.width.saturating_sub(indent).max(20);
    let columns = columns(&samples.rows, files);
    if !samples.rows.is_empty() {
        match widths(&columns, width) {
            Some(widths) => {
                let head = line(&columns, &widths, |column| &column.head);
                writeln!(out, "{pad}{}", style.paint("2", &head))?;
                for row in 0..samples.rows.len() {
                    writeln!(out, "{pad}{}", line(&columns, &widths, |column| &column.cells[row]))?;
                }
            }
            None => {
                for row in 0..samples.rows.len() {
                    cells_below(&columns, row, width, &pad, out)?;
                }
            }
        }
    }
    if samples.failing == 0 {
        return writeln!(out, "{pad}no single row fails");
    }
    let rows = if samples.failing == 1 { "row" } else { "rows" };
    writeln!(out, "{pad}shown {} of {} failing {rows}", grouped(samples.rows.len() as u64), grouped(samples.failing))
}

/// A column of the table, escaped.
pub(in crate::report) struct Column {
    /// Its name.
    pub(in crate::report) head: String,
    /// One per row; empty where a row has no such cell.
    pub(in crate::report) cells: Vec<String>,
    /// Numbers stand below one another by their ends.
    pub(in crate::report) right: bool,
    /// The end of a path says more than its start.
    keeps_end: bool,
}

impl Column {
    fn of_cells<'a>(head: &str, cells: impl Iterator<Item = Option<&'a Cell>>) -> Self {
        let (mut texts, mut values, mut shown) = (0, 0, Vec::new());
        for cell in cells {
            match cell {
                Some(Cell::Text(_)) => texts += 1,
                Some(Cell::Value(_)) => values += 1,
                Some(Cell::Null) | None => {}
            }
            shown.push(cell.map_or_else(String::new, |cell| escape_controls(&cell.to_string())));
        }
        Self { head: escape_controls(head), cells: shown, right: texts == 0 && values > 0, keeps_end: false }
    }

    fn of_texts(head: &str, cells: impl Iterator<Item = String>, right: bool) -> Self {
        Self { head: head.to_string(), cells: cells.collect(), right, keeps_end: !right }
    }

    fn width(&self) -> usize {
        self.cells.iter().chain([&self.head]).map(|text| text.chars().count()).max().unwrap_or(0)
    }

    fn fit(&self, text: &str, width: usize) -> String {
        let characters = text.chars().count();
        if characters <= width {
            return if self.right { format!("{text:>width$}") } else { format!("{text:<width$}") };
        }
        let kept = width.saturating_sub(CUT.len());
        if self.keeps_end {
            format!("{CUT}{}", text.chars().skip(characters - kept).collect::<String>())
        } else {
            format!("{}{CUT}", text.chars().take(kept).collect::<String>())
        }
    }
}

type Named = (String, Cell);

fn find<'a>(cells: &'a [Named], name: &str) -> Option<&'a Cell> {
    cells.iter().find(|(own, _)| own == name).map(|(_, cell)| cell)
}

/// Names of cells, each once: rows need not have the same.
fn names<'a>(cells: impl Iterator<Item = &'a Named>) -> Vec<&'a str> {
    let mut names: Vec<&str> = Vec::new();
    for (name, _) in cells {
        if !names.contains(&name.as_str()) {
            names.push(name);
        }
    }
    names
}

/// The columns that together show all rows.
pub(in crate::report) fn columns(rows: &[SampleRow], files: &[PathBuf]) -> Vec<Column> {
    let mut columns = Vec::new();
    if rows.iter().any(|row| row.group.is_some()) {
        let number = |row: &SampleRow| row.group.map_or_else(String::new, |group| (group + 1).to_string());
        columns.push(Column::of_texts("group", rows.iter().map(number), true));
    }
    if files.len() > 1 {
        let file = |row: &SampleRow| files.get(row.file).map_or_else(String::new, |file| shown(file));
        columns.push(Column::of_texts("file", rows.iter().map(file), false));
    }
    columns.push(Column::of_texts("row", rows.iter().map(|row| grouped(row.row)), true));
    let keys = names(rows.iter().flat_map(|row| &row.key));
    columns.extend(keys.iter().map(|name| Column::of_cells(name, rows.iter().map(|row| find(&row.key, name)))));
    let compared = names(rows.iter().flat_map(|row| &row.reference));
    let mut first = true;
    for name in names(rows.iter().flat_map(|row| &row.cells)) {
        let other = compared.contains(&name);
        // A key that the rule judges need not stand there twice.
        if !other && keys.contains(&name) {
            continue;
        }
        columns.push(Column::of_cells(name, rows.iter().map(|row| find(&row.cells, name))));
        if other {
            let head = format!("{name} in reference");
            let mut column = Column::of_cells(&head, rows.iter().map(|row| find(&row.reference, name)));
            if std::mem::take(&mut first) {
                for (cell, _) in column.cells.iter_mut().zip(rows).filter(|(_, row)| row.reference.is_empty()) {
                    *cell = "not found".into();
                }
            }
            columns.push(column);
        }
    }
    columns
}

/// Widths of columns that together fit; the widest are cut first. `None` when too little would be left.
fn widths(columns: &[Column], width: usize) -> Option<Vec<usize>> {
    let mut widths: Vec<usize> = columns.iter().map(Column::width).collect();
    let room = width.checked_sub(GAP * widths.len().saturating_sub(1))?;
    if widths.iter().map(|width| width.min(&LEAST)).sum::<usize>() > room {
        return None;
    }
    // Ends: as long as there is too little room, the widest is wider than the least.
    while widths.iter().sum::<usize>() > room {
        let widest = widths.iter_mut().max()?;
        *widest -= 1;
    }
    Some(widths)
}

fn line(columns: &[Column], widths: &[usize], text: impl Fn(&Column) -> &String) -> String {
    let cells = columns.iter().zip(widths).map(|(column, width)| column.fit(text(column), *width));
    cells.collect::<Vec<_>>().join(&" ".repeat(GAP)).trim_end().to_string()
}

/// One row, a line or more a cell.
fn cells_below(columns: &[Column], row: usize, width: usize, pad: &str, out: &mut dyn Write) -> io::Result<()> {
    let filled = columns.iter().filter(|column| !column.cells[row].is_empty());
    for (position, column) in filled.enumerate() {
        let lead = if position == 0 { "" } else { "  " };
        let text = format!("{}: {}", column.head, column.cells[row]);
        for line in wrapped(&text, width.saturating_sub(lead.len())) {
            writeln!(out, "{pad}{lead}{line}")?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(number: u64, cells: &[(&str, Cell)]) -> SampleRow {
        let cells = cells.iter().map(|(name, cell)| (name.to_string(), cell.clone())).collect();
        SampleRow { file: 0, row: number, key: Vec::new(), cells, reference: Vec::new(), group: None }
    }

    fn text(failing: u64, rows: Vec<SampleRow>, files: &[&str]) -> Vec<String> {
        let files: Vec<PathBuf> = files.iter().map(PathBuf::from).collect();
        let mut bytes = Vec::new();
        write(&Samples { failing, rows }, &files, 6, Style::default(), &mut bytes).expect("written");
        let text = String::from_utf8(bytes).expect("UTF-8");
        let lines: Vec<String> = text.lines().map(str::to_string).collect();
        assert!(lines.iter().all(|line| line.chars().count() <= 80), "{text}");
        lines
    }

    #[test]
    fn cells_stand_below_their_names_and_the_count_is_always_said() {
        let mut rows = vec![row(17, &[("email", Cell::text("x"))]), row(1203, &[("email", Cell::Null)])];
        rows[0].key = vec![("id".into(), Cell::value("5"))];
        rows[1].key = vec![("id".into(), Cell::value("12"))];
        assert_eq!(
            text(12_345, rows, &["a.csv"]),
            [
                "        row  id  email",
                "         17   5  \"x\"",
                "      1,203  12  NULL",
                "      shown 2 of 12,345 failing rows",
            ]
        );
        assert_eq!(text(1, vec![row(1, &[])], &["a.csv"]).last().expect("a line"), "      shown 1 of 1 failing row");
        assert_eq!(text(7, Vec::new(), &["a.csv"]), ["      shown 0 of 7 failing rows"]);
    }

    #[test]
    fn the_file_is_named_where_there_are_several_by_its_end() {
        let long = format!("{}/b.csv", "d".repeat(200));
        let mut rows = vec![row(1, &[("a", Cell::value("1"))])];
        rows[0].file = 1;
        let lines = text(1, rows, &["a.csv", &long]);
        assert!(lines[0].trim_start().starts_with("file"), "{lines:?}");
        assert!(lines[1].trim_start().starts_with("...d") && lines[1].contains("/b.csv"), "{lines:?}");
    }

    #[test]
    fn what_differs_stands_beside_what_the_reference_has() {
        let mut rows = vec![
            row(1, &[("id", Cell::value("1")), ("total", Cell::value("5.00"))]),
            row(2, &[("id", Cell::value("2"))]),
        ];
        rows[0].reference = vec![("total".into(), Cell::value("7.50"))];
        assert_eq!(
            text(2, rows, &["a.csv"])[..3],
            [
                "      row  id  total  total in reference",
                "        1   1   5.00                7.50",
                "        2   2                  not found"
            ]
        );
    }

    #[test]
    fn duplicates_are_told_apart_by_their_group() {
        let mut rows = vec![row(1, &[("a", Cell::text("x"))]), row(9, &[("a", Cell::text("x"))])];
        rows.iter_mut().for_each(|row| row.group = Some(0));
        let lines = text(2, rows, &["a.csv"]);
        assert_eq!(lines[..3], ["      group  row  a", "          1    1  \"x\"", "          1    9  \"x\""]);
    }

    #[test]
    fn hostile_characters_are_escaped() {
        let lines = text(1, vec![row(1, &[("a\u{202e}", Cell::text("\u{1b}[31m\nx"))])], &["a.csv"]);
        let text = lines.concat();
        assert!(!text.contains('\u{1b}') && !text.contains('\u{202e}') && lines.len() == 3, "{text}");
    }

    #[test]
    fn wide_cells_are_cut_and_many_columns_stand_below_each_other() {
        let wide = Cell::text(&"w".repeat(60));
        let lines = text(1, vec![row(1, &[("a", wide.clone()), ("b", wide.clone())])], &["a.csv"]);
        assert!(lines[1].contains("www...") && lines.len() == 3, "{lines:?}");
        let names: Vec<String> = (0..20).map(|number| format!("column_{number}")).collect();
        let cells: Vec<(&str, Cell)> = names.iter().map(|name| (name.as_str(), wide.clone())).collect();
        let lines = text(1, vec![row(1, &cells)], &["a.csv"]);
        assert_eq!(lines[0], "      row: 1");
        assert!(lines[1].starts_with("        column_0: \"www"), "{lines:?}");
    }
}
