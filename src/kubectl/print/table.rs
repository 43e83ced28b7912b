//! Columns of text, as kubectl lines them up: three spaces between columns, each as wide as its widest cell.

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
        let lines: Vec<&Vec<String>> =
            headings.then_some(&self.headers).into_iter().chain(&self.rows).collect();
        let width = |column: usize| {
            lines
                .iter()
                .filter_map(|line| line.get(column))
                .map(|cell| cell.chars().count())
                .max()
                .unwrap_or(0)
        };
        let widths: Vec<usize> = (0..self.headers.len()).map(width).collect();
        let mut text = String::new();
        for line in lines {
            let mut out = String::new();
            for (cell, width) in line.iter().zip(&widths) {
                out.push_str(&format!("{cell:<width$}   "));
            }
            // The last column is not padded.
            let last = line.last().map_or(0, |cell| cell.chars().count());
            let padded = widths.last().copied().unwrap_or(0) + 3;
            let keep = out.chars().count() - (padded - last);
            text.extend(out.chars().take(keep));
            text.push('\n');
        }
        text
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
