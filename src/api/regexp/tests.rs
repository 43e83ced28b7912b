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
        (r"^\p{L}+\pN$", "é한1", true),
        (r"^\P{Greek}$", "α", false),
        (r"^[\p{Hangul}_]+$", "한_글", true),
        (r"^[^\p{Lu}]+$", "aB", false),
        (r"^\101\0$", "A\0", true),
        ("^[[:^alpha:]]$", "1", true),
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
        let found = Regexp::new(pattern).unwrap().find(text).unwrap();
        let found: Vec<Option<&str>> =
            found.iter().map(|place| place.map(|(from, to)| &text[from..to])).collect();
        assert_eq!(found, want, "{pattern}");
    }
    let basic = Regexp::basic(r"a\(b\)c+").unwrap();
    assert_eq!(basic.find("xabc+"), Some(vec![Some((1, 5)), Some((2, 3))]));
    assert_eq!(Regexp::new("(a*)*b").unwrap().find(&"a".repeat(2_000)), None);
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
        (r"\1", r"invalid escape sequence: `\1`"),
        (r"\p{Foo}a", r"invalid character class range: `\p{Foo}`"),
        ("(?P<a b>c)", "invalid named capture: `(?P<a b>`"),
    ];
    for (pattern, want) in cases {
        assert_eq!(Regexp::new(pattern).err(), Some(format!("error parsing regexp: {want}")), "{pattern}");
    }
}

#[test]
fn large_patterns_and_texts_end() {
    let empty = "(?:".repeat(4) + &"){1000}".repeat(4);
    let deep = "(".repeat(100_000);
    let cases = [
        (empty.as_str(), None),
        ("(?:(?:(?:a{1000}){1000}){1000}){1000}", Some("expression too large")),
        (deep.as_str(), Some("expression nests too deeply")),
    ];
    for (pattern, want) in cases {
        let why = Regexp::new(pattern).err();
        let start = want.map(|want| format!("error parsing regexp: {want}: `{pattern}`"));
        assert_eq!(why, start, "{}", &pattern[..12]);
    }
}

#[test]
fn matches_are_found_one_after_the_other() {
    let cases = [
        ("a*", "baac", &["", "aa", "", ""][..]),
        ("(a*)*", "baac", &["", "aa", "", ""]),
        ("a+b|a", "aaab aa", &["aaab", "a", "a"]),
        ("(?:|a)+b*", "aab", &["aab", ""]),
        ("b*?|ab", "abb", &["", "", "", ""]),
        (r"\b\w", "ab cd", &["a", "c"]),
    ];
    for (pattern, text, want) in cases {
        assert_eq!(all(pattern, text), want, "{pattern}");
    }
    // Each match looks to the end of the text, but only once.
    assert_eq!(all("a*b|a", &"a".repeat(20_000)).len(), 20_000);
}

fn all<'t>(pattern: &str, text: &'t str) -> Vec<&'t str> {
    let regexp = Regexp::new(pattern).unwrap();
    let (mut search, mut from, mut found) = (regexp.search(text), 0, Vec::new());
    while let Some(places) = search.next(from) {
        // It finds what one that begins there does.
        if text.len() < 100 {
            assert_eq!(regexp.search(text).next(from).as_ref(), Some(&places), "{pattern} {from}");
        }
        let Some((start, end)) = places[0] else { break };
        found.push(&text[start..end]);
        from = end + usize::from(start == end);
    }
    found
}
