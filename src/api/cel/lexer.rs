//! Words of an expression: names, numbers, texts, signs.

use std::sync::Arc;

use super::value::Value;

/// A word and where it begins, in letters.
#[derive(Clone, Debug)]
pub struct Token {
    pub at: usize,
    pub kind: Kind,
}

/// What a word is.
#[derive(Clone, Debug)]
pub enum Kind {
    Name(String),
    Literal(Value),
    /// 2^63, which is a number only behind a minus.
    Least,
    Sign(&'static str),
    End,
}

/// Longest first.
const SIGNS: [&str; 24] = [
    "==", "!=", "<=", ">=", "&&", "||", "<", ">", "+", "-", "*", "/", "%", "!", "?", ":", ".", ",", "(", ")",
    "[", "]", "{", "}",
];

/// The words of a text.
///
/// # Errors
/// The place of what is no word, and why.
pub fn read(text: &str) -> Result<Vec<Token>, (usize, String)> {
    let letters: Vec<char> = text.chars().collect();
    let mut lexer = Lexer { letters: &letters, at: 0 };
    let mut tokens = Vec::new();
    loop {
        lexer.skip_space();
        let at = lexer.at;
        let kind = lexer.next().map_err(|why| (at, why))?;
        let end = matches!(kind, Kind::End);
        tokens.push(Token { at, kind });
        if end {
            return Ok(tokens);
        }
    }
}

struct Lexer<'t> {
    letters: &'t [char],
    at: usize,
}

impl Lexer<'_> {
    fn peek(&self, ahead: usize) -> char {
        self.letters.get(self.at + ahead).copied().unwrap_or('\0')
    }

    fn skip_space(&mut self) {
        loop {
            if self.peek(0) == '/' && self.peek(1) == '/' {
                while self.at < self.letters.len() && self.peek(0) != '\n' {
                    self.at += 1;
                }
            } else if matches!(self.peek(0), ' ' | '\t' | '\r' | '\n' | '\x0c') {
                self.at += 1;
            } else {
                return;
            }
        }
    }

    fn next(&mut self) -> Result<Kind, String> {
        let first = self.peek(0);
        if self.at >= self.letters.len() {
            return Ok(Kind::End);
        }
        if let Some(kind) = self.text()? {
            return Ok(kind);
        }
        if first.is_ascii_digit() || (first == '.' && self.peek(1).is_ascii_digit()) {
            return self.number();
        }
        if first.is_ascii_alphabetic() || first == '_' {
            let name = self.take_while(|letter| letter.is_ascii_alphanumeric() || letter == '_');
            return Ok(match name.as_str() {
                "true" => Kind::Literal(Value::Bool(true)),
                "false" => Kind::Literal(Value::Bool(false)),
                "null" => Kind::Literal(Value::Null),
                _ => Kind::Name(name),
            });
        }
        let fits = |sign: &&&str| sign.chars().enumerate().all(|(ahead, letter)| self.peek(ahead) == letter);
        let Some(sign) = SIGNS.iter().find(fits) else {
            return Err(format!("Syntax error: token recognition error at: '{first}'"));
        };
        self.at += sign.len();
        Ok(Kind::Sign(sign))
    }

    fn take_while(&mut self, is: fn(char) -> bool) -> String {
        let from = self.at;
        while self.at < self.letters.len() && is(self.peek(0)) {
            self.at += 1;
        }
        self.letters[from..self.at].iter().collect()
    }

    fn number(&mut self) -> Result<Kind, String> {
        if self.peek(0) == '0' && self.peek(1) == 'x' {
            self.at += 2;
            let digits = self.take_while(|letter| letter.is_ascii_hexdigit());
            return self.integer(&digits, 16);
        }
        let mut text = self.take_while(|letter| letter.is_ascii_digit());
        let mut whole = true;
        if self.peek(0) == '.' && self.peek(1).is_ascii_digit() {
            whole = false;
            self.at += 1;
            text = format!("{text}.{}", self.take_while(|letter| letter.is_ascii_digit()));
        }
        let sign = usize::from(matches!(self.peek(1), '+' | '-'));
        if matches!(self.peek(0), 'e' | 'E') && self.peek(1 + sign).is_ascii_digit() {
            whole = false;
            let from = self.at;
            self.at += 1 + sign;
            self.take_while(|letter| letter.is_ascii_digit());
            text.extend(&self.letters[from..self.at]);
        }
        if whole {
            return self.integer(&text, 10);
        }
        text.parse()
            .map(|number| Kind::Literal(Value::Double(number)))
            .map_err(|_| "invalid double literal".into())
    }

    fn integer(&mut self, digits: &str, base: u32) -> Result<Kind, String> {
        if matches!(self.peek(0), 'u' | 'U') {
            self.at += 1;
            let number = u64::from_str_radix(digits, base).map_err(|_| "invalid uint literal".to_string())?;
            return Ok(Kind::Literal(Value::Uint(number)));
        }
        if u64::from_str_radix(digits, base) == Ok(i64::MIN.unsigned_abs()) {
            return Ok(Kind::Least);
        }
        let number = i64::from_str_radix(digits, base).map_err(|_| "invalid int literal".to_string())?;
        Ok(Kind::Literal(Value::Int(number)))
    }

    /// A text or bytes, perhaps raw: `r"\d"`, `b'a'`.
    fn text(&mut self) -> Result<Option<Kind>, String> {
        let (mut raw, mut bytes, mut ahead) = (false, false, 0);
        while ahead < 2 && matches!(self.peek(ahead), 'r' | 'R' | 'b' | 'B') {
            raw |= matches!(self.peek(ahead), 'r' | 'R');
            bytes |= matches!(self.peek(ahead), 'b' | 'B');
            ahead += 1;
        }
        let quote = self.peek(ahead);
        if !matches!(quote, '\'' | '"') {
            return Ok(None);
        }
        let long = self.peek(ahead + 1) == quote && self.peek(ahead + 2) == quote;
        let ends = if long { 3 } else { 1 };
        self.at += ahead + ends;
        let mut text = String::new();
        loop {
            let closed = (0..ends).all(|ahead| self.peek(ahead) == quote);
            if closed {
                self.at += ends;
                break;
            }
            if self.at >= self.letters.len() || (!long && self.peek(0) == '\n') {
                return Err("Syntax error: token recognition error: the text does not end".into());
            }
            let letter = self.peek(0);
            self.at += 1;
            if letter == '\\' && !raw {
                text.push(self.escape()?);
            } else {
                text.push(letter);
            }
        }
        Ok(Some(Kind::Literal(if bytes {
            Value::Bytes(text.into_bytes().into())
        } else {
            Value::String(Arc::from(text))
        })))
    }

    fn escape(&mut self) -> Result<char, String> {
        let letter = self.peek(0);
        self.at += 1;
        let (digits, base) = match letter {
            'n' => return Ok('\n'),
            't' => return Ok('\t'),
            'r' => return Ok('\r'),
            'a' => return Ok('\x07'),
            'b' => return Ok('\x08'),
            'f' => return Ok('\x0c'),
            'v' => return Ok('\x0b'),
            '\\' | '\'' | '"' | '`' | '?' => return Ok(letter),
            'x' | 'X' => (2, 16),
            'u' => (4, 16),
            'U' => (8, 16),
            '0'..='3' => {
                self.at -= 1;
                (3, 8)
            }
            _ => return Err("unable to unescape string".into()),
        };
        let text: String = (0..digits).map(|ahead| self.peek(ahead)).collect();
        self.at += digits;
        let code = u32::from_str_radix(&text, base).ok().and_then(char::from_u32);
        code.ok_or_else(|| "unable to unescape string".into())
    }
}
