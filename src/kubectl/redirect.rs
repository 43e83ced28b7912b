//! Where a command's output goes (`kubectl get … -o yaml > web.yaml`, `2>/dev/null`), as a shell reads it off the line. The files
//! lie beside the console, like those that `kubectl cp` brings.

use super::{Context, Output};

/// One redirection: which streams, and into what.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Redirection {
    out: bool,
    err: bool,
    append: bool,
    /// The file, without `./`; `None` for the other stream (`2>&1`).
    file: Option<String>,
}

/// The redirections of a line, in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Redirections(Vec<Redirection>);

/// A line without its redirections, and those; `None` for a line that has none.
pub fn cut(line: &str) -> Option<(String, Redirections)> {
    let (mut rest, mut found) = (String::new(), Vec::new());
    let (mut quote, mut escaped) = (None, false);
    let mut letters = line.char_indices().peekable();
    while let Some((at, letter)) = letters.next() {
        match letter {
            _ if escaped => escaped = false,
            '\\' if quote != Some('\'') => escaped = true,
            '\'' | '"' if quote.is_none() => quote = Some(letter),
            _ if quote == Some(letter) => quote = None,
            '>' if quote.is_none() => {
                let (redirection, length) = read(&line[at + 1..], &mut rest)?;
                found.push(redirection);
                while letters.next_if(|(next, _)| *next < at + 1 + length).is_some() {}
                continue;
            }
            _ => {}
        }
        rest.push(letter);
    }
    (!found.is_empty()).then(|| (rest.trim().to_string(), Redirections(found)))
}

/// Reads what stands behind `>`; a stream's number before it is taken off the line. Returns how long it is, too.
fn read(behind: &str, before: &mut String) -> Option<(Redirection, usize)> {
    let word_begins = |text: &str| text.is_empty() || text.ends_with(char::is_whitespace);
    let stream =
        ['1', '2', '&'].into_iter().find(|stream| before.strip_suffix(*stream).is_some_and(word_begins));
    if stream.is_some() {
        before.pop();
    }
    let append = behind.starts_with('>');
    let target = behind.trim_start_matches('>').trim_start();
    let word = target.split(char::is_whitespace).next().filter(|word| !word.is_empty())?;
    let length = behind.len() - target.len() + word.len();
    let name = word.trim_matches(['\'', '"']);
    let file = (!name.starts_with('&')).then(|| name.trim_start_matches("./").to_string());
    let (out, err) = (stream != Some('2'), matches!(stream, Some('2' | '&')));
    Some((Redirection { out, err, append, file }, length))
}

impl Redirections {
    /// Puts what a command has printed where it belongs.
    pub fn apply(&self, output: &mut Output, context: &mut Context) {
        for redirection in &self.0 {
            let Some(file) = &redirection.file else {
                let (from, into) = match redirection.err {
                    true => (&mut output.stderr, &mut output.stdout),
                    false => (&mut output.stdout, &mut output.stderr),
                };
                into.push_str(&std::mem::take(from));
                continue;
            };
            let mut text = String::new();
            for (wanted, stream) in
                [(redirection.out, &mut output.stdout), (redirection.err, &mut output.stderr)]
            {
                if wanted {
                    text.push_str(&std::mem::take(stream));
                }
            }
            if file == "/dev/null" {
                continue;
            }
            let known = context.files.entry(file.clone()).or_default();
            if !redirection.append {
                known.clear();
            }
            known.push_str(&text);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn redirections_are_taken_off_a_line() {
        for (line, want) in [
            ("kubectl get pods", None),
            ("kubectl exec a -- sh -c 'echo x > /f'", None),
            ("kubectl get pods -o yaml > pods.yaml", Some("kubectl get pods -o yaml")),
            ("cat >./a.txt", Some("cat")),
            ("echo one >> a.txt 2>/dev/null", Some("echo one")),
            ("kubectl get p2 2>&1 | grep x", Some("kubectl get p2  | grep x")),
        ] {
            assert_eq!(cut(line).map(|(rest, _)| rest).as_deref(), want, "{line}");
        }
    }

    #[test]
    fn what_is_printed_goes_where_it_is_sent() {
        // line -> what stays on the two streams, what lies in a.txt
        for (line, out, err, file) in [
            ("x > a.txt", "", "err", "out"),
            ("x >> ./a.txt", "", "err", "old out"),
            ("x 2> a.txt", "out", "", "err"),
            ("x &> 'a.txt'", "", "", "outerr"),
            ("x 2>&1", "outerr", "", "old "),
            ("x > /dev/null", "", "err", "old "),
        ] {
            let mut context = Context::default();
            context.files.insert("a.txt".into(), "old ".into());
            let mut output = Output { stdout: "out".into(), stderr: "err".into(), ..Output::default() };
            cut(line).expect(line).1.apply(&mut output, &mut context);
            assert_eq!((output.stdout.as_str(), output.stderr.as_str()), (out, err), "{line}");
            assert_eq!(context.files["a.txt"], file, "{line}");
        }
    }
}
