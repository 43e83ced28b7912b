//! A list in pages: a copy shares all of them, and a change copies one small page and one list of pages.

use std::sync::Arc;

/// So many are on a page.
const PAGE: usize = 8;
/// So many pages are in a book.
const BOOK: usize = 32;

/// The list.
#[derive(Clone, Debug)]
pub struct Pages<T> {
    books: Vec<Arc<Vec<Arc<Vec<T>>>>>,
    len: usize,
}

impl<T> Default for Pages<T> {
    fn default() -> Pages<T> {
        Pages { books: Vec::new(), len: 0 }
    }
}

impl<T: Clone> Pages<T> {
    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// The one in a place.
    pub fn get(&self, place: usize) -> &T {
        let page = place / PAGE;
        &self.books[page / BOOK][page % BOOK][place % PAGE]
    }

    /// The same, to change it.
    pub fn get_mut(&mut self, place: usize) -> &mut T {
        let page = place / PAGE;
        let book = Arc::make_mut(&mut self.books[page / BOOK]);
        &mut Arc::make_mut(&mut book[page % BOOK])[place % PAGE]
    }

    /// All, in order.
    pub fn iter(&self) -> impl Iterator<Item = &T> {
        self.books.iter().flat_map(|book| book.iter()).flat_map(|page| page.iter())
    }

    /// Adds one at the end.
    pub fn push(&mut self, item: T) {
        if self.len.is_multiple_of(PAGE * BOOK) {
            self.books.push(Arc::new(Vec::with_capacity(BOOK)));
        }
        if let Some(book) = self.books.last_mut() {
            let book = Arc::make_mut(book);
            if self.len.is_multiple_of(PAGE) {
                book.push(Arc::new(Vec::with_capacity(PAGE)));
            }
            if let Some(page) = book.last_mut() {
                Arc::make_mut(page).push(item);
            }
        }
        self.len += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_stays_as_it_was() {
        let mut list = Pages::default();
        (0..1_000).for_each(|number| list.push(number));
        let copy = list.clone();
        for place in [0, 7, 8, 255, 256, 999] {
            *list.get_mut(place) = 5_000;
        }
        list.push(1_000);
        assert!((0..1_000).all(|place| *copy.get(place) == place));
        let changed = (0..1_001).filter(|place| *list.get(*place) != *place).collect::<Vec<_>>();
        assert_eq!(changed, [0, 7, 8, 255, 256, 999]);
        assert_eq!((copy.len(), list.len()), (1_000, 1_001));
    }
}
