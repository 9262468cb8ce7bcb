//! The block cache: decoded blocks of segment files, within a budget of bytes.
//!
//! Each segment in a file has one slot for each of its blocks, so a cached block is found by its
//! number: nothing is hashed, and readers do not wait for one another. Queues that all segments of
//! a store share decide which block is evicted. They are touched only when a block is inserted.
//!
//! Eviction uses two queues, as in S3-FIFO (Yang et al., SOSP 2023), without that algorithm's list
//! of evicted blocks. A block enters the queue of *new* blocks, which has a 32nd part of the
//! budget. If the block was read again before it reaches the front, it moves to the queue of *kept*
//! blocks; otherwise it is evicted. Kept blocks are evicted in the order in which they came, but a
//! block that was read since the queue last passed it gets a second chance. So a scan displaces new
//! blocks only. And memory that is freed was most often used a moment ago, so it is still in the
//! processor's caches: with one queue for all blocks, reads that miss the cache were a third
//! slower.
//!
//! Invariants:
//! - the blocks in the queues have at most as many bytes as the budget allows;
//! - a cached block is in exactly one queue, once;
//! - as long as one thread reads, the evicted blocks depend on the order of reads alone, never on
//!   addresses, time or cores.
//!
//! The blocks of a removed segment leave memory together with it. Their bytes still count until
//! their turn of eviction comes.

use std::collections::VecDeque;
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock, Weak};

use crate::segment::run::Run;

/// The cache of a store. Clones share it.
#[derive(Clone)]
pub(crate) struct BlockCache {
    budget_bytes: u64,
    queues: Arc<Mutex<Queues>>,
}

/// New blocks have one of this many parts of the budget.
const NEW_PART: u64 = 32;

#[derive(Default)]
struct Queues {
    new: Queue,
    kept: Queue,
}

#[derive(Default)]
struct Queue {
    /// The block that is evicted next is in front.
    blocks: VecDeque<Queued>,
    bytes: u64,
}

struct Queued {
    slots: Weak<Slots>,
    number: usize,
    bytes: u64,
}

/// The cached blocks of one segment, by number.
#[derive(Debug)]
pub(crate) struct Slots(Box<[Slot]>);

#[derive(Debug, Default)]
struct Slot {
    block: RwLock<Option<Arc<Run>>>,
    /// Whether the block was read since it was inserted, or since its queue last passed it.
    is_used: AtomicBool,
}

impl fmt::Debug for BlockCache {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "BlockCache({} bytes)", self.budget_bytes)
    }
}

impl Slots {
    /// Empty slots for this many blocks.
    pub(crate) fn new(blocks: usize) -> Arc<Self> {
        Arc::new(Self((0..blocks).map(|_| Slot::default()).collect()))
    }

    /// The block with this number, if it is cached. O(1).
    pub(crate) fn get(&self, number: usize) -> Option<Arc<Run>> {
        let number = match planted!(NeighbourSlotRead) && number > 0 {
            true => number - 1,
            false => number,
        };
        let slot = &self.0[number];
        let block = slot.load()?;
        // Readers share the flag's cache line, so the flag is written only when it changes.
        if !slot.is_used.load(Ordering::Relaxed) {
            slot.is_used.store(true, Ordering::Relaxed);
        }
        Some(block)
    }
}

impl Slot {
    fn load(&self) -> Option<Arc<Run>> {
        let block = self.block.read().unwrap_or_else(PoisonError::into_inner);
        block.clone()
    }

    fn store(&self, block: Option<Arc<Run>>) {
        let before = {
            let mut place = self.block.write().unwrap_or_else(PoisonError::into_inner);
            std::mem::replace(&mut *place, block)
        };
        // The old block is freed while no reader waits for the slot.
        drop(before);
    }
}

impl BlockCache {
    /// A cache of this many bytes; 0 for none.
    pub(crate) fn new(budget_bytes: u64) -> Self {
        Self {
            budget_bytes,
            queues: Arc::default(),
        }
    }

    /// Whether the cache is off and never holds a block.
    pub(crate) fn is_off(&self) -> bool {
        self.budget_bytes == 0
    }

    /// Puts a block into its slot, and evicts others if there are too many bytes. A block that is
    /// larger than the whole budget is left out. O(1), amortized.
    pub(crate) fn insert(&self, slots: &Arc<Slots>, number: usize, block: &Arc<Run>) {
        let bytes = block.footprint_bytes() as u64;
        let mut queues = self.queues.lock().unwrap_or_else(PoisonError::into_inner);
        let slot = &slots.0[number];
        // When two readers have read a block at once, the second one finds it in the slot.
        if bytes > self.budget_bytes || slot.load().is_some() {
            return;
        }
        // Evict before the insert: the blocks never take more than the budget, not even for a
        // moment.
        while queues.bytes() + bytes > self.budget_bytes {
            mark!(BlockEvicted);
            queues.evict(self.budget_bytes / NEW_PART);
        }
        // Cleared before the block is stored: from then on readers set the flag, and their mark
        // must stay.
        slot.is_used.store(false, Ordering::Relaxed);
        slot.store(Some(Arc::clone(block)));
        queues.new.push(Queued {
            slots: Arc::downgrade(slots),
            number,
            bytes,
        });
    }

    /// Bytes of the blocks in the queues.
    #[cfg(test)]
    fn bytes(&self) -> u64 {
        self.queues.lock().unwrap().bytes()
    }
}

impl Queues {
    fn bytes(&self) -> u64 {
        self.new.bytes + self.kept.bytes
    }

    /// Evicts one block that was not used. New blocks are evicted first while they exceed their
    /// part of the budget.
    fn evict(&mut self, max_new_bytes: u64) {
        loop {
            let is_new = self.new.bytes > max_new_bytes || self.kept.blocks.is_empty();
            let next = match is_new {
                true => self.new.pop(),
                false => self.kept.pop(),
            };
            let next = next.expect("blocks that are too many are in a queue");
            let Some(slots) = next.slots.upgrade() else {
                return;
            };
            let slot = &slots.0[next.number];
            if !slot.is_used.swap(false, Ordering::Relaxed) {
                slot.store(None);
                return;
            }
            mark!(BlockKept);
            self.kept.push(next);
        }
    }
}

impl Queue {
    fn push(&mut self, block: Queued) {
        self.bytes += block.bytes;
        self.blocks.push_back(block);
    }

    fn pop(&mut self) -> Option<Queued> {
        let block = self.blocks.pop_front()?;
        self.bytes -= block.bytes;
        Some(block)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::commit::Commit;
    use crate::segment::run::EntryRef;

    fn block(bytes: usize) -> Arc<Run> {
        let mut run = Run::default();
        run.push(EntryRef {
            key: &vec![b'k'; bytes],
            commit: Commit::new(1),
            value: None,
        });
        Arc::new(run)
    }

    fn cached(slots: &Slots) -> Vec<usize> {
        let blocks = slots.0.iter().enumerate();
        let cached = blocks.filter(|(_, slot)| slot.load().is_some());
        cached.map(|(number, _)| number).collect()
    }

    #[test]
    fn a_scan_displaces_no_block_that_is_read_again() {
        let size = block(10).footprint_bytes() as u64;
        let (cache, slots) = (BlockCache::new(10 * size), Slots::new(100));
        for number in 0..4 {
            cache.insert(&slots, number, &block(10));
            assert!(slots.get(number).is_some());
        }
        for number in 4..100 {
            cache.insert(&slots, number, &block(10));
        }
        assert_eq!(cached(&slots)[..5], [0, 1, 2, 3, 94]);
    }

    #[test]
    fn a_kept_block_that_is_read_no_more_leaves_before_one_that_is() {
        let size = block(10).footprint_bytes() as u64;
        let (cache, slots) = (BlockCache::new(3 * size), Slots::new(6));
        let insert_and_read = |number, read: &[usize]| {
            cache.insert(&slots, number, &block(10));
            assert!(read.iter().all(|&number| slots.get(number).is_some()));
        };
        insert_and_read(0, &[]);
        insert_and_read(1, &[]);
        insert_and_read(2, &[0]);
        insert_and_read(3, &[0, 2]);
        assert_eq!(cached(&slots), [0, 2, 3], "0 is kept");
        insert_and_read(4, &[0, 4]);
        assert_eq!(cached(&slots), [0, 2, 4], "2 is kept");
        insert_and_read(5, &[]);
        assert_eq!(cached(&slots), [0, 4, 5], "0 was read again, 2 was not");
    }

    #[test]
    fn what_is_too_large_evicts_nothing() {
        let size = block(10).footprint_bytes() as u64;
        let (cache, slots) = (BlockCache::new(size), Slots::new(2));
        cache.insert(&slots, 0, &block(10));
        cache.insert(&slots, 1, &block(11));
        assert_eq!(cached(&slots), [0]);
    }

    #[test]
    fn segments_that_are_gone_take_their_blocks_along() {
        let size = block(10).footprint_bytes() as u64;
        let cache = BlockCache::new(2 * size);
        let gone = Slots::new(2);
        let held = block(10);
        cache.insert(&gone, 0, &held);
        cache.insert(&gone, 1, &block(10));
        drop(gone);
        assert_eq!(Arc::strong_count(&held), 1);
        let slots = Slots::new(2);
        cache.insert(&slots, 0, &block(10));
        cache.insert(&slots, 1, &block(10));
        assert_eq!(cached(&slots), [0, 1], "their room is used again");
    }

    proptest! {
        /// The queue and the slots agree, and the bytes never exceed the budget.
        #[test]
        fn the_budget_holds(
            turns in proptest::collection::vec((0_usize..8, 1_usize..200, any::<bool>()), 0..300),
            budget in 1_u64..2000,
        ) {
            let (cache, slots) = (BlockCache::new(budget), Slots::new(8));
            for (number, size, reads) in turns {
                match reads {
                    true => drop(slots.get(number)),
                    false => cache.insert(&slots, number, &block(size)),
                }
                let held: Vec<_> = slots.0.iter().filter_map(|slot| slot.load()).collect();
                let bytes: u64 = held.iter().map(|run| run.footprint_bytes() as u64).sum();
                prop_assert_eq!(bytes, cache.bytes());
                prop_assert!(bytes <= budget, "{} bytes of {}", bytes, budget);
            }
        }
    }
}
