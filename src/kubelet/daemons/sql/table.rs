//! What queries answer, as the clients of the two databases print it.

/// A cell; `None` is NULL.
pub type Cell = Option<String>;

/// Columns are not made wider: more cannot be asked of `format!`.
const WIDTH_MAX: usize = 1_024;

/// The answer to a query.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rows {
    /// The names of the columns.
    pub columns: Vec<String>,
    /// The rows.
    pub rows: Vec<Vec<Cell>>,
}

impl Rows {
    /// A table of texts.
    pub fn of(columns: &[&str], rows: Vec<Vec<String>>) -> Rows {
        let columns = columns.iter().map(|name| (*name).to_string()).collect();
        Rows { columns, rows: rows.into_iter().map(|row| row.into_iter().map(Some).collect()).collect() }
    }

    fn widths(&self, null: &str) -> Vec<usize> {
        let width = |at: usize| {
            let cells = self.rows.iter().filter_map(|row| row.get(at));
            cells
                .map(|cell| cell.as_deref().unwrap_or(null).chars().count())
                .chain([self.columns[at].chars().count()])
                .max()
                .unwrap_or(0)
                .min(WIDTH_MAX)
        };
        (0..self.columns.len()).map(width).collect()
    }

    fn is_number(&self, at: usize) -> bool {
        let cells: Vec<&str> = self.rows.iter().filter_map(|row| row.get(at)?.as_deref()).collect();
        let number = |cell: &&str| {
            !cell.is_empty() && cell.bytes().all(|byte| byte.is_ascii_digit() || b"-.".contains(&byte))
        };
        !cells.is_empty() && cells.iter().all(number)
    }

    /// As `mysql` prints it at a terminal.
    pub fn boxed(&self) -> String {
        let widths = self.widths("NULL");
        let rule: String =
            widths.iter().map(|width| format!("+{}", "-".repeat(width + 2))).collect::<String>() + "+\n";
        let line = |cells: Vec<(String, bool)>| {
            let cells = cells.iter().zip(&widths).map(|((cell, right), width)| match right {
                true => format!("| {cell:>width$} "),
                false => format!("| {cell:<width$} "),
            });
            cells.collect::<String>() + "|\n"
        };
        let head = line(self.columns.iter().map(|name| (name.clone(), false)).collect());
        let numbers: Vec<bool> = (0..self.columns.len()).map(|at| self.is_number(at)).collect();
        let body = self.rows.iter().map(|row| {
            let cells = row.iter().enumerate();
            line(
                cells
                    .map(|(at, cell)| (cell.clone().unwrap_or_else(|| "NULL".into()), numbers[at]))
                    .collect(),
            )
        });
        format!("{rule}{head}{rule}{}{rule}", body.collect::<String>())
    }

    /// As `mysql` prints it elsewhere: with tabs; `names`: with the names of the columns.
    pub fn tabbed(&self, names: bool) -> String {
        let mut text = if names { self.columns.join("\t") + "\n" } else { String::new() };
        for row in &self.rows {
            let cells: Vec<&str> = row.iter().map(|cell| cell.as_deref().unwrap_or("NULL")).collect();
            text.push_str(&cells.join("\t"));
            text.push('\n');
        }
        text
    }

    /// As `mysql` prints it for `\G`: a line for each column.
    pub fn vertical(&self) -> String {
        let width = self.columns.iter().map(|name| name.chars().count()).max().unwrap_or(0).min(WIDTH_MAX);
        let mut text = String::new();
        for (number, row) in self.rows.iter().enumerate() {
            let stars = "*".repeat(27);
            text.push_str(&format!("{stars} {}. row {stars}\n", number + 1));
            for (name, cell) in self.columns.iter().zip(row) {
                text.push_str(&format!("{name:>width$}: {}\n", cell.as_deref().unwrap_or("NULL")));
            }
        }
        text
    }

    /// As `psql` prints it.
    pub fn aligned(&self) -> String {
        let widths = self.widths("");
        let numbers: Vec<bool> = (0..self.columns.len()).map(|at| self.is_number(at)).collect();
        let head: Vec<String> =
            self.columns.iter().zip(&widths).map(|(name, width)| format!(" {name:^width$} ")).collect();
        let rule: Vec<String> = widths.iter().map(|width| "-".repeat(width + 2)).collect();
        let mut text = format!("{}\n{}\n", head.join("|"), rule.join("+"));
        for row in &self.rows {
            let cells: Vec<String> = row
                .iter()
                .enumerate()
                .map(|(at, cell)| {
                    let (cell, width) = (cell.as_deref().unwrap_or_default(), widths[at]);
                    if numbers[at] { format!(" {cell:>width$} ") } else { format!(" {cell:<width$} ") }
                })
                .collect();
            text.push_str(cells.join("|").trim_end());
            text.push('\n');
        }
        let count = self.rows.len();
        format!("{text}({count} row{})\n\n", if count == 1 { "" } else { "s" })
    }
}
