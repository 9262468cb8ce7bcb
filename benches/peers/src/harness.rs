//! Starts a child for each measurement, engines in turn inside a window, and collects figures.
//!
//! The order of engines moves on by one from window to window, so that none is always the one
//! that plays after a busy neighbour. A measurement that fails is reported and left out; the
//! others go on. Stores that are only read are made once and serve all windows.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde::{Deserialize, Serialize};
use tempfile::TempDir;

use crate::Result;
use crate::arguments::Arguments;
use crate::child::{Task, Work};
use crate::contestant::{Contestant, Variant};
use crate::engines::{self, LITHIFY};
use crate::figure::{Figure, text};
use crate::growth;
use crate::report;
use crate::row::{Row, Source};
use crate::sizes::Sizes;

/// All figures of one contestant in one row and window.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Measurement {
    /// From 0.
    pub(crate) window: u64,
    /// What was played.
    pub(crate) row: Row,
    /// Who played.
    pub(crate) contestant: Contestant,
    /// The first one is what the row is about.
    pub(crate) figures: Vec<Figure>,
}

/// Seconds of a case of growth with this many times N.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Growth {
    /// What grew.
    pub(crate) case: growth::Case,
    /// N.
    pub(crate) n: u64,
    /// In the order of `growth::FACTORS`, of each window.
    pub(crate) seconds: Vec<Vec<f64>>,
}

/// What a whole run has found.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Results {
    /// As on the command line.
    pub(crate) sizes: Sizes,
    /// How many there were.
    pub(crate) windows: u64,
    /// Engines that could have played and were left out, because of the build or the command line.
    pub(crate) absent: Vec<String>,
    /// In the order of play.
    pub(crate) measurements: Vec<Measurement>,
    /// Of the row `growth`.
    pub(crate) growth: Vec<Growth>,
    /// What went wrong.
    pub(crate) failures: Vec<String>,
}

/// Plays what the command line asks for, and prints the report.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let engines = chosen_engines(&arguments.engines)?;
    let parent = match &arguments.dir {
        Some(directory) => directory.clone(),
        None => target_directory()?,
    };
    fs::create_dir_all(&parent)?;
    let mut harness = Harness {
        stores: tempfile::Builder::new()
            .prefix("peers-")
            .tempdir_in(&parent)?,
        loaded: BTreeMap::new(),
        results: Results {
            sizes: arguments.sizes(),
            windows: arguments.windows(),
            absent: engines::all()
                .iter()
                .map(|entry| entry.name.to_owned())
                .filter(|name| !engines.contains(name))
                .collect(),
            measurements: Vec::new(),
            growth: Vec::new(),
            failures: Vec::new(),
        },
    };
    let all_rows = <Row as clap::ValueEnum>::value_variants();
    let rows = if arguments.rows.is_empty() {
        all_rows
    } else {
        &arguments.rows
    };
    for window in 0..arguments.windows() {
        for &row in rows.iter().filter(|row| **row != Row::Growth) {
            harness.play_row(row, window, &engines);
        }
        // After each window, so that a run that is broken off is not lost.
        harness.write(arguments)?;
    }
    if rows.contains(&Row::Growth) && engines.iter().any(|name| name == LITHIFY) {
        harness.play_growth();
    }
    report::print(&harness.results);
    harness.write(arguments)?;
    match harness.results.failures.len() {
        0 => Ok(()),
        count => Err(format!("{count} measurements failed: see above").into()),
    }
}

/// The names that were asked for, or all that this build has.
fn chosen_engines(asked: &[String]) -> Result<Vec<String>> {
    let known = engines::all();
    for name in asked {
        match known.iter().find(|entry| entry.name == name) {
            None => {
                let names: Vec<_> = known.iter().map(|entry| entry.name).collect();
                return Err(
                    format!("no engine is called {name}; there are {}", names.join(", ")).into(),
                );
            }
            Some(entry) if entry.open.is_none() => {
                return Err(format!("this build has no {name}: add --features {name}").into());
            }
            Some(_) => {}
        }
    }
    Ok(known
        .iter()
        .filter(|entry| entry.open.is_some())
        .map(|entry| entry.name.to_owned())
        .filter(|name| asked.is_empty() || asked.contains(name))
        .collect())
}

/// The directory of build results that this program lies in: `target` for most people.
fn target_directory() -> Result<PathBuf> {
    let program = std::env::current_exe()?;
    // target, profile, deps, program
    let directory = program
        .ancestors()
        .nth(3)
        .ok_or("this program lies in no target directory: say --dir")?;
    Ok(directory.to_owned())
}

struct Harness {
    stores: TempDir,
    loaded: BTreeMap<(Source, Contestant), PathBuf>,
    results: Results,
}

impl Harness {
    fn play_row(&mut self, row: Row, window: u64, engines: &[String]) {
        let mut contestants: Vec<_> = engines
            .iter()
            .flat_map(|name| contestants(row, name))
            .collect();
        if !contestants.is_empty() {
            let first = window as usize % contestants.len();
            contestants.rotate_left(first);
        }
        for contestant in contestants {
            let played = self.play(row, &contestant);
            let place = format!("window {}, {}, {contestant}", window + 1, row.name());
            match played {
                Ok(figures) => {
                    let figure = &figures[0];
                    eprintln!(
                        "{place}: {} {}",
                        text(figure.value, figure.unit),
                        figure.name
                    );
                    self.results.measurements.push(Measurement {
                        window,
                        row,
                        contestant,
                        figures,
                    });
                }
                Err(error) => self.fail(format!("{place}: {error}")),
            }
        }
    }

    fn write(&self, arguments: &Arguments) -> Result<()> {
        match &arguments.out {
            Some(directory) => report::write(&self.results, directory),
            None => Ok(()),
        }
    }

    fn fail(&mut self, message: String) {
        eprintln!("FAILED {message}");
        self.results.failures.push(message);
    }

    fn play(&mut self, row: Row, contestant: &Contestant) -> Result<Vec<Figure>> {
        match row.source() {
            None => {
                let directory = self.directory()?;
                self.measure(Work::Play(row), contestant, directory.path())
            }
            Some(Source::Killed) => {
                let directory = self.directory()?;
                self.load_and_kill(contestant, directory.path())?;
                self.measure(Work::Play(row), contestant, directory.path())
            }
            Some(source) => {
                let directory = self.loaded_store(source, contestant.loader())?;
                self.measure(Work::Play(row), contestant, &directory)
            }
        }
    }

    fn play_growth(&mut self) {
        let contestant = Contestant {
            engine: LITHIFY.to_owned(),
            variant: Variant::Default,
        };
        for case in growth::Case::ALL {
            let mut seconds = vec![Vec::new(); growth::FACTORS.len()];
            for _ in 0..self.results.windows {
                for (times, factor) in seconds.iter_mut().zip(growth::FACTORS) {
                    let figures = self.directory().and_then(|directory| {
                        self.measure(Work::Grow(case, factor), &contestant, directory.path())
                    });
                    match figures {
                        Ok(figures) => times.extend(figures.iter().map(|figure| figure.value)),
                        Err(error) => self.fail(format!("growth, {}: {error}", case.title())),
                    }
                }
            }
            eprintln!("growth, {}: {seconds:.3?}", case.title());
            self.results.growth.push(Growth {
                case,
                n: case.n(&self.results.sizes),
                seconds,
            });
        }
    }

    /// An empty directory.
    fn directory(&self) -> Result<TempDir> {
        Ok(TempDir::new_in(self.stores.path())?)
    }

    /// A store that all windows read.
    fn loaded_store(&mut self, source: Source, loader: Contestant) -> Result<PathBuf> {
        let place = (source, loader);
        if let Some(directory) = self.loaded.get(&place) {
            return Ok(directory.clone());
        }
        let directory = self.directory()?.keep();
        self.measure(Work::Load(source), &place.1, &directory)?;
        self.loaded.insert(place, directory.clone());
        Ok(directory)
    }

    fn measure(
        &self,
        work: Work,
        contestant: &Contestant,
        directory: &Path,
    ) -> Result<Vec<Figure>> {
        let output = self
            .child(work, contestant, directory)?
            .stderr(Stdio::inherit())
            .output()?;
        if !output.status.success() {
            return Err(format!("the child ended with {}", output.status).into());
        }
        Ok(serde_json::from_slice(&output.stdout)?)
    }

    /// Makes a store and ends its process in the middle.
    fn load_and_kill(&self, contestant: &Contestant, directory: &Path) -> Result<()> {
        let mut child = self
            .child(Work::Load(Source::Killed), contestant, directory)?
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let stdout = child.stdout.take().expect("the standard output is a pipe");
        let mut line = String::new();
        BufReader::new(stdout).read_line(&mut line)?;
        child.kill()?;
        let status = child.wait()?;
        match line.is_empty() {
            true => Err(format!("the child that makes the store ended with {status}").into()),
            false => Ok(()),
        }
    }

    fn child(&self, work: Work, contestant: &Contestant, directory: &Path) -> Result<Command> {
        let task = Task {
            work,
            contestant: contestant.clone(),
            directory: directory.to_owned(),
            sizes: self.results.sizes.clone(),
        };
        let mut command = Command::new(std::env::current_exe()?);
        command.arg("--task").arg(serde_json::to_string(&task)?);
        Ok(command)
    }
}

/// With which options the engine called `name` plays `row`.
fn contestants(row: Row, name: &str) -> impl Iterator<Item = Contestant> {
    row.variants(name).iter().map(|&variant| Contestant {
        engine: name.to_owned(),
        variant,
    })
}
