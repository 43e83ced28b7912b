//! Standard base64, with Go's account of where it breaks.

/// Encodes bytes, padded, on one line.
pub fn encode(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let byte = |at: usize| u32::from(chunk.get(at).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for digit in 0..4 {
            let value = (bits >> (18 - 6 * digit) & 63) as usize;
            out.push(if digit <= chunk.len() { char::from(DIGITS[value]) } else { '=' });
        }
    }
    out
}

/// Decodes padded standard base64; line breaks are skipped. `Err` holds the byte Go's decoder would name.
///
/// Models Go `encoding/base64.StdEncoding`.
pub fn decode(text: &str) -> Result<Vec<u8>, usize> {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len() / 4 * 3);
    let mut quantum = [0_u8; 4];
    let mut filled = 0;
    let mut at = 0;
    while at < bytes.len() {
        let byte = bytes[at];
        at += 1;
        if byte == b'\n' || byte == b'\r' {
            continue;
        }
        if byte == b'=' {
            return finish(bytes, at, filled, &quantum, out);
        }
        quantum[filled] = digit(byte).ok_or(at - 1)?;
        filled += 1;
        if filled == 4 {
            out.extend(join(&quantum));
            filled = 0;
        }
    }
    if filled == 0 { Ok(out) } else { Err(at - filled) }
}

/// Ends at the first `=`, which stood at `at - 1` after `filled` digits of its group of four.
fn finish(
    bytes: &[u8],
    mut at: usize,
    filled: usize,
    quantum: &[u8; 4],
    mut out: Vec<u8>,
) -> Result<Vec<u8>, usize> {
    let skip = |mut at: usize| {
        while matches!(bytes.get(at), Some(b'\n' | b'\r')) {
            at += 1;
        }
        at
    };
    match filled {
        0 | 1 => return Err(at - 1),
        2 => {
            at = skip(at);
            match bytes.get(at) {
                None => return Err(bytes.len()),
                Some(b'=') => at += 1,
                Some(_) => return Err(at),
            }
        }
        _ => {}
    }
    at = skip(at);
    if at < bytes.len() {
        return Err(at);
    }
    let mut last = *quantum;
    last[filled..].fill(0);
    out.extend(&join(&last)[..filled - 1]);
    Ok(out)
}

/// Encodes bytes for addresses, without padding: Go's `base64.RawURLEncoding`.
pub fn encode_url(bytes: &[u8]) -> String {
    encode(bytes).trim_end_matches('=').replace('+', "-").replace('/', "_")
}

/// Decodes what [`encode_url`] makes. `Err` holds the byte Go's decoder would name.
pub fn decode_url(text: &str) -> Result<Vec<u8>, usize> {
    if let Some(at) = text.find(['+', '/', '=']) {
        return Err(at);
    }
    let digits = text.bytes().filter(|byte| !matches!(byte, b'\n' | b'\r')).count();
    let padding = if digits % 4 == 1 { 0 } else { (4 - digits % 4) % 4 };
    decode(&format!("{}{}", text.replace('-', "+").replace('_', "/"), "=".repeat(padding)))
}

fn join(q: &[u8; 4]) -> [u8; 3] {
    [q[0] << 2 | q[1] >> 4, q[1] << 4 | q[2] >> 2, q[2] << 6 | q[3]]
}

fn digit(byte: u8) -> Option<u8> {
    match byte {
        b'A'..=b'Z' => Some(byte - b'A'),
        b'a'..=b'z' => Some(byte - b'a' + 26),
        b'0'..=b'9' => Some(byte - b'0' + 52),
        b'+' => Some(62),
        b'/' => Some(63),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_encoded_decodes_to_the_same() {
        for text in ["", "a", "ab", "abc", "Grüße", "\u{0}\u{7f}"] {
            assert_eq!(decode(&encode(text.as_bytes())), Ok(text.as_bytes().to_vec()), "{text:?}");
        }
        assert_eq!(encode(b"hello"), "aGVsbG8=");
    }

    #[test]
    fn what_stands_in_addresses_has_an_alphabet_of_its_own_and_no_padding() {
        for length in 0..7 {
            let bytes: Vec<u8> = (0..length).map(|at: u8| at.wrapping_mul(73).wrapping_add(200)).collect();
            assert_eq!(decode_url(&encode_url(&bytes)), Ok(bytes));
        }
        let cases: &[(&str, Result<&[u8], usize>)] = &[
            ("aGk_", Ok(b"hi?")),
            ("aGk", Ok(b"hi")),
            ("aGk/", Err(3)),
            ("aGk=", Err(3)),
            ("a b", Err(1)),
            ("a", Err(0)),
        ];
        for (text, want) in cases {
            assert_eq!(decode_url(text).as_deref().map_err(|at| *at), *want, "{text}");
        }
    }

    #[test]
    fn good_text_decodes_and_bad_text_is_named_at_its_byte() {
        let cases: &[(&str, Result<&[u8], usize>)] = &[
            ("", Ok(b"")),
            ("YQ==", Ok(b"a")),
            ("YWI=", Ok(b"ab")),
            ("YWJj\nYWJj", Ok(b"abcabc")),
            ("not base64!", Err(3)),
            ("YQ", Err(0)),
            ("YQ=", Err(3)),
            ("YQ==x", Err(4)),
            ("YQ=x", Err(3)),
        ];
        for (text, want) in cases {
            assert_eq!(decode(text).as_deref().map_err(|e| *e), *want, "{text}");
        }
    }
}
