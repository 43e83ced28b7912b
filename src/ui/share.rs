//! What a link carries behind its `#`: a manifest, what is done and when, where one looks, and buttons for a figure.
//!
//! `#y=MANIFEST` (percent-encoded), or `#s=1.BASE64URL(deflate-raw(JSON))` of a [`Link`]. What is done is inputs at their times, not
//! states, so a link of today is played by the simulator of tomorrow.

use kubeviz::api::manifest::base64;
use kubeviz::clock::SimTime;
use kubeviz::sim::{Input, JournalEntry};
use kubeviz::view::files::{FIRST, Files};
use serde::{Deserialize, Serialize};

/// The largest text that a link may unfold into.
const INFLATED_MAX: usize = 1 << 20;
/// The version of the contents. A change that an older page would read wrongly counts it up, and [`decode`] gets what makes
/// the old contents into new ones.
pub const VERSION: u32 = 1;
/// How hard a link is packed, as zlib counts.
const LEVEL: u8 = 9;

/// The contents of a link.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Link {
    /// The version, see [`VERSION`]; links without are of the first.
    #[serde(default, rename = "v")]
    pub version: u32,
    /// The seed of the run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seed: Option<u64>,
    /// How many nodes the cluster begins with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nodes: Option<u32>,
    /// The manifest in the editor.
    #[serde(default, rename = "m")]
    pub manifest: String,
    /// The editor's files, where there is more than the manifest to tell: names and texts, the manifest's own text left out.
    #[serde(default, rename = "f", skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<(String, Option<String>)>,
    /// Whether the manifest is only shown. Otherwise, and if nothing is done by the link, it is applied at once.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub draft: bool,
    /// What is done, and when.
    #[serde(default, rename = "a", skip_serializing_if = "Vec::is_empty")]
    pub done: Vec<Done>,
    /// The time looked at, in seconds: the run is played up to there at once, and stands.
    #[serde(default, rename = "t", skip_serializing_if = "Option::is_none")]
    pub position: Option<f64>,
    /// How far the run has come, in seconds, if farther than what is looked at.
    #[serde(default, rename = "e", skip_serializing_if = "Option::is_none")]
    pub end: Option<f64>,
    /// How the page looks.
    #[serde(default)]
    pub ui: Ui,
}

impl Link {
    /// Reads the contents of a link.
    ///
    /// # Errors
    /// What is wrong with them, or that they are a newer page's.
    pub fn from_json(json: &[u8]) -> Result<Link, String> {
        let link: Link = serde_json::from_slice(json).map_err(|error| error.to_string())?;
        if link.version > VERSION {
            return Err(format!("it is of version {}, and this page reads up to {VERSION}", link.version));
        }
        Ok(link)
    }

    /// The files that it brings; none if it has nothing for the editor.
    pub fn files(&self) -> Option<Files> {
        if self.files.is_empty() {
            return Some(Files::new(self.manifest.clone())).filter(|_| !self.manifest.is_empty());
        }
        let front = self.files.iter().position(|(_, text)| text.is_none()).unwrap_or(0);
        let text = |text: &Option<String>| text.as_ref().unwrap_or(&self.manifest).clone();
        Files::of(self.files.iter().map(|(name, own)| (name.clone(), text(own))), front)
    }

    /// The editor's files, for [`Link::files`] of another page.
    pub fn carry(mut self, files: &Files) -> Link {
        if files.list().len() > 1 || files.front().name != FIRST {
            let text = |at: usize, text: &str| Some(text.to_string()).filter(|_| at != files.current());
            let all = files.list().iter().enumerate();
            self.files = all.map(|(at, file)| (file.name.clone(), text(at, &file.text))).collect();
        }
        self
    }
}

/// Something done to the cluster.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Done {
    /// As the page writes it: the time in microseconds, how many events had been processed, the input.
    Exactly(u64, u64, Input),
    /// As an author does: seconds, and a line for the console.
    At(f64, String),
}

impl Done {
    /// From a run's journal.
    pub fn of(entry: &JournalEntry) -> Done {
        Done::Exactly(entry.time.0, entry.events_done, entry.input.clone())
    }

    /// For a run. `manifest`, `files`: what a line reads that names them.
    pub fn entry(self, manifest: &str, files: &Files) -> JournalEntry {
        match self {
            Done::Exactly(micros, events_done, input) => {
                JournalEntry { time: SimTime(micros), events_done, input }
            }
            Done::At(seconds, line) => {
                let input = super::commands::input(line, None, manifest, files);
                JournalEntry { time: time_of(seconds), events_done: u64::MAX, input }
            }
        }
    }
}

/// See [`Link::ui`].
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Ui {
    /// The view's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub view: Option<String>,
    /// What is under the glass: `pod/web-0`, with `namespace/` before it outside of `default`.
    #[serde(default, rename = "sel", skip_serializing_if = "Option::is_none")]
    pub selected: Option<String>,
    /// The pods that are looked for, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub filter: Option<String>,
    /// Buttons under the stage.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub actions: Vec<ActionButton>,
}

/// A button and the kubectl line that it runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ActionButton {
    /// Its text.
    pub label: String,
    /// The line.
    pub run: String,
}

/// Seconds of simulated time as a link has them.
pub fn time_of(seconds: f64) -> SimTime {
    SimTime((seconds.max(0.0) * 1e6).round() as u64)
}

/// The other way.
pub fn seconds(time: SimTime) -> f64 {
    time.0 as f64 / 1e6
}

/// Reads the part of the page's address behind `#`. `Err` says what is wrong with a link that cannot be read.
///
/// # Errors
/// A broken or oversized link, or one of a newer page.
pub fn read_hash() -> Result<Option<Link>, String> {
    let hash = gloo::utils::window().location().hash().unwrap_or_default();
    decode(hash.trim_start_matches('#'))
}

fn decode(hash: &str) -> Result<Option<Link>, String> {
    if let Some(text) = hash.strip_prefix("y=") {
        let manifest = js_sys::decode_uri_component(text)
            .map(String::from)
            .map_err(|_| "broken % escape".to_string())?;
        return Ok(Some(Link { manifest, ..Default::default() }));
    }
    let Some(packed) = hash.strip_prefix("s=1.") else { return Ok(None) };
    unpack(packed).map(Some)
}

fn unpack(packed: &str) -> Result<Link, String> {
    let bytes = from_base64_url(packed).ok_or("not base64url")?;
    let inflated = miniz_oxide::inflate::decompress_to_vec_with_limit(&bytes, INFLATED_MAX)
        .map_err(|error| format!("cannot be unpacked: {error}"))?;
    Link::from_json(&inflated)
}

/// The part of an address from `#` on that carries this.
pub fn hash(link: &Link) -> String {
    let json = serde_json::to_vec(link).unwrap_or_default();
    format!("#s=1.{}", base64::encode_url(&miniz_oxide::deflate::compress_to_vec(&json, LEVEL)))
}

/// Takes either alphabet, with padding or without, for links that something on their way has rewritten.
fn from_base64_url(text: &str) -> Option<Vec<u8>> {
    base64::decode_url(&text.trim_end_matches('=').replace('+', "-").replace('/', "_")).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64url_reads_with_and_without_padding() {
        assert_eq!(from_base64_url("aGk_").as_deref(), Some(&b"hi?"[..]));
        assert_eq!(from_base64_url("aGk=").as_deref(), Some(&b"hi"[..]));
        assert_eq!(from_base64_url("aGk/"), from_base64_url("aGk_"));
        assert_eq!(from_base64_url("a b"), None);
    }

    #[test]
    fn what_is_shared_comes_back_from_its_link() {
        let line = "kubectl scale deploy/web --replicas=2".to_string();
        let input = Input::Kubectl { line: line.clone(), stdin: None, files: Default::default() };
        let shared = Link {
            version: VERSION,
            seed: Some(u64::MAX),
            nodes: Some(4),
            manifest: "kind: Pod # 파드\n".into(),
            done: vec![Done::Exactly(12_345_678, 99, input), Done::At(1.5, line)],
            position: Some(12.345_678),
            ui: Ui { view: Some("rollout".into()), filter: Some("!web".into()), ..Default::default() },
            ..Default::default()
        };
        let link = hash(&shared);
        assert_eq!(unpack(link.strip_prefix("#s=1.").unwrap()), Ok(shared));
    }

    #[test]
    fn a_link_brings_all_files_and_says_which_is_in_front() {
        let one = Files::new("a: 1".into());
        let plain = Link { manifest: "a: 1".into(), ..Link::default() };
        assert_eq!(plain.clone().carry(&one), plain, "one file without a name needs no list");
        assert_eq!(plain.files(), Some(one));
        let text = |text: &str| text.to_string();
        let two = [(text("a.yaml"), text("a: 1")), (text("b.yaml"), text("b: 1"))];
        let two = Files::of(two, 1).unwrap();
        let link = Link { manifest: two.front().text.clone(), ..Link::default() }.carry(&two);
        assert_eq!(link.files, [(text("a.yaml"), Some(text("a: 1"))), (text("b.yaml"), None)]);
        assert_eq!(link.files(), Some(two));
        assert_eq!(Link::default().files(), None);
    }

    #[test]
    fn a_link_of_a_newer_page_says_so() {
        let newer = br#"{"v":2,"m":""}"#;
        let packed = base64::encode_url(&miniz_oxide::deflate::compress_to_vec(newer, LEVEL));
        assert_eq!(unpack(&packed).unwrap_err(), "it is of version 2, and this page reads up to 1");
    }

    #[test]
    fn what_an_author_writes_happens_after_everything_else_of_its_moment() {
        let entry = Done::At(2.5, "kubectl apply -f -".into()).entry("kind: Pod", &Files::new(String::new()));
        assert_eq!((entry.time, entry.events_done), (SimTime(2_500_000), u64::MAX));
        assert!(matches!(entry.input, Input::Kubectl { stdin: Some(text), .. } if text == "kind: Pod"));
    }
}
