//! Where files lie: `find` with its usual tests, `realpath`, `readlink -f` and `ls -R`. There are no links here, so that every path
//! is a real one.

use super::commands::Outcome;
use super::conditions::fits;
use super::{KEPT_MAX, Process};

/// The tests of `find` that are known, all of which a path has to stand.
#[derive(Default)]
struct Tests<'a> {
    name: Option<&'a str>,
    /// Whether case does not matter to the name.
    folded: bool,
    directory: Option<bool>,
    /// How far below the start a path may be, and how far it has to be.
    depth_max: Option<usize>,
    depth_min: usize,
}

impl<'a> Tests<'a> {
    /// The tests that the words say; `None` where one is not known.
    fn read(words: &[&'a str]) -> Option<Tests<'a>> {
        let mut tests = Tests::default();
        let mut words = words.iter().copied();
        while let Some(word) = words.next() {
            match word {
                "-print" => continue,
                "-name" => tests.name = Some(words.next()?),
                "-iname" => (tests.name, tests.folded) = (Some(words.next()?), true),
                "-type" => tests.directory = Some(words.next()? == "d"),
                "-maxdepth" => tests.depth_max = Some(words.next()?.parse().ok()?),
                "-mindepth" => tests.depth_min = words.next()?.parse().ok()?,
                _ => return None,
            }
        }
        Some(tests)
    }

    fn hold(&self, path: &str, directory: bool, depth: usize) -> bool {
        let name =
            path.trim_end_matches('/').rsplit('/').next().filter(|name| !name.is_empty()).unwrap_or("/");
        let named = match self.name {
            Some(pattern) if self.folded => fits(&pattern.to_lowercase(), &name.to_lowercase()),
            Some(pattern) => fits(pattern, name),
            None => true,
        };
        named && depth >= self.depth_min && self.directory.is_none_or(|wanted| wanted == directory)
    }
}

impl Process {
    /// Runs one of these commands; `None` for any other, and for what is not known of them.
    pub(super) fn search(&mut self, name: &str, words: &[&str]) -> Option<Outcome> {
        match (name, words) {
            ("find", _) => self.find(words),
            ("realpath", paths) | ("readlink", ["-f", paths @ ..]) => Some(self.real_paths(name, paths)),
            ("ls", _) if words.iter().any(|word| word.starts_with('-') && word.contains('R')) => {
                Some(self.list_all(words))
            }
            _ => None,
        }
    }

    fn find(&mut self, words: &[&str]) -> Option<Outcome> {
        let starts = words.iter().take_while(|word| !word.starts_with(['-', '(', '!'])).count();
        let tests = Tests::read(&words[starts..])?;
        let starts = if starts == 0 { &["."] } else { &words[..starts] };
        let mut code = 0;
        for start in starts {
            if !self.files.exists(start) {
                self.err.push_str(&format!("find: {start}: No such file or directory\n"));
                code = 1;
                continue;
            }
            for (path, directory, depth) in self.below(start, tests.depth_max) {
                if tests.hold(&path, directory, depth) {
                    self.out.push_str(&path);
                    self.out.push('\n');
                }
            }
        }
        Some(Outcome::Status(code))
    }

    /// A path and all below it, as far down as asked: each, whether it is a directory, and how deep it lies.
    fn below(&self, start: &str, depth_max: Option<usize>) -> Vec<(String, bool, usize)> {
        let mut found = Vec::new();
        let (mut open, mut length) = (vec![(start.to_string(), 0)], 0);
        while let Some((path, depth)) = open.pop() {
            let directory = self.files.is_directory(&path);
            length += path.len();
            if length > KEPT_MAX {
                break;
            }
            if directory && depth_max.is_none_or(|most| depth < most) {
                let items = self.files.list(&path).unwrap_or_default();
                let stem = path.trim_end_matches('/').to_string();
                let inner: Vec<(String, usize)> =
                    items.iter().map(|(name, _)| (format!("{stem}/{name}"), depth + 1)).collect();
                open.extend(inner.into_iter().rev());
            }
            found.push((path, directory, depth));
        }
        found
    }

    fn real_paths(&mut self, name: &str, paths: &[&str]) -> Outcome {
        let mut code = 0;
        for path in paths {
            if self.files.exists(path) {
                self.out.push_str(&format!("/{}\n", self.files.absolute(path)));
            } else {
                code = 1;
                if name == "realpath" {
                    self.err.push_str(&format!("realpath: {path}: No such file or directory\n"));
                }
            }
        }
        Outcome::Status(code)
    }

    /// Every directory below with what is in it.
    fn list_all(&mut self, words: &[&str]) -> Outcome {
        let flags: Vec<String> = words
            .iter()
            .filter(|word| word.starts_with('-'))
            .map(|word| word.replace('R', ""))
            .filter(|flags| flags.len() > 1)
            .collect();
        let start = words.iter().find(|word| !word.starts_with('-')).copied().unwrap_or(".");
        let directories = self.below(start, None).into_iter().filter(|(_, directory, _)| *directory);
        let paths: Vec<String> = directories.map(|(path, ..)| path).collect();
        if paths.is_empty() {
            return self.list(&[start]);
        }
        for (index, path) in paths.iter().enumerate() {
            let before = if index > 0 { "\n" } else { "" };
            self.out.push_str(&format!("{before}{path}:\n"));
            let own: Vec<&str> = flags.iter().map(String::as_str).chain([path.as_str()]).collect();
            self.list(&own);
        }
        Outcome::Status(0)
    }
}
