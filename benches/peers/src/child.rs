//! One measurement, in the process that the harness has started for it.
//!
//! The task comes as JSON on the command line, the figures go as one line of JSON to the
//! standard output. A child that makes a store to be killed on says that it is ready and then
//! waits for the kill.

use std::io::Read as _;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::Result;
use crate::contestant::Contestant;
use crate::data::Data;
use crate::engine::{Durability, Engine, Setup};
use crate::engines;
use crate::figure::Figure;
use crate::growth;
use crate::row::{Row, Source};
use crate::sizes::Sizes;
use crate::workloads;

/// What a child has to do.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Task {
    /// The part of it.
    pub(crate) work: Work,
    /// Who plays.
    pub(crate) contestant: Contestant,
    /// A directory that exists.
    pub(crate) directory: PathBuf,
    /// How much.
    pub(crate) sizes: Sizes,
}

/// The part of a row that a child does.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Work {
    /// Makes the store that a row begins with.
    Load(Source),
    /// Plays the row.
    Play(Row),
    /// One case of growth, with this many times N.
    Grow(growth::Case, u64),
}

/// Does the task that `text` describes.
pub(crate) fn run(text: &str) -> Result<()> {
    let task: Task = serde_json::from_str(text)?;
    let figures = play(&task)?;
    println!("{}", serde_json::to_string(&figures)?);
    if matches!(task.work, Work::Load(Source::Killed)) {
        // Until the harness kills this process, or has gone itself.
        std::io::stdin().read_to_end(&mut Vec::new())?;
    }
    Ok(())
}

/// Does `task` in this process.
pub(crate) fn play(task: &Task) -> Result<Vec<Figure>> {
    let stage = Stage {
        data: Data::new(task.sizes.value_bytes),
        task,
    };
    match task.work {
        Work::Load(source) => workloads::load(&stage, source).map(|()| Vec::new()),
        Work::Play(row) => workloads::play(&stage, row),
        Work::Grow(case, factor) => Ok(vec![case.play(&task.directory, &task.sizes, factor)?]),
    }
}

/// What every workload is given.
pub(crate) struct Stage<'a> {
    /// Keys and values.
    pub(crate) data: Data,
    /// Directory, sizes and contestant.
    pub(crate) task: &'a Task,
}

impl Stage<'_> {
    /// Opens the store of the contestant in the directory of the task.
    pub(crate) fn open(&self, durability: Durability) -> Result<Box<dyn Engine>> {
        self.open_with(durability, None)
    }

    /// The same, with `log_bytes` of entries that stay in the log.
    pub(crate) fn open_with(
        &self,
        durability: Durability,
        log_bytes: Option<u64>,
    ) -> Result<Box<dyn Engine>> {
        let contestant = &self.task.contestant;
        let open = engines::find(&contestant.engine)
            .and_then(|entry| entry.open)
            .ok_or_else(|| format!("this build has no engine called {}", contestant.engine))?;
        let setup = Setup {
            durability,
            cache_bytes: self.task.sizes.cache_mb << 20,
            log_bytes,
            variant: contestant.variant,
        };
        open(&self.task.directory, &setup)
    }

    /// How much to do.
    pub(crate) fn sizes(&self) -> &Sizes {
        &self.task.sizes
    }
}
