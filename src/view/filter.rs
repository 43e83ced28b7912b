//! Which pods, or which rows of a table, a reader looks for: words that all must hold.
//!
//! | word | pods |
//! |---|---|
//! | `web` | with it in their name, namespace, node, status or image, in any case |
//! | `!web` | without it in any of them |
//! | `app=web`, `app!=web` | by label |
//! | `-l 'app in (web, api)'` | by label, as kubectl's `-l`; up to the end of the text |

use sorted::SortedSet;

use super::timeline::Lane;
use super::{ClusterView, PodCard};
use crate::api::selector::Selector;
use crate::api::{Key, Kind, MetaExt, Pod};
use crate::apiserver::View;

/// See the module.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Filter {
    /// Texts in lower case, and whether pods are meant that have them.
    words: Vec<(String, bool)>,
    selectors: Vec<Selector>,
}

/// What is meant, of all that is on show.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Meant {
    by: Filter,
    /// The uids of pods.
    pub uids: SortedSet<String>,
    /// The same pods, or the rows of a table.
    pub keys: SortedSet<Key>,
    /// How many, and of how many.
    pub count: usize,
    pub of: usize,
}

impl Meant {
    /// Whether the pod of a lane is meant. Of one that is gone no more is known than what it was called.
    pub fn has_lane(&self, lane: &Lane) -> bool {
        self.uids.contains(&lane.uid) || lane.end.is_some() && self.by.means_gone(&lane.key)
    }
}

impl Filter {
    /// Reads a text.
    ///
    /// # Errors
    /// What is wrong with a selector, in the API server's words.
    pub fn parse(text: &str) -> Result<Filter, String> {
        let mut filter = Filter::default();
        let (words, selector) = match text.split_once("-l ") {
            Some((words, selector)) if words.is_empty() || words.ends_with(' ') => (words, selector),
            _ => (text, ""),
        };
        let selector = selector.trim().trim_matches(['\'', '"']);
        if !selector.is_empty() {
            filter.selectors.push(Selector::parse(selector)?);
        }
        for word in words.split_whitespace() {
            match word.strip_prefix('!') {
                _ if word.contains('=') => filter.selectors.push(Selector::parse(word)?),
                Some("") => {}
                Some(word) => filter.words.push((word.to_lowercase(), false)),
                None => filter.words.push((word.to_lowercase(), true)),
            }
        }
        Ok(filter)
    }

    /// Whether every pod is meant.
    pub fn is_empty(&self) -> bool {
        self.words.is_empty() && self.selectors.is_empty()
    }

    fn means(&self, pod: &PodCard, view: &View) -> bool {
        let node = pod.node.as_deref().unwrap_or_default();
        let has = |word: &str| {
            [&pod.name, &pod.namespace, node, &pod.status, &pod.image]
                .iter()
                .any(|text| text.to_lowercase().contains(word))
        };
        self.words.iter().all(|(word, wanted)| has(word) == *wanted)
            && (self.selectors.is_empty()
                || view
                    .get::<Pod>(&pod.namespace, &pod.name)
                    .is_some_and(|pod| self.selectors.iter().all(|selector| selector.matches(pod.labels()))))
    }

    /// The pods on show that are meant.
    pub fn find(&self, shown: &ClusterView, view: &View) -> Meant {
        let pods = || shown.pending.iter().chain(shown.nodes.iter().flat_map(|node| &node.pods));
        let mut meant = Meant { by: self.clone(), of: pods().count(), ..Meant::default() };
        for pod in pods().filter(|pod| self.means(pod, view)) {
            meant.uids.insert(pod.uid.clone());
            meant.keys.insert(Key::new(Kind::POD, &pod.namespace, &pod.name));
            meant.count += 1;
        }
        meant
    }

    /// The rows of a table that are meant: words are looked for in every cell.
    pub fn find_rows(&self, rows: &[(Key, Vec<String>)], view: &View) -> Meant {
        let means = |key: &Key, cells: &[String]| {
            let has = |word: &str| {
                cells
                    .iter()
                    .map(String::as_str)
                    .chain([&*key.namespace])
                    .any(|cell| cell.to_lowercase().contains(word))
            };
            self.words.iter().all(|(word, wanted)| has(word) == *wanted)
                && (self.selectors.is_empty()
                    || view.object(key).is_some_and(|object| {
                        self.selectors.iter().all(|selector| selector.matches(object.labels()))
                    }))
        };
        let found = rows.iter().filter(|(key, cells)| means(key, cells));
        let keys: SortedSet<Key> = found.map(|(key, _)| key.clone()).collect();
        Meant { by: self.clone(), count: keys.len(), of: rows.len(), keys, uids: SortedSet::new() }
    }

    fn means_gone(&self, pod: &Key) -> bool {
        let has =
            |word: &str| [&pod.name, &pod.namespace].iter().any(|text| text.to_lowercase().contains(word));
        self.selectors.is_empty() && self.words.iter().all(|(word, wanted)| has(word) == *wanted)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::SimTime;
    use crate::sim::{Config, Simulation};
    use crate::view::Stage;

    #[test]
    fn words_and_labels_say_which_pods_are_meant() {
        let mut simulation = Simulation::new(Config::small(1));
        for line in [
            "run web-a --image=nginx:1.27 -l app=web,tier=front",
            "run web-b --image=nginx:1.26 -l app=web",
            "run api --image=redis -l app=api",
        ] {
            assert_eq!(simulation.kubectl_line(line).code, 0, "{line}");
        }
        simulation.advance(crate::clock::SimTime::from_secs(60), u64::MAX);
        let shown = Stage::default().draw(simulation.view(), simulation.api().store());
        let names = |text: &str| {
            let meant = Filter::parse(text).unwrap().find(&shown, simulation.view());
            assert_eq!(meant.of, 3);
            let pods = shown.nodes.iter().flat_map(|node| &node.pods);
            let mut names: Vec<&str> =
                pods.filter(|pod| meant.uids.contains(&pod.uid)).map(|pod| pod.name.as_str()).collect();
            names.sort_unstable();
            names.join(" ")
        };
        for (text, found) in [
            ("", "api web-a web-b"),
            ("WEB", "web-a web-b"),
            ("!web", "api"),
            ("nginx !1.26", "web-a"),
            ("running", "api web-a web-b"),
            ("app=web", "web-a web-b"),
            ("app!=web", "api"),
            ("web -l app in (web, api),!tier", "web-b"),
            ("-l 'app=api'", "api"),
            ("web-l", ""),
        ] {
            assert_eq!(names(text), found, "{text}");
        }
        assert!(Filter::parse("app=a=b").is_err());
        assert!(Filter::parse(" ! ").unwrap().is_empty());
    }

    #[test]
    fn rows_are_meant_by_any_of_their_cells_and_lanes_of_pods_that_are_gone_by_their_names() {
        let mut simulation = Simulation::new(Config::small(1));
        let view = simulation.view();
        let nodes = view.all().map(|(key, _)| key.clone()).filter(|key| key.kind == Kind::NODE);
        let rows: Vec<(Key, Vec<String>)> =
            nodes.map(|key| (key.clone(), vec![key.name.to_string(), "Ready".into()])).collect();
        let found = |text: &str| {
            let meant = Filter::parse(text).unwrap().find_rows(&rows, view);
            assert_eq!((meant.of, meant.count), (3, meant.keys.len()));
            meant.keys.iter().map(|key| key.name.to_string()).collect::<Vec<_>>()
        };
        assert_eq!(found("ready"), ["node-1", "node-2", "node-3"]);
        assert_eq!(found("!node-2 ready"), ["node-1", "node-3"]);
        assert_eq!(found("kubernetes.io/hostname=node-3"), ["node-3"]);

        assert_eq!(simulation.kubectl_line("run web --image=nginx").code, 0);
        simulation.advance(SimTime::from_secs(10), u64::MAX);
        let uid = simulation.view().get::<Pod>("default", "web").unwrap().uid().to_string();
        let meant = |text: &str| Filter::parse(text).unwrap().find(&Default::default(), simulation.view());
        let lane = |end| Lane {
            uid: uid.clone(),
            key: Key::new(Kind::POD, "default", "web"),
            spans: Vec::new(),
            warnings: Vec::new(),
            end,
        };
        let gone = lane(Some((9, SimTime::from_secs(9))));
        assert!(meant("web").has_lane(&gone));
        assert!(!meant("api").has_lane(&gone) && !meant("app=web").has_lane(&gone));
        assert!(!meant("web").has_lane(&lane(None)), "not on show");
    }
}
