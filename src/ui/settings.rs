//! How the page was asked to be: by its address, and by what was chosen the last time.

use super::i18n::Lang;
use super::state::StageView;
use super::{driver, storage};

/// The settings at the start.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// The language.
    pub lang: Lang,
    /// `light` or `dark`.
    pub theme: &'static str,
    /// The seed of the run.
    pub seed: u64,
    /// How many nodes the cluster has.
    pub nodes: u32,
    /// One of the speeds, in tenths.
    pub speed_tenths: u32,
    /// Whether the page is a figure in another page.
    pub embed: bool,
    /// Whether time passes from the start.
    pub autoplay: bool,
    /// What the stage shows first.
    pub view: StageView,
    /// The time at which the page opens, in seconds.
    pub position: Option<f64>,
    /// What is under the glass first: `pod/web-0`.
    pub select: Option<String>,
    /// The figure's title.
    pub label: String,
    /// How much of a figure serves to play it.
    pub controls: Controls,
    /// What of a figure there is beside the stage.
    pub panes: Panes,
    /// Whether the manifest of a figure can be read, but not changed.
    pub readonly: bool,
    /// The only page that may command the figure, if it named itself.
    pub origin: Option<String>,
}

/// See [`Settings::panes`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Panes {
    /// The time bar.
    pub time: bool,
    /// The manifest: open from the start, behind a button, or not at all.
    pub yaml: Yaml,
}

/// See [`Panes::yaml`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Yaml {
    Open,
    Closed,
    Absent,
}

impl Panes {
    /// Reads a list such as `stage,time,yaml`; without one, the time bar with a button for the manifest.
    fn read(list: Option<String>) -> Panes {
        let Some(list) = list else { return Panes { time: true, yaml: Yaml::Closed } };
        let has = |name: &str| list.split(',').any(|one| one.trim() == name);
        Panes { time: has("time"), yaml: if has("yaml") { Yaml::Open } else { Yaml::Absent } }
    }
}

/// See [`Settings::controls`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Controls {
    /// A head with Reset and Open, and a time bar.
    #[default]
    Full,
    /// Only the time bar.
    Mini,
    /// Nothing: the page around the figure plays it, or it plays by itself.
    None,
}

impl Controls {
    /// Its name in the page's address.
    pub fn as_str(self) -> &'static str {
        match self {
            Controls::Full => "full",
            Controls::Mini => "mini",
            Controls::None => "none",
        }
    }

    fn from_name(name: &str) -> Option<Controls> {
        [Controls::Full, Controls::Mini, Controls::None].into_iter().find(|one| one.as_str() == name)
    }
}

fn some_nodes(wanted: u32) -> u32 {
    wanted.clamp(1, NODES_MAX)
}

/// More nodes than this are more than a page can show.
const NODES_MAX: u32 = 1_000;

impl Settings {
    /// Reads the address and the storage. `index.html` has set language and theme on the root element already.
    pub fn read() -> Settings {
        let root = gloo::utils::document().document_element();
        let attribute = |name: &str| root.as_ref().and_then(|root| root.get_attribute(name));
        let query = Query::read();
        let tenths = query.get("speed").and_then(|speed| tenths(&speed));
        let nearest =
            |wanted: u32| driver::SPEEDS.into_iter().min_by_key(|speed| speed.abs_diff(wanted)).unwrap_or(40);
        let embed = query.get("embed").as_deref() == Some("1");
        Settings {
            lang: attribute("lang").and_then(|code| Lang::from_code(&code)).unwrap_or_default(),
            theme: if attribute("data-theme").as_deref() == Some("dark") { "dark" } else { "light" },
            seed: query.get("seed").and_then(|seed| seed.parse().ok()).unwrap_or(1),
            nodes: query.get("nodes").and_then(|nodes| nodes.parse().ok()).map_or(3, some_nodes),
            speed_tenths: tenths.map_or(40, nearest),
            embed,
            autoplay: query.get("autoplay").as_deref() != Some("0"),
            view: query.get("view").and_then(|view| StageView::from_name(&view)).unwrap_or_default(),
            position: query.get("t").and_then(|seconds| seconds.parse().ok()),
            select: query.get("select"),
            label: query.get("label").unwrap_or_default(),
            controls: query.get("controls").and_then(|name| Controls::from_name(&name)).unwrap_or_default(),
            panes: Panes::read(query.get("panes")),
            readonly: embed && query.get("readonly").is_some_and(|value| value != "0"),
            origin: query.get("origin"),
        }
    }

    /// Begins with as many nodes as a link says.
    pub fn begin_with(&mut self, nodes: Option<u32>) {
        self.nodes = nodes.map_or(self.nodes, some_nodes);
    }

    /// Writes language and theme onto the root element, and remembers them.
    pub fn show(&self) {
        if let Some(root) = gloo::utils::document().document_element() {
            // The root element takes any attribute.
            let _ = root.set_attribute("lang", self.lang.code());
            let _ = root.set_attribute("data-theme", self.theme);
        }
        if !self.embed {
            storage::set(storage::THEME, self.theme);
            storage::set(storage::LANG, self.lang.code());
        }
    }
}

/// A speed such as `0.5` in tenths. What reads any number would come with the half of the program that the first picture can
/// do without.
fn tenths(speed: &str) -> Option<u32> {
    let (whole, part) = speed.split_once('.').unwrap_or((speed, "0"));
    let part = part.bytes().next().filter(u8::is_ascii_digit).unwrap_or(b'0') - b'0';
    let whole = if whole.is_empty() { 0 } else { whole.parse::<u32>().ok()? };
    whole.checked_mul(10)?.checked_add(u32::from(part))
}

/// The query part of the page's address.
struct Query(Vec<(String, String)>);

impl Query {
    fn read() -> Query {
        let text = gloo::utils::window().location().search().unwrap_or_default();
        let pairs = text.trim_start_matches('?').split('&').filter(|pair| !pair.is_empty());
        let decode = |text: &str| {
            js_sys::decode_uri_component(&text.replace('+', " "))
                .map_or_else(|_| text.to_string(), String::from)
        };
        Query(
            pairs
                .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
                .map(|(k, v)| (decode(k), decode(v)))
                .collect(),
        )
    }

    fn get(&self, name: &str) -> Option<String> {
        self.0.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::tenths;

    #[test]
    fn a_speed_is_read_in_tenths() {
        let cases = [
            ("4", Some(40)),
            ("0.5", Some(5)),
            (".25", Some(2)),
            ("60", Some(600)),
            ("fast", None),
            ("", Some(0)),
            ("9999999999", None),
        ];
        for (text, expected) in cases {
            assert_eq!(tenths(text), expected, "{text}");
        }
    }
}
