//! `aligned` and `global`: a closed window with enough segments becomes one segment.
//!
//! A window of level `l` is `((k-1) * width(l), k * width(l)]`. It closes when the watermark
//! reaches its right edge, independent of the order of callbacks. A window with fewer than
//! `min-inputs` pieces is not merged. `step` merges level after level. `direct` makes the
//! same decisions and writes only the outermost output. This is the policy of the engine
//! (`src/policy.rs`), written a second time for the view of the laboratory.
//! `sim/tests/compare/layouts.rs` compares the two.
//!
//! `widest` is the rule with which the design was first measured: it considers only the
//! widest window that closes, and counts all live segments in it. With `min-inputs=2` it
//! merges the same segments as `direct`, but may give the output a higher level. With a
//! larger `min-inputs` it has another layout: it does not merge a narrower window that is
//! full and closes at the same commit.

use lithify::{Alignment, Cascade, Commit, Window};

use super::retention::Remove;
use super::segment::Segment;
use super::spec::{Parameter, Values};
use super::{Event, Expectation, Job, Policy, Profile, Registered, Streams, View};

/// The policy.
#[derive(Debug)]
pub(super) struct Aligned {
    pub(super) alignment: Alignment,
    pub(super) merging: Merging,
    pub(super) min_inputs: u32,
    pub(super) remove: Remove,
    streams: Streams,
}

/// How several windows that close at one commit are merged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Merging {
    /// As the engine merges them.
    Engine(Cascade),
    /// The widest window counts the live segments in it. The other windows are not
    /// considered.
    Widest,
}

const PARAMETERS: &[Parameter] = &[
    Parameter {
        name: "divisor",
        default: "4",
        about: "windows of a level are this many times as wide as those below; or radices: 30/10/12/24",
    },
    Parameter {
        name: "min-inputs",
        default: "2",
        about: "a closed window with fewer segments is left alone",
    },
    Parameter {
        name: "cascade",
        default: "direct",
        about: "step: level after level; direct: straight into the highest level that closes; \
                widest: direct, but only the widest window is looked at",
    },
    MAX_LEVEL,
    REMOVE,
];

/// The divisor of the variants of `aligned`, as a parameter.
pub(super) const DIVISOR: Parameter = Parameter {
    name: "divisor",
    default: "4",
    about: "how many times a level is as wide as the one below; or radices: 30/10/12",
};

/// The highest level, as a parameter.
pub(super) const MAX_LEVEL: Parameter = Parameter {
    name: "max-level",
    default: "63",
    about: "the highest level that merges reach",
};

/// The rule that removes the inputs of merges, as a parameter.
pub(super) const REMOVE: Parameter = Parameter {
    name: "remove",
    default: "always",
    about: "when the inputs of merges go: never, always, up-to-level/L, head-window/N, \
            head-window-up-to-level/N/L, head-window-as-written/N (ignores the input's commit)",
};

pub(super) const REGISTERED: Registered = Registered {
    name: "aligned",
    about: "each keyspace merges a window of commits when it closes: the policy of the engine",
    source: "this project",
    parameters: PARAMETERS,
    build: |values| Ok(Box::new(Aligned::new(values, Streams::PerKeyspace)?)),
};

pub(super) const GLOBAL: Registered = Registered {
    name: "global",
    about: "the same windows, with one stream of segments for all keyspaces",
    source: "option C of the commit-driven document",
    parameters: PARAMETERS,
    build: |values| Ok(Box::new(Aligned::new(values, Streams::Global)?)),
};

/// The alignment that `divisor` and `max-level` define.
pub(super) fn alignment(values: &Values) -> Result<Alignment, String> {
    let text = values.text("divisor").replace('/', ",");
    // The engine writes lists with commas. Here commas separate policies, so lists use
    // slashes.
    let alignment: Alignment = text.parse().map_err(|error| {
        let in_slashes = format!("{error}").replace("30,10,12,24", "30/10/12/24");
        values.refuse(in_slashes)
    })?;
    Ok(alignment.with_max_level(values.parse("max-level")?))
}

/// The value of `cascade`.
fn merging(values: &Values) -> Result<Merging, String> {
    match values.text("cascade") {
        "step" => Ok(Merging::Engine(Cascade::Step)),
        "direct" => Ok(Merging::Engine(Cascade::Direct)),
        "widest" => Ok(Merging::Widest),
        other => Err(values.refuse(format!(
            "unknown cascade {other:?}: expected \"step\", \"direct\" or \"widest\""
        ))),
    }
}

impl Aligned {
    fn new(values: &Values, streams: Streams) -> Result<Self, String> {
        Ok(Self {
            alignment: alignment(values)?,
            merging: merging(values)?,
            min_inputs: values.at_least("min-inputs", 2)?.min(u64::from(u32::MAX)) as u32,
            remove: values.parse("remove")?,
            streams,
        })
    }

    /// The windows that end at this commit, lowest first.
    fn closing(&self, commit: u64) -> Vec<Window> {
        let commit = Commit::new(commit);
        (1..=self.alignment.closing_level(commit))
            .filter_map(|level| self.alignment.window_ending(level, commit))
            .collect()
    }

    /// The cascade for which the closed forms are valid. With `min-inputs=2`, `widest` merges
    /// the same segments as `direct`.
    pub(super) fn predicted_as(&self) -> Option<Cascade> {
        match self.merging {
            Merging::Engine(cascade) => Some(cascade),
            Merging::Widest if self.min_inputs == 2 => Some(Cascade::Direct),
            Merging::Widest => None,
        }
    }

    /// The merges of the lowest closing level that has a merge.
    fn step(&self, view: &View<'_>, windows: &[Window]) -> Vec<Job> {
        let jobs = |&window: &Window| {
            let streams = 0..view.stream_count();
            let jobs = streams.filter_map(|stream| {
                let inputs = inside(view, stream, window);
                (inputs.len() >= self.min_inputs as usize).then(|| merge(&inputs, window))
            });
            jobs.collect::<Vec<Job>>()
        };
        let mut levels = windows.iter().map(jobs);
        levels.find(|jobs| !jobs.is_empty()).unwrap_or_default()
    }

    /// The outermost merge of each stream.
    fn direct(&self, view: &View<'_>, windows: &[Window]) -> Vec<Job> {
        let mut jobs = Vec::new();
        for stream in 0..view.stream_count() {
            let mut outermost: Option<(Vec<&Segment>, Window)> = None;
            for &window in windows {
                let inputs = inside(view, stream, window);
                // The segments that a lower level merges count as one piece.
                let merged_away = outermost.as_ref().map_or(0, |lower| lower.0.len() - 1);
                if inputs.len() - merged_away >= self.min_inputs as usize {
                    outermost = Some((inputs, window));
                }
            }
            jobs.extend(outermost.map(|(inputs, window)| merge(&inputs, window)));
        }
        jobs
    }
}

/// The segments of a stream that lie in a window.
pub(super) fn inside<'store>(
    view: &View<'store>,
    stream: usize,
    window: Window,
) -> Vec<&'store Segment> {
    let mut inside: Vec<&Segment> = view
        .segments(stream)
        .rev()
        .skip_while(|segment| segment.last > window.end.get())
        .take_while(|segment| segment.last > window.start.get())
        .filter(|segment| segment.first > window.start.get())
        .collect();
    inside.reverse();
    inside
}

fn merge(inputs: &[&Segment], window: Window) -> Job {
    let reason = format!("window {window} closed with {} segments", inputs.len());
    Job::merge(inputs, window.level, "window closed", reason)
}

impl Policy for Aligned {
    fn plan(&self, view: &View<'_>, event: Event) -> Vec<Job> {
        let Event::Reached { commit } = event else {
            return Vec::new();
        };
        let windows = self.closing(commit);
        match self.merging {
            Merging::Engine(Cascade::Step) => self.step(view, &windows),
            Merging::Engine(Cascade::Direct) => self.direct(view, &windows),
            Merging::Widest => self.step(view, &windows[windows.len().saturating_sub(1)..]),
        }
    }

    fn streams(&self) -> Streams {
        self.streams
    }

    fn keeps_input(&self, at: u64, input: &Segment) -> bool {
        self.remove.keeps(at, input)
    }

    fn predict(&self, profile: &Profile) -> Vec<Expectation> {
        super::aligned_predict::predict(self, profile)
    }

    fn predict_late(&self, profile: &Profile) -> Vec<Expectation> {
        self.predict(profile)
    }
}
