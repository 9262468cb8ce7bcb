//! The effect of each message on the log.

use std::path::PathBuf;

use lithify_sim::system::Failure;
use lithify_specimens::snapshot_log::{MAX_PAYLOAD_BYTES, Segment, Shared, SnapshotLog, Texts};

use super::message::{Answer, Code, Fields, Json, Refusal, Request};
use super::{benchmark, recover};

/// The largest configurable length of a segment, in bytes.
const MAX_SEGMENT_BYTES: u64 = 1 << 30;

type Log = SnapshotLog<Texts>;

/// A node: a log on a disk, and the number of answers so far.
pub(super) struct Node {
    store: Shared<Texts>,
    directory: PathBuf,
    /// The name of the node, after `init`.
    id: Option<String>,
    answers: u64,
}

impl Node {
    pub(super) fn new(store: Shared<Texts>, directory: PathBuf) -> Self {
        Self {
            store,
            directory,
            id: None,
            answers: 0,
        }
    }

    /// The answer to a line.
    pub(super) fn answer(&mut self, line: &[u8]) -> Vec<u8> {
        let (request, understood) = Request::parse(line);
        let done = understood.and_then(|()| self.perform(&request));
        self.reply(&request, done)
    }

    /// The answer to a line that was too long to be read.
    pub(super) fn refuse_line(&mut self, max_bytes: usize) -> Vec<u8> {
        let text = format!("the line is longer than {max_bytes} bytes");
        self.reply(&Request::default(), Err(Code::Malformed.because(text)))
    }

    fn reply(&mut self, request: &Request, done: Result<Fields, Refusal>) -> Vec<u8> {
        let (kind, fields) = match done {
            Ok(fields) => (format!("{}_ok", request.kind), fields),
            Err(refusal) => {
                let code = Json::from(refusal.code as u64);
                let fields = vec![("code", code), ("text", refusal.text.into())];
                ("error".to_owned(), fields)
            }
        };
        let msg_id = self.answers;
        self.answers += 1;
        Answer {
            // Before `init` the node uses the name in the message.
            src: self.id.as_ref().unwrap_or(&request.dest),
            dest: &request.src,
            kind,
            in_reply_to: request.msg_id.clone(),
            fields,
            msg_id,
        }
        .line()
    }

    fn perform(&mut self, request: &Request) -> Result<Fields, Refusal> {
        if request.kind != "init" {
            self.check_destination(request)?;
        }
        match request.kind.as_str() {
            "init" => self.init(request),
            "wal_recover" => recover::recover(request.list("wal_entries")?),
            "fsync_benchmark" => benchmark::run(&self.directory, request),
            // The whole request runs at once, so that no snapshot begins in the middle
            // of it.
            _ => self.store.with(|store| perform(store, request)),
        }
    }

    fn init(&mut self, request: &Request) -> Result<Fields, Refusal> {
        let given = request.text("node_id")?;
        if let Some(id) = self.id.as_ref().filter(|id| *id != given) {
            return Err(Code::PreconditionFailed.because(format!(
                "this node is {id} already and cannot become {given}; nothing was changed"
            )));
        }
        if request.dest != given {
            return Err(Code::Malformed.because(format!(
                "the message is for {}, and names the node {given}; nothing was changed",
                request.dest
            )));
        }
        self.id = Some(given.to_owned());
        Ok(Vec::new())
    }

    /// A node with a name accepts only messages for this name. A node without a name
    /// accepts all messages.
    fn check_destination(&self, request: &Request) -> Result<(), Refusal> {
        match &self.id {
            Some(id) if *id != request.dest => Err(Code::NodeNotFound.because(format!(
                "the message is for {}, this node is {id}; nothing was done",
                request.dest
            ))),
            _ => Ok(()),
        }
    }
}

/// Performs a message about the log.
fn perform(store: &mut Log, request: &Request) -> Result<Fields, Refusal> {
    match request.kind.as_str() {
        "wal_append" => append(store, request),
        "wal_read" => read(store, request),
        "wal_info" => Ok(info(store)),
        "wal_segment_config" => configure(store, request),
        "wal_segment_info" => Ok(segment_info(store)),
        "wal_snapshot" => snapshot(store),
        "wal_compact" => compact(store, request),
        unknown => Err(Code::NotSupported.because(format!("unknown type {unknown:?}"))),
    }
}

/// Finishes the work in progress: work that was just begun, or a snapshot of the
/// schedule.
fn finish(store: &mut Log) -> Result<(), Refusal> {
    while store.step().map_err(crash)? {}
    Ok(())
}

/// Appends and syncs one entry.
fn append(store: &mut Log, request: &Request) -> Result<Fields, Refusal> {
    let payload = request.text("payload")?;
    if payload.len() > MAX_PAYLOAD_BYTES {
        return Err(Code::Malformed.because(format!(
            "the payload has {} bytes, more than {MAX_PAYLOAD_BYTES}; nothing was written",
            payload.len()
        )));
    }
    let offset = store.next_offset();
    let payload = payload.as_bytes().to_vec();
    let (length, checksum) = (payload.len(), checksum(&payload));
    store.append(&[payload]).map_err(crash)?;
    Ok(vec![
        ("offset", offset.into()),
        ("length", length.into()),
        ("checksum", checksum.into()),
    ])
}

fn read(store: &Log, request: &Request) -> Result<Fields, Refusal> {
    let offset = request.number("offset", 0..=u64::MAX)?;
    let stored = store.read(offset).map_err(crash)?.ok_or_else(|| {
        let (first, next) = (first_offset(store), store.next_offset());
        let held = match next.checked_sub(first + 1) {
            None => format!("it is empty, and the next entry is {next}"),
            Some(_) => format!("it holds entries {first} to {}", next - 1),
        };
        Code::NoSuchKey.because(format!("the log has no entry {offset}: {held}"))
    })?;
    let payload = String::from_utf8_lossy(&stored.payload).into_owned();
    Ok(vec![
        ("payload", payload.into()),
        ("checksum_valid", stored.is_valid.into()),
    ])
}

fn info(store: &Log) -> Fields {
    vec![
        ("entries", entries(store).into()),
        ("total_bytes", log_bytes(store).into()),
        ("fsynced", store.is_synced().into()),
    ]
}

fn configure(store: &mut Log, request: &Request) -> Result<Fields, Refusal> {
    let bytes = request.number("max_segment_bytes", 1..=MAX_SEGMENT_BYTES)?;
    store.set_segment_bytes(bytes);
    Ok(vec![("max_segment_bytes", bytes.into())])
}

fn segment_info(store: &Log) -> Fields {
    let segments = store.segments();
    let active = segments.last().map(Segment::file_name);
    let last = segments.len() - 1;
    let describe = |(position, segment): (usize, &Segment)| {
        Json::Object(vec![
            ("file", segment.file_name().into()),
            ("start_offset", segment.start.into()),
            ("end_offset", segment.end().into()),
            ("size_bytes", segment.bytes.into()),
            ("sealed", (position < last).into()),
        ])
    };
    let segments = segments.iter().enumerate().map(describe).collect();
    vec![
        ("segments", Json::List(segments)),
        ("active_segment", active.into()),
    ]
}

/// Takes a snapshot of the whole state. Returns when the snapshot is durable.
fn snapshot(store: &mut Log) -> Result<Fields, Refusal> {
    finish(store)?;
    store.begin_snapshot(false);
    finish(store)?;
    let snapshot = store.snapshot();
    let snapshot = snapshot.expect("the steps of a snapshot have ended with one");
    Ok(vec![
        ("snapshot_offset", snapshot.offset.into()),
        ("snapshot_size_bytes", snapshot.bytes.into()),
    ])
}

/// Removes the segments before an offset that a durable snapshot covers.
fn compact(store: &mut Log, request: &Request) -> Result<Fields, Refusal> {
    let offset = request.number("snapshot_at_offset", 0..=u64::MAX)?;
    let newest = store.snapshot();
    if newest.is_none_or(|newest| newest.offset < offset) {
        let newest = match newest {
            Some(newest) => format!("the newest durable snapshot is at {}", newest.offset),
            None => "there is no durable snapshot".to_owned(),
        };
        return Err(Code::PreconditionFailed.because(format!(
            "cannot compact at {offset}: {newest}; nothing was changed"
        )));
    }
    finish(store)?;
    let (entries_before, bytes_before) = (entries(store), log_bytes(store));
    store.begin_truncation(offset);
    finish(store)?;
    Ok(vec![
        ("snapshot_offset", offset.into()),
        ("entries_before", entries_before.into()),
        ("entries_after", entries(store).into()),
        ("bytes_freed", (bytes_before - log_bytes(store)).into()),
    ])
}

fn first_offset(store: &Log) -> u64 {
    store.segments().first().map_or(0, |first| first.start)
}

/// The number of entries in the log, without compacted entries.
fn entries(store: &Log) -> u64 {
    store.next_offset() - first_offset(store)
}

fn log_bytes(store: &Log) -> u64 {
    store.segments().iter().map(|it| it.bytes).sum()
}

/// The CRC-32 of a payload as shown in answers: eight hexadecimal digits.
pub(super) fn checksum(payload: &[u8]) -> String {
    format!("{:08x}", crc32fast::hash(payload))
}

/// A failure of the disk or of the log: it is not known whether the request was done.
fn crash(failure: Failure) -> Refusal {
    Code::Crash.because(failure.to_string())
}
