//! Calls that are to fail: what `strace -e inject` takes, as far as a recording can hold it.
//!
//! `CALLS:error=E:when=N`. A call that is made to fail is not made, so nothing of it reaches the
//! file system. A made-up *success* (`retval=`) would be one, too, and the recording would say
//! otherwise; it is refused, as is what changes arguments or calls.

use std::fmt;
use std::str::FromStr;

use crate::record::CALLS;

/// Calls that are to fail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Injection(String);

impl FromStr for Injection {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut parts = text.split(':');
        let calls = parts.next().unwrap_or_default();
        for call in calls.split(',') {
            if !CALLS.split_whitespace().any(|known| known == call) {
                return Err(format!("{call:?} is no call that is recorded"));
            }
        }
        let mut has_error = false;
        for part in parts {
            let (key, value) = part.split_once('=').unwrap_or((part, ""));
            let is_word = |more: &[u8]| {
                let is_letter = |byte: &u8| byte.is_ascii_alphanumeric() || more.contains(byte);
                !value.is_empty() && value.bytes().all(|byte| is_letter(&byte))
            };
            let is_right = match key {
                "error" => {
                    has_error = true;
                    value.starts_with('E') && is_word(b"")
                }
                "when" => value.starts_with(|first: char| first.is_ascii_digit()) && is_word(b".+"),
                _ => {
                    let why = "only error=E and when=N can be injected: a result that the call did not have \
                        would be in the recording";
                    return Err(format!("{part:?}: {why}"));
                }
            };
            if !is_right {
                return Err(format!("{part:?} is not as in error=EIO or when=3"));
            }
        }
        match has_error {
            true => Ok(Self(text.to_owned())),
            false => Err("it says no error=E".to_owned()),
        }
    }
}

impl fmt::Display for Injection {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::Injection;

    #[test]
    fn only_failures_are_injected() {
        for right in [
            "fdatasync:error=EIO:when=3",
            "fsync,fdatasync:error=ENOSPC",
            "write:when=2..5+2:error=ENOSPC",
        ] {
            let parsed: Injection = right.parse().expect(right);
            assert_eq!(parsed.to_string(), right);
        }
        for wrong in [
            "",
            "fsync",
            "fsync:when=3",
            "getpid:error=EIO",
            "fsync:retval=0",
            "fsync:error=EIO:retval=0",
            "fsync:error=eio",
            "fsync:error=EIO:when=x",
            "fsync:error=EIO:signal=SIGKILL",
            "fsync:error=EIO -o /tmp/x",
        ] {
            let parsed: Result<Injection, String> = wrong.parse();
            assert!(parsed.is_err(), "{wrong}");
        }
    }
}
