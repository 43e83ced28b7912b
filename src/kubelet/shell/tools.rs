//! Commands that run others or reckon: `xargs`, `timeout`, `command`, `expr`, `let`, and as much of `awk` as prints fields.

use super::commands::{self, Outcome};
use super::text::Words;
use super::{IMAGE, Process, World, arithmetic, conditions, parse};
use crate::api::regexp::Regexp;
use crate::clock::SimDuration;
use crate::kubelet::workload;

impl Process {
    /// Runs the words of a text as a command.
    fn evaluate(words: &[&str]) -> Outcome {
        match parse::compile(&words.join(" ")) {
            Some(program) => Outcome::Call(program, Vec::new()),
            None => Outcome::Serves,
        }
    }

    /// Runs one of these commands; `None` for any other.
    pub(super) fn tool(&mut self, name: &str, words: &[&str], world: World<'_>) -> Option<Outcome> {
        Some(match name {
            "eval" => Process::evaluate(words),
            "command" | "type" | "which" => match words {
                ["-v" | "-V", names @ ..] => self.locate(names),
                names if name != "command" => self.locate(names),
                _ => return None,
            },
            "let" => {
                let found = words.iter().map(|sum| self.reckon(sum)).collect::<Vec<_>>();
                Outcome::Status(i32::from(
                    found.last().is_none_or(|value| value.is_none_or(|value| value == 0)),
                ))
            }
            "expr" => self.expr(words),
            "awk" => self.awk(words),
            "xargs" => self.xargs(words),
            "timeout" => self.timeout(words, world),
            "dd" => {
                if let Some(path) = words.iter().find_map(|word| word.strip_prefix("of=")) {
                    let _ = self.files.touch(path);
                }
                Outcome::Status(0)
            }
            _ => return None,
        })
    }

    /// Where programs lie.
    fn locate(&mut self, names: &[&str]) -> Outcome {
        let mut code = 0;
        for name in names {
            let image = self.variables.get(IMAGE).map_or("", String::as_str);
            let builtin = matches!(
                *name,
                "cd" | "echo" | "exit" | "export" | "read" | "set" | "test" | "trap" | "wait"
            );
            if builtin || self.functions.contains_key(*name) {
                self.out.push_str(&format!("{name}\n"));
            } else if (*name == "sh" || commands::is_known(name)) && !super::is_missing(image, name) {
                self.out.push_str(&format!("/bin/{name}\n"));
            } else {
                code = 127;
            }
        }
        Outcome::Status(code)
    }

    /// The value of a sum, which may set variables: `i++`, `n += 2`, `a = b * 2`.
    pub(super) fn reckon(&mut self, text: &str) -> Option<i64> {
        let text = text.trim();
        let named = |name: &str| {
            let name = name.trim();
            let letters = |c: char| c.is_ascii_alphanumeric() || c == '_';
            let is = !name.is_empty()
                && name.chars().all(letters)
                && !name.starts_with(|c: char| c.is_ascii_digit());
            is.then(|| name.to_string())
        };
        self.draw_random(text);
        let steps = [("++", 1), ("--", -1)];
        for (sign, step) in steps {
            let after = text.strip_suffix(sign).and_then(named);
            let Some(name) = after.clone().or_else(|| text.strip_prefix(sign).and_then(named)) else {
                continue;
            };
            let old = arithmetic::value(&name, &self.variables)?;
            let new = old.saturating_add(step);
            self.variables.insert(name, new.to_string());
            return Some(if after.is_some() { old } else { new });
        }
        let (before, sum) =
            text.split_once('=').filter(|(_, sum)| !sum.starts_with('=')).unwrap_or(("", text));
        let name = named(before.trim_end_matches(['+', '-', '*', '/', '%']));
        let Some(name) = name else { return arithmetic::value(text, &self.variables) };
        let operator = before.trim().strip_prefix(name.as_str()).unwrap_or_default().trim();
        let sum = if operator.is_empty() { sum.to_string() } else { format!("{name} {operator} ({sum})") };
        let value = arithmetic::value(&sum, &self.variables)?;
        self.variables.insert(name, value.to_string());
        Some(value)
    }

    /// Gives `RANDOM` another value where it is asked for: the same for the same container at the same place.
    pub(super) fn draw_random(&mut self, text: &str) {
        if text.contains("RANDOM") {
            self.nonce += 1;
            let host = self.variables.get("HOSTNAME").map_or("", String::as_str);
            let drawn =
                crate::api::hash::fnv1a_64(format!("{host}/{}", self.nonce).as_bytes()) >> 16 & 0x7fff;
            self.variables.insert("RANDOM".into(), drawn.to_string());
        }
    }

    /// `expr 3 + 4`: every word is a sign or a value.
    fn expr(&mut self, words: &[&str]) -> Outcome {
        let text = match words {
            ["length", text] => Some(text.chars().count().to_string()),
            [a, "=", b] => Some(i32::from(a == b).to_string()),
            [a, "!=", b] => Some(i32::from(a != b).to_string()),
            [text, ":", pattern] => Regexp::basic(&format!("^{pattern}")).ok().map(|pattern| {
                let found = pattern.find(text).and_then(|places| places[0]);
                found.map_or(0, |(from, to)| text[from..to].chars().count()).to_string()
            }),
            _ => arithmetic::value(&words.join(" "), &Default::default()).map(|value| value.to_string()),
        };
        let Some(text) = text else {
            self.err.push_str("expr: syntax error\n");
            return Outcome::Status(2);
        };
        self.out.push_str(&format!("{text}\n"));
        Outcome::Status(i32::from(text == "0" || text.is_empty()))
    }

    /// `timeout 5 command`: a command that takes longer is ended.
    fn timeout(&mut self, words: &[&str], world: World<'_>) -> Outcome {
        let words: Vec<&&str> = words.iter().skip_while(|word| word.starts_with('-')).collect();
        let Some((limit, command)) = words.split_first() else { return Outcome::Status(1) };
        let Some(limit) = workload::seconds(limit).or_else(|| SimDuration::parse(limit)) else {
            return Outcome::Status(1);
        };
        let small = self
            .variables
            .get(IMAGE)
            .is_some_and(|image| image.contains("busybox") || image.contains("alpine"));
        let cut = if small { 128 + 15 } else { 124 };
        let command: Vec<Option<String>> = command.iter().map(|word| Some((**word).to_string())).collect();
        match self.run(&command, world) {
            Outcome::Sleep(span) if span > limit => Outcome::Took(cut, limit),
            Outcome::Took(_, span) if span > limit => Outcome::Took(cut, limit),
            Outcome::Idle | Outcome::Serves => Outcome::Took(cut, limit),
            other => other,
        }
    }

    /// `xargs command`: once with all that there is to read, or once for each word (`-n1`) or line (`-I{}`).
    fn xargs(&mut self, words: &[&str]) -> Outcome {
        let text = self.input.last_mut().map(std::mem::take).unwrap_or_default();
        let (mut each, mut mark, mut rest) = (usize::MAX, None, words);
        while let Some((flag, after)) = rest.split_first().filter(|(flag, _)| flag.starts_with('-')) {
            rest = after;
            let letter = flag.chars().nth(1).unwrap_or('-');
            if !"nILP".contains(letter) {
                continue;
            }
            let value = if flag.len() > 2 { &flag[2..] } else { rest.first().copied().unwrap_or_default() };
            rest = if flag.len() > 2 { rest } else { rest.get(1..).unwrap_or_default() };
            match letter {
                'I' => mark = Some(value),
                'n' => each = value.parse().unwrap_or(usize::MAX).max(1),
                _ => {}
            }
        }
        let rest = if rest.is_empty() { &["echo"][..] } else { rest };
        let lines: Vec<Vec<String>> = match mark {
            Some(mark) => {
                text.lines().map(|line| rest.iter().map(|word| word.replace(mark, line)).collect()).collect()
            }
            None => {
                let items: Vec<&str> = text.split_whitespace().collect();
                let owned =
                    |words: &[&str]| rest.iter().chain(words).map(|word| (*word).to_string()).collect();
                items.chunks(each.min(items.len().max(1))).map(owned).collect()
            }
        };
        // Each is a line of a script: what takes time takes it.
        let script: Vec<String> = lines
            .iter()
            .map(|words| words.iter().map(|word| conditions::shown(word)).collect::<Vec<_>>().join(" "))
            .collect();
        match parse::compile(&script.join("\n")) {
            Some(program) => Outcome::Call(program, Vec::new()),
            None => Outcome::Status(0),
        }
    }

    /// `awk -F: '/pattern/ {print $1, $NF}'`. Any other program prints nothing.
    fn awk(&mut self, words: &[&str]) -> Outcome {
        let mut words = Words::read(words, "Fv");
        let separator = words.value('F').map(str::to_string);
        let program = if words.rest.is_empty() { "" } else { words.rest.remove(0) };
        let (text, code) = self.take_input(&words.rest, "awk");
        let (condition, body) = program.split_once('{').unwrap_or((program, "print}"));
        let body = body.trim_end().trim_end_matches('}').trim();
        let Some(wanted) = body.strip_prefix("print") else { return Outcome::Status(code) };
        for (at, line) in text.lines().enumerate() {
            let fields: Vec<&str> = match &separator {
                Some(separator) => line.split(separator.as_str()).collect(),
                None => line.split_whitespace().collect(),
            };
            let row = Row { line, fields, number: at + 1 };
            if row.fits(condition.trim()) {
                let printed = row.print(wanted.trim());
                self.out.push_str(&format!("{printed}\n"));
            }
        }
        Outcome::Status(code)
    }
}

/// A line as `awk` sees it.
struct Row<'a> {
    line: &'a str,
    fields: Vec<&'a str>,
    number: usize,
}

impl Row<'_> {
    /// A field, a text in quotes, or a number.
    fn value(&self, term: &str) -> String {
        let term = term.trim();
        let field = |place: usize| match place {
            0 => self.line.to_string(),
            place => self.fields.get(place - 1).map_or(String::new(), |field| (*field).to_string()),
        };
        match term {
            "NR" => self.number.to_string(),
            "NF" => self.fields.len().to_string(),
            "$NF" => field(self.fields.len()),
            _ => match (term.strip_prefix('$').map(str::parse), term.strip_prefix('"')) {
                (Some(Ok(place)), _) => field(place),
                (_, Some(text)) => super::format::unescape(text.trim_end_matches('"')),
                _ => term.to_string(),
            },
        }
    }

    fn fits(&self, condition: &str) -> bool {
        if condition.is_empty() {
            return true;
        }
        if let Some(pattern) = condition.strip_prefix('/').and_then(|rest| rest.strip_suffix('/')) {
            return Regexp::new(pattern).is_ok_and(|pattern| pattern.is_match(self.line));
        }
        let signs = ["==", "!=", ">=", "<=", ">", "<"];
        let found = signs.iter().find_map(|sign| Some((*sign, condition.split_once(sign)?)));
        let Some((sign, (a, b))) = found else { return false };
        let (a, b) = (self.value(a), self.value(b));
        let order = match (a.parse::<i64>(), b.parse::<i64>()) {
            (Ok(a), Ok(b)) => a.cmp(&b),
            _ => a.cmp(&b),
        };
        match sign {
            "==" => order.is_eq(),
            "!=" => order.is_ne(),
            ">=" => order.is_ge(),
            "<=" => order.is_le(),
            ">" => order.is_gt(),
            _ => order.is_lt(),
        }
    }

    /// Terms with commas between them have a space between them, others nothing.
    fn print(&self, wanted: &str) -> String {
        if wanted.is_empty() {
            return self.line.to_string();
        }
        let (mut out, mut rest) = (String::new(), wanted);
        while !rest.is_empty() {
            let end = match rest.strip_prefix('"') {
                Some(text) => text.find('"').map_or(rest.len(), |end| end + 2),
                None => rest.find([',', ' ', '"']).unwrap_or(rest.len()).max(1),
            };
            out.push_str(&self.value(&rest[..end]));
            rest = rest[end..].trim_start();
            if let Some(after) = rest.strip_prefix(',') {
                out.push(' ');
                rest = after.trim_start();
            }
        }
        out
    }
}
