//! Names that were drawn, told apart by the order in which their objects appeared: `web-{rs1}-{p3}` is the third pod to
//! appear, of the first ReplicaSet.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::api::{Kind, MetaExt, Object};
use crate::apiserver::Change;
use crate::scenario::conform::normal::Normalizer;

/// How many letters are drawn for a generated name.
const SUFFIX_LEN: usize = 5;

/// Which numbered name stands for which drawn one.
#[derive(Clone, Debug, Default)]
pub struct Names {
    /// From the drawn name to the numbered one.
    numbered: BTreeMap<String, String>,
    replica_sets: u32,
    revisions: u32,
    minutes: u32,
    pods: u32,
}

impl Names {
    /// The names of a recording, which come with it.
    pub fn recorded(case: &Value) -> Names {
        let pairs = case["names"].as_object().into_iter().flatten();
        let text = |value: &Value| value.as_str().unwrap_or_default().to_string();
        let mut names = Names {
            numbered: pairs.map(|(drawn, numbered)| (drawn.clone(), text(numbered))).collect(),
            ..Default::default()
        };
        names.numbered.insert("csi.example.com_fake".into(), "external-provisioner".into());
        for row in case["timeline"].as_array().into_iter().flatten() {
            if row["kind"] == "EndpointSlice" {
                names.add_slice(row["name"].as_str().unwrap_or_default());
            }
        }
        names
    }

    /// Takes note of a write of our own run, if it is an object's first.
    pub fn observe(&mut self, change: &Change) {
        let (None, Some(object)) = (&change.before, &change.after) else { return };
        let name = object.name();
        match (&**object, object.kind()) {
            (Object::ReplicaSet(set), _) => {
                let hash = set.labels().get("pod-template-hash");
                let base = hash.and_then(|hash| name.strip_suffix(hash.as_str()));
                if let Some(base) = base {
                    self.replica_sets += 1;
                    let numbered = format!("{base}{{rs{}}}", self.replica_sets);
                    self.numbered.insert(name.into(), numbered);
                }
            }
            (_, Kind::CONTROLLER_REVISION) => {
                if let Some((owner, _)) = name.rsplit_once('-') {
                    self.revisions += 1;
                    self.numbered.insert(name.into(), format!("{owner}-{{cr{}}}", self.revisions));
                }
            }
            (Object::Job(job), _) => {
                let owner = job.controller().filter(|owner| owner.kind == "CronJob");
                if let Some(owner) = owner.filter(|owner| super::clock::is_of(&owner.name, name)) {
                    self.minutes += 1;
                    let numbered = super::clock::name(&owner.name, self.minutes);
                    self.numbered.insert(name.into(), numbered);
                }
            }
            (_, Kind::POD) => {
                // A StatefulSet says what its pods are called, whatever name its template would generate.
                let base = object.meta().generate_name.as_deref();
                let is_drawn =
                    |base: &&str| name.strip_prefix(*base).is_some_and(|end| end.len() == SUFFIX_LEN);
                if let Some(base) = base.filter(is_drawn) {
                    self.pods += 1;
                    let owner = base.trim_end_matches('-');
                    let owner = self.numbered.get(owner).map_or(owner, String::as_str);
                    let numbered = format!("{owner}-{{p{}}}", self.pods);
                    self.numbered.insert(name.into(), numbered);
                }
            }
            (_, Kind::ENDPOINT_SLICE) => self.add_slice(name),
            _ => {}
        }
    }

    fn add_slice(&mut self, name: &str) {
        if let Some((service, _)) = name.rsplit_once('-') {
            self.numbered.insert(name.into(), format!("{service}-{{slice}}"));
        }
    }

    /// The drawn name behind a numbered one.
    pub fn drawn(&self, numbered: &str) -> Option<&str> {
        self.numbered.iter().find(|(_, value)| *value == numbered).map(|(drawn, _)| drawn.as_str())
    }

    /// The numbered name of a drawn one; any other name stays.
    pub fn numbered<'a>(&'a self, name: &'a str) -> &'a str {
        self.numbered.get(name).map_or(name, String::as_str)
    }

    /// Drawn names and the numbered ones.
    pub fn pairs(&self) -> impl Iterator<Item = (&str, &str)> {
        self.numbered.iter().map(|(drawn, numbered)| (drawn.as_str(), numbered.as_str()))
    }

    /// A normaliser for texts of this run: drawn names, the hash in them, and, where it is left to chance, the node.
    pub fn normalizer(&self, places: &Places) -> Normalizer {
        let hash = |(drawn, numbered): (&str, &str)| {
            let place = numbered.rfind("{rs").or_else(|| numbered.rfind("{cr"));
            let number = &numbered[place.filter(|_| !numbered.contains("{p"))?..];
            Some((drawn.rsplit('-').next()?.to_string(), number.to_string()))
        };
        let mut all: Vec<(String, String)> = self.pairs().filter_map(hash).collect();
        all.extend(self.pairs().map(|(drawn, numbered)| (drawn.to_string(), anonymous(numbered))));
        for number in (1..=4).filter(|number| !places.named.contains(&format!("node-{number}"))) {
            all.push((format!("node-{number}"), "<node>".to_string()));
            all.push((format!("192.168.0.{}", 10 + number), "<host>".to_string()));
            let zone = ["zone-c", "zone-a", "zone-b"][number % 3];
            all.push((zone.to_string(), "<zone>".to_string()));
        }
        Normalizer::new(all)
    }
}

/// The nodes of which a recording's steps speak. The others are alike: which of them a pod runs on, the real scheduler
/// picked by chance.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Places {
    named: Vec<String>,
}

impl Places {
    /// What holds for a recording.
    pub fn of(case: &Value) -> Places {
        let steps = || case["steps"].as_array().into_iter().flatten();
        let texts = || steps().flat_map(|step| [&step["cmd"], &step["note"], &step["stdin"]]);
        let named = |name: &String| {
            texts().filter_map(Value::as_str).any(|text| {
                text.match_indices(name.as_str())
                    .any(|(at, _)| !text[at + name.len()..].starts_with(|c: char| c.is_ascii_digit()))
            })
        };
        Places { named: (1..=9).map(|number| format!("node-{number}")).filter(named).collect() }
    }
}

/// `web-{rs1}-{p3}` as `web-{rs1}-{p}`: which of several equal pods it is, is chance too.
pub fn anonymous(numbered: &str) -> String {
    match numbered.split_once("{p") {
        Some((before, after)) => {
            format!("{before}{{p}}{}", after.split_once('}').map_or("", |(_, rest)| rest))
        }
        None => numbered.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_normalizer_knows_names_hashes_and_nodes() {
        let names = Names::recorded(&json!({
            "names": {"web-5d8b": "web-{rs1}", "web-5d8b-x7k2p": "web-{rs1}-{p1}"},
            "timeline": [{"kind": "EndpointSlice", "name": "web-abcde"}],
        }));
        let text = "web-5d8b-x7k2p on node-2, pod-template-hash=5d8b, web-abcde";
        let want = "web-{rs1}-{p} on <node>, pod-template-hash={rs1}, web-{slice}";
        assert_eq!(names.normalizer(&Places::default()).text(text), want);
        assert_eq!(names.drawn("web-{rs1}-{p1}"), Some("web-5d8b-x7k2p"));
    }
}
