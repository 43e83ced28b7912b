//! A small SQL server: databases, tables with rows, and what is asked of a primary and its copies. It knows the statements that
//! tutorials use; any other is a syntax error.

mod expressions;
mod queries;
mod statements;
mod table;
#[cfg(test)]
mod tests;
mod tokens;

use std::sync::Arc;

use sorted::SortedMap;

pub use table::Rows;

use super::Program;
use table::Cell;

/// So many rows in all tables at most.
const ROWS_MAX: usize = 20_000;
/// How long all cells of a server together may be.
const BYTES_MAX: usize = 4 << 20;

/// A column.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Column {
    name: String,
    type_: String,
    counts: bool,
    key: bool,
    required: bool,
    otherwise: Cell,
}

/// A table.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Table {
    columns: Vec<Column>,
    rows: Vec<Vec<Cell>>,
    last_id: i64,
}

/// The tables of a database. Shared with its copies and with snapshots until a statement replaces one.
pub type Database = SortedMap<String, Arc<Table>>;

/// Where a copy takes its writes from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Source {
    /// The name it is known under.
    pub host: String,
    /// The pod that this has been, `namespace/name`; empty before it has been reached.
    pub pod: String,
    /// The file and the place in it that have been read.
    pub file: String,
    /// See `file`.
    pub position: u64,
    /// Whether it is being followed.
    pub runs: bool,
}

/// What a server is started with.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    /// Whether it is a PostgreSQL.
    pub postgres: bool,
    /// `version()`.
    pub version: String,
    /// Its host's name.
    pub hostname: String,
    /// `server_id`.
    pub id: String,
    /// `read_only`, `super_read_only`.
    pub read_only: bool,
    /// Whether it writes a log for copies.
    pub logs: bool,
    /// Users and their passwords.
    pub users: Vec<(String, String)>,
    /// Whether root needs a password nobody knows.
    pub any_password: bool,
}

/// A server.
#[derive(Clone, Debug, Default)]
pub struct Server {
    /// What it is started with.
    pub settings: Settings,
    /// What it holds.
    pub databases: SortedMap<String, Database>,
    /// The length of its log for copies.
    pub position: u64,
    /// Whom it copies.
    pub source: Option<Source>,
}

/// Who asks.
#[derive(Clone, Debug, Default)]
pub struct Session {
    /// The current database.
    pub database: String,
    /// The user.
    pub user: String,
    /// The address of the client.
    pub from: String,
    /// `2026-11-21 00:00:00`.
    pub now: String,
}

/// What a statement answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Done {
    /// Rows.
    Rows(Rows),
    /// That something was done: in PostgreSQL's words.
    Did(String),
}

/// What is wrong with a statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wrong {
    /// The number of the error.
    pub code: u16,
    /// The SQL state.
    pub state: &'static str,
    /// In words.
    pub text: String,
}

impl Wrong {
    fn new(code: u16, state: &'static str, text: impl Into<String>) -> Wrong {
        Wrong { code, state, text: text.into() }
    }
}

/// A statement wants its server to follow another: the host that it names.
pub type Follows = Option<String>;

impl Server {
    /// A server with nothing but its own databases.
    pub fn new(settings: Settings) -> Server {
        let databases = match settings.postgres {
            true => [("postgres".to_string(), Database::new())].into_iter().collect(),
            false => SortedMap::new(),
        };
        Server { settings, databases, position: 154, source: None }
    }

    /// Whether it follows the server of a pod.
    pub fn replicates(&self, pod: &str) -> bool {
        self.source.as_ref().is_some_and(|source| source.runs && source.pod == pod)
    }

    /// It has read its source's log up to there.
    pub fn follow(&mut self, position: u64) {
        if let Some(source) = &mut self.source {
            source.position = position;
        }
    }

    /// The name of its log's file.
    pub fn log_file(&self) -> String {
        format!("{}-bin.000003", self.settings.hostname)
    }

    /// Whether a user may come in with that password.
    ///
    /// # Errors
    /// That it may not.
    pub fn admit(&self, user: &str, password: &str, from: &str) -> Result<(), Wrong> {
        let known = self.settings.users.iter().find(|(name, _)| name == user);
        if known.is_some_and(|(_, own)| own == password) && !self.settings.any_password {
            return Ok(());
        }
        if self.settings.postgres {
            return Err(Wrong::new(
                0,
                "28P01",
                format!("password authentication failed for user \"{user}\""),
            ));
        }
        let uses = if password.is_empty() { "NO" } else { "YES" };
        Err(Wrong::new(
            1045,
            "28000",
            format!("Access denied for user '{user}'@'{from}' (using password: {uses})"),
        ))
    }

    /// Runs statements, to the first that is wrong. The last answer: whether anything has changed, and whom it shall follow.
    pub fn run(&mut self, text: &str, session: &mut Session) -> (Vec<Done>, Option<Wrong>, bool, Follows) {
        statements::run(self, text, session)
    }

    /// The files that it keeps, below its directory.
    pub fn files(&self) -> Vec<(String, String)> {
        let mut files = Vec::new();
        if self.settings.postgres {
            files.push(("PG_VERSION".into(), "16\n".into()));
        } else {
            let id = &self.settings.id;
            files.push((
                "auto.cnf".into(),
                format!("[auto]\nserver-uuid=0000000{id}-0000-11f0-0000-000000000000\n"),
            ));
            files.push(("ibdata1".into(), String::new()));
            files.push(("mysql/user.frm".into(), String::new()));
            if let Some(source) = &self.source {
                let Source { host, pod, file, position, .. } = source;
                files.push(("master.info".into(), format!("{file}\n{position}\n{host}\n{pod}\n")));
            }
        }
        files.push(("position".into(), format!("{}\n", self.position)));
        for (name, database) in &self.databases {
            files.push((format!("{name}/db.opt"), String::new()));
            for (table, content) in database {
                files.push((format!("{name}/{table}.ibd"), content.written()));
            }
        }
        files
    }

    /// Takes a file of its directory back.
    pub fn load(&mut self, path: &str, text: &str) {
        match (path, path.split_once('/')) {
            ("position", _) => self.position = text.trim().parse().unwrap_or(self.position),
            ("master.info", _) => {
                let mut lines = text.lines().map(str::to_string);
                let mut next = || lines.next().unwrap_or_default();
                let (file, position, host, pod) = (next(), next(), next(), next());
                let position = position.parse().unwrap_or(0);
                self.source = Some(Source { host, pod, file, position, runs: true });
            }
            (_, Some(("mysql", _))) | (_, None) => {}
            (_, Some((name, file))) => {
                let database = self.databases.entry(name.to_string()).or_default();
                if let Some(table) = file.strip_suffix(".ibd") {
                    database.insert(table.to_string(), Arc::new(Table::read(text)));
                }
            }
        }
    }

    fn row_count(&self) -> usize {
        self.databases.values().flat_map(|database| database.values()).map(|table| table.rows.len()).sum()
    }

    fn byte_count(&self) -> usize {
        let tables = self.databases.values().flat_map(|database| database.values());
        tables.flat_map(|table| &table.rows).map(|row| bytes_of(row)).sum()
    }
}

fn bytes_of(row: &[Cell]) -> usize {
    row.iter().flatten().map(String::len).sum()
}

impl Table {
    /// As it is kept: a line for the columns, then one for each row.
    fn written(&self) -> String {
        let line = |cells: &[Cell]| serde_json::Value::from(cells.to_vec()).to_string() + "\n";
        let flag = |on: bool| Some(u8::from(on).to_string());
        let columns: Vec<Cell> = self
            .columns
            .iter()
            .flat_map(|column| {
                let Column { name, type_, counts, key, required, otherwise } = column.clone();
                [Some(name), Some(type_), flag(counts), flag(key), flag(required), otherwise]
            })
            .collect();
        let rows: String = self.rows.iter().map(|row| line(row)).collect();
        format!("{}\n{}{rows}", self.last_id, line(&columns))
    }

    fn read(text: &str) -> Table {
        let mut lines = text.lines();
        let last_id = lines.next().and_then(|line| line.parse().ok()).unwrap_or(0);
        let mut cells = lines.map(|line| serde_json::from_str::<Vec<Cell>>(line).unwrap_or_default());
        let columns = cells.next().unwrap_or_default();
        let is = |cell: &Cell| cell.as_deref() == Some("1");
        let columns: Vec<Column> = columns
            .chunks_exact(6)
            .map(|parts| Column {
                name: parts[0].clone().unwrap_or_default(),
                type_: parts[1].clone().unwrap_or_default(),
                counts: is(&parts[2]),
                key: is(&parts[3]),
                required: is(&parts[4]),
                otherwise: parts[5].clone(),
            })
            .collect();
        // Anybody can write to the file: each row has as many cells as there are columns all the same.
        let rows = cells.map(|mut row| {
            row.resize(columns.len(), None);
            row
        });
        Table { rows: rows.collect(), columns, last_id }
    }
}

impl Program {
    /// What a server says of itself, by the tag of its image.
    pub fn version(self, base: &str, tag: &str) -> String {
        let number: String = tag.chars().take_while(|c| c.is_ascii_digit() || *c == '.').collect();
        let number = number.trim_end_matches('.');
        match self {
            Program::MySql if base == "mariadb" => {
                format!("{}-MariaDB-ubu2404", if number.is_empty() { "12.0.2" } else { number })
            }
            Program::MySql => match number {
                "5.7" => "5.7.44-log".into(),
                "" | "8" | "8.0" => "8.0.44".into(),
                "8.4" => "8.4.7".into(),
                "9" => "9.5.0".into(),
                number => number.into(),
            },
            _ if number.is_empty() => "18.1".into(),
            _ => number.into(),
        }
    }
}
