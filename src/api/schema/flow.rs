//! Braces and brackets before a caret, on its line or on lines before: `{name: a, env: [{na`.

/// What a caret in braces stands in.
pub(super) struct Flow<'t> {
    /// Keys from the outermost brace to the innermost, list items left out.
    pub path: Vec<&'t str>,
    /// The key that the caret is behind, if it is.
    pub key: Option<&'t str>,
    /// What is typed of the word.
    pub typed: &'t str,
    /// Keys of the innermost braces, and of those around them, with what stands behind them.
    pub beside: Vec<(&'t str, &'t str)>,
    pub around: Option<Vec<(&'t str, &'t str)>>,
}

/// A brace or a bracket that is open.
#[derive(Default)]
struct Level<'t> {
    is_map: bool,
    key: Option<&'t str>,
    entries: Vec<(&'t str, &'t str)>,
    /// Where the word begins that is being read.
    word: usize,
}

/// Reads a text that begins with a brace or a bracket up to a caret; `after` is what follows it. `None` where all braces are
/// closed again or none has been opened.
pub(super) fn flow<'t>(text: &'t str, after: &'t str) -> Option<Flow<'t>> {
    let mut levels: Vec<Level<'t>> = Vec::new();
    let mut quote = None;
    for (at, byte) in text.bytes().enumerate() {
        match (quote, byte) {
            (Some(b'#'), _) => quote = Some(b'#').filter(|_| byte != b'\n'),
            (Some(open), _) => quote = Some(open).filter(|open| byte != *open),
            (None, b'"' | b'\'') if word(text, levels.last()?.word, at).is_empty() => quote = Some(byte),
            (None, b'#') if text[..at].ends_with([' ', '\n']) => quote = Some(b'#'),
            (None, b'{' | b'[') => {
                levels.push(Level { is_map: byte == b'{', word: at + 1, ..Level::default() });
            }
            (None, b'}' | b']') => {
                levels.pop();
                levels.last()?;
            }
            (None, b',') => end_entry(levels.last_mut()?, text, at),
            (None, b':') if matches!(text.as_bytes().get(at + 1), None | Some(b' ' | b'\n')) => {
                let level = levels.last_mut()?;
                if level.is_map && level.key.is_none() {
                    (level.key, level.word) = (Some(word(text, level.word, at)), at + 1);
                }
            }
            _ => {}
        }
    }
    let mut inner = levels.pop()?;
    let typed = text[inner.word..].trim_start().trim_start_matches(['"', '\'']);
    // A comma is missing.
    if typed.contains('\n') {
        return None;
    }
    if inner.is_map {
        inner.entries.extend(rest(after));
    } else {
        // What a list holds are values of the key that it stands behind.
        inner = levels.pop()?;
    }
    let path = levels.iter().filter_map(|level| level.key).collect();
    let around = levels.into_iter().rfind(|level| level.is_map).map(|level| level.entries);
    Some(Flow { path, key: inner.key, typed, beside: inner.entries, around })
}

/// How many braces and brackets are open after a line, if so many were before.
pub(super) fn opened(line: &str, before: usize) -> usize {
    let (mut open, mut quote, mut last) = (before, None, b' ');
    for byte in line.bytes() {
        match (quote, byte) {
            (Some(quoted), _) => quote = Some(quoted).filter(|quoted| byte != *quoted),
            (None, b'"' | b'\'') if b" :,{[".contains(&last) => quote = Some(byte),
            (None, b'#') if last == b' ' => break,
            (None, b'{' | b'[') => open += 1,
            (None, b'}' | b']') => open = open.saturating_sub(1),
            _ => {}
        }
        last = byte;
    }
    open
}

fn word(text: &str, from: usize, to: usize) -> &str {
    text[from..to].trim().trim_matches(['"', '\''])
}

/// A comma ends what came before it.
fn end_entry<'t>(level: &mut Level<'t>, text: &'t str, at: usize) {
    if let Some(key) = level.key.take() {
        level.entries.push((key, word(text, level.word, at)));
    }
    level.word = at + 1;
}

/// The entries behind a caret, up to the brace that closes those around it.
fn rest<'t>(after: &'t str) -> Vec<(&'t str, &'t str)> {
    let (mut depth, mut from, mut pieces) = (0, None, Vec::new());
    for (at, byte) in after.bytes().enumerate() {
        match byte {
            b'{' | b'[' => depth += 1,
            b'}' | b']' if depth == 0 => {
                pieces.extend(from.map(|from| &after[from..at]));
                break;
            }
            b'}' | b']' => depth -= 1,
            b',' if depth == 0 => {
                pieces.extend(from.map(|from: usize| &after[from..at]));
                from = Some(at + 1);
            }
            _ => {}
        }
    }
    let entry = |piece: &'t str| {
        let (key, value) = piece.split_once(':')?;
        Some((word(key, 0, key.len()), word(value, 0, value.len())))
    };
    pieces.into_iter().filter_map(entry).collect()
}
