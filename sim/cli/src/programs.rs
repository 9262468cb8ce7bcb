//! What the commands about recorded programs share.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};
use lithify_programs::Recording;
use lithify_programs::checker::{Checker, Judge, Restart};
use lithify_programs::crash::{Options, Verdicts, check_checker};
use lithify_programs::failure::{Failure as ProgramFailure, Matter};
use lithify_programs::recording::Header;
use lithify_programs::steps::AfterFailedSync;
use lithify_sim::cli::exit::{Exit, Failure, Outcome};
use lithify_sim::cli::{ChosenModels, models, stop_on_interrupt, threads};
use lithify_sim::disk::Budget;
use lithify_sim::stop::Stop;

/// A failure of the recorder, with the exit code of its kind.
pub(crate) fn of_programs(failure: ProgramFailure) -> Failure {
    let exit = match failure.matter {
        Matter::Usage => Exit::Usage,
        Matter::Input => Exit::Input,
        Matter::Io => Exit::Io,
        Matter::Unfinished => Exit::Unfinished,
    };
    exit.because(failure.message)
}

/// What a recording does not hold, a line each.
pub(crate) fn notes(header: &Header) -> Vec<String> {
    let gaps = header.gaps.iter().map(ToString::to_string);
    let mut notes: Vec<String> = gaps
        .map(|gap| format!("not in the images: {gap}"))
        .collect();
    if let Some(first) = header.written_outside.first() {
        let more = match header.written_outside.len() - 1 {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        notes.push(format!(
            "not in the images: files outside of the directory were opened for writing: {first}{more}"
        ));
    }
    let injected = header.injected.iter();
    notes.extend(injected.map(|it| format!("made to fail in this recording: {it}")));
    notes
}

/// A recording and who judges it.
#[derive(Args, Debug)]
pub(crate) struct CheckerArguments {
    /// A file that `record` has written
    pub(crate) recording: PathBuf,
    /// The checker: a command for the shell; or restart, which starts the recorded program again
    #[arg(long, value_name = "COMMAND", required_unless_present = "warm")]
    check: Option<String>,
    /// A checker that stays: it reads images line by line, and answers a verdict for each
    #[arg(long, value_name = "COMMAND", conflicts_with = "check")]
    warm: Option<String>,
    /// A checker that takes longer than this number of seconds hangs
    #[arg(long, value_name = "SECONDS", default_value = "30", value_parser = clap::value_parser!(u64).range(1..))]
    timeout: u64,
    /// The directory for images [default: memory if the machine has a file system for it]
    #[arg(long, value_name = "DIRECTORY")]
    scratch: Option<PathBuf>,
}

impl CheckerArguments {
    /// The checker, with a place for its images.
    fn checker(&self, header: &Header) -> Result<Checker, ProgramFailure> {
        let timeout = Duration::from_secs(self.timeout);
        let judge = match (&self.check, &self.warm) {
            (Some(command), _) if command == "restart" => Judge::Restart(Restart::of(header)?),
            (Some(command), _) => Judge::Command(command.clone()),
            (None, Some(command)) => Judge::Warm(command.clone()),
            (None, None) => unreachable!("one of the two is required"),
        };
        Checker::new(judge, timeout, self.scratch.as_deref())
    }
}

/// Which images, and how many at a time.
#[derive(Args, Debug)]
pub(crate) struct ImageArguments {
    /// Persistence models, separated by commas; or all
    #[arg(long, value_name = "MODELS", default_value = "posix-min", hide_possible_values = true, value_parser = models())]
    model: ChosenModels,
    /// How many images of each crash point: all if there are at most 64 (small) or 4096 (large),
    /// otherwise those that lose or keep little, prefixes and a sample; or all, whatever it costs
    #[arg(long, value_enum, default_value = "small")]
    images: Images,
    /// Number of checkers at a time [default: one for each core]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    jobs: Option<u16>,
    /// What becomes of the bytes that a failed sync would have written: they count as written and
    /// are not (clean: ext4, XFS), or wait for the next sync (dirty)
    #[arg(long, value_enum, value_name = "VARIANT")]
    pub(crate) after_failed_sync: Option<AfterSync>,
    /// Stop after this number of seconds
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..))]
    time: Option<u64>,
}

impl ImageArguments {
    /// What they mean to the package.
    fn options(&self, stop: Stop) -> Options {
        Options {
            models: self.model.0.clone(),
            budget: self.images.budget(),
            jobs: threads(self.jobs),
            by_class: false,
            stop,
        }
    }
}

/// What a command needs before it asks a checker about the images of a recording.
pub(crate) struct Session {
    pub(crate) recording: Recording,
    pub(crate) checker: Checker,
    pub(crate) options: Options,
    pub(crate) verdicts: Verdicts,
}

impl Session {
    /// Reads the recording, and refuses a checker that cannot be trusted. --time begins then.
    pub(crate) fn begin(checked: &CheckerArguments, images: &ImageArguments) -> Outcome<Self> {
        let recording = Recording::read(&checked.recording).map_err(of_programs)?;
        let stop = stop_on_interrupt();
        let checker = checked.checker(&recording.header).map_err(of_programs)?;
        check_checker(&recording.disk, &checker, &stop).map_err(of_programs)?;
        let time = images.time.map(Duration::from_secs);
        Ok(Self {
            recording,
            checker,
            options: images.options(stop.within(time)),
            verdicts: Verdicts::new(),
        })
    }
}

/// What becomes of the bytes that a failed sync would have written.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum AfterSync {
    Clean,
    Dirty,
}

impl AfterSync {
    pub(crate) fn meant(self) -> AfterFailedSync {
        match self {
            Self::Clean => AfterFailedSync::Clean,
            Self::Dirty => AfterFailedSync::Dirty,
        }
    }

    /// The recording on a file system that does this.
    pub(crate) fn apply(self, recording: &Recording) -> Outcome<Recording> {
        let on = recording.on(self.meant());
        on.map_err(|why| Exit::Input.because(why))
    }

    /// As it is named on the command line.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Clean => "clean",
            Self::Dirty => "dirty",
        }
    }
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Images {
    Small,
    Large,
    All,
}

impl Images {
    fn budget(self) -> Budget {
        match self {
            Self::Small => Budget::SMALL,
            Self::Large => Budget::LARGE,
            Self::All => Budget::ALL,
        }
    }
}
