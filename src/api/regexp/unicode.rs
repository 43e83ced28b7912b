//! Unicode's classes by name: `\p{L}`, `\pN`, `\p{^Greek}`. General categories are those of the standard library, which knows less of
//! them than Go; scripts are the blocks that most of their letters are in.

/// Whether a letter is of a class.
pub type Test = fn(char) -> bool;

static CLASSES: &[(&str, Test)] = &[
    ("Any", |_| true),
    ("L", char::is_alphabetic),
    ("Lu", char::is_uppercase),
    ("Ll", char::is_lowercase),
    ("Lt", |c| matches!(c, '\u{1c5}' | '\u{1c8}' | '\u{1cb}' | '\u{1f2}')),
    ("Lm", |c| matches!(c, '\u{2b0}'..='\u{2ff}')),
    ("Lo", |c| c.is_alphabetic() && !c.is_uppercase() && !c.is_lowercase()),
    ("M", is_mark),
    ("Mn", is_mark),
    ("N", char::is_numeric),
    ("Nd", char::is_numeric),
    ("Nl", |c| matches!(c, '\u{2160}'..='\u{2188}')),
    ("No", |c| c.is_numeric() && !c.is_ascii_digit()),
    ("P", is_punctuation),
    ("Pc", |c| matches!(c, '_' | '\u{203f}' | '\u{2040}')),
    ("Pd", |c| matches!(c, '-' | '\u{2010}'..='\u{2015}')),
    ("Po", is_punctuation),
    ("Ps", |c| matches!(c, '(' | '[' | '{')),
    ("Pe", |c| matches!(c, ')' | ']' | '}')),
    ("S", is_symbol),
    ("Sc", |c| matches!(c, '$' | '\u{a2}'..='\u{a5}' | '\u{20a0}'..='\u{20c0}')),
    ("Sm", |c| matches!(c, '+' | '<'..='>' | '|' | '~' | '\u{2200}'..='\u{22ff}')),
    ("Z", is_space),
    ("Zs", is_space),
    ("Zl", |c| c == '\u{2028}'),
    ("Zp", |c| c == '\u{2029}'),
    ("C", char::is_control),
    ("Cc", char::is_control),
    ("Cf", |c| matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{feff}')),
    ("Latin", |c| c.is_alphabetic() && matches!(c, '\0'..='\u{24f}' | '\u{1e00}'..='\u{1eff}')),
    ("Greek", |c| matches!(c, '\u{370}'..='\u{3ff}' | '\u{1f00}'..='\u{1fff}')),
    ("Cyrillic", |c| matches!(c, '\u{400}'..='\u{52f}')),
    ("Armenian", |c| matches!(c, '\u{531}'..='\u{58f}')),
    ("Hebrew", |c| matches!(c, '\u{591}'..='\u{5f4}')),
    ("Arabic", |c| matches!(c, '\u{600}'..='\u{6ff}' | '\u{750}'..='\u{77f}')),
    ("Devanagari", |c| matches!(c, '\u{900}'..='\u{97f}')),
    ("Thai", |c| matches!(c, '\u{e01}'..='\u{e5b}')),
    ("Han", |c| matches!(c, '\u{2e80}'..='\u{2fd5}' | '\u{3400}'..='\u{9fff}' | '\u{20000}'..='\u{323af}')),
    ("Hangul", |c| matches!(c, '\u{1100}'..='\u{11ff}' | '\u{3131}'..='\u{318e}' | '\u{ac00}'..='\u{d7a3}')),
    ("Hiragana", |c| matches!(c, '\u{3041}'..='\u{309f}')),
    ("Katakana", |c| matches!(c, '\u{30a1}'..='\u{30ff}')),
];

fn is_mark(c: char) -> bool {
    matches!(c, '\u{300}'..='\u{36f}' | '\u{1ab0}'..='\u{1aff}' | '\u{20d0}'..='\u{20ff}')
}

fn is_symbol(c: char) -> bool {
    matches!(c, '$' | '+' | '<'..='>' | '^' | '`' | '|' | '~' | '\u{20a0}'..='\u{20c0}' | '\u{2100}'..='\u{2bff}')
}

fn is_punctuation(c: char) -> bool {
    c.is_ascii_punctuation() && !is_symbol(c)
        || matches!(c, '\u{2010}'..='\u{2027}' | '\u{3001}'..='\u{3003}')
}

fn is_space(c: char) -> bool {
    c.is_whitespace() && !c.is_control()
}

/// What follows `\p`: the class of that name, whether it is all but that class, and what is left. Nothing if there is no such class.
pub fn class(text: &str) -> Option<(Test, bool, &str)> {
    let (name, rest) = match text.strip_prefix('{') {
        Some(text) => text.split_once('}')?,
        None => text.split_at(text.chars().next()?.len_utf8()),
    };
    let (name, negated) = name.strip_prefix('^').map_or((name, false), |name| (name, true));
    let (_, test) = CLASSES.iter().find(|(known, _)| *known == name)?;
    Some((*test, negated, rest))
}
