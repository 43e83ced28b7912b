//! What statements ask for: `SELECT`, `SHOW`, `DESCRIBE`.

use super::expressions::{KEYWORDS, Row, Span, compare, like_fits, shown};
use super::statements::Reader;
use super::table::{Cell, Rows};
use super::tokens::Token;
use super::{Done, Source, Table, Wrong};
use crate::api::sorting;

pub(super) const SYSTEM: [&str; 4] = ["information_schema", "mysql", "performance_schema", "sys"];

const VARIABLES: [&str; 8] =
    ["datadir", "hostname", "log_bin", "max_connections", "port", "read_only", "server_id", "version"];

impl Reader<'_> {
    pub(super) fn describe(&mut self) -> Result<Done, Wrong> {
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

    pub(super) fn show(&mut self) -> Result<Done, Wrong> {
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

    pub(super) fn source_status(&self) -> Rows {
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

    pub(super) fn variable(&self, name: &str) -> String {
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

    pub(super) fn select(&mut self) -> Result<Done, Wrong> {
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
        let table = table.as_deref().unwrap_or(&none);
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

    pub(super) fn name_or_number(&mut self) -> Result<String, Wrong> {
        match self.tokens.get(self.at) {
            Some(Token::Number(text)) => {
                self.at += 1;
                Ok(text.clone())
            }
            _ => self.name(),
        }
    }

    pub(super) fn label(&self, (from, to): Span) -> String {
        let parts = &self.tokens[from..to];
        match (self.server.settings.postgres, parts) {
            (_, [Token::Word { text, .. }]) => text.clone(),
            (true, [Token::Word { text, .. }, Token::Sign("("), ..]) => text.to_ascii_lowercase(),
            (true, _) => "?column?".into(),
            (false, [Token::Text(text)]) => text.clone(),
            _ => parts.iter().map(shown).collect(),
        }
    }

    pub(super) fn counts(&self, (from, to): Span) -> bool {
        matches!(&self.tokens[from..to], [Token::Word { text, .. }, ..] if text.eq_ignore_ascii_case("count"))
    }

    pub(super) fn condition(&mut self) -> Result<Option<Span>, Wrong> {
        if self.eat("WHERE") { self.expression().map(Some) } else { Ok(None) }
    }

    pub(super) fn order(&mut self) -> Result<Option<(Span, bool)>, Wrong> {
        if !self.eat("ORDER BY") {
            return Ok(None);
        }
        let span = self.additive()?;
        let descending = self.eat("DESC");
        self.eat("ASC");
        Ok(Some((span, descending)))
    }

    pub(super) fn fits(&mut self, condition: Option<Span>, row: Row<'_>) -> Result<bool, Wrong> {
        let Some(span) = condition else { return Ok(true) };
        Ok(self.value(span, row)?.is_some_and(|value| value != "0" && value != "f"))
    }
}
