//! Reads the WAL at opening, one file at a time.
//!
//! The files form a chain: each header names the file before it and states where that file ends.
//! The tip is the newest file that was *begun*: either a later record of the file proves that its
//! header, and so its name, was durable, or the manifest names the file. The chain must lead from
//! the tip to the first file that the manifest needs. All other files are leftovers of an
//! interrupted creation, or of a removal that a crash has undone.
//!
//! A file without such a proof is passed over, also when all of it is intact: its bytes may be
//! those of an earlier file of this name, whose creation a crash took back. No commit is lost with
//! it. Commits that an opening has written into it again are also in the file before it, and new
//! commits are written only behind a durable header.
//!
//! Every file before the tip must be intact up to the end that its successor states. The tip may
//! have a torn tail, which is cut: a torn tail was never acknowledged as synced. Any other
//! contradiction is damage, and nothing is changed.
//!
//! The last records of the tip are intact, but there is no proof that they are durable: the process
//! may have died before their sync, or the sync may have failed and left pages that look clean
//! (Rebello et al., ATC 2020). Another sync proves nothing, so these records are handed out to be
//! written again elsewhere.

use crate::commit::Commit;
use crate::error::{Error, Result};
use crate::files::{FileKind, file_name};
use crate::fs::Fs;
use crate::identity::{FileId, StoreId};
use crate::log::{HEADER_BYTES, Record, Tail, first_record, scan, was_written};
use crate::wal::SealedWal;
use crate::wal::record::{self, CommitRecord, WalHeader, WalRecord};
use crate::whole_file::{read_start, read_whole};

/// Enough bytes for the preamble and the header of any file.
const START_BYTES: u64 = 256;

/// The content of the WAL.
#[derive(Debug, Default)]
pub(crate) struct Replay {
    /// The files of the chain, oldest first.
    pub(crate) sealed: Vec<SealedWal>,
    /// Files that are not part of the log.
    pub(crate) leftovers: Vec<u64>,
    /// The records of the last commits, which nothing proves to be durable. They must be written
    /// again before they are served; the chain is sealed before them.
    pub(crate) unproven: Vec<Vec<u8>>,
    /// Whether a crash could take away the proof of the newest file. Then a successor must vouch
    /// for it before any commit in it is served.
    pub(crate) tip_needs_successor: bool,
}

/// Reads the WAL files with these numbers, ascending, and gives the commits after `through` to
/// `take`. `oldest` is the first file that the manifest needs.
///
/// Memory: one file. O(bytes of the log), and the newest file is read twice.
///
/// # Errors
/// [`Error::Damage`] when a durable commit is missing or has changed, and the errors of `take`.
pub(crate) fn replay(
    fs: &dyn Fs,
    store: StoreId,
    numbers: &[u64],
    oldest: u64,
    through: Commit,
    take: &mut dyn FnMut(CommitRecord) -> Result<()>,
) -> Result<Replay> {
    let chain = chain(fs, store, numbers, oldest)?;
    let mut reader = Reader {
        last: through,
        take,
        outcome: Replay::default(),
    };
    for (position, file) in chain.iter().enumerate() {
        let bytes = read_whole(fs, &file.name)?;
        match chain.get(position + 1) {
            Some(successor) => {
                reader.read_sealed(file, &bytes, successor.header.previous_end)?;
            }
            None => reader.read_tip(file, &bytes, file.id.number == oldest)?,
        }
    }
    let is_leftover = |number: &&u64| chain.iter().all(|file| file.id.number != **number);
    let leftovers = numbers.iter().filter(is_leftover);
    reader.outcome.leftovers.extend(leftovers);
    Ok(reader.outcome)
}

/// The first of these files that holds a readable commit of `store`, or of any store when `store`
/// is `None`.
pub(crate) fn first_with_commits(
    fs: &dyn Fs,
    store: Option<StoreId>,
    numbers: &[u64],
) -> Result<Option<u64>> {
    for &number in numbers {
        let name = file_name(FileKind::Wal, number);
        let bytes = read_whole(fs, &name)?;
        let holds_commits = match FileId::read(FileKind::Wal, number, &bytes) {
            Ok(id) if store.is_some_and(|store| store != id.store) => false,
            Ok(id) => {
                let scan = scan(&name, id.salts(), &bytes, 0);
                scan.records.len() > 1 || matches!(scan.tail, Tail::Damaged(_))
            }
            Err(Error::Damage(_)) => store.is_some_and(|store| {
                let place_salt = store.place_salt(FileKind::Wal, number);
                was_written(place_salt, &bytes)
            }),
            Err(error) => return Err(error),
        };
        if holds_commits {
            return Ok(Some(number));
        }
    }
    Ok(None)
}

/// A file of the log, without the records behind its header.
#[derive(Debug)]
struct WalFile {
    id: FileId,
    name: String,
    header: WalHeader,
    /// The end of the header's record.
    header_end: u64,
}

impl WalFile {
    /// Reads a file from its first bytes; `None` without an intact beginning.
    ///
    /// # Errors
    /// [`Error::UnsupportedFormat`].
    fn read(number: u64, store: StoreId, bytes: &[u8]) -> Result<Option<Self>> {
        let id = match FileId::read(FileKind::Wal, number, bytes) {
            Ok(id) if id.store == store || planted!(ForeignLogAccepted) => id,
            Ok(_) => {
                mark!(ForeignFilePassedOver);
                return Ok(None);
            }
            Err(Error::Damage(_)) => return Ok(None),
            Err(error) => return Err(error),
        };
        let first = first_record(id.salts(), bytes);
        Ok(first.and_then(|record| {
            Some(Self {
                id,
                name: id.name(),
                header: header_of(&record)?,
                header_end: record.end,
            })
        }))
    }
}

fn header_of(record: &Record<'_>) -> Option<WalHeader> {
    match record::decode(record.payload) {
        Some(WalRecord::Header(header)) => Some(header),
        _ => None,
    }
}

/// The files of the log, oldest first. Only the tip is read beyond its header.
fn chain(fs: &dyn Fs, store: StoreId, numbers: &[u64], oldest: u64) -> Result<Vec<WalFile>> {
    let missing = |number: u64, why: String| {
        let name = file_name(FileKind::Wal, number);
        Error::damage(&name, 0, why, "no such file, or no intact header")
    };
    let tip = find_tip(fs, store, numbers, oldest)?
        .ok_or_else(|| missing(oldest, "the log that the manifest needs".to_owned()))?;
    let mut chain = vec![tip];
    while let Some(file) = chain.last().filter(|file| file.id.number > oldest) {
        let (number, needed_by) = (file.header.previous, file.name.clone());
        let why = || format!("the log before {needed_by}");
        let is_there = number < file.id.number && numbers.binary_search(&number).is_ok();
        let previous = match is_there {
            true => read_header(fs, store, number)?,
            false => None,
        };
        chain.push(previous.ok_or_else(|| missing(number, why()))?);
    }
    if chain.last().is_some_and(|file| file.id.number != oldest) {
        let why = "the log that the manifest needs".to_owned();
        return Err(missing(oldest, why));
    }
    chain.reverse();
    assert!(
        chain
            .windows(2)
            .all(|pair| pair[0].id.number < pair[1].id.number),
        "a chain of logs that goes back: {chain:?}"
    );
    assert!(
        chain.first().is_some_and(|file| file.id.number == oldest),
        "a chain that does not begin at log {oldest}: {chain:?}"
    );
    Ok(chain)
}

/// The newest file that was begun.
fn find_tip(fs: &dyn Fs, store: StoreId, numbers: &[u64], oldest: u64) -> Result<Option<WalFile>> {
    // From the newest file on: the first one that was begun is the tip.
    for &number in numbers.iter().rev() {
        let name = file_name(FileKind::Wal, number);
        let bytes = match read_whole(fs, &name) {
            Err(_) if planted!(UnreadableWalIsLeftover) => Vec::new(),
            outcome => outcome?,
        };
        match WalFile::read(number, store, &bytes)? {
            Some(file) => {
                let scan = scan(&name, file.id.salts(), &bytes, 0);
                if scan.is_begun() || number == oldest || planted!(UnprovenLogWins) {
                    return Ok(Some(file));
                }
                if let Tail::Damaged(damage) = scan.tail {
                    return Err(Error::Damage(damage));
                }
            }
            None => must_be_unfinished(number, store, &bytes)?,
        }
        mark!(TipWithoutProof);
    }
    Ok(None)
}

/// A file without an intact beginning can be left by a crash during its creation. If a record
/// behind the beginning proves that the creation was finished, the beginning is damaged.
fn must_be_unfinished(number: u64, store: StoreId, bytes: &[u8]) -> Result<()> {
    let name = file_name(FileKind::Wal, number);
    match FileId::read(FileKind::Wal, number, bytes) {
        Ok(id) if id.store != store => Ok(()),
        Ok(id) => match scan(&name, id.salts(), bytes, 0).tail {
            Tail::Damaged(damage) => Err(Error::Damage(damage)),
            Tail::Clean | Tail::Torn => Ok(()),
        },
        Err(damage) if was_written(store.place_salt(FileKind::Wal, number), bytes) => Err(damage),
        Err(Error::Damage(_)) => Ok(()),
        Err(error) => Err(error),
    }
}

/// Reads a file's header from its first bytes.
fn read_header(fs: &dyn Fs, store: StoreId, number: u64) -> Result<Option<WalFile>> {
    let name = file_name(FileKind::Wal, number);
    let start = read_start(fs, &name, START_BYTES)?;
    WalFile::read(number, store, &start)
}

/// Reads the chain, file by file.
struct Reader<'a> {
    /// The last known commit.
    last: Commit,
    take: &'a mut dyn FnMut(CommitRecord) -> Result<()>,
    outcome: Replay,
}

impl Reader<'_> {
    /// Reads a file whose end is stated by its successor.
    fn read_sealed(&mut self, file: &WalFile, bytes: &[u8], end: u64) -> Result<()> {
        self.check_after(file)?;
        let trusts = planted!(MissingCommitsSkipped);
        let known_durable = if trusts { 0 } else { end };
        let scan = scan(&file.name, file.id.salts(), bytes, known_durable);
        // Bytes behind the end are not part of the log, intact or not.
        if let Tail::Damaged(damage) = scan.tail
            && damage.offset < end
            && !trusts
        {
            return Err(Error::Damage(damage));
        }
        for record in scan
            .records
            .iter()
            .skip(1)
            .filter(|record| record.end <= end)
        {
            self.read_payload(file, record.offset, record.payload)?;
        }
        self.seal(file.id.number, end);
        Ok(())
    }

    /// Reads the newest file, and seals it at the end of its proven part. `is_named` when the
    /// manifest names the file.
    fn read_tip(&mut self, file: &WalFile, bytes: &[u8], is_named: bool) -> Result<()> {
        self.check_after(file)?;
        let scan = scan(&file.name, file.id.salts(), bytes, 0);
        if let Tail::Damaged(damage) = scan.tail {
            return Err(Error::Damage(damage));
        }
        if matches!(scan.tail, Tail::Torn) {
            mark!(TornTailCut);
        }
        self.outcome.tip_needs_successor = !is_named && !scan.is_begun_for_good();
        let end = scan.proven.max(file.header_end);
        let last_end = scan.records.last().map_or(end, |record| record.end);
        let end = match end {
            _ if planted!(UnprovenWalServed) => last_end,
            end => end,
        };
        let (proven, unproven): (Vec<&Record<'_>>, Vec<_>) = scan
            .records
            .iter()
            .skip(1)
            .partition(|record| record.end <= end);
        for record in proven {
            self.read_payload(file, record.offset, record.payload)?;
        }
        let sealed_end = match bytes.len() as u64 {
            length if planted!(TornTailSealed) && unproven.is_empty() => length,
            _ => end,
        };
        // Sealed before the unproven records are read: the sealed file must not cover them, because
        // they are written again into the successor.
        self.seal(file.id.number, sealed_end);
        for record in unproven {
            if planted!(UnprovenDropped) {
                break;
            }
            if self.read_payload(file, record.offset, record.payload)? {
                self.outcome.unproven.push(record.payload.to_vec());
            }
        }
        let torn = bytes.get(last_end as usize + HEADER_BYTES..);
        if planted!(PartialBatchReplayed)
            && let Some(payload) = torn.filter(|payload| record::decode(payload).is_some())
            && self.read_payload(file, last_end, payload)?
        {
            self.outcome.unproven.push(payload.to_vec());
        }
        Ok(())
    }

    fn seal(&mut self, number: u64, end: u64) {
        let last = self.last;
        let before = self.outcome.sealed.last();
        assert!(
            before.is_none_or(|wal| wal.number < number && wal.last <= last),
            "log {number} up to commit {last} comes behind {before:?}"
        );
        self.outcome.sealed.push(SealedWal { number, end, last });
    }

    /// Checks that the commits are there that, by the header, precede the file.
    fn check_after(&self, file: &WalFile) -> Result<()> {
        let after = file.header.after;
        if after <= self.last || planted!(MissingCommitsSkipped) {
            return Ok(());
        }
        let expected = format!("commits up to {after} before it");
        Err(Error::damage(
            &file.name,
            0,
            expected,
            format!("up to {}", self.last),
        ))
    }

    /// Hands out the commit of a payload. Returns false for a commit that is known already, and for
    /// a close mark.
    fn read_payload(&mut self, file: &WalFile, offset: u64, payload: &[u8]) -> Result<bool> {
        let (skips_bad, trusts) = (
            planted!(ReplaySkipsBadRecord),
            planted!(MissingCommitsSkipped),
        );
        let skips = skips_bad || trusts;
        let found = match record::decode(payload) {
            Some(WalRecord::Close) => return Ok(false),
            Some(WalRecord::Commit(commit)) if commit.commit <= self.last => return Ok(false),
            Some(WalRecord::Commit(commit)) if commit.commit == self.last.next() || skips => {
                while skips && self.last.next() < commit.commit {
                    self.last = self.last.next();
                    let commit = self.last;
                    let (new_keyspaces, runs) = (Vec::new(), Vec::new());
                    (self.take)(CommitRecord {
                        commit,
                        new_keyspaces,
                        runs,
                    })?;
                }
                self.last = commit.commit;
                (self.take)(commit)?;
                return Ok(true);
            }
            Some(WalRecord::Commit(commit)) => format!("commit {}", commit.commit),
            Some(WalRecord::Header(_)) => "a second header".to_owned(),
            None => "something else".to_owned(),
        };
        let expected = format!("commit {} or a close mark", self.last.next());
        Err(Error::damage(&file.name, offset, expected, found))
    }
}
