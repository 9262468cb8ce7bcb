//! Reading the WAL back at opening.
//!
//! The files form a chain: each header names the file before it and says where that
//! one ends. The newest file with an intact header is the tip, and the chain must lead
//! from it to the first file that the manifest needs. Files off the chain are leftovers
//! of interrupted creations, or of removals that a crash has undone.
//!
//! Every file but the tip must be whole up to where its successor says it ends. The tip
//! may have a torn tail, which is cut: it was never acknowledged as synced. Anything
//! else that does not fit is damage, and nothing is changed.
//!
//! The last records of the tip are intact, but nothing proves that they are durable:
//! the process may have died before their sync, or the sync may have failed and left
//! pages that look clean (Rebello et al., ATC 2020). Syncing again proves nothing, so
//! they are handed out to be written again elsewhere.

use std::collections::BTreeMap;

use crate::commit::Commit;
use crate::error::{Error, Result};
use crate::files::{FileKind, check_preamble, file_name, salt};
use crate::fs::Fs;
use crate::log::{HEADER_BYTES, Record, Scan, Tail, scan};
use crate::wal::SealedWal;
use crate::wal::record::{self, CommitRecord, WalHeader, WalRecord};
use crate::whole_file::read_whole;

/// What the WAL holds.
#[derive(Debug, Default)]
pub(crate) struct Replay {
    /// The files of the chain, oldest first.
    pub(crate) sealed: Vec<SealedWal>,
    /// Files that are not part of the log.
    pub(crate) leftovers: Vec<u64>,
    /// The records of the last commits, whose durability nothing proves. They must be
    /// written again before they are served; the chain is sealed before them.
    pub(crate) unproven: Vec<Vec<u8>>,
}

/// Reads the WAL files with these numbers and hands the commits after `through` to
/// `take`. `oldest` is the first file that the manifest needs.
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
    let mut files = BTreeMap::new();
    for &number in numbers {
        files.insert(number, WalFile::read(fs, number)?);
    }
    let chain = chain(&mut files, oldest)?;
    let mut reader = Reader {
        last: through,
        take,
        outcome: Replay::default(),
    };
    for (position, (file, header)) in chain.iter().enumerate() {
        let successor = chain.get(position + 1).map(|(_, header)| header);
        match successor {
            Some(successor) => reader.read_sealed(file, header, successor.previous_end)?,
            // A manifest names a file only after it and its name were synced.
            None => reader.read_tip(file, header, file.number == oldest)?,
        }
    }
    reader.outcome.leftovers.extend(files.into_keys());
    Ok(reader.outcome)
}

/// Whether any of these files holds a commit, as far as can be read.
pub(crate) fn first_with_commits(fs: &dyn Fs, numbers: &[u64]) -> Result<Option<u64>> {
    for &number in numbers {
        let file = WalFile::read(fs, number)?;
        let scan = file.scan(0);
        let header = file.header.as_ref();
        let carries = header.is_some_and(|header| !header.carried.is_empty());
        if carries || scan.records.len() > 1 || matches!(scan.tail, Tail::Damaged(_)) {
            return Ok(Some(number));
        }
    }
    Ok(None)
}

/// A WAL file in memory.
#[derive(Debug)]
struct WalFile {
    number: u64,
    name: String,
    bytes: Vec<u8>,
    header: Option<WalHeader>,
}

impl WalFile {
    /// Reads a file. One without an intact beginning has no header, if that can be
    /// the work of a crash during its creation.
    fn read(fs: &dyn Fs, number: u64) -> Result<Self> {
        let name = file_name(FileKind::Wal, number);
        let bytes = match read_whole(fs, &name) {
            Err(_) if planted!(UnreadableWalIsLeftover) => Vec::new(),
            outcome => outcome?,
        };
        let preamble = check_preamble(FileKind::Wal, &name, &bytes);
        if let Err(error @ Error::UnsupportedFormat { .. }) = preamble {
            return Err(error);
        }
        let mut file = Self {
            number,
            name,
            bytes,
            header: None,
        };
        let Scan { records, tail, .. } = file.scan(0);
        let header = records
            .first()
            .and_then(|record| match record::decode(record.payload) {
                Some(WalRecord::Header(header)) => Some(header),
                _ => None,
            });
        match (&header, tail) {
            // A record behind a bad preamble was synced together with it, or later.
            (Some(_), _) => preamble?,
            (None, Tail::Damaged(damage)) => return Err(Error::Damage(damage)),
            (None, _) => {}
        }
        file.header = header;
        Ok(file)
    }

    fn scan(&self, known_durable: u64) -> Scan<'_> {
        let salt = salt(FileKind::Wal, self.number);
        scan(&self.name, salt, &self.bytes, known_durable)
    }
}

/// Takes the chain out of `files`, oldest first.
fn chain(files: &mut BTreeMap<u64, WalFile>, oldest: u64) -> Result<Vec<(WalFile, WalHeader)>> {
    let missing = |number: u64, why: String| {
        let name = file_name(FileKind::Wal, number);
        Error::damage(&name, 0, why, "no such file, or no intact header")
    };
    let tip = files
        .iter()
        .rev()
        .find(|(_, file)| file.header.is_some())
        .map(|(&number, _)| number)
        .ok_or_else(|| missing(oldest, "the log that the manifest needs".to_owned()))?;
    let mut take = |number: u64, why: String| {
        let file = files.remove(&number);
        file.and_then(|mut file| {
            let header = file.header.take()?;
            Some((file, header))
        })
        .ok_or_else(|| missing(number, why))
    };
    let mut chain = vec![take(tip, "the newest log".to_owned())?];
    while let Some((file, header)) = chain.last().filter(|(file, _)| file.number > oldest) {
        let why = format!("the log before {}", file.name);
        let previous = header.previous;
        chain.push(take(previous, why)?);
    }
    if chain.last().is_some_and(|(file, _)| file.number != oldest) {
        return Err(missing(
            oldest,
            "the log that the manifest needs".to_owned(),
        ));
    }
    chain.reverse();
    Ok(chain)
}

/// Goes through the chain.
struct Reader<'a> {
    /// The last commit known.
    last: Commit,
    take: &'a mut dyn FnMut(CommitRecord) -> Result<()>,
    outcome: Replay,
}

impl Reader<'_> {
    /// A file whose successor says where it ends.
    fn read_sealed(&mut self, file: &WalFile, header: &WalHeader, end: u64) -> Result<()> {
        self.check_after(file, header)?;
        let trusts = planted!(MissingCommitsSkipped);
        let scan = file.scan(if trusts { 0 } else { end });
        if let Tail::Damaged(damage) = scan.tail
            && !trusts
        {
            return Err(Error::Damage(damage));
        }
        for payload in &header.carried {
            self.read_payload(file, 0, payload)?;
        }
        for record in scan
            .records
            .iter()
            .skip(1)
            .filter(|record| record.end <= end)
        {
            self.read_payload(file, record.offset, record.payload)?;
        }
        self.seal(file.number, end);
        Ok(())
    }

    /// The newest file, which is sealed behind what is proven. `is_named` when the
    /// manifest vouches for its creation.
    fn read_tip(&mut self, file: &WalFile, header: &WalHeader, is_named: bool) -> Result<()> {
        self.check_after(file, header)?;
        let scan = file.scan(0);
        if let Tail::Damaged(damage) = scan.tail {
            return Err(Error::Damage(damage));
        }
        let header_end = scan.records.first().map_or(0, |record| record.end);
        let is_created = is_named || header_end <= scan.proven;
        if matches!(scan.tail, Tail::Torn) {
            mark!(TornTailCut);
        }
        for payload in &header.carried {
            mark!(CommitsCarried);
            if self.read_payload(file, 0, payload)? && !is_created {
                self.outcome.unproven.push(payload.clone());
            }
        }
        if !is_created {
            // Neither its bytes nor its name may be durable, and no commit was written
            // behind its header: the chain ends before it.
            mark!(TipWithoutProof);
            self.outcome.leftovers.push(file.number);
            return Ok(());
        }
        let end = scan.proven.max(header_end);
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
        let sealed_end = match file.bytes.len() as u64 {
            length if planted!(TornTailSealed) && unproven.is_empty() => length,
            _ => end,
        };
        self.seal(file.number, sealed_end);
        for record in unproven {
            if planted!(UnprovenDropped) {
                break;
            }
            if self.read_payload(file, record.offset, record.payload)? {
                self.outcome.unproven.push(record.payload.to_vec());
            }
        }
        let torn = file.bytes.get(last_end as usize + HEADER_BYTES..);
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
        self.outcome.sealed.push(SealedWal { number, end, last });
    }

    /// The commits that a header says came before must be there.
    fn check_after(&self, file: &WalFile, header: &WalHeader) -> Result<()> {
        if header.after <= self.last || planted!(MissingCommitsSkipped) {
            return Ok(());
        }
        let expected = format!("commits up to {} before it", header.after);
        Err(Error::damage(
            &file.name,
            0,
            expected,
            format!("up to {}", self.last),
        ))
    }

    /// Hands out the commit in a payload; false for one that is known already, and for
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
