//! From a line to words, and from words to a verb's arguments and flags, with the errors of cobra and pflag.

use sorted::SortedMap;

use super::errors::Failure;

/// What a flag is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Takes {
    /// Nothing, or `=true` and `=false`.
    Switch,
    /// A value, as `--flag=value` or `--flag value`. Given again, the last counts, or all do, as the verb decides.
    Value,
    /// A value after `=`; the bare flag means this one.
    Optional(&'static str),
}

/// A flag of a verb.
#[derive(Clone, Copy, Debug)]
pub struct Flag {
    /// Its long name, without dashes.
    pub name: &'static str,
    /// Its letter, if it has one.
    pub short: Option<char>,
    /// What it is given.
    pub takes: Takes,
    /// What it does, in one line of help.
    pub help: &'static str,
    /// The flags that every verb has that has this one.
    pub with: &'static [Flag],
}

/// A flag that is on or off.
pub const fn switch(name: &'static str, help: &'static str) -> Flag {
    Flag { name, short: None, takes: Takes::Switch, help, with: &[] }
}

/// A flag with a value.
pub const fn value(name: &'static str, help: &'static str) -> Flag {
    Flag { name, short: None, takes: Takes::Value, help, with: &[] }
}

/// A flag whose value may be left out.
pub const fn optional(name: &'static str, bare: &'static str, help: &'static str) -> Flag {
    Flag { name, short: None, takes: Takes::Optional(bare), help, with: &[] }
}

impl Flag {
    /// The same flag with a letter.
    pub const fn short(mut self, letter: char) -> Flag {
        self.short = Some(letter);
        self
    }

    /// The same flag, which brings others along.
    pub const fn with(mut self, others: &'static [Flag]) -> Flag {
        self.with = others;
        self
    }
}

/// Flags, each followed by those that it brings along.
pub fn each(flags: &[Flag]) -> impl Iterator<Item = &Flag> {
    flags.iter().flat_map(|flag| std::iter::once(flag).chain(flag.with))
}

/// What followed the verb.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Args {
    /// The words that are no flags.
    pub words: Vec<String>,
    /// The words after `--`.
    pub command: Vec<String>,
    flags: SortedMap<&'static str, Vec<String>>,
}

impl Args {
    /// The last value given to a flag.
    pub fn value(&self, name: &str) -> Option<&str> {
        self.values(name).last().map(String::as_str)
    }

    /// The last value given to a flag, which then counts as not given: for a verb that means something else by it.
    pub fn take(&mut self, name: &str) -> Option<String> {
        self.flags.remove(name)?.pop()
    }

    /// Gives a flag a value, as if it had been on the line.
    pub fn set_value(&mut self, name: &'static str, value: String) {
        self.flags.entry(name).or_default().push(value);
    }

    /// Every value given to a flag, in order.
    pub fn values(&self, name: &str) -> &[String] {
        self.flags.get(name).map(Vec::as_slice).unwrap_or_default()
    }

    /// Every value given to a flag that takes lists with commas.
    pub fn list(&self, name: &str) -> Vec<&str> {
        self.values(name).iter().flat_map(|value| value.split(',')).filter(|part| !part.is_empty()).collect()
    }

    /// Whether a switch is on; off unless said otherwise.
    pub fn on(&self, name: &str) -> bool {
        self.switch(name, false)
    }

    /// Whether a switch is on.
    pub fn switch(&self, name: &str, default: bool) -> bool {
        self.value(name).map_or(default, |value| value == "true")
    }

    /// Whether a flag was given at all.
    pub fn has(&self, name: &str) -> bool {
        self.flags.contains_key(name)
    }

    /// Whether it names manifests: files, or the directory of a kustomization.
    pub fn has_files(&self) -> bool {
        self.has("filename") || self.has("kustomize")
    }

    /// What `-o` says; a `--template` without it is one of Go's.
    pub fn output(&self) -> Option<&str> {
        let output = self.value("output").filter(|output| !output.is_empty());
        output.or_else(|| self.value("template").filter(|text| !text.is_empty()).map(|_| "go-template"))
    }

    /// A flag's value as a whole number.
    ///
    /// # Errors
    /// In pflag's words if it is none.
    pub fn number(&self, name: &str) -> Result<Option<i64>, Failure> {
        let Some(text) = self.value(name) else { return Ok(None) };
        text.parse().map(Some).map_err(|_| {
            Failure::usage(format!(
                "invalid argument {text:?} for \"--{name}\" flag: strconv.ParseInt: parsing {text:?}: invalid syntax"
            ))
        })
    }
}

/// Cuts a line into words as a POSIX shell does.
///
/// # Errors
/// If a quote is never closed.
pub fn words(line: &str) -> Result<Vec<String>, Failure> {
    shlex::split(line).ok_or_else(|| Failure::message("unexpected EOF while looking for matching quote"))
}

/// Sorts the words after a verb into arguments and flags.
///
/// # Errors
/// In pflag's words: unknown flags, missing values, switches that are neither true nor false.
pub fn args(words: &[String], known: &[&[Flag]]) -> Result<Args, Failure> {
    let known = || known.iter().copied().flat_map(each);
    let find_long = |name: &str| known().find(|flag| flag.name == name);
    let find_short = |letter: char| known().find(|flag| flag.short == Some(letter));
    let mut args = Args::default();
    let mut rest = words.iter();
    while let Some(word) = rest.next() {
        if word == "--" {
            args.command = rest.cloned().collect();
            break;
        }
        if let Some(body) = word.strip_prefix("--") {
            let (name, inline) =
                body.split_once('=').map_or((body, None), |(name, value)| (name, Some(value)));
            let flag = find_long(name).ok_or_else(|| Failure::usage(format!("unknown flag: --{name}")))?;
            let value = match (flag.takes, inline) {
                (_, Some(value)) => value.to_string(),
                (Takes::Switch, None) => "true".into(),
                (Takes::Optional(bare), None) => bare.into(),
                (Takes::Value, None) => rest
                    .next()
                    .cloned()
                    .ok_or_else(|| Failure::usage(format!("flag needs an argument: --{name}")))?,
            };
            args.set(flag, value)?;
        } else if let Some(letters) = word.strip_prefix('-').filter(|letters| !letters.is_empty()) {
            shorthands(letters, &mut rest, &find_short, &mut args)?;
        } else {
            args.words.push(word.clone());
        }
    }
    Ok(args)
}

/// Reads `-n`, `-nvalue`, `-n=value`, `-it`.
fn shorthands<'f>(
    letters: &str,
    rest: &mut std::slice::Iter<'_, String>,
    find: &dyn Fn(char) -> Option<&'f Flag>,
    args: &mut Args,
) -> Result<(), Failure> {
    let at = letters.char_indices();
    for (index, letter) in at {
        let flag = find(letter).ok_or_else(|| {
            Failure::usage(format!("unknown shorthand flag: {letter:?} in -{}", &letters[index..]))
        })?;
        let tail = &letters[index + letter.len_utf8()..];
        let inline = tail.strip_prefix('=');
        match (flag.takes, inline) {
            (_, Some(value)) => return args.set(flag, value.to_string()),
            (Takes::Switch, None) => args.set(flag, "true".into())?,
            (Takes::Optional(bare), None) => args.set(flag, bare.into())?,
            (Takes::Value, None) if !tail.is_empty() => return args.set(flag, tail.to_string()),
            (Takes::Value, None) => {
                let value = rest.next().cloned().ok_or_else(|| {
                    Failure::usage(format!("flag needs an argument: {letter:?} in -{}", &letters[index..]))
                })?;
                return args.set(flag, value);
            }
        }
    }
    Ok(())
}

impl Args {
    fn set(&mut self, flag: &Flag, value: String) -> Result<(), Failure> {
        let value = if flag.takes == Takes::Switch {
            match value.as_str() {
                "1" | "t" | "T" | "true" | "TRUE" | "True" => "true".into(),
                "0" | "f" | "F" | "false" | "FALSE" | "False" => "false".into(),
                _ => {
                    let shown = flag.short.map_or(String::new(), |letter| format!("-{letter}, "));
                    return Err(Failure::usage(format!(
                        "invalid argument {value:?} for \"{shown}--{}\" flag: strconv.ParseBool: parsing {value:?}: invalid \
                         syntax",
                        flag.name
                    )));
                }
            }
        } else {
            value
        };
        self.flags.entry(flag.name).or_default().push(value);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FLAGS: &[Flag] = &[
        switch("watch", "").short('w'),
        switch("wait", ""),
        value("namespace", "").short('n'),
        value("selector", "").short('l'),
        optional("dry-run", "unchanged", ""),
    ];

    fn parse(line: &str) -> Result<Args, String> {
        args(&words(line).unwrap(), &[FLAGS]).map_err(|failure| failure.render("get"))
    }

    #[test]
    fn flags_are_read_in_every_form_that_kubectl_takes() {
        for line in
            ["pods -n kube", "pods -nkube", "-n=kube pods", "pods --namespace kube", "--namespace=kube pods"]
        {
            let args = parse(line).unwrap();
            assert_eq!(
                (args.words.as_slice(), args.value("namespace")),
                (&["pods".to_string()][..], Some("kube")),
                "{line}"
            );
        }
        let args = parse("-wl app=web --wait=false --dry-run -- sh -c 'exit 1'").unwrap();
        assert!(args.on("watch"));
        assert!(!args.switch("wait", true));
        assert_eq!(args.value("selector"), Some("app=web"));
        assert_eq!(args.value("dry-run"), Some("unchanged"));
        assert_eq!(args.command, ["sh", "-c", "exit 1"]);
    }

    #[test]
    fn wrong_flags_are_refused_in_pflags_words() {
        let cases = [
            ("--nope", "error: unknown flag: --nope"),
            ("-x", "error: unknown shorthand flag: 'x' in -x"),
            ("--namespace", "error: flag needs an argument: --namespace"),
            ("-n", "error: flag needs an argument: 'n' in -n"),
            (
                "--watch=maybe",
                "error: invalid argument \"maybe\" for \"-w, --watch\" flag: strconv.ParseBool: parsing \"maybe\": invalid syntax",
            ),
        ];
        for (line, want) in cases {
            assert_eq!(parse(line), Err(format!("{want}\nSee 'kubectl get --help' for usage.\n")), "{line}");
        }
    }
}
