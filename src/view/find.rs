//! Objects by a part of their name: `web`, `deploy/web`, `po api`, `kube-system coredns`.

use crate::api::sorting;
use crate::api::{Key, Kind};
use crate::apiserver::View;

/// The objects that a text means, the likeliest first: every word of it is in the name or the namespace, and the first may say
/// the kind, as in a kubectl command. Events and leases are left out: nobody knows their names.
pub fn objects(text: &str, view: &View, at_most: usize) -> Vec<Key> {
    let text = text.to_lowercase();
    let words: Vec<&str> = text.split([' ', '/']).filter(|word| !word.is_empty()).collect();
    let Some((first, rest)) = words.split_first() else { return Vec::new() };
    let of = Kind::from_resource_word(first);
    let rank = |key: &Key| {
        let kind = rank(key, rest).filter(|_| of == Some(key.kind));
        kind.into_iter().chain(rank(key, &words)).min()
    };
    let known = view.all().map(|(key, _)| key).filter(|key| ![Kind::EVENT, Kind::LEASE].contains(&key.kind));
    let mut found: Vec<(u32, &Key)> = known.filter_map(|key| Some((rank(key)?, key))).collect();
    // What owns others has the shorter name.
    sorting::sort_by(&mut found, |a, b| (a.0, a.1.name.len(), a.1).cmp(&(b.0, b.1.name.len(), b.1)));
    found.into_iter().take(at_most).map(|(_, key)| key.clone()).collect()
}

/// How far an object is from what is meant; nothing if one of the words is not in it.
fn rank(key: &Key, words: &[&str]) -> Option<u32> {
    words.iter().map(|word| rank_word(key, word)).sum()
}

fn rank_word(key: &Key, word: &str) -> Option<u32> {
    let name: &str = &key.name;
    let at = |at: usize| match at {
        0 if name.len() == word.len() => 0,
        0 => 1,
        _ if name[..at].ends_with(['-', '.', ':']) => 2,
        _ => 3,
    };
    name.find(word).map(at).or_else(|| key.namespace.contains(word).then_some(4))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::{Config, Simulation};

    #[test]
    fn the_likeliest_object_comes_first() {
        let mut simulation = Simulation::new(Config::small(1));
        for line in [
            "create deployment web --image=nginx --replicas=2",
            "create deployment api-web --image=nginx",
            "create service clusterip web --tcp=80",
            "create configmap webhook -n kube-system",
        ] {
            assert_eq!(simulation.kubectl_line(line).code, 0, "{line}");
        }
        simulation.advance(crate::clock::SimTime::from_secs(30), u64::MAX);
        let first = |text: &str| objects(text, simulation.view(), 3).first().map(ToString::to_string);
        let cases = [
            ("deploy/web", Some("Deployment default/web")),
            ("deploy api", Some("Deployment default/api-web")),
            ("SVC web", Some("Service default/web")),
            ("kube-system webh", Some("ConfigMap kube-system/webhook")),
            ("node-2", Some("Node node-2")),
            ("nothing-of-the-kind", None),
            (" / ", None),
        ];
        for (text, found) in cases {
            assert_eq!(first(text).as_deref(), found, "{text}");
        }
        let pods = objects("po web", simulation.view(), 10);
        assert!(pods.len() == 3 && pods.iter().all(|key| key.kind == Kind::POD), "{pods:?}");
        assert!(pods[0].name.starts_with("web-"), "{pods:?}");
        assert_eq!(objects("web", simulation.view(), 2).len(), 2);
    }
}
