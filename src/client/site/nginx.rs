//! The parts of nginx's configuration that say what is answered where: `root`, `index`, and `return`, in servers and locations.
//! What is passed on to others, or made by anything else, is not known here.

use std::sync::Arc;

use sorted::SortedMap;

/// What is done with paths.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    /// The directory of the pages, without a slash at either end.
    pub root: Option<String>,
    /// By the paths that they begin with, those that are answered out of the configuration.
    locations: Vec<Location>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Location {
    path: String,
    exact: bool,
    action: Action,
}

/// What is done with a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// A file is looked for.
    Pages,
    /// A status and a text.
    Return(u16, String),
    /// Somebody else answers.
    Elsewhere,
}

/// Directives by which somebody else answers.
const ELSEWHERE: [&str; 7] =
    ["proxy_pass", "fastcgi_pass", "uwsgi_pass", "grpc_pass", "alias", "rewrite", "try_files"];

impl Settings {
    /// Reads the files below `/etc/nginx`: `nginx.conf` and those in `conf.d`.
    pub fn read(files: &SortedMap<String, Arc<str>>) -> Settings {
        let mut settings = Settings::default();
        let is_read =
            |path: &str| path == "nginx.conf" || (path.starts_with("conf.d/") && path.ends_with(".conf"));
        for (_, text) in files.iter().filter(|(path, _)| is_read(path)) {
            settings.server(&tokens(text));
        }
        settings
    }

    /// What stands in a file, servers and all that is around them alike.
    fn server(&mut self, tokens: &[String]) {
        let (mut at, mut words): (usize, Vec<&str>) = (0, Vec::new());
        while let Some(token) = tokens.get(at) {
            at += 1;
            match token.as_str() {
                ";" => {
                    match words.as_slice() {
                        ["root", directory, ..] => self.set_root(directory),
                        ["return", rest @ ..] => self.add("/", false, returned(rest)),
                        _ => {}
                    }
                    words.clear();
                }
                "{" if words.first() == Some(&"location") => {
                    let end = at + block(&tokens[at..]);
                    self.location(&words[1..], &tokens[at..end.min(tokens.len())]);
                    (at, words) = (end + 1, Vec::new());
                }
                "{" | "}" => words.clear(),
                word => words.push(word),
            }
        }
    }

    fn location(&mut self, named: &[&str], body: &[String]) {
        let (exact, path) = match named {
            ["=", path] => (true, *path),
            ["^~", path] | [path] => (false, *path),
            // A pattern.
            _ => return,
        };
        let mut action = Action::Pages;
        for line in body.split(|token| token == ";") {
            let words: Vec<&str> = line.iter().map(String::as_str).collect();
            match words.as_slice() {
                ["root", directory, ..] => self.set_root(directory),
                ["return", rest @ ..] => action = returned(rest),
                [first, ..] if ELSEWHERE.contains(first) => action = Action::Elsewhere,
                _ => {}
            }
        }
        self.add(path, exact, action);
    }

    fn set_root(&mut self, directory: &str) {
        self.root.get_or_insert_with(|| directory.trim_matches('/').to_string());
    }

    fn add(&mut self, path: &str, exact: bool, action: Action) {
        self.locations.push(Location { path: path.into(), exact, action });
    }

    /// What is done with a path: the very location, or the longest that it begins with.
    pub fn action(&self, path: &str) -> &Action {
        let path = path.split(['?', '#']).next().unwrap_or_default();
        let fits = |location: &&Location| match location.exact {
            true => location.path == path,
            false => path.starts_with(&location.path),
        };
        let best = self.locations.iter().filter(fits).max_by_key(|one| (one.exact, one.path.len()));
        best.map_or(&Action::Pages, |location| &location.action)
    }
}

/// `return 200 "text"`, `return 404`, `return https://…`.
fn returned(words: &[&str]) -> Action {
    match words {
        [code, text @ ..] => match code.parse() {
            Ok(code) => Action::Return(code, text.join(" ").replace("\\n", "\n")),
            Err(_) => Action::Return(302, String::new()),
        },
        [] => Action::Pages,
    }
}

/// How many tokens there are before the brace that ends a block.
fn block(tokens: &[String]) -> usize {
    let mut depth = 0_usize;
    for (at, token) in tokens.iter().enumerate() {
        match token.as_str() {
            "{" => depth += 1,
            "}" if depth == 0 => return at,
            "}" => depth -= 1,
            _ => {}
        }
    }
    tokens.len()
}

/// Words, texts in quotes without these, and `;`, `{`, `}`; comments go.
fn tokens(text: &str) -> Vec<String> {
    let (mut tokens, mut word, mut letters) = (Vec::new(), String::new(), text.chars().peekable());
    while let Some(letter) = letters.next() {
        match letter {
            '#' if word.is_empty() => while letters.next_if(|next| *next != '\n').is_some() {},
            '\'' | '"' if word.is_empty() => {
                while let Some(next) = letters.next().filter(|next| *next != letter) {
                    if next == '\\' && letters.peek() == Some(&letter) {
                        word.extend(letters.next());
                    } else {
                        word.push(next);
                    }
                }
                tokens.push(std::mem::take(&mut word));
            }
            ';' | '{' | '}' | ' ' | '\n' | '\t' | '\r' => {
                if !word.is_empty() {
                    tokens.push(std::mem::take(&mut word));
                }
                if !letter.is_whitespace() {
                    tokens.push(letter.to_string());
                }
            }
            letter => word.push(letter),
        }
    }
    if !word.is_empty() {
        tokens.push(word);
    }
    tokens
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(text: &str) -> Settings {
        Settings::read(&[("conf.d/default.conf".to_string(), Arc::from(text))].into_iter().collect())
    }

    #[test]
    fn locations_say_what_is_done_with_paths() {
        let read = settings(
            "# the site\nserver {\n  listen 80; root /site;\n  location / { index index.html; }\n  location /hello { return 200 \"hi; there\\n\"; }\n  \
             location = /gone { return 410; }\n  location /api/ { proxy_pass http://api:8080; }\n  location ~ \\.php$ { return 500; }\n}\n",
        );
        assert_eq!(read.root.as_deref(), Some("site"));
        for (path, want) in [
            ("/", Action::Pages),
            ("/hello/you?x", Action::Return(200, "hi; there\n".into())),
            ("/gone", Action::Return(410, String::new())),
            ("/gone/1", Action::Pages),
            ("/api/users", Action::Elsewhere),
            ("/a.php", Action::Pages),
        ] {
            assert_eq!(*read.action(path), want, "{path}");
        }
        let bare = settings("server { return 503 down; }");
        assert_eq!(*bare.action("/x"), Action::Return(503, "down".into()));
        // Whatever it is, it is read to its end.
        for odd in [
            "server {",
            "location / {",
            "}}}",
            "return",
            "\"",
            "location { return 200 x",
            ";;;",
            "server { root",
        ] {
            settings(odd).action("/");
        }
    }
}
