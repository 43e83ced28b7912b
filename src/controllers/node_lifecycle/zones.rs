//! Zones of nodes: how many of each are lost decides how fast pods are driven off them. One node at a time in each zone, every
//! ten seconds; slower or not at all where most of a zone is lost; and not at all where every zone is, since then it is more
//! likely that the cluster cannot see than that everything is gone (`handleDisruption`, `RateLimitedTimedQueue`).

use sorted::SortedMap;

use crate::api::{Key, MetaExt, Node, condition};
use crate::clock::{SimDuration, SimTime};

/// Between two nodes of a zone (`node-eviction-rate`, 0.1).
const USUAL: SimDuration = SimDuration::from_secs(10);
/// The same where more than half of a large zone is lost (`secondary-node-eviction-rate`, 0.01).
const SLOW: SimDuration = SimDuration::from_secs(100);
/// Beyond so many nodes a zone is large (`large-cluster-size-threshold`).
const LARGE: usize = 50;
/// So many percent of a zone are most of it (`unhealthy-zone-threshold`).
const MOST: usize = 55;
/// Nodes that wait are looked at so often (`NodeEvictionPeriod`).
pub const TICK: SimDuration = SimDuration::from_millis(100);

/// The label of a node that does not count when it is asked how many are lost.
const EXCLUDED: &str = "node.kubernetes.io/exclude-disruption";

/// How a zone fares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Initial,
    Normal,
    Partial,
    Full,
}

#[derive(Clone, Debug)]
struct Zone {
    members: usize,
    /// Of those that count.
    ready: usize,
    lost: usize,
    state: State,
    /// Between two nodes; `None` if nothing is done.
    every: Option<SimDuration>,
    /// When the next one may follow.
    free: SimTime,
    /// The nodes to be tainted, in order.
    waiting: Vec<Key>,
}

impl Zone {
    fn new() -> Zone {
        let (state, every) = (State::Initial, Some(USUAL));
        Zone { members: 0, ready: 0, lost: 0, state, every, free: SimTime::default(), waiting: Vec::new() }
    }

    /// Models `ComputeZoneState`.
    fn next_state(&self) -> State {
        match (self.ready, self.lost) {
            (0, 1..) => State::Full,
            (ready, lost) if lost > 2 && lost * 100 >= (ready + lost) * MOST => State::Partial,
            _ => State::Normal,
        }
    }

    fn enter(&mut self, state: State, now: SimTime) {
        self.state = state;
        let pace = match state {
            State::Partial if self.ready + self.lost > LARGE => Some(SLOW),
            State::Partial => None,
            _ => Some(USUAL),
        };
        self.set_pace(pace, now);
    }

    /// A new pace begins where the old one stood: if nothing was allowed just now, the first wait is a whole one.
    fn set_pace(&mut self, every: Option<SimDuration>, now: SimTime) {
        if self.every == every {
            return;
        }
        let barred = self.every.is_none() || now < self.free;
        self.free = if barred { now + every.unwrap_or_default() } else { now };
        self.every = every;
    }
}

/// Every zone, and in which of them each node is.
#[derive(Clone, Debug, Default)]
pub struct Zones {
    zones: SortedMap<String, Zone>,
    /// Each node's zone, and whether it is ready; nothing for one that does not count.
    nodes: SortedMap<Key, (String, Option<bool>)>,
    /// Whether every zone was lost at the last look.
    all_lost: bool,
}

/// The zone that a node's labels name (`GetZoneKey`).
fn zone_of(node: &Node) -> String {
    let label = |name: &str| node.labels().get(name).map_or("", String::as_str);
    format!("{}:{}", label("topology.kubernetes.io/region"), label("topology.kubernetes.io/zone"))
}

impl Zones {
    /// Takes note of a node as it is now, or that it is gone. Returns whether everything is lost as of now: evictions are over
    /// until something is heard again.
    pub fn note(&mut self, key: &Key, node: Option<&Node>, now: SimTime) -> bool {
        let is_ready = |node: &Node| condition::is_true(node.status.conditions.as_deref(), "Ready");
        let counts = |node: &Node| !node.labels().contains_key(EXCLUDED);
        let news = node.map(|node| (zone_of(node), counts(node).then(|| is_ready(node))));
        if self.nodes.get(key) == news.as_ref() {
            return false;
        }
        if let Some((name, ready)) = self.nodes.remove(key)
            && let Some(zone) = self.zones.get_mut(&name)
        {
            zone.members -= 1;
            if let Some(ready) = ready {
                *(if ready { &mut zone.ready } else { &mut zone.lost }) -= 1;
            }
            if news.as_ref().is_none_or(|(other, _)| *other != name) {
                zone.waiting.retain(|waiting| waiting != key);
            }
        }
        if let Some((name, ready)) = news {
            let zone = self.zones.entry(name.clone()).or_insert_with(Zone::new);
            zone.members += 1;
            if let Some(ready) = ready {
                *(if ready { &mut zone.ready } else { &mut zone.lost }) += 1;
            }
            self.nodes.insert(key.clone(), (name, ready));
        }
        self.zones.retain(|_, zone| zone.members > 0);
        self.judge(now)
    }

    fn judge(&mut self, now: SimTime) -> bool {
        let counted = |zone: &&Zone| zone.ready + zone.lost > 0;
        let all = self.zones.values().any(|zone| counted(&zone))
            && self.zones.values().filter(counted).all(|zone| zone.next_state() == State::Full);
        let were_all = std::mem::replace(&mut self.all_lost, all);
        match (were_all, all) {
            (true, true) => {}
            (false, true) => {
                for zone in self.zones.values_mut() {
                    zone.state = State::Full;
                    zone.set_pace(None, now);
                    zone.waiting.clear();
                }
            }
            (_, false) => {
                for zone in self.zones.values_mut() {
                    let next = zone.next_state();
                    if were_all || next != zone.state {
                        zone.enter(next, now);
                    }
                }
            }
        }
        all && !were_all
    }

    /// Lets a node wait to be tainted. Returns whether that is news.
    pub fn wait(&mut self, key: &Key) -> bool {
        let zone = self.nodes.get(key).and_then(|(name, _)| self.zones.get_mut(name));
        let Some(zone) = zone.filter(|zone| !zone.waiting.contains(key)) else { return false };
        zone.waiting.push(key.clone());
        true
    }

    /// Whether a node that waits to be tainted may be now.
    ///
    /// # Errors
    /// When to ask again; `None` if that depends on others.
    pub fn may_taint(&mut self, key: &Key, now: SimTime) -> Result<(), Option<SimDuration>> {
        self.wait(key);
        let Some(zone) = self.nodes.get(key).and_then(|(name, _)| self.zones.get_mut(name)) else {
            return Ok(());
        };
        let place = zone.waiting.iter().position(|waiting| waiting == key).unwrap_or(0);
        let Some(every) = zone.every else { return Err(None) };
        if place > 0 || now < zone.free {
            let turn = zone.free.max(now) + SimDuration(every.0 * place as u64);
            return Err(Some(turn.since(now).max(TICK)));
        }
        zone.waiting.remove(0);
        zone.free = now + every;
        Ok(())
    }

    /// The node need not be tainted any more.
    pub fn forgive(&mut self, key: &Key) {
        let Some((name, _)) = self.nodes.get(key) else { return };
        if let Some(zone) = self.zones.get_mut(name) {
            zone.waiting.retain(|waiting| waiting != key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::Kind;
    use crate::api::k8s::{NodeCondition, NodeSpec, ObjectMeta};
    use std::sync::Arc;

    fn node(zone: &str, ready: bool) -> Node {
        let labels = [("topology.kubernetes.io/zone".to_string(), zone.to_string())].into();
        let meta = ObjectMeta { labels: Some(labels), ..Default::default() };
        let mut node = Node::new(meta, NodeSpec::default());
        let status = if ready { "True" } else { "Unknown" };
        let ready = NodeCondition { type_: "Ready".into(), status: status.into(), ..Default::default() };
        Arc::make_mut(&mut node.status).conditions = Some(vec![ready]);
        node
    }

    /// Nodes of each zone, by number: how many there are and how many of them are lost. Returns who may be tainted at 0 s.
    fn tainted(zones: &[(usize, usize)]) -> Vec<(usize, usize)> {
        let now = SimTime::from_secs(1_000);
        let key = |zone: usize, place: usize| Key::cluster(Kind::NODE, &format!("n{zone}-{place}"));
        let mut all = Zones::default();
        for lost in [false, true] {
            for (zone, (count, gone)) in zones.iter().enumerate() {
                for place in 0..*count {
                    let node = node(&format!("z{zone}"), !(lost && place < *gone));
                    all.note(&key(zone, place), Some(&node), now);
                }
            }
        }
        let gone =
            zones.iter().enumerate().flat_map(|(zone, (_, gone))| (0..*gone).map(move |place| (zone, place)));
        gone.filter(|(zone, place)| all.may_taint(&key(*zone, *place), now).is_ok()).collect()
    }

    #[test]
    fn nodes_are_tainted_one_at_a_time_in_each_zone_unless_most_is_lost() {
        type Pairs = &'static [(usize, usize)];
        let cases: [(Pairs, Pairs); 6] = [
            (&[(4, 2)], &[(0, 0)]),
            (&[(4, 1), (4, 1)], &[(0, 0), (1, 0)]),
            // Three of five are most of a small zone, two of two are all of one.
            (&[(5, 3), (4, 0)], &[]),
            (&[(2, 2), (4, 0)], &[(0, 0)]),
            (&[(60, 40), (4, 0)], &[(0, 0)]),
            (&[(2, 2), (1, 1)], &[]),
        ];
        for (zones, want) in cases {
            assert_eq!(tainted(zones), want, "{zones:?}");
        }
    }

    #[test]
    fn a_node_that_is_excluded_does_not_count_and_is_tainted_with_its_zone() {
        let now = SimTime::from_secs(1_000);
        let key = |name: &str| Key::cluster(Kind::NODE, name);
        let mut excluded = node("z", true);
        Arc::make_mut(&mut excluded.meta)
            .labels
            .get_or_insert_default()
            .insert(EXCLUDED.into(), String::new());
        let mut zones = Zones::default();
        zones.note(&key("a"), Some(&node("z", true)), now);
        zones.note(&key("b"), Some(&excluded), now);
        assert_eq!(zones.may_taint(&key("b"), now), Ok(()));
        assert!(zones.note(&key("a"), Some(&node("z", false)), now), "all that count are lost");
        assert_eq!(zones.may_taint(&key("b"), now), Err(None));
        zones.note(&key("a"), None, now);
        zones.note(&key("b"), None, now);
        assert!(zones.zones.is_empty());
    }

    #[test]
    fn a_node_waits_for_those_before_it() {
        let at = SimTime::from_secs;
        let key = |name: &str| Key::cluster(Kind::NODE, name);
        let mut zones = Zones::default();
        for name in ["a", "b", "c", "d", "e"] {
            zones.note(&key(name), Some(&node("z", true)), at(0));
        }
        for name in ["a", "b"] {
            zones.note(&key(name), Some(&node("z", false)), at(100));
        }
        let seconds = |wait: u64| Err(Some(SimDuration::from_secs(wait)));
        assert_eq!(zones.may_taint(&key("a"), at(100)), Ok(()));
        assert_eq!(zones.may_taint(&key("b"), at(100)), seconds(10));
        assert_eq!(zones.may_taint(&key("c"), at(104)), seconds(16));
        zones.forgive(&key("b"));
        assert_eq!(zones.may_taint(&key("c"), at(110)), Ok(()));
    }
}
