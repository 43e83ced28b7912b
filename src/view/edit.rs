//! A document of a manifest brought to another value by the smallest change of its text: what stays the same keeps its layout,
//! its comments and its order.

use serde_json::{Map, Value};

use crate::api::manifest::{self, Document, Entry, Kind, Limits, Node, Span, to_yaml};

/// The text with one of its documents changed so that it says `wanted`.
pub fn edit(text: &str, document: &Document, wanted: &Value) -> String {
    let mut writer = Writer { text, changes: Vec::new() };
    let before = manifest::parse(text, &Limits::default()).documents.len();
    if writer.node(&document.root, wanted).is_some()
        && let Some(edited) = writer.apply()
    {
        let read = manifest::parse(&edited, &Limits::default());
        let says = read.documents.get(document.index).map(|document| document.root.to_value());
        if read.errors.is_empty() && read.documents.len() == before && says.as_ref() == Some(wanted) {
            return edited;
        }
    }
    whole(text, document, wanted)
}

/// The document written anew: for what no small change can say, such as a value that is an alias of another.
fn whole(text: &str, document: &Document, wanted: &Value) -> String {
    let (before, after) = (&text[..document.span.from as usize], &text[document.span.to as usize..]);
    let newline = if after.is_empty() || after.starts_with('\n') { "" } else { "\n" };
    format!("{before}{}{newline}{after}", to_yaml(wanted).trim_end())
}

/// Collects changes of the text: bytes and what to put there.
struct Writer<'t> {
    text: &'t str,
    changes: Vec<(usize, usize, String)>,
}

impl Writer<'_> {
    /// The text with the changes made; `None` if two of them are about the same bytes.
    fn apply(mut self) -> Option<String> {
        let mut edited = self.text.to_string();
        let mut last = edited.len();
        while let Some((from, to, with)) = self.changes.pop() {
            if from > to || to > last {
                return None;
            }
            edited.replace_range(from..to, &with);
            last = from;
        }
        Some(edited)
    }

    /// A block of text ends after its last line break, which stays.
    fn change(&mut self, from: usize, to: usize, with: String) {
        let to = if to > from && self.text[..to].ends_with('\n') { to - 1 } else { to };
        self.changes.push((from, to, with));
    }

    /// Takes out whole lines with the line break before them, so that something can still be put where they end.
    fn remove_lines(&mut self, line: usize, end: usize) {
        match line.checked_sub(1) {
            Some(newline) => self.change(newline, end, String::new()),
            None => self.changes.push((0, (end + 1).min(self.text.len()), String::new())),
        }
    }

    fn is_flow(&self, node: &Node) -> bool {
        self.text[node.span.from as usize..].starts_with(['{', '['])
    }

    fn line_start(&self, at: usize) -> usize {
        self.text[..at].rfind('\n').map_or(0, |newline| newline + 1)
    }

    /// Where the line ends in which a value ends. Block scalars end after their last line break.
    fn line_end(&self, span: Span) -> usize {
        let at = span.to as usize;
        let at = if self.text[..at].ends_with('\n') { at - 1 } else { at };
        self.text[at..].find('\n').map_or(self.text.len(), |newline| at + newline)
    }

    fn column(&self, at: usize) -> usize {
        self.text[self.line_start(at)..at].chars().count()
    }

    /// Brings a value to another. `None` if that must be done from outside of it.
    fn node(&mut self, node: &Node, wanted: &Value) -> Option<()> {
        if node.to_value() == *wanted {
            return Some(());
        }
        match (&node.kind, wanted) {
            (Kind::Map(entries), Value::Object(fields)) if !entries.is_empty() && !fields.is_empty() => {
                self.map(node, entries, fields)
            }
            (Kind::Seq(items), Value::Array(values)) if !items.is_empty() && !values.is_empty() => {
                self.list(node, items, values)
            }
            _ => None,
        }
    }

    fn map(&mut self, node: &Node, entries: &[Entry], wanted: &Map<String, Value>) -> Option<()> {
        let flow = self.is_flow(node);
        let same_keys =
            entries.len() == wanted.len() && entries.iter().all(|entry| wanted.contains_key(&entry.key));
        if flow && !same_keys {
            self.change(node.span.from as usize, node.span.to as usize, in_flow(&wanted.clone().into()));
            return Some(());
        }
        for entry in entries {
            match wanted.get(&entry.key) {
                None => self.remove_entry(entry)?,
                Some(value) => {
                    let kept = self.changes.len();
                    if self.node(&entry.value, value).is_none() {
                        self.changes.truncate(kept);
                        self.replace_value(entry, value, flow);
                    }
                }
            }
        }
        let (first, last) = (entries.first()?, entries.last()?);
        let indent = self.column(first.key_span.from as usize);
        let mut added = String::new();
        for (key, value) in wanted.iter().filter(|(key, _)| !entries.iter().any(|entry| entry.key == **key)) {
            let mut field = Map::new();
            field.insert(key.clone(), value.clone());
            added.push('\n');
            added.push_str(&block(&field.into(), indent, true));
        }
        if !added.is_empty() {
            let at = self.line_end(last.value.span).max(self.line_end(last.key_span));
            self.change(at, at, added);
        }
        Some(())
    }

    /// Takes the lines of an entry out. One that follows a dash on its line leaves the dash to the next.
    fn remove_entry(&mut self, entry: &Entry) -> Option<()> {
        let from = entry.key_span.from as usize;
        let line = self.line_start(from);
        let end = self.line_end(entry.value.span).max(self.line_end(entry.key_span));
        if !self.text[line..from].trim().is_empty() {
            return None;
        }
        self.remove_lines(line, end);
        Some(())
    }

    fn replace_value(&mut self, entry: &Entry, value: &Value, flow: bool) {
        let from = entry.key_span.to as usize;
        let to = (entry.value.span.to as usize).max(from);
        // A quoted key ends with its quote, and the colon comes after.
        let colon = self.text[from..].find(':').map_or(from, |colon| from + colon + 1);
        let empty = entry.value.span.from >= entry.value.span.to;
        let to = if empty { colon } else { to.max(colon) };
        let text = match value {
            _ if flow => format!(" {}", in_flow(value)),
            Value::Object(fields) if !fields.is_empty() => {
                let indent = self.column(entry.key_span.from as usize) + 2;
                format!("\n{}", block(value, indent, true))
            }
            Value::Array(items) if !items.is_empty() => {
                let indent = self.column(entry.key_span.from as usize);
                format!("\n{}", block(value, indent, true))
            }
            scalar => format!(" {}", block(scalar, 0, true)),
        };
        self.change(colon, to, text);
    }

    fn list(&mut self, node: &Node, items: &[Node], wanted: &[Value]) -> Option<()> {
        if self.is_flow(node) && items.len() != wanted.len() {
            let value = Value::Array(wanted.to_vec());
            self.change(node.span.from as usize, node.span.to as usize, in_flow(&value));
            return Some(());
        }
        if wanted.len() < items.len() {
            return self.remove_items(items, wanted);
        }
        for (item, value) in items.iter().zip(wanted) {
            let kept = self.changes.len();
            if self.node(item, value).is_none() {
                self.changes.truncate(kept);
                let indent = self.column(item.span.from as usize);
                let text = if self.is_flow(node) { in_flow(value) } else { block(value, indent, false) };
                self.change(item.span.from as usize, item.span.to as usize, text);
            }
        }
        let indent = self.column(node.span.from as usize);
        let mut added = String::new();
        for value in &wanted[items.len()..] {
            added.push('\n');
            added.push_str(&block(&Value::Array(vec![value.clone()]), indent, true));
        }
        if !added.is_empty() {
            let at = self.line_end(items.last()?.span);
            self.change(at, at, added);
        }
        Some(())
    }

    /// Takes out the items that are not wanted, if the others stay in their order.
    fn remove_items(&mut self, items: &[Node], wanted: &[Value]) -> Option<()> {
        let mut rest = wanted.iter().peekable();
        for item in items {
            if rest.next_if(|value| item.to_value() == **value).is_some() {
                continue;
            }
            let line = self.line_start(item.span.from as usize);
            if self.text[line..item.span.from as usize].trim() != "-" {
                return None;
            }
            let end = self.line_end(item.span);
            self.remove_lines(line, end);
        }
        rest.next().is_none().then_some(())
    }
}

/// A value in lines that are indented so far, without a line break at the end; the first line too, if it is to be.
fn block(value: &Value, indent: usize, first: bool) -> String {
    let (yaml, pad) = (to_yaml(value), " ".repeat(indent));
    let mut text = String::new();
    for (number, line) in yaml.trim_end().split('\n').enumerate() {
        if number > 0 {
            text.push('\n');
        }
        if (number > 0 || first) && !line.is_empty() {
            text.push_str(&pad);
        }
        text.push_str(line);
    }
    text
}

/// A value on one line.
fn in_flow(value: &Value) -> String {
    match value {
        Value::Object(fields) => {
            let field = |(key, value): (&String, &Value)| {
                format!("{}: {}", in_flow(&key.as_str().into()), in_flow(value))
            };
            format!("{{{}}}", fields.iter().map(field).collect::<Vec<_>>().join(", "))
        }
        Value::Array(items) => {
            format!("[{}]", items.iter().map(in_flow).collect::<Vec<_>>().join(", "))
        }
        scalar => {
            let plain = to_yaml(scalar);
            let plain = plain.trim_end();
            if plain.contains([',', '[', ']', '{', '}', '\n']) { scalar.to_string() } else { plain.into() }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const TEXT: &str = "# the web\nkind: Deployment   # five of them\nmetadata: {name: web}\nspec:\n  template:\n    spec:\n      # where it runs\n      nodeSelector:\n        disk: ssd # fast\n        zone: a\n      containers:\n      - name: web\n        image: 'nginx:1'  # pinned\n        resources:\n          requests: {cpu: 2, memory: 1Gi}\n      - name: side\n        image: busybox\n---\nkind: Other\n";

    /// The lines that come and go when the first document is changed.
    fn lines(text: &str, change: impl Fn(&mut Value)) -> Vec<String> {
        let stream = manifest::parse(text, &Limits::default());
        let mut wanted = stream.documents[0].root.to_value();
        change(&mut wanted);
        let edited = edit(text, &stream.documents[0], &wanted);
        let again = manifest::parse(&edited, &Limits::default());
        assert_eq!(again.documents[0].root.to_value(), wanted, "{edited}");
        let (old, new): (Vec<&str>, Vec<&str>) = (text.lines().collect(), edited.lines().collect());
        let gone = old.iter().filter(|line| !new.contains(line)).map(|line| format!("-{line}"));
        let come = new.iter().filter(|line| !old.contains(line)).map(|line| format!("+{line}"));
        gone.chain(come).collect()
    }

    #[test]
    fn only_the_lines_that_must_change_do() {
        let at = "/spec/template/spec";
        let change = |tree: &mut Value, path: &str, value: Value| {
            let (parent, key) = path.rsplit_once('/').expect("a path");
            let parent = tree.pointer_mut(&format!("{at}{parent}")).expect("a parent");
            parent[key] = value;
        };
        assert_eq!(
            lines(TEXT, |tree| change(tree, "/tolerations", json!([{"key": "gpu", "operator": "Exists"}]))),
            ["+      tolerations:", "+      - key: gpu", "+        operator: Exists"]
        );
        assert_eq!(
            lines(TEXT, |tree| change(tree, "/nodeSelector/disk", json!("hdd"))),
            ["-        disk: ssd # fast", "+        disk: hdd # fast"]
        );
        assert_eq!(
            lines(TEXT, |tree| change(tree, "/containers/0/image", json!("nginx:2"))),
            ["-        image: 'nginx:1'  # pinned", "+        image: nginx:2  # pinned"]
        );
        assert_eq!(
            lines(TEXT, |tree| change(tree, "/containers/0/resources/requests/cpu", json!("500m"))),
            ["-          requests: {cpu: 2, memory: 1Gi}", "+          requests: {cpu: 500m, memory: 1Gi}"]
        );
    }

    #[test]
    fn what_goes_takes_its_lines_along() {
        let gone = |path: &str| {
            lines(TEXT, |tree| {
                let (parent, key) = path.rsplit_once('/').expect("a path");
                match tree.pointer_mut(parent).expect("a parent") {
                    Value::Object(map) => _ = map.remove(key),
                    Value::Array(list) => _ = list.remove(key.parse().expect("an index")),
                    _ => panic!("{parent} holds nothing"),
                }
            })
        };
        assert_eq!(gone("/spec/template/spec/nodeSelector/zone"), ["-        zone: a"]);
        assert_eq!(
            gone("/spec/template/spec/containers/1"),
            ["-      - name: side", "-        image: busybox"]
        );
        assert_eq!(gone("/spec/template/spec/containers/0/image"), ["-        image: 'nginx:1'  # pinned"]);
        // The first key of an item stands behind the dash: the list is written anew, and no more than that.
        assert_eq!(gone("/spec/template/spec/nodeSelector").len(), 3);
    }

    #[test]
    fn a_list_may_stand_deeper_than_its_key_and_a_value_may_be_an_alias() {
        let text = "a:\n  list:\n    - x: 1\n      y: 2\n";
        let added =
            lines(text, |tree| tree["a"]["list"].as_array_mut().expect("a list").push(json!({"z": 3})));
        assert_eq!(added, ["+    - z: 3"]);
        let text = "a: |\n  some\n  text\nb: 1 # one\n";
        let shorter = |tree: &mut Value| {
            tree["a"] = json!("word");
            tree.as_object_mut().expect("a map").remove("b");
        };
        assert_eq!(lines(text, shorter), ["-a: |", "-  some", "-  text", "-b: 1 # one", "+a: word"]);
        assert_eq!(
            lines(text, |tree| tree["a"] = json!("word")),
            ["-a: |", "-  some", "-  text", "+a: word"]
        );
        let text = "a: &same {x: 1}\nb: *same\n";
        let changed = lines(text, |tree| tree["b"]["x"] = json!(2));
        assert_eq!(changed, ["-a: &same {x: 1}", "-b: *same", "+a:", "+  x: 1", "+b:", "+  x: 2"]);
    }
}
