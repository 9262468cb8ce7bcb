//! Reading the WAL back at opening.
//!
//! Every file but the last must be whole up to where its successor says it ends.
//! The last one may have a torn tail, which is cut: it was never acknowledged as
//! synced. Anything else that does not fit is damage, and nothing is changed.

use crate::commit::Commit;
use crate::error::{Error, Result};
use crate::files::{FileKind, PREAMBLE_BYTES, check_preamble, file_name, salt};
use crate::fs::Fs;
use crate::log::{Scan, Tail, scan};
use crate::wal::SealedWal;
use crate::wal::record::{self, CommitRecord, WalHeader, WalRecord};
use crate::whole_file::read_whole;

/// What the WAL holds.
#[derive(Debug, Default)]
pub(crate) struct Replay {
    /// The files that were read, oldest first.
    pub(crate) sealed: Vec<SealedWal>,
    /// Files whose creation a crash interrupted; they hold nothing.
    pub(crate) torn: Vec<u64>,
    /// The bytes of the last file that were cut off.
    pub(crate) cut_bytes: u64,
    /// The name of the last file read, which must be synced before its commits are
    /// served.
    pub(crate) last_file: Option<String>,
}

/// Reads the WAL files with these numbers, ascending, and hands the commits after
/// `through` to `take`. `oldest` is the first file that the manifest needs.
///
/// # Errors
/// [`Error::Damage`] when a durable commit is missing or not what was written, and
/// whatever `take` returns.
pub(crate) fn replay(
    fs: &dyn Fs,
    numbers: &[u64],
    oldest: u64,
    through: Commit,
    take: &mut dyn FnMut(CommitRecord) -> Result<()>,
) -> Result<Replay> {
    let mut files = Vec::new();
    for &number in numbers {
        files.push(WalFile::read(fs, number)?);
    }
    let mut outcome = Replay::default();
    // From the newest backwards: files without an intact header are interrupted
    // creations, and only the newest files can be that.
    while let Some(file) = files.pop_if(|file| file.header.is_none()) {
        if let Some(error) = file.error {
            return Err(error);
        }
        outcome.torn.push(file.number);
    }
    check_chain(&files, oldest)?;
    let mut next = through;
    for (position, file) in files.iter().enumerate() {
        let sealed_end = files
            .get(position + 1)
            .and_then(|file| file.header)
            .map(|header| header.previous_end);
        let end = replay_file(file, sealed_end, &mut next, take)?;
        outcome.sealed.push(SealedWal {
            number: file.number,
            end,
            last: next,
        });
        outcome.cut_bytes = file.bytes.len() as u64 - end;
        outcome.last_file = Some(file.name.clone());
    }
    Ok(outcome)
}

/// A WAL file in memory.
#[derive(Debug)]
struct WalFile {
    number: u64,
    name: String,
    bytes: Vec<u8>,
    header: Option<WalHeader>,
    /// Why a file without a header is not just an interrupted creation.
    error: Option<Error>,
}

impl WalFile {
    fn read(fs: &dyn Fs, number: u64) -> Result<Self> {
        let name = file_name(FileKind::Wal, number);
        let bytes = read_whole(fs, &name)?;
        let preamble = check_preamble(FileKind::Wal, &name, &bytes);
        if let Err(error @ Error::UnsupportedFormat { .. }) = preamble {
            return Err(error);
        }
        let Scan { records, tail, .. } = scan(&name, salt(FileKind::Wal, number), &bytes, 0);
        let header = records
            .first()
            .and_then(|record| match record::decode(record.payload) {
                Some(WalRecord::Header(header)) => Some(header),
                _ => None,
            });
        let error = match (header, tail) {
            // Records are intact although the preamble before them is not.
            (Some(_), _) => preamble.err(),
            (None, Tail::Damaged(damage)) => Some(Error::Damage(damage)),
            (None, _) => None,
        };
        let header = header.filter(|_| error.is_none());
        Ok(Self {
            number,
            name,
            bytes,
            header,
            error,
        })
    }
}

/// Every file names its predecessor; the first one needed must be there.
fn check_chain(files: &[WalFile], oldest: u64) -> Result<()> {
    let mut expected = None;
    for file in files.iter().filter(|file| file.number >= oldest) {
        let Some(header) = file.header else {
            return Err(file_error(file, "a WAL header", "something else"));
        };
        let previous = expected.unwrap_or(header.previous);
        let is_first_needed = expected.is_none();
        if header.previous != previous || (is_first_needed && file.number != oldest) {
            let missing = if is_first_needed {
                oldest
            } else {
                header.previous
            };
            return Err(Error::damage(
                &file_name(FileKind::Wal, missing),
                0,
                format!("the log before {}", file.name),
                "no such file",
            ));
        }
        expected = Some(file.number);
    }
    if expected.is_none() {
        return Err(Error::damage(
            &file_name(FileKind::Wal, oldest),
            0,
            "the WAL file that the manifest needs",
            "no such file",
        ));
    }
    Ok(())
}

/// Hands the commits of one file after `next` to `take`; returns where its last
/// valid record ends.
fn replay_file(
    file: &WalFile,
    sealed_end: Option<u64>,
    next: &mut Commit,
    take: &mut dyn FnMut(CommitRecord) -> Result<()>,
) -> Result<u64> {
    let salt = salt(FileKind::Wal, file.number);
    let end_of_log = sealed_end
        .unwrap_or(file.bytes.len() as u64)
        .min(file.bytes.len() as u64);
    let bytes = &file.bytes[..end_of_log as usize];
    let Scan { records, end, tail } = scan(&file.name, salt, bytes, sealed_end.unwrap_or(0));
    if let Tail::Damaged(damage) = tail {
        return Err(Error::Damage(damage));
    }
    for record in records.iter().skip(1) {
        let found = match record::decode(record.payload) {
            Some(WalRecord::Close) => continue,
            Some(WalRecord::Commit(commit)) if commit.commit <= *next => continue,
            Some(WalRecord::Commit(commit)) if commit.commit == next.next() => {
                *next = commit.commit;
                take(commit)?;
                continue;
            }
            Some(WalRecord::Commit(commit)) => format!("commit {}", commit.commit),
            Some(WalRecord::Header(_)) => "a second header".to_owned(),
            None => "something else".to_owned(),
        };
        let expected = format!("commit {} or a close mark", next.next());
        return Err(Error::damage(&file.name, record.offset, expected, found));
    }
    debug_assert!(
        end >= PREAMBLE_BYTES,
        "a file with a header holds its preamble"
    );
    Ok(end)
}

fn file_error(file: &WalFile, expected: &str, found: &str) -> Error {
    Error::damage(&file.name, 0, expected, found)
}
