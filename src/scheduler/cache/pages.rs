//! A list in pages: a copy shares all of them, and a change copies one.

use std::sync::Arc;

/// So many are on a page.
const PAGE: usize = 64;

/// The list.
#[derive(Clone, Debug)]
pub struct Pages<T> {
    pages: Vec<Arc<Vec<T>>>,
    len: usize,
}

impl<T> Default for Pages<T> {
    fn default() -> Pages<T> {
        Pages { pages: Vec::new(), len: 0 }
    }
}

impl<T: Clone> Pages<T> {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.len
    }

    /// The one in a place.
    pub fn get(&self, place: usize) -> &T {
        &self.pages[place / PAGE][place % PAGE]
    }

    /// The same, to change it.
    pub fn get_mut(&mut self, place: usize) -> &mut T {
        &mut Arc::make_mut(&mut self.pages[place / PAGE])[place % PAGE]
    }

    /// Adds one at the end.
    pub fn push(&mut self, item: T) {
        if self.len.is_multiple_of(PAGE) {
            self.pages.push(Arc::new(Vec::with_capacity(PAGE)));
        }
        if let Some(page) = self.pages.last_mut() {
            Arc::make_mut(page).push(item);
        }
        self.len += 1;
    }
}
