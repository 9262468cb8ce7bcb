//! Records a program: what its directory holds, what `strace` sees of it, and whether the two make
//! the directory that it leaves.
//!
//! `strace` is a program of its own, which needs no privileges: it runs what the user may run. It
//! writes to a file, which is read when the program has ended.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _, Seek as _};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};

use crate::base;
use crate::failure::Failure;
use crate::follow::{Births, Followed, Follower, Settings};
use crate::gaps::{Gap, Kind};
use crate::inject::Injection;
use crate::names::escape;
use crate::recording::{Header, Recording};
use crate::strace::Parser;

/// The calls that `strace` is asked for, and that can be made to fail. Those that an architecture does not have are left out by
/// `strace` itself, because of the question mark.
pub(crate) const CALLS: &str = "\
    open openat openat2 creat close close_range dup dup2 dup3 fcntl lseek read readv \
    write pwrite64 writev pwritev pwritev2 sendfile copy_file_range splice vmsplice \
    ioctl truncate ftruncate fallocate rename renameat renameat2 link linkat symlink \
    symlinkat unlink unlinkat mkdir mkdirat mknod mknodat rmdir fsync fdatasync sync \
    syncfs mmap chdir fchdir clone clone3 fork vfork execve execveat io_uring_setup \
    io_setup open_by_handle_at";

/// The longest buffer that is shown whole, in bytes.
const MAX_STRING_BYTES: usize = 64 << 20;

/// How much of what is not understood is told.
pub(crate) const MAX_LINE_BYTES: usize = 200;

/// The first version with `--seccomp-bpf`, without which every call of a program is stopped.
const OLDEST: (u32, u32) = (5, 3);

/// What to record.
#[derive(Clone, Debug)]
pub struct Request {
    /// The directory to watch. It is made when it is not there.
    pub directory: PathBuf,
    /// The program and its arguments.
    pub program: Vec<OsString>,
    /// A file outside of the directory whose bytes count as output.
    pub marker: Option<PathBuf>,
    /// Gaps that do not end the recording.
    pub allowed: BTreeSet<Kind>,
    /// Calls that are to fail, as `strace -e inject` takes them.
    pub injected: Vec<Injection>,
}

/// The version of `strace`, if it is new enough.
///
/// # Errors
/// When there is none, or an old one.
pub fn strace_version() -> Result<String, Failure> {
    let asked = Command::new("strace")
        .arg("-V")
        .stdin(Stdio::null())
        .output();
    let asked = asked.map_err(|error| {
        Failure::io(format!(
            "strace cannot be started: {error}; install strace {}.{} or newer",
            OLDEST.0, OLDEST.1
        ))
    })?;
    let text = String::from_utf8_lossy(&asked.stdout).into_owned();
    let version = text.split_whitespace().nth(3).unwrap_or_default();
    let mut numbers = version.split('.').map(str::parse::<u32>);
    match (numbers.next(), numbers.next()) {
        (Some(Ok(major)), Some(Ok(minor))) if (major, minor) >= OLDEST => Ok(version.to_owned()),
        _ => Err(Failure::io(format!(
            "strace is of version {version:?}; {}.{} or newer is needed",
            OLDEST.0, OLDEST.1
        ))),
    }
}

/// Records a program. Its standard streams are those of this process.
///
/// # Errors
/// When it cannot be started or watched, or when there is a gap that was not allowed.
pub fn record(request: &Request) -> Result<Recording, Failure> {
    let strace = strace_version()?;
    let root = directory(&request.directory)?;
    let before = base::read(&root).map_err(|error| Failure::io(error.to_string()))?;
    let mut gaps: BTreeSet<Gap> = BTreeSet::new();
    for gap in before.special {
        refuse_unless_allowed(request, &gap)?;
        gaps.insert(gap);
    }
    let marker = request.marker.as_deref().map(marker).transpose()?;
    let place = std::env::current_dir().map_err(|error| Failure::io(error.to_string()))?;
    let scratch = tempfile::tempdir().map_err(|error| Failure::io(error.to_string()))?;
    let output = scratch.path().join("strace");
    let status = run(request, &output)?;
    let file = File::open(&output).map_err(|error| Failure::io(format!("strace: {error}")))?;
    if file.metadata().map_or(0, |metadata| metadata.len()) == 0 {
        let program = request.program[0].to_string_lossy().into_owned();
        let why = "strace saw nothing: the program cannot be started, or tracing is not permitted";
        return Err(Failure::input(format!("{program}: {why}")));
    }
    let settings = Settings {
        root: root.as_os_str().as_bytes().to_vec(),
        directory: place.as_os_str().as_bytes().to_vec(),
        marker,
        allowed: request.allowed.clone(),
        outside: &read_outside,
    };
    if !request.injected.is_empty() && !is_injected(&file)? {
        let why = "nothing was made to fail: the program did not make such a call, or not so often";
        return Err(Failure::input(why.to_owned()));
    }
    let births = births(&file)?;
    let follower = Follower::new(settings, births, before.steps, before.blobs);
    let mut followed = follow(follower.map_err(Failure::input)?, &file)?;
    check_end(request, &root, &mut followed)?;
    gaps.append(&mut followed.gaps);
    let header = Header {
        program: (request.program.iter())
            .map(|word| escape(word.as_bytes()))
            .collect(),
        directory: escape(root.as_os_str().as_bytes()),
        place: escape(place.as_os_str().as_bytes()),
        has_marker: request.marker.is_some(),
        end: ended(status),
        strace,
        injected: request.injected.iter().map(ToString::to_string).collect(),
        calls: followed.calls,
        gaps: gaps.into_iter().collect(),
        written_outside: (followed.written_outside.iter())
            .map(|path| escape(path))
            .collect(),
    };
    Ok(Recording {
        header,
        steps: followed.steps,
        blobs: followed.blobs,
        disk: followed.disk,
    })
}

fn directory(path: &Path) -> Result<PathBuf, Failure> {
    let bad = |error: std::io::Error| Failure::io(format!("{}: {error}", path.display()));
    std::fs::create_dir_all(path).map_err(bad)?;
    let root = path.canonicalize().map_err(bad)?;
    match root.parent() {
        Some(_) => Ok(root),
        None => Err(Failure::usage(
            "--dir is the root of the machine".to_owned(),
        )),
    }
}

/// The path under which the kernel will know the marker file.
fn marker(path: &Path) -> Result<Vec<u8>, Failure> {
    let bad = |error: std::io::Error| Failure::io(format!("{}: {error}", path.display()));
    File::options()
        .create(true)
        .append(true)
        .open(path)
        .map_err(bad)?;
    let path = path.canonicalize().map_err(bad)?;
    Ok(path.as_os_str().as_bytes().to_vec())
}

fn run(request: &Request, output: &Path) -> Result<ExitStatus, Failure> {
    let calls: Vec<String> = (CALLS.split_whitespace())
        .map(|call| format!("?{call}"))
        .collect();
    let mut command = Command::new("strace");
    command
        .args(["-f", "-qq", "--seccomp-bpf", "-y", "-xx", "-s"])
        .arg(MAX_STRING_BYTES.to_string())
        .arg("-e")
        .arg(format!("trace={}", calls.join(",")))
        .args(["-e", "signal=none"])
        .args((request.injected.iter()).flat_map(|it| ["-e".to_owned(), format!("inject={it}")]))
        .arg("-o")
        .arg(output)
        .arg("--")
        .args(&request.program);
    let status = command.status();
    status.map_err(|error| Failure::io(format!("strace cannot be started: {error}")))
}

fn ended(status: ExitStatus) -> String {
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("exit code {code}"),
        (None, Some(signal)) => format!("signal {signal}"),
        (None, None) => "unknown".to_owned(),
    }
}

/// The bytes of a file outside, as they are after the run. The directory at the end tells whether
/// they were the same before.
fn read_outside(path: &[u8], offset: u64, length: usize) -> Option<Vec<u8>> {
    let path = Path::new(std::ffi::OsStr::from_bytes(path));
    let mut file = File::open(path).ok()?;
    file.seek(std::io::SeekFrom::Start(offset)).ok()?;
    let mut bytes = vec![0; length];
    file.read_exact(&mut bytes).ok()?;
    Some(bytes)
}

/// Whether `strace` says that it made a call fail.
fn is_injected(file: &File) -> Result<bool, Failure> {
    let mut is_injected = false;
    lines(file, |_, line| {
        is_injected |= line.ends_with(b" (INJECTED)");
        Ok(())
    })?;
    Ok(is_injected)
}

/// Who was born by whom.
pub(crate) fn births(file: &File) -> Result<Births, Failure> {
    let mut births = Births::default();
    let mut parser = Parser::default();
    lines(file, |_, line| {
        let has = |word: &[u8]| line.windows(word.len()).any(|window| window == word);
        let head = &line[..line.len().min(64)];
        let is_meant = [&b"clone"[..], b"fork"]
            .iter()
            .any(|word| head.windows(word.len()).any(|window| window == *word));
        if is_meant
            && (has(b"clone") || has(b"fork"))
            && let Ok(Some(event)) = parser.line(line)
        {
            births.note(&event);
        }
        Ok(())
    })?;
    Ok(births)
}

fn follow(mut follower: Follower<'_>, file: &File) -> Result<Followed, Failure> {
    let mut parser = Parser::default();
    lines(file, |number, line| {
        if line.starts_with(b"[ Process") && line.ends_with(b"runs in 32 bit mode. ]") {
            let why = "a program of 32 bits: its calls have other names and are not followed";
            return Err(Failure::input(why.to_owned()));
        }
        let event = parser.line(line);
        let event = event.map_err(|malformed| {
            Failure::input(format!(
                "line {number} of strace is not understood: {malformed}"
            ))
        })?;
        match event {
            Some(event) => follower.event(&event).map_err(|gap| incomplete(&gap)),
            None => Ok(()),
        }
    })?;
    Ok(follower.finish())
}

/// Hands on each line of a file, with its number.
pub(crate) fn lines(
    mut file: &File,
    mut take: impl FnMut(u64, &[u8]) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let bad = |error: std::io::Error| Failure::io(format!("the output of strace: {error}"));
    file.rewind().map_err(bad)?;
    let mut reader = BufReader::with_capacity(1 << 20, file);
    let mut line = Vec::new();
    for number in 1.. {
        line.clear();
        if reader.read_until(b'\n', &mut line).map_err(bad)? == 0 {
            break;
        }
        take(number, line.strip_suffix(b"\n").unwrap_or(&line))?;
    }
    Ok(())
}

fn incomplete(gap: &Gap) -> Failure {
    Failure::input(format!(
        "this recording is incomplete: {}; --allow {} keeps it, and says so with every finding",
        gap.what,
        gap.kind.name()
    ))
}

fn refuse_unless_allowed(request: &Request, gap: &Gap) -> Result<(), Failure> {
    match request.allowed.contains(&gap.kind) {
        true => Ok(()),
        false => Err(incomplete(gap)),
    }
}

/// Whether the recording makes the directory that the program has left.
fn check_end(request: &Request, root: &Path, followed: &mut Followed) -> Result<(), Failure> {
    let mapped = &followed.mapped;
    let differences = base::differences(root, &followed.disk, |file| mapped.contains(&file));
    let differences = differences.map_err(|error| Failure::io(error.to_string()))?;
    let Some(first) = differences.first() else {
        return Ok(());
    };
    let more = match differences.len() - 1 {
        0 => String::new(),
        more => format!(", and {more} more"),
    };
    let text = format!("the directory is not what was seen: {first}{more}");
    let gap = Gap::new(Kind::Difference, text);
    refuse_unless_allowed(request, &gap)?;
    followed.gaps.insert(gap);
    Ok(())
}
