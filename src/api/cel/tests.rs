//! Expressions and what they are worth.

use serde_json::json;

use super::{Program, Type, Value, of_json, of_schema};

fn value(text: &str) -> Result<String, String> {
    let object = json!({"name": "web", "n": 3, "list": [1, 2, 3], "labels": {"app": "web", "tier": "front"}, "none": null});
    let (program, _) = Program::typed(text, &[("self", Type::Dyn)])?;
    let value = program.evaluate(&[("self", Value::of(&object))])?;
    Ok(value.shown().unwrap_or_else(|| value.type_name().into()))
}

#[test]
fn expressions_are_worth_what_they_say() {
    let cases = [
        ("1 + 2 * 3", "7"),
        ("-(1 - 4) % 2", "1"),
        ("7 / 2", "3"),
        ("1 < 2 && !(2 < 1) || false", "true"),
        ("self.n > 2 ? 'big' : 'small'", "big"),
        ("has(self.name) && !has(self.other)", "true"),
        ("self.list.all(x, x > 0)", "true"),
        ("self.list.exists_one(x, x == 2)", "true"),
        ("self.list.filter(x, x > 1).map(x, x * 10)", "[20, 30]"),
        ("self.list.map(x, x > 1, x)", "[2, 3]"),
        ("self.labels.all(k, k.size() < 5)", "true"),
        ("self.labels.exists(k, v, k == 'app' && v == 'web')", "true"),
        ("'app' in self.labels", "true"),
        ("2 in self.list", "true"),
        ("self.labels['tier'] + \"!\"", "front!"),
        ("self.?other.orValue('none')", "none"),
        ("self.labels[?'x'].orValue('y')", "y"),
        ("self.?name.optMap(n, n + '1').orValue('')", "web1"),
        ("cel.bind(x, 2, x * x)", "4"),
        ("self.other == 1 || true", "true"),
        ("size(self.list) == 3 && 'héllo'.size() == 5", "true"),
        ("'a,b,c'.split(',').join('-')", "a-b-c"),
        ("'hello'.substring(1, 3).upperAscii()", "EL"),
        ("'hello'.indexOf('l') + 'hello'.lastIndexOf('l')", "5"),
        ("'hello'.matches('^h.*o$')", "true"),
        ("'abc 123 def 45'.findAll('[0-9]+')", "[123, 45]"),
        ("'%s has %d, %.2f'.format(['x', 2, 1.5])", "x has 2, 1.50"),
        ("[3, 1, 2].sort()", "[1, 2, 3]"),
        ("[1, 2].sum() + [1, 5].max()", "8"),
        ("sets.contains([1, 2], [2]) && sets.equivalent([1, 2], [2, 1])", "true"),
        ("math.greatest(1, 5, 3)", "5"),
        ("quantity('1Gi').isGreaterThan(quantity('500M'))", "true"),
        ("quantity('50k').add(20).asInteger()", "50020"),
        ("url('https://example.com:80/a?b=c').getHostname()", "example.com"),
        ("ip('10.0.0.1').family() == 4 && cidr('10.0.0.0/8').containsIP('10.1.2.3')", "true"),
        ("duration('90m') > duration('1h')", "true"),
        ("timestamp('2026-01-02T03:04:05Z').getFullYear()", "2026"),
        ("timestamp('2026-01-02T00:00:00Z') + duration('36h')", "2026-01-03T12:00:00Z"),
        ("string(1) + string(true)", "1true"),
        ("int('42') + int(2.9)", "44"),
        ("type(1) == int && type('a') == string", "true"),
        ("dyn(1) == dyn(1.0)", "true"),
        ("{'a': 1, ?'b': optional.none()}.size()", "1"),
        ("'''a\nb'''.size() + r'\\d'.size()", "5"),
        ("semver('1.2.3').isLessThan(semver('1.10.0'))", "true"),
        ("format.dns1123Label().validate('A').hasValue()", "true"),
        ("base64.decode('aGk=') == b'hi'", "true"),
    ];
    for (text, want) in cases {
        assert_eq!(value(text).as_deref(), Ok(want), "{text}");
    }
}

#[test]
fn what_has_no_value_says_why() {
    let cases = [
        ("self.other", "no such key: other"),
        ("self.list[5]", "index out of bounds: 5"),
        ("1 / (self.n - 3)", "division by zero"),
        ("9223372036854775807 + self.n", "integer overflow"),
        ("self.name > self.n", "no such overload"),
        (
            "self.list.map(x, self.list.map(y, self.list.map(z, lists.range(100000)))).size()",
            "operation cancelled: actual cost limit exceeded",
        ),
    ];
    for (text, want) in cases {
        assert_eq!(value(text), Err(want.to_string()), "{text}");
    }
}

#[test]
fn what_does_not_fit_a_schema_is_refused_before_it_runs() {
    let schema = json!({"type": "object", "properties": {
        "size": {"type": "integer"}, "name": {"type": "string"}, "a-b": {"type": "string"},
        "tags": {"type": "array", "items": {"type": "string"}},
        "port": {"x-kubernetes-int-or-string": true},
    }});
    let compile = |text: &str| {
        let own = of_schema(&schema, true).unwrap();
        Program::compile(text, &[("self", own)], (&Type::Plain('b'), "must evaluate to a bool")).map(drop)
    };
    for text in [
        "self.size > 1 && self.name.startsWith('a')",
        "self.tags.all(t, t != '')",
        "self.metadata.name == self.name",
        "self.a__dash__b == ''",
        "self.port == 80 || self.port == 'http'",
        "self.tags.exists(ip, isIP(ip) && ip.contains('.'))",
    ] {
        assert_eq!(compile(text), Ok(()), "{text}");
    }
    let cases = [
        (
            "self.sice > 1",
            "compilation failed: ERROR: <input>:1:5: undefined field 'sice'\n | self.sice > 1\n | ....^",
        ),
        (
            "self.size > 'a'",
            "compilation failed: ERROR: <input>:1:11: found no matching overload for '_>_' applied to '(int, string)'\n \
             | self.size > 'a'\n | ..........^",
        ),
        (
            "other",
            "compilation failed: ERROR: <input>:1:1: undeclared reference to 'other' (in container '')\n | other\n | ^",
        ),
        ("self.size", "must evaluate to a bool"),
    ];
    for (text, want) in cases {
        assert_eq!(compile(text), Err(want.to_string()), "{text}");
    }
    for text in ["self.size >", "1 + ", "a b", "'open", "self.(", "@", "has(self)", "", "\u{0}"] {
        assert!(compile(text).is_err(), "{text}");
    }
    let object = json!({"size": 2, "name": "x", "a-b": "c"});
    let (program, _) = Program::typed("self.a__dash__b", &[("self", Type::Dyn)]).unwrap();
    let found = program.evaluate(&[("self", of_json(&object, &schema))]).unwrap();
    assert_eq!(found.shown().as_deref(), Some("c"));
}

#[test]
fn what_would_take_too_long_is_cut_off() {
    let limit = "operation cancelled: actual cost limit exceeded";
    let double = |inner: &str, times: usize| {
        let binds: String =
            (1..=times).map(|at| format!("cel.bind(x{at}, [x{}, x{}], ", at - 1, at - 1)).collect();
        format!("cel.bind(x0, [1], {binds}{inner}{}", ")".repeat(times + 1))
    };
    let cases = [
        "lists.range(50000).distinct().size() > 0".to_string(),
        "sets.contains(lists.range(20000), lists.range(20000))".into(),
        "lists.range(1000).exists(x, lists.range(100000).all(y, false))".into(),
        "cel.bind(t, lists.range(10000).map(x, 'aaaaaaaaaa').join(), t.replace('', t)) == ''".into(),
        "cel.bind(t, lists.range(10000).map(x, 'aaaaaaaaaa').join(), lists.range(9000).map(x, t).join(t)) == ''"
            .into(),
        double("x40 == x40", 40),
        double("'%s'.format([x40]) == ''", 40),
        double("x40.flatten(100).size() == 0", 40),
    ];
    for text in cases {
        assert_eq!(value(&text), Err(limit.to_string()), "{text}");
    }
}

#[test]
fn high_expressions_are_refused() {
    let right = "expression recursion limit exceeded";
    let cases = [
        ("1".to_string() + &"+1".repeat(100_000), right),
        ("self".to_string() + &".a".repeat(100_000), right),
        ("self".to_string() + &"[0]".repeat(100_000), right),
        ("self".to_string() + &".f()".repeat(100_000), right),
        ("true".to_string() + &" && true".repeat(100_000), right),
        (format!("{}1{}", "[".repeat(1_000), "]".repeat(1_000)), right),
    ];
    for (text, want) in cases {
        let why = value(&text).err().unwrap_or_default();
        assert!(why.contains(want), "{}: {}", &text[..20], &why[..100.min(why.len())]);
    }
    let chain = |sign: &str, part: &str| vec![part; 200].join(sign);
    for (text, want) in [(chain(" + ", "1"), "200"), (chain(" && ", "self.n == 3"), "true")] {
        assert_eq!(value(&text).as_deref(), Ok(want));
    }
}

#[test]
fn the_least_number_and_maps_by_number_are_known() {
    let cases = [
        ("-9223372036854775808", Ok("-9223372036854775808")),
        ("{1: 'a'}.map(k, k)", Ok("[1]")),
        ("{1: 'a'}.all(k, v, k == 1 && v == 'a')", Ok("true")),
        ("['a'].map(x, x)", Ok("[a]")),
    ];
    for (text, want) in cases {
        assert_eq!(value(text).as_deref().map_err(String::as_str), want, "{text}");
    }
    for text in ["9223372036854775808", "1 - (9223372036854775808)", "1 -9223372036854775808"] {
        assert!(value(text).is_err_and(|why| why.contains("invalid int literal")), "{text}");
    }
}

#[test]
fn objects_are_made_where_mutations_are_written() {
    let declared = [("object", Type::Dyn), (super::OBJECTS, Type::Dyn)];
    let made = |text: &str| {
        let (program, _) = Program::typed(text, &declared)?;
        let object = Value::of(&serde_json::json!({"n": [1, 2]}));
        let value = program.evaluate(&[("object", object)])?;
        value.to_json().map(|json| json.to_string()).ok_or_else(|| "no JSON".to_string())
    };
    let cases = [
        ("Object{spec: Object.spec{replicas: 3}}", Ok(r#"{"spec":{"replicas":3}}"#)),
        (
            "Object{spec: Object.spec{?a: object.?b, c: {'d-e': [1.5, dyn(null)]}}}",
            Ok(r#"{"spec":{"c":{"d-e":[1.5,null]}}}"#),
        ),
        (
            "object.n.map(i, JSONPatch{op: 'add', path: '/' + jsonpatch.escapeKey('a/b~') + string(i), value: i})",
            Ok(r#"[{"op":"add","path":"/a~1b~01","value":1},{"op":"add","path":"/a~1b~02","value":2}]"#),
        ),
        (
            "Object{a: [Object.b{}]}",
            Err("type mismatch: unexpected type name \"Object.b\", expected \"Object.a\""),
        ),
        ("Thing{a: 1}", Err("compilation failed: ERROR: <input>:1:6: undeclared reference to 'Thing'")),
        ("quantity('1')", Err("no JSON")),
    ];
    for (text, want) in cases {
        match (made(text), want) {
            (Ok(found), Ok(want)) => assert_eq!(found, want, "{text}"),
            (Err(found), Err(want)) => assert!(found.starts_with(want), "{text}: {found}"),
            (found, _) => panic!("{text}: {found:?}"),
        }
    }
    let rule = Program::typed("Object{a: 1}", &[("self", Type::Dyn)]);
    assert!(rule.is_err(), "rules make no objects");
}

#[test]
fn a_field_is_written_as_a_name_that_the_language_allows() {
    let cases = [
        ("while", "__while__"),
        ("var", "__var__"),
        ("in", "__in__"),
        ("whiles", "whiles"),
        ("a-b/c", "a__dash__b__slash__c"),
    ];
    for (field, want) in cases {
        assert_eq!(super::types::escape(field).as_deref(), Some(want), "{field}");
    }
}
