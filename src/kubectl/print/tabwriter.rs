//! Text with tabs, lined up: Go's `text/tabwriter`, on which the layout of `kubectl describe` and of every table rests.
//!
//! A cell ends with a tab; what follows the last tab of a line is no cell. Cells that stand below one another in lines
//! that follow one another make a column, which is as wide as its widest cell and the padding. So a line without tabs
//! ends the columns above it:
//! ```text
//! Name:   web          the two lines have a column of their own,
//! Labels: app=web
//! Containers:
//!  app:
//!   Image: app:1       and these have another.
//! ```

/// How cells become columns.
#[derive(Clone, Copy, Debug)]
pub struct TabWriter {
    /// The least width of a column, padding included.
    pub min_width: usize,
    /// Spaces between a column's widest cell and the next column.
    pub padding: usize,
}

impl TabWriter {
    /// The tables of `kubectl get` (`printers.GetNewTabWriter`).
    pub const TABLE: TabWriter = TabWriter { min_width: 6, padding: 3 };
    /// `kubectl describe` (`tabbedString`).
    pub const DESCRIBE: TabWriter = TabWriter { min_width: 0, padding: 2 };

    /// Lines the text up.
    pub fn format(self, text: &str) -> String {
        let lines: Vec<Vec<&str>> = text.split('\n').map(|line| line.split('\t').collect()).collect();
        let mut out = String::with_capacity(text.len() * 2);
        let mut widths: Vec<usize> = Vec::new();
        for (index, line) in lines.iter().enumerate() {
            if index > 0 {
                out.push('\n');
            }
            let cells = line.len() - 1;
            let above = index.checked_sub(1).map_or(0, |above| lines[above].len() - 1);
            // Columns that the line above does not have begin here; those that it has go on.
            widths.truncate(above.min(cells));
            for column in widths.len()..cells {
                widths.push(self.width(&lines[index..], column));
            }
            for (cell, width) in line.iter().zip(&widths) {
                out.push_str(cell);
                let blank = width.saturating_sub(cell.chars().count());
                out.extend(std::iter::repeat_n(' ', blank));
            }
            out.push_str(line.last().copied().unwrap_or_default());
        }
        out
    }

    /// The width of a column that begins in the first of these lines.
    fn width(self, lines: &[Vec<&str>], column: usize) -> usize {
        let block = lines.iter().take_while(|line| line.len() - 1 > column);
        let widest = block.map(|line| line[column].chars().count()).max().unwrap_or(0);
        (widest + self.padding).max(self.min_width)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_made_of_neighbouring_lines() {
        let cases = [
            ("Name:\tweb\nLabels:\tapp=web\n", "Name:    web\nLabels:  app=web\n"),
            ("A:\t1\nplain\nLonger:\t2\n", "A:  1\nplain\nLonger:  2\n"),
            ("IP:\t\nIPs:\t<none>\n", "IP:   \nIPs:  <none>\n"),
            ("a\tb\tc\nlong\td\te\nx\ty\n", "a     b  c\nlong  d  e\nx     y\n"),
        ];
        for (text, want) in cases {
            assert_eq!(TabWriter::DESCRIBE.format(text), want, "{text:?}");
        }
        assert_eq!(TabWriter::TABLE.format("NAME\tAGE\na\t1s\n"), "NAME   AGE\na      1s\n");
        assert_eq!(TabWriter::TABLE.format("N\tAGE\n"), "N     AGE\n");
    }
}
