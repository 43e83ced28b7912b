//! What a shell puts into a line before it runs it: `$NAME`, `${NAME}` and `$(command)`, as tutorials use them to name pods
//! (`export POD_NAME=$(kubectl get pods -o name)`). Unlike a shell's, an unknown variable stays as it is written: it may be meant for
//! a container.

use std::collections::BTreeMap;

/// A line with its variables and commands replaced, the latter by what `run` says they print; `None` if there was none.
pub fn expand(
    line: &str,
    known: &BTreeMap<String, String>,
    mut run: impl FnMut(&str) -> Option<String>,
) -> Option<String> {
    let (mut text, mut quote, mut changed) = (String::new(), None, false);
    let mut rest = line;
    while let Some(letter) = rest.chars().next() {
        let behind = &rest[letter.len_utf8()..];
        match letter {
            '\\' if quote != Some('\'') => {
                let escaped = behind.chars().next().map_or(0, char::len_utf8);
                text.push_str(&rest[..1 + escaped]);
                rest = &behind[escaped..];
                continue;
            }
            '\'' | '"' if quote.is_none() => quote = Some(letter),
            _ if quote == Some(letter) => quote = None,
            '$' if quote != Some('\'') => {
                let found = name(behind).map(|(name, length)| (known.get(name).cloned(), length));
                let found = found.or_else(|| {
                    let length = command(behind)?;
                    Some((run(&behind[1..length - 1]), length))
                });
                if let Some((Some(value), length)) = found {
                    text.push_str(&quoted(value.trim_end_matches('\n'), quote.is_some()));
                    (changed, rest) = (true, &behind[length..]);
                    continue;
                }
            }
            _ => {}
        }
        text.push(letter);
        rest = behind;
    }
    changed.then_some(text)
}

/// The variable that is named behind a dollar, and how long that is.
fn name(text: &str) -> Option<(&str, usize)> {
    let inner = text.strip_prefix('{');
    let start = inner.unwrap_or(text);
    let end = start.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(start.len());
    match inner {
        _ if end == 0 => None,
        Some(inner) => inner[end..].starts_with('}').then_some((&inner[..end], end + 2)),
        None => Some((&start[..end], end)),
    }
}

/// How long the command in parentheses behind a dollar is, with these.
fn command(text: &str) -> Option<usize> {
    let (mut depth, mut quote) = (0u32, None);
    for (at, letter) in text.char_indices() {
        match letter {
            '\'' | '"' if quote.is_none() => quote = Some(letter),
            _ if quote == Some(letter) => quote = None,
            _ if quote.is_some() => {}
            '(' => depth += 1,
            ')' if depth == 1 => return Some(at + 1),
            ')' => depth -= 1,
            _ if depth == 0 => return None,
            _ => {}
        }
    }
    None
}

/// A value as it stands in a line: within quotes with its signs hidden, outside of them as words.
fn quoted(value: &str, within: bool) -> String {
    let hidden = |c: char| if within { "\"\\$`".contains(c) } else { "\"'\\$`".contains(c) };
    let mut text = String::new();
    for letter in value.chars() {
        match letter {
            '\n' if !within => text.push(' '),
            letter => {
                text.extend(Some('\\').filter(|_| hidden(letter)));
                text.push(letter);
            }
        }
    }
    text
}

/// The names and values that a line sets, if it does nothing else: `A=1`, `export A=1 B=2`.
pub fn set(line: &str) -> Option<Vec<(String, String)>> {
    let words = shlex::split(line)?;
    let words = match words.first()?.as_str() {
        "export" => &words[1..],
        _ => &words[..],
    };
    let named = |name: &str| {
        !name.starts_with(|c: char| c.is_ascii_digit())
            && !name.is_empty()
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
    };
    let pairs = words.iter().map(|word| word.split_once('=').filter(|(name, _)| named(name)));
    let pairs = pairs.map(|pair| pair.map(|(name, value)| (name.to_string(), value.to_string())));
    pairs.collect::<Option<Vec<_>>>().filter(|pairs| !pairs.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_and_commands_are_replaced_where_a_shell_replaces_them() {
        let known = BTreeMap::from([("POD".to_string(), "web-1".to_string())]);
        let run = |command: &str| (command == "cat 'a)b'").then(|| "x: \"1\"\ny\n".to_string());
        for (line, want) in [
            ("logs $POD", Some("logs web-1")),
            ("logs ${POD}x \"$POD\"", Some("logs web-1x \"web-1\"")),
            ("exec a -- sh -c 'echo $POD'", None),
            ("echo \\$POD", None),
            ("echo $OTHER ${OTHER} $(OTHER) $", None),
            ("patch -p \"$(cat 'a)b')\"", Some("patch -p \"x: \\\"1\\\"\ny\"")),
            ("delete $(cat 'a)b')", Some("delete x: \\\"1\\\" y")),
        ] {
            assert_eq!(expand(line, &known, run).as_deref(), want, "{line}");
        }
    }

    #[test]
    fn a_line_of_assignments_sets_variables() {
        let pair = |name: &str, value: &str| (name.to_string(), value.to_string());
        for (line, want) in [
            ("A=1", Some(vec![pair("A", "1")])),
            ("export A='1 2' B=", Some(vec![pair("A", "1 2"), pair("B", "")])),
            ("A=1 kubectl get pods", None),
            ("kubectl get pods", None),
            ("export", None),
        ] {
            assert_eq!(set(line), want, "{line}");
        }
    }
}
