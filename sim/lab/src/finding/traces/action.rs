//! Reading one action.

use std::num::NonZeroU32;

use super::stretch;
use super::words::{Complaint, Word, any, ends_after, number, setting, word};
use crate::disk::{Fault, FaultKind, Source};
use crate::history::{Batch, Key};
use crate::names::unknown;
use crate::run::plan::{Action, Crash, Moment, Survivors};

pub(super) fn action(words: &[Word<'_>]) -> Result<Action, Complaint> {
    let (column, keyword) = words[0];
    let action = match keyword {
        "commit" => return Ok(Action::Commit(batches(&words[1..])?)),
        "crash" => return Ok(Action::Crash(crash(&words[1..])?)),
        "die" if words.len() > 1 => return die_before(&words[1..]),
        "sync" => Action::Sync,
        "settle" => Action::Settle,
        "reopen" => Action::Reopen,
        "die" => Action::Die,
        "release" => Action::Release,
        "heal" => Action::Heal,
        "run" => Action::Run(word(words, 1, "the name of a task")?.1.to_owned()),
        "lose" => Action::Lose(word(words, 1, "the name of a callback")?.1.to_owned()),
        "read" => Action::Read(number(words, 1, "a commit")?),
        "pin" => Action::Pin(number(words, 1, "a commit")?),
        "set" => {
            let (name, value) = setting(words)?;
            Action::Set(name, value)
        }
        "fault" => {
            let (at, name) = word(words, 1, "the name of a fault")?;
            let kind = FaultKind::named(name)
                .ok_or_else(|| (at, unknown("fault", name, FaultKind::names())))?;
            Action::Fault(Fault {
                kind,
                file: any(word(words, 2, "the beginning of a file's name, or *")?.1),
                at: number::<NonZeroU32>(words, 3, "a number of a matching operation, from 1")?
                    .get(),
                stays: match words.get(4) {
                    None => false,
                    Some((_, "stays")) => true,
                    Some((at, other)) => {
                        return Err((*at, format!("{other:?} is not \"stays\"")));
                    }
                },
            })
        }
        _ => return Err((column, format!("{keyword:?} is not an action"))),
    };
    let used = match &action {
        Action::Set(..) => 3,
        Action::Fault(_) => 5,
        Action::Run(_) | Action::Lose(_) | Action::Read(_) | Action::Pin(_) => 2,
        _ => 1,
    };
    ends_after(words, used).map(|()| action)
}

fn batches(words: &[Word<'_>]) -> Result<Vec<Batch>, Complaint> {
    let mut batches = vec![Batch::default()];
    for &(at, text) in words {
        if text == "|" {
            batches.push(Batch::default());
        } else {
            let writes = stretch::parse(text).ok_or_else(|| (at, no_write(text)))?;
            let batch = batches.last_mut().expect("there is one");
            batch.writes.extend(writes);
        }
    }
    Ok(batches)
}

fn no_write(text: &str) -> String {
    format!(
        "{text:?} is not a write: expected keyspace/key=length.tag or keyspace/key-, with keyspaces from a to h or s8 to s{}, keys up to {}, p0 or f1 to the same number, lengths up to {}; many keys or keyspaces are FIRST..LAST",
        Key::KEYSPACES - 1,
        u16::MAX,
        stretch::MAX_VALUE_BYTES
    )
}

/// The moment after the word "before", if that is the first word, and the remaining
/// words.
fn before<'line, 'words>(
    words: &'words [Word<'line>],
) -> Result<(Option<Moment>, &'words [Word<'line>]), Complaint> {
    let Some(((place, "before"), tail)) = words.split_first() else {
        return Ok((None, words));
    };
    let is_count = |(_, word): &Word<'_>| word.starts_with('#');
    let end = tail.iter().position(is_count).ok_or_else(|| {
        let message = "\"before\" needs an operation and its #number";
        (*place, message.to_owned())
    })?;
    let text: Vec<&str> = tail[..end].iter().map(|(_, word)| *word).collect();
    let (at, count) = tail[end];
    let count = count[1..]
        .parse()
        .map_err(|_| (at, format!("{count:?} is not a number from #1")))?;
    Ok((Some((text.join(" "), count)), &tail[end + 1..]))
}

/// Reads the words after "die".
fn die_before(words: &[Word<'_>]) -> Result<Action, Complaint> {
    match before(words)? {
        (Some(moment), []) => Ok(Action::DieBefore(moment)),
        (Some(_), [(at, extra), ..]) => Err((*at, format!("{extra:?} is more than die takes"))),
        (None, _) => Err((words[0].0, format!("{:?} is not \"before\"", words[0].1))),
    }
}

fn crash(words: &[Word<'_>]) -> Result<Crash, Complaint> {
    let (before, mut rest) = before(words)?;
    let mut fill = "zero".to_owned();
    if let Some(position) = rest.iter().position(|(_, word)| *word == "fill") {
        let (at, name) = word(rest, position + 1, "zero, garbage or stale")?;
        let fills = ["zero", "garbage", "stale"];
        if !fills.contains(&name) {
            return Err((at, unknown("fill", name, fills.into_iter())));
        }
        fill = name.to_owned();
        let mut end = position + 2;
        if name == "stale"
            && let Some((at, text)) = rest.get(end)
        {
            let source = Source::parse(text)
                .ok_or_else(|| (*at, format!("{text:?} is no NAME#number of a file")))?;
            fill = format!("stale {source}");
            end += 1;
        }
        if let Some((at, text)) = rest.get(end) {
            return Err((*at, format!("{text:?} behind a fill")));
        }
        rest = &rest[..position];
    }
    let survivors = match rest.split_first() {
        None => Survivors::AllBut(Vec::new()),
        Some(((_, verb @ ("lose" | "keep")), labels)) => {
            let labels = labels
                .iter()
                .map(|(_, label)| (*label).to_owned())
                .collect();
            if *verb == "lose" {
                Survivors::AllBut(labels)
            } else {
                Survivors::Only(labels)
            }
        }
        Some(((at, other), _)) => {
            return Err((*at, format!("{other:?} is not lose, keep or fill")));
        }
    };
    Ok(Crash {
        before,
        survivors,
        fill,
    })
}
