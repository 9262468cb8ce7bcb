//! No checker: the program is started again on each image, and must say what it would have said
//! without the loss of power.
//!
//! The program's command line is run in its directory of then, where the image stands in the place of
//! the recorded directory: in a mount namespace of its own, which `unshare` of util-linux makes
//! without privileges. The recorded directory itself is not touched.
//!
//! What is compared. The exit code must be the one after the complete run. Standard output must be
//! byte for byte what a start says after the program alone was killed, at some moment between
//! the last output that the user had seen and the next one: whether an operation that nobody was told
//! of is there is for the program to say, but it has to be there or not, as at some moment. At the
//! end of the run these moments are one, and its answer is that after the complete run. Standard
//! error is not compared.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt as _;
use std::path::Path;
use std::process::Command;
use std::sync::Mutex;

use crate::failure::Failure;
use crate::losses::{Crashes, Key, Shown};
use crate::names::unescape;
use crate::recording::Header;
use crate::steps::Disk;

use super::{Verdict, Wrong};

/// What a start has said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// It ended with this code.
    Ended {
        /// The exit code.
        code: i32,
        /// What it wrote to standard output.
        output: Vec<u8>,
        /// The first line of standard error.
        errors: String,
    },
    /// It did not, or was killed.
    Bad(Wrong, String),
}

/// How a program is started again.
#[derive(Debug)]
pub struct Restart {
    program: Vec<OsString>,
    directory: OsString,
    place: OsString,
    /// What starts on images say after the program alone was killed.
    known: Mutex<BTreeMap<Key, Answer>>,
}

/// Starts on an image; `None` when the work was to stop.
pub(super) type Start<'run> = &'run dyn Fn(&Shown) -> Result<Option<Answer>, Failure>;

impl Restart {
    /// The program of a recording.
    ///
    /// # Errors
    /// When it must not or cannot be started again.
    pub fn of(header: &Header) -> Result<Self, Failure> {
        let refused = |why: String| Err(Failure::input(format!("--check restart: {why}")));
        if let Some(first) = header.written_outside.first() {
            return refused(format!(
                "the program writes outside of its directory ({first}), and would do so for each image"
            ));
        }
        if header.has_marker {
            return refused(
                "the program writes to a marker file, and would do so for each image".to_owned(),
            );
        }
        if header.place.is_empty() {
            return refused("the recording does not say where the program was started".to_owned());
        }
        let path = |text: &str| OsString::from_vec(unescape(text));
        let (directory, place) = (path(&header.directory), path(&header.place));
        for needed in [&directory, &place] {
            if !Path::new(needed).is_dir() {
                let needed = needed.to_string_lossy();
                return refused(format!(
                    "{needed} is not there, in whose place the images are put"
                ));
            }
        }
        let restart = Self {
            program: header.program.iter().map(|word| path(word)).collect(),
            directory,
            place,
            known: Mutex::default(),
        };
        restart.try_place()?;
        Ok(restart)
    }

    /// The command that starts the program with the image in the place of its directory.
    pub(super) fn command(&self, image: &Path) -> Command {
        const SCRIPT: &str = r#"mount --bind "$1" "$2" && cd "$3" && shift 3 && exec "$@""#;
        let mut command = Command::new("unshare");
        if !rustix::process::geteuid().is_root() {
            command.args(["--user", "--map-root-user"]);
        }
        command
            .args(["--mount", "--", "sh", "-c", SCRIPT, "restart"])
            .args([image.as_os_str(), &self.directory, &self.place])
            .args(&self.program);
        command
    }

    /// Whether an image can be put there, with the directory as an image of itself.
    fn try_place(&self) -> Result<(), Failure> {
        let program = vec![OsString::from("true")];
        let (directory, place) = (self.directory.clone(), self.place.clone());
        let probe = Self {
            program,
            directory,
            place,
            known: Mutex::default(),
        };
        let tried = probe.command(Path::new(&self.directory)).output();
        let why = match &tried {
            Ok(output) if output.status.success() => return Ok(()),
            Ok(output) => String::from_utf8_lossy(&output.stderr).into_owned(),
            Err(error) => error.to_string(),
        };
        Err(Failure::io(format!(
            "--check restart: an image cannot be put in the place of the directory: {}; \
             it needs unshare and mount of util-linux, and namespaces for users",
            why.trim()
        )))
    }

    /// Judges what a start on an image has said.
    pub(super) fn judge(
        &self,
        disk: &Disk,
        outputs: u64,
        answer: &Answer,
        start: Start<'_>,
    ) -> Result<Option<Verdict>, Failure> {
        let Some(complete) = self.complete(disk, start)? else {
            return Ok(None);
        };
        let (code, output, errors) = match answer {
            Answer::Bad(wrong, message) => return Ok(Some(Verdict::Bad(*wrong, message.clone()))),
            Answer::Ended {
                code,
                output,
                errors,
            } => (*code, output, errors),
        };
        if code != complete.0 {
            let message = format!(
                "exit code {code}, and {} after the complete run: {errors}",
                complete.0
            );
            let message = message.trim_end_matches([':', ' ']).to_owned();
            return Ok(Some(Verdict::Bad(Wrong::DoesNotOpen, message)));
        }
        // The newest first: most images lose nothing that this start looks at.
        let mut expected = None;
        for position in moments(disk, outputs).rev() {
            let Some(known) = self.killed_at(disk, position, start)? else {
                return Ok(None);
            };
            if let Answer::Ended {
                code: same,
                output: said,
                ..
            } = known
                && same == code
            {
                if said == *output {
                    return Ok(Some(Verdict::Good));
                }
                expected.get_or_insert(said);
            }
        }
        let message = difference(output, &expected.unwrap_or(complete.1));
        for earlier in (0..outputs).rev() {
            let position = moments(disk, earlier).start;
            let Some(known) = self.killed_at(disk, position, start)? else {
                return Ok(None);
            };
            if matches!(known, Answer::Ended { code: same, output: said, .. } if same == code && said == *output)
            {
                return Ok(Some(Verdict::Bad(Wrong::Lost, message)));
            }
        }
        Ok(Some(Verdict::Bad(Wrong::Inconsistent, message)))
    }

    /// The exit code and the output after the complete run.
    fn complete(&self, disk: &Disk, start: Start<'_>) -> Result<Option<(i32, Vec<u8>)>, Failure> {
        let end = disk.log().operations().len();
        match self.killed_at(disk, end, start)? {
            None => Ok(None),
            Some(Answer::Ended { code, output, .. }) => Ok(Some((code, output))),
            Some(Answer::Bad(wrong, message)) => {
                let said = format!("{wrong}: {message}");
                let said = said.trim_end_matches([':', ' ']);
                let why =
                    "--check restart: the program cannot be started again after its complete run";
                Err(Failure::input(format!("{why}: {said}")))
            }
        }
    }

    /// What a start says when the program was killed at a position, and the machine was not.
    fn killed_at(
        &self,
        disk: &Disk,
        position: usize,
        start: Start<'_>,
    ) -> Result<Option<Answer>, Failure> {
        let (key, shown) = Crashes::of(disk).killed(position);
        // What was seen does not change what a start says.
        let key = Key { outputs: 0, ..key };
        if let Some(known) = self.known.lock().expect("answers are values").get(&key) {
            return Ok(Some(known.clone()));
        }
        let answer = start(&shown)?;
        if let Some(answer) = &answer {
            let mut known = self.known.lock().expect("answers are values");
            known.insert(key, answer.clone());
        }
        Ok(answer)
    }
}

/// The positions at which the user had seen so many outputs.
fn moments(disk: &Disk, outputs: u64) -> std::ops::Range<usize> {
    let operations = disk.log().operations();
    let after = |outputs: u64| {
        let is_it = |operation: &lithify_sim::disk::Operation| {
            use lithify_sim::disk::{Mark, Operation};
            matches!(operation, Operation::Mark(Mark::Acknowledged(count)) if *count == outputs)
        };
        operations.iter().position(is_it).map(|place| place + 1)
    };
    let start = match outputs {
        0 => 0,
        outputs => after(outputs).unwrap_or(0),
    };
    // At its own position the next output is not out yet.
    let end = after(outputs + 1).unwrap_or(operations.len() + 1);
    start..end
}

/// Where two outputs part, in words.
fn difference(said: &[u8], expected: &[u8]) -> String {
    let lines = |bytes: &[u8]| -> Vec<String> {
        let lines = bytes.split(|&byte| byte == b'\n');
        lines
            .map(|line| String::from_utf8_lossy(line).into_owned())
            .collect()
    };
    let (said, expected) = (lines(said), lines(expected));
    let place = said
        .iter()
        .zip(&expected)
        .position(|(one, other)| one != other);
    let place = place.unwrap_or(said.len().min(expected.len()));
    let cut = |lines: &[String]| match lines.get(place) {
        Some(line) => format!("{:?}", line.chars().take(80).collect::<String>()),
        None => "the end".to_owned(),
    };
    format!(
        "a start says {} in line {}, and {} without the loss",
        cut(&said),
        place + 1,
        cut(&expected)
    )
}
