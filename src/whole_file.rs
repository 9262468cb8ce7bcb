//! Reading a log file as a whole. Logs are bounded by rotation and switching, so
//! their length is no threat to memory.

use crate::error::{Error, Result};
use crate::fs::whole::read_exact_at;
use crate::fs::{Access, Fs};

/// All bytes of the file `name`.
pub(crate) fn read_whole(fs: &dyn Fs, name: &str) -> Result<Vec<u8>> {
    let file = fs
        .open(name, Access::Read)
        .map_err(Error::io("open", name))?;
    let length = file.len().map_err(Error::io("read the length of", name))?;
    let mut bytes = vec![0; usize::try_from(length).expect("a log fits into memory")];
    read_exact_at(&*file, 0, &mut bytes).map_err(Error::io("read", name))?;
    Ok(bytes)
}
