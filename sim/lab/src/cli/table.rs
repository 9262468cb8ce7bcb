//! Tables: columns of text and of numbers.
//!
//! In a pipe a row is one line. On a terminal text is folded inside its column. Numbers
//! are never folded, so a table with too many numbers continues below, with its first
//! column repeated.

use comfy_table::{CellAlignment, ColumnConstraint, ContentArrangement, presets};

use super::terminal::{Colour, Screen};

/// The space between two columns.
const GAP: u16 = 2;

/// The smallest width to which a column of text may be folded.
const NARROWEST_TEXT: u16 = 24;

/// A column with its title.
#[derive(Clone, Copy, Debug)]
pub enum Column {
    /// Aligned left; folded if the terminal is narrow.
    Text(&'static str),
    /// Aligned right, and never folded.
    Number(&'static str),
}

/// Rows under titles.
#[derive(Clone, Debug)]
pub struct Table {
    columns: Vec<Column>,
    rows: Vec<Vec<String>>,
    indent: u16,
    alarms: &'static [&'static str],
}

impl Column {
    fn title(self) -> &'static str {
        match self {
            Self::Text(title) | Self::Number(title) => title,
        }
    }

    /// The columns of a terminal that it needs, if its longest cell has this length.
    fn needs(self, longest: u16) -> u16 {
        match self {
            Self::Text(_) => longest.min(NARROWEST_TEXT),
            Self::Number(_) => longest,
        }
    }
}

impl Table {
    /// A table without rows. If all titles are empty, it has no header line.
    #[must_use]
    pub fn new(columns: &[Column]) -> Self {
        Self {
            columns: columns.to_vec(),
            rows: Vec::new(),
            indent: 0,
            alarms: &[],
        }
    }

    /// The same table with these words in red.
    #[must_use]
    pub fn alarming(self, alarms: &'static [&'static str]) -> Self {
        Self { alarms, ..self }
    }

    /// The same table, indented by some columns.
    #[must_use]
    pub fn indented(self, indent: u16) -> Self {
        Self { indent, ..self }
    }

    /// Adds a row.
    ///
    /// # Panics
    /// If the number of cells differs from the number of columns.
    pub fn row(&mut self, cells: impl IntoIterator<Item = impl Into<String>>) {
        let cells: Vec<String> = cells.into_iter().map(Into::into).collect();
        assert_eq!(cells.len(), self.columns.len(), "a cell for each column");
        self.rows.push(cells);
    }

    /// Whether there are no rows.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The table as lines for a screen. Empty if the table has no rows.
    #[must_use]
    pub fn on(&self, screen: Screen) -> String {
        if self.rows.is_empty() {
            return String::new();
        }
        let all: Vec<usize> = (0..self.columns.len()).collect();
        let parts = match screen.width() {
            None => vec![all],
            Some(width) => self.parts(&all, width),
        };
        let parts = parts.iter().map(|part| self.part(part, screen));
        parts.collect::<Vec<String>>().join("\n")
    }

    /// The table as Markdown.
    #[must_use]
    pub fn markdown(&self) -> String {
        let all: Vec<usize> = (0..self.columns.len()).collect();
        let mut table = self.styled(&all);
        table.load_style(presets::ASCII_MARKDOWN);
        let columns = table.column_iter_mut();
        columns.for_each(|column| {
            column.set_padding((1, 1));
        });
        table.to_string() + "\n"
    }

    /// The groups of columns that fit side by side, each with the first column in
    /// front.
    fn parts(&self, all: &[usize], width: usize) -> Vec<Vec<usize>> {
        let longest = self.styled(all).column_max_content_widths();
        let needs = |place: usize| usize::from(self.columns[place].needs(longest[place]) + GAP);
        let first = usize::from(self.indent) + needs(0);
        let mut parts = vec![vec![0]];
        let mut used = first;
        for &place in &all[1..] {
            let part = parts.last_mut().expect("there is a first part");
            // Every column except the first has a gap before it.
            if used + needs(place) - usize::from(GAP) > width && part.len() > 1 {
                parts.push(vec![0, place]);
                used = first + needs(place);
            } else {
                part.push(place);
                used += needs(place);
            }
        }
        parts
    }

    fn part(&self, places: &[usize], screen: Screen) -> String {
        let mut table = self.styled(places);
        if let Some(width) = screen.width() {
            table.set_content_arrangement(ContentArrangement::Dynamic);
            table.set_width(u16::try_from(width).unwrap_or(u16::MAX));
        }
        let has_titles = table.header().is_some();
        let lines = table.lines().enumerate().map(|(place, line)| {
            let line = line.trim_end();
            let line = match has_titles && place == 0 {
                true => screen.heading(line),
                false => self.painted(line, screen),
            };
            line + "\n"
        });
        lines.collect()
    }

    fn painted(&self, line: &str, screen: Screen) -> String {
        let alarms = self.alarms.iter();
        alarms.fold(line.to_owned(), |line, alarm| {
            line.replace(alarm, &screen.paint(Colour::Red, alarm))
        })
    }

    /// Some columns of the table, without lines around them.
    fn styled(&self, places: &[usize]) -> comfy_table::Table {
        let mut table = comfy_table::Table::new();
        table.load_style(presets::NOTHING);
        table.set_content_arrangement(ContentArrangement::Disabled);
        if self.columns.iter().any(|column| !column.title().is_empty()) {
            table.set_header(places.iter().map(|&place| self.columns[place].title()));
        }
        for row in &self.rows {
            table.add_row(places.iter().map(|&place| &row[place]));
        }
        for (nth, &place) in places.iter().enumerate() {
            let Some(column) = table.column_mut(nth) else {
                continue;
            };
            column.set_padding((if nth == 0 { self.indent } else { GAP }, 0));
            if let Column::Number(_) = self.columns[place] {
                column.set_cell_alignment(CellAlignment::Right);
                column.set_constraint(ColumnConstraint::ContentWidth);
            }
        }
        table
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> Table {
        let mut table = Table::new(&[
            Column::Text("policy"),
            Column::Number("written"),
            Column::Number("read"),
            Column::Text("why"),
        ]);
        table.row(["aligned:4", "1", "1000000", "it is due"]);
        let long = "word ".repeat(12);
        table.row(["count:4", "123456789", "2", long.trim()]);
        table
    }

    #[test]
    fn a_row_is_a_line_in_a_pipe() {
        let text = table().on(Screen::PIPE);
        assert_eq!(text.lines().count(), 3);
        assert_eq!(
            text.lines().nth(1),
            Some("aligned:4          1  1000000  it is due")
        );
    }

    #[test]
    fn a_terminal_gets_every_word_and_no_wide_line() {
        for width in [30, 40, 60, 80] {
            let text = table().on(Screen::terminal(width));
            assert!(text.lines().all(|line| line.len() <= width), "{text}");
            assert_eq!(text.matches("word").count(), 12, "{text}");
            assert!(text.contains("123456789"), "{text}");
            // On a narrow terminal the first column is repeated.
            let parts = text.matches("aligned:4").count();
            assert_eq!(parts > 1, width < 60, "{width}: {text}");
        }
    }

    #[test]
    fn markdown_has_borders() {
        let text = table().markdown();
        assert!(text.starts_with("| policy "), "{text}");
        assert_eq!(text.lines().count(), 4);
    }
}
