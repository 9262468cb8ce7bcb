//! Goal: the helpers of `fs::whole` move every byte exactly once, whatever a
//! device does that is not an error, and report what it does that is one.
//!
//! Method: a file whose calls follow a script: move at most this many bytes, be
//! interrupted, or fail. The bytes themselves lie in a `MemFs`.

use lithify::fs::whole::{append_all, read_exact_at, write_all_at};
use lithify::fs::{File, Fs, MemFs};
use proptest::collection::vec;
use proptest::prelude::*;
use std::collections::VecDeque;
use std::io::{self, ErrorKind};
use std::sync::{Arc, Mutex};

#[derive(Clone, Copy, Debug)]
enum Step {
    AtMost(usize),
    Fail(ErrorKind),
}

/// Follows its script, then moves everything that it is asked to.
#[derive(Debug)]
struct Scripted {
    inner: Arc<dyn File>,
    script: Mutex<VecDeque<Step>>,
}

impl Scripted {
    fn new(content: &[u8], script: impl IntoIterator<Item = Step>) -> Self {
        let inner = MemFs::new().create("x").unwrap();
        inner.append(content).unwrap();
        Self {
            inner,
            script: Mutex::new(script.into_iter().collect()),
        }
    }

    fn allowed(&self, wanted: usize) -> io::Result<usize> {
        match self.script.lock().unwrap().pop_front() {
            None => Ok(wanted),
            Some(Step::AtMost(limit)) => Ok(wanted.min(limit)),
            Some(Step::Fail(kind)) => Err(kind.into()),
        }
    }

    fn content(&self) -> Vec<u8> {
        let mut bytes = vec![0; self.len().unwrap() as usize];
        self.inner.read_at(0, &mut bytes).unwrap();
        bytes
    }
}

impl File for Scripted {
    fn append(&self, bytes: &[u8]) -> io::Result<usize> {
        self.inner.append(&bytes[..self.allowed(bytes.len())?])
    }
    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<usize> {
        self.inner
            .write_at(offset, &bytes[..self.allowed(bytes.len())?])
    }
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        let allowed = self.allowed(buffer.len())?;
        self.inner.read_at(offset, &mut buffer[..allowed])
    }
    fn set_len(&self, length: u64) -> io::Result<()> {
        self.inner.set_len(length)
    }
    fn len(&self) -> io::Result<u64> {
        self.inner.len()
    }
    fn sync(&self) -> io::Result<()> {
        self.inner.sync()
    }
    fn sync_data(&self) -> io::Result<()> {
        self.inner.sync_data()
    }
}

fn harmless_steps() -> impl Strategy<Value = Vec<Step>> {
    vec(
        prop_oneof![
            (1..5_usize).prop_map(Step::AtMost),
            Just(Step::Fail(ErrorKind::Interrupted))
        ],
        0..20,
    )
}

proptest! {
    #[test]
    fn short_and_interrupted_calls_add_up(
        before in vec(any::<u8>(), 0..20), bytes in vec(any::<u8>(), 0..40),
        offset in 0..30_usize, script in harmless_steps(),
    ) {
        let file = Scripted::new(&before, script.clone());
        append_all(&file, &bytes).unwrap();
        prop_assert_eq!(file.content(), [&before[..], &bytes].concat());

        let file = Scripted::new(&before, script.clone());
        write_all_at(&file, offset as u64, &bytes).unwrap();
        let mut expected = before;
        if !bytes.is_empty() {
            let end = offset + bytes.len();
            expected.resize(expected.len().max(end), 0);
            expected[offset..end].copy_from_slice(&bytes);
        }
        prop_assert_eq!(&file.content(), &expected);

        let file = Scripted::new(&expected, script);
        let start = offset.min(expected.len());
        let mut buffer = vec![0; expected.len() - start];
        read_exact_at(&file, start as u64, &mut buffer).unwrap();
        prop_assert_eq!(&buffer[..], &expected[start..]);
    }
}

#[test]
fn a_device_that_takes_no_more_is_an_error_with_numbers() {
    let file = Scripted::new(b"", [Step::AtMost(3), Step::AtMost(0)]);
    let error = append_all(&file, b"0123456789").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::WriteZero);
    assert_eq!(
        error.to_string(),
        "append: the device took 3 of 10 bytes and then no more"
    );

    let file = Scripted::new(b"", [Step::AtMost(0)]);
    let error = write_all_at(&file, 7, b"0123456789").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::WriteZero);
    let expected = "write at offset 7: the device took 0 of 10 bytes and then no more";
    assert_eq!(error.to_string(), expected);
}

#[test]
fn a_file_that_ends_early_is_an_error_with_numbers() {
    let file = Scripted::new(b"abcd", [Step::AtMost(1)]);
    let error = read_exact_at(&file, 2, &mut [0; 5]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::UnexpectedEof);
    assert_eq!(
        error.to_string(),
        "read at offset 2: the file ends after 2 of 5 bytes"
    );
}

#[test]
fn other_errors_pass_and_nothing_is_repeated() {
    let script = [Step::AtMost(2), Step::Fail(ErrorKind::StorageFull)];
    let file = Scripted::new(b"", script);
    assert_eq!(
        append_all(&file, b"abcd").unwrap_err().kind(),
        ErrorKind::StorageFull
    );
    assert_eq!(file.content(), b"ab", "the prefix before the error stays");
    let file = Scripted::new(b"....", script);
    assert_eq!(
        write_all_at(&file, 1, b"abcd").unwrap_err().kind(),
        ErrorKind::StorageFull
    );
    assert_eq!(file.content(), b".ab.");
    let file = Scripted::new(b"abcd", script);
    let error = read_exact_at(&file, 0, &mut [0; 4]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::StorageFull);
}
