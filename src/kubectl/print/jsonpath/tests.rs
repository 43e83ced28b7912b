//! Templates, and what they lead to.

use super::*;
use serde_json::json;

fn pods() -> Value {
    json!({"kind": "List", "items": [
        {"metadata": {"name": "a", "labels": {"app.kubernetes.io/name": "x"}}, "status": {"ready": true, "restarts": 0,
            "conditions": [{"type": "Ready", "status": "True"}, {"type": "Initialized", "status": "False"}]}},
        {"metadata": {"name": "b"}, "status": {"ready": false, "restarts": 3, "conditions": []}},
        {"metadata": {"name": "c"}, "status": {"restarts": 10}},
    ]})
}

#[test]
fn templates_are_filled_in() {
    let cases = [
        ("{.kind}", "List"),
        ("kind is {.kind}.", "kind is List."),
        ("{.items[*].metadata.name}", "a b c"),
        ("{.items[0].metadata.name}", "a"),
        ("{.items[-1].metadata.name}", "c"),
        ("{.items[0:2].metadata.name}", "a b"),
        ("{.items[::2].metadata.name}", "a c"),
        ("{.items[0,2].metadata.name}", "a c"),
        ("{.items[0]['metadata'].name}", "a"),
        ("{.items[0].metadata.labels.app\\.kubernetes\\.io/name}", "x"),
        ("{.items[0].metadata.labels['app\\.kubernetes\\.io/name']}", "x"),
        ("{.items[0].metadata.labels['app.kubernetes.io/name']}", ""),
        ("{.items[*]['metadata.name', 'status.restarts']}", "a b c 0 3 10"),
        ("{.items[-2:].metadata.name}", "b c"),
        ("{.items[1:1].metadata.name}", ""),
        ("{..name}", "a b c"),
        ("{$.kind}", "List"),
        ("{.items[1].status.conditions}", "[]"),
        ("{.items[*].status.ready}", "true false"),
        ("{.missing.field}", ""),
        (
            "{range .items[*]}{.metadata.name}:{\"\\t\"}{.status.restarts}{\"\\n\"}{end}",
            "a:\t0\nb:\t3\nc:\t10\n",
        ),
        ("{.items[?(@.metadata.name==\"b\")].status.restarts}", "3"),
        ("{.items[?(@.status.restarts>2)].metadata.name}", "b c"),
        ("{.items[?(@.status.ready)].metadata.name}", "a b"),
        ("{.items[?(@.status.ready==true)].metadata.name}", "a"),
        ("{.items[0].status.conditions[?(@.type=='Ready')].status}", "True"),
    ];
    for (template, want) in cases {
        let filled = Template::parse(template).and_then(|template| template.fill(&pods()));
        assert_eq!(filled.as_deref(), Ok(want), "{template}");
    }
}

#[test]
fn what_cannot_be_followed_is_an_error() {
    let cases = [
        ("{.items[3].metadata.name}", "array index out of bounds: index 3, length 3"),
        ("{.items[-4]}", "array index out of bounds: index -1, length 3"),
        ("{.items[1:9]}", "array index out of bounds: index 8, length 3"),
        ("{.items[2:1]}", "starting index 2 is greater than ending index 1"),
        ("{.items[0:3:0]}", "step must be > 0"),
        ("{.kind[*]}", "string is not array or slice"),
        ("{.items[0].metadata[0]}", "map[string]interface {} is not array or slice"),
        ("{.items[?(@.metadata.name>1)]}", "incompatible types for comparison"),
        ("{.items[?(@.status=='a')]}", "invalid type for comparison"),
        (
            "{.items[?(@.kind==1)].metadata.name}{.items[?(@.metadata.name='a')]}",
            "unrecognized filter operator =",
        ),
    ];
    for (template, want) in cases {
        let filled = Template::parse(template).and_then(|template| template.fill(&pods()));
        assert_eq!(filled, Err(want.to_string()), "{template}");
    }
}

#[test]
fn what_cannot_be_read_is_refused_and_never_panics() {
    let cases = [
        "{",
        "{.a",
        "{.a[}",
        "{.a[x]}",
        "{range .a}",
        "{end}",
        "{\"a}",
        "{.a[?(@.b=]}",
        "{.a..}",
        "{+}",
        "{.a[1:2:3:4]}",
        "{.a[\"b\"]}",
        "{.a[?(@.b==1 && @.c==2)]}",
    ];
    for template in cases {
        assert!(Template::parse(template).is_err(), "{template}");
    }
}

#[test]
fn a_path_may_stand_without_braces_and_dot() {
    for text in ["{.items[0].metadata.name}", ".items[0].metadata.name", "items[0].metadata.name"] {
        let path = Path::parse(text).unwrap();
        assert_eq!(path.find(&pods()), Ok(vec![&json!("a")]), "{text}");
    }
}
