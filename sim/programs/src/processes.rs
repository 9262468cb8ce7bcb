//! Which process has what open: descriptors, their offsets and flags, and current directories.
//!
//! Threads share a table, children get a copy, `execve` drops what is to be closed. `dup` shares the
//! offset, since offset and flags belong to the *open file* and not to the descriptor. Nothing here
//! knows a disk.

use std::collections::BTreeMap;

/// What an open file is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    /// A file or directory below the recorded directory.
    Inside(u32),
    /// Where the user reads.
    Shown,
    /// Something else, under this path.
    Outside(Vec<u8>),
}

/// An open file.
#[derive(Clone, Debug)]
pub(crate) struct Open {
    pub(crate) target: Target,
    pub(crate) offset: u64,
    pub(crate) appends: bool,
    /// Whether each write is synced (`O_DSYNC`), and with metadata (`O_SYNC`).
    pub(crate) syncs: Option<Synced>,
}

/// What is synced with each write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Synced {
    Data,
    All,
}

impl Open {
    pub(crate) fn new(target: Target) -> Self {
        Self {
            target,
            offset: 0,
            appends: false,
            syncs: None,
        }
    }
}

/// The number of an open file.
pub(crate) type OpenId = usize;

#[derive(Clone, Copy, Debug)]
struct Slot {
    open: OpenId,
    closes_on_exec: bool,
}

#[derive(Clone, Debug, Default)]
struct Table(BTreeMap<i32, Slot>);

#[derive(Clone, Copy, Debug)]
struct Process {
    table: usize,
    directory: usize,
}

/// All processes of a recording.
#[derive(Clone, Debug)]
pub(crate) struct Processes {
    opens: Vec<Open>,
    tables: Vec<Table>,
    directories: Vec<Vec<u8>>,
    processes: BTreeMap<u32, Process>,
    /// The directory in which the first process began.
    first_directory: Vec<u8>,
}

impl Processes {
    pub(crate) fn new(first_directory: &[u8]) -> Self {
        Self {
            opens: Vec::new(),
            tables: Vec::new(),
            directories: Vec::new(),
            processes: BTreeMap::new(),
            first_directory: first_directory.to_vec(),
        }
    }

    pub(crate) fn is_known(&self, pid: u32) -> bool {
        self.processes.contains_key(&pid)
    }

    /// The first process: descriptor 1 is what its user reads.
    pub(crate) fn begin(&mut self, pid: u32) {
        let mut table = Table::default();
        self.opens.push(Open::new(Target::Shown));
        let open = self.opens.len() - 1;
        let slot = Slot {
            open,
            closes_on_exec: false,
        };
        table.0.insert(1, slot);
        self.tables.push(table);
        self.directories.push(self.first_directory.clone());
        let process = Process {
            table: self.tables.len() - 1,
            directory: self.directories.len() - 1,
        };
        self.processes.insert(pid, process);
    }

    /// A child, or a thread.
    pub(crate) fn born(&mut self, parent: u32, child: u32, shares_files: bool, shares_place: bool) {
        let Some(mut process) = self.processes.get(&parent).copied() else {
            return;
        };
        if !shares_files {
            self.tables.push(self.tables[process.table].clone());
            process.table = self.tables.len() - 1;
        }
        if !shares_place {
            (self.directories).push(self.directories[process.directory].clone());
            process.directory = self.directories.len() - 1;
        }
        self.processes.insert(child, process);
    }

    /// Another program in this process. It shares its table with nobody.
    pub(crate) fn exec(&mut self, pid: u32) {
        if let Some(process) = self.processes.get_mut(&pid) {
            let mut table = self.tables[process.table].clone();
            table.0.retain(|_, slot| !slot.closes_on_exec);
            self.tables.push(table);
            process.table = self.tables.len() - 1;
        }
    }

    pub(crate) fn directory(&self, pid: u32) -> &[u8] {
        let process = self.processes.get(&pid);
        process.map_or(&self.first_directory, |it| &self.directories[it.directory])
    }

    pub(crate) fn set_directory(&mut self, pid: u32, path: &[u8]) {
        if let Some(process) = self.processes.get(&pid) {
            let known = &mut self.directories[process.directory];
            if known != path {
                path.clone_into(known);
            }
        }
    }

    fn table(&mut self, pid: u32) -> Option<&mut Table> {
        let process = self.processes.get(&pid)?;
        self.tables.get_mut(process.table)
    }

    /// The open file behind a descriptor.
    pub(crate) fn find(&self, pid: u32, descriptor: i32) -> Option<OpenId> {
        let process = self.processes.get(&pid)?;
        let table = self.tables.get(process.table)?;
        table.0.get(&descriptor).map(|slot| slot.open)
    }

    pub(crate) fn open(&self, open: OpenId) -> &Open {
        &self.opens[open]
    }

    pub(crate) fn open_mut(&mut self, open: OpenId) -> &mut Open {
        &mut self.opens[open]
    }

    /// A new open file under a descriptor.
    pub(crate) fn add(&mut self, pid: u32, descriptor: i32, open: Open, closes_on_exec: bool) {
        self.opens.push(open);
        let open = self.opens.len() - 1;
        self.share(pid, descriptor, open, closes_on_exec);
    }

    /// One more descriptor for an open file.
    pub(crate) fn share(&mut self, pid: u32, descriptor: i32, open: OpenId, closes_on_exec: bool) {
        let slot = Slot {
            open,
            closes_on_exec,
        };
        if let Some(table) = self.table(pid) {
            table.0.insert(descriptor, slot);
        }
    }

    pub(crate) fn close(&mut self, pid: u32, descriptors: std::ops::RangeInclusive<i32>) {
        if let Some(table) = self.table(pid) {
            table
                .0
                .retain(|descriptor, _| !descriptors.contains(descriptor));
        }
    }

    pub(crate) fn close_on_exec(
        &mut self,
        pid: u32,
        descriptors: std::ops::RangeInclusive<i32>,
        closes: bool,
    ) {
        let table = self.table(pid).map(|table| table.0.iter_mut());
        for (descriptor, slot) in table.into_iter().flatten() {
            if descriptors.contains(descriptor) {
                slot.closes_on_exec = closes;
            }
        }
    }
}
