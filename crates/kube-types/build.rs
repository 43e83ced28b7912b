//! Writes a Rust struct for every definition in `table.txt`, in one module per package of the API: `core/v1.PodSpec`
//! becomes `core_v1::PodSpec`. A field that the API requires is bare, any other is an `Option`. A kind without a spec
//! also gets its fields alone (`EventFields`): everything but its type and its metadata.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

/// Rust's keywords among the names of fields.
const KEYWORDS: &[&str] = &["type", "continue", "ref", "enum"];
/// They hold JSON schemas, which contain themselves; CustomResourceDefinitions are read as trees.
const RECURSIVE: &str = "apiextensions/v1";

/// Fields that OpenAPI calls optional and that the server writes all the same, empty: their Go tags have no `omitempty`.
const ALWAYS: &[(&str, &[&str])] = &[
    ("ControllerRevision", &["data"]),
    ("EndpointSlice", &["endpoints"]),
    ("Event", &["reportingComponent", "reportingInstance"]),
];
/// Those among them that are written as `null`.
const NULL: &[(&str, &[&str])] = &[("Event", &["eventTime", "firstTimestamp", "lastTimestamp"])];

struct Field<'a> {
    name: &'a str,
    required: bool,
    code: &'a str,
}

struct Definition<'a> {
    package: &'a str,
    name: &'a str,
    fields: Vec<Field<'a>>,
}

fn main() {
    println!("cargo:rerun-if-changed=table.txt");
    let text = std::fs::read_to_string("table.txt").expect("table.txt is in the package");
    let mut packages: BTreeMap<&str, String> = BTreeMap::new();
    for definition in definitions(&text).iter().filter(|definition| definition.package != RECURSIVE) {
        let out = packages.entry(definition.package).or_default();
        print(out, definition, definition.name, |_| true);
        let has = |name| definition.fields.iter().any(|field| field.name == name);
        if has("metadata") && has("kind") && !has("spec") && !has("items") {
            let name = format!("{}Fields", definition.name);
            print(out, definition, &name, |field| field.name != "metadata");
        }
    }
    let mut out = String::new();
    for (package, body) in packages {
        writeln!(out, "/// The package `{package}`.\n#[allow(unused_imports, clippy::upper_case_acronyms)]\npub mod {} {{\nuse super::*;\n{body}}}", module(package)).unwrap();
    }
    let path = std::env::var("OUT_DIR").expect("cargo names the folder for what is generated");
    std::fs::write(Path::new(&path).join("types.rs"), out)
        .expect("the folder for what is generated can be written");
}

fn definitions(text: &str) -> Vec<Definition<'_>> {
    let mut all: Vec<Definition> = Vec::new();
    for line in text.lines() {
        if let Some(name) = line.strip_prefix("D ") {
            let (package, name) = name.split_once('.').expect("a package and a name");
            all.push(Definition { package, name, fields: Vec::new() });
        } else if !line.starts_with("K ") && !line.starts_with("E ") && !line.starts_with('#') {
            let (name, code) = line.split_once(' ').expect("a field and its code");
            let field = Field { name: name.trim_end_matches('!'), required: name.ends_with('!'), code };
            all.last_mut().expect("a field of a definition").fields.push(field);
        }
    }
    all
}

/// One struct, and how its fields are reached by number.
fn print(out: &mut String, definition: &Definition, name: &str, keep: impl Fn(&Field) -> bool) {
    // A kind says what it is outside its fields.
    let typed = definition.fields.iter().any(|field| field.name == "apiVersion")
        && definition.fields.iter().any(|field| field.name == "metadata");
    let fields: Vec<&Field> = definition
        .fields
        .iter()
        .filter(|field| !(typed && matches!(field.name, "apiVersion" | "kind")))
        .filter(|field| keep(field))
        .collect();
    writeln!(out, "#[derive(Clone, Debug, PartialEq)]\npub struct {name} {{").unwrap();
    for field in &fields {
        let ty = rust_type(field.code, definition.package);
        let bare = field.required || listed(ALWAYS, definition.name, field.name);
        let ty = if bare { ty } else { format!("Option<{ty}>") };
        writeln!(out, "    /// `{}`\n    pub {}: {ty},", field.name, rust_name(field.name)).unwrap();
    }
    let mark = |name| if listed(NULL, definition.name, name) { "!" } else { "" };
    let empty: String =
        fields.iter().map(|field| format!("{}: Default::default(), ", rust_name(field.name))).collect();
    // Out of line: every place that can hold the struct makes an empty one.
    writeln!(
        out,
        "}}\nimpl Default for {name} {{\n    #[inline(never)]\n    fn default() -> {name} {{\n        {name} {{ {empty} }}\n    }}\n}}"
    )
    .unwrap();
    let names: Vec<String> = fields.iter().map(|field| field.name.to_string() + mark(field.name)).collect();
    let arms = |reference: &str| -> String {
        let arm = |(number, field): (usize, &&Field)| {
            format!("{number} => {reference}self.{}, ", rust_name(field.name))
        };
        fields.iter().enumerate().map(arm).collect()
    };
    writeln!(
        out,
        "fields! {{ {name}, {:?}, self, number, {{ {} }}, {{ {} }} }}",
        names.join(" "),
        arms("&"),
        arms("&mut ")
    )
    .unwrap();
}

fn listed(list: &[(&str, &[&str])], definition: &str, field: &str) -> bool {
    list.iter().any(|(name, fields)| *name == definition && fields.contains(&field))
}

fn rust_type(code: &str, package: &str) -> String {
    if let Some(item) = code.strip_prefix("[]") {
        return format!("Vec<{}>", rust_type(item, package));
    }
    if let Some(item) = code.strip_prefix("{}") {
        return format!("BTreeMap<String, {}>", rust_type(item, package));
    }
    if let Some(name) = code.strip_prefix('@') {
        return match name.split_once('.') {
            Some((RECURSIVE, _)) => "Value".into(),
            Some((package, name)) => format!("super::{}::{name}", module(package)),
            None => format!("super::{}::{name}", module(package)),
        };
    }
    match code {
        "s" => "String",
        "i" => "i32",
        "l" => "i64",
        "f" => "f64",
        "b" => "bool",
        "y" => "ByteString",
        "q" => "Quantity",
        "x" => "IntOrString",
        "t" => "Time",
        "m" => "MicroTime",
        named if named.starts_with('=') => "String",
        _ => "Value",
    }
    .into()
}

/// `core/v1` to `core_v1`.
fn module(package: &str) -> String {
    package.replace(['/', '-', '.'], "_")
}

/// `podIPs` to `pod_ips`, `targetCPUUtilization` to `target_cpu_utilization`.
fn rust_name(name: &str) -> String {
    let letters: Vec<char> = name.chars().filter(|letter| *letter != '$').collect();
    let mut out = String::new();
    for (place, letter) in letters.iter().enumerate() {
        let before = place.checked_sub(1).map(|place| letters[place]);
        let ends_a_plural = letters.get(place + 1) == Some(&'s') && place + 2 == letters.len();
        let begins_a_word = letters.get(place + 1).is_some_and(char::is_ascii_lowercase) && !ends_a_plural;
        match before {
            Some(before)
                if letter.is_ascii_uppercase() && (!before.is_ascii_uppercase() || begins_a_word) =>
            {
                out.push('_');
            }
            _ => {}
        }
        out.push(if *letter == '-' { '_' } else { letter.to_ascii_lowercase() });
    }
    if KEYWORDS.contains(&out.as_str()) {
        out.push('_');
    }
    out
}
