//! What statements do.

use std::sync::Arc;

use super::expressions::{Row, shown, sign_of};
use super::queries::SYSTEM;
use super::table::Cell;
use super::tokens::{Token, tokens};
use super::{BYTES_MAX, Column, Database, Done, Follows, ROWS_MAX, Server, Session, Table, Wrong, bytes_of};

/// See [`Server::run`].
pub fn run(
    server: &mut Server,
    text: &str,
    session: &mut Session,
) -> (Vec<Done>, Option<Wrong>, bool, Follows) {
    let (mut done, mut follows, mut changed) = (Vec::new(), None, false);
    let all = match tokens(text, !server.settings.postgres) {
        Ok(all) => all,
        Err(rest) => return (done, Some(syntax(server, rest)), false, None),
    };
    for statement in all.split(|token| *token == Token::Sign(";")).filter(|part| !part.is_empty()) {
        let mut reader = Reader { server, session, tokens: statement, at: 0, changed: false, follows: None };
        let result = reader.statement();
        changed |= reader.changed;
        let names = reader.follows.take();
        follows = names.or(follows);
        match result {
            Ok(answer) => done.push(answer),
            Err(wrong) => return (done, Some(wrong), changed, follows),
        }
        if changed && server.settings.logs {
            server.position += 150 + 8 * statement.len() as u64;
        }
    }
    (done, None, changed, follows)
}

fn syntax(server: &Server, rest: &str) -> Wrong {
    if server.settings.postgres {
        let word = rest.split_whitespace().next().unwrap_or_default();
        return Wrong::new(
            0,
            "42601",
            match word {
                "" => "syntax error at end of input".to_string(),
                word => format!("syntax error at or near \"{word}\""),
            },
        );
    }
    let what = format!(
        "You have an error in your SQL syntax; check the manual that corresponds to your MySQL server version for the right syntax \
         to use near '{}' at line 1",
        rest.chars().take(80).collect::<String>()
    );
    Wrong::new(1064, "42000", what)
}

/// Reads a statement and does what it says.
pub(super) struct Reader<'a> {
    pub(super) server: &'a mut Server,
    pub(super) session: &'a mut Session,
    pub(super) tokens: &'a [Token],
    pub(super) at: usize,
    changed: bool,
    follows: Follows,
}

impl Reader<'_> {
    pub(super) fn word(&self) -> Option<String> {
        match self.tokens.get(self.at) {
            Some(Token::Word { text, quoted: false }) => Some(text.to_ascii_uppercase()),
            _ => None,
        }
    }

    pub(super) fn eat(&mut self, words: &str) -> bool {
        let start = self.at;
        for word in words.split(' ') {
            if self.word().as_deref() != Some(word) {
                self.at = start;
                return false;
            }
            self.at += 1;
        }
        true
    }

    pub(super) fn sign(&mut self, sign: &str) -> bool {
        let found = self.tokens.get(self.at) == Some(&Token::Sign(sign_of(sign)));
        self.at += usize::from(found);
        found
    }

    pub(super) fn near(&self) -> Wrong {
        let rest: Vec<String> = self.tokens[self.at.min(self.tokens.len())..].iter().map(shown).collect();
        syntax(self.server, &rest.join(" "))
    }

    pub(super) fn need(&mut self, sign: &str) -> Result<(), Wrong> {
        if self.sign(sign) { Ok(()) } else { Err(self.near()) }
    }

    pub(super) fn name(&mut self) -> Result<String, Wrong> {
        match self.tokens.get(self.at) {
            Some(Token::Word { text, .. } | Token::Text(text)) => {
                self.at += 1;
                Ok(text.clone())
            }
            _ => Err(self.near()),
        }
    }

    /// `table` or `database.table`.
    pub(super) fn table_name(&mut self) -> Result<(String, String), Wrong> {
        let first = self.name()?;
        if self.sign(".") {
            let second = self.name()?;
            // PostgreSQL has schemas in between.
            return Ok(if self.server.settings.postgres {
                (self.session.database.clone(), second)
            } else {
                (first, second)
            });
        }
        if self.session.database.is_empty() {
            return Err(Wrong::new(1046, "3D000", "No database selected"));
        }
        Ok((self.session.database.clone(), first))
    }

    fn no_table(&self, database: &str, table: &str) -> Wrong {
        if self.server.settings.postgres {
            return Wrong::new(0, "42P01", format!("relation \"{table}\" does not exist"));
        }
        match self.server.databases.contains_key(database) {
            true => Wrong::new(1146, "42S02", format!("Table '{database}.{table}' doesn't exist")),
            false => Wrong::new(1049, "42000", format!("Unknown database '{database}'")),
        }
    }

    fn writes(&mut self) -> Result<(), Wrong> {
        if self.server.settings.read_only {
            return Err(Wrong::new(
                1290,
                "HY000",
                "The MySQL server is running with the --super-read-only option so it cannot execute this statement",
            ));
        }
        self.changed = true;
        Ok(())
    }

    fn did(&self, what: &str) -> Result<Done, Wrong> {
        Ok(Done::Did(what.into()))
    }

    fn statement(&mut self) -> Result<Done, Wrong> {
        let Some(verb) = self.word() else { return Err(self.near()) };
        let start = self.at;
        self.at += 1;
        match verb.as_str() {
            "SELECT" => self.select(),
            "SHOW" => self.show(),
            "USE" => {
                let name = self.name()?;
                if !self.server.databases.contains_key(&name) && !SYSTEM.contains(&name.as_str()) {
                    return Err(Wrong::new(1049, "42000", format!("Unknown database '{name}'")));
                }
                self.session.database = name;
                self.did("USE")
            }
            "DESCRIBE" | "DESC" => self.describe(),
            "CREATE" => self.create(),
            "DROP" => self.drop_something(),
            "INSERT" | "REPLACE" => self.insert(),
            "UPDATE" => self.update(),
            "DELETE" | "TRUNCATE" => self.delete(&verb),
            "CHANGE" => self.change_source(),
            "START" | "STOP" if self.eat("SLAVE") || self.eat("REPLICA") => {
                let runs = verb == "START";
                let Some(source) = &mut self.server.source else {
                    return Err(Wrong::new(
                        1200,
                        "HY000",
                        "The server is not configured as slave; fix in config file or with CHANGE MASTER TO",
                    ));
                };
                source.runs = runs;
                self.follows = runs.then(|| source.host.clone());
                self.changed = true;
                self.did("START REPLICA")
            }
            "RESET" => {
                self.server.source = None;
                self.changed = true;
                self.did("RESET")
            }
            "ALTER" | "GRANT" | "REVOKE" => {
                self.writes()?;
                self.did(&format!("{verb}{}", self.word().map(|word| format!(" {word}")).unwrap_or_default()))
            }
            "SET" | "FLUSH" | "BEGIN" | "COMMIT" | "ROLLBACK" | "START" | "LOCK" | "UNLOCK" | "ANALYZE" => {
                self.did(&verb)
            }
            _ => {
                self.at = start;
                Err(self.near())
            }
        }
    }

    fn create(&mut self) -> Result<Done, Wrong> {
        if self.eat("DATABASE") || self.eat("SCHEMA") {
            self.writes()?;
            let lenient = self.eat("IF NOT EXISTS");
            let name = self.name()?;
            if self.server.databases.contains_key(&name) && !lenient {
                return Err(match self.server.settings.postgres {
                    true => Wrong::new(0, "42P04", format!("database \"{name}\" already exists")),
                    false => {
                        Wrong::new(1007, "HY000", format!("Can't create database '{name}'; database exists"))
                    }
                });
            }
            self.server.databases.entry(name).or_default();
            return self.did("CREATE DATABASE");
        }
        if !self.eat("TABLE") {
            // Users, indexes, views: nothing here asks for them later.
            let what = self.word().unwrap_or_default();
            if ["USER", "INDEX", "ROLE", "EXTENSION", "UNIQUE"].contains(&what.as_str()) {
                self.writes()?;
                return self.did(&format!("CREATE {what}"));
            }
            return Err(self.near());
        }
        let lenient = self.eat("IF NOT EXISTS");
        let (database, name) = self.table_name()?;
        self.writes()?;
        self.need("(")?;
        let mut table = Table::default();
        while !self.sign(")") {
            self.column(&mut table)?;
            if !self.sign(",") && self.tokens.get(self.at) != Some(&Token::Sign(")")) {
                return Err(self.near());
            }
        }
        let missing = self.no_table(&database, &name);
        let Some(tables) = self.server.databases.get_mut(&database) else { return Err(missing) };
        if tables.contains_key(&name) && !lenient {
            return Err(match self.server.settings.postgres {
                true => Wrong::new(0, "42P07", format!("relation \"{name}\" already exists")),
                false => Wrong::new(1050, "42S01", format!("Table '{name}' already exists")),
            });
        }
        tables.entry(name).or_insert_with(|| Arc::new(table));
        self.did("CREATE TABLE")
    }

    fn column(&mut self, table: &mut Table) -> Result<(), Wrong> {
        const CONSTRAINTS: [&str; 7] =
            ["PRIMARY", "UNIQUE", "KEY", "INDEX", "CONSTRAINT", "FOREIGN", "CHECK"];
        let constraint = self.word().is_some_and(|word| CONSTRAINTS.contains(&word.as_str()));
        let mut column = Column::default();
        if constraint {
            if self.eat("PRIMARY KEY") && self.sign("(") {
                let name = self.name()?;
                table
                    .columns
                    .iter_mut()
                    .filter(|known| known.name == name)
                    .for_each(|known| known.key = true);
                self.need(")")?;
            }
        } else {
            column.name = self.name()?;
            column.type_ = self.name()?.to_ascii_lowercase();
            column.counts = column.type_.ends_with("serial");
        }
        let mut depth = 0;
        while let Some(token) = self.tokens.get(self.at) {
            match token {
                Token::Sign("," | ")") if depth == 0 => break,
                Token::Sign("(") => depth += 1,
                Token::Sign(")") => depth -= 1,
                _ => {}
            }
            if depth > 0 || *token == Token::Sign(")") {
                if !column.name.is_empty() && depth > 0 && column.otherwise.is_none() {
                    column.type_.push_str(&shown(token));
                } else if !column.name.is_empty()
                    && !column.type_.ends_with(')')
                    && column.type_.contains('(')
                {
                    column.type_.push(')');
                }
                self.at += 1;
            } else if self.eat("PRIMARY KEY") {
                (column.key, column.required) = (true, true);
            } else if self.eat("AUTO_INCREMENT") {
                column.counts = true;
            } else if self.eat("NOT NULL") {
                column.required = true;
            } else if self.eat("DEFAULT") {
                let (span, _) = (self.expression()?, ());
                column.otherwise = self.value(span, Row::default())?;
            } else {
                self.at += 1;
            }
        }
        if !column.name.is_empty() {
            table.columns.push(column);
        }
        Ok(())
    }

    fn drop_something(&mut self) -> Result<Done, Wrong> {
        let whole = self.eat("DATABASE") || self.eat("SCHEMA");
        if !whole && !self.eat("TABLE") {
            self.writes()?;
            return self.did("DROP");
        }
        self.writes()?;
        let lenient = self.eat("IF EXISTS");
        if whole {
            let name = self.name()?;
            if self.server.databases.remove(&name).is_none() && !lenient {
                return Err(Wrong::new(
                    1008,
                    "HY000",
                    format!("Can't drop database '{name}'; database doesn't exist"),
                ));
            }
            return self.did("DROP DATABASE");
        }
        let (database, name) = self.table_name()?;
        let gone = self.server.databases.get_mut(&database).and_then(|tables| tables.remove(&name));
        if gone.is_none() && !lenient {
            return Err(match self.server.settings.postgres {
                true => Wrong::new(0, "42P01", format!("table \"{name}\" does not exist")),
                false => Wrong::new(1051, "42S02", format!("Unknown table '{database}.{name}'")),
            });
        }
        self.did("DROP TABLE")
    }

    pub(super) fn table(&self, database: &str, name: &str) -> Result<&Arc<Table>, Wrong> {
        let found = self.server.databases.get(database).and_then(|tables: &Database| tables.get(name));
        found.ok_or_else(|| self.no_table(database, name))
    }

    fn replace_table(&mut self, database: &str, name: &str, table: Table) {
        if let Some(tables) = self.server.databases.get_mut(database) {
            tables.insert(name.to_string(), Arc::new(table));
        }
    }

    fn insert(&mut self) -> Result<Done, Wrong> {
        self.eat("INTO");
        let (database, name) = self.table_name()?;
        let mut table = Table::clone(self.table(&database, &name)?);
        self.writes()?;
        let mut places: Vec<usize> = (0..table.columns.len()).collect();
        if self.sign("(") {
            places.clear();
            while !self.sign(")") {
                let column = self.name()?;
                places.push(self.place(&table, &column)?);
                self.sign(",");
            }
        }
        if !self.eat("VALUES") && !self.eat("VALUE") {
            return Err(self.near());
        }
        let (mut count, mut bytes) = (0, self.server.byte_count());
        loop {
            self.need("(")?;
            let mut row: Vec<Cell> = table.columns.iter().map(|column| column.otherwise.clone()).collect();
            let mut given = 0;
            while !self.sign(")") {
                let span = self.expression()?;
                let value = self.value(span, Row::default())?;
                let Some(place) = places.get(given) else { return Err(count_wrong(count)) };
                row[*place] = value;
                given += 1;
                self.sign(",");
            }
            if given != places.len() {
                return Err(count_wrong(count));
            }
            for (at, column) in table.columns.iter().enumerate().filter(|(_, column)| column.counts) {
                if row[at].is_none() {
                    table.last_id += 1;
                    row[at] = Some(table.last_id.to_string());
                } else {
                    table.last_id =
                        table.last_id.max(row[at].as_deref().and_then(|id| id.parse().ok()).unwrap_or(0));
                }
                debug_assert!(!column.name.is_empty());
            }
            self.check(&table, &name, &row)?;
            bytes += bytes_of(&row);
            table.rows.push(row);
            count += 1;
            if !self.sign(",") {
                break;
            }
        }
        if self.server.row_count() + count > ROWS_MAX || bytes > BYTES_MAX {
            return Err(full(&name));
        }
        self.replace_table(&database, &name, table);
        self.did(&format!("INSERT 0 {count}"))
    }

    /// Keys are unique, and what is required is there.
    fn check(&self, table: &Table, name: &str, row: &[Cell]) -> Result<(), Wrong> {
        for (at, column) in table.columns.iter().enumerate() {
            if column.required && row[at].is_none() {
                return Err(Wrong::new(1048, "23000", format!("Column '{}' cannot be null", column.name)));
            }
            if column.key && table.rows.iter().any(|other| other[at] == row[at]) {
                let value = row[at].as_deref().unwrap_or_default();
                return Err(match self.server.settings.postgres {
                    true => Wrong::new(
                        0,
                        "23505",
                        format!("duplicate key value violates unique constraint \"{name}_pkey\""),
                    ),
                    false => {
                        Wrong::new(1062, "23000", format!("Duplicate entry '{value}' for key 'PRIMARY'"))
                    }
                });
            }
        }
        Ok(())
    }

    fn place(&self, table: &Table, column: &str) -> Result<usize, Wrong> {
        let found = table.columns.iter().position(|known| known.name.eq_ignore_ascii_case(column));
        found.ok_or_else(|| self.no_column(column))
    }

    pub(super) fn no_column(&self, column: &str) -> Wrong {
        match self.server.settings.postgres {
            true => Wrong::new(0, "42703", format!("column \"{column}\" does not exist")),
            false => Wrong::new(1054, "42S22", format!("Unknown column '{column}' in 'field list'")),
        }
    }

    fn update(&mut self) -> Result<Done, Wrong> {
        let (database, name) = self.table_name()?;
        let mut table = Table::clone(self.table(&database, &name)?);
        self.writes()?;
        if !self.eat("SET") {
            return Err(self.near());
        }
        let mut sets = Vec::new();
        loop {
            let column = self.name()?;
            let place = self.place(&table, &column)?;
            self.need("=")?;
            sets.push((place, self.additive()?));
            if !self.sign(",") {
                break;
            }
        }
        let condition = self.condition()?;
        let (columns, mut count, mut bytes) = (table.columns.clone(), 0, self.server.byte_count());
        for cells in &mut table.rows {
            let before = cells.clone();
            let row = Row { columns: &columns, cells: &before, count: None };
            if self.fits(condition, row)? {
                count += 1;
                for (place, span) in &sets {
                    cells[*place] = self.value(*span, row)?;
                }
                // As it goes: each statement may double all cells.
                bytes = (bytes + bytes_of(cells)).saturating_sub(bytes_of(&before));
                if bytes > BYTES_MAX {
                    return Err(full(&name));
                }
            }
        }
        self.replace_table(&database, &name, table);
        self.did(&format!("UPDATE {count}"))
    }

    fn delete(&mut self, verb: &str) -> Result<Done, Wrong> {
        self.eat(if verb == "DELETE" { "FROM" } else { "TABLE" });
        let (database, name) = self.table_name()?;
        let mut table = Table::clone(self.table(&database, &name)?);
        self.writes()?;
        let condition = self.condition()?;
        let (columns, mut kept) = (table.columns.clone(), Vec::new());
        let before = table.rows.len();
        for cells in std::mem::take(&mut table.rows) {
            if !self.fits(condition, Row { columns: &columns, cells: &cells, count: None })? {
                kept.push(cells);
            }
        }
        let count = before - kept.len();
        table.rows = kept;
        self.replace_table(&database, &name, table);
        if verb == "DELETE" { self.did(&format!("DELETE {count}")) } else { self.did("TRUNCATE TABLE") }
    }

    /// `CHANGE MASTER TO MASTER_HOST='…', …`.
    fn change_source(&mut self) -> Result<Done, Wrong> {
        if !self.eat("MASTER TO") && !self.eat("REPLICATION SOURCE TO") {
            return Err(self.near());
        }
        let mut source = self.server.source.clone().unwrap_or_default();
        loop {
            let name = self.name()?.to_ascii_uppercase();
            self.need("=")?;
            let Some(Token::Text(value) | Token::Number(value)) = self.tokens.get(self.at) else {
                return Err(self.near());
            };
            match name.trim_start_matches("MASTER_").trim_start_matches("SOURCE_") {
                "HOST" => (source.host, source.pod) = (value.clone(), String::new()),
                "LOG_FILE" => source.file.clone_from(value),
                "LOG_POS" => source.position = value.parse().unwrap_or(0),
                _ => {}
            }
            self.at += 1;
            if !self.sign(",") {
                break;
            }
        }
        self.server.source = Some(source);
        self.changed = true;
        self.did("CHANGE")
    }
}

fn full(table: &str) -> Wrong {
    Wrong::new(1114, "HY000", format!("The table '{table}' is full"))
}

fn count_wrong(row: usize) -> Wrong {
    Wrong::new(1136, "21S01", format!("Column count doesn't match value count at row {}", row + 1))
}
