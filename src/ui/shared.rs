//! Values that components compare by identity: two are the same if they are the same allocation.

use std::ops::Deref;
use std::rc::Rc;
use std::sync::Arc;

/// A value shared within the page.
#[derive(Debug)]
pub struct Shared<T: ?Sized>(Rc<T>);

impl<T> Shared<T> {
    /// Shares a value.
    pub fn new(value: T) -> Shared<T> {
        Shared(Rc::new(value))
    }
}

impl<T: ?Sized> Clone for Shared<T> {
    fn clone(&self) -> Self {
        Shared(Rc::clone(&self.0))
    }
}

impl<T: ?Sized> PartialEq for Shared<T> {
    fn eq(&self, other: &Self) -> bool {
        Rc::ptr_eq(&self.0, &other.0)
    }
}

impl<T: ?Sized> Deref for Shared<T> {
    type Target = T;
    fn deref(&self) -> &T {
        &self.0
    }
}

/// A card out of the library's view, where an unchanged card is the same `Arc` as before.
#[derive(Debug)]
pub struct Card<T>(pub Arc<T>);

impl<T> Clone for Card<T> {
    fn clone(&self) -> Self {
        Card(Arc::clone(&self.0))
    }
}

impl<T> PartialEq for Card<T> {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl<T> Deref for Card<T> {
    type Target = T;
    fn deref(&self) -> &T {
        &self.0
    }
}
