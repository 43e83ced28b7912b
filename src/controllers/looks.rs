//! How long controllers look at one object. A look that goes over very many others takes its time; what changes meanwhile is seen by the
//! next. So there are fewer looks where each costs more, as in a real cluster, and the work stays in proportion.

use sorted::SortedMap;

use crate::api::Key;
use crate::clock::{SimDuration, SimTime};

/// A look takes no time that shows while it goes over no more than so many.
const QUICK: usize = 50;

/// The looks that are under way, and when each ends.
#[derive(Clone, Debug, Default)]
pub struct Looks(SortedMap<Key, SimTime>);

impl Looks {
    /// How long to wait until the look before has ended.
    pub fn wait(&self, key: &Key, now: SimTime) -> Option<SimDuration> {
        self.0.get(key).filter(|end| **end > now).map(|end| end.since(now))
    }

    /// A look begins that goes over so many others, and takes so long for each.
    pub fn begin(&mut self, key: &Key, now: SimTime, others: usize, each: SimDuration) {
        if others > QUICK {
            self.0.insert(key.clone(), now + SimDuration(each.0.saturating_mul(others as u64)));
        } else {
            self.0.remove(key);
        }
    }

    /// The object is gone.
    pub fn forget(&mut self, key: &Key) {
        self.0.remove(key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::Kind;

    #[test]
    fn a_look_lasts_that_goes_over_many() {
        let (key, now) = (Key::new(Kind::SERVICE, "default", "web"), SimTime::from_secs(1));
        let mut looks = Looks::default();
        let each = SimDuration::from_micros(200);
        looks.begin(&key, now, 50, each);
        assert_eq!(looks.wait(&key, now), None);
        looks.begin(&key, now, 1_000, each);
        assert_eq!(looks.wait(&key, now), Some(SimDuration::from_millis(200)));
        assert_eq!(looks.wait(&key, now + SimDuration::from_millis(200)), None);
        looks.begin(&key, now, 1_000, each);
        looks.forget(&key);
        assert_eq!(looks.wait(&key, now), None);
    }
}
