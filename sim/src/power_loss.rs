//! A file system that can lose power at every operation of one run.
//!
//! It keeps, beside what the process sees, what is durable and what is pending. After
//! each operation it captures that state; later, each captured state yields any number
//! of *crash images*: file systems as a disk may legally show them after the power
//! failed at that moment. One run is enough for all moments.
//!
//! The rules are the weakest that POSIX allows with atomic renames:
//! - an unsynced write survives sector by sector, in any combination; of two writes to
//!   a sector either may be the last to survive;
//! - a length survives independently of the bytes; what was never written reads as
//!   zeros or as garbage;
//! - a name survives independently of everything but earlier changes of the same name;
//! - a file sync covers bytes and length, not the name; a directory sync covers names.
//!
//! This is one persistence model, sampled. It injects no errors.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use lithify::fs::{Access, File, Fs, Lock, LockKind, MemFs};

/// Bytes that a device writes as a whole.
const SECTOR_BYTES: usize = 512;

/// A pending change of a file.
#[derive(Clone, Debug)]
enum Change {
    /// Bytes inside one sector.
    Bytes {
        offset: usize,
        bytes: Vec<u8>,
    },
    Length(usize),
}

#[derive(Clone, Debug, Default)]
struct Inode {
    live: Vec<u8>,
    durable: Vec<u8>,
    pending: Vec<Change>,
}

impl Inode {
    fn write(&mut self, offset: usize, bytes: &[u8]) {
        let end = offset + bytes.len();
        if end > self.live.len() {
            self.live.resize(end, 0);
            self.pending.push(Change::Length(end));
        }
        self.live[offset..end].copy_from_slice(bytes);
        let mut from = offset;
        while from < end {
            let to = end.min((from / SECTOR_BYTES + 1) * SECTOR_BYTES);
            let bytes = self.live[from..to].to_vec();
            self.pending.push(Change::Bytes {
                offset: from,
                bytes,
            });
            from = to;
        }
    }

    fn set_length(&mut self, length: usize) {
        self.live.resize(length, 0);
        self.pending.push(Change::Length(length));
    }

    fn sync(&mut self) {
        self.durable.clone_from(&self.live);
        self.pending.clear();
    }

    /// The bytes that a crash leaves.
    fn crash(&self, dice: &mut Dice) -> Vec<u8> {
        let mut length = self.durable.len();
        let mut longest = self.live.len().max(length);
        for change in &self.pending {
            if let Change::Length(to) = change {
                longest = longest.max(*to);
                if dice.keeps() {
                    length = *to;
                }
            }
        }
        let mut bytes = self.durable.clone();
        let garbage = dice.next();
        bytes.extend((bytes.len()..longest).map(|position| match garbage % 2 {
            0 => 0,
            _ => (garbage >> (position % 7 * 8)) as u8,
        }));
        for change in &self.pending {
            if let Change::Bytes {
                offset,
                bytes: written,
            } = change
                && dice.keeps()
            {
                bytes[*offset..offset + written.len()].copy_from_slice(written);
            }
        }
        bytes.truncate(length);
        bytes
    }
}

/// What the disk holds and what is on its way.
#[derive(Clone, Debug, Default)]
struct State {
    inodes: Vec<Inode>,
    live: BTreeMap<String, usize>,
    durable: BTreeMap<String, usize>,
    /// Changes of names since the last directory sync, in order.
    pending: Vec<(String, Option<usize>)>,
}

impl State {
    fn set_name(&mut self, name: &str, inode: Option<usize>) {
        match inode {
            Some(inode) => self.live.insert(name.to_owned(), inode),
            None => self.live.remove(name),
        };
        self.pending.push((name.to_owned(), inode));
    }

    fn crash(&self, dice: &mut Dice) -> MemFs {
        let mut names = self.durable.clone();
        let mut lost: Vec<&str> = Vec::new();
        for (name, inode) in &self.pending {
            // Changes of one name survive in order: once one is lost, so are the later.
            if lost.contains(&name.as_str()) || !dice.keeps() {
                lost.push(name);
                continue;
            }
            match inode {
                Some(inode) => names.insert(name.clone(), *inode),
                None => names.remove(name),
            };
        }
        self.image(&names, |inode| inode.crash(dice))
    }

    fn image(
        &self,
        names: &BTreeMap<String, usize>,
        mut bytes: impl FnMut(&Inode) -> Vec<u8>,
    ) -> MemFs {
        let image = MemFs::new();
        for (name, &inode) in names {
            image.create(name).expect("names are distinct");
            image
                .overwrite(name, bytes(&self.inodes[inode]))
                .expect("the file was created");
        }
        image
    }
}

/// A seeded stream of decisions whose inclination to keep varies from image to image.
#[derive(Clone, Debug)]
struct Dice {
    state: u64,
    keeps_of_256: u64,
}

impl Dice {
    fn new(seed: u64) -> Self {
        let mut dice = Self {
            state: seed,
            keeps_of_256: 0,
        };
        dice.keeps_of_256 = [0, 13, 64, 128, 192, 243, 256][(dice.next() % 7) as usize];
        dice
    }

    fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.state ^ (self.state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn keeps(&mut self) -> bool {
        self.next() % 256 < self.keeps_of_256
    }
}

/// The state at one moment of a run.
#[derive(Clone, Debug)]
pub struct Moment {
    state: Arc<State>,
    /// The operation that has just happened.
    pub operation: String,
    /// What the caller had noted by then: see [`PowerLossFs::note`].
    pub noted: u64,
}

impl Moment {
    /// One crash image, chosen by `seed`.
    #[must_use]
    pub fn image(&self, seed: u64) -> MemFs {
        self.state.crash(&mut Dice::new(seed))
    }

    /// The file system that a new process sees when only the old one died: everything
    /// is there, and what was pending still is.
    #[must_use]
    pub fn after_process_death(&self) -> PowerLossFs {
        let state = State::clone(&self.state);
        let shared = Shared {
            state,
            noted: self.noted,
            ..Shared::default()
        };
        PowerLossFs {
            shared: Arc::new(Mutex::new(shared)),
        }
    }

    /// The same without a future: a plain copy of what is there.
    #[must_use]
    pub fn process_image(&self) -> MemFs {
        self.state
            .image(&self.state.live, |inode| inode.live.clone())
    }
}

#[derive(Debug, Default)]
struct Shared {
    state: State,
    moments: Vec<Moment>,
    noted: u64,
}

/// The file system. Clones are the same one. Flat: it has no directories but its root.
#[derive(Clone, Debug, Default)]
pub struct PowerLossFs {
    shared: Arc<Mutex<Shared>>,
}

impl PowerLossFs {
    /// An empty file system.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Remembers a number with every moment from now on, such as the last commit that
    /// was acknowledged.
    pub fn note(&self, number: u64) {
        self.shared().noted = number;
    }

    /// The moments so far, one for each operation that changes something or makes it
    /// durable.
    #[must_use]
    pub fn moments(&self) -> Vec<Moment> {
        self.shared().moments.clone()
    }

    fn shared(&self) -> MutexGuard<'_, Shared> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change<T>(&self, operation: String, perform: impl FnOnce(&mut State) -> T) -> T {
        let mut shared = self.shared();
        let result = perform(&mut shared.state);
        let state = Arc::new(shared.state.clone());
        let noted = shared.noted;
        shared.moments.push(Moment {
            state,
            operation,
            noted,
        });
        result
    }
}

#[derive(Debug)]
struct OpenFile {
    fs: PowerLossFs,
    inode: usize,
    name: String,
}

impl OpenFile {
    fn change(&self, what: &str, perform: impl FnOnce(&mut Inode)) {
        let operation = format!("{what} {}", self.name);
        self.fs
            .change(operation, |state| perform(&mut state.inodes[self.inode]));
    }
}

impl File for OpenFile {
    fn append(&self, bytes: &[u8]) -> io::Result<usize> {
        self.change("append", |inode| inode.write(inode.live.len(), bytes));
        Ok(bytes.len())
    }

    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<usize> {
        self.change("write", |inode| inode.write(offset as usize, bytes));
        Ok(bytes.len())
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        let shared = self.fs.shared();
        let live = &shared.state.inodes[self.inode].live;
        let rest = live.get(offset as usize..).unwrap_or_default();
        let length = rest.len().min(buffer.len());
        buffer[..length].copy_from_slice(&rest[..length]);
        Ok(length)
    }

    fn set_len(&self, length: u64) -> io::Result<()> {
        self.change("set length of", |inode| inode.set_length(length as usize));
        Ok(())
    }

    fn len(&self) -> io::Result<u64> {
        Ok(self.fs.shared().state.inodes[self.inode].live.len() as u64)
    }

    fn sync(&self) -> io::Result<()> {
        self.change("sync", Inode::sync);
        Ok(())
    }

    fn sync_data(&self) -> io::Result<()> {
        self.sync()
    }
}

#[derive(Debug)]
struct NoLock;

impl Lock for NoLock {}

impl Fs for PowerLossFs {
    fn create(&self, name: &str) -> io::Result<Arc<dyn File>> {
        if self.shared().state.live.contains_key(name) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        let inode = self.change(format!("create {name}"), |state| {
            state.inodes.push(Inode::default());
            let inode = state.inodes.len() - 1;
            state.set_name(name, Some(inode));
            inode
        });
        Ok(Arc::new(OpenFile {
            fs: self.clone(),
            inode,
            name: name.to_owned(),
        }))
    }

    fn open(&self, name: &str, _access: Access) -> io::Result<Arc<dyn File>> {
        let inode = self.shared().state.live.get(name).copied();
        let inode = inode.ok_or(io::ErrorKind::NotFound)?;
        Ok(Arc::new(OpenFile {
            fs: self.clone(),
            inode,
            name: name.to_owned(),
        }))
    }

    fn rename(&self, _from: &str, _to: &str) -> io::Result<()> {
        // The engine renames nothing; a model of it belongs to a file system that does.
        Err(io::ErrorKind::Unsupported.into())
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        if !self.shared().state.live.contains_key(name) {
            return Err(io::ErrorKind::NotFound.into());
        }
        self.change(format!("remove {name}"), |state| state.set_name(name, None));
        Ok(())
    }

    fn create_dir(&self, name: &str) -> io::Result<()> {
        if name.is_empty() {
            Ok(())
        } else {
            Err(io::ErrorKind::Unsupported.into())
        }
    }

    fn list(&self, _dir: &str) -> io::Result<Vec<String>> {
        Ok(self.shared().state.live.keys().cloned().collect())
    }

    fn sync_dir(&self, _dir: &str) -> io::Result<()> {
        self.change("sync directory".to_owned(), |state| {
            state.durable.clone_from(&state.live);
            state.pending.clear();
        });
        Ok(())
    }

    /// Every lock is free: a crash releases it, and a run has one owner.
    fn lock(&self, _name: &str, _kind: LockKind) -> io::Result<Box<dyn Lock>> {
        Ok(Box::new(NoLock))
    }
}
