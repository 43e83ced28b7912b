use super::*;
use serde_json::{Value, json};

fn read(text: &str) -> Stream {
    parse(text, &Limits::default())
}

#[track_caller]
fn value(text: &str) -> Value {
    let stream = read(text);
    assert!(!stream.has_errors(), "{:?}", stream.errors);
    stream.documents.first().expect("a document").root.to_value()
}

/// The kubectl words of the first error, and `line:column` of the place we point at.
#[track_caller]
fn check_error(text: &str, kubectl: &str, place: &str) {
    let stream = read(text);
    let error = stream.errors.first().unwrap_or_else(|| panic!("no error in {text:?}"));
    assert_eq!(error.kubectl.as_deref().unwrap_or(""), kubectl, "{text:?}");
    assert_eq!(format!("{}:{}", error.line, error.column), place, "{text:?}: {}", error.message);
}

#[test]
fn values_are_those_kubectl_sends() {
    assert_eq!(value("a: 1.0\nb: 1.5\nc: yes\nd: 012\n"), json!({"a": 1, "b": 1.5, "c": true, "d": 10}));
    assert_eq!(value("1: a\ntrue: b\n1.5: c\n"), json!({"1": "a", "true": "b", "1.5": "c"}));
    assert_eq!(value("a: &x {b: 1}\nc: *x\n"), json!({"a": {"b": 1}, "c": {"b": 1}}));
    assert_eq!(
        value("a: 2020-01-01T00:00:00Z\nb: \"\\u00e9\"\n"),
        json!({"a": "2020-01-01T00:00:00Z", "b": "é"})
    );
    assert_eq!(value("\u{feff}a: 1\r\nb: |\r\n  x\r\n  y\r\n"), json!({"a": 1, "b": "x\ny\n"}));
    assert_eq!(
        value("{\n\t\"a\": [1, {\"b\": null}],\n\t\"c\":\"\\u00e9\\/\"}"),
        json!({"a": [1, {"b": null}], "c": "é/"})
    );
    assert_eq!(value("{a: 1, b: [x, z]}"), json!({"a": 1, "b": ["x", "z"]}));
    assert_eq!(
        value("a: \"it\\'s \\\\ \\'\"\nb: 'c:\\'\nc: [\"\\'x\"]\nd: \\'\n"),
        json!({"a": "it's \\ '", "b": "c:\\", "c": ["'x"], "d": "\\'"})
    );
    assert_eq!(
        value("a: [b:, 'c', {d:, e: f:}]\nb: a?b\n"),
        json!({"a": ["b:", "c", {"d:": null, "e": "f:"}], "b": "a?b"})
    );
}

#[test]
fn a_merge_takes_effect_where_it_stands() {
    let base = "x: &x {a: 1, b: 1}\ny: &y {b: 2, c: 2}\n";
    assert_eq!(value(&format!("{base}z:\n  <<: *x\n  a: 9\n"))["z"], json!({"a": 9, "b": 1}));
    assert_eq!(value(&format!("{base}z:\n  a: 9\n  <<: *x\n"))["z"], json!({"a": 1, "b": 1}));
    assert_eq!(value(&format!("{base}z:\n  <<: [*x, *y]\n"))["z"], json!({"a": 1, "b": 1, "c": 2}));
    check_error(
        "a:\n  <<: 1\n",
        "error converting YAML to JSON: yaml: map merge requires map or sequence of maps as the value",
        "2:3",
    );
}

#[test]
fn the_last_of_duplicate_keys_wins_with_a_warning_that_names_the_first() {
    let stream = read("a: 1\nb:\n  c: 1\n  c: 2\n");
    assert_eq!(stream.documents[0].root.to_value(), json!({"a": 1, "b": {"c": 2}}));
    let warning = &stream.errors[0];
    assert_eq!((warning.line, warning.column, warning.severity), (4, 3, Severity::Warning));
    assert_eq!(warning.message, "key \"c\" is already set on line 3; the last one wins");
    let many: String = (0..100).map(|n| format!("k{}: {n}\n", n % 60)).collect();
    assert_eq!(read(&many).errors.len(), 40);
}

#[test]
fn empty_documents_are_skipped_and_a_broken_one_does_not_hide_the_next() {
    let stream = read("---\n# nothing\n---\na: 1\n---\nb: [1\n---\nc: 3\n--- x\nd: 4\n");
    let values: Vec<_> = stream.documents.iter().map(|d| (d.index, d.root.to_value())).collect();
    assert_eq!(values, [(0, json!({"a": 1})), (2, json!({"c": 3})), (4, json!({"d": 4}))]);
    let errors: Vec<_> = stream.errors.iter().map(|e| (e.document, e.line)).collect();
    assert_eq!(errors, [(1, 6), (3, 9)]);
    for text in ["a: 1\n...\nb: 2\n", "{\"a\": 1,} x"] {
        let stream = read(text);
        assert_eq!(stream.errors[0].severity, Severity::Warning, "{text}");
    }
}

#[test]
fn syntax_errors_have_kubectls_words_and_our_place() {
    let yaml = |words: &str| format!("error converting YAML to JSON: yaml: {words}");
    let cases = [
        ("metadata:\n  name: p\n labels: x\n", "line 2: did not find expected key", "3:2"),
        ("a: b\nc: a: b\n", "line 2: mapping values are not allowed in this context", "2:5"),
        ("a: b: c\n", "mapping values are not allowed in this context", "1:5"),
        ("v: 1\nkind: \"Pod\nmetadata:\n", "line 4: found unexpected end of stream", "2:7"),
        ("v: 1\nkind: \"Pod", "line 3: found unexpected end of stream", "2:7"),
        ("a: *x\n", "unknown anchor 'x' referenced", "1:4"),
        ("a: 1\nb: @p\n", "line 2: found character that cannot start any token", "2:4"),
        ("a:\n\tb: 1\n", "line 2: found character that cannot start any token", "2:1"),
        ("a:\n  - b\n c: 1\n", "line 2: did not find expected key", "3:2"),
        ("a:\n  - b: 1\n   c: 1\n", "line 2: did not find expected '-' indicator", "3:4"),
        ("a: - b\n", "block sequence entries are not allowed in this context", "1:4"),
        ("a: 1\nfoo\nb: 2\n", "line 3: could not find expected ':'", "2:1"),
        ("a: 1\nb: [1, 2\nc: 3\n", "line 2: did not find expected ',' or ']'", "2:4"),
        ("a: 1\nb: [c, d?e, f]\n", "line 1: did not find expected ',' or ']'", "2:4"),
        ("a: 1\nb: {c: [a: b], d: e?}\n", "line 1: did not find expected ',' or '}'", "2:4"),
        ("a: 1\nb: \"\\q\"\n", "line 2: found unknown escape character", "2:5"),
        ("a: 1\nb: \"^\\/\"\n", "line 2: found unknown escape character", "2:6"),
        ("a: \"\\'\"\nb: \"\\'\\q\"\n", "line 2: found unknown escape character", "2:7"),
    ];
    for (text, words, place) in cases {
        check_error(text, &yaml(words), place);
    }
    check_error("{\"apiVersion\":\"v1\",\"kind\":\"Pod\"", "unexpected EOF", "1:1");
    check_error(
        "{\"a\":1,]",
        "json: offset 8: invalid character ']' looking for beginning of object key string",
        "1:8",
    );
    check_error(
        "a: 1\n---\nb: 1\n c: 2\n",
        &yaml("line 2: mapping values are not allowed in this context"),
        "4:3",
    );
    check_error("a: .inf\n", "error converting YAML to JSON: json: unsupported value: +Inf", "1:4");
}

#[test]
fn fields_are_found_by_the_servers_paths() {
    let text = "ports: [{port: 80}]\nspec:\n  containers:\n  - name: a\n    image: b\nmetadata:\n  labels: {app.kubernetes.io/name: x, k: y}\n";
    let stream = read(text);
    let root = &stream.documents[0].root;
    let at = |path: &str| {
        root.locate(path)
            .map(|l| (l.key.map_or("", |k| k.slice(text)), l.value.slice(text)))
            .unwrap_or(("?", "?"))
    };
    assert_eq!(at("spec.containers[0].image"), ("image", "b"));
    assert_eq!(at(".spec.containers[name=\"a\"].image"), ("image", "b"));
    assert_eq!(at("metadata.labels[app.kubernetes.io/name]"), ("app.kubernetes.io/name", "x"));
    assert_eq!(at("metadata.labels.app.kubernetes.io/name"), ("app.kubernetes.io/name", "x"));
    assert_eq!(at("metadata.labels.k"), ("k", "y"));
    assert_eq!(at("ports[port=80].port"), ("port", "80"));
    assert_eq!(at("spec.containers[0]"), ("", "name: a\n    image: b"));
    assert_eq!(at("spec.containers[1].image"), ("?", "?"));
    assert_eq!(
        root.locate_nearest("spec.containers[0].ports[0].name").value.slice(text),
        "name: a\n    image: b"
    );
    assert_eq!(root.locate_nearest("nothing").key, None);
}

#[test]
fn lists_are_expanded() {
    let stream = read("kind: List\nitems:\n- kind: Pod\n- kind: PodList\n  items: [{kind: A}, {kind: B}]\n");
    let kinds: Vec<_> =
        stream.documents[0].objects().iter().map(|o| o.get("kind").unwrap().as_str().unwrap()).collect();
    assert_eq!(kinds, ["Pod", "A", "B"]);
}

#[test]
fn hostile_texts_are_refused_with_one_message_at_a_place() {
    let bomb: String = std::iter::once("a0: &a0 [x, x, x, x, x, x, x, x, x]\n".to_string())
        .chain((1..10).map(|n| format!("a{n}: &a{n} [{}]\n", vec![format!("*a{}", n - 1); 9].join(", "))))
        .collect();
    let cases = [
        ("[".repeat(10_000), "nested deeper than 100", 1),
        (format!("{}1{}", "{a: ".repeat(10_000), "}".repeat(10_000)), "nested deeper than 100", 1),
        ("- ".repeat(10_000), "nested deeper than 100", 1),
        (
            (0..10_000).map(|n| format!("{}a:\n", " ".repeat(n))).take(3_000).collect(),
            "nested deeper than 100",
            101,
        ),
        (format!("x: 1\n{bomb}"), "expands to more than 1000000 values", 7),
        ("a: &a [*a]\n".to_string(), "contains itself", 1),
        ("x".repeat(9 << 20), "at most 8388608", 1),
        ("a: 1\n---\n".repeat(20_001), "more than 20000 documents", 40_001),
    ];
    for (text, words, line) in cases {
        let stream = read(&text);
        assert_eq!(stream.errors.len(), 1, "{words}: {:?}", stream.errors.first());
        assert!(stream.errors[0].message.contains(words), "{}", stream.errors[0].message);
        assert_eq!(stream.errors[0].line, line, "{words}");
    }
}

#[test]
fn items_of_a_list_of_one_kind_are_of_that_kind() {
    let stream = read(
        "apiVersion: v1\nkind: PodList\nitems:\n- metadata: {name: a}\n- {apiVersion: v1, kind: Service}\n- {kind: X}\n",
    );
    let items = stream.documents[0].objects();
    let words = |at: usize| ["apiVersion", "kind"].map(|key| items[at].get(key).and_then(Node::as_str));
    assert_eq!(words(0), [Some("v1"), Some("Pod")]);
    assert_eq!(words(1), [Some("v1"), Some("Service")]);
    assert_eq!(words(2), [None, Some("X")]);
}

#[test]
fn utf16_offsets_are_given_for_editors() {
    let stream = read("a: 😀\nb: @x\n");
    assert_eq!((stream.errors[0].span.from, stream.errors[0].utf16.from), (11, 9));
}

#[test]
fn no_mutation_of_a_manifest_panics() {
    let seed = "apiVersion: v1\nkind: Pod\nmetadata: {name: \"p\", labels: {a: 'b'}}\nspec:\n  containers:\n  - name: é\n    args: [\"x\", -1, 1.5, ~]\n    <<: &m {k: |\n  }\n---\n{\"a\": [1, 2]}\n";
    const BYTES: &[u8] = b"\t\n\r :-[]{},&*!|>'\"%@`#?~<=.0179aeyn\\\xc3\xa9\xff\x00";
    // A fixed linear congruence is random enough to pick bytes with.
    let mut state = 1_u64;
    let mut next = |below: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % below
    };
    for _ in 0..5_000 {
        let mut bytes = seed.as_bytes().to_vec();
        for _ in 0..1 + next(6) {
            let at = next(bytes.len());
            match next(3) {
                0 => bytes[at] = BYTES[next(BYTES.len())],
                1 => bytes.insert(at, BYTES[next(BYTES.len())]),
                _ => drop(bytes.remove(at)),
            }
        }
        let text = String::from_utf8_lossy(&bytes);
        for document in read(&text).documents {
            document.root.to_value();
            assert!(document.root.span.slice(&text).len() <= text.len());
        }
    }
}

#[test]
fn bytes_that_are_no_text_are_refused_where_they_are() {
    let text = text_of(b"a: 1\n---\nb: caf\xe9 # \xb0\xa1\n---\nc: 3\n");
    let stream = parse(&text, &Limits::default());
    let read: Vec<usize> = stream.documents.iter().map(|document| document.index).collect();
    assert_eq!(read, [0, 2]);
    let words = stream.errors[0].kubectl.as_deref();
    assert_eq!(words, Some("error converting YAML to JSON: yaml: invalid leading UTF-8 octet"));
}
