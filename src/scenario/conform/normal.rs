//! Takes out of a text what no two runs share: uids, times, ages, addresses, node ports, container ids and drawn names. What remains must be equal.

/// A normaliser: first the names it was given, then what can be told by its form.
#[derive(Clone, Debug, Default)]
pub struct Normalizer {
    /// What to replace and by what, longest first.
    names: Vec<(String, String)>,
}

impl Normalizer {
    /// A normaliser that replaces these names, the longer before the shorter.
    pub fn new(names: impl IntoIterator<Item = (String, String)>) -> Normalizer {
        let mut names: Vec<_> = names.into_iter().filter(|(from, _)| !from.is_empty()).collect();
        names.sort_by(|a, b| b.0.len().cmp(&a.0.len()).then_with(|| a.cmp(b)));
        names.dedup();
        Normalizer { names }
    }

    /// The text with every name replaced.
    pub fn names(&self, text: &str) -> String {
        let mut text = text.to_string();
        for (from, to) in &self.names {
            if text.contains(from.as_str()) {
                text = text.replace(from.as_str(), to);
            }
        }
        text
    }

    /// The text with names replaced and drawn values told by their form: `<uid>`, `<time>`, `<age>`, `<ip>`.
    /// Runs of blanks become one, since columns are as wide as what stands in them.
    pub fn text(&self, text: &str) -> String {
        let text = unborn(&self.names(text));
        let mut out = String::with_capacity(text.len());
        for line in text.split_inclusive('\n') {
            let (line, end) = line.strip_suffix('\n').map_or((line, ""), |line| (line, "\n"));
            out.push_str(&forms(&squeeze(line)));
            out.push_str(end);
        }
        out
    }
}

/// Runs of blanks inside a line become one; its indentation stays.
fn squeeze(line: &str) -> String {
    let body = line.trim_start_matches(' ');
    let mut out = " ".repeat(line.len() - body.len());
    out.push_str(&body.split(' ').filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" "));
    out
}

/// Replaces, word for word, what has the form of a drawn value.
fn forms(line: &str) -> String {
    let line = container_ids(&dates(&revision(line)));
    let mut out = String::with_capacity(line.len());
    let mut word = String::new();
    for c in line.chars() {
        if c.is_ascii_alphanumeric() || matches!(c, '-' | '.') {
            word.push(c);
        } else {
            out.push_str(&form(&word));
            word.clear();
            out.push(c);
        }
    }
    out.push_str(&form(&word));
    out
}

/// `{rs1}-q85sb` is a pod of which only the name was drawn, because it was refused.
fn unborn(text: &str) -> String {
    const DRAWN: &str = "bcdfghjklmnpqrstvwxz2456789";
    let mut pieces = text.split("}-");
    let mut out = pieces.next().unwrap_or_default().to_string();
    for piece in pieces {
        out.push_str("}-");
        let length = piece.find(|c| !DRAWN.contains(c)).unwrap_or(piece.len());
        let ends = !piece[length..].starts_with(|c: char| c.is_ascii_alphanumeric() || c == '-');
        if length == 5 && ends {
            out.push_str("{p}");
            out.push_str(&piece[length..]);
        } else {
            out.push_str(piece);
        }
    }
    out
}

/// `containerd://d05e5e1b`, of whatever length, keeps its runtime only.
fn container_ids(line: &str) -> String {
    const RUNTIME: &str = "containerd://";
    match line.split_once(RUNTIME) {
        Some((before, id)) => {
            let end = id.find(|c: char| !c.is_ascii_hexdigit()).unwrap_or(id.len());
            format!("{before}{RUNTIME}<id>{}", &id[end..])
        }
        None => line.to_string(),
    }
}

/// `resourceVersion: "318"`, in YAML or JSON, keeps its quotes and loses its number.
fn revision(line: &str) -> String {
    match line.split_once("resourceVersion") {
        Some((before, after)) => {
            let mut digits = after.chars().filter(char::is_ascii_digit).peekable();
            if digits.peek().is_none() {
                return line.to_string();
            }
            let end = after.rfind(|c: char| c.is_ascii_digit()).map_or(0, |at| at + 1);
            let start = after.find(|c: char| c.is_ascii_digit()).unwrap_or(0);
            format!("{before}resourceVersion{}<revision>{}", &after[..start], &after[end..])
        }
        None => line.to_string(),
    }
}

fn form(word: &str) -> String {
    match word {
        _ if is_uid(word) => "<uid>".into(),
        _ if word.strip_prefix("pvc-").is_some_and(is_uid) => "pvc-<uid>".into(),
        _ if is_age(word) => "<age>".into(),
        _ if is_address(word) => "<ip>".into(),
        _ if is_node_port(word) => "<port>".into(),
        _ => match word.strip_prefix("kube-api-access-").filter(|tail| tail.len() == 5) {
            Some(_) => "kube-api-access-<suffix>".into(),
            None => word.into(),
        },
    }
}

/// `7ae4ed3d-2ca5-4a1b-8cad-0c686cbc31ef`.
fn is_uid(word: &str) -> bool {
    let parts: Vec<&str> = word.split('-').collect();
    parts.iter().map(|part| part.len()).eq([8, 4, 4, 4, 12])
        && parts.iter().all(|part| part.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

/// `42s`, `3m12s`, `5h7m`: digits and units in turn.
fn is_age(word: &str) -> bool {
    let mut digits = 0;
    let mut parts = 0;
    for c in word.chars() {
        match c {
            '0'..='9' => digits += 1,
            's' | 'm' | 'h' | 'd' | 'y' if digits > 0 => {
                digits = 0;
                parts += 1;
            }
            _ => return false,
        }
    }
    // `200m` is as likely a CPU quantity: minutes alone count up to two digits.
    let lone_milli = parts == 1 && word.ends_with('m') && word.len() > 3;
    parts > 0 && digits == 0 && !lone_milli
}

/// An address out of the ranges of pods and services.
fn is_address(word: &str) -> bool {
    let parts: Vec<&str> = word.split('.').collect();
    parts.len() == 4 && parts.iter().all(|part| part.parse::<u8>().is_ok()) && parts[0] == "10"
}

/// A port out of the range from which those of Services on nodes are drawn.
fn is_node_port(word: &str) -> bool {
    word.len() == 5 && word.parse::<u32>().is_ok_and(|port| (30_000..32_768).contains(&port))
}

/// Replaces `2026-11-21T00:26:29Z`, with or without a fraction, and `Sat, 21 Nov 2026 00:26:29 +0000`.
fn dates(line: &str) -> String {
    let mut out = String::with_capacity(line.len());
    let mut rest = line;
    while let Some(c) = rest.chars().next() {
        let len = rfc3339_len(rest).or_else(|| rfc1123_len(rest));
        match len {
            Some(len) => {
                out.push_str("<time>");
                rest = &rest[len..];
            }
            None => {
                out.push(c);
                rest = &rest[c.len_utf8()..];
            }
        }
    }
    out
}

fn rfc3339_len(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    matches_shape(bytes, "0000-00-00T00:00:00").then_some(())?;
    let mut len = 19;
    if bytes.get(len) == Some(&b'.') {
        len += 1 + bytes[len + 1..].iter().take_while(|byte| byte.is_ascii_digit()).count();
    }
    (bytes.get(len) == Some(&b'Z')).then_some(len + 1)
}

fn rfc1123_len(text: &str) -> Option<usize> {
    matches_shape(text.as_bytes(), "aaa, 00 aaa 0000 00:00:00 +0000").then_some(31)
}

/// Whether `bytes` begins like `shape`, in which `0` stands for a digit and `a` for a letter.
fn matches_shape(bytes: &[u8], shape: &str) -> bool {
    bytes.len() >= shape.len()
        && shape.bytes().zip(bytes).all(|(shape, byte)| match shape {
            b'0' => byte.is_ascii_digit(),
            b'a' => byte.is_ascii_alphabetic(),
            other => *byte == other,
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn drawn_values_are_told_by_their_form() {
        let cases = [
            ("pod/a   1/1     Running   0     3m12s", "pod/a 1/1 Running 0 <age>"),
            ("  uid: 7ae4ed3d-2ca5-4a1b-8cad-0c686cbc31ef", "  uid: <uid>"),
            ("at 2026-11-21T00:26:29Z.", "at <time>."),
            ("at 2026-11-21T00:26:29.123456Z", "at <time>"),
            ("Start Time: Sat, 21 Nov 2026 00:26:29 +0000", "Start Time: <time>"),
            ("10.244.1.19:8080,10.244.2.20:8080", "<ip>:8080,<ip>:8080"),
            ("cpu: 200m memory: 64Mi", "cpu: 200m memory: 64Mi"),
            ("from kube-api-access-bsmgv (ro)", "from kube-api-access-<suffix> (ro)"),
            ("  resourceVersion: \"318\"", "  resourceVersion: \"<revision>\""),
            ("(x3 over 12s)", "(x3 over <age>)"),
            ("192.168.0.11", "192.168.0.11"),
            ("volumeName: pvc-7ae4ed3d-2ca5-4a1b-8cad-0c686cbc31ef", "volumeName: pvc-<uid>"),
            ("pods \"web-{rs1}-q85sb\" is forbidden", "pods \"web-{rs1}-{p}\" is forbidden"),
            ("web-{rs1}-service, web-{rs1}-{p2}", "web-{rs1}-service, web-{rs1}-{p2}"),
            ("containerID: containerd://d05e5e1b", "containerID: containerd://<id>"),
            ("Runtime: containerd://2.1.0", "Runtime: containerd://<id>.1.0"),
        ];
        for (text, want) in cases {
            assert_eq!(Normalizer::default().text(text), want);
        }
    }

    #[test]
    fn the_longer_name_is_replaced_first() {
        let names = [("web-5d8b", "web-{rs1}"), ("web-5d8b-x7k2p", "web-{rs1}-{p1}")];
        let normal = Normalizer::new(names.map(|(from, to)| (from.to_string(), to.to_string())));
        assert_eq!(normal.names("web-5d8b-x7k2p of web-5d8b"), "web-{rs1}-{p1} of web-{rs1}");
    }
}
