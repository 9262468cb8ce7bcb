//! [`SimFs`]: the simulated file system behind the traits of the engine.

use std::fmt;
use std::io;
use std::panic::panic_any;
use std::sync::{Arc, Mutex, MutexGuard};

use lithify::fs::{Access, File, Fs, Lock, LockKind};

use super::Known;
use super::bound::Entry;
use super::fault::{Fault, FaultKind, Target};
use super::image::Image;
use super::oplog::{InodeId, Log, Mark, Operation};
use super::skipped::SkippedBarrier;
use super::state::{DiskState, Full};
use super::usage::DiskUse;

/// A simulated file system. Clones share it.
///
/// It takes no time. The laboratory drives it from one thread. Threads may share it;
/// then the log says in which order their operations came.
#[derive(Clone, Default)]
pub struct SimFs {
    state: Arc<Mutex<DiskState>>,
}

impl fmt::Debug for SimFs {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("SimFs")
    }
}

impl SimFs {
    /// An empty disk.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A machine that starts with the content of the disk: no lock is held, nothing is
    /// pending, the log is empty.
    #[must_use]
    pub fn from_image(image: &Image) -> Self {
        Self {
            state: Arc::new(Mutex::new(DiskState::from_image(image))),
        }
    }

    /// The same machine after a loss of power that has left `image`. A bit that has
    /// flipped never flips back.
    #[must_use]
    pub fn restarted(&self, image: &Image) -> Self {
        let mut state = DiskState::from_image(image);
        state.rotten.clone_from(&self.state().rotten);
        state.full = self.state().full.map(Full::before);
        Self {
            state: Arc::new(Mutex::new(state)),
        }
    }

    /// The same, if the power failed at an earlier position of the log: a device that became full
    /// behind that position has its room.
    #[must_use]
    pub fn restarted_at(&self, image: &Image, position: usize) -> Self {
        let restarted = self.restarted(image);
        let is_meant = |full: &Full| full.since <= position;
        restarted.state().full = self.state().full.filter(is_meant).map(Full::before);
        restarted
    }

    /// The machine after the first `end` entries of a log that began on a disk with
    /// `start`. The process that wrote the log is gone. Nothing that it wrote is lost,
    /// and pending changes stay pending. The log continues from there.
    #[must_use]
    pub fn from_log(start: &Image, log: &Log, end: usize) -> Self {
        Self {
            state: Arc::new(Mutex::new(DiskState::from_log(start, log, end))),
        }
    }

    /// The same machine at an earlier moment of its log, which began on a disk with
    /// `start`. The process died at that moment. Waiting faults keep waiting. The
    /// effects of a fault cannot be undone, so no fault may have struck.
    #[must_use]
    pub fn rewound(&self, start: &Image, position: usize) -> Self {
        let (log, waiting) = (self.log(), self.waiting_faults());
        let mut state = DiskState::from_log(start, &log, position);
        let now = self.state();
        assert!(now.faults.fired().is_empty(), "a fault has struck");
        state.rotten.clone_from(&now.rotten);
        state.full = now.full.map(Full::before);
        state.skipped.clone_from(&now.skipped);
        state.keeps_last_writes = now.keeps_last_writes;
        state.keeps_places = now.keeps_places;
        waiting
            .into_iter()
            .for_each(|fault| state.faults.arm(fault));
        drop(now);
        Self {
            state: Arc::new(Mutex::new(state)),
        }
    }

    /// Does again what a log says was done.
    pub(super) fn redo(&self, log: &Log, operation: &Operation) {
        let redone = self.state().redo(log, operation);
        redone.expect("what a log says was done can be done again");
    }

    fn state(&self) -> MutexGuard<'_, DiskState> {
        self.state
            .lock()
            .expect("nothing panics while it holds the state")
    }

    /// Begins a call of the store, for the bound on its operations.
    pub fn begin_call(&self, call: &'static str) {
        self.state().bound.begin(call);
    }

    /// The same disk, on which a call begins.
    #[must_use]
    pub fn in_call(self, call: &'static str) -> Self {
        self.begin_call(call);
        self
    }

    /// The state, for an operation on a path. Every operation of a process comes through
    /// here or through [`SimFile::entered`].
    ///
    /// # Errors
    /// If the call was ended before.
    ///
    /// # Panics
    /// With [`super::Endless`], at the bound on the operations of a call.
    pub(super) fn entered(&self, verb: &str, path: &str) -> io::Result<MutexGuard<'_, DiskState>> {
        let mut state = self.state();
        let entry = state.bound.enter(|| match path {
            "" => format!("{verb} /"),
            path => format!("{verb} {path}"),
        });
        admit(state, entry)
    }

    /// What a process sees now, as an image in which everything is durable: the content
    /// after the process dies and the machine does not.
    #[must_use]
    pub fn image(&self) -> Image {
        self.state().image()
    }

    /// Puts a mark into the log.
    pub fn mark(&self, mark: Mark) {
        self.state().log.push(Operation::Mark(mark));
    }

    /// Marks what clients know from now on.
    pub fn mark_known(&self, known: Known) {
        self.mark(Mark::Issued(known.issued));
        self.mark(Mark::Acknowledged(known.acknowledged));
        self.mark(Mark::Served(known.served));
    }

    /// A copy of the log so far.
    #[must_use]
    pub fn log(&self) -> Log {
        self.state().log.clone()
    }

    /// The number of logged operations, including marks.
    #[must_use]
    pub fn log_length(&self) -> usize {
        self.state().log.operations().len()
    }

    /// The last entry of the log.
    #[must_use]
    pub fn last_operation(&self) -> Option<Operation> {
        self.state().log.operations().last().cloned()
    }

    /// The use of the disk since the log began. O(operations).
    #[must_use]
    pub fn disk_use(&self) -> DiskUse {
        DiskUse::of(&self.state().log)
    }

    /// Forgets the log. For long runs that simulate no crash.
    pub fn forget_log(&self) {
        self.state().log.clear();
    }

    /// Keeps from now on what a fault of this kind needs when it is armed later: for
    /// stale reads the content that each write replaced, for misdirected reads the
    /// places of reads.
    pub fn prepare_for(&self, kind: FaultKind) {
        let mut state = self.state();
        state.keeps_last_writes |= kind == FaultKind::StaleRead;
        state.keeps_places |= kind == FaultKind::MisdirectedRead;
    }

    /// Arms a fault.
    pub fn arm(&self, fault: Fault) {
        self.prepare_for(fault.kind);
        self.state().faults.arm(fault);
    }

    /// Removes all faults that have not fired, and ends the shortage of space on a full
    /// disk.
    pub fn disarm(&self) {
        let mut state = self.state();
        state.faults.disarm();
        state.full = None;
    }

    /// Whether the device has become full and has not been given more room since.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.state().full.is_some()
    }

    /// Records from now on which operations a fault could strike. Returns those
    /// recorded before, in order.
    #[must_use]
    pub fn take_targets(&self) -> Vec<Target> {
        self.state().faults.take_targets()
    }

    /// The faults that were armed and have not fired.
    #[must_use]
    pub fn waiting_faults(&self) -> Vec<Fault> {
        self.state().faults.waiting().cloned().collect()
    }

    /// The faults that have fired, in order.
    #[must_use]
    pub fn fired(&self) -> Vec<FaultKind> {
        self.state().faults.fired().to_vec()
    }

    /// Makes the barriers that match do nothing from now on.
    pub fn skip_barriers(&self, skipped: SkippedBarrier) {
        self.state().skipped.push(skipped);
    }

    /// Flips a bit of a stored byte.
    ///
    /// # Errors
    /// As [`Fs::open`].
    pub fn rot(&self, path: &str, offset: u64) -> io::Result<()> {
        let mut state = self.state();
        let inode = state.find(path)?;
        state.rot(inode, offset);
        Ok(())
    }

    fn file(&self, inode: InodeId, access: Access) -> Arc<dyn File> {
        Arc::new(SimFile {
            fs: self.clone(),
            inode,
            access,
        })
    }
}

/// Lets an operation in, refuses it, or ends its call. Nothing panics while it holds
/// the state.
fn admit(state: MutexGuard<'_, DiskState>, entry: Entry) -> io::Result<MutexGuard<'_, DiskState>> {
    match entry {
        Entry::Goes => Ok(state),
        Entry::Fails => Err(io::Error::other("the call was ended by the laboratory")),
        Entry::Ends(endless) => {
            drop(state);
            panic_any(endless)
        }
    }
}

impl Fs for SimFs {
    fn create(&self, name: &str) -> io::Result<Arc<dyn File>> {
        let inode = self.entered("create", name)?.create(name)?;
        Ok(self.file(inode, Access::Write))
    }

    fn fresh_number(&self, name: &str) -> io::Result<u64> {
        self.entered("fresh_number", name)?.fresh_number(name)
    }

    fn open(&self, name: &str, access: Access) -> io::Result<Arc<dyn File>> {
        let inode = self.entered("open", name)?.open(name)?;
        Ok(self.file(inode, access))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.entered("rename", from)?.rename(from, to)
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        self.entered("remove", name)?.remove(name)
    }

    fn create_dir(&self, name: &str) -> io::Result<()> {
        self.entered("create_dir", name)?.create_dir(name)
    }

    fn list(&self, dir: &str) -> io::Result<Vec<String>> {
        self.entered("list", dir)?.list(dir)
    }

    fn sync_dir(&self, dir: &str) -> io::Result<()> {
        self.entered("sync_dir", dir)?.sync_dir(dir)
    }

    fn lock(&self, name: &str, kind: LockKind) -> io::Result<Box<dyn Lock>> {
        let inode = self.entered("lock", name)?.lock(name, kind)?;
        Ok(Box::new(SimLock {
            fs: self.clone(),
            inode,
            kind,
        }))
    }
}

struct SimFile {
    fs: SimFs,
    inode: InodeId,
    access: Access,
}

impl fmt::Debug for SimFile {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "SimFile({}, {:?})", self.inode, self.access)
    }
}

impl SimFile {
    /// As [`SimFs::entered`], for an operation on this file.
    fn entered(&self, verb: &str) -> io::Result<MutexGuard<'_, DiskState>> {
        let mut state = self.fs.state();
        let DiskState { bound, log, .. } = &mut *state;
        let entry = bound.enter(|| format!("{verb} {}", log.path(log.last_name(self.inode))));
        admit(state, entry)
    }

    fn writable(&self, verb: &str) -> io::Result<MutexGuard<'_, DiskState>> {
        match self.access {
            Access::Read => Err(io::ErrorKind::PermissionDenied.into()),
            Access::Write => self.entered(verb),
        }
    }
}

impl File for SimFile {
    fn append(&self, bytes: &[u8]) -> io::Result<usize> {
        self.writable("append")?
            .append_with_faults(self.inode, bytes)
    }

    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<usize> {
        self.writable("write")?
            .write_with_faults(self.inode, offset, bytes)
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        self.entered("read")?.read(self.inode, offset, buffer)
    }

    fn set_len(&self, length: u64) -> io::Result<()> {
        self.writable("set_len")?.set_len(self.inode, length)
    }

    fn len(&self) -> io::Result<u64> {
        let state = self.entered("len")?;
        Ok(state.inodes[self.inode as usize].bytes.len() as u64)
    }

    fn sync(&self) -> io::Result<()> {
        self.entered("sync")?.sync(self.inode, false)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.entered("sync_data")?.sync(self.inode, true)
    }
}

struct SimLock {
    fs: SimFs,
    inode: InodeId,
    kind: LockKind,
}

impl fmt::Debug for SimLock {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "SimLock({}, {:?})", self.inode, self.kind)
    }
}

impl Lock for SimLock {}

impl Drop for SimLock {
    fn drop(&mut self) {
        self.fs.state().unlock(self.inode, self.kind);
    }
}
