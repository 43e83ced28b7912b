//! Several commands in one text, as a shell script: comments, line continuations, here-documents, lists (`a; b && c || d`), and `sleep`
//! for the passage of simulated time.

use std::collections::BTreeMap;

use super::variables::expand;
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

/// On what a command depends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// On nothing.
    Always,
    /// On the success of what ran before it (`&&`).
    Succeeded,
    /// On its failure (`||`).
    Failed,
}

impl When {
    /// Whether the command is run after one that ended with that status.
    pub fn holds_after(self, code: i32) -> bool {
        match self {
            When::Always => true,
            When::Succeeded => code == 0,
            When::Failed => code != 0,
        }
    }
}

/// A command and the line of the script at which it stands, from 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScriptLine {
    /// The line number.
    pub number: usize,
    /// On what it depends.
    pub when: When,
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
        if is_open(&line) {
            // A quotation that is never closed is left to whoever reads the line.
            let mut whole = line.clone();
            let mut ahead = lines.clone();
            while is_open(&whole)
                && let Some((_, next)) = ahead.next()
            {
                whole.push('\n');
                whole.push_str(next);
            }
            if !is_open(&whole) {
                (line, lines) = (whole, ahead);
            }
        }
        if line.starts_with("for ") && !ends(&line) {
            // A loop over several lines, on one.
            let mut ahead = lines.clone();
            let body: Vec<&str> =
                ahead.by_ref().map(|(_, next)| next.trim()).take_while(|next| *next != "done").collect();
            if lines.clone().count() > body.len() {
                let sign = if line.ends_with(" do") { "" } else { ";" };
                line = format!("{line}{sign} {}; done", body.join("; ")).replacen("; do; ", "; do ", 1);
                lines = ahead;
            }
        }
        let turns = turns(&line);
        for (when, part) in turns.iter().flat_map(|turn| list(turn)) {
            let (part, stdin) = match here_document(part) {
                Some((command, end, verbatim)) => {
                    let body = document(&mut lines, &end).ok_or_else(|| open(number, &end))?;
                    (command, Some(if verbatim { body } else { unescape(&body) }))
                }
                None => (part.to_string(), None),
            };
            let command = command(part, stdin).map_err(|why| (number, why))?;
            commands.push(ScriptLine { number, when, command });
        }
    }
    Ok(commands)
}

/// Whether a line ends within quotes, and so goes on in the next.
fn is_open(line: &str) -> bool {
    let (mut quote, mut escaped) = (None, false);
    for letter in line.chars() {
        match letter {
            _ if escaped => escaped = false,
            '\\' if quote != Some('\'') => escaped = true,
            '\'' | '"' if quote.is_none() => quote = Some(letter),
            _ if quote == Some(letter) => quote = None,
            _ => {}
        }
    }
    quote.is_some()
}

fn ends(line: &str) -> bool {
    line.trim_end().ends_with("done")
}

/// A loop over known words with commands of the console in it, as its body for each word; any other line as it is.
fn turns(line: &str) -> Vec<String> {
    turns_of_loop(line).unwrap_or_else(|| vec![line.to_string()])
}

fn turns_of_loop(line: &str) -> Option<Vec<String>> {
    let (name, words, body) = loop_of(line)?;
    let ours = |part: &(When, &str)| {
        part.1.split_whitespace().next().is_some_and(|word| ["kubectl", "k"].contains(&word))
    };
    // Loops within loops share how many turns they may take.
    let is_nested = body.contains("for ") && body.contains("done");
    if is_nested || !list(body).iter().any(ours) {
        return None;
    }
    let words = loop_words(words)?;
    let turn = |word: &String| {
        let known = BTreeMap::from([(name.to_string(), word.clone())]);
        expand(body, &known, |_| None).unwrap_or_else(|| body.to_string())
    };
    Some(words.iter().map(turn).collect())
}

/// The variable, the words and the body of `for NAME in WORDS; do BODY; done`.
pub(super) fn loop_of(line: &str) -> Option<(&str, &str, &str)> {
    let (name, rest) = line.strip_prefix("for ")?.trim().split_once(" in ")?;
    let (words, rest) = rest.split_once("; do ").or_else(|| rest.split_once(";do "))?;
    let body = rest.trim_end().strip_suffix("done")?.trim().trim_end_matches(';');
    Some((name.trim(), words.trim(), body))
}

/// The words that a loop goes over: `a b`, `{1..3}`, `$(seq 3)`; none if they are not known yet.
pub(super) fn loop_words(words: &str) -> Option<Vec<String>> {
    const TURNS_MAX: i64 = 1_000;
    let counted = |(first, last): (&str, &str)| -> Option<Vec<String>> {
        let (first, last) = (first.trim().parse::<i64>().ok()?, last.trim().parse::<i64>().ok()?);
        (last.saturating_sub(first) < TURNS_MAX)
            .then(|| (first..=last).map(|number| number.to_string()).collect())
    };
    let range = words.strip_prefix('{').and_then(|rest| rest.strip_suffix('}'));
    let seq = words.strip_prefix("$(seq ").and_then(|rest| rest.strip_suffix(')'));
    match (range, seq) {
        (Some(range), _) => counted(range.split_once("..")?),
        (_, Some(seq)) => counted(seq.trim().split_once(' ').unwrap_or(("1", seq))),
        _ => shlex::split(words).filter(|words| !words.iter().any(|word| word.contains('$'))),
    }
}

/// The lines up to the one that ends a here-document.
fn document<'t>(lines: &mut impl Iterator<Item = (usize, &'t str)>, end: &str) -> Option<String> {
    let mut body = String::new();
    loop {
        let (_, text) = lines.next()?;
        if text.trim_end() == end {
            return Some(body);
        }
        body.push_str(text);
        body.push('\n');
    }
}

fn open(number: usize, end: &str) -> (usize, String) {
    (number, format!("here-document delimited by end of file (wanted `{end}')"))
}

fn command(line: String, stdin: Option<String>) -> Result<Command, String> {
    let Some(time) = line.strip_prefix("sleep ").map(str::trim) else {
        return Ok(Command::Kubectl { line, stdin });
    };
    let span = SimDuration::parse(time).or_else(|| SimDuration::parse(&format!("{time}s")));
    span.map(Command::Sleep).ok_or_else(|| format!("sleep: invalid time interval '{time}'"))
}

/// A line cut at `;`, `&&` and `||` outside of quotes. What only a shell runs, such as a loop, stays whole; and so does a list without
/// any command of the console: it may be for a shell in a container, which keeps its variables and its directory for one line.
fn list(line: &str) -> Vec<(When, &str)> {
    const OURS: [&str; 5] = ["kubectl", "k", "sleep", "load", "fault"];
    const COMPOUND: [&str; 8] = ["for", "while", "until", "if", "case", "{", "(", "function"];
    let loops = line.contains("| while read ") && ends(line);
    if loops || line.split_whitespace().next().is_some_and(|word| COMPOUND.contains(&word)) {
        return vec![(When::Always, line)];
    }
    let parts = parts(line);
    let is_ours =
        |(_, part): &(When, &str)| part.split_whitespace().next().is_some_and(|word| OURS.contains(&word));
    if parts.iter().any(is_ours) { parts } else { vec![(When::Always, line)] }
}

/// The commands of a list, whatever they are, and when each is run.
pub(super) fn parts(line: &str) -> Vec<(When, &str)> {
    let (mut parts, mut start, mut when) = (Vec::new(), 0, When::Always);
    let (mut quote, mut escaped, mut skip) = (None, false, false);
    for (at, letter) in line.char_indices() {
        let next = match line[at..].get(..2) {
            _ if std::mem::take(&mut skip) => continue,
            Some("&&") => Some((When::Succeeded, 2)),
            Some("||") => Some((When::Failed, 2)),
            _ if letter == ';' => Some((When::Always, 1)),
            _ => None,
        };
        match (letter, next) {
            _ if escaped => escaped = false,
            ('\\', _) if quote != Some('\'') => escaped = true,
            ('\'' | '"', _) if quote.is_none() => quote = Some(letter),
            _ if quote == Some(letter) => quote = None,
            (_, Some((then, length))) if quote.is_none() => {
                parts.push((when, line[start..at].trim()));
                (when, start, skip) = (then, at + length, length == 2);
            }
            _ => {}
        }
    }
    parts.push((when, line[start..].trim()));
    parts.retain(|(_, part)| !part.is_empty());
    parts
}

/// The command around `<<EOF`, the word that ends the document, and whether that is quoted, so that the document is taken as it is.
/// `cat` only hands the document on.
fn here_document(line: &str) -> Option<(String, String, bool)> {
    let (before, rest) = line.split_once("<<").filter(|(before, _)| !is_open(before))?;
    let rest = rest.trim_start_matches('-').trim_start();
    let length = rest.find(|c: char| c.is_whitespace() || "|>&;".contains(c)).unwrap_or(rest.len());
    let (word, behind) = (&rest[..length], rest[length..].trim());
    let end = word.trim_matches(['\'', '"']);
    let command = match (before.trim(), behind.strip_prefix('|')) {
        ("cat", Some(next)) => next.trim().to_string(),
        (before, _) => format!("{before} {behind}").trim().to_string(),
    };
    (!end.is_empty()).then(|| (command, end.to_string(), end != word))
}

/// A here-document as a shell reads it: a backslash hides what would be a variable, and joins lines.
fn unescape(body: &str) -> String {
    let mut text = String::new();
    let mut letters = body.chars().peekable();
    while let Some(letter) = letters.next() {
        let hidden = letters.next_if(|next| letter == '\\' && ['$', '`', '\\', '\n'].contains(next));
        text.extend(hidden.or(Some(letter)).filter(|_| hidden != Some('\n')));
    }
    text
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
    fn a_line_is_cut_where_a_shell_would_cut_it() {
        let when = |text: &str| -> Vec<(When, String)> {
            list(text).into_iter().map(|(when, part)| (when, part.to_string())).collect()
        };
        let parts = |all: &[(When, &str)]| -> Vec<(When, String)> {
            all.iter().map(|(when, part)| (*when, (*part).to_string())).collect()
        };
        use When::{Always, Failed, Succeeded};
        for (line, want) in [
            ("k a; b;", parts(&[(Always, "k a"), (Always, "b")])),
            ("a && k b || c", parts(&[(Always, "a"), (Succeeded, "k b"), (Failed, "c")])),
            ("k a | grep 'x;y' && b", parts(&[(Always, "k a | grep 'x;y'"), (Succeeded, "b")])),
            ("k x -- sh -c \"a; b && c\"", parts(&[(Always, "k x -- sh -c \"a; b && c\"")])),
            ("k a \\; b", parts(&[(Always, "k a \\; b")])),
            ("x=1; echo $x && pwd", parts(&[(Always, "x=1; echo $x && pwd")])),
            ("port-forward svc/web 80 &", parts(&[(Always, "port-forward svc/web 80 &")])),
            ("k a | while read x; do k $x; done", parts(&[(Always, "k a | while read x; do k $x; done")])),
            ("for i in 1 2; do x; k y; done", parts(&[(Always, "for i in 1 2; do x; k y; done")])),
            ("k 그 && 것", parts(&[(Always, "k 그"), (Succeeded, "것")])),
        ] {
            assert_eq!(when(line), want, "{line}");
        }
        let found = parse("sleep 5; kubectl apply -f - <<EOF && kubectl get pods\na: 1\nEOF").unwrap();
        let piped = Some("a: 1\n".to_string());
        assert!(matches!(&found[1].command, Command::Kubectl { stdin, .. } if *stdin == piped), "{found:?}");
        assert!(matches!(&found[2].command, Command::Kubectl { stdin: None, .. }), "{found:?}");
        let piped_on = |line: &str| {
            parse(&format!("{line}\na: \\$x\nEOF")).map(|lines| lines[0].command.clone()).unwrap()
        };
        let kubectl =
            |line: &str, stdin: &str| Command::Kubectl { line: line.into(), stdin: Some(stdin.into()) };
        for (line, want, stdin) in [
            ("cat <<EOF | kubectl apply -f -", "kubectl apply -f -", "a: $x\n"),
            ("cat << 'EOF' |kubectl apply -f -", "kubectl apply -f -", "a: \\$x\n"),
            ("cat <<EOF >./a.yaml", "cat >./a.yaml", "a: $x\n"),
            ("cat > a.yaml <<EOF", "cat > a.yaml", "a: $x\n"),
        ] {
            assert_eq!(piped_on(line), kubectl(want, stdin), "{line}");
        }
        assert!(
            When::Failed.holds_after(1) && !When::Succeeded.holds_after(1) && When::Always.holds_after(1)
        );
    }

    #[test]
    fn a_loop_runs_its_commands_for_each_word() {
        let lines = |text: &str| -> Vec<String> {
            let line = |found: &ScriptLine| match &found.command {
                Command::Kubectl { line, .. } => line.clone(),
                Command::Sleep(span) => span.human(),
            };
            parse(text).unwrap().iter().map(line).collect()
        };
        for (text, want) in [
            (
                "for i in 0 1; do kubectl exec web-$i -- sh -c 'echo $i'; done",
                vec!["kubectl exec web-0 -- sh -c 'echo $i'", "kubectl exec web-1 -- sh -c 'echo $i'"],
            ),
            ("for i in {1..2}; do k get x${i}; sleep 1; done", vec!["k get x1", "1s", "k get x2", "1s"]),
            (
                "for p in a b\ndo\n  kubectl get pod \"$p\"\ndone\nk end",
                vec!["kubectl get pod \"a\"", "kubectl get pod \"b\"", "k end"],
            ),
            ("for i in $(seq 2); do kubectl get $i; done", vec!["kubectl get 1", "kubectl get 2"]),
            ("for i in 1 2; do echo $i; done", vec!["for i in 1 2; do echo $i; done"]),
        ] {
            assert_eq!(lines(text), want, "{text}");
        }
    }

    #[test]
    fn a_quotation_goes_on_to_its_end() {
        let lines = |text: &str| -> Vec<String> {
            let line = |found: &ScriptLine| match &found.command {
                Command::Kubectl { line, .. } => line.clone(),
                Command::Sleep(_) => "sleep".into(),
            };
            parse(text).unwrap().iter().map(line).collect()
        };
        assert_eq!(
            lines("k patch x -p 'a:\n  b: \"c\"\n'\nk get x"),
            ["k patch x -p 'a:\n  b: \"c\"\n'", "k get x"]
        );
        assert_eq!(lines("echo don't\nk get x"), ["echo don't", "k get x"]);
        assert_eq!(lines("k a -p \"{\\\"x\\\"}\"\nk b").len(), 2);
    }

    #[test]
    fn an_endless_here_document_is_refused_at_its_line() {
        assert_eq!(parse("\nkubectl apply -f - <<EOF\nx").unwrap_err().0, 2);
    }
}
