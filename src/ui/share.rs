//! What a link carries behind its `#`: a manifest, commands at their times, and buttons for a figure.

use serde::Deserialize;

/// The largest text that a link may unfold into.
const INFLATED_MAX: usize = 1 << 20;

/// The contents of a link.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
pub struct Shared {
    /// The manifest.
    #[serde(default, rename = "m")]
    pub manifest: String,
    /// How the figure looks.
    #[serde(default)]
    pub ui: Ui,
}

/// See [`Shared::ui`].
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
pub struct Ui {
    /// Buttons under the stage.
    #[serde(default)]
    pub actions: Vec<ActionButton>,
}

/// A button and the kubectl line that it runs.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct ActionButton {
    /// Its text.
    pub label: String,
    /// The line.
    pub run: String,
}

/// Reads the part of the page's address behind `#`. `Err` says what is wrong with a link that cannot be read.
///
/// # Errors
/// A broken or oversized link.
pub fn read_hash() -> Result<Option<Shared>, String> {
    let hash = gloo::utils::window().location().hash().unwrap_or_default();
    decode(hash.trim_start_matches('#'))
}

fn decode(hash: &str) -> Result<Option<Shared>, String> {
    if let Some(text) = hash.strip_prefix("y=") {
        let manifest = js_sys::decode_uri_component(text)
            .map(String::from)
            .map_err(|_| "broken % escape".to_string())?;
        return Ok(Some(Shared { manifest, ..Default::default() }));
    }
    let Some(packed) = hash.strip_prefix("s=1.") else { return Ok(None) };
    let bytes = base64_url(packed).ok_or("not base64url")?;
    let inflated = miniz_oxide::inflate::decompress_to_vec_with_limit(&bytes, INFLATED_MAX)
        .map_err(|error| format!("cannot be unpacked: {error}"))?;
    serde_json::from_slice(&inflated).map(Some).map_err(|error| error.to_string())
}

fn base64_url(text: &str) -> Option<Vec<u8>> {
    let (mut bits, mut width, mut bytes) = (0u32, 0, Vec::new());
    for letter in text.bytes().filter(|letter| *letter != b'=') {
        let six = match letter {
            b'A'..=b'Z' => letter - b'A',
            b'a'..=b'z' => letter - b'a' + 26,
            b'0'..=b'9' => letter - b'0' + 52,
            b'-' | b'+' => 62,
            b'_' | b'/' => 63,
            _ => return None,
        };
        bits = bits << 6 | u32::from(six);
        width += 6;
        if width >= 8 {
            width -= 8;
            bytes.push((bits >> width) as u8);
        }
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::base64_url;

    #[test]
    fn base64url_reads_with_and_without_padding() {
        assert_eq!(base64_url("aGk_").as_deref(), Some(&b"hi?"[..]));
        assert_eq!(base64_url("aGk=").as_deref(), Some(&b"hi"[..]));
        assert_eq!(base64_url("a b"), None);
    }
}
