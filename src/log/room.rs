//! Room: zeros that a log keeps written ahead of its end.
//!
//! The sync of a file that has grown makes the new length durable as well, and a file system with a
//! journal then writes its journal. A record that is written over zeros changes neither the length
//! nor the blocks of the file, so its sync writes only the record. Space that is allocated but not
//! written does not help: its first write changes what the journal records about it.
//!
//! The write that reaches the end of the file takes the room, and only that write is synced with a
//! new length. The amount depends on lengths alone, so the same calls produce the same bytes. Room
//! doubles the file up to a bound, so a small log stays small. No room is taken when only a few
//! writes like the current one would fit: such large writes wait for their own bytes, not for the
//! journal.
//!
//! Room does not state where the log ends. Readers find the end as the first place without a
//! record, and accept zeros from there on.

/// File systems allocate blocks of this size: room up to the end of a block costs nothing.
const BLOCK_BYTES: u64 = 4096;

/// Room is taken only if at least this many writes of the current length fit into it.
const FEWEST_WRITES: u64 = 4;

/// The amount of room that a log takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Room {
    /// The most zeros, in bytes, that are taken at once. 0: no room.
    pub(crate) max_bytes: u64,
    /// No room is taken beyond this length: a log of this length gets a successor.
    pub(crate) file_bytes: u64,
}

impl Room {
    /// For a file that is synced seldom, or never.
    pub(crate) const NONE: Self = Self {
        max_bytes: 0,
        file_bytes: 0,
    };

    /// The new length of the file when a write of `record_bytes` ends at `end`, beyond the current
    /// end of the file.
    pub(crate) fn length(self, end: u64, record_bytes: u64) -> u64 {
        let block_bytes = BLOCK_BYTES.min(self.max_bytes).max(1);
        let wanted = (end + end.min(self.max_bytes)).next_multiple_of(block_bytes);
        let length = wanted.min(self.file_bytes).max(end);
        match length - end >= FEWEST_WRITES * record_bytes {
            true => length,
            false => end,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The lengths of a log, record by record.
    fn lengths(room: Room, record_bytes: u64, records: u64) -> Vec<u64> {
        let mut lengths = vec![0];
        for record in 1..=records {
            if record * record_bytes > lengths[lengths.len() - 1] {
                lengths.push(room.length(record * record_bytes, record_bytes));
            }
        }
        lengths
    }

    #[test]
    fn a_file_doubles_up_to_a_bound_and_ends_where_it_is_full() {
        let room = Room {
            max_bytes: 16 * 1024,
            file_bytes: 50_000,
        };
        assert_eq!(
            lengths(room, 100, 600),
            [
                vec![0, 4096, 12_288, 28_672, 49_152, 50_000],
                (501..=600).map(|record| record * 100).collect()
            ]
            .concat()
        );
        assert_eq!(lengths(Room::NONE, 100, 3), [0, 100, 200, 300]);
        // Room is taken only when four more records fit.
        let long = lengths(room, 3000, 10);
        assert_eq!(long, [0, 3000, 6000, 9000, 24_576, 45_056]);
    }

    proptest! {
        #[test]
        fn room_is_bounded(
            max_bytes in 0..100_000_u64,
            file_bytes in 0..1_000_000_u64,
            end in 1..2_000_000_u64,
            record_bytes in 1..200_000_u64,
        ) {
            let room = Room { max_bytes, file_bytes };
            let length = room.length(end, record_bytes);
            prop_assert!(length >= end);
            prop_assert!(length - end <= max_bytes + BLOCK_BYTES.min(max_bytes));
            prop_assert!(length == end || length <= file_bytes);
            prop_assert!(length == end || length - end >= 4 * record_bytes);
        }
    }
}
