//! Which pods a reader looks for: words that all must hold.
//!
//! | word | pods |
//! |---|---|
//! | `web` | with it in their name, namespace, node, status or image, in any case |
//! | `!web` | without it in any of them |
//! | `app=web`, `app!=web` | by label |
//! | `-l 'app in (web, api)'` | by label, as kubectl's `-l`; up to the end of the text |

use sorted::SortedSet;

use super::{ClusterView, PodCard};
use crate::api::selector::Selector;
use crate::api::{MetaExt, Pod};
use crate::apiserver::View;

/// See the module.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Filter {
    /// Texts in lower case, and whether pods are meant that have them.
    words: Vec<(String, bool)>,
    selectors: Vec<Selector>,
}

/// The pods that are meant, of all that are on show.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Meant {
    /// Their uids.
    pub uids: SortedSet<String>,
    /// Of how many.
    pub of: usize,
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
        let meant = pods().filter(|pod| self.means(pod, view));
        Meant { uids: meant.map(|pod| pod.uid.clone()).collect(), of: pods().count() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
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
}
