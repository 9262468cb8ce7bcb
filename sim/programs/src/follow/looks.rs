//! What a program looks at: which names, bytes, lengths and lists decide what it does.
//!
//! Every call is looked at, also one that fails: that a name is not there is an answer. In doubt more is
//! noted than the program can know. A call that nobody here knows is taken to see all of each file
//! that it names or has open, and what cannot be followed ends it with a [`Gap`].
//!
//! What a program has written itself follows from what it saw before, so it does not matter that
//! reading it back is noted as a look at what was there first.

use std::cell::RefCell;
use std::collections::BTreeSet;

use super::{Follower, Result, argument_has};
use crate::gaps::{Gap, Kind};
use crate::names::escape;
use crate::strace::{Argument, Call, Outcome};

/// One thing that was looked at. Files have the numbers of the follower's disk.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Look {
    /// A name in a directory.
    Entry(u32, String),
    /// All names in a directory.
    Listing(u32),
    /// Bytes from a place to before another.
    Bytes(u32, u64, u64),
    /// The length, and how many names.
    Status(u32),
}

/// Looks, in the order in which they came first.
#[derive(Debug, Default)]
pub(crate) struct Looks {
    in_order: Vec<Look>,
    known: BTreeSet<Look>,
}

impl Follower<'_> {
    /// Notes what is looked at from now on.
    pub(crate) fn noting_looks(mut self) -> Self {
        self.looks = Some(RefCell::default());
        self
    }

    /// What was looked at, in the order in which it was.
    pub(crate) fn take_looks(&mut self) -> Vec<Look> {
        let looks = self.looks.take().map(RefCell::into_inner);
        looks.unwrap_or_default().in_order
    }

    fn look(&self, look: Look) {
        if let Some(looks) = &self.looks {
            let mut looks = looks.borrow_mut();
            if looks.known.insert(look.clone()) {
                looks.in_order.push(look);
            }
        }
    }

    pub(super) fn look_up(&self, directory: u32, name: &[u8]) {
        if self.looks.is_some() {
            self.look(Look::Entry(directory, escape(name)));
        }
    }

    /// Notes what a call looks at, before it does what it does.
    pub(super) fn observe(&mut self, call: &Call) -> Result {
        if FORBIDDEN.contains(&&*call.name) {
            return Err(unclear(call, "is not followed"));
        }
        for (place, argument) in call.arguments.iter().enumerate() {
            if let Some((text, is_cut)) = argument.string() {
                if is_path(&call.name, place) {
                    self.observe_path(call, place, &text, is_cut)?;
                }
            } else if argument.has("sun_path") {
                self.observe_socket(call, argument)?;
            } else if let Some(descriptor) = argument.descriptor() {
                let is_base = matches!(call.arguments.get(place + 1).and_then(Argument::string),
                    Some((path, _)) if !path.is_empty() && is_path(&call.name, place + 1));
                if descriptor.path.is_some() && !is_base {
                    self.observe_descriptor(call, place);
                }
            }
        }
        Ok(())
    }

    /// The path of a socket: binding one asks whether anything has the name.
    fn observe_socket(&mut self, call: &Call, argument: &Argument) -> Result {
        match argument.strings() {
            Some((path, false)) => {
                let path = self.absolute(call.pid, &path, None);
                self.walk(&path, false);
                self.walk(&path, true);
                Ok(())
            }
            _ => Err(unclear(call, "has a path that strace does not show")),
        }
    }

    fn observe_path(&mut self, call: &Call, place: usize, text: &[u8], is_cut: bool) -> Result {
        if is_cut {
            return Err(unclear(call, "has a path that strace does not show"));
        }
        if text.is_empty() {
            return Ok(());
        }
        let Some(path) = self.path_at(call, place) else {
            return Ok(());
        };
        // Where an opened file is, the kernel says.
        let is_open = call.name.starts_with("open") && matches!(call.outcome, Outcome::Done(..));
        if is_indirect(&path) && !is_open {
            return Err(unclear(call, "has a path through a descriptor"));
        }
        if call.name.starts_with("symlink") && self.leads_inside(call, &path) {
            return Err(unclear(call, "makes a way into the image"));
        }
        for follows_last in [false, true] {
            if let Some(file) = self.walk(&path, follows_last) {
                self.observe_named(call, file);
            }
        }
        Ok(())
    }

    /// Whether a link outside leads into the image.
    fn leads_inside(&self, call: &Call, path: &[u8]) -> bool {
        let target = call.arguments.first().and_then(Argument::string);
        let target = target.unwrap_or_default().0;
        let end = path.iter().rposition(|&byte| byte == b'/').unwrap_or(0);
        let led = match target.first() {
            Some(b'/') => target,
            _ => [&path[..=end], &target[..]].concat(),
        };
        !self.is_inside(path) && self.walk(&led, true).is_some()
    }

    /// A file that a call names.
    fn observe_named(&self, call: &Call, file: u32) {
        match &*call.name {
            "stat" | "lstat" | "newfstatat" | "statx" | "statfs" => self.look(Look::Status(file)),
            "open" | "openat" | "openat2" | "creat" | "access" | "faccessat" | "faccessat2"
            | "readlink" | "readlinkat" | "mkdir" | "mkdirat" | "unlink" | "link" | "linkat"
            | "symlink" | "symlinkat" | "mknod" | "mknodat" | "chdir" | "getcwd" | "chmod"
            | "fchmodat" | "fchmodat2" | "chown" | "lchown" | "fchownat" | "utime" | "utimes"
            | "utimensat" | "futimesat" | "truncate" | "getxattr" | "lgetxattr" | "listxattr"
            | "llistxattr" => {}
            // A directory goes, or is replaced, when nothing is in it.
            "rename" | "renameat" | "renameat2" | "rmdir" | "unlinkat" => {
                if self.disk.tree().is_directory(file) {
                    self.look(Look::Listing(file));
                }
            }
            _ => self.look_at_all(file),
        }
    }

    /// A file that a call has open.
    fn observe_descriptor(&mut self, call: &Call, place: usize) {
        let Some(open) = self.open_of(call, place) else {
            return;
        };
        let Some(file) = self.inside(call, place) else {
            return;
        };
        let number = |place: usize| {
            let argument = call.arguments.get(place);
            argument.and_then(Argument::number).map(|it| it as u64)
        };
        let (offset, appends) = {
            let open = self.processes.open(open);
            (open.offset, open.appends)
        };
        let read = |start: u64, count: u64| Look::Bytes(file, start, start.saturating_add(count));
        match &*call.name {
            // Nothing is said of what is in it.
            "close" | "close_range" | "dup" | "dup2" | "dup3" | "fcntl" | "flock" | "fsync"
            | "fdatasync" | "fadvise64" | "readahead" | "sync_file_range" | "syncfs" | "fchdir"
            | "fchmod" | "fchown" | "utimensat" | "ftruncate" | "fallocate" | "fgetxattr"
            | "flistxattr" => {}
            "write" | "writev" | "pwrite64" | "pwritev" | "pwritev2" => {
                if appends || argument_has(call, 5, "RWF_APPEND") {
                    self.look(Look::Status(file));
                }
            }
            "read" => match (offset, number(2)) {
                (u64::MAX, _) | (_, None) => self.look_at_all(file),
                (offset, Some(count)) => self.look(read(offset, count)),
            },
            "pread64" => match (number(3), number(2)) {
                (Some(offset), Some(count)) => self.look(read(offset, count)),
                _ => self.look_at_all(file),
            },
            "lseek" if argument_has(call, 2, "SEEK_END") => self.look(Look::Status(file)),
            "lseek" if argument_has(call, 2, "SEEK_SET") || argument_has(call, 2, "SEEK_CUR") => {}
            "fstat" | "newfstatat" | "statx" | "fstatfs" => self.look(Look::Status(file)),
            "getdents" | "getdents64" => self.look(Look::Listing(file)),
            // What asks for terminals gets the same answer of each file.
            "ioctl" if argument_has(call, 1, "TCGETS") || argument_has(call, 1, "TIOCGWINSZ") => {}
            _ => self.look_at_all(file),
        }
    }

    fn look_at_all(&self, file: u32) {
        self.look(Look::Status(file));
        match self.disk.tree().is_directory(file) {
            true => self.look(Look::Listing(file)),
            false => self.look(Look::Bytes(file, 0, u64::MAX)),
        }
    }
}

/// Calls after which nobody knows what a path means, or what was seen.
const FORBIDDEN: &[&str] = &[
    "chroot",
    "pivot_root",
    "mount",
    "umount2",
    "move_mount",
    "open_tree",
    "fsmount",
    "setns",
    "unshare",
    "name_to_handle_at",
    "open_by_handle_at",
    "inotify_add_watch",
    "fanotify_mark",
    "splice",
    "vmsplice",
    "tee",
    "io_uring_setup",
    "io_uring_enter",
    "io_uring_register",
    "io_setup",
    "uselib",
    "swapon",
    "quotactl",
    "quotactl_fd",
    "process_madvise",
    "pidfd_getfd",
];

/// Which strings among the arguments are paths; of calls that nobody here knows, all.
fn is_path(call: &str, place: usize) -> bool {
    match call {
        "read" | "readv" | "pread64" | "preadv" | "preadv2" | "write" | "writev" | "pwrite64"
        | "pwritev" | "pwritev2" | "ioctl" | "fgetxattr" | "fsetxattr" | "flistxattr"
        | "fremovexattr" | "getdents" | "getdents64" | "sendto" | "recvfrom" | "sendmsg"
        | "recvmsg" | "memfd_create" | "fcntl" | "bind" | "connect" | "getsockopt"
        | "setsockopt" => false,
        "readlink" | "execve" | "getxattr" | "lgetxattr" | "setxattr" | "lsetxattr"
        | "listxattr" | "llistxattr" | "removexattr" | "lremovexattr" => place == 0,
        "readlinkat" | "execveat" => place == 1,
        _ => true,
    }
}

/// Whether a path leads through something that a process has open, or stands in.
fn is_indirect(path: &[u8]) -> bool {
    let has = |part: &[u8]| path.windows(part.len()).any(|window| window == part);
    let ends = |part: &[u8]| path.ends_with(part);
    path.starts_with(b"/dev/fd/")
        || path.starts_with(b"/dev/std")
        || path.starts_with(b"/proc/")
            && (has(b"/fd/")
                || has(b"/cwd/")
                || has(b"/root/")
                || has(b"/map_files/")
                || ends(b"/cwd"))
}

fn unclear(call: &Call, why: &str) -> Gap {
    Gap::new(Kind::Difference, format!("{} {why}", call.name))
}
