//! A Redis: strings, lists and hashes, and the answers that `redis-cli` shows.

use sorted::SortedMap;

/// What a key holds.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Value {
    Text(String),
    List(Vec<String>),
    Hash(SortedMap<String, String>),
}

impl Value {
    fn bytes(&self) -> usize {
        match self {
            Value::Text(text) => text.len(),
            Value::List(items) => items.iter().map(|item| item.len() + OVERHEAD).sum(),
            Value::Hash(hash) => hash.iter().map(|(field, value)| field.len() + value.len() + OVERHEAD).sum(),
        }
    }
}

/// All keys.
#[derive(Clone, Debug, Default)]
pub struct Store {
    keys: SortedMap<String, Value>,
    /// What they take, or more: all that was written since they were last weighed counts as being there still.
    taken: usize,
}

/// What a command answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// `OK`, `PONG`.
    Status(String),
    /// A number.
    Int(i64),
    /// A text, or that there is none.
    Text(Option<String>),
    /// Several texts.
    List(Vec<String>),
    /// What is wrong.
    Error(String),
}

/// `maxmemory`: with so much in use, commands that may need more are refused (policy `noeviction`).
const MAXMEMORY: usize = 1 << 20;

/// What a key, an item or a field takes besides its text.
const OVERHEAD: usize = 64;

/// What each command does, with the mark of Redis' own table: `w` writes, `m` may need memory (`denyoom`).
const COMMANDS: [(&str, &str); 31] = [
    ("append", "wm"),
    ("dbsize", ""),
    ("decr", "wm"),
    ("decrby", "wm"),
    ("del", "w"),
    ("echo", ""),
    ("exists", ""),
    ("flushall", "w"),
    ("flushdb", "w"),
    ("get", ""),
    ("getset", "wm"),
    ("hdel", "w"),
    ("hget", ""),
    ("hgetall", ""),
    ("hset", "wm"),
    ("incr", "wm"),
    ("incrby", "wm"),
    ("keys", ""),
    ("llen", ""),
    ("lpop", "w"),
    ("lpush", "wm"),
    ("lrange", ""),
    ("mget", ""),
    ("mset", "wm"),
    ("ping", ""),
    ("rpop", "w"),
    ("rpush", "wm"),
    ("set", "wm"),
    ("setnx", "wm"),
    ("strlen", ""),
    ("type", ""),
];

impl Reply {
    /// As `redis-cli` prints it: with quotes and types at a terminal, bare otherwise.
    pub fn shown(&self, tty: bool) -> String {
        let quoted = |text: &String| format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""));
        match (self, tty) {
            (Reply::Status(text), _) => text.clone(),
            (Reply::Int(number), true) => format!("(integer) {number}"),
            (Reply::Int(number), false) => number.to_string(),
            (Reply::Text(Some(text)), true) => quoted(text),
            (Reply::Text(Some(text)), false) => text.clone(),
            (Reply::Text(None), true) => "(nil)".into(),
            (Reply::Text(None), false) => String::new(),
            (Reply::List(items), true) if items.is_empty() => "(empty array)".into(),
            (Reply::List(items), true) => {
                let lines =
                    items.iter().enumerate().map(|(at, item)| format!("{}) {}", at + 1, quoted(item)));
                lines.collect::<Vec<_>>().join("\n")
            }
            (Reply::List(items), false) => items.join("\n"),
            (Reply::Error(text), true) => format!("(error) {text}"),
            (Reply::Error(text), false) => text.clone(),
        }
    }
}

fn ok() -> Reply {
    Reply::Status("OK".into())
}

fn wrong_type() -> Reply {
    Reply::Error("WRONGTYPE Operation against a key holding the wrong kind of value".into())
}

impl Store {
    /// Runs a command. The second answer: whether it has changed anything.
    pub fn run(&mut self, words: &[&str]) -> (Reply, bool) {
        let Some((command, rest)) = words.split_first() else {
            return (Reply::Error("ERR empty command".into()), false);
        };
        let name = command.to_ascii_lowercase();
        let marks = COMMANDS.iter().find(|(known, _)| *known == name).map(|(_, marks)| *marks);
        let (writes, grows) = marks.map_or((false, false), |marks| (!marks.is_empty(), marks == "wm"));
        if grows && self.is_full() {
            return (Reply::Error("OOM command not allowed when used memory > 'maxmemory'.".into()), false);
        }
        let reply = self.dispatch(&name, rest).unwrap_or_else(|| match marks {
            Some(_) => Reply::Error(format!("ERR wrong number of arguments for '{name}' command")),
            None => Reply::Error(format!(
                "ERR unknown command '{command}', with args beginning with: {}",
                rest.iter().map(|word| format!("'{word}' ")).collect::<String>()
            )),
        });
        let changed = writes && !matches!(reply, Reply::Error(_));
        if changed && grows {
            self.taken += rest.iter().map(|word| word.len() + OVERHEAD).sum::<usize>();
        }
        (reply, changed)
    }

    /// Whether more is in use than may be. What is kept is weighed when what was written has come to that much.
    fn is_full(&mut self) -> bool {
        if self.taken > MAXMEMORY {
            self.taken = self.keys.iter().map(|(key, value)| key.len() + OVERHEAD + value.bytes()).sum();
        }
        self.taken > MAXMEMORY
    }

    fn text(&self, key: &str) -> Result<Option<String>, Reply> {
        match self.keys.get(key) {
            None => Ok(None),
            Some(Value::Text(text)) => Ok(Some(text.clone())),
            Some(_) => Err(wrong_type()),
        }
    }

    fn add(&mut self, key: &str, by: i64) -> Reply {
        let text = match self.text(key) {
            Ok(text) => text.unwrap_or_else(|| "0".into()),
            Err(wrong) => return wrong,
        };
        let Some(sum) = text.parse::<i64>().ok().and_then(|number| number.checked_add(by)) else {
            return Reply::Error("ERR value is not an integer or out of range".into());
        };
        self.keys.insert(key.into(), Value::Text(sum.to_string()));
        Reply::Int(sum)
    }

    fn dispatch(&mut self, name: &str, words: &[&str]) -> Option<Reply> {
        let first = words.first().copied();
        Some(match (name, words) {
            ("ping", []) => Reply::Status("PONG".into()),
            ("ping" | "echo", [text]) => Reply::Text(Some((*text).into())),
            ("set", [key, value, ..]) => {
                self.keys.insert((*key).into(), Value::Text((*value).into()));
                ok()
            }
            ("setnx", [key, value]) => {
                let new = !self.keys.contains_key(*key);
                if new {
                    self.keys.insert((*key).into(), Value::Text((*value).into()));
                }
                Reply::Int(i64::from(new))
            }
            ("mset", pairs) if !pairs.is_empty() && pairs.len().is_multiple_of(2) => {
                for pair in pairs.chunks(2) {
                    self.keys.insert(pair[0].into(), Value::Text(pair[1].into()));
                }
                ok()
            }
            ("get", [key]) => self.text(key).map_or_else(|wrong| wrong, Reply::Text),
            ("getset", [key, value]) => match self.text(key) {
                Err(wrong) => wrong,
                Ok(before) => {
                    self.keys.insert((*key).into(), Value::Text((*value).into()));
                    Reply::Text(before)
                }
            },
            ("strlen", [key]) => self
                .text(key)
                .map_or_else(|wrong| wrong, |text| Reply::Int(text.map_or(0, |text| text.len() as i64))),
            ("mget", keys) if !keys.is_empty() => Reply::List(
                keys.iter().map(|key| self.text(key).ok().flatten().unwrap_or_default()).collect(),
            ),
            ("append", [key, more]) => match self.text(key) {
                Err(wrong) => wrong,
                Ok(text) => {
                    let text = text.unwrap_or_default() + more;
                    let length = text.len() as i64;
                    self.keys.insert((*key).into(), Value::Text(text));
                    Reply::Int(length)
                }
            },
            ("del", keys) if !keys.is_empty() => {
                Reply::Int(keys.iter().filter(|key| self.keys.remove(**key).is_some()).count() as i64)
            }
            ("exists", keys) if !keys.is_empty() => {
                Reply::Int(keys.iter().filter(|key| self.keys.contains_key(**key)).count() as i64)
            }
            ("incr", [key]) => self.add(key, 1),
            ("decr", [key]) => self.add(key, -1),
            ("incrby", [key, by]) => self.add(key, by.parse().unwrap_or(0)),
            ("decrby", [key, by]) => self.add(key, -by.parse::<i64>().unwrap_or(0)),
            ("keys", [pattern]) => {
                let (start, end) = pattern.split_once('*').unwrap_or((pattern, ""));
                let fits = |key: &&String| {
                    if pattern.contains('*') {
                        key.starts_with(start) && key.ends_with(end)
                    } else {
                        key == pattern
                    }
                };
                Reply::List(self.keys.keys().filter(fits).cloned().collect())
            }
            ("dbsize", []) => Reply::Int(self.keys.len() as i64),
            ("flushall" | "flushdb", _) => {
                self.keys = SortedMap::new();
                ok()
            }
            ("type", [key]) => Reply::Status(
                match self.keys.get(*key) {
                    None => "none",
                    Some(Value::Text(_)) => "string",
                    Some(Value::List(_)) => "list",
                    Some(Value::Hash(_)) => "hash",
                }
                .into(),
            ),
            ("lpush" | "rpush", [key, items @ ..]) if !items.is_empty() => {
                let list = match self.keys.entry((*key).into()).or_insert_with(|| Value::List(Vec::new())) {
                    Value::List(list) => list,
                    _ => return Some(wrong_type()),
                };
                for item in items {
                    let at = if name == "lpush" { 0 } else { list.len() };
                    list.insert(at, (*item).into());
                }
                Reply::Int(list.len() as i64)
            }
            ("lpop" | "rpop", [key]) => match self.keys.get_mut(*key) {
                None => Reply::Text(None),
                Some(Value::List(list)) => {
                    let item = match name {
                        "lpop" => list.remove(0),
                        _ => list.pop().unwrap_or_default(),
                    };
                    // A list without items is no key.
                    if list.is_empty() {
                        self.keys.remove(*key);
                    }
                    Reply::Text(Some(item))
                }
                Some(_) => wrong_type(),
            },
            ("llen", [key]) => match self.keys.get(*key) {
                None => Reply::Int(0),
                Some(Value::List(list)) => Reply::Int(list.len() as i64),
                Some(_) => wrong_type(),
            },
            ("lrange", [key, from, to]) => match self.keys.get(*key) {
                None => Reply::List(Vec::new()),
                Some(Value::List(list)) => {
                    let place = |text: &str| {
                        let number: i64 = text.parse().unwrap_or(0);
                        if number < 0 { list.len() as i64 + number } else { number }
                    };
                    // An end before the beginning stays below it: nothing lies between.
                    let clamp = |number: i64| number.clamp(0, list.len() as i64) as usize;
                    let (from, to) = (clamp(place(from)), clamp(place(to).saturating_add(1)));
                    Reply::List(list.get(from..to).unwrap_or_default().to_vec())
                }
                Some(_) => wrong_type(),
            },
            ("hset", [key, pairs @ ..]) if !pairs.is_empty() && pairs.len().is_multiple_of(2) => {
                let Value::Hash(hash) =
                    self.keys.entry((*key).into()).or_insert_with(|| Value::Hash(SortedMap::new()))
                else {
                    return Some(wrong_type());
                };
                let new =
                    pairs.chunks(2).filter(|pair| hash.insert(pair[0].into(), pair[1].into()).is_none());
                Reply::Int(new.count() as i64)
            }
            ("hdel", [key, fields @ ..]) if !fields.is_empty() => match self.keys.get_mut(*key) {
                None => Reply::Int(0),
                Some(Value::Hash(hash)) => {
                    let gone = fields.iter().filter(|field| hash.remove(**field).is_some()).count();
                    if hash.is_empty() {
                        self.keys.remove(*key);
                    }
                    Reply::Int(gone as i64)
                }
                Some(_) => wrong_type(),
            },
            ("hget", [key, field]) => match self.keys.get(*key) {
                Some(Value::Hash(hash)) => Reply::Text(hash.get(*field).cloned()),
                None => Reply::Text(None),
                Some(_) => wrong_type(),
            },
            ("hgetall", [key]) => match self.keys.get(*key) {
                Some(Value::Hash(hash)) => Reply::List(
                    hash.iter().flat_map(|(field, value)| [field.clone(), value.clone()]).collect(),
                ),
                None => Reply::List(Vec::new()),
                Some(_) => wrong_type(),
            },
            ("info", _) => Reply::Status(info(first)),
            ("auth" | "select" | "save" | "config" | "client" | "shutdown", [_, ..])
            | ("save" | "bgsave", []) => ok(),
            _ => return None,
        })
    }

    /// The text that its file has: one command a line.
    pub fn dump(&self) -> String {
        let line = |words: &[&str]| {
            serde_json::Value::from(words.iter().map(|word| (*word).to_string()).collect::<Vec<_>>())
                .to_string()
                + "\n"
        };
        let mut text = String::new();
        for (key, value) in &self.keys {
            match value {
                Value::Text(value) => text.push_str(&line(&["set", key, value])),
                Value::List(list) => list.iter().for_each(|item| text.push_str(&line(&["rpush", key, item]))),
                Value::Hash(hash) => {
                    hash.iter().for_each(|(field, value)| text.push_str(&line(&["hset", key, field, value])));
                }
            }
        }
        text
    }

    /// Reads it back.
    pub fn load(text: &str) -> Store {
        let mut store = Store::default();
        for line in text.lines() {
            let words: Vec<String> = serde_json::from_str(line).unwrap_or_default();
            store.run(&words.iter().map(String::as_str).collect::<Vec<_>>());
        }
        store
    }
}

fn info(section: Option<&str>) -> String {
    match section {
        Some("replication") => "# Replication\nrole:master\nconnected_slaves:0".into(),
        _ => "# Server\nredis_mode:standalone\nos:Linux\ntcp_port:6379\n\n# Replication\nrole:master\nconnected_slaves:0".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_answered_as_redis_cli_shows_them() {
        let mut store = Store::default();
        let cases = [
            ("ping", "PONG", "PONG"),
            ("set color blue", "OK", "OK"),
            ("get color", "\"blue\"", "blue"),
            ("get none", "(nil)", ""),
            ("incr hits", "(integer) 1", "1"),
            (
                "incr color",
                "(error) ERR value is not an integer or out of range",
                "ERR value is not an integer or out of range",
            ),
            ("rpush list a b", "(integer) 2", "2"),
            (
                "get list",
                "(error) WRONGTYPE Operation against a key holding the wrong kind of value",
                "WRONGTYPE Operation against a key holding the wrong kind of value",
            ),
            ("lrange list 0 -1", "1) \"a\"\n2) \"b\"", "a\nb"),
            ("lrange list 0 -100", "(empty array)", ""),
            ("lrange list -100 0", "1) \"a\"", "a"),
            ("lrange list 1 9223372036854775807", "1) \"b\"", "b"),
            ("hset user name ann", "(integer) 1", "1"),
            ("hgetall user", "1) \"name\"\n2) \"ann\"", "name\nann"),
            (
                "get",
                "(error) ERR wrong number of arguments for 'get' command",
                "ERR wrong number of arguments for 'get' command",
            ),
        ];
        for (line, terminal, bare) in cases {
            let words: Vec<&str> = line.split(' ').collect();
            let (reply, _) = store.clone().run(&words);
            let (again, _) = store.run(&words);
            assert_eq!(
                (reply.shown(true), again.shown(false)),
                (terminal.to_string(), bare.to_string()),
                "{line}"
            );
        }
        assert_eq!(Store::load(&store.dump()).keys, store.keys);
    }

    #[test]
    fn a_store_that_is_full_refuses_what_may_need_more_until_room_is_made() {
        let mut store = Store::default();
        let long = "x".repeat(100_000);
        let oom = "OOM command not allowed when used memory > 'maxmemory'.";
        // What takes the place of something else counts once.
        for _ in 0..50 {
            assert_eq!(store.run(&["set", "a", &long]).0, ok());
        }
        let replies: Vec<Reply> = (0..12).map(|_| store.run(&["rpush", "list", &long]).0).collect();
        assert_eq!(replies[9], Reply::Int(10));
        assert_eq!(replies[10..], [Reply::Error(oom.into()), Reply::Error(oom.into())]);
        assert_eq!(store.run(&["append", "b", "x"]), (Reply::Error(oom.into()), false));
        assert_eq!(store.run(&["strlen", "a"]).0, Reply::Int(100_000));
        for left in (0..10).rev() {
            assert_eq!(store.run(&["lpop", "list"]).0, Reply::Text(Some(long.clone())));
            assert_eq!(store.run(&["llen", "list"]).0, Reply::Int(left));
        }
        assert_eq!(store.run(&["exists", "list"]).0, Reply::Int(0));
        assert_eq!(store.run(&["append", "b", "x"]), (Reply::Int(1), true));
    }
}
