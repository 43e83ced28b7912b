//! Formats a manifest line by line: two spaces a level, no blanks at the ends. Comments, quotes and the order of things stay; and so
//! does what it says, which is read before and after.

use serde_json::Value;

use crate::api::manifest::{self, Kind, Limits, Node};

/// A longer text is left as it is.
const LENGTH_MAX: usize = 512 * 1024;

/// The formatted text; `None` where that cannot be done without a change of what it says.
pub fn format(text: &str) -> Option<String> {
    let before = said(text)?;
    let plain = text.replace("\r\n", "\n");
    [indented(&plain), trimmed(&plain)]
        .into_iter()
        .find(|formatted| said(formatted).as_ref() == Some(&before))
}

/// What a text says.
fn said(text: &str) -> Option<Vec<Value>> {
    let stream = manifest::parse(text, &Limits::default());
    let readable = text.len() <= LENGTH_MAX && !stream.has_errors();
    readable.then(|| stream.documents.iter().map(|document| document.root.to_value()).collect())
}

/// Which lines go on with a value that began on a line above, and on which: by the places of the values.
fn continued(text: &str) -> Vec<Option<usize>> {
    let starts: Vec<usize> =
        std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect();
    let mut lines = vec![None; starts.len()];
    let stream = manifest::parse(text, &Limits::default());
    for document in &stream.documents {
        inside(&document.root, text, &starts, &mut lines);
    }
    lines
}

fn inside(node: &Node, text: &str, starts: &[usize], lines: &mut [Option<usize>]) {
    let (from, to) = (node.span.from as usize, node.span.to as usize);
    let flow = text[from..].starts_with(['{', '[']);
    match &node.kind {
        Kind::Map(entries) if !flow => {
            entries.iter().for_each(|entry| inside(&entry.value, text, starts, lines))
        }
        Kind::Seq(items) if !flow => items.iter().for_each(|item| inside(item, text, starts, lines)),
        _ => {
            let first = starts.partition_point(|start| *start <= from) - 1;
            let last = starts.partition_point(|start| *start < to);
            let below = lines.iter_mut().take(last).skip(first + 1);
            below.for_each(|line| *line = Some(first));
        }
    }
}

fn indent_of(line: &str) -> usize {
    line.len() - line.trim_start_matches(' ').len()
}

fn indented(text: &str) -> String {
    let continued = continued(text);
    let lines: Vec<&str> = text.split('\n').collect();
    // Columns that something stands at, outermost first: where they were and where they are now.
    let mut columns: Vec<(usize, usize)> = Vec::new();
    let mut shifts = vec![0isize; lines.len()];
    let mut out: Vec<String> = Vec::with_capacity(lines.len());
    for (number, line) in lines.iter().enumerate() {
        if let Some(first) = continued[number] {
            // Text in a block, or the rest of a value: it moves along with where it begins.
            let moved = indent_of(line) as isize + shifts[first];
            let body = line.trim_start_matches(' ');
            let pad = " ".repeat(moved.max(0) as usize);
            out.push(if line.is_empty() { String::new() } else { format!("{pad}{body}") });
            shifts[number] = shifts[first];
            continue;
        }
        let body = line.trim();
        if body.is_empty() {
            out.push(String::new());
            continue;
        }
        if line.starts_with("---") || line.starts_with("...") || line.starts_with('%') {
            columns.clear();
            out.push(line.trim_end().to_string());
            continue;
        }
        if body.starts_with('#') {
            // A comment belongs to what comes next.
            let next = (number + 1..lines.len()).find(|at| {
                continued[*at].is_none()
                    && !lines[*at].trim().is_empty()
                    && !lines[*at].trim().starts_with('#')
            });
            let column = next.map(|at| indent_of(lines[at])).filter(|column| *column == indent_of(line));
            out.push(match column {
                Some(column) => format!("{}{body}", " ".repeat(now_at(&mut columns.clone(), column))),
                None => line.trim_end().to_string(),
            });
            continue;
        }
        let old = indent_of(line);
        let mut new = now_at(&mut columns, old);
        shifts[number] = new as isize - old as isize;
        let mut text = " ".repeat(new);
        let (mut at, mut rest) = (old, body);
        while let Some(item) = rest.strip_prefix("- ") {
            let inner = item.trim_start_matches(' ');
            at += rest.len() - inner.len();
            new += 2;
            text.push_str("- ");
            rest = inner;
            if !rest.starts_with('#') {
                columns.push((at, new));
            }
        }
        text.push_str(rest);
        out.push(text);
    }
    finished(&out)
}

/// Where a column is now: one that is not known yet stands two further in than the one before.
fn now_at(columns: &mut Vec<(usize, usize)>, old: usize) -> usize {
    while columns.last().is_some_and(|(was, _)| *was > old) {
        columns.pop();
    }
    match columns.last() {
        Some((was, now)) if *was == old => *now,
        last => {
            let now = last.map_or(0, |(_, now)| now + 2);
            columns.push((old, now));
            now
        }
    }
}

/// The text without blanks at the ends of lines that are no part of a value.
fn trimmed(text: &str) -> String {
    let continued = continued(text);
    let line = |(at, line): (usize, &str)| match continued[at] {
        Some(_) => line.to_string(),
        None => line.trim_end().to_string(),
    };
    finished(&text.split('\n').enumerate().map(line).collect::<Vec<_>>())
}

/// Lines as a text that ends with one line break.
fn finished(lines: &[String]) -> String {
    let text = lines.join("\n");
    let body = text.trim_end_matches('\n');
    if body.is_empty() { String::new() } else { format!("{body}\n") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, want: &str) {
        assert_eq!(format(text).as_deref(), Some(want), "{text}");
        assert_eq!(format(want).as_deref(), Some(want), "twice");
    }

    #[test]
    fn levels_get_two_spaces_and_comments_stay() {
        check(
            "# the web\napiVersion: v1   \nkind: Pod # one\nmetadata:\n    name: a\n    labels:\n            app: a\n\nspec:\n    # where\n    containers:\n        -   name: a\n            image: a\n            args:\n            - x\n            -  y\n\n\n",
            "# the web\napiVersion: v1\nkind: Pod # one\nmetadata:\n  name: a\n  labels:\n    app: a\n\nspec:\n  # where\n  containers:\n    - name: a\n      image: a\n      args:\n      - x\n      - y\n",
        );
        check("a:\n- b: 1\n  c: 2\n- - d\n  -   e\n", "a:\n- b: 1\n  c: 2\n- - d\n  - e\n");
        check("a: 1\r\nb:\r\n    c: 2\r\n", "a: 1\nb:\n  c: 2\n");
        check("a: 1\n---\nb:\n   c: 2\n", "a: 1\n---\nb:\n  c: 2\n");
        check("", "");
    }

    #[test]
    fn what_is_said_stays_to_the_letter() {
        let script = "data:\n      run.sh: |\n            #!/bin/sh\n              echo  \n\n            exit 0\n      other: x\n";
        check(
            script,
            "data:\n  run.sh: |\n        #!/bin/sh\n          echo  \n\n        exit 0\n  other: x\n",
        );
        check(
            "a:\n    b: [1,\n        2]\n    c: \"x\n      y\"\n",
            "a:\n  b: [1,\n      2]\n  c: \"x\n    y\"\n",
        );
        check("a:\n     b: some\n       words\n     c: 1\n", "a:\n  b: some\n    words\n  c: 1\n");
    }

    #[test]
    fn what_cannot_be_read_is_left_alone() {
        assert_eq!(format("a: [\n"), None);
        assert_eq!(format("a:\n\tb: 1\n"), None);
    }

    #[test]
    fn no_text_means_something_else_afterwards() {
        let seed = "a: |2\n    x\n  y\nb:\n   - c: >-\n      folded\n      text\n     d: 'it''s'\n   # note\n   - {e: [1, 2]}\n? f\n: g\n";
        let mut state = 7_u64;
        let mut next = |below: usize| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) as usize % below
        };
        for _ in 0..3_000 {
            let mut bytes = seed.as_bytes().to_vec();
            for _ in 0..1 + next(3) {
                let at = next(bytes.len());
                bytes[at] = b" \n-:#|>[]{}'\"ax"[next(15)];
            }
            let text = String::from_utf8(bytes).expect("plain letters");
            if let Some(formatted) = format(&text) {
                assert_eq!(said(&formatted), said(&text), "{text}");
            }
        }
    }
}
