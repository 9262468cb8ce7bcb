//! The outcome of a command in the formats that systems for continuous integration read:
//! `--junit`, `--sarif` and `--github`.
//!
//! A command that looks for findings flattens [`IntegrationArguments`] into its arguments, checks
//! the [`places`](IntegrationArguments::places) before it begins, and gives the [`Facts`] to
//! [`Places::begin`] and [`Places::write`] around its text at the end. This file decides nothing
//! about a run: exit codes and text are the same with and without these formats.
//!
//! Invariant: the files depend on the facts only. They hold no date and no name of a machine;
//! JUnit alone holds the seconds that the run took.

mod annotations;
mod facts;
mod job_summary;
mod junit;
mod of_campaign;
mod sarif;

use std::path::{Path, PathBuf};

use clap::Args;

pub use self::facts::{Excuse, Facts, Finding, Part, Rule, Shortfall};
pub(super) use self::of_campaign::of_campaign;
use super::args::{Format, FormatArgument};
use super::exit::{Exit, Outcome};
use super::output::Output;
use super::trace_file::Place;

/// The formats for continuous integration, as arguments.
#[derive(Args, Clone, Debug)]
pub struct IntegrationArguments {
    /// Also write the outcome as JUnit XML: a failure for each signature
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
    /// Also write the findings as SARIF 2.1.0, for code scanning
    #[arg(long, value_name = "FILE")]
    sarif: Option<PathBuf>,
    /// Also print annotations for GitHub Actions, and append a summary to the file that the
    /// environment variable GITHUB_STEP_SUMMARY names
    #[arg(long)]
    github: bool,
}

impl IntegrationArguments {
    /// The places of all files, which are checked: a file that cannot be written is refused
    /// before the work begins.
    ///
    /// # Errors
    /// If a file cannot be written, if two arguments name one file, or if annotations would
    /// stand in the JSON of the standard output.
    pub fn places(&self, format: &FormatArgument) -> Outcome<Places> {
        if self.github && format.format == Format::Json {
            let message = "--github prints lines for GitHub, which would stand behind the JSON: \
                           leave out --format json, or --github";
            return Err(Exit::Usage.because(message));
        }
        if self.junit.is_some() && self.junit == self.sarif {
            return Err(Exit::Usage.because("--junit and --sarif name one file"));
        }
        let place = |path: &Option<PathBuf>, what| {
            let path: Option<&Path> = path.as_deref();
            path.map(|path| Place::check(path, what)).transpose()
        };
        Ok(Places {
            junit: place(&self.junit, "the JUnit file")?,
            sarif: place(&self.sarif, "the SARIF file")?,
            github: self.github.then(job_summary::place).transpose()?,
        })
    }
}

/// Where the formats are written.
#[derive(Debug)]
pub struct Places {
    junit: Option<Place>,
    sarif: Option<Place>,
    /// With `--github`: the file of the job summary, if the environment names one.
    github: Option<Option<Place>>,
}

impl Places {
    /// Whether a format is wanted.
    #[must_use]
    pub fn are_wanted(&self) -> bool {
        self.junit.is_some() || self.sarif.is_some() || self.github.is_some()
    }

    /// Prints what has to stand before the text of a run.
    ///
    /// # Errors
    /// If the output cannot be written.
    pub fn begin(&self, facts: &Facts, output: &mut Output) -> Outcome {
        match self.github {
            Some(_) => output.line(annotations::around(facts)[0].as_bytes()),
            None => Ok(()),
        }
    }

    /// Writes the files, and prints the annotations behind the text of the run.
    ///
    /// # Errors
    /// If a file cannot be written any more, or the output cannot be written.
    pub fn write(self, facts: &Facts, output: &mut Output) -> Outcome {
        if let Some(place) = self.junit {
            place.keep_text(&junit::document(facts))?;
        }
        if let Some(place) = self.sarif {
            place.keep_text(&sarif::document(facts))?;
        }
        let Some(summary) = self.github else {
            return Ok(());
        };
        if let Some(place) = summary {
            place.append_text(&job_summary::document(facts))?;
        }
        let [_, end] = annotations::around(facts);
        for line in [end].into_iter().chain(annotations::lines(facts)) {
            output.line(line.as_bytes())?;
        }
        Ok(())
    }
}
