//! The parsers of lines from other programs, for fuzz targets. Only built with `--cfg
//! fuzzing`.

use super::{apply, data_file, import, replica, wal_node};

/// Parses a line in every form. The result must be a value or a refusal.
pub fn take_line(line: &[u8]) {
    apply::take_line(line);
    data_file::take_line(line);
    import::take_line(line);
    replica::take_line(line);
    wal_node::take_line(line);
}
