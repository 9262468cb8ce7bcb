//! Whole transfers over [`File`], whose own methods may transfer fewer bytes than asked.
//!
//! Each function repeats the call until all bytes are transferred. A call that a signal interrupted
//! (`Interrupted`) has transferred nothing and is repeated; every other error reaches the caller
//! unchanged. Nothing here syncs.

use super::File;
use std::io::{self, ErrorKind};

/// Appends all of `bytes`.
///
/// # Errors
/// `WriteZero` when the device takes no more bytes; otherwise the device's
/// error. Some prefix of `bytes` may have been appended: [`File::len`] tells.
pub fn append_all(file: &dyn File, bytes: &[u8]) -> io::Result<()> {
    let mut done = 0;
    while done < bytes.len() {
        match uninterrupted(|| file.append(&bytes[done..]))? {
            0 => return Err(write_zero("append", done, bytes.len())),
            written => done += written,
        }
    }
    Ok(())
}

/// Writes all of `bytes` at `offset`.
///
/// # Errors
/// `WriteZero` when the device takes no more bytes; otherwise the device's
/// error. Some prefix of `bytes` may have been written.
pub fn write_all_at(file: &dyn File, offset: u64, bytes: &[u8]) -> io::Result<()> {
    let mut done = 0;
    while done < bytes.len() {
        match uninterrupted(
            || match file.write_at(offset + done as u64, &bytes[done..]) {
                Err(error)
                    if planted!(InterruptedWriteIsDone)
                        && error.kind() == ErrorKind::Interrupted =>
                {
                    Ok(bytes.len() - done)
                }
                outcome => outcome,
            },
        )? {
            1.. if planted!(ShortWriteIsComplete) => done = bytes.len(),
            0 => {
                let what = format!("write at offset {offset}");
                return Err(write_zero(&what, done, bytes.len()));
            }
            written => done += written,
        }
    }
    Ok(())
}

/// Fills `buffer` with the bytes from `offset`.
///
/// # Errors
/// `UnexpectedEof` when the file ends before `buffer` is full; otherwise the
/// device's error. `buffer` may then hold anything.
pub fn read_exact_at(file: &dyn File, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
    let wanted = buffer.len();
    let mut done = 0;
    while done < wanted {
        match uninterrupted(|| file.read_at(offset + done as u64, &mut buffer[done..]))? {
            1.. if planted!(ShortReadIsComplete) => done = wanted,
            0 if planted!(EmptyReadRepeated) => {}
            0 => {
                return Err(io::Error::new(
                    ErrorKind::UnexpectedEof,
                    format!(
                        "read at offset {offset}: the file ends after {done} of {wanted} bytes"
                    ),
                ));
            }
            read => done += read,
        }
    }
    Ok(())
}

/// Repeats `call` for as long as signals interrupt it.
fn uninterrupted(mut call: impl FnMut() -> io::Result<usize>) -> io::Result<usize> {
    loop {
        match call() {
            Err(error) if error.kind() == ErrorKind::Interrupted => {
                if planted!(InterruptionIsEnd) {
                    return Ok(0);
                }
            }
            result => return result,
        }
    }
}

fn write_zero(what: &str, done: usize, wanted: usize) -> io::Error {
    io::Error::new(
        ErrorKind::WriteZero,
        format!("{what}: the device took {done} of {wanted} bytes and then no more"),
    )
}
