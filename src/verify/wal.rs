//! WAL files, read without the engine's code: the chain of files, the chain of records in each
//! file, and the density of commit numbers.

use std::collections::BTreeSet;

use super::bytes::{self, Identity, Kind, Reader, check_preamble};
use super::log::{Chain, Fault, check_marks, check_tail, read_chain, was_begun};
use super::manifest::ManifestFacts;
use super::report::Report;
use crate::commit::Commit;
use crate::error::Result;
use crate::fs::Fs;

/// The first record of a file: the end of the log before it.
#[derive(Clone, Debug)]
struct Header {
    previous: u64,
    previous_end: u64,
    after: u64,
}

/// A file of the log.
struct File {
    number: u64,
    name: String,
    identity: Identity,
    bytes: Vec<u8>,
    header: Header,
    /// Whether a later record proves that the creation of the file was finished.
    is_begun: bool,
}

/// The position of the check between two records.
struct Position {
    /// The last commit that was read, or that is known to precede the next records.
    last: u64,
    /// The number of keyspaces.
    keyspaces: u64,
    /// Their names.
    names: BTreeSet<String>,
}

/// Checks the WAL files with these numbers, ascending, against the manifest's state.
pub(super) fn check(
    fs: &dyn Fs,
    numbers: &[u64],
    state: &ManifestFacts,
    report: &mut Report,
) -> Result<()> {
    let mut files = Vec::new();
    for &number in numbers {
        let name = Kind::Wal.name(number);
        if number < state.oldest_wal {
            report.note(&name, 0, "no older WAL file", "a file that opening removes");
        } else if let Some(file) = read_file(fs, name, number, Some(state.store), report)? {
            files.push(file);
        }
    }
    let files = take_chain(files, state, report);
    let mut position = Position {
        last: 0,
        keyspaces: state.keyspaces.len() as u64,
        names: state.keyspaces.iter().cloned().collect(),
    };
    for (index, file) in files.iter().enumerate() {
        let next = files.get(index + 1).map(|next| next.header.previous_end);
        check_file(file, next, &mut position, state, report);
    }
    report.head = Commit::new(position.last.max(state.flushed_through));
    Ok(())
}

/// Checks the chains of WAL files without a manifest to compare them with.
pub(super) fn check_alone(
    fs: &dyn Fs,
    numbers: &[u64],
    store: Option<u64>,
    report: &mut Report,
) -> Result<()> {
    for &number in numbers {
        if let Some(file) = read_file(fs, Kind::Wal.name(number), number, store, report)? {
            let chain = read_chain(Kind::Wal, number, file.identity, &file.bytes);
            check_tail(&file.name, &chain, report);
        }
    }
    Ok(())
}

/// Reads a file and its header; `None` when its creation was interrupted or its header is damaged.
fn read_file(
    fs: &dyn Fs,
    name: String,
    number: u64,
    store: Option<u64>,
    report: &mut Report,
) -> Result<Option<File>> {
    let Some((file, length)) = bytes::open(fs, &name)? else {
        return Ok(None);
    };
    let bytes = bytes::read(&*file, &name, 0, length)?;
    report.checked.files += 1;
    report.checked.bytes += length;
    let identity = match check_preamble(Kind::Wal, number, &bytes)? {
        Ok(identity) => identity,
        Err((expected, found)) => {
            match store.is_some_and(|store| was_begun(Kind::Wal, number, store, &bytes)) {
                true => report.damage(&name, 0, expected, found),
                false => {
                    let found = format!("{found}: an interrupted creation");
                    report.note(&name, 0, expected, found);
                }
            }
            return Ok(None);
        }
    };
    if let Some(store) = store.filter(|&store| store != identity.store) {
        let found = format!("one of store {:016x}", identity.store);
        report.note(
            &name,
            0,
            format_args!("a file of store {store:016x}"),
            found,
        );
        return Ok(None);
    }
    let chain = read_chain(Kind::Wal, number, identity, &bytes);
    report.checked.records += chain.records.len() as u64;
    check_marks(&name, &chain, report);
    let Some(first) = chain.records.first() else {
        report_no_header(&name, &chain, report);
        return Ok(None);
    };
    let is_begun = chain.is_begun();
    match read_header(first.payload) {
        Ok(header) => Ok(Some(File {
            number,
            name,
            identity,
            bytes,
            header,
            is_begun,
        })),
        Err(found) => {
            report.damage(&name, first.offset, "a WAL header", found);
            Ok(None)
        }
    }
}

fn report_no_header(name: &str, chain: &Chain<'_>, report: &mut Report) {
    match chain.fault.as_ref().filter(|fault| fault.is_damage()) {
        Some(fault) => report.damage(name, fault.offset, &fault.expected, &fault.found),
        None => report.note(name, 0, "a WAL header", "none: an interrupted creation"),
    }
}

fn read_header(payload: &[u8]) -> Result<Header, String> {
    let mut reader = Reader::new(payload);
    let kind = reader.byte("a record kind")?;
    if kind != 0 {
        return Err(format!("record kind {kind}"));
    }
    let header = Header {
        previous: reader.number("the file before")?,
        previous_end: reader.number("where it ends")?,
        after: reader.number("the last commit before")?,
    };
    reader.end()?;
    Ok(header)
}

/// Follows the names of predecessors, from the newest file that was begun down to the file that the
/// manifest needs. Files off this chain are leftovers.
fn take_chain(mut files: Vec<File>, state: &ManifestFacts, report: &mut Report) -> Vec<File> {
    let mut chain: Vec<File> = Vec::new();
    let is_begun = |file: &&File| file.is_begun || file.number == state.oldest_wal;
    let tip = files.iter().rev().find(is_begun);
    let mut wanted = tip.map_or(state.oldest_wal, |file| file.number);
    loop {
        let Ok(position) = files.binary_search_by_key(&wanted, |file| file.number) else {
            let user = chain.last().map_or(&state.name, |file| &file.name);
            let name = Kind::Wal.name(wanted);
            report.damage(
                &name,
                0,
                format_args!("the log that {user} needs"),
                "no usable file",
            );
            break;
        };
        let file = files.remove(position);
        let (number, previous) = (file.number, file.header.previous);
        chain.push(file);
        if number == state.oldest_wal {
            break;
        }
        wanted = previous;
    }
    let is_newer = |file: &&File| chain.first().is_some_and(|tip| file.number > tip.number);
    for file in files.iter().filter(is_newer) {
        // The file was passed over because it has no proof; damage may be the cause.
        let chain = read_chain(Kind::Wal, file.number, file.identity, &file.bytes);
        if chain.fault.as_ref().is_some_and(Fault::is_damage) {
            check_tail(&file.name, &chain, report);
        }
    }
    for file in &files {
        report.note(
            &file.name,
            0,
            "a file of the log",
            "one that opening removes",
        );
    }
    chain.reverse();
    chain
}

/// Checks the records of one file. `sealed_end` is the end that the successor states, if there is
/// one.
fn check_file(
    file: &File,
    sealed_end: Option<u64>,
    position: &mut Position,
    state: &ManifestFacts,
    report: &mut Report,
) {
    let chain = read_chain(Kind::Wal, file.number, file.identity, &file.bytes);
    check_after(file, position, state, report);
    let mut is_closed = false;
    let own = chain.records.iter().skip(1);
    for record in own.filter(|record| sealed_end.is_none_or(|end| record.end <= end)) {
        is_closed = false;
        match check_record(record.payload, position, state) {
            Ok(Some(entries)) => report.checked.entries += entries,
            Ok(None) => is_closed = true,
            Err(found) => {
                let expected = format!("commit {} or a close mark", position.last + 1);
                report.damage(&file.name, record.offset, expected, found);
            }
        }
    }
    match sealed_end {
        Some(end) => check_seal(&file.name, &file.bytes, &chain, end, report),
        None => {
            check_tail(&file.name, &chain, report);
            if !is_closed && chain.fault.is_none() {
                let expected = "a close mark, without which the last record has no witness";
                report.note(&file.name, chain.end, expected, "the end of the file");
            }
        }
    }
}

/// A file must begin where the file before it ends, or behind commits that are all in segment
/// files.
fn check_after(file: &File, position: &mut Position, state: &ManifestFacts, report: &mut Report) {
    let (after, last) = (file.header.after, position.last);
    let is_taken = planted!(VerifyTakesGap) && after > last;
    if after != last && !(last < after && after <= state.flushed_through) && !is_taken {
        let expected = format!("a file that continues after commit {last}");
        let found = format!("after commit {after}");
        report.damage(&file.name, bytes::PREAMBLE, expected, found);
    }
    position.last = after;
}

/// Checks one record behind the header. Returns the number of its entries, or `None` for a close
/// mark.
fn check_record(
    payload: &[u8],
    position: &mut Position,
    state: &ManifestFacts,
) -> Result<Option<u64>, String> {
    let mut reader = Reader::new(payload);
    match reader.byte("a record kind")? {
        1 => {}
        2 => return reader.end().map(|()| None),
        kind => return Err(format!("record kind {kind}")),
    }
    let commit = reader.number("a commit number")?;
    if commit != position.last + 1 {
        return Err(format!("commit {commit}"));
    }
    position.last = commit;
    for _ in 0..reader.number("a count of keyspaces")? {
        let name = reader.text("a keyspace name")?;
        if !position.names.contains(name) {
            if commit <= state.flushed_through {
                return Err(format!(
                    "keyspace {name:?}, which the manifest does not know"
                ));
            }
            position.names.insert(name.to_owned());
            position.keyspaces += 1;
        }
    }
    let entries = check_runs(&mut reader, position.keyspaces)?;
    reader.end()?;
    Ok(Some(entries))
}

/// Keyspaces must ascend, and keys must ascend in each keyspace.
fn check_runs(reader: &mut Reader<'_>, keyspaces: u64) -> Result<u64, String> {
    let mut lowest = 0;
    let mut total = 0;
    for _ in 0..reader.number("a count of keyspaces written to")? {
        let keyspace = reader.number("a keyspace number")?;
        if !(lowest..keyspaces).contains(&keyspace) {
            return Err(format!(
                "keyspace number {keyspace}, not in {lowest}..{keyspaces}"
            ));
        }
        lowest = keyspace + 1;
        let entries = reader.number("a count of entries")?;
        let mut previous: Option<&[u8]> = None;
        for _ in 0..entries {
            let key = reader.string("a key")?;
            if previous.is_some_and(|previous| previous >= key) {
                return Err(format!("key {key:02x?} behind {previous:02x?}"));
            }
            previous = Some(key);
            reader.optional("a value")?;
        }
        if entries == 0 {
            return Err(format!("keyspace number {keyspace} without entries"));
        }
        total += entries;
    }
    Ok(total)
}

/// A sealed file must contain a record that ends exactly at `sealed_end`.
fn check_seal(name: &str, bytes: &[u8], chain: &Chain<'_>, sealed_end: u64, report: &mut Report) {
    let ends_there = chain.records.iter().any(|record| record.end == sealed_end);
    if let Some(fault) = chain
        .fault
        .as_ref()
        .filter(|fault| fault.offset < sealed_end)
    {
        report.damage(name, fault.offset, &fault.expected, &fault.found);
    } else if !ends_there {
        let expected = format!("a record that ends at {sealed_end}, where the next file begins");
        report.damage(
            name,
            chain.end.min(sealed_end),
            expected,
            format!("{} bytes", bytes.len()),
        );
    } else if !is_only_mark_behind(chain, sealed_end) {
        let found = bytes.len() as u64 - sealed_end;
        let found = format!("{found} bytes behind it: cut, or written again in the next file");
        report.note(name, sealed_end, "the end of the file", found);
    }
}

/// Whether only the close mark that proved the end follows `sealed_end`, and room.
fn is_only_mark_behind(chain: &Chain<'_>, sealed_end: u64) -> bool {
    let mut behind = chain
        .records
        .iter()
        .filter(|record| record.end > sealed_end);
    chain.fault.is_none() && behind.all(|record| record.payload == [2])
}
