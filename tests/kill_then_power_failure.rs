//! Goal: whatever one process leaves behind when it dies, the next one on the same
//! machine does not build on sand.
//!
//! Method: the disk below remembers what is durable and what only the running system
//! sees. A first process is killed at each of its operations in turn (or one of its
//! syncs fails, and marks what it could not write as clean). A second process opens the
//! store, commits and compacts, and the power fails after each of its operations. Each
//! time, images of what may have survived are opened: any subset of the names created
//! and removed since the last directory sync, with unsynced bytes there, missing, or
//! half there. Every image must open and hold every commit that either process has
//! acknowledged or shown.
//!
//! This is a small model for one question. The laboratory has a bigger one.

use std::collections::BTreeMap;
use std::io::{self, ErrorKind};
use std::sync::{Arc, Mutex};

use lithify::fs::{Access, File, Fs, Lock, LockKind, MemFs};
use lithify::{Durability, Options, Pacing, Placement, Store, WriteBatch};

/// A file without its name.
#[derive(Clone, Debug, Default)]
struct Inode {
    visible: Vec<u8>,
    durable: Vec<u8>,
    /// Whether the next sync writes anything: after one that failed it does not.
    is_dirty: bool,
}

/// What happens at an operation.
#[derive(Clone, Copy, Debug)]
enum Trouble {
    /// The process is killed: this operation and all later ones do not happen.
    Killed,
    /// A sync fails; if the operation is no sync, nothing happens.
    SyncFails,
}

#[derive(Clone, Debug, Default)]
struct State {
    inodes: Vec<Inode>,
    visible: BTreeMap<String, usize>,
    durable: BTreeMap<String, usize>,
    /// Names given and taken since the last directory sync, in order.
    pending: Vec<(String, Option<usize>)>,
    operations: u64,
    trouble: Option<(u64, Trouble)>,
    /// The newest commit that somebody was told of.
    shown: u64,
    /// The state after each operation, when that is wanted.
    history: Option<Vec<State>>,
}

#[derive(Clone, Debug, Default)]
struct Disk(Arc<Mutex<State>>);

impl Disk {
    fn state<T>(&self, look: impl FnOnce(&mut State) -> T) -> T {
        look(&mut self.0.lock().unwrap())
    }

    /// Performs one operation that changes something or makes it durable; `synced` is
    /// the file that it syncs, if it does.
    fn operate<T>(
        &self,
        synced: Option<usize>,
        change: impl FnOnce(&mut State) -> io::Result<T>,
    ) -> io::Result<T> {
        self.state(|state| {
            let trouble = state.trouble.filter(|(at, _)| *at <= state.operations);
            state.operations += 1;
            let outcome = match trouble {
                Some((_, Trouble::Killed)) => Err(io::Error::other("killed")),
                Some((at, Trouble::SyncFails)) if at + 1 == state.operations => match synced {
                    // What was not written stays visible and is believed to be clean.
                    Some(inode) => {
                        state.inodes[inode].is_dirty = false;
                        Err(io::Error::other("the sync failed"))
                    }
                    None => change(state),
                },
                _ => change(state),
            };
            if let Some(mut history) = state.history.take() {
                history.push(state.clone());
                state.history = Some(history);
            }
            outcome
        })
    }
}

#[derive(Debug)]
struct Handle(Disk, usize);

impl File for Handle {
    fn append(&self, bytes: &[u8]) -> io::Result<usize> {
        let length = self.len()?;
        self.write_at(length, bytes)
    }

    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<usize> {
        self.0.operate(None, |state| {
            let inode = &mut state.inodes[self.1];
            inode.visible.truncate(offset as usize);
            assert_eq!(
                inode.visible.len() as u64,
                offset,
                "the engine only appends"
            );
            inode.visible.extend_from_slice(bytes);
            inode.is_dirty = true;
            Ok(bytes.len())
        })
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.state(|state| {
            let rest = state.inodes[self.1]
                .visible
                .get(offset as usize..)
                .unwrap_or_default();
            let length = rest.len().min(buffer.len());
            buffer[..length].copy_from_slice(&rest[..length]);
            Ok(length)
        })
    }

    fn set_len(&self, _: u64) -> io::Result<()> {
        Err(ErrorKind::Unsupported.into())
    }

    fn len(&self) -> io::Result<u64> {
        self.0
            .state(|state| Ok(state.inodes[self.1].visible.len() as u64))
    }

    fn sync(&self) -> io::Result<()> {
        self.0.operate(Some(self.1), |state| {
            let inode = &mut state.inodes[self.1];
            if inode.is_dirty {
                inode.durable = inode.visible.clone();
                inode.is_dirty = false;
            }
            Ok(())
        })
    }

    fn sync_data(&self) -> io::Result<()> {
        self.sync()
    }
}

#[derive(Debug)]
struct NoLock;

impl Lock for NoLock {}

impl Fs for Disk {
    fn create(&self, name: &str) -> io::Result<Arc<dyn File>> {
        self.operate(None, |state| {
            if state.visible.contains_key(name) {
                return Err(ErrorKind::AlreadyExists.into());
            }
            state.inodes.push(Inode::default());
            let inode = state.inodes.len() - 1;
            state.visible.insert(name.to_owned(), inode);
            state.pending.push((name.to_owned(), Some(inode)));
            Ok(Arc::new(Handle(self.clone(), inode)) as Arc<dyn File>)
        })
    }

    fn open(&self, name: &str, _: Access) -> io::Result<Arc<dyn File>> {
        let inode = self.state(|state| state.visible.get(name).copied());
        let inode = inode.ok_or(ErrorKind::NotFound)?;
        Ok(Arc::new(Handle(self.clone(), inode)))
    }

    fn rename(&self, _: &str, _: &str) -> io::Result<()> {
        Err(ErrorKind::Unsupported.into())
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        self.operate(None, |state| {
            state.visible.remove(name).ok_or(ErrorKind::NotFound)?;
            state.pending.push((name.to_owned(), None));
            Ok(())
        })
    }

    fn create_dir(&self, _: &str) -> io::Result<()> {
        Ok(())
    }

    fn list(&self, _: &str) -> io::Result<Vec<String>> {
        self.state(|state| Ok(state.visible.keys().cloned().collect()))
    }

    fn sync_dir(&self, _: &str) -> io::Result<()> {
        self.operate(None, |state| {
            state.durable = state.visible.clone();
            state.pending.clear();
            Ok(())
        })
    }

    fn lock(&self, _: &str, _: LockKind) -> io::Result<Box<dyn Lock>> {
        Ok(Box::new(NoLock))
    }
}

/// Which unsynced bytes have survived.
const BYTES: [fn(usize, &Inode) -> Vec<u8>; 5] = [
    |_, inode| inode.durable.clone(),
    |_, inode| inode.visible.clone(),
    |_, inode| {
        let half = inode.durable.len().midpoint(inode.visible.len());
        inode.visible[..half].to_vec()
    },
    |number, inode| [&inode.durable, &inode.visible][number % 2].clone(),
    |number, inode| [&inode.visible, &inode.durable][number % 2].clone(),
];

impl State {
    /// The image in which those pending names survive that `mask` has a bit for.
    fn image(&self, mask: u64, bytes: fn(usize, &Inode) -> Vec<u8>) -> MemFs {
        let mut names = self.durable.clone();
        for (position, (name, inode)) in self.pending.iter().enumerate() {
            match inode {
                _ if mask >> position & 1 == 0 => {}
                Some(inode) => drop(names.insert(name.clone(), *inode)),
                None => drop(names.remove(name)),
            }
        }
        let fs = MemFs::new();
        for (name, inode) in names {
            let bytes = bytes(inode, &self.inodes[inode]);
            fs.create(&name).unwrap().append(&bytes).unwrap();
        }
        fs
    }

    /// All subsets of few pending names; of many, those with one in or out, and prefixes.
    fn masks(&self) -> Vec<u64> {
        let count = self.pending.len() as u32;
        if count <= 5 {
            return (0..1 << count).collect();
        }
        let all = (1 << count) - 1;
        let single = (0..count).flat_map(|bit| [1 << bit, all & !(1 << bit), (1 << bit) - 1]);
        single.chain([all]).collect()
    }
}

fn options() -> Options {
    Options {
        placement: Some(Placement::with_divisor(2).unwrap()),
        file_level: Some(1),
        wal_file_bytes: 130,
        pacing: Pacing::Manual,
        ..Options::default()
    }
}

fn commit(disk: &Disk, store: &mut Store) -> lithify::Result<()> {
    let number = store.head().get() + 1;
    let mut batch = WriteBatch::new();
    batch.put("main", &number.to_be_bytes(), b"value");
    store.commit(&batch)?;
    disk.state(|state| state.shown = state.shown.max(number));
    Ok(())
}

/// Creates a store, commits and compacts.
fn first_process(disk: &Disk) -> lithify::Result<()> {
    let mut store = Store::open(Arc::new(disk.clone()), options())?;
    commit(disk, &mut store)?;
    commit(disk, &mut store)?;
    commit(disk, &mut store)?;
    store.settle()?;
    commit(disk, &mut store)?;
    store.settle()?;
    commit(disk, &mut store)?;
    store.close()
}

/// Opens what is there, shows it, commits and compacts.
fn second_process(disk: &Disk) -> lithify::Result<()> {
    let mut store = Store::open(Arc::new(disk.clone()), options())?;
    let head = store.head().get();
    disk.state(|state| state.shown = state.shown.max(head));
    commit(disk, &mut store)?;
    store.settle()?;
    commit(disk, &mut store)
}

fn check_image(state: &State, fs: &MemFs, story: &dyn Fn() -> String) {
    // Twice: opening must not make things worse.
    for time in ["first", "second"] {
        let store = Store::open(Arc::new(fs.clone()), options());
        let store = store.unwrap_or_else(|error| panic!("{}, {time} time: {error}", story()));
        let head = store.head().get();
        let shown = state.shown;
        assert!(head >= shown, "{}: {shown} shown, {head} there", story());
        for number in 1..=head {
            let value = store.get("main", &number.to_be_bytes()).unwrap();
            assert_eq!(value.as_deref(), Some(&b"value"[..]), "{}", story());
        }
    }
    let report = lithify::verify::verify(fs).unwrap();
    assert!(report.is_sound(), "{}:\n{report}", story());
}

fn check_images(state: &State, story: &dyn Fn() -> String) -> u64 {
    let mut images = 0;
    for mask in state.masks() {
        for (bytes, survive) in BYTES.iter().enumerate() {
            let fs = state.image(mask, *survive);
            let story = || format!("{}, names {mask:b}, bytes {bytes}", story());
            check_image(state, &fs, &story);
            images += 1;
        }
    }
    images
}

fn run(trouble: Trouble) -> u64 {
    let whole = Disk::default();
    first_process(&whole).unwrap();
    let operations = whole.state(|state| state.operations);
    assert!(
        operations > 40,
        "the first process does enough: {operations}"
    );
    let mut images = 0;
    for at in 0..=operations {
        let disk = Disk::default();
        disk.state(|state| state.trouble = Some((at, trouble)));
        let _ = first_process(&disk);
        disk.state(|state| {
            state.trouble = None;
            state.history = Some(Vec::new());
        });
        let outcome = second_process(&disk);
        outcome.unwrap_or_else(|error| panic!("{trouble:?} at {at}, then: {error}"));
        let history = disk.state(|state| state.history.take()).unwrap();
        for (position, state) in history.iter().enumerate() {
            let story = || format!("{trouble:?} at {at}, power failure after {position}");
            images += check_images(state, &story);
        }
    }
    images
}

#[test]
fn a_process_is_killed_and_the_power_fails_in_the_next_one() {
    let images = run(Trouble::Killed);
    assert!(images > 10_000, "{images} images");
}

#[test]
fn a_sync_fails_and_the_power_fails_in_the_next_process() {
    let images = run(Trouble::SyncFails);
    assert!(images > 10_000, "{images} images");
}

#[test]
fn the_power_fails_at_every_operation() {
    let disk = Disk::default();
    disk.state(|state| state.history = Some(Vec::new()));
    first_process(&disk).unwrap();
    second_process(&disk).unwrap();
    for (position, state) in disk
        .state(|state| state.history.take())
        .unwrap()
        .iter()
        .enumerate()
    {
        check_images(state, &|| format!("power failure after {position}"));
    }
}

/// The model itself loses what it should: without syncs nothing survives.
#[test]
fn what_is_not_synced_is_not_promised() {
    let disk = Disk::default();
    let options = Options {
        durability: Durability::Buffered,
        ..options()
    };
    let mut store = Store::open(Arc::new(disk.clone()), options).unwrap();
    let mut batch = WriteBatch::new();
    batch.put("main", b"key", b"value");
    store.commit(&batch).unwrap();
    let image = disk.state(|state| state.image(0, BYTES[0]));
    let store = Store::open(Arc::new(image), Options::default()).unwrap();
    assert_eq!(store.head().get(), 0);
}
