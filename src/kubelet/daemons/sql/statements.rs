//! What statements do.

use std::cmp::Ordering;

use super::table::{Cell, Rows};
use super::tokens::{Token, tokens};
use super::{Column, Database, Done, Follows, ROWS_MAX, Server, Session, Source, Table, Wrong};
use crate::api::sorting;

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

struct Reader<'a> {
    server: &'a mut Server,
    session: &'a mut Session,
    tokens: &'a [Token],
    at: usize,
    changed: bool,
    follows: Follows,
}

/// What one row is looked at with.
#[derive(Clone, Copy, Default)]
struct Row<'a> {
    columns: &'a [Column],
    cells: &'a [Cell],
    /// How many rows there are, for `COUNT`.
    count: Option<usize>,
}

/// Something to compute: the places of its tokens.
type Span = (usize, usize);

impl Reader<'_> {
    fn word(&self) -> Option<String> {
        match self.tokens.get(self.at) {
            Some(Token::Word { text, quoted: false }) => Some(text.to_ascii_uppercase()),
            _ => None,
        }
    }

    fn eat(&mut self, words: &str) -> bool {
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

    fn sign(&mut self, sign: &str) -> bool {
        let found = self.tokens.get(self.at) == Some(&Token::Sign(sign_of(sign)));
        self.at += usize::from(found);
        found
    }

    fn near(&self) -> Wrong {
        let rest: Vec<String> = self.tokens[self.at.min(self.tokens.len())..].iter().map(shown).collect();
        syntax(self.server, &rest.join(" "))
    }

    fn need(&mut self, sign: &str) -> Result<(), Wrong> {
        if self.sign(sign) { Ok(()) } else { Err(self.near()) }
    }

    fn name(&mut self) -> Result<String, Wrong> {
        match self.tokens.get(self.at) {
            Some(Token::Word { text, .. } | Token::Text(text)) => {
                self.at += 1;
                Ok(text.clone())
            }
            _ => Err(self.near()),
        }
    }

    /// `table` or `database.table`.
    fn table_name(&mut self) -> Result<(String, String), Wrong> {
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
        tables.entry(name).or_insert(table);
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

    fn table(&self, database: &str, name: &str) -> Result<&Table, Wrong> {
        let found = self.server.databases.get(database).and_then(|tables: &Database| tables.get(name));
        found.ok_or_else(|| self.no_table(database, name))
    }

    fn replace_table(&mut self, database: &str, name: &str, table: Table) {
        if let Some(tables) = self.server.databases.get_mut(database) {
            tables.insert(name.to_string(), table);
        }
    }

    fn insert(&mut self) -> Result<Done, Wrong> {
        self.eat("INTO");
        let (database, name) = self.table_name()?;
        let mut table = self.table(&database, &name)?.clone();
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
        let mut count = 0;
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
            table.rows.push(row);
            count += 1;
            if !self.sign(",") {
                break;
            }
        }
        if self.server.row_count() + count > ROWS_MAX {
            return Err(Wrong::new(1114, "HY000", format!("The table '{name}' is full")));
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

    fn no_column(&self, column: &str) -> Wrong {
        match self.server.settings.postgres {
            true => Wrong::new(0, "42703", format!("column \"{column}\" does not exist")),
            false => Wrong::new(1054, "42S22", format!("Unknown column '{column}' in 'field list'")),
        }
    }

    fn update(&mut self) -> Result<Done, Wrong> {
        let (database, name) = self.table_name()?;
        let mut table = self.table(&database, &name)?.clone();
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
        let (columns, mut count) = (table.columns.clone(), 0);
        for cells in &mut table.rows {
            let before = cells.clone();
            let row = Row { columns: &columns, cells: &before, count: None };
            if self.fits(condition, row)? {
                count += 1;
                for (place, span) in &sets {
                    cells[*place] = self.value(*span, row)?;
                }
            }
        }
        self.replace_table(&database, &name, table);
        self.did(&format!("UPDATE {count}"))
    }

    fn delete(&mut self, verb: &str) -> Result<Done, Wrong> {
        self.eat(if verb == "DELETE" { "FROM" } else { "TABLE" });
        let (database, name) = self.table_name()?;
        let mut table = self.table(&database, &name)?.clone();
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

    fn describe(&mut self) -> Result<Done, Wrong> {
        let (database, name) = self.table_name()?;
        let table = self.table(&database, &name)?;
        let rows = table.columns.iter().map(|column| {
            vec![
                Some(column.name.clone()),
                Some(column.type_.clone()),
                Some(if column.required { "NO" } else { "YES" }.into()),
                Some(if column.key { "PRI" } else { "" }.into()),
                column.otherwise.clone(),
                Some(if column.counts { "auto_increment" } else { "" }.into()),
            ]
        });
        let columns = ["Field", "Type", "Null", "Key", "Default", "Extra"].map(String::from).to_vec();
        Ok(Done::Rows(Rows { columns, rows: rows.collect() }))
    }

    fn show(&mut self) -> Result<Done, Wrong> {
        if self.eat("DATABASES") || self.eat("SCHEMAS") {
            let mut names: Vec<String> = SYSTEM.iter().map(|name| (*name).to_string()).collect();
            names.extend(self.server.databases.keys().cloned());
            sorting::sort_by(&mut names, |a, b| a.cmp(b));
            return Ok(Done::Rows(Rows::of(
                &["Database"],
                names.into_iter().map(|name| vec![name]).collect(),
            )));
        }
        if self.eat("TABLES") {
            let database =
                if self.eat("FROM") || self.eat("IN") { self.name()? } else { self.session.database.clone() };
            if database.is_empty() {
                return Err(Wrong::new(1046, "3D000", "No database selected"));
            }
            let tables = self.server.databases.get(&database);
            let tables =
                tables.ok_or_else(|| Wrong::new(1049, "42000", format!("Unknown database '{database}'")))?;
            let rows = tables.keys().map(|name| vec![name.clone()]).collect();
            return Ok(Done::Rows(Rows::of(&[&format!("Tables_in_{database}")], rows)));
        }
        if self.eat("MASTER STATUS") || self.eat("BINARY LOG STATUS") {
            let rows = vec![vec![
                self.server.log_file(),
                self.server.position.to_string(),
                String::new(),
                String::new(),
                String::new(),
            ]];
            let rows = if self.server.settings.logs { rows } else { Vec::new() };
            let columns = ["File", "Position", "Binlog_Do_DB", "Binlog_Ignore_DB", "Executed_Gtid_Set"];
            return Ok(Done::Rows(Rows::of(&columns, rows)));
        }
        if self.eat("SLAVE STATUS") || self.eat("REPLICA STATUS") {
            return Ok(Done::Rows(self.source_status()));
        }
        if self.eat("GLOBAL VARIABLES") || self.eat("VARIABLES") {
            let like = if self.eat("LIKE") { self.name()?.to_ascii_lowercase() } else { "%".into() };
            let fits = |name: &&str| like_fits(&like, name);
            let rows =
                VARIABLES.into_iter().filter(fits).map(|name| vec![name.to_string(), self.variable(name)]);
            return Ok(Done::Rows(Rows::of(&["Variable_name", "Value"], rows.collect())));
        }
        if self.server.settings.postgres {
            let name = self.name()?;
            return Ok(Done::Rows(Rows::of(&[&name], vec![vec![self.variable(&name)]])));
        }
        Ok(Done::Rows(Rows::default()))
    }

    fn source_status(&self) -> Rows {
        let Some(Source { host, file, position, runs, .. }) = self.server.source.clone() else {
            return Rows::default();
        };
        let runs = if runs { "Yes" } else { "No" };
        let columns = [
            "Slave_IO_State",
            "Master_Host",
            "Master_User",
            "Master_Port",
            "Master_Log_File",
            "Read_Master_Log_Pos",
            "Slave_IO_Running",
            "Slave_SQL_Running",
            "Seconds_Behind_Master",
        ];
        let state = if runs == "Yes" { "Waiting for master to send event" } else { "" };
        let cells = [state, &host, "root", "3306", &file, &position.to_string(), runs, runs, "0"];
        Rows::of(&columns, vec![cells.map(String::from).to_vec()])
    }

    fn variable(&self, name: &str) -> String {
        let settings = &self.server.settings;
        let on = |on: bool| if on { "1" } else { "0" };
        match name.trim_start_matches("global.").trim_start_matches("session.") {
            "server_id" => settings.id.clone(),
            "hostname" => settings.hostname.clone(),
            "version" | "server_version" => settings.version.clone(),
            "read_only" | "super_read_only" | "transaction_read_only" => on(settings.read_only).into(),
            "log_bin" => on(settings.logs).into(),
            "port" => if settings.postgres { "5432" } else { "3306" }.into(),
            "datadir" => "/var/lib/mysql/".into(),
            "max_connections" => if settings.postgres { "100" } else { "151" }.into(),
            _ => String::new(),
        }
    }

    fn select(&mut self) -> Result<Done, Wrong> {
        // What is asked for: a text to show it under, and where it stands; all columns where it is a star.
        let mut wanted: Vec<Option<(String, Span)>> = Vec::new();
        loop {
            if self.sign("*") {
                wanted.push(None);
            } else {
                let span = self.expression()?;
                let label = match () {
                    () if self.eat("AS") => self.name()?,
                    () if self.at < self.tokens.len()
                        && self.word().is_some_and(|word| !KEYWORDS.contains(&word.as_str())) =>
                    {
                        self.name()?
                    }
                    () => self.label(span),
                };
                wanted.push(Some((label, span)));
            }
            if !self.sign(",") {
                break;
            }
        }
        let table = if self.eat("FROM") {
            let (database, name) = self.table_name()?;
            Some(self.table(&database, &name)?.clone())
        } else {
            None
        };
        let condition = self.condition()?;
        let order = self.order()?;
        let limit = if self.eat("LIMIT") {
            let limit = self.name_or_number()?;
            limit.parse().unwrap_or(usize::MAX)
        } else {
            usize::MAX
        };
        if self.at < self.tokens.len() {
            return Err(self.near());
        }
        let none = Table { rows: vec![Vec::new()], ..Table::default() };
        let table = table.as_ref().unwrap_or(&none);
        let mut rows: Vec<&Vec<Cell>> = Vec::new();
        for cells in &table.rows {
            if self.fits(condition, Row { columns: &table.columns, cells, count: None })? {
                rows.push(cells);
            }
        }
        if let Some((span, descending)) = order {
            let mut keyed = Vec::new();
            for cells in rows {
                keyed.push((self.value(span, Row { columns: &table.columns, cells, count: None })?, cells));
            }
            sorting::sort_by(
                &mut keyed,
                |a, b| if descending { compare(&b.0, &a.0) } else { compare(&a.0, &b.0) },
            );
            rows = keyed.into_iter().map(|(_, cells)| cells).collect();
        }
        let counts = wanted.iter().flatten().any(|(_, span)| self.counts(*span));
        let empty = Vec::new();
        let count = counts.then_some(rows.len());
        if counts {
            rows = vec![rows.first().copied().unwrap_or(&empty)];
        }
        let mut answer = Rows::default();
        for part in &wanted {
            match part {
                None => answer.columns.extend(table.columns.iter().map(|column| column.name.clone())),
                Some((label, _)) => answer.columns.push(label.clone()),
            }
        }
        for cells in rows.into_iter().take(limit) {
            let row = Row { columns: &table.columns, cells, count };
            let mut line = Vec::new();
            for part in &wanted {
                match part {
                    None => line.extend(cells.iter().cloned()),
                    Some((_, span)) => line.push(self.value(*span, row)?),
                }
            }
            answer.rows.push(line);
        }
        Ok(Done::Rows(answer))
    }

    fn name_or_number(&mut self) -> Result<String, Wrong> {
        match self.tokens.get(self.at) {
            Some(Token::Number(text)) => {
                self.at += 1;
                Ok(text.clone())
            }
            _ => self.name(),
        }
    }

    fn label(&self, (from, to): Span) -> String {
        let parts = &self.tokens[from..to];
        match (self.server.settings.postgres, parts) {
            (_, [Token::Word { text, .. }]) => text.clone(),
            (true, [Token::Word { text, .. }, Token::Sign("("), ..]) => text.to_ascii_lowercase(),
            (true, _) => "?column?".into(),
            (false, [Token::Text(text)]) => text.clone(),
            _ => parts.iter().map(shown).collect(),
        }
    }

    fn counts(&self, (from, to): Span) -> bool {
        matches!(&self.tokens[from..to], [Token::Word { text, .. }, ..] if text.eq_ignore_ascii_case("count"))
    }

    fn condition(&mut self) -> Result<Option<Span>, Wrong> {
        if self.eat("WHERE") { self.expression().map(Some) } else { Ok(None) }
    }

    fn order(&mut self) -> Result<Option<(Span, bool)>, Wrong> {
        if !self.eat("ORDER BY") {
            return Ok(None);
        }
        let span = self.additive()?;
        let descending = self.eat("DESC");
        self.eat("ASC");
        Ok(Some((span, descending)))
    }

    fn fits(&mut self, condition: Option<Span>, row: Row<'_>) -> Result<bool, Wrong> {
        let Some(span) = condition else { return Ok(true) };
        Ok(self.value(span, row)?.is_some_and(|value| value != "0" && value != "f"))
    }

    /// Skips an expression and says where it stands.
    fn expression(&mut self) -> Result<Span, Wrong> {
        let start = self.at;
        let mut depth = 0;
        while let Some(token) = self.tokens.get(self.at) {
            match token {
                Token::Sign("(") => depth += 1,
                Token::Sign(")") if depth == 0 => break,
                Token::Sign(")") => depth -= 1,
                Token::Sign(",") if depth == 0 => break,
                Token::Word { text, quoted: false }
                    if depth == 0 && KEYWORDS.contains(&text.to_ascii_uppercase().as_str()) =>
                {
                    break;
                }
                // A name behind a value is what it shall be called.
                Token::Word { quoted: false, text }
                    if depth == 0
                        && self.at > start
                        && !matches!(self.tokens[self.at - 1], Token::Sign(_))
                        && !OPERATORS.contains(&text.to_ascii_uppercase().as_str())
                        && !matches!(&self.tokens[self.at - 1], Token::Word { text, .. } if OPERATORS.contains(&text.to_ascii_uppercase().as_str())) =>
                {
                    break;
                }
                _ => {}
            }
            self.at += 1;
        }
        if start == self.at { Err(self.near()) } else { Ok((start, self.at)) }
    }

    fn additive(&mut self) -> Result<Span, Wrong> {
        self.expression()
    }

    /// The value of an expression.
    fn value(&mut self, (from, to): Span, row: Row<'_>) -> Result<Cell, Wrong> {
        let (at, tokens) = (self.at, self.tokens);
        self.at = from;
        self.tokens = &tokens[..to];
        let value = self.any(row, 0);
        let value = match value {
            Ok(_) if self.at < to => Err(self.near()),
            value => value,
        };
        (self.at, self.tokens) = (at, tokens);
        value
    }

    fn any(&mut self, row: Row<'_>, depth: u32) -> Result<Cell, Wrong> {
        if depth > 32 {
            return Err(self.near());
        }
        let mut value = self.all(row, depth)?;
        while self.eat("OR") {
            let other = self.all(row, depth)?;
            value = truth(holds(&value) || holds(&other));
        }
        Ok(value)
    }

    fn all(&mut self, row: Row<'_>, depth: u32) -> Result<Cell, Wrong> {
        let mut value = self.comparison(row, depth)?;
        while self.eat("AND") {
            let other = self.comparison(row, depth)?;
            value = truth(holds(&value) && holds(&other));
        }
        Ok(value)
    }

    fn comparison(&mut self, row: Row<'_>, depth: u32) -> Result<Cell, Wrong> {
        if self.eat("NOT") {
            let value = self.comparison(row, depth + 1)?;
            return Ok(truth(!holds(&value)));
        }
        let a = self.sum(row, depth)?;
        if self.eat("IS NOT NULL") {
            return Ok(truth(a.is_some()));
        }
        if self.eat("IS NULL") {
            return Ok(truth(a.is_none()));
        }
        if self.eat("LIKE") {
            let pattern = self.sum(row, depth)?.unwrap_or_default();
            return Ok(truth(a.is_some_and(|text| like_fits(&pattern.to_lowercase(), &text.to_lowercase()))));
        }
        if self.eat("IN") {
            self.need("(")?;
            let mut found = false;
            while !self.sign(")") {
                let item = self.sum(row, depth)?;
                found |= compare(&a, &item) == Ordering::Equal;
                self.sign(",");
            }
            return Ok(truth(found));
        }
        for sign in ["=", "<=", ">=", "<>", "!=", "<", ">"] {
            if self.sign(sign) {
                let b = self.sum(row, depth)?;
                if a.is_none() || b.is_none() {
                    return Ok(None);
                }
                let order = compare(&a, &b);
                return Ok(truth(match sign {
                    "=" => order.is_eq(),
                    "<=" => order.is_le(),
                    ">=" => order.is_ge(),
                    "<" => order.is_lt(),
                    ">" => order.is_gt(),
                    _ => order.is_ne(),
                }));
            }
        }
        Ok(a)
    }

    fn sum(&mut self, row: Row<'_>, depth: u32) -> Result<Cell, Wrong> {
        let mut value = self.single(row, depth)?;
        loop {
            let sign = ["+", "-", "*", "/", "%", "||"].into_iter().find(|sign| self.sign(sign));
            let Some(sign) = sign else { return Ok(value) };
            let other = self.single(row, depth)?;
            if sign == "||" {
                value = value.zip(other).map(|(a, b)| a + &b);
                continue;
            }
            let number = |cell: &Cell| cell.as_deref().and_then(|text| text.trim().parse::<i64>().ok());
            value = number(&value)
                .zip(number(&other))
                .and_then(|(a, b)| match sign {
                    "+" => a.checked_add(b),
                    "-" => a.checked_sub(b),
                    "*" => a.checked_mul(b),
                    "/" => a.checked_div(b),
                    _ => a.checked_rem(b),
                })
                .map(|number| number.to_string());
        }
    }

    fn single(&mut self, row: Row<'_>, depth: u32) -> Result<Cell, Wrong> {
        if self.sign("(") {
            let value = self.any(row, depth + 1)?;
            self.need(")")?;
            return Ok(value);
        }
        if self.sign("-") {
            return Ok(self.single(row, depth + 1)?.map(|text| format!("-{text}")));
        }
        let Some(token) = self.tokens.get(self.at).cloned() else { return Err(self.near()) };
        self.at += 1;
        match token {
            Token::Text(text) | Token::Number(text) => Ok(Some(text)),
            Token::Variable(name) => Ok(Some(self.variable(&name))),
            Token::Word { text, .. } if self.sign("(") => self.function(&text, row, depth),
            Token::Word { text, quoted: false } if text.eq_ignore_ascii_case("null") => Ok(None),
            Token::Word { text, quoted: false } if text.eq_ignore_ascii_case("true") => Ok(truth(true)),
            Token::Word { text, quoted: false } if text.eq_ignore_ascii_case("false") => Ok(truth(false)),
            Token::Word { text, quoted: false }
                if matches!(
                    text.to_ascii_uppercase().as_str(),
                    "CURRENT_TIMESTAMP" | "CURRENT_USER" | "CURRENT_DATE"
                ) =>
            {
                Ok(self.known_function(&text.to_ascii_lowercase()))
            }
            Token::Word { mut text, .. } => {
                while self.sign(".") {
                    text = self.name()?;
                }
                let at = row.columns.iter().position(|column| column.name.eq_ignore_ascii_case(&text));
                at.map(|at| row.cells.get(at).cloned().flatten()).ok_or_else(|| self.no_column(&text))
            }
            Token::Sign(_) => {
                self.at -= 1;
                Err(self.near())
            }
        }
    }

    fn known_function(&self, name: &str) -> Cell {
        let Session { database, user, from, now } = &*self.session;
        Some(match name {
            "now" | "current_timestamp" | "sysdate" | "localtimestamp" => now.clone(),
            "curdate" | "current_date" => now.split(' ').next().unwrap_or_default().to_string(),
            "version" if self.server.settings.postgres => {
                format!("PostgreSQL {} on x86_64-pc-linux-gnu", self.server.settings.version)
            }
            "version" => self.server.settings.version.clone(),
            "database" | "schema" | "current_database" => {
                return Some(database.clone()).filter(|name| !name.is_empty());
            }
            "user" | "current_user" | "session_user" if self.server.settings.postgres => user.clone(),
            "user" | "current_user" | "session_user" => format!("{user}@{from}"),
            "pg_is_in_recovery" => "f".into(),
            "connection_id" | "pg_backend_pid" => "42".into(),
            "last_insert_id" | "sleep" => "0".into(),
            _ => return None,
        })
    }

    fn function(&mut self, name: &str, row: Row<'_>, depth: u32) -> Result<Cell, Wrong> {
        let name = name.to_ascii_lowercase();
        if name == "count" {
            let star = self.sign("*");
            if !star {
                self.any(Row { count: None, ..row }, depth + 1)?;
            }
            self.need(")")?;
            return Ok(Some(row.count.unwrap_or(1).to_string()));
        }
        let mut arguments = Vec::new();
        while !self.sign(")") {
            arguments.push(self.any(row, depth + 1)?);
            self.sign(",");
        }
        if let Some(value) = self.known_function(&name) {
            return Ok(Some(value));
        }
        let first = arguments.first().cloned().flatten();
        Ok(match name.as_str() {
            "concat" => arguments.into_iter().collect::<Option<Vec<String>>>().map(|parts| parts.concat()),
            "upper" => first.map(|text| text.to_uppercase()),
            "lower" => first.map(|text| text.to_lowercase()),
            "length" | "char_length" => first.map(|text| text.chars().count().to_string()),
            "coalesce" | "ifnull" => arguments.into_iter().flatten().next(),
            "database" | "schema" | "current_database" => None,
            _ if self.server.settings.postgres => {
                return Err(Wrong::new(0, "42883", format!("function {name}() does not exist")));
            }
            _ => {
                let database = &self.session.database;
                return Err(Wrong::new(1305, "42000", format!("FUNCTION {database}.{name} does not exist")));
            }
        })
    }
}

const SYSTEM: [&str; 4] = ["information_schema", "mysql", "performance_schema", "sys"];

const VARIABLES: [&str; 8] =
    ["datadir", "hostname", "log_bin", "max_connections", "port", "read_only", "server_id", "version"];

const KEYWORDS: [&str; 8] = ["FROM", "WHERE", "ORDER", "LIMIT", "GROUP", "AS", "DESC", "ASC"];

const OPERATORS: [&str; 7] = ["AND", "OR", "NOT", "IS", "LIKE", "IN", "NULL"];

fn sign_of(sign: &str) -> &'static str {
    const ALL: [&str; 18] =
        ["<=", ">=", "<>", "!=", "||", "(", ")", ",", ";", "*", "=", "<", ">", "+", "-", "/", ".", "%"];
    ALL.into_iter().find(|known| *known == sign).unwrap_or(";")
}

fn shown(token: &Token) -> String {
    match token {
        Token::Word { text, .. } | Token::Number(text) => text.clone(),
        Token::Text(text) => format!("'{text}'"),
        Token::Variable(name) => format!("@@{name}"),
        Token::Sign(sign) => (*sign).into(),
    }
}

fn count_wrong(row: usize) -> Wrong {
    Wrong::new(1136, "21S01", format!("Column count doesn't match value count at row {}", row + 1))
}

fn truth(value: bool) -> Cell {
    Some(u8::from(value).to_string())
}

fn holds(cell: &Cell) -> bool {
    cell.as_deref().is_some_and(|text| text != "0" && text != "f" && !text.is_empty())
}

fn compare(a: &Cell, b: &Cell) -> Ordering {
    let number = |cell: &Cell| cell.as_deref().and_then(|text| text.trim().parse::<i64>().ok());
    match (number(a), number(b)) {
        (Some(a), Some(b)) => a.cmp(&b),
        _ => a.cmp(b),
    }
}

/// `LIKE`: `%` stands for anything.
fn like_fits(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('%');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = text.strip_prefix(first) else { return false };
    let mut last = None;
    for part in parts {
        if let Some(part) = last.replace(part) {
            let Some(at) = rest.find(part) else { return false };
            rest = &rest[at + str::len(part)..];
        }
    }
    last.map_or(rest.is_empty(), |last| rest.ends_with(last))
}
