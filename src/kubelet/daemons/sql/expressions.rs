//! What stands in statements where a value may: how far it goes, and what it comes to for a row.

use std::cmp::Ordering;

use super::statements::Reader;
use super::table::Cell;
use super::tokens::Token;
use super::{Column, Session, Wrong};

/// What one row is looked at with.
#[derive(Clone, Copy, Default)]
pub(super) struct Row<'a> {
    pub(super) columns: &'a [Column],
    pub(super) cells: &'a [Cell],
    /// How many rows there are, for `COUNT`.
    pub(super) count: Option<usize>,
}

/// The longest cell that is made; above it MySQL, too, answers NULL (`max_allowed_packet`).
const CELL_MAX: usize = 64 * 1024;

/// Parentheses and signs within one another.
const DEPTH_MAX: u32 = 32;

/// Something to compute: the places of its tokens.
pub(super) type Span = (usize, usize);

pub(super) const KEYWORDS: [&str; 8] = ["FROM", "WHERE", "ORDER", "LIMIT", "GROUP", "AS", "DESC", "ASC"];

const OPERATORS: [&str; 7] = ["AND", "OR", "NOT", "IS", "LIKE", "IN", "NULL"];

impl Reader<'_> {
    /// Skips an expression and says where it stands.
    pub(super) fn expression(&mut self) -> Result<Span, Wrong> {
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

    pub(super) fn additive(&mut self) -> Result<Span, Wrong> {
        self.expression()
    }

    /// The value of an expression.
    pub(super) fn value(&mut self, (from, to): Span, row: Row<'_>) -> Result<Cell, Wrong> {
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

    pub(super) fn any(&mut self, row: Row<'_>, depth: u32) -> Result<Cell, Wrong> {
        let mut value = self.all(row, depth)?;
        while self.eat("OR") {
            let other = self.all(row, depth)?;
            value = truth(holds(&value) || holds(&other));
        }
        Ok(value)
    }

    pub(super) fn all(&mut self, row: Row<'_>, depth: u32) -> Result<Cell, Wrong> {
        let mut value = self.comparison(row, depth)?;
        while self.eat("AND") {
            let other = self.comparison(row, depth)?;
            value = truth(holds(&value) && holds(&other));
        }
        Ok(value)
    }

    pub(super) fn comparison(&mut self, row: Row<'_>, depth: u32) -> Result<Cell, Wrong> {
        if depth > DEPTH_MAX {
            return Err(self.near());
        }
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

    pub(super) fn sum(&mut self, row: Row<'_>, depth: u32) -> Result<Cell, Wrong> {
        let mut value = self.single(row, depth)?;
        loop {
            let sign = ["+", "-", "*", "/", "%", "||"].into_iter().find(|sign| self.sign(sign));
            let Some(sign) = sign else { return Ok(value) };
            let other = self.single(row, depth)?;
            if sign == "||" {
                value = joined(&[value, other]);
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

    pub(super) fn single(&mut self, row: Row<'_>, depth: u32) -> Result<Cell, Wrong> {
        if depth > DEPTH_MAX {
            return Err(self.near());
        }
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

    pub(super) fn known_function(&self, name: &str) -> Cell {
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

    pub(super) fn function(&mut self, name: &str, row: Row<'_>, depth: u32) -> Result<Cell, Wrong> {
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
            "concat" => joined(&arguments),
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

pub(super) fn sign_of(sign: &str) -> &'static str {
    const ALL: [&str; 18] =
        ["<=", ">=", "<>", "!=", "||", "(", ")", ",", ";", "*", "=", "<", ">", "+", "-", "/", ".", "%"];
    ALL.into_iter().find(|known| *known == sign).unwrap_or(";")
}

pub(super) fn shown(token: &Token) -> String {
    match token {
        Token::Word { text, .. } | Token::Number(text) => text.clone(),
        Token::Text(text) => format!("'{text}'"),
        Token::Variable(name) => format!("@@{name}"),
        Token::Sign(sign) => (*sign).into(),
    }
}

fn truth(value: bool) -> Cell {
    Some(u8::from(value).to_string())
}

fn holds(cell: &Cell) -> bool {
    cell.as_deref().is_some_and(|text| text != "0" && text != "f" && !text.is_empty())
}

/// Cells in a row: NULL where one is, or where they are too long.
fn joined(cells: &[Cell]) -> Cell {
    let parts = cells.iter().map(Option::as_deref).collect::<Option<Vec<&str>>>()?;
    let length: usize = parts.iter().map(|part| part.len()).sum();
    (length <= CELL_MAX).then(|| parts.concat())
}

/// The order of cells: NULL, numbers by what they are worth, texts. It is one order for all, as sorting needs it.
pub(super) fn compare(a: &Cell, b: &Cell) -> Ordering {
    let number = |cell: &Cell| cell.as_deref().and_then(|text| text.trim().parse::<i64>().ok());
    match (number(a), number(b)) {
        (Some(a), Some(b)) => a.cmp(&b),
        (Some(_), None) if b.is_some() => Ordering::Less,
        (None, Some(_)) if a.is_some() => Ordering::Greater,
        _ => a.cmp(b),
    }
}

/// `LIKE`: `%` stands for anything.
pub(super) fn like_fits(pattern: &str, text: &str) -> bool {
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
