//! A value that is worked out when somebody looks at it. A record of a decision may say of five thousand nodes what eight plugins
//! thought of each; hardly any is ever looked at, and what it takes to work one out is shared with the cluster.

use std::fmt;
use std::ops::Deref;
use std::sync::{Arc, OnceLock};

use serde::{Serialize, Serializer};

/// Such a value. Copies share it.
pub struct Later<T>(Arc<Inner<T>>);

struct Inner<T> {
    value: OnceLock<T>,
    make: Box<dyn Fn() -> T + Send + Sync>,
}

impl<T> Later<T> {
    /// What `make` will bring.
    pub fn new(make: impl Fn() -> T + Send + Sync + 'static) -> Later<T> {
        Later(Arc::new(Inner { value: OnceLock::new(), make: Box::new(make) }))
    }
}

impl<T> Deref for Later<T> {
    type Target = T;

    fn deref(&self) -> &T {
        self.0.value.get_or_init(&self.0.make)
    }
}

impl<T> Clone for Later<T> {
    fn clone(&self) -> Later<T> {
        Later(self.0.clone())
    }
}

impl<T: Default + 'static> Default for Later<T> {
    fn default() -> Later<T> {
        Later::new(T::default)
    }
}

impl<T: Clone + Send + Sync + 'static> From<T> for Later<T> {
    fn from(value: T) -> Later<T> {
        Later::new(move || value.clone())
    }
}

impl<T: PartialEq> PartialEq for Later<T> {
    fn eq(&self, other: &Later<T>) -> bool {
        Arc::ptr_eq(&self.0, &other.0) || **self == **other
    }
}

impl<T: Eq> Eq for Later<T> {}

impl<T: fmt::Debug> fmt::Debug for Later<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl<T: Serialize> Serialize for Later<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        (**self).serialize(serializer)
    }
}
