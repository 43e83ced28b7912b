use super::*;

#[test]
fn patterns_match_as_gos_do() {
    let cases = [
        (r"^(\d+|\*)(/\d+)?(\s+(\d+|\*)(/\d+)?){4}$", "* * * * */5", true),
        (r"^(\d+|\*)(/\d+)?(\s+(\d+|\*)(/\d+)?){4}$", "* * * *", false),
        ("b", "abc", true),
        ("^b", "abc", false),
        ("^$", "", true),
        ("^[a-z0-9]([-a-z0-9]*[a-z0-9])?$", "web-1", true),
        ("^[a-z0-9]([-a-z0-9]*[a-z0-9])?$", "web-", false),
        (r"^[^\s/]+$", "a/b", false),
        (r"^[\w.-]+@[[:alpha:]]+\.com$", "a.b-c@d.com", true),
        ("^(?i)abc$", "aBC", true),
        ("^(?:ab|cd){2,3}$", "abcdab", true),
        ("^(?:ab|cd){2,3}$", "ab", false),
        ("^a.c$", "a\nc", false),
        ("(?s)^a.c$", "a\nc", true),
        (r"\bfoo\b", "a foo b", true),
        (r"\bfoo\b", "afoo b", false),
        (r"^\x41\x{42}$", "AB", true),
        (r"^a{,2}$", "a{,2}", true),
        ("(a*)*b", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", false),
        ("^]$|^[]]$", "]", true),
    ];
    for (pattern, text, want) in cases {
        assert_eq!(Regexp::new(pattern).unwrap().is_match(text), want, "{pattern} {text:?}");
    }
}

#[test]
fn a_match_is_found_with_its_groups() {
    let cases = [
        (r"-([0-9]+)$", "mydb-12", &[Some("-12"), Some("12")][..]),
        (
            r"^(.*?)[[:space:]]+(.*?)$",
            "bin.000003\t154",
            &[Some("bin.000003\t154"), Some("bin.000003"), Some("154")],
        ),
        ("(a+)(a*)", "baaa", &[Some("aaa"), Some("aaa"), Some("")]),
        ("(a+?)(a*)", "baaa", &[Some("aaa"), Some("a"), Some("aa")]),
        ("(?:x|(y))(z)", "xz", &[Some("xz"), None, Some("z")]),
    ];
    for (pattern, text, want) in cases {
        let found = Regexp::new(pattern).unwrap().find(text, 0).unwrap();
        let found: Vec<Option<&str>> =
            found.iter().map(|place| place.map(|(from, to)| &text[from..to])).collect();
        assert_eq!(found, want, "{pattern}");
    }
    let basic = Regexp::basic(r"a\(b\)c+").unwrap();
    assert_eq!(basic.find("xabc+", 0), Some(vec![Some((1, 5)), Some((2, 3))]));
    assert_eq!(Regexp::new("(a*)*b").unwrap().find(&"a".repeat(2_000), 0), None);
}

#[test]
fn what_is_no_pattern_is_refused() {
    let cases = [
        ("a(b", "missing closing ): `a(b`"),
        ("a)b", "unexpected ): `a)b`"),
        ("[a", "missing closing ]: `[a`"),
        ("*a", "missing argument to repetition operator: `*`"),
        ("(?!a)", "invalid or unsupported Perl syntax: `(?!`"),
        ("[b-a]", "invalid character class range: `b-a`"),
        ("a**", "invalid nested repetition operator: `**`"),
        ("a{2000}", "invalid repeat count: `{2000}`"),
        (r"\y", r"invalid escape sequence: `\y`"),
    ];
    for (pattern, want) in cases {
        assert_eq!(Regexp::new(pattern).err(), Some(format!("error parsing regexp: {want}")), "{pattern}");
    }
}
