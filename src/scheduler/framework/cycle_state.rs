//! What plugins write down in one scheduling cycle for their own later extension points.

use std::any::{Any, TypeId};
use std::fmt;
use std::sync::Arc;

use super::runtime::PluginSet;
use super::status::Status;
use crate::scheduler::cache::memory::Memory;

/// Something a plugin keeps for the length of a cycle. Any plain type that can be copied will do: preemption tries things
/// out on a copy.
pub trait StateData: Any + Send + Sync {
    /// A copy that can be changed without changing this one.
    fn copy(&self) -> Arc<dyn StateData>;
    /// The value, to be recognised by its type.
    fn as_any(&self) -> &dyn Any;
    /// The value, to be recognised by its type and changed.
    fn as_any_mut(&mut self) -> &mut dyn Any;
}

/// Shows that there is one: what it holds is the plugin's own, and no type has to be able to print itself for it.
impl fmt::Debug for dyn StateData {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("StateData")
    }
}

impl<T: Any + Clone + Send + Sync> StateData for T {
    fn copy(&self) -> Arc<dyn StateData> {
        Arc::new(self.clone())
    }

    fn as_any(&self) -> &dyn Any {
        self
    }

    fn as_any_mut(&mut self) -> &mut dyn Any {
        self
    }
}

/// The notes of one cycle (`framework.CycleState`), found by their type: each plugin has a type of its own for each
/// extension point that leaves one. A handful at most, so they are looked through in a row. Copies share them until one is
/// changed.
#[derive(Debug, Default)]
pub struct CycleState {
    /// The plugins whose Filter is left out.
    pub skip_filter: PluginSet,
    /// The plugins whose Score is left out.
    pub skip_score: PluginSet,
    /// Why the nodes cannot be scored: a plugin has failed in PreScore.
    pub score_error: Option<Status>,
    /// What is known from earlier cycles, lent to this one. A copy of the notes gets none of it.
    pub memory: Memory,
    notes: Arc<Vec<(TypeId, Arc<dyn StateData>)>>,
}

impl Clone for CycleState {
    fn clone(&self) -> CycleState {
        let (skip_filter, skip_score) = (self.skip_filter, self.skip_score);
        let (score_error, notes) = (self.score_error.clone(), self.notes.clone());
        CycleState { skip_filter, skip_score, score_error, memory: self.memory.clone(), notes }
    }
}

impl CycleState {
    /// Leaves a note, in place of one of the same type.
    pub fn write<T: StateData>(&mut self, note: T) {
        let id = TypeId::of::<T>();
        let note: Arc<dyn StateData> = Arc::new(note);
        let notes = Arc::make_mut(&mut self.notes);
        match notes.iter_mut().find(|(known, _)| *known == id) {
            Some((_, known)) => *known = note,
            None => notes.push((id, note)),
        }
    }

    /// Finds a note. `None` if the plugin's earlier extension point did not run.
    pub fn read<T: StateData>(&self) -> Option<&T> {
        let id = TypeId::of::<T>();
        let (_, note) = self.notes.iter().find(|(known, _)| *known == id)?;
        (**note).as_any().downcast_ref()
    }

    /// Finds a note to change it.
    pub fn read_mut<T: StateData>(&mut self) -> Option<&mut T> {
        let id = TypeId::of::<T>();
        let at = self.notes.iter().position(|(known, _)| *known == id)?;
        let (_, note) = &mut Arc::make_mut(&mut self.notes)[at];
        if Arc::get_mut(note).is_none() {
            *note = (**note).copy();
        }
        Arc::get_mut(note)?.as_any_mut().downcast_mut()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Clone, Debug, PartialEq)]
    struct Count(u32);

    #[test]
    fn a_copy_is_changed_without_changing_the_original() {
        let mut state = CycleState::default();
        state.write(Count(1));
        let mut copy = state.clone();
        if let Some(count) = copy.read_mut::<Count>() {
            count.0 = 2;
        }
        assert_eq!((state.read(), copy.read()), (Some(&Count(1)), Some(&Count(2))));
        assert_eq!(state.read::<String>(), None);
    }
}
