//! Several commands in one text, as a shell script: comments, line continuations, here-documents, and `sleep` for the passage of
//! simulated time.

use crate::clock::SimDuration;

/// One command of a script.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// A kubectl line, with what its here-document pipes in.
    Kubectl {
        /// The line.
        line: String,
        /// The here-document.
        stdin: Option<String>,
    },
    /// Let so much time pass.
    Sleep(SimDuration),
}

/// A command and the line of the script at which it stands, from 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScriptLine {
    /// The line number.
    pub number: usize,
    /// The command.
    pub command: Command,
}

/// Splits a script into commands.
///
/// # Errors
/// The line number and what cannot be read there.
pub fn parse(text: &str) -> Result<Vec<ScriptLine>, (usize, String)> {
    let mut commands = Vec::new();
    let mut lines = text.lines().enumerate();
    while let Some((index, line)) = lines.next() {
        let number = index + 1;
        let mut line = line.trim().trim_start_matches("$ ").to_string();
        while let Some(head) = line.strip_suffix('\\') {
            let next = lines.next().map(|(_, next)| next.trim()).unwrap_or_default();
            line = format!("{}{next}", head);
        }
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let (line, stdin) = match here_document(&line) {
            Some((command, end)) => {
                let mut body = String::new();
                loop {
                    let (_, text) = lines.next().ok_or((
                        number,
                        format!("here-document delimited by end of file (wanted `{end}')"),
                    ))?;
                    if text.trim_end() == end {
                        break;
                    }
                    body.push_str(text);
                    body.push('\n');
                }
                (command, Some(body))
            }
            None => (line, None),
        };
        let command = match line.strip_prefix("sleep ") {
            Some(time) => {
                let time = time.trim();
                let span = SimDuration::parse(time).or_else(|| SimDuration::parse(&format!("{time}s")));
                Command::Sleep(span.ok_or((number, format!("sleep: invalid time interval '{time}'")))?)
            }
            None => Command::Kubectl { line, stdin },
        };
        commands.push(ScriptLine { number, command });
    }
    Ok(commands)
}

/// The command before `<<EOF` and the word that ends the document.
fn here_document(line: &str) -> Option<(String, String)> {
    let (command, rest) = line.split_once("<<")?;
    let rest = rest.trim_start_matches('-').trim();
    let (word, tail) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
    let end = word.trim_matches(|c| c == '\'' || c == '"').to_string();
    let command = command.strip_prefix("cat").map_or(command, |_| tail.trim().trim_start_matches('|'));
    (!end.is_empty()).then(|| {
        (
            format!("{} {}", command.trim(), if command.contains(tail.trim()) { "" } else { tail })
                .trim()
                .to_string(),
            end,
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scripts_split_into_commands() {
        let script =
            "# a comment\nkubectl apply -f - <<EOF\nkind: Pod\nEOF\nsleep 30s\nkubectl get \\\n  pods\n";
        let kubectl = |line: &str, stdin: Option<&str>| Command::Kubectl {
            line: line.into(),
            stdin: stdin.map(str::to_string),
        };
        let got: Vec<(usize, Command)> =
            parse(script).unwrap().into_iter().map(|line| (line.number, line.command)).collect();
        let want = vec![
            (2, kubectl("kubectl apply -f -", Some("kind: Pod\n"))),
            (5, Command::Sleep(SimDuration::from_secs(30))),
            (6, kubectl("kubectl get pods", None)),
        ];
        assert_eq!(got, want);
    }

    #[test]
    fn an_endless_here_document_is_refused_at_its_line() {
        assert_eq!(parse("\nkubectl apply -f - <<EOF\nx").unwrap_err().0, 2);
    }
}
