//! Files in, text out.

use std::io::Write;

/// Prints, and ends quietly if nobody reads any more (`kubeviz run ... | head`).
pub(super) fn say(text: &str) {
    if std::io::stdout().write_all(text.as_bytes()).is_err() {
        std::process::exit(0);
    }
}

/// Reads a file, or standard input for `-`; inflates what is gzipped.
pub(super) fn read(path: &str) -> Result<String, String> {
    String::from_utf8(read_bytes(path)?).map_err(|_| format!("{path}: not a text in UTF-8"))
}

/// As [`read`], be it a text or not.
pub(super) fn read_bytes(path: &str) -> Result<Vec<u8>, String> {
    let bytes = if path == "-" {
        let mut bytes = Vec::new();
        std::io::Read::read_to_end(&mut std::io::stdin().lock(), &mut bytes).map(|_| bytes)
    } else {
        std::fs::read(path)
    };
    let bytes = bytes.map_err(|error| format!("{path}: {error}"))?;
    if bytes.starts_with(&[0x1f, 0x8b]) {
        return gunzip(&bytes).ok_or_else(|| format!("{path}: not a whole gzip file"));
    }
    Ok(bytes)
}

/// The texts in a folder and those below it, by their paths from there.
pub(super) fn walk(
    folder: &std::path::Path,
    name: &str,
    files: &mut std::collections::BTreeMap<String, String>,
) {
    const FILES_MAX: usize = 500;
    const DEPTH_MAX: usize = 8;
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    for entry in entries {
        let own = entry.file_name().to_string_lossy().into_owned();
        let path = if name.is_empty() { own.clone() } else { format!("{name}/{own}") };
        if own.starts_with('.') || files.len() >= FILES_MAX || path.split('/').count() > DEPTH_MAX {
            continue;
        }
        if entry.path().is_dir() {
            walk(&entry.path(), &path, files);
        } else if let Ok(text) = std::fs::read_to_string(entry.path()) {
            files.entry(path).or_insert(text);
        }
    }
}

/// The first member of a gzip file (RFC 1952): a header with optional parts, then deflated data, then eight bytes of
/// checksum and length, which the inflater has no need of.
pub(super) fn gunzip(bytes: &[u8]) -> Option<Vec<u8>> {
    const HEADER_CRC: u8 = 1 << 1;
    const EXTRA: u8 = 1 << 2;
    const NAME: u8 = 1 << 3;
    const COMMENT: u8 = 1 << 4;
    let flags = *bytes.get(3)?;
    let mut at = 10;
    if flags & EXTRA != 0 {
        at += 2 + usize::from(u16::from_le_bytes([*bytes.get(at)?, *bytes.get(at + 1)?]));
    }
    for text in [NAME, COMMENT] {
        if flags & text != 0 {
            at += bytes.get(at..)?.iter().position(|byte| *byte == 0)? + 1;
        }
    }
    if flags & HEADER_CRC != 0 {
        at += 2;
    }
    miniz_oxide::inflate::decompress_to_vec(bytes.get(at..bytes.len().checked_sub(8)?)?).ok()
}
