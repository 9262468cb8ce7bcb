//! One process that must end in time, with all that it has started.

use std::io;
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, ExitStatus};
use std::time::Duration;

use lithify_sim::stop::Stop;
use rustix::process::{Pid, Signal, kill_process_group};
use wait_timeout::ChildExt as _;

/// How often somebody looks whether the work is to stop.
pub(super) const SLICE: Duration = Duration::from_millis(100);

/// How a process ended.
pub(super) enum End {
    /// By itself.
    Status(ExitStatus),
    /// Its time was over.
    Hang,
    /// The work was to stop.
    Stopped,
}

/// The process group of a child, which is ended when this goes. What a checker has left running
/// would hold on to its directory.
#[derive(Debug)]
pub(super) struct Group(Option<Pid>);

impl Group {
    /// Starts a command in a group of its own.
    pub(super) fn start(command: &mut Command) -> io::Result<(Child, Self)> {
        let child = command.process_group(0).spawn()?;
        let group = Pid::from_raw(child.id().cast_signed());
        Ok((child, Self(group)))
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(group) = self.0 {
            let _ = kill_process_group(group, Signal::KILL);
        }
    }
}

/// Runs a command until it ends, its time is over, or the work is to stop.
pub(super) fn run(command: &mut Command, limit: Duration, stop: &Stop) -> io::Result<End> {
    let (mut child, group) = Group::start(command)?;
    let mut left = limit;
    let end = loop {
        let slice = left.min(SLICE);
        if let Some(status) = child.wait_timeout(slice)? {
            break End::Status(status);
        }
        left -= slice;
        if left.is_zero() {
            break End::Hang;
        }
        if stop.is_due() {
            break End::Stopped;
        }
    };
    drop(group);
    if !matches!(end, End::Status(_)) {
        child.wait()?;
    }
    Ok(end)
}
