//! Many writes in one word: `a/0..1999=4.100` is 2,000 keys, `s8..s900/p0-` is a
//! deletion in each of 893 keyspaces.
//!
//! This is only a notation. A batch holds each write separately, so shrinking and
//! running do not know stretches. In a stretch, each write has the next key or the next
//! keyspace, and the next tag.

use std::fmt;

use crate::history::{Batch, Key, Shape, Value, Write};

/// A shorter stretch is written as single writes, because a few keys are easier to read
/// one by one.
const SHORTEST: usize = 8;
/// The limit of a stretch, so that a typing error is not expensive.
const LONGEST: u32 = 1 << 16;
/// The limit of a value, so that a typing error is not expensive.
pub(super) const MAX_VALUE_BYTES: u32 = 1 << 24;

/// Writes the writes of a batch, with a space before each word.
pub(super) fn print(batch: &Batch, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
    let mut rest = &batch.writes[..];
    while let Some(first) = rest.first() {
        let (length, step) = longest(rest);
        formatter.write_str(" ")?;
        if length < SHORTEST {
            print_word(first.key, first.key, first.value, formatter)?;
            rest = &rest[1..];
        } else {
            let last = step(first, length as u32 - 1).key;
            print_word(first.key, last, first.value, formatter)?;
            rest = &rest[length..];
        }
    }
    Ok(())
}

/// The write at this distance from another write in a stretch.
type Step = fn(&Write, u32) -> Write;

fn next_key(write: &Write, by: u32) -> Write {
    Write {
        key: Key {
            key: write.key.key + by,
            ..write.key
        },
        value: next_tag(write.value, by),
    }
}

fn next_keyspace(write: &Write, by: u32) -> Write {
    Write {
        key: Key {
            keyspace: write.key.keyspace.wrapping_add(by as u16),
            ..write.key
        },
        value: next_tag(write.value, by),
    }
}

fn next_tag(value: Option<Value>, by: u32) -> Option<Value> {
    value.map(|value| Value {
        tag: value.tag.wrapping_add(by),
        ..value
    })
}

/// The longest stretch at the beginning of these writes.
fn longest(writes: &[Write]) -> (usize, Step) {
    let length = |step: Step| {
        let is_next = |(place, write): &(usize, &Write)| step(&writes[0], *place as u32) == **write;
        writes.iter().enumerate().take_while(is_next).count()
    };
    let (keys, keyspaces) = (length(next_key), length(next_keyspace));
    match keys >= keyspaces {
        true => (keys, next_key),
        false => (keyspaces, next_keyspace),
    }
}

fn print_word(
    first: Key,
    last: Key,
    value: Option<Value>,
    formatter: &mut fmt::Formatter<'_>,
) -> fmt::Result {
    formatter.write_str(first.keyspace_name())?;
    if last.keyspace != first.keyspace {
        write!(formatter, "..{}", last.keyspace_name())?;
    }
    write!(formatter, "/{}", first.shape())?;
    if last.key != first.key {
        write!(formatter, "..{}", last.shape())?;
    }
    match value {
        Some(value) => write!(formatter, "={}.{}", value.length, value.tag),
        None => formatter.write_str("-"),
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => write!(formatter, "{number}"),
            Self::Prefix(length) => write!(formatter, "p{length}"),
            Self::High(length) => write!(formatter, "f{length}"),
        }
    }
}

impl fmt::Display for Write {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        print_word(self.key, self.key, self.value, formatter)
    }
}

/// The writes that a word stands for; `None` if the word is not valid.
pub(super) fn parse(word: &str) -> Option<Vec<Write>> {
    let (keyspaces, rest) = word.split_once('/')?;
    let (keys, value) = match rest.split_once('=') {
        Some((keys, value)) => (keys, Some(parse_value(value)?)),
        None => (rest.strip_suffix('-')?, None),
    };
    let (first_keyspace, last_keyspace) = ends(keyspaces, Key::keyspace_named)?;
    let (first_key, last_key) = ends(keys, parse_key)?;
    let first = Write {
        key: Key {
            keyspace: first_keyspace,
            key: first_key,
        },
        value,
    };
    let keys = last_key.checked_sub(first_key)?;
    let keyspaces = u32::from(last_keyspace.checked_sub(first_keyspace)?);
    let (more, step): (u32, Step) = match (keys, keyspaces) {
        (more, 0) => (more, next_key),
        (0, more) => (more, next_keyspace),
        _ => return None,
    };
    (more < LONGEST).then(|| (0..=more).map(|by| step(&first, by)).collect())
}

/// One value, or the first and the last value of a range.
fn ends<T: Copy>(text: &str, parse: impl Fn(&str) -> Option<T>) -> Option<(T, T)> {
    match text.split_once("..") {
        Some((first, last)) => Some((parse(first)?, parse(last)?)),
        None => parse(text).map(|one| (one, one)),
    }
}

fn parse_key(text: &str) -> Option<u32> {
    if let Some(length) = text.strip_prefix('p') {
        return length.parse().ok().map(Key::prefix);
    }
    if let Some(length) = text.strip_prefix('f') {
        return length
            .parse()
            .ok()
            .filter(|&length| length > 0)
            .map(Key::high);
    }
    text.parse::<u16>().ok().map(u32::from)
}

fn parse_value(text: &str) -> Option<Value> {
    let (length, tag) = text.split_once('.')?;
    let value = Value {
        length: length.parse().ok()?,
        tag: tag.parse().ok()?,
    };
    (value.length <= MAX_VALUE_BYTES).then_some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn batch(words: &str) -> Batch {
        let writes = words
            .split_whitespace()
            .flat_map(|word| parse(word).expect(word));
        Batch {
            writes: writes.collect(),
        }
    }

    #[test]
    fn what_is_printed_is_read_as_the_same() {
        for words in [
            " a/0=1.2",
            " a/0- a/p0=0.7 h/p61440=3.4 b/f300-",
            " a/0..1999=4.100",
            " a/0..9- b/p1..p9=0.1 b/f1..f20=70000.3",
            " s8..s900/p0=1.5 s8..s900/p0-",
        ] {
            assert_eq!(batch(words).to_string(), words);
        }
        assert_eq!(batch("a/0..1999=4.100").writes.len(), 2000);
        // A few writes are printed one by one.
        assert_eq!(batch("a/0..2=1.5").to_string(), " a/0=1.5 a/1=1.6 a/2=1.7");
    }

    #[test]
    fn what_is_no_stretch_is_refused() {
        for word in [
            "a/f0-",
            "a/0..=1.1",
            "a/5..4-",
            "a..c/0..3-",
            "a/0..p3-",
            "zz/0-",
            "a/70000-",
            "a/p0..f3-",
        ] {
            assert_eq!(parse(word), None, "{word}");
        }
    }
}
