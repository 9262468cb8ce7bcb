//! The parsers of lines that programs send, for fuzz targets. Built with `--cfg fuzzing` only.

use super::{apply, data_file, import, replica, wal_node};

/// Takes a line for whatever it may be. All that may come out is a value or a refusal.
pub fn take_line(line: &[u8]) {
    apply::take_line(line);
    data_file::take_line(line);
    import::take_line(line);
    replica::take_line(line);
    wal_node::take_line(line);
}
