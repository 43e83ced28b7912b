//! What stands behind the `?` of a path.

/// What a query says of one thing, with what is escaped in it.
pub fn asked_for(query: &str, name: &str) -> Option<String> {
    let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    let (_, text) = pairs.into_iter().find(|(key, _)| *key == name)?;
    let (mut plain, mut rest) = (Vec::new(), text.as_bytes());
    while let [first, tail @ ..] = rest {
        let escaped = tail.get(..2).filter(|_| *first == b'%').and_then(|two| std::str::from_utf8(two).ok());
        match escaped.and_then(|two| u8::from_str_radix(two, 16).ok()) {
            Some(byte) => {
                plain.push(byte);
                rest = &tail[2..];
            }
            None => {
                plain.push(if *first == b'+' { b' ' } else { *first });
                rest = tail;
            }
        }
    }
    String::from_utf8(plain).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queries_are_read_with_what_is_escaped_in_them() {
        let cases = [
            ("labelSelector=app%3Dweb&limit=5", "labelSelector", Some("app=web")),
            ("limit=5", "labelSelector", None),
            ("a=b+c%2", "a", Some("b c%2")),
            ("a=%ff", "a", None),
        ];
        for (query, name, want) in cases {
            assert_eq!(asked_for(query, name).as_deref(), want, "{query}");
        }
    }
}
