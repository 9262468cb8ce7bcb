//! A checker that stays: a line in for each image, a line out for each verdict.
//!
//! It gets `DIRECTORY`, a tab, `STDOUT_FILE`, and answers with the exit code that a checker of one
//! image would have, and behind a space what it has to say. One that ends, is silent for too long,
//! answers something else, or answers what it was not asked, is an error and no finding: nobody
//! knows which of the images that it has seen is to blame.

use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Duration;

use lithify_sim::stop::Stop;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use wait_timeout::ChildExt as _;

use super::process::{Group, SLICE};
use super::{MAX_MESSAGE_BYTES, first_words};
use crate::failure::Failure;

/// How long an ending process has, before it is told that it ended without its exit code.
const ENDING: Duration = Duration::from_secs(1);

/// A checker that was started.
#[derive(Debug)]
pub(super) struct Warm {
    child: Child,
    requests: ChildStdin,
    answers: ChildStdout,
    /// What was read and is no whole line yet.
    begun: Vec<u8>,
    /// What it writes to standard error.
    said: PathBuf,
    answered: u64,
    timeout: Duration,
    _group: Group,
}

/// What is there to read.
enum Heard {
    Line(Vec<u8>),
    Nothing,
    End,
}

impl Warm {
    pub(super) fn start(command: &str, timeout: Duration, said: PathBuf) -> io::Result<Self> {
        let mut shell = Command::new("sh");
        shell
            .args(["-c", command])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(File::create(&said)?);
        let (mut child, group) = Group::start(&mut shell)?;
        Ok(Self {
            requests: child.stdin.take().expect("it was piped"),
            answers: child.stdout.take().expect("it was piped"),
            child,
            begun: Vec::new(),
            said,
            answered: 0,
            timeout,
            _group: group,
        })
    }

    /// Asks about one image; `None` when the work was to stop.
    pub(super) fn ask(
        &mut self,
        image: &Path,
        stdout: &Path,
        stop: &Stop,
    ) -> Result<Option<(i32, String)>, Failure> {
        match self.hear(Duration::ZERO) {
            Heard::Nothing => {}
            Heard::End => return Err(self.ended()),
            Heard::Line(answer) => return Err(nonsense(&answer, "without being asked")),
        }
        let line = [
            image.as_os_str().as_bytes(),
            b"\t",
            stdout.as_os_str().as_bytes(),
            b"\n",
        ];
        if self.requests.write_all(&line.concat()).is_err() {
            return Err(self.ended());
        }
        let mut left = self.timeout;
        while !left.is_zero() {
            let slice = left.min(SLICE);
            match self.hear(slice) {
                Heard::Line(answer) => {
                    self.answered += 1;
                    let verdict = parse(&answer);
                    let verdict =
                        verdict.ok_or_else(|| nonsense(&answer, "and not with an exit code"));
                    return verdict.map(Some);
                }
                Heard::End => return Err(self.ended()),
                Heard::Nothing => left -= slice,
            }
            if stop.is_due() {
                return Ok(None);
            }
        }
        Err(Failure::input(format!(
            "the warm checker does not answer within {} seconds, after {} answers; --check gives \
             each image a process of its own, and tells of one that hangs",
            self.timeout.as_secs_f64(),
            self.answered
        )))
    }

    /// A line, if one comes before nothing has come for so long.
    fn hear(&mut self, wait: Duration) -> Heard {
        let wait = Timespec {
            tv_sec: wait.as_secs() as i64,
            tv_nsec: wait.subsec_nanos().into(),
        };
        loop {
            if let Some(end) = self.begun.iter().position(|&byte| byte == b'\n') {
                return Heard::Line(self.begun.drain(..=end).collect());
            }
            if self.begun.len() as u64 > MAX_MESSAGE_BYTES {
                return Heard::Line(std::mem::take(&mut self.begun));
            }
            let mut waiting = [PollFd::new(&self.answers, PollFlags::IN)];
            if !matches!(poll(&mut waiting, Some(&wait)), Ok(1..)) {
                return Heard::Nothing;
            }
            let mut bytes = [0; 4096];
            match self.answers.read(&mut bytes) {
                Ok(count @ 1..) => self.begun.extend_from_slice(&bytes[..count]),
                Ok(0) | Err(_) => return Heard::End,
            }
        }
    }

    /// It is no more.
    fn ended(&mut self) -> Failure {
        let status = self.child.wait_timeout(ENDING);
        let how = match status {
            Ok(Some(status)) => status.to_string(),
            _ => "it closed its standard output".to_owned(),
        };
        let words = first_words(&self.said).unwrap_or_default();
        let words = match &*words {
            "" => String::new(),
            words => format!(": {words}"),
        };
        Failure::input(format!(
            "the warm checker ended ({how}) after {} answers{words}; --check gives each image a \
             process of its own, and tells of one that ends",
            self.answered
        ))
    }
}

impl Drop for Warm {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// `2 the index is short`: the code, and what it says. A line without an end is none.
fn parse(answer: &[u8]) -> Option<(i32, String)> {
    let text = String::from_utf8_lossy(answer.strip_suffix(b"\n")?).into_owned();
    let (code, message) = text.split_once(' ').unwrap_or((&text, ""));
    let code: u8 = code.trim_end().parse().ok()?;
    Some((code.into(), message.trim().to_owned()))
}

fn nonsense(answer: &[u8], how: &str) -> Failure {
    let text = String::from_utf8_lossy(answer.trim_ascii_end());
    let text: String = text.chars().take(80).collect();
    Failure::input(format!(
        "the warm checker answers {text:?} {how}; an answer is a line such as \"0\" or \"2 the index is short\""
    ))
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn an_answer_is_a_code_and_words() {
        assert_eq!(parse(b"0\n"), Some((0, String::new())));
        assert_eq!(parse(b"2  two words \n"), Some((2, "two words".to_owned())));
        assert_eq!(parse(b"255\r\n"), Some((255, String::new())));
        for nonsense in [&b"\n"[..], b"good\n", b"256\n", b"-1\n", b"0", b"0x\n"] {
            assert_eq!(parse(nonsense), None, "{nonsense:?}");
        }
    }
}
