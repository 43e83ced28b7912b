//! From words as written to words as meant: variables, sums, and what commands print.

use super::arithmetic;
use super::conditions::fits;
use super::{Part, Pause, Process, Program, Word, World};

/// How deep substitutions of commands may lie in one another.
pub(super) const NESTED_MAX: u32 = 8;

/// So many files a pattern names at most.
const NAMED_MAX: usize = 1_024;

impl Process {
    /// The text of a word; `None` if it cannot be known.
    pub(super) fn expand(&mut self, word: &Word, world: World<'_>) -> Option<String> {
        let mut text = String::new();
        for part in word {
            text.push_str(&self.value(part, world)?);
        }
        Some(text)
    }

    fn value(&mut self, part: &Part, world: World<'_>) -> Option<String> {
        Some(match part {
            Part::Text(text) => text.clone(),
            Part::Variable { name, change, .. } => {
                self.draw_random(name);
                let value = self.variable_value(name);
                match change {
                    None => value.unwrap_or_default(),
                    Some(change) if change.operator == "length" && name.ends_with("[@]") => {
                        self.elements(name.trim_end_matches("[@]")).len().to_string()
                    }
                    Some(change) => self.change(name, value, change, world)?,
                }
            }
            Part::Sum(sum) => {
                let sum = self.expand(sum, world)?;
                self.reckon(&sum)?.to_string()
            }
            Part::Command { program, .. } => self.output_of(program, world)?,
            Part::Wild(c) => c.to_string(),
            Part::Unknown => return None,
        })
    }

    /// The value of a variable, or of a parameter: `$1`, `$@`, `$?`.
    fn variable_value(&self, name: &str) -> Option<String> {
        match name {
            "?" => Some(self.status.to_string()),
            "$" => Some("1".into()),
            "!" => self.last_job().map(|number| number.to_string()),
            "#" => Some(self.arguments.len().to_string()),
            "@" | "*" => Some(self.arguments.join(" ")),
            "0" => Some("sh".into()),
            _ => match name.parse::<usize>() {
                Ok(place) => self.arguments.get(place.checked_sub(1)?).cloned(),
                Err(_) => match self.variables.get(name) {
                    Some(value) => Some(value.clone()),
                    None => self.element(name),
                },
            },
        }
    }

    /// The elements of a list.
    fn elements(&self, list: &str) -> Vec<String> {
        let each = (0..).map_while(|at| self.variables.get(&format!("{list}[{at}]")).cloned());
        each.collect()
    }

    /// `list[index]`, and all of `list[@]`.
    fn element(&self, name: &str) -> Option<String> {
        let (list, index) = name.strip_suffix(']')?.split_once('[')?;
        if ["@", "*"].contains(&index) {
            return Some(self.elements(list).join(" ")).filter(|all| !all.is_empty());
        }
        let index = arithmetic::value(&index.replace(['$', '{', '}'], ""), &self.variables)?;
        let elements = self.elements(list);
        let index = if index < 0 { index + elements.len() as i64 } else { index };
        elements.get(usize::try_from(index).ok()?).cloned()
    }

    /// `name=(a b c)`: `$name` is the first of them.
    pub(super) fn set_list(&mut self, name: &str, words: &[Word], more: bool, world: World<'_>) {
        let mut elements = if more { self.elements(name) } else { Vec::new() };
        elements.extend(words.iter().flat_map(|word| self.fields(word, world)).flatten());
        let own = format!("{name}[");
        self.variables.retain(|known, _| known != name && !known.starts_with(&own));
        for (at, element) in elements.into_iter().enumerate() {
            if at == 0 {
                self.variables.insert(name.into(), element.clone());
            }
            self.variables.insert(format!("{name}[{at}]"), element);
        }
        self.status = 0;
    }

    /// The words that a word becomes: what stands outside of quotes is split at its spaces. A word that cannot be known is
    /// `None`.
    pub(super) fn fields(&mut self, word: &Word, world: World<'_>) -> Vec<Option<String>> {
        let splits = |part: &Part| {
            matches!(part, Part::Variable { quoted: false, .. } | Part::Command { quoted: false, .. })
        };
        if let [Part::Variable { name, change: None, quoted: true }] = word.as_slice() {
            if name == "@" {
                return self.arguments.iter().cloned().map(Some).collect();
            }
            if let Some(list) = name.strip_suffix("[@]") {
                return self.elements(list).into_iter().map(Some).collect();
            }
        }
        if !word.iter().any(splits) {
            let Some(text) = self.expand(word, world) else { return vec![None] };
            let wild = word.iter().any(|part| matches!(part, Part::Wild(_)));
            return if wild { self.named(text).map(Some).collect() } else { vec![Some(text)] };
        }
        let mut fields: Vec<String> = Vec::new();
        let (mut open, mut wild) = (false, false);
        for part in word {
            let Some(text) = self.value(part, world) else { return vec![None] };
            wild |= matches!(part, Part::Wild(_)) || (splits(part) && text.contains(['*', '?']));
            if !splits(part) {
                match fields.last_mut().filter(|_| open) {
                    Some(last) => last.push_str(&text),
                    None => fields.push(text),
                }
                open = true;
                continue;
            }
            let mut pieces = text.split_whitespace();
            if let (true, false, Some(last)) =
                (open, text.starts_with(char::is_whitespace), fields.last_mut())
            {
                last.push_str(pieces.next().unwrap_or_default());
            }
            fields.extend(pieces.map(str::to_string));
            open = !fields.is_empty() && !text.ends_with(char::is_whitespace);
        }
        if wild {
            return fields.into_iter().flat_map(|field| self.named(field)).map(Some).collect();
        }
        fields.into_iter().map(Some).collect()
    }

    /// The files that a pattern names, in order; the pattern itself where there are none.
    fn named(&self, pattern: String) -> impl Iterator<Item = String> + use<> {
        let absolute = pattern.starts_with('/');
        let mut found = vec![if absolute { "/".to_string() } else { String::new() }];
        for part in pattern.split('/').filter(|part| !part.is_empty()) {
            found =
                found.iter().flat_map(|directory| self.named_in(directory, part)).take(NAMED_MAX).collect();
        }
        if found.is_empty() {
            found.push(pattern);
        }
        found.into_iter()
    }

    /// The files in a directory that one part of a pattern names.
    fn named_in(&self, directory: &str, part: &str) -> Vec<String> {
        let join = |name: &str| match directory.is_empty() || directory.ends_with('/') {
            true => format!("{directory}{name}"),
            false => format!("{directory}/{name}"),
        };
        if !part.contains(['*', '?', '[']) {
            return Some(join(part)).filter(|path| self.files.exists(path)).into_iter().collect();
        }
        let place = if directory.is_empty() { "." } else { directory };
        if !self.files.is_directory(place) {
            return Vec::new();
        }
        let items = self.files.list(place).unwrap_or_default();
        let names = items.keys().filter(|name| part.starts_with('.') || !name.starts_with('.'));
        names.filter(|name| fits(part, name)).map(|name| join(name)).collect()
    }

    /// What a command prints, without the line's end: it runs in no time, on the same files.
    fn output_of(&mut self, program: &Program, world: World<'_>) -> Option<String> {
        if self.nested >= NESTED_MAX {
            return None;
        }
        let mut inner = Process::new(program.clone(), self.variables.clone());
        inner.nested = self.nested + 1;
        (inner.traced, inner.installs) = (self.traced, self.installs);
        inner.functions.clone_from(&self.functions);
        inner.arguments.clone_from(&self.arguments);
        inner.ahead = self.ahead;
        inner.files = std::mem::take(&mut self.files);
        inner.daemons = std::mem::take(&mut self.daemons);
        inner.nonce = self.nonce;
        let mut pause = inner.resume(world);
        for _ in 0..NESTED_MAX {
            if let Pause::Sleeps(span) = pause {
                inner.ahead = inner.ahead + span;
                pause = inner.resume(world);
            }
        }
        self.files = std::mem::take(&mut inner.files);
        self.daemons = std::mem::take(&mut inner.daemons);
        self.nonce = inner.nonce;
        self.asked.append(&mut inner.asked);
        let aside = std::mem::take(&mut inner.aside);
        self.complain(&aside);
        let Pause::Ended(status) = pause else { return None };
        self.status = status;
        Some(inner.said.trim_end_matches('\n').to_string())
    }
}
