//! Where things stand in a text: byte spans, and their conversion to lines, columns and UTF-16 units.

/// A range of bytes of the whole text, `from` included and `to` not.
///
/// Bytes because that is what the parser counts; [`SourceMap`] converts for people (line and column) and for
/// editors (UTF-16 units). Texts are at most a few MiB ([`super::Limits`]), so 32 bits are enough.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span {
    pub from: u32,
    pub to: u32,
}

impl Span {
    pub fn new(from: usize, to: usize) -> Span {
        let clamp = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        Span { from: clamp(from), to: clamp(to.max(from)) }
    }

    pub fn slice(self, text: &str) -> &str {
        text.get(self.from as usize..self.to as usize).unwrap_or("")
    }
}

/// A place in a text, both counted from 1; `column` counts characters, as editors show it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    pub line: u32,
    pub column: u32,
}

/// The line table of one text. A line ends with `\n`, `\r\n` or a lone `\r`.
pub struct SourceMap<'t> {
    text: &'t str,
    /// Byte at which each line starts.
    starts: Vec<u32>,
    /// UTF-16 unit at which each line starts; empty for ASCII text, where both are the same.
    utf16: Vec<u32>,
}

impl<'t> SourceMap<'t> {
    pub fn new(text: &'t str) -> Self {
        let bytes = text.as_bytes();
        let mut starts = vec![0];
        for (at, byte) in bytes.iter().enumerate() {
            if *byte == b'\n' || (*byte == b'\r' && bytes.get(at + 1) != Some(&b'\n')) {
                starts.push(Span::new(at + 1, at + 1).from);
            }
        }
        let mut map = SourceMap { text, starts, utf16: Vec::new() };
        if !text.is_ascii() {
            let mut units = 0;
            map.utf16 = (0..map.starts.len())
                .map(|line| {
                    let start = units;
                    units += utf16_len(map.line_slice(line));
                    start
                })
                .collect();
        }
        map
    }

    pub fn text(&self) -> &'t str {
        self.text
    }

    /// Line and column of a byte; a byte past the end is the end.
    pub fn position(&self, byte: u32) -> Position {
        let line = self.line_of(byte);
        let column = self.before(line, byte).chars().count();
        Position { line: number(line + 1), column: number(column + 1) }
    }

    /// Offset in UTF-16 units, as JavaScript counts.
    pub fn utf16(&self, byte: u32) -> u32 {
        if self.utf16.is_empty() {
            return byte.min(Span::new(self.text.len(), self.text.len()).from);
        }
        let line = self.line_of(byte);
        self.utf16[line] + utf16_len(self.before(line, byte))
    }

    /// Byte offset of a UTF-16 offset; one in the middle of a character is that character's start.
    pub fn byte_of_utf16(&self, units: u32) -> u32 {
        if self.utf16.is_empty() {
            return units.min(Span::new(self.text.len(), self.text.len()).from);
        }
        let line = self.utf16.partition_point(|start| *start <= units).saturating_sub(1);
        let mut left = units - self.utf16[line];
        let mut byte = self.starts[line];
        for c in self.line_slice(line).chars() {
            if left < number(c.len_utf16()) {
                break;
            }
            left -= number(c.len_utf16());
            byte += number(c.len_utf8());
        }
        byte
    }

    /// The text of a 1-based line without its line break.
    pub fn line(&self, line: u32) -> &'t str {
        let index = (line as usize).saturating_sub(1);
        if index < self.starts.len() { self.line_slice(index).trim_end_matches(['\n', '\r']) } else { "" }
    }

    /// The span of a 1-based line without its line break.
    pub fn line_span(&self, line: u32) -> Span {
        let index = (line as usize).saturating_sub(1).min(self.starts.len() - 1);
        let from = self.starts[index] as usize;
        Span::new(from, from + self.line(number(index + 1)).len())
    }

    fn line_of(&self, byte: u32) -> usize {
        self.starts.partition_point(|start| *start <= byte).saturating_sub(1)
    }

    fn line_slice(&self, line: usize) -> &'t str {
        let from = self.starts[line] as usize;
        let to = self.starts.get(line + 1).map_or(self.text.len(), |next| *next as usize);
        self.text.get(from..to).unwrap_or("")
    }

    /// What stands before `byte` on its line; a byte inside a character counts as that character's start.
    fn before(&self, line: usize, byte: u32) -> &'t str {
        let from = self.starts[line] as usize;
        let mut to = (byte as usize).clamp(from, self.text.len());
        while !self.text.is_char_boundary(to) {
            to -= 1;
        }
        self.text.get(from..to).unwrap_or("")
    }
}

fn utf16_len(text: &str) -> u32 {
    number(text.chars().map(char::len_utf16).sum())
}

fn number(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_count_characters_and_utf16_counts_units() {
        let text = "a: é\r\nb: 😀x\rc\n";
        let map = SourceMap::new(text);
        let at = |needle: char| Span::new(text.find(needle).unwrap(), 0).from;
        assert_eq!(map.position(at('é')), Position { line: 1, column: 4 });
        assert_eq!(map.position(at('x')), Position { line: 2, column: 5 });
        assert_eq!(map.position(at('c')), Position { line: 3, column: 1 });
        assert_eq!(map.utf16(at('x')), 6 + 5);
        assert_eq!(map.byte_of_utf16(11), at('x'));
        assert_eq!(map.byte_of_utf16(10), at('😀'));
        assert_eq!(map.line(2), "b: 😀x");
        assert_eq!(map.position(10_000).line, 4);
    }
}
