//! `diff -f`: what applying manifests would change, as `diff -u -N` shows it.

use serde_json::Value;

use super::{apply, prune};
use crate::api::manifest::to_yaml;
use crate::api::{Key, MetaExt, Object};
use crate::kubectl::commands::writing::FILENAME;
use crate::kubectl::errors::Failure;
use crate::kubectl::manifests;
use crate::kubectl::parse::{Flag, switch, value};
use crate::kubectl::{Call, Verb};

const FLAGS: &[Flag] = &[
    FILENAME,
    value("selector", "only objects with these labels").short('l'),
    switch("server-side", "has no effect here"),
    switch("force-conflicts", "has no effect here"),
    value("concurrency", "has no effect here"),
    switch("prune", "also what pruning would delete"),
    value("prune-allowlist", "only objects of this group/version/kind; can be given again"),
    switch("show-managed-fields", "has no effect here"),
    value("field-manager", "has no effect here"),
];

/// Unchanged lines around a change.
const CONTEXT: usize = 3;
/// Texts with more lines than this that differ are shown as replaced as a whole.
const LINES_MAX: usize = 3_000;

/// See the module.
pub const DIFF: Verb = Verb {
    path: "diff",
    help: "Diff the live version against a would-be applied version",
    flags: FLAGS,
    run,
};

fn run(call: &mut Call<'_, '_>) -> Result<(), Failure> {
    if !call.args.words.is_empty() {
        return Err(Failure::misuse(format!("Unexpected args: [{}]", call.args.words.join(" "))));
    }
    let batch = manifests::read(call)?;
    Failure::collect(batch.failures)?;
    let mut differs = false;
    for item in &batch.items {
        let namespace =
            if item.namespace.is_empty() { call.namespace.clone() } else { item.namespace.clone() };
        let namespace = if item.kind.info().namespaced { namespace } else { String::new() };
        let live = call.client.get(&Key::new(item.kind, &namespace, &item.name)).ok();
        let mut merged = apply::would_be(call, item)?;
        if let Some(live) = &live {
            // A dry run writes nothing, and what is there keeps its version.
            merged.set_revision(live.revision());
        }
        let text = |value: &Value| to_yaml(&without_bookkeeping(value));
        let before = live.as_ref().map(|live| text(&live.to_value())).unwrap_or_default();
        let after = text(&merged.to_value());
        if before != after {
            differs = true;
            compare_files(call, &merged, &before, &after);
        }
    }
    for gone in prune::stale(call)? {
        differs = true;
        let before = to_yaml(&without_bookkeeping(&gone.to_value()));
        compare_files(call, &gone, &before, "");
    }
    // The status of a diff that finds something is 1, as diff's own.
    call.output.code = i32::from(differs);
    Ok(())
}

/// Two texts of an object, as `diff` of the files in which kubectl has put them.
fn compare_files(call: &mut Call<'_, '_>, object: &Object, before: &str, after: &str) {
    let version = object.api_version().replace('/', ".");
    let name = format!("{version}.{}.{}.{}", object.kind().name(), object.namespace(), object.name());
    call.say(format!(
        "diff -u -N /tmp/LIVE/{name} /tmp/MERGED/{name}\n--- /tmp/LIVE/{name}\n+++ /tmp/MERGED/{name}"
    ));
    let text = unified(before, after);
    call.output.stdout.push_str(&text);
}

/// The object without what every write changes, and without the note of what was applied.
fn without_bookkeeping(value: &Value) -> Value {
    let mut value = value.clone();
    if let Some(annotations) = value.pointer_mut("/metadata/annotations").and_then(Value::as_object_mut) {
        annotations.remove(apply::LAST_APPLIED);
        if annotations.is_empty() {
            value["metadata"].as_object_mut().map(|metadata| metadata.remove("annotations"));
        }
    }
    value
}

/// A line of a difference: kept, taken away or added.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Line<'t> {
    Kept(&'t str),
    Gone(&'t str),
    New(&'t str),
}

/// The differences of two texts, each with the lines around it.
fn unified(before: &str, after: &str) -> String {
    let (a, b): (Vec<&str>, Vec<&str>) = (before.lines().collect(), after.lines().collect());
    let lines = compare(&a, &b);
    let changed: Vec<usize> = (0..lines.len()).filter(|at| !matches!(lines[*at], Line::Kept(_))).collect();
    let mut text = String::new();
    let mut next = 0;
    while let Some(&first) = changed.get(next) {
        // A hunk goes on as long as the next change is near.
        let mut last = first;
        while let Some(&at) = changed.get(next).filter(|at| **at <= last + 2 * CONTEXT + 1) {
            last = at;
            next += 1;
        }
        let (from, to) = (first.saturating_sub(CONTEXT), (last + CONTEXT + 1).min(lines.len()));
        let count = |lines: &[Line<'_>], new: bool| {
            let counts = |line: &&Line<'_>| match line {
                Line::Kept(_) => true,
                Line::Gone(_) => !new,
                Line::New(_) => new,
            };
            lines.iter().filter(counts).count()
        };
        let range = |new: bool| {
            let (start, len) = (count(&lines[..from], new), count(&lines[from..to], new));
            match len {
                0 => format!("{start},0"),
                1 => format!("{}", start + 1),
                len => format!("{},{len}", start + 1),
            }
        };
        text.push_str(&format!("@@ -{} +{} @@\n", range(false), range(true)));
        for line in &lines[from..to] {
            text.push_str(&match line {
                Line::Kept(line) => format!(" {line}\n"),
                Line::Gone(line) => format!("-{line}\n"),
                Line::New(line) => format!("+{line}\n"),
            });
        }
    }
    text
}

/// The longest common subsequence of two lists of lines, written as what became of each line.
fn compare<'t>(a: &[&'t str], b: &[&'t str]) -> Vec<Line<'t>> {
    let same = a.iter().zip(b).take_while(|(a, b)| a == b).count();
    let rest = (a.len() - same).min(b.len() - same);
    let same_end = (0..rest).take_while(|n| a[a.len() - 1 - n] == b[b.len() - 1 - n]).count();
    let (x, y) = (&a[same..a.len() - same_end], &b[same..b.len() - same_end]);
    let mut lines: Vec<Line<'t>> = a[..same].iter().map(|line| Line::Kept(line)).collect();
    if x.len() > LINES_MAX || y.len() > LINES_MAX {
        lines.extend(x.iter().map(|line| Line::Gone(line)));
        lines.extend(y.iter().map(|line| Line::New(line)));
    } else {
        // longest[i][j]: how many lines x[i..] and y[j..] have in common.
        let width = y.len() + 1;
        let mut longest = vec![0u16; (x.len() + 1) * width];
        for i in (0..x.len()).rev() {
            for j in (0..y.len()).rev() {
                longest[i * width + j] = match x[i] == y[j] {
                    true => longest[(i + 1) * width + j + 1] + 1,
                    false => longest[(i + 1) * width + j].max(longest[i * width + j + 1]),
                };
            }
        }
        let (mut i, mut j) = (0, 0);
        while i < x.len() || j < y.len() {
            if i < x.len() && j < y.len() && x[i] == y[j] {
                lines.push(Line::Kept(x[i]));
                (i, j) = (i + 1, j + 1);
            } else if i < x.len()
                && (j == y.len() || longest[(i + 1) * width + j] >= longest[i * width + j + 1])
            {
                lines.push(Line::Gone(x[i]));
                i += 1;
            } else {
                lines.push(Line::New(y[j]));
                j += 1;
            }
        }
    }
    lines.extend(a[a.len() - same_end..].iter().map(|line| Line::Kept(line)));
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn differences_read_as_diff_prints_them() {
        let text = |lines: &[&str]| lines.iter().map(|line| format!("{line}\n")).collect::<String>();
        let before = text(&["a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l", "m"]);
        let after = before.replace("c\n", "C\n").replace("l\n", "l\nL\n");
        let want = "@@ -1,6 +1,6 @@\n a\n b\n-c\n+C\n d\n e\n f\n@@ -10,4 +10,5 @@\n j\n k\n l\n+L\n m\n";
        assert_eq!(unified(&before, &after), want);
        assert_eq!(unified("", "a\nb\n"), "@@ -0,0 +1,2 @@\n+a\n+b\n");
        assert_eq!(unified("a\n", "a\n"), "");
    }
}
