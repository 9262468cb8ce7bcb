//! A store of one's own in the laboratory: crashed everywhere, judged, and, when it is
//! wrong, with the reason.
//!
//!     cargo run --release -p lithify-sim --example own_system
//!     cargo run --release -p lithify-sim --example own_system -- forgetful
//!
//! The store is one file, `log`, with a line for each commit: a checksum, and what the
//! commit writes. The second command leaves out the sync of the directory: the lines are
//! on the disk, and the name of the file may not be.
//!
//! Faults, other workloads and other persistence models are fields of the campaign.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use lithify::fs::whole::{read_exact_at, write_all_at};
use lithify::fs::{Access, File, Fs};
use lithify_sim::campaign::Campaign;
use lithify_sim::explain::explain;
use lithify_sim::history::{Batch, State, Write};
use lithify_sim::shrink::shrink;
use lithify_sim::stop::Stop;
use lithify_sim::system::{Engine, Failure, Instance, Setting, Settings, System};

/// The kind of store, as the laboratory knows it. It has nothing to choose, so it is its
/// own engine.
#[derive(Clone, Copy)]
struct TinyLog {
    syncs_directory: bool,
}

/// An open store.
struct OpenLog {
    file: Arc<dyn File>,
    length_bytes: u64,
    head: u64,
    state: State,
}

impl System for TinyLog {
    fn name(&self) -> &'static str {
        "tiny-log"
    }

    fn about(&self) -> &'static str {
        "one file with a checked line for each commit"
    }

    fn settings(&self) -> &'static [Setting] {
        &[]
    }

    fn configure(&self, _: &Settings) -> Result<Arc<dyn Engine>, String> {
        Ok(Arc::new(*self))
    }
}

impl Engine for TinyLog {
    fn open(&self, fs: Arc<dyn Fs>) -> Result<Box<dyn Instance>, Failure> {
        let file = match fs.open("log", Access::Write) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => fs.create("log"),
            found => found,
        };
        let store = file.and_then(OpenLog::recover).map_err(failure)?;
        if self.syncs_directory {
            fs.sync_dir("").map_err(failure)?;
        }
        Ok(Box::new(store))
    }
}

impl OpenLog {
    /// Reads the lines up to the first that is not whole, and cuts off the rest.
    fn recover(file: Arc<dyn File>) -> io::Result<Self> {
        let mut bytes = vec![0; file.len()? as usize];
        read_exact_at(&*file, 0, &mut bytes)?;
        let mut store = Self {
            file,
            length_bytes: 0,
            head: 0,
            state: State::new(),
        };
        for line in bytes.split_inclusive(|byte| *byte == b'\n') {
            let Some(writes) = parse(line) else { break };
            store.apply(line, writes);
        }
        store.file.set_len(store.length_bytes)?;
        // What another process wrote before it died can be read, and may not be durable.
        store.file.sync()?;
        Ok(store)
    }

    fn apply(&mut self, line: &[u8], writes: Writes) {
        self.length_bytes += line.len() as u64;
        self.head += 1;
        for (key, value) in writes {
            match value {
                Some(value) => self.state.insert(key, value),
                None => self.state.remove(&key),
            };
        }
    }
}

impl Instance for OpenLog {
    fn commit(&mut self, batches: &[Batch]) -> Result<u64, Failure> {
        let all: Vec<Writes> = batches.iter().map(writes).collect();
        let lines: Vec<String> = all.iter().map(line).collect();
        let bytes = lines.concat();
        write_all_at(&*self.file, self.length_bytes, bytes.as_bytes()).map_err(failure)?;
        self.file.sync_data().map_err(failure)?;
        for (line, writes) in lines.iter().zip(all) {
            self.apply(line.as_bytes(), writes);
        }
        Ok(self.head)
    }

    fn head(&self) -> u64 {
        self.head
    }

    /// Nothing to do: commits are durable when they return. (With a sync here the
    /// laboratory objects: nothing was written since the last one.)
    fn sync(&mut self) -> Result<(), Failure> {
        Ok(())
    }

    fn state_at(&mut self, commit: u64) -> Result<Option<State>, Failure> {
        Ok((commit == self.head).then(|| self.state.clone()))
    }

    /// There is no background work, and the file shows all the rest.
    fn progress(&self) -> String {
        String::new()
    }

    fn close(self: Box<Self>) -> Result<(), Failure> {
        Ok(())
    }
}

fn failure(error: io::Error) -> Failure {
    Failure::Disk(format!("log: {error}"))
}

/// What a commit writes: keyspace and key, and the value unless the key is deleted.
type Writes = Vec<((String, Vec<u8>), Option<Vec<u8>>)>;

fn writes(batch: &Batch) -> Writes {
    let write = |write: &Write| {
        let key = (write.key.keyspace_name().to_owned(), write.key.bytes());
        (key, write.value.map(|value| value.bytes()))
    };
    batch.writes.iter().map(write).collect()
}

/// A commit as a line of the log.
fn line(writes: &Writes) -> String {
    let json = serde_json::to_string(writes).expect("strings and bytes are JSON");
    format!("{} {json}\n", crc32fast::hash(json.as_bytes()))
}

/// What a line says, if it is whole.
fn parse(line: &[u8]) -> Option<Writes> {
    let line = str::from_utf8(line.strip_suffix(b"\n")?).ok()?;
    let (checksum, json) = line.split_once(' ')?;
    let is_whole = checksum.parse() == Ok(crc32fast::hash(json.as_bytes()));
    serde_json::from_str(json).ok().filter(|_| is_whole)
}

static CAREFUL: TinyLog = TinyLog {
    syncs_directory: true,
};
static FORGETFUL: TinyLog = TinyLog {
    syncs_directory: false,
};

fn main() -> Result<(), String> {
    let system = match std::env::args().nth(1).as_deref() {
        None => &CAREFUL,
        Some("forgetful") => &FORGETFUL,
        Some(other) => return Err(format!("unknown argument {other}")),
    };
    let (ledger, found) = Campaign::new(system).run(0..100);
    for (model, coverage) in &ledger.coverage {
        println!("{} seeds, {model}: {coverage}", ledger.seeds);
    }
    println!("{} recoveries with all oracles", ledger.recovered);
    let Some(found) = found else {
        println!("nothing found");
        return Ok(());
    };
    println!("seed {}: {}\n", found.seed, found.finding);
    let small = shrink(&found.plan, Stop::after(Duration::from_secs(10)))?.plan;
    println!("{small}");
    for pivot in explain(&small, &Stop::never())?.pivots {
        println!("{pivot}");
    }
    Ok(())
}
