//! The words and signs of SQL.

/// A part of a statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Token {
    /// A name or keyword; `quoted`: it cannot be a keyword.
    Word { text: String, quoted: bool },
    /// A text in quotes.
    Text(String),
    /// A number as written.
    Number(String),
    /// `@@name`.
    Variable(String),
    /// A sign or two.
    Sign(&'static str),
}

const SIGNS: [&str; 18] =
    ["<=", ">=", "<>", "!=", "||", "(", ")", ",", ";", "*", "=", "<", ">", "+", "-", "/", ".", "%"];

/// Takes a text of statements apart. A letter that has no meaning ends it: where it stands is the error.
///
/// # Errors
/// What is left from there on.
pub fn tokens(text: &str, backtick: bool) -> Result<Vec<Token>, &str> {
    let mut found = Vec::new();
    let mut rest = text.trim_start();
    while let Some(next) = rest.chars().next() {
        if rest.starts_with("--") || next == '#' {
            rest = rest.split_once('\n').map_or("", |(_, rest)| rest).trim_start();
            continue;
        }
        let (token, length) = match next {
            '\'' => quoted(rest, '\'').map(|(text, length)| (Token::Text(text), length)).ok_or(rest)?,
            // MySQL takes double quotes for texts, PostgreSQL for names.
            '"' if backtick => {
                quoted(rest, '"').map(|(text, length)| (Token::Text(text), length)).ok_or(rest)?
            }
            '"' | '`' => {
                let (text, length) = quoted(rest, next).ok_or(rest)?;
                (Token::Word { text, quoted: true }, length)
            }
            '@' => {
                let name = rest.trim_start_matches('@');
                let end =
                    name.find(|c: char| !c.is_alphanumeric() && !"_.".contains(c)).unwrap_or(name.len());
                (Token::Variable(name[..end].to_ascii_lowercase()), rest.len() - name.len() + end)
            }
            '0'..='9' => {
                let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
                (Token::Number(rest[..end].to_string()), end)
            }
            letter if letter.is_alphabetic() || letter == '_' => {
                let end =
                    rest.find(|c: char| !c.is_alphanumeric() && !"_$".contains(c)).unwrap_or(rest.len());
                (Token::Word { text: rest[..end].to_string(), quoted: false }, end)
            }
            _ if rest.starts_with("\\G") || rest.starts_with("\\g") => (Token::Sign(";"), 2),
            _ => {
                let sign = SIGNS.into_iter().find(|sign| rest.starts_with(sign)).ok_or(rest)?;
                (Token::Sign(sign), sign.len())
            }
        };
        found.push(token);
        rest = rest[length..].trim_start();
    }
    Ok(found)
}

/// A text in quotes, with its escapes replaced, and how long it is as written.
fn quoted(text: &str, quote: char) -> Option<(String, usize)> {
    let mut inside = String::new();
    let mut letters = text.char_indices().skip(1).peekable();
    while let Some((at, letter)) = letters.next() {
        match letter {
            '\\' if quote != '`' => match letters.next()?.1 {
                'n' => inside.push('\n'),
                't' => inside.push('\t'),
                other => inside.push(other),
            },
            letter if letter == quote => {
                if letters.peek().is_some_and(|(_, next)| *next == quote) {
                    letters.next();
                    inside.push(quote);
                } else {
                    return Some((inside, at + quote.len_utf8()));
                }
            }
            letter => inside.push(letter),
        }
    }
    None
}
