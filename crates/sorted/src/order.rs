//! The order of a map's entries: the places of their slots, sorted by key, in short runs so that an insertion moves
//! little. It knows no keys: whoever searches brings the comparison.

use std::cmp::Ordering;

/// A run is split in two when it grows longer than this.
const RUN: usize = 256;

/// Where in the order something is or would be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Position {
    run: usize,
    offset: usize,
}

/// Numbers of slots, in order, and those of slots that are free.
#[derive(Clone, Debug, Default)]
pub(crate) struct Order {
    /// None of them is empty.
    runs: Vec<Vec<u32>>,
    len: usize,
    free: Vec<u32>,
}

impl Order {
    pub(crate) const fn new() -> Order {
        Order { runs: Vec::new(), len: 0, free: Vec::new() }
    }

    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// The first position whose slot is not `before`; `before` holds for a beginning of the order and for nothing after
    /// it.
    #[inline(never)]
    pub(crate) fn partition(&self, before: &mut dyn FnMut(u32) -> bool) -> Position {
        let run = self.runs.partition_point(|run| before(run[run.len() - 1]));
        let offset = self.runs.get(run).map_or(0, |run| run.partition_point(|slot| before(*slot)));
        Position { run, offset }
    }

    /// The position of the slot that compares equal, or the one where it would be inserted.
    #[inline(never)]
    pub(crate) fn search(&self, compare: &mut dyn FnMut(u32) -> Ordering) -> Result<Position, Position> {
        let mut equal = false;
        let position = self.partition(&mut |slot| {
            let order = compare(slot);
            equal |= order == Ordering::Equal;
            order == Ordering::Less
        });
        if equal { Ok(position) } else { Err(position) }
    }

    /// The slot at a position; nothing at the end.
    pub(crate) fn at(&self, position: Position) -> Option<u32> {
        self.runs.get(position.run)?.get(position.offset).copied()
    }

    pub(crate) fn start(&self) -> Position {
        Position { run: 0, offset: 0 }
    }

    /// Behind the last slot.
    pub(crate) fn end(&self) -> Position {
        Position { run: self.runs.len(), offset: 0 }
    }

    pub(crate) fn last(&self) -> Option<Position> {
        let run = self.runs.len().checked_sub(1)?;
        Some(Position { run, offset: self.runs[run].len() - 1 })
    }

    /// How many slots lie before a position.
    fn rank(&self, position: Position) -> usize {
        self.runs[..position.run].iter().map(Vec::len).sum::<usize>() + position.offset
    }

    /// Puts a slot at a position, and says which: a free one, or the next new one.
    #[inline(never)]
    pub(crate) fn insert(&mut self, position: Position) -> u32 {
        let slot = self.free.pop().unwrap_or(u32::try_from(self.len).unwrap_or(u32::MAX));
        self.len += 1;
        // At the end of the order, or the very first.
        if position.run == self.runs.len() {
            match self.runs.last_mut() {
                Some(run) if run.len() < RUN => run.push(slot),
                _ => self.runs.push(vec![slot]),
            }
            return slot;
        }
        let run = &mut self.runs[position.run];
        run.insert(position.offset, slot);
        if run.len() > RUN {
            let half = run.split_off(RUN / 2);
            self.runs.insert(position.run + 1, half);
        }
        slot
    }

    /// Takes the slot at a position out; it is free from now on.
    #[inline(never)]
    pub(crate) fn remove(&mut self, position: Position) -> u32 {
        let run = &mut self.runs[position.run];
        let slot = run.remove(position.offset);
        if run.is_empty() {
            self.runs.remove(position.run);
        }
        self.len -= 1;
        // Free slots are only those below the number of slots there are; an empty order begins anew.
        self.free.push(slot);
        slot
    }

    /// Nothing is in order any more, and every slot may be forgotten.
    pub(crate) fn clear(&mut self) {
        *self = Order::new();
    }

    /// Keeps the slots that pass, in order, and says which did not.
    #[inline(never)]
    pub(crate) fn retain(&mut self, keep: &mut dyn FnMut(u32) -> bool) -> Vec<u32> {
        let mut gone = Vec::new();
        for run in &mut self.runs {
            run.retain(|slot| {
                let kept = keep(*slot);
                if !kept {
                    gone.push(*slot);
                }
                kept
            });
        }
        self.runs.retain(|run| !run.is_empty());
        self.len -= gone.len();
        self.free.extend_from_slice(&gone);
        gone
    }

    /// The slots from one position up to another.
    #[inline(never)]
    pub(crate) fn walk(&self, from: Position, to: Position) -> Walk<'_> {
        let left = self.rank(to).saturating_sub(self.rank(from));
        Walk { order: self, front: from, back: to, left }
    }

    /// Every slot, in order.
    pub(crate) fn into_slots(self) -> Vec<u32> {
        self.runs.concat()
    }

    pub(crate) fn all(&self) -> Walk<'_> {
        Walk { order: self, front: self.start(), back: self.end(), left: self.len }
    }
}

/// Slots in order, from both ends.
#[derive(Clone)]
pub(crate) struct Walk<'a> {
    order: &'a Order,
    front: Position,
    /// Behind the next slot from the back.
    back: Position,
    left: usize,
}

impl Iterator for Walk<'_> {
    type Item = u32;

    #[inline(never)]
    fn next(&mut self) -> Option<u32> {
        self.left = self.left.checked_sub(1)?;
        let run = &self.order.runs[self.front.run];
        // A position behind a run's end is the beginning of the next.
        let (run, offset) = match run.get(self.front.offset) {
            Some(_) => (run, self.front.offset),
            None => {
                self.front.run += 1;
                (&self.order.runs[self.front.run], 0)
            }
        };
        self.front.offset = offset + 1;
        Some(run[offset])
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl DoubleEndedIterator for Walk<'_> {
    #[inline(never)]
    fn next_back(&mut self) -> Option<u32> {
        self.left = self.left.checked_sub(1)?;
        if self.back.offset == 0 {
            self.back.run -= 1;
            self.back.offset = self.order.runs[self.back.run].len();
        }
        self.back.offset -= 1;
        Some(self.order.runs[self.back.run][self.back.offset])
    }
}

impl ExactSizeIterator for Walk<'_> {}
