//! Goal: `MemFs`, and the laboratory's `SimFs`, answer exactly as the operating system
//! does, so that tests, benchmarks and simulations on them mean something.
//!
//! Method: a random list of operations runs on `OsFs` in a temporary directory, on
//! `MemFs` and on `SimFs`. After every operation all must have given the same answer,
//! errors by their `ErrorKind`; at the end, all open handles and the whole tree
//! must agree. There are few names and few slots for handles and locks, so that
//! operations meet: handles outlive renames and removals, two handles share a
//! file, and a name is a file in one run and a directory in another.

use lithify::fs::whole::{append_all, write_all_at};
use lithify::fs::{Access, File, Fs, Lock, LockKind, MemFs, OsFs};
use lithify_sim::disk::SimFs;
use proptest::collection::vec;
use proptest::prelude::*;
use std::io::{self, ErrorKind};
use std::sync::Arc;

const HANDLES: usize = 4;
const LOCKS: usize = 3;

#[derive(Clone, Debug)]
enum Operation {
    Create {
        slot: usize,
        name: String,
    },
    Open {
        slot: usize,
        name: String,
        access: Access,
    },
    Close {
        slot: usize,
    },
    Append {
        slot: usize,
        bytes: Vec<u8>,
    },
    WriteAt {
        slot: usize,
        offset: u64,
        bytes: Vec<u8>,
    },
    ReadAt {
        slot: usize,
        offset: u64,
        length: usize,
    },
    SetLen {
        slot: usize,
        length: u64,
    },
    Len {
        slot: usize,
    },
    Sync {
        slot: usize,
    },
    SyncData {
        slot: usize,
    },
    Rename {
        from: String,
        to: String,
    },
    Remove {
        name: String,
    },
    CreateDir {
        name: String,
    },
    List {
        name: String,
    },
    SyncDir {
        name: String,
    },
    Lock {
        slot: usize,
        name: String,
        kind: LockKind,
    },
    Unlock {
        slot: usize,
    },
}

/// What one operation answered, comparable between file systems.
#[derive(Debug, PartialEq, Eq)]
enum Answer {
    Done,
    Bytes(Vec<u8>),
    Names(Vec<String>),
    Length(u64),
    EmptySlot,
    Failed(ErrorKind),
}

/// One file system with the handles and locks taken so far.
struct Machine {
    fs: Box<dyn Fs>,
    handles: [Option<Arc<dyn File>>; HANDLES],
    locks: [Option<Box<dyn Lock>>; LOCKS],
}

impl Machine {
    fn new(fs: impl Fs + 'static) -> Self {
        Self {
            fs: Box::new(fs),
            handles: Default::default(),
            locks: Default::default(),
        }
    }

    fn perform(&mut self, operation: &Operation) -> Answer {
        self.attempt(operation)
            .unwrap_or_else(|error| Answer::Failed(error.kind()))
    }

    fn attempt(&mut self, operation: &Operation) -> io::Result<Answer> {
        use Operation as O;
        match operation {
            O::Create { slot, name } => self.handles[*slot] = Some(self.fs.create(name)?),
            O::Open { slot, name, access } => {
                self.handles[*slot] = Some(self.fs.open(name, *access)?);
            }
            O::Close { slot } => self.handles[*slot] = None,
            O::Rename { from, to } => self.fs.rename(from, to)?,
            O::Remove { name } => self.fs.remove(name)?,
            O::CreateDir { name } => self.fs.create_dir(name)?,
            O::List { name } => return self.fs.list(name).map(Answer::Names),
            O::SyncDir { name } => self.fs.sync_dir(name)?,
            O::Lock { slot, name, kind } => self.locks[*slot] = Some(self.fs.lock(name, *kind)?),
            O::Unlock { slot } => self.locks[*slot] = None,
            O::Append { slot, .. }
            | O::WriteAt { slot, .. }
            | O::ReadAt { slot, .. }
            | O::SetLen { slot, .. }
            | O::Len { slot }
            | O::Sync { slot }
            | O::SyncData { slot } => {
                return match &self.handles[*slot] {
                    None => Ok(Answer::EmptySlot),
                    Some(file) => attempt_on(&**file, operation),
                };
            }
        }
        Ok(Answer::Done)
    }

    /// Every directory and file below `dir` with its content, depth first.
    fn tree(&self, dir: &str) -> Vec<(String, Answer)> {
        let mut found = Vec::new();
        for leaf in self.fs.list(dir).unwrap() {
            let name = if dir.is_empty() {
                leaf
            } else {
                format!("{dir}/{leaf}")
            };
            match self.fs.open(&name, Access::Read) {
                Ok(file) => found.push((name, content(&*file))),
                Err(error) => {
                    let below = self.tree(&name);
                    found.push((name, Answer::Failed(error.kind())));
                    found.extend(below);
                }
            }
        }
        found
    }

    fn open_contents(&self) -> Vec<Option<Answer>> {
        self.handles
            .iter()
            .map(|handle| handle.as_deref().map(content))
            .collect()
    }
}

fn attempt_on(file: &dyn File, operation: &Operation) -> io::Result<Answer> {
    match operation {
        Operation::Append { bytes, .. } if bytes.is_empty() => {
            return Ok(Answer::Length(file.append(bytes)? as u64));
        }
        Operation::Append { bytes, .. } => append_all(file, bytes)?,
        Operation::WriteAt { offset, bytes, .. } if bytes.is_empty() => {
            return Ok(Answer::Length(file.write_at(*offset, bytes)? as u64));
        }
        Operation::WriteAt { offset, bytes, .. } => write_all_at(file, *offset, bytes)?,
        Operation::ReadAt { offset, length, .. } => return read(file, *offset, *length),
        Operation::SetLen { length, .. } => file.set_len(*length)?,
        Operation::Len { .. } => return Ok(Answer::Length(file.len()?)),
        Operation::Sync { .. } => file.sync()?,
        Operation::SyncData { .. } => file.sync_data()?,
        other => unreachable!("{other:?} needs no handle"),
    }
    Ok(Answer::Done)
}

/// The whole buffer after one call, so that bytes past the end are compared too.
fn read(file: &dyn File, offset: u64, length: usize) -> io::Result<Answer> {
    let mut buffer = vec![b'-'; length];
    let count = file.read_at(offset, &mut buffer)?;
    buffer.extend(count.to_le_bytes());
    Ok(Answer::Bytes(buffer))
}

fn content(file: &dyn File) -> Answer {
    read(file, 0, file.len().unwrap() as usize).unwrap()
}

const VALID: &[&str] = &[
    "a",
    "b",
    "d",
    "a/b",
    "d/a",
    "d/b",
    "d/a/b",
    "missing/a",
    "missing/d/a",
];
const INVALID: &[&str] = &[
    "", "/", "/a", "a/", "a//b", ".", "..", "d/../a", "./a", "a\0b",
];

fn names() -> impl Strategy<Value = String> {
    prop_oneof![
        20 => prop::sample::select(&VALID[..2]).prop_map(str::to_owned),
        20 => prop::sample::select(VALID).prop_map(str::to_owned),
        2 => prop::sample::select(INVALID).prop_map(str::to_owned),
        1 => Just("n".repeat(255)),
        1 => Just("n".repeat(256)),
    ]
}

fn offsets() -> impl Strategy<Value = u64> {
    let largest = i64::MAX as u64;
    prop_oneof![
        12 => 0..40_u64,
        2 => 4090..4100_u64,
        1 => prop::sample::select(vec![largest, largest + 1, u64::MAX]),
    ]
}

/// As [`offsets`] without `i64::MAX`, to which some devices do extend a file.
fn lengths() -> impl Strategy<Value = u64> {
    offsets().prop_map(|offset| if offset == i64::MAX as u64 { 0 } else { offset })
}

fn bytes() -> impl Strategy<Value = Vec<u8>> {
    vec(b'a'..=b'z', 0..12)
}

fn operations() -> impl Strategy<Value = Operation> {
    use Operation as O;
    let slot = 0..HANDLES;
    let access = prop::sample::select(vec![Access::Read, Access::Write, Access::Write]);
    let kind = prop::sample::select(vec![LockKind::Shared, LockKind::Exclusive]);
    let handles = prop_oneof![
        4 => (slot.clone(), names()).prop_map(|(slot, name)| O::Create { slot, name }),
        4 => (slot.clone(), names(), access)
            .prop_map(|(slot, name, access)| O::Open { slot, name, access }),
        1 => slot.clone().prop_map(|slot| O::Close { slot }),
        5 => (slot.clone(), bytes()).prop_map(|(slot, bytes)| O::Append { slot, bytes }),
        4 => (slot.clone(), offsets(), bytes())
            .prop_map(|(slot, offset, bytes)| O::WriteAt { slot, offset, bytes }),
        3 => (slot.clone(), offsets(), 0..50_usize)
            .prop_map(|(slot, offset, length)| O::ReadAt { slot, offset, length }),
        2 => (slot.clone(), lengths()).prop_map(|(slot, length)| O::SetLen { slot, length }),
        1 => slot.clone().prop_map(|slot| O::Len { slot }),
        1 => slot.clone().prop_map(|slot| O::Sync { slot }),
        1 => slot.prop_map(|slot| O::SyncData { slot }),
    ];
    let tree = prop_oneof![
        4 => (names(), names()).prop_map(|(from, to)| O::Rename { from, to }),
        3 => names().prop_map(|name| O::Remove { name }),
        2 => names().prop_map(|name| O::CreateDir { name }),
        2 => names().prop_map(|name| O::List { name }),
        1 => names().prop_map(|name| O::SyncDir { name }),
        7 => (0..LOCKS, names(), kind).prop_map(|(slot, name, kind)| O::Lock { slot, name, kind }),
        3 => (0..LOCKS).prop_map(|slot| O::Unlock { slot }),
    ];
    prop_oneof![3 => handles, 2 => tree]
}

proptest! {
    #[test]
    fn the_others_answer_as_the_operating_system_does(list in vec(operations(), 1..80)) {
        let dir = tempfile::tempdir().unwrap();
        let mut system = Machine::new(OsFs::new(dir.path()));
        let mut memory = Machine::new(MemFs::new());
        let mut simulated = Machine::new(SimFs::new());
        for (index, operation) in list.iter().enumerate() {
            let expected = system.perform(operation);
            prop_assert_eq!(&expected, &memory.perform(operation), "operation {}: {:?}", index, operation);
            prop_assert_eq!(&expected, &simulated.perform(operation), "operation {}: {:?}", index, operation);
        }
        prop_assert_eq!(system.open_contents(), memory.open_contents());
        prop_assert_eq!(system.tree(""), memory.tree(""));
        prop_assert_eq!(system.open_contents(), simulated.open_contents());
        prop_assert_eq!(system.tree(""), simulated.tree(""));
    }
}
