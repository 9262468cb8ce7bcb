//! The store: one file, `log`, with a line for each call: a checksum, and what its commits
//! write. A line is there as a whole or not at all, and a line that is not whole is the end of
//! the log, unless a later one proves that it was durable: that is damage. After an error the
//! store takes no more commits until it is opened again.
//!
//! Three mistakes can be planted in it, which is how the laboratory's own tests look at what
//! becomes of one mistake in many seeds.

use std::io;
use std::sync::Arc;

use lithify::fs::whole::{read_exact_at, write_all_at};
use lithify::fs::{Access, File, Fs};
use lithify_sim::history::{Batch, State, Write};
use lithify_sim::planted::{Planted, is_active};
use lithify_sim::system::{Engine, Failure, Instance, Setting, Settings, System};

/// The name of the file may not be on the disk when its lines are.
pub(crate) const DIRECTORY_NOT_SYNCED: &str = "directory-not-synced";
/// A commit returns before it is on the disk.
pub(crate) const COMMIT_NOT_SYNCED: &str = "commit-not-synced";
/// What a sync says goes unheard.
pub(crate) const SYNC_ERROR_IGNORED: &str = "sync-error-ignored";

/// The kind of store, as the laboratory knows it. It has nothing to choose, so it is its
/// own engine.
#[derive(Clone, Copy)]
pub(crate) struct TinyLog;

/// An open store.
struct OpenLog {
    file: Arc<dyn File>,
    length_bytes: u64,
    head: u64,
    state: State,
    /// Whether what the disk holds behind the last commit is unknown.
    has_failed: bool,
}

impl System for TinyLog {
    fn name(&self) -> &'static str {
        "tiny-log"
    }

    fn about(&self) -> &'static str {
        "one file with a checked line for each commit"
    }

    fn settings(&self) -> &'static [Setting] {
        &[]
    }

    fn configure(&self, settings: &Settings) -> Result<Arc<dyn Engine>, String> {
        match settings.keys().next() {
            None => Ok(Arc::new(*self)),
            Some(name) => Err(format!("tiny-log has no setting {name:?}")),
        }
    }

    fn bugs(&self) -> Vec<Planted> {
        let bug = |name, story| Planted::new(name, "missing sync", story);
        vec![
            bug(DIRECTORY_NOT_SYNCED, "the name of the log may be lost"),
            bug(COMMIT_NOT_SYNCED, "a commit returns before it is durable"),
            bug(
                SYNC_ERROR_IGNORED,
                "a commit returns although its sync failed",
            ),
        ]
    }
}

impl Engine for TinyLog {
    fn open(&self, fs: Arc<dyn Fs>) -> Result<Box<dyn Instance>, Failure> {
        let file = match fs.open("log", Access::Write) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => fs.create("log"),
            found => found,
        };
        let store = OpenLog::recover(file.map_err(failure)?)?;
        if !is_active(DIRECTORY_NOT_SYNCED) {
            fs.sync_dir("").map_err(failure)?;
        }
        Ok(Box::new(store))
    }
}

impl OpenLog {
    /// Reads the lines up to the first that is not whole, and cuts off the rest.
    fn recover(file: Arc<dyn File>) -> Result<Self, Failure> {
        let mut bytes = vec![0; file.len().map_err(failure)? as usize];
        read_exact_at(&*file, 0, &mut bytes).map_err(failure)?;
        let mut store = Self {
            file,
            length_bytes: 0,
            head: 0,
            state: State::new(),
            has_failed: false,
        };
        let mut last: &[u8] = &[];
        for line in bytes.split_inclusive(|byte| *byte == b'\n') {
            let Some(batches) = parse(store.length_bytes, line) else {
                break;
            };
            store.apply(line, batches);
            last = line;
        }
        // Each line was durable before the next one was written, so none may follow. Where lines
        // begin is not known any more: it may be the end of one that is damaged.
        let end = &bytes[store.length_bytes as usize..];
        if whole_line(store.length_bytes, end) {
            let place = store.length_bytes;
            return Err(Failure::Damage(format!(
                "log: the line at {place} is not whole, and later ones are"
            )));
        }
        store.keep(last).map_err(failure)?;
        Ok(store)
    }

    /// What another process wrote before it died can be read, and may not be durable. When its
    /// sync has failed, the system may hold the last line for clean and never write it again.
    fn keep(&self, last: &[u8]) -> io::Result<()> {
        let start = self.length_bytes - last.len() as u64;
        self.file.set_len(self.length_bytes)?;
        let write = || {
            write_all_at(&*self.file, start, last)?;
            self.file.sync()
        };
        // The first error may be of what that process failed to write; the second is ours.
        write().or_else(|_| write())
    }

    fn sync_commit(&self) -> io::Result<()> {
        if is_active(COMMIT_NOT_SYNCED) {
            return Ok(());
        }
        let synced = self.file.sync_data();
        match is_active(SYNC_ERROR_IGNORED) {
            true => Ok(()),
            false => synced,
        }
    }

    fn apply(&mut self, line: &[u8], batches: Vec<Writes>) {
        self.length_bytes += line.len() as u64;
        self.head += batches.len() as u64;
        for (key, value) in batches.into_iter().flatten() {
            match value {
                Some(value) => self.state.insert(key, value),
                None => self.state.remove(&key),
            };
        }
    }

    fn append(&self, line: &str) -> io::Result<()> {
        write_all_at(&*self.file, self.length_bytes, line.as_bytes())?;
        self.sync_commit()
    }
}

impl Instance for OpenLog {
    fn commit(&mut self, batches: &[Batch]) -> Result<u64, Failure> {
        if self.has_failed {
            return Err(Failure::Disk("log: it has failed before".to_owned()));
        }
        let all: Vec<Writes> = batches.iter().map(writes).collect();
        let line = line(self.length_bytes, &all);
        let appended = self.append(&line);
        self.has_failed = appended.is_err();
        appended.map_err(failure)?;
        self.apply(line.as_bytes(), all);
        Ok(self.head)
    }

    fn head(&self) -> u64 {
        self.head
    }

    /// Nothing to do: commits are durable when they return. (With a sync here the
    /// laboratory objects: nothing was written since the last one.)
    fn sync(&mut self) -> Result<(), Failure> {
        Ok(())
    }

    fn state_at(&mut self, commit: u64) -> Result<Option<State>, Failure> {
        Ok((commit == self.head).then(|| self.state.clone()))
    }

    /// There is no background work, and the file shows all the rest.
    fn progress(&self) -> String {
        String::new()
    }

    fn close(self: Box<Self>) -> Result<(), Failure> {
        Ok(())
    }
}

fn failure(error: io::Error) -> Failure {
    Failure::Disk(format!("log: {error}"))
}

/// What a commit writes: keyspace and key, and the value unless the key is deleted.
type Writes = Vec<((String, Vec<u8>), Option<Vec<u8>>)>;

fn writes(batch: &Batch) -> Writes {
    let write = |write: &Write| {
        let key = (write.key.keyspace_name().to_owned(), write.key.bytes());
        (key, write.value.map(|value| value.bytes()))
    };
    batch.writes.iter().map(write).collect()
}

/// Whether a line is whole that begins somewhere in these bytes, which stand at this place.
/// Each line has one blank, behind its checksum.
fn whole_line(place: u64, bytes: &[u8]) -> bool {
    let blanks = (0..bytes.len()).filter(|&at| bytes[at] == b' ');
    let start_of = |blank: usize| {
        let digits = bytes[..blank].iter().rev();
        blank - digits.take_while(|byte| byte.is_ascii_digit()).count()
    };
    blanks.map(start_of).any(|start| {
        let line = bytes[start..].split_inclusive(|byte| *byte == b'\n').next();
        line.is_some_and(|line| parse(place + start as u64, line).is_some())
    })
}

/// The commits of a call as a line of the log, which is whole at this place only.
fn line(place: u64, batches: &[Writes]) -> String {
    let json = serde_json::to_string(batches).expect("strings and bytes are JSON");
    format!("{} {json}\n", checksum(place, &json))
}

/// What a line at this place says, if it is whole.
fn parse(place: u64, line: &[u8]) -> Option<Vec<Writes>> {
    let line = str::from_utf8(line.strip_suffix(b"\n")?).ok()?;
    let (found, json) = line.split_once(' ')?;
    let is_whole = found.parse() == Ok(checksum(place, json));
    is_whole.then(|| serde_json::from_str(json).ok())?
}

fn checksum(place: u64, json: &str) -> u32 {
    crc32fast::hash(format!("{place} {json}").as_bytes())
}
