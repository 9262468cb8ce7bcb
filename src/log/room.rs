//! Room: zeros that a log keeps written ahead of its end.
//!
//! The sync of a file that has grown makes the new length durable as well, and a file system
//! with a journal writes the journal for it. A record that is written over zeros changes
//! neither length nor blocks, so its sync writes the record and nothing else. Space that was
//! only allocated would not do: its first write changes what the journal knows of it.
//!
//! Room is taken with the write that comes to the end of the file, and that write alone is
//! synced with a new length. How much depends on nothing but lengths, so the same calls make
//! the same bytes. It doubles the file up to a bound: a small log stays small. Where few writes
//! like the present one would fit, none is taken: they wait for their own bytes and not for the
//! journal.
//!
//! What it does not do: it says nothing about where the log ends. Readers find the end as the
//! first place without a record, and take zeros from there on for what they are.

/// Files are given blocks of this many bytes: room up to the end of one costs nothing.
const BLOCK_BYTES: u64 = 4096;

/// So many writes as long as the present one must fit into room that is taken.
const FEWEST_WRITES: u64 = 4;

/// How much room a log takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Room {
    /// Bytes of zeros that are taken at once, at most. 0: none.
    pub(crate) most_bytes: u64,
    /// No room is taken beyond this length: a log that is as long is not gone on with.
    pub(crate) file_bytes: u64,
}

impl Room {
    /// For a file that is synced seldom, or never.
    pub(crate) const NONE: Self = Self {
        most_bytes: 0,
        file_bytes: 0,
    };

    /// The length that a file gets when so many bytes of records are written to it, which end at
    /// `end` and behind the file.
    pub(crate) fn length(self, end: u64, record_bytes: u64) -> u64 {
        let block_bytes = BLOCK_BYTES.min(self.most_bytes).max(1);
        let wanted = (end + end.min(self.most_bytes)).next_multiple_of(block_bytes);
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

    /// What a log grows through, record by record.
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
            most_bytes: 16 * 1024,
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
        // Not before four more fit.
        let long = lengths(room, 3000, 10);
        assert_eq!(long, [0, 3000, 6000, 9000, 24_576, 45_056]);
    }

    proptest! {
        #[test]
        fn room_is_bounded(
            most_bytes in 0..100_000_u64,
            file_bytes in 0..1_000_000_u64,
            end in 1..2_000_000_u64,
            record_bytes in 1..200_000_u64,
        ) {
            let room = Room { most_bytes, file_bytes };
            let length = room.length(end, record_bytes);
            prop_assert!(length >= end);
            prop_assert!(length - end <= most_bytes + BLOCK_BYTES.min(most_bytes));
            prop_assert!(length == end || length <= file_bytes);
            prop_assert!(length == end || length - end >= 4 * record_bytes);
        }
    }
}
