//! A list that is cheap to share. A copy shares all elements; a change of the copy copies one chunk
//! and the list of chunks.
//!
//! Each commit publishes a version, and the next commit changes that version while readers hold the
//! old one. With one flat list each commit would copy a reference to every live segment.
//!
//! Invariants: no chunk is empty, no chunk is longer than [`CHUNK`], and two neighbours together
//! are longer. So n elements have at most 2 n / CHUNK + 1 chunks.

use std::ops::Range;
use std::sync::Arc;

/// The most elements of a chunk.
const CHUNK: usize = 32;

/// A list of elements that are cheap to copy.
#[derive(Clone, Debug)]
pub(crate) struct Chunks<T> {
    chunks: Arc<Vec<Arc<Vec<T>>>>,
    length: usize,
}

impl<T> Default for Chunks<T> {
    fn default() -> Self {
        Self {
            chunks: Arc::default(),
            length: 0,
        }
    }
}

impl<T: Clone> Chunks<T> {
    pub(crate) fn len(&self) -> usize {
        self.length
    }

    /// The element at `position`. O(length / CHUNK).
    pub(crate) fn get(&self, position: usize) -> Option<&T> {
        let (chunk, inside) = self.place(position);
        self.chunks.get(chunk)?.get(inside)
    }

    /// All elements, in order.
    pub(crate) fn iter(&self) -> impl DoubleEndedIterator<Item = &T> {
        self.chunks.iter().flat_map(|chunk| chunk.iter())
    }

    pub(crate) fn first(&self) -> Option<&T> {
        self.chunks.first()?.first()
    }

    pub(crate) fn last(&self) -> Option<&T> {
        self.chunks.last()?.last()
    }

    /// The elements from this position on, in order.
    pub(crate) fn from(&self, start: usize) -> impl Iterator<Item = &T> {
        self.range(start..self.length)
    }

    /// The elements at these positions, in order.
    pub(crate) fn range(&self, range: Range<usize>) -> impl Iterator<Item = &T> {
        let (chunk, inside) = self.place(range.start);
        let chunks = self.chunks.get(chunk..).unwrap_or_default().iter();
        let from_there = chunks.flat_map(|chunk| chunk.iter()).skip(inside);
        from_there.take(range.len())
    }

    /// The number of elements at the front that fulfil `is_before`. All elements that do must
    /// precede all that do not. O(log length + length / CHUNK).
    pub(crate) fn partition_point(&self, is_before: impl Fn(&T) -> bool) -> usize {
        let whole = self
            .chunks
            .partition_point(|chunk| chunk.last().is_some_and(&is_before));
        let before: usize = self.chunks[..whole].iter().map(|chunk| chunk.len()).sum();
        let inside = self.chunks.get(whole);
        before + inside.map_or(0, |chunk| chunk.partition_point(is_before))
    }

    pub(crate) fn push(&mut self, element: T) {
        let chunks = Arc::make_mut(&mut self.chunks);
        match chunks.last_mut().filter(|last| last.len() < CHUNK) {
            Some(last) => match Arc::get_mut(last) {
                Some(last) => last.push(element),
                // The copy has room for later elements.
                None => {
                    let mut copy = Vec::with_capacity(2 * last.len());
                    copy.extend_from_slice(last);
                    copy.push(element);
                    *last = Arc::new(copy);
                }
            },
            None => chunks.push(Arc::new(vec![element])),
        }
        self.length += 1;
    }

    /// Mutable access to the element at `position`.
    pub(crate) fn get_mut(&mut self, position: usize) -> &mut T {
        let (chunk, inside) = self.place(position);
        let chunks = Arc::make_mut(&mut self.chunks);
        &mut Arc::make_mut(&mut chunks[chunk])[inside]
    }

    /// Replaces the elements at these positions by `element`.
    pub(crate) fn replace(&mut self, range: Range<usize>, element: T) {
        let (first, start) = self.place(range.start);
        let (last, end) = self.place(range.end);
        let chunks = Arc::make_mut(&mut self.chunks);
        let inside = start..start + range.len();
        let whole = chunks
            .get_mut(first)
            .filter(|chunk| inside.end <= chunk.len());
        let behind = if let Some(chunk) = whole.filter(|_| !range.is_empty()) {
            // Most often the whole range is in one chunk, and often no other version shares that
            // chunk.
            Arc::make_mut(chunk).splice(inside, [element]);
            first + 1
        } else {
            let mut elements = Vec::with_capacity(CHUNK);
            if let Some(chunk) = chunks.get(first) {
                elements.extend_from_slice(&chunk[..start]);
            }
            elements.push(element);
            if let Some(chunk) = chunks.get(last) {
                elements.extend_from_slice(&chunk[end..]);
            }
            let touched = first..(last + 1).min(chunks.len());
            let pieces = elements.chunks(CHUNK).map(|piece| Arc::new(piece.to_vec()));
            let pieces: Vec<_> = pieces.collect();
            let behind = first + pieces.len();
            chunks.splice(touched, pieces);
            behind
        };
        // From the back, so that the places in front do not move.
        for place in (first.saturating_sub(1)..behind).rev() {
            join(chunks, place);
        }
        self.length = self.length - range.len() + 1;
    }

    /// The chunk of a position, and the place inside the chunk. For the end: the place behind the
    /// last chunk.
    fn place(&self, position: usize) -> (usize, usize) {
        let mut before = 0;
        for (number, chunk) in self.chunks.iter().enumerate() {
            if position < before + chunk.len() {
                return (number, position - before);
            }
            before += chunk.len();
        }
        (self.chunks.len(), position - before)
    }
}

/// Joins the chunk at `place` and the next one, if they fit into one.
fn join<T: Clone>(chunks: &mut Vec<Arc<Vec<T>>>, place: usize) {
    let fits = |next: &Arc<Vec<T>>| chunks[place].len() + next.len() <= CHUNK;
    if chunks.get(place + 1).is_some_and(fits) {
        let next = chunks.remove(place + 1);
        Arc::make_mut(&mut chunks[place]).extend_from_slice(&next);
    }
}

impl<T: Clone> FromIterator<T> for Chunks<T> {
    fn from_iter<I: IntoIterator<Item = T>>(elements: I) -> Self {
        let mut list = Self::default();
        elements.into_iter().for_each(|element| list.push(element));
        list
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[derive(Clone, Debug)]
    enum Change {
        Push(u16),
        Set(usize, u16),
        Replace(usize, usize, u16),
    }

    fn change() -> impl Strategy<Value = Change> {
        prop_oneof![
            6 => any::<u16>().prop_map(Change::Push),
            1 => (any::<usize>(), any::<u16>()).prop_map(|(at, to)| Change::Set(at, to)),
            2 => (any::<usize>(), 0..150_usize, any::<u16>())
                .prop_map(|(at, many, to)| Change::Replace(at, many, to)),
        ]
    }

    proptest! {
        /// Compares with a flat list; copies that were taken on the way must not change.
        #[test]
        fn it_is_a_list(changes in proptest::collection::vec(change(), 0..600)) {
            let (mut flat, mut list) = (Vec::new(), Chunks::default());
            let mut copies = Vec::new();
            for (number, change) in changes.into_iter().enumerate() {
                if number.is_multiple_of(50) {
                    copies.push((flat.clone(), list.clone()));
                }
                match change {
                    Change::Push(element) => {
                        flat.push(element);
                        list.push(element);
                    }
                    Change::Set(at, element) if !flat.is_empty() => {
                        let at = at % flat.len();
                        flat[at] = element;
                        *list.get_mut(at) = element;
                    }
                    Change::Replace(at, many, element) => {
                        let start = at % (flat.len() + 1);
                        let end = (start + many).min(flat.len());
                        flat.splice(start..end, [element]);
                        list.replace(start..end, element);
                    }
                    Change::Set(..) => {}
                }
            }
            copies.push((flat, list));
            for (flat, list) in copies {
                prop_assert_eq!(list.len(), flat.len());
                prop_assert!(list.iter().eq(&flat));
                prop_assert!(list.iter().rev().eq(flat.iter().rev()));
                let (start, end) = (flat.len() / 3, flat.len() / 2);
                prop_assert!(list.range(start..end).eq(&flat[start..end]));
                prop_assert_eq!(list.get(start), flat.get(start));
                prop_assert_eq!(list.get(flat.len()), None);
                prop_assert!(list.chunks.iter().all(|chunk| (1..=CHUNK).contains(&chunk.len())));
                let crowded = |pair: &[Arc<Vec<u16>>]| pair[0].len() + pair[1].len() > CHUNK;
                prop_assert!(list.chunks.windows(2).all(crowded));
            }
        }

        #[test]
        fn a_partition_is_found(length in 0..400_u16, edge in 0..420_u16) {
            let list: Chunks<u16> = (0..length).collect();
            prop_assert_eq!(list.partition_point(|&it| it < edge), usize::from(edge.min(length)));
        }
    }
}
