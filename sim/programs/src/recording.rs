//! The file of a recording.
//!
//! The first line is `lithify-recording 1`. Behind it lies a zstd frame with a checksum; in it, each
//! line is JSON: first the [`Header`], then contents (`{"blob": ..., "base64": ...}`) and [`Step`]s,
//! a content before the first step that speaks of it, and at last `{"end": STEPS}`. So
//! `tail -n +2 run.rec | zstd -d` shows all of it.
//!
//! Invariants: a file that was cut, changed or made by something else is refused with one line; a
//! file that was read makes a disk.

use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter, Read as _, Write};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use tempfile::NamedTempFile;

use crate::blobs::{Blobs, Hash};
use crate::failure::Failure;
use crate::gaps::Gap;
use crate::steps::{AfterFailedSync, Disk, Step};

const MAGIC: &str = "lithify-recording ";
const VERSION: u32 = 1;

/// What was recorded, and how.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Header {
    /// The program and its arguments.
    pub program: Vec<String>,
    /// The directory that was watched.
    pub directory: String,
    /// The directory in which the program was started.
    #[serde(default)]
    pub place: String,
    /// Whether the output is what was written to a marker file.
    #[serde(default)]
    pub has_marker: bool,
    /// How the program ended: `exit code 0`, `signal 9`.
    pub end: String,
    /// Which version of `strace` saw it.
    pub strace: String,
    /// Which calls it was told to fail, as it takes that.
    #[serde(default)]
    pub injected: Vec<String>,
    /// How many calls it saw.
    pub calls: u64,
    /// What the recording does not hold.
    pub gaps: Vec<Gap>,
    /// Files outside of the directory that were opened for writing.
    pub written_outside: Vec<String>,
}

/// A recording in memory.
#[derive(Clone, Debug)]
pub struct Recording {
    /// What was recorded, and how.
    pub header: Header,
    /// What was there, and what happened.
    pub steps: Vec<Step>,
    /// Their bytes.
    pub blobs: Blobs,
    /// The disk that they make.
    pub disk: Disk,
}

#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Line {
    Blob { blob: Hash, base64: String },
    End { end: usize },
    Step(Step),
}

impl Recording {
    /// The same on a file system that treats failed syncs in this way.
    ///
    /// # Errors
    /// In words, when the steps do not fit each other.
    pub fn on(&self, after_failed_sync: AfterFailedSync) -> Result<Self, String> {
        let mut disk = Disk::of(after_failed_sync);
        for step in &self.steps {
            disk.take(step, &self.blobs)?;
        }
        Ok(Self {
            disk,
            ..self.clone()
        })
    }

    /// Whether a sync failed in it.
    #[must_use]
    pub fn has_failed_sync(&self) -> bool {
        let is_it = |step: &Step| matches!(step, Step::FailedSync { .. });
        self.steps.iter().any(is_it)
    }

    /// Writes it under a name of its own, and renames it: a file that was there stays whole
    /// until the new one is.
    ///
    /// # Errors
    /// When the file cannot be written; what was there before is then left as it was.
    pub fn write(&self, path: &Path) -> Result<(), Failure> {
        let written = target(path).and_then(|path| {
            let draft = draft(&path)?;
            self.write_lines(draft.as_file())?;
            draft.as_file().sync_all()?;
            draft.persist(&path)?;
            Ok(())
        });
        written.map_err(|error| {
            Failure::io(format!("{}: {error}; nothing was recorded", path.display()))
        })
    }

    fn write_lines(&self, file: &File) -> io::Result<()> {
        let mut file = BufWriter::new(file);
        writeln!(file, "{MAGIC}{VERSION}")?;
        let mut encoder = zstd::Encoder::new(file, 3)?;
        encoder.include_checksum(true)?;
        line(&mut encoder, &self.header)?;
        let mut written = std::collections::BTreeSet::new();
        for step in &self.steps {
            let bytes = step.bytes().filter(|&hash| written.insert(hash));
            if let Some((blob, bytes)) = bytes.and_then(|hash| Some((hash, self.blobs.get(hash)?)))
            {
                let base64 = STANDARD.encode(&**bytes);
                line(&mut encoder, &Line::Blob { blob, base64 })?;
            }
            line(&mut encoder, step)?;
        }
        let end = self.steps.len();
        line(&mut encoder, &Line::End { end })?;
        encoder.finish()?.flush()
    }

    /// Reads one.
    ///
    /// # Errors
    /// When there is none, or it is not whole.
    pub fn read(path: &Path) -> Result<Self, Failure> {
        let bad = |why: String| Failure::input(format!("{}: {why}", path.display()));
        let unreadable = |error: io::Error| Failure::io(format!("{}: {error}", path.display()));
        let mut file = BufReader::new(File::open(path).map_err(unreadable)?);
        let mut first = Vec::new();
        let mut head = (&mut file).take(64);
        head.read_until(b'\n', &mut first).map_err(unreadable)?;
        let version = std::str::from_utf8(&first).ok();
        let version = version.and_then(|text| text.trim_end().strip_prefix(MAGIC));
        match version.map(str::parse::<u32>) {
            Some(Ok(VERSION)) => {}
            Some(Ok(version)) => {
                let why = format!("a recording of version {version}; this program reads {VERSION}");
                return Err(bad(why));
            }
            _ => return Err(bad("is no recording".to_owned())),
        }
        Self::read_lines(file).map_err(bad)
    }

    fn read_lines(file: BufReader<File>) -> Result<Self, String> {
        let cut = |error: io::Error| format!("the recording is cut or changed: {error}");
        let decoder = zstd::Decoder::with_buffer(file)
            .map_err(cut)?
            .single_frame();
        let mut lines = BufReader::new(decoder);
        let mut text = String::new();
        lines.read_line(&mut text).map_err(cut)?;
        let header = serde_json::from_str(&text);
        let header: Header = header.map_err(|error| format!("its header: {error}"))?;
        let (mut steps, mut blobs, mut disk) = (Vec::new(), Blobs::default(), Disk::default());
        loop {
            text.clear();
            if lines.read_line(&mut text).map_err(cut)? == 0 {
                return Err("the recording is cut".to_owned());
            }
            let place = steps.len() + 1;
            let wrong = |why: String| format!("step {place}: {why}");
            match serde_json::from_str(&text).map_err(|error| wrong(error.to_string()))? {
                Line::Blob { blob, base64 } => {
                    let bytes = STANDARD.decode(base64);
                    let bytes = bytes.map_err(|error| wrong(error.to_string()))?;
                    if blobs.keep(bytes) != blob {
                        return Err(wrong(format!("the content {blob} has another hash")));
                    }
                }
                Line::Step(step) => {
                    disk.take(&step, &blobs).map_err(wrong)?;
                    steps.push(step);
                }
                Line::End { end } if end == steps.len() => break,
                Line::End { end } => return Err(format!("{end} steps are said to be {place}")),
            }
        }
        // The checksum is behind the last line.
        let rest = lines.read_line(&mut text).map_err(cut)?;
        match rest {
            0 => Ok(Self {
                header,
                steps,
                blobs,
                disk,
            }),
            _ => Err("the recording goes on behind its end".to_owned()),
        }
    }
}

/// Whether a recording can be written there, for those who do not want to know it after a long run.
///
/// # Errors
/// When it cannot.
pub fn check_place(path: &Path) -> Result<(), Failure> {
    let made = target(path).and_then(|path| draft(&path));
    made.map_err(|error| Failure::io(format!("{}: {error}", path.display())))?;
    Ok(())
}

/// The file that is replaced. A link to it stays a link, and what is no file is not replaced.
fn target(path: &Path) -> io::Result<PathBuf> {
    if path.file_name().is_none() || path.as_os_str().as_bytes().ends_with(b"/") {
        return Err(io::Error::other("is no name of a file"));
    }
    match path.canonicalize() {
        Ok(path) if path.is_file() => Ok(path),
        Ok(_) => Err(io::Error::other("is there, and is no file")),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(path.to_owned()),
        Err(error) => Err(error),
    }
}

/// A file without its last name, which goes when it does not get that.
fn draft(path: &Path) -> io::Result<NamedTempFile> {
    let above = match path.parent() {
        Some(above) if !above.as_os_str().is_empty() => above,
        _ => Path::new("."),
    };
    let mut begin = path.file_name().unwrap_or_default().to_owned();
    begin.push(".");
    let mut draft = tempfile::Builder::new();
    let rights = std::fs::Permissions::from_mode(0o666);
    draft.prefix(&begin).suffix(".tmp").permissions(rights);
    let made = draft.tempfile_in(above);
    // tempfile names the path that it has tried; ours is the one that the user knows.
    made.map_err(|error| io::Error::new(error.kind(), error.kind().to_string()))
}

fn line(writer: &mut impl Write, value: &impl Serialize) -> io::Result<()> {
    serde_json::to_writer(&mut *writer, value)?;
    writer.write_all(b"\n")
}
