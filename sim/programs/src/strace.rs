//! What `strace` writes, as calls: bytes in, calls out, no input and no output.
//!
//! A line is `PID NAME(ARGUMENTS) = RESULT`. A call during which another process was seen is split:
//! `PID NAME(ARGUMENTS <unfinished ...>` when it is entered and `PID <... NAME resumed>REST` when it
//! returns. [`Parser`] joins the two, and says when a call was entered, since a sync covers what had
//! returned then. With `-xx` every string and every path behind a descriptor is `\xHH`, so that
//! no quote, bracket or newline of a program's data is mistaken for one of `strace`.
//!
//! Invariants: any line is a call, nothing, or a [`Malformed`]; a call comes once, when it returns,
//! in the order of the lines. What a call means is the business of [`crate::follow`].

use std::collections::BTreeMap;
use std::fmt;

/// What one line says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A call began and has not returned.
    Entered {
        /// Of which process or thread.
        pid: u32,
        /// Its name.
        name: String,
    },
    /// A call returned.
    Returned(Call),
}

/// A call that has returned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// Of which process or thread.
    pub pid: u32,
    /// Its name.
    pub name: String,
    /// What was handed to it.
    pub arguments: Vec<Argument>,
    /// What came of it.
    pub outcome: Outcome,
}

/// What came of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// A number, and the path behind it if it is a descriptor.
    Done(i64, Option<Vec<u8>>),
    /// It failed: `ENOENT`.
    Failed(String),
    /// Nobody knows: the process was killed in it, or it is begun again.
    Unknown,
}

/// A line that is no line of `strace`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Malformed {
    /// What is wrong with it.
    pub reason: &'static str,
    /// Its beginning.
    pub line: String,
}

impl fmt::Display for Malformed {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {:?}", self.reason, self.line)
    }
}

/// One argument, as it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Argument(pub Vec<u8>);

/// A descriptor among the arguments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Descriptor {
    /// Its number; `None` for the current directory.
    pub number: Option<i32>,
    /// What is behind it when the call is made.
    pub path: Option<Vec<u8>>,
}

impl Argument {
    /// A descriptor with what is behind it: `3</data/f>`, `AT_FDCWD</data>`.
    #[must_use]
    pub fn descriptor(&self) -> Option<Descriptor> {
        let text = &self.0[..];
        let end = text.iter().position(|&byte| byte == b'<');
        let (head, rest) = text.split_at(end.unwrap_or(text.len()));
        let number = match head {
            b"AT_FDCWD" => None,
            _ => Some(std::str::from_utf8(head).ok()?.parse().ok()?),
        };
        let path = match rest {
            [] => None,
            _ => Some(path_in_brackets(rest)?),
        };
        Some(Descriptor { number, path })
    }

    /// A string, and whether it was cut.
    #[must_use]
    pub fn string(&self) -> Option<(Vec<u8>, bool)> {
        let rest = self.0.strip_prefix(b"\"")?;
        let end = rest.iter().position(|&byte| byte == b'"')?;
        let is_cut = match &rest[end + 1..] {
            b"" => false,
            b"..." => true,
            _ => return None,
        };
        Some((unescape(&rest[..end])?, is_cut))
    }

    /// All strings in it, one after the other, and whether one was cut: the buffers of `writev`.
    #[must_use]
    pub fn strings(&self) -> Option<(Vec<u8>, bool)> {
        let mut joined = Vec::new();
        let mut is_cut = self.0.ends_with(b", ...]");
        let mut parts = self.0.split(|&byte| byte == b'"');
        // Outside, inside, outside, ...
        parts.next();
        while let (Some(inside), outside) = (parts.next(), parts.next()) {
            joined.extend(unescape(inside)?);
            is_cut |= outside?.starts_with(b"...");
        }
        Some((joined, is_cut))
    }

    /// A number in decimal or hexadecimal.
    #[must_use]
    pub fn number(&self) -> Option<i64> {
        number(std::str::from_utf8(&self.0).ok()?)
    }

    /// A number that a call was given by pointer: `[7]`, `[0] => [3]`; `None` also for `NULL`.
    #[must_use]
    pub fn pointed(&self) -> Option<i64> {
        let text = std::str::from_utf8(&self.0).ok()?;
        let (inside, _) = text.strip_prefix('[')?.split_once(']')?;
        number(inside)
    }

    /// Whether a word such as `O_CREAT` stands in it.
    #[must_use]
    pub fn has(&self, word: &str) -> bool {
        let is_other = |byte: &u8| !byte.is_ascii_alphanumeric() && *byte != b'_';
        self.0.split(is_other).any(|known| known == word.as_bytes())
    }
}

fn number(text: &str) -> Option<i64> {
    match text.strip_prefix("0x") {
        Some(digits) => u64::from_str_radix(digits, 16).ok().map(|it| it as i64),
        None => text.parse().ok(),
    }
}

/// `<\x2f\x61>`, also with `(deleted)` inside or behind.
fn path_in_brackets(text: &[u8]) -> Option<Vec<u8>> {
    let rest = text.strip_prefix(b"<")?;
    let end = rest.iter().position(|&byte| byte == b'>')?;
    unescape(&rest[..end])
}

/// The bytes behind `\x61\x62`. What is not escaped stands for itself.
fn unescape(text: &[u8]) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len() / 4);
    let mut rest = text;
    while let Some((&first, others)) = rest.split_first() {
        if first != b'\\' {
            bytes.push(first);
            rest = others;
            continue;
        }
        let (escape, behind) = rest.split_at_checked(4)?;
        let digit = |byte: u8| char::from(byte).to_digit(16);
        let (high, low) = (digit(escape[2])?, digit(escape[3])?);
        if escape[1] != b'x' {
            return None;
        }
        bytes.push((high * 16 + low) as u8);
        rest = behind;
    }
    Some(bytes)
}

/// Joins lines to calls.
#[derive(Clone, Debug, Default)]
pub struct Parser {
    /// What was written of a call that has not returned, by process.
    unfinished: BTreeMap<u32, Vec<u8>>,
}

const UNFINISHED: &[u8] = b" <unfinished ...>";

impl Parser {
    /// What a line says, without its end. `None` for what is no call: signals, ends of processes.
    ///
    /// # Errors
    /// When it is no line of `strace`.
    pub fn line(&mut self, line: &[u8]) -> Result<Option<Event>, Malformed> {
        let malformed = |reason| Malformed {
            reason,
            line: String::from_utf8_lossy(&line[..line.len().min(160)]).into_owned(),
        };
        let digits = line.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let (pid, rest) = line.split_at(digits);
        let pid = std::str::from_utf8(pid).ok().and_then(|it| it.parse().ok());
        let Some(pid) = pid else {
            // `[ Process PID=5 runs in 32 bit mode. ]`
            return match line.first() {
                None | Some(b'[') => Ok(None),
                _ => Err(malformed("a line without the number of a process")),
            };
        };
        let rest = rest.trim_ascii();
        if [&b"---"[..], b"+++", b"["]
            .iter()
            .any(|begin| rest.starts_with(begin))
        {
            return Ok(None);
        }
        let whole = match rest.strip_prefix(b"<... ") {
            Some(resumed) => {
                let end = resumed.windows(9).position(|window| window == b" resumed>");
                let end = end.ok_or_else(|| malformed("a call that goes on without its name"))?;
                let mut whole = (self.unfinished.remove(&pid))
                    .ok_or_else(|| malformed("a call goes on that did not begin"))?;
                if call_name(&whole) != Some(&resumed[..end]) {
                    return Err(malformed("another call goes on than began"));
                }
                whole.extend_from_slice(&resumed[end + 9..]);
                whole
            }
            None => rest.to_vec(),
        };
        if let Some(begun) = whole.strip_suffix(UNFINISHED) {
            let name = call_name(begun).ok_or_else(|| malformed("a call without a name"))?;
            let name = String::from_utf8_lossy(name).into_owned();
            self.unfinished.insert(pid, begun.to_vec());
            return Ok(Some(Event::Entered { pid, name }));
        }
        let call = returned(pid, &whole).map_err(malformed)?;
        Ok(Some(Event::Returned(call)))
    }

    /// The calls that never returned.
    #[must_use]
    pub fn unfinished(&self) -> usize {
        self.unfinished.len()
    }
}

fn call_name(text: &[u8]) -> Option<&[u8]> {
    let end = text.iter().position(|&byte| byte == b'(')?;
    let name = &text[..end];
    let is_word = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
    (!name.is_empty() && name.iter().all(is_word)).then_some(name)
}

fn returned(pid: u32, whole: &[u8]) -> Result<Call, &'static str> {
    let name = call_name(whole).ok_or("a call without a name")?;
    let inside = &whole[name.len() + 1..];
    let (arguments, rest) = split_arguments(inside).ok_or("a call whose arguments do not end")?;
    let result = rest.trim_ascii_start().strip_prefix(b"=");
    let result = result.ok_or("a call without a result")?.trim_ascii();
    Ok(Call {
        pid,
        name: String::from_utf8_lossy(name).into_owned(),
        arguments,
        outcome: outcome(result).ok_or("a result that is no number")?,
    })
}

/// The arguments up to the bracket that ends them, and what follows it.
fn split_arguments(text: &[u8]) -> Option<(Vec<Argument>, &[u8])> {
    let mut arguments = Vec::new();
    let (mut depth, mut is_quoted, mut start) = (0_u32, false, 0);
    for (place, byte) in text.iter().enumerate() {
        let ends = match byte {
            b'"' => {
                is_quoted = !is_quoted;
                false
            }
            _ if is_quoted => false,
            b'(' | b'[' | b'{' => {
                depth += 1;
                false
            }
            b')' if depth == 0 => true,
            b')' | b']' | b'}' => {
                depth = depth.checked_sub(1)?;
                false
            }
            b',' => depth == 0,
            _ => false,
        };
        if !ends {
            continue;
        }
        let argument = text[start..place].trim_ascii();
        if !argument.is_empty() {
            arguments.push(Argument(argument.to_vec()));
        }
        if *byte == b')' {
            return Some((arguments, &text[place + 1..]));
        }
        start = place + 1;
    }
    None
}

fn outcome(text: &[u8]) -> Option<Outcome> {
    let end = text.iter().position(|byte| b" <".contains(byte));
    let (head, rest) = text.split_at(end.unwrap_or(text.len()));
    if head == b"?" {
        return Some(Outcome::Unknown);
    }
    let value = number(std::str::from_utf8(head).ok()?)?;
    let rest = rest.trim_ascii_start();
    if value == -1 && rest.first().is_some_and(u8::is_ascii_uppercase) {
        let end = rest.iter().position(|&byte| byte == b' ');
        let error = &rest[..end.unwrap_or(rest.len())];
        return Some(Outcome::Failed(String::from_utf8_lossy(error).into_owned()));
    }
    let path = match rest.first() {
        Some(b'<') => Some(path_in_brackets(rest)?),
        _ => None,
    };
    Some(Outcome::Done(value, path))
}
