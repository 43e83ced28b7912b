//! How much of what has to be left on a node: hard thresholds, soft ones that may be passed for a while, and what is taken
//! back beyond either once it is acted on (`eviction/helpers.go`).

use super::Shortage;
use crate::api::{MetaExt, Node, quantity, sorting};
use crate::clock::SimDuration;
use crate::kubelet::usage::Amounts;

/// `--eviction-hard` where nobody says otherwise.
const DEFAULT_HARD: &str = "memory.available<100Mi,nodefs.available<10%,imagefs.available<15%";

/// What tells a threshold from the others of its node: its signal, and whether it is a soft one.
pub type Name = (&'static str, bool);

/// The signals that are watched.
const SIGNALS: [(&str, Shortage); 4] = [
    ("memory.available", Shortage::Memory),
    ("nodefs.available", Shortage::Disk),
    ("imagefs.available", Shortage::Disk),
    ("pid.available", Shortage::Pids),
];

/// A threshold that has been passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Met {
    /// Which.
    pub name: Name,
    /// What is short.
    pub what: Shortage,
    /// So much has to be left.
    pub threshold: i64,
    /// So much is.
    pub available: i64,
    /// It may be passed for so long.
    pub grace: SimDuration,
}

/// The thresholds of a node, written as the kubelet's flags: what its annotations `kubeviz.dev/eviction-…` say.
#[derive(Clone, Copy, Debug)]
pub struct Thresholds<'a> {
    hard: &'a str,
    soft: &'a str,
    soft_grace_period: &'a str,
    minimum_reclaim: &'a str,
    /// The most time that a pod gets which goes for a soft threshold, in seconds.
    pub max_pod_grace: u64,
}

impl<'a> Thresholds<'a> {
    /// Those of a node.
    pub fn of(node: &'a Node) -> Thresholds<'a> {
        let said = |name: &str| node.annotation(&format!("kubeviz.dev/eviction-{name}"));
        Thresholds {
            hard: said("hard").unwrap_or(DEFAULT_HARD),
            soft: said("soft").unwrap_or_default(),
            soft_grace_period: said("soft-grace-period").unwrap_or_default(),
            minimum_reclaim: said("minimum-reclaim").unwrap_or_default(),
            max_pod_grace: said("max-pod-grace-period")
                .and_then(|text| text.trim().parse().ok())
                .unwrap_or(0),
        }
    }

    /// The thresholds that are passed, the one to act on first. Those that are `acted_on` are passed until more is left than
    /// they say, by what is to be taken back.
    pub fn met(&self, capacity: Amounts, used: Amounts, acted_on: &[Name]) -> Vec<Met> {
        let all = [(self.hard, false), (self.soft, true)];
        let each = all.into_iter().flat_map(|(list, soft)| list.split(',').map(move |one| (one, soft)));
        let mut all: Vec<Met> =
            each.filter_map(|(one, soft)| self.one_met(one, soft, capacity, used, acted_on)).collect();
        sorting::sort_by(&mut all, |a, b| a.what.cmp(&b.what));
        all
    }

    fn one_met(
        &self,
        threshold: &str,
        soft: bool,
        capacity: Amounts,
        used: Amounts,
        acted_on: &[Name],
    ) -> Option<Met> {
        let (signal, value) = threshold.split_once('<')?;
        let (signal, what) = SIGNALS.into_iter().find(|(name, _)| *name == signal.trim())?;
        // A kubelet with a soft threshold that has no period does not even start.
        let grace = if soft { grace(said_of(self.soft_grace_period, signal)?)? } else { SimDuration::ZERO };
        let whole = what.of(capacity);
        let threshold = amount(whole, value)?;
        let available = whole - what.of(used);
        let name = (signal, soft);
        let more = said_of(self.minimum_reclaim, signal).filter(|_| acted_on.contains(&name));
        let enough = threshold + more.and_then(|more| amount(whole, more)).unwrap_or(0);
        (available < enough).then_some(Met { name, what, threshold, available, grace })
    }
}

/// What a list like `memory.available=500Mi` says of a signal.
fn said_of<'a>(list: &'a str, signal: &str) -> Option<&'a str> {
    let mut pairs = list.split(',').filter_map(|one| one.split_once('='));
    pairs.find(|(name, _)| name.trim() == signal).map(|(_, value)| value.trim())
}

fn grace(text: &str) -> Option<SimDuration> {
    SimDuration::parse(text).filter(|grace| *grace > SimDuration::ZERO)
}

/// An amount, or a share of all.
fn amount(whole: i64, text: &str) -> Option<i64> {
    match text.trim().strip_suffix('%') {
        Some(percent) => share(whole, percent),
        None => Some(quantity::parse(text.trim())?.value()),
    }
}

/// So many percent of an amount. The kubelet keeps a percentage as a float of 32 bits, and its error shows in the message: it
/// is worked out here in integers of the same precision.
fn share(whole: i64, percent: &str) -> Option<i64> {
    let percent: u64 = percent.trim().parse().ok().filter(|percent| (1..=100).contains(percent))?;
    let mut shift = 0u32;
    while (percent << (shift + 1)) / 100 < 1 << 24 {
        shift += 1;
    }
    let mantissa = ((percent << (shift + 1)) / 100).div_ceil(2);
    i64::try_from((i128::from(whole) * i128::from(mantissa)) >> shift).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const GIBI: i64 = 1 << 30;
    const CAPACITY: Amounts = Amounts { memory: 8 * GIBI, disk: 100 * GIBI, pids: 1_000 };

    fn hard(hard: &str) -> Thresholds<'_> {
        Thresholds { hard, soft: "", soft_grace_period: "", minimum_reclaim: "", max_pod_grace: 0 }
    }

    #[test]
    fn a_threshold_is_an_amount_or_a_share() {
        let check = |flag: &str, memory: i64, disk: i64, pids: i64| -> Vec<(Shortage, i64, i64)> {
            let met = hard(flag).met(CAPACITY, Amounts { memory, disk, pids }, &[]);
            met.iter().map(|met| (met.what, met.threshold, met.available)).collect()
        };
        assert_eq!(check(DEFAULT_HARD, 7 * GIBI, 80 * GIBI, 990), []);
        let short = 8 * GIBI - (99 << 20);
        assert_eq!(check(DEFAULT_HARD, short, 0, 0), [(Shortage::Memory, 100 << 20, 99 << 20)]);
        // 15 % of 100Gi, with the error of a float of 32 bits.
        assert_eq!(check(DEFAULT_HARD, 0, 86 * GIBI, 0), [(Shortage::Disk, 16_106_128_000, 14 * GIBI)]);
        let both = "nodefs.available<10%,memory.available<1Gi,pid.available<5%";
        let found = check(both, 8 * GIBI, 91 * GIBI, 960);
        assert_eq!(
            found,
            [
                (Shortage::Memory, GIBI, 0),
                (Shortage::Disk, 10_737_418_400, 9 * GIBI),
                (Shortage::Pids, 50, 40)
            ]
        );
        assert_eq!(check("memory.available<lots,nodefs.inodesFree<5%", 8 * GIBI, 0, 0), []);
    }

    #[test]
    fn a_soft_threshold_has_a_period_and_more_may_be_taken_back() {
        let name: Name = ("memory.available", true);
        let cases = [
            ("memory.available=90s", "", 6, &[][..], vec![]),
            ("memory.available=90s", "", 7, &[], vec![90]),
            // Without a period there is no such threshold.
            ("", "", 7, &[], vec![]),
            ("nodefs.available=90s", "", 7, &[], vec![]),
            // What is to be taken back counts once the threshold is acted on.
            ("memory.available=1m30s", "memory.available=1Gi", 6, &[], vec![]),
            ("memory.available=1m30s", "memory.available=1Gi", 6, &[name], vec![90]),
            ("memory.available=1m30s", "memory.available=1Gi", 5, &[name], vec![]),
        ];
        for (soft_grace_period, minimum_reclaim, used, acted_on, expected) in cases {
            let soft = "memory.available<2Gi";
            let flags = Thresholds { soft, soft_grace_period, minimum_reclaim, ..hard(DEFAULT_HARD) };
            let used = Amounts { memory: used * GIBI, ..Amounts::default() };
            let met = flags.met(CAPACITY, used, acted_on);
            let graces: Vec<u64> = met.iter().map(|met| met.grace.as_millis() / 1_000).collect();
            assert_eq!(graces, expected, "{flags:?}");
        }
    }
}
