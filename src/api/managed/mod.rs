//! Who manages which fields of an object (`metadata.managedFields`): sets of fields, how the fields of a type merge, and
//! what an update or an apply does to the sets. Models sigs.k8s.io/structured-merge-diff and apimachinery `managedfields`.

mod compare;
mod managers;
mod merge;
mod set;
mod shape;

pub use compare::{Comparison, compare, field_set};
pub use managers::{Conflict, Entry, ManagerId, Managers, Operation, Write};
pub use merge::{merge, remove_items};
pub use set::{FieldSet, path_text};
pub use shape::{Shape, empty_object};
