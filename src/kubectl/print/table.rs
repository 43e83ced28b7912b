//! Columns of text, as kubectl lines them up: three spaces between columns, each as wide as its widest cell.

use super::tabwriter::TabWriter;

/// A table under construction.
pub struct Table {
    headers: Vec<String>,
    rows: Vec<Vec<String>>,
}

impl Table {
    /// A table with these headings.
    pub fn new(headers: &[&str]) -> Table {
        Table { headers: headers.iter().map(|header| (*header).to_string()).collect(), rows: Vec::new() }
    }

    /// Adds a row.
    pub fn row(&mut self, cells: Vec<String>) {
        self.rows.push(cells);
    }

    /// Whether there is no row.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The text, with or without its heading.
    pub fn render(&self, headings: bool) -> String {
        let lines = headings.then_some(&self.headers).into_iter().chain(&self.rows);
        // A line break or a tab inside a cell would begin another: kubectl cuts the one and widens the other.
        let cell = |cell: &String| cell.lines().next().unwrap_or_default().replace('\t', " ");
        let text: String =
            lines.map(|line| format!("{}\n", line.iter().map(cell).collect::<Vec<_>>().join("\t"))).collect();
        TabWriter::TABLE.format(&text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell_and_the_last_is_not_padded() {
        let mut table = Table::new(&["NAME", "READY"]);
        table.row(vec!["a-long-name".into(), "1/1".into()]);
        table.row(vec!["b".into(), "0/1".into()]);
        assert_eq!(table.render(true), "NAME          READY\na-long-name   1/1\nb             0/1\n");
    }
}
