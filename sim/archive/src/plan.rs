//! Which objects a reader needs, and which ones a writer has to write: pure arithmetic.
//!
//! A writer appends log objects, and each holds an aligned window of commits: a single commit, or
//! more when it has more. When it has caught up it writes the windows of level 1 and more that the
//! layout at its commit has, and then says so in the object `head`. So a reader that knows the commit in
//! `head`, and the log objects after it, knows the name of every object that it needs.

use lithify::{Alignment, Commit, Window};

use crate::names;
use crate::number::Number;

/// The commits that an archive has, as far as a reader or writer has seen.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reach {
    /// Every window of the layout at this commit is written.
    pub settled: Commit,
    /// The newest commit.
    pub head: Commit,
    /// The digest of the history up to it.
    pub digest: Number,
    /// The windows that the log objects after `settled` hold, oldest first.
    pub tail: Vec<Window>,
}

/// An object that a reader needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Planned {
    /// The name of the object.
    pub name: String,
    /// The window whose commits it holds.
    pub window: Window,
    /// Whether it is a log object.
    pub is_log: bool,
}

impl Planned {
    /// A window of level 1 or more.
    #[must_use]
    pub fn window(window: Window) -> Self {
        Self {
            name: names::window(window),
            window,
            is_log: false,
        }
    }

    /// A log object.
    #[must_use]
    pub fn log(window: Window) -> Self {
        Self {
            name: names::log(window.start.next()),
            window,
            is_log: true,
        }
    }
}

/// The objects with the commits after `from`, up to `until`, newest first.
///
/// No log object that is wider than one commit ends between the last window of level 1 and
/// `settled`: its window would be part of the layout, too. So these log objects are single commits.
#[must_use]
pub fn objects(alignment: &Alignment, reach: &Reach, from: Commit, until: Commit) -> Vec<Planned> {
    let windows = alignment.layout_at(reach.settled);
    let planned = windows.into_iter().map(|window| match window.level {
        0 => Planned::log(window),
        _ => Planned::window(window),
    });
    let tail = reach.tail.iter().map(|window| Planned::log(*window));
    let is_needed = |planned: &Planned| planned.window.end > from && planned.window.start < until;
    let mut planned: Vec<Planned> = planned.chain(tail).filter(is_needed).collect();
    planned.reverse();
    planned
}

/// The windows that may have the commits of a missing object: the wider ones around it, narrowest
/// first.
///
/// A trim removes an object only when a wider window is there. So whoever asks for these windows in
/// this order finds one, however many trims happen meanwhile.
pub fn wider(alignment: &Alignment, missing: &Planned) -> impl Iterator<Item = Planned> {
    let lowest = match missing.is_log {
        // The window of the same commits may have them.
        true => missing.window.level.max(1),
        false => missing.window.level + 1,
    };
    let first = missing.window.start.next();
    let levels = lowest..=alignment.max_level();
    let windows = levels.map(move |level| alignment.window(level, first));
    let exists =
        |window: &Window| alignment.window_ending(window.level, window.end) == Some(*window);
    windows.filter(exists).map(Planned::window)
}

/// The windows that are missing when `settled` becomes `head`, oldest first.
#[must_use]
pub fn missing_windows(alignment: &Alignment, settled: Commit, head: Commit) -> Vec<Window> {
    let there = alignment.layout_at(settled);
    let mut windows = alignment.layout_at(head);
    windows.retain(|window| window.level > 0 && !there.contains(window));
    windows
}

/// The window that the next log object holds: the widest one that begins after `head` and ends at
/// `last` or before. `last` must be after `head`.
#[must_use]
pub fn next_window(alignment: &Alignment, head: Commit, last: Commit) -> Window {
    let levels = (0..=alignment.max_level()).rev();
    let mut windows = levels.map(|level| alignment.window(level, head.next()));
    let fits = |window: &Window| {
        let is_whole = alignment.window_ending(window.level, window.end) == Some(*window);
        is_whole && window.start == head && window.end <= last
    };
    windows.find(fits).expect("the window of one commit fits")
}

/// A listed window that holds others, and what it holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cover {
    /// The window.
    pub window: Window,
    /// The narrower windows inside it.
    pub windows: Vec<Window>,
    /// The first commits of the log objects inside it.
    pub logs: Vec<Commit>,
}

/// The widest of these windows, each with the windows and log objects inside it. A window that holds
/// nothing is left out.
#[must_use]
pub fn covers(windows: &[Window], logs: &[Commit]) -> Vec<Cover> {
    let mut widest: Vec<Cover> = Vec::new();
    let mut sorted = windows.to_vec();
    sorted.sort_by_key(|window| (window.start, std::cmp::Reverse(window.end)));
    for window in sorted {
        match widest.last_mut().filter(|last| last.window.covers(&window)) {
            Some(last) if last.window != window => last.windows.push(window),
            Some(_) => {}
            None => widest.push(Cover {
                window,
                windows: Vec::new(),
                logs: Vec::new(),
            }),
        }
    }
    for cover in &mut widest {
        let inside = logs
            .iter()
            .copied()
            .filter(|first| cover.window.contains(*first));
        cover.logs = inside.collect();
    }
    widest.retain(|cover| !cover.windows.is_empty() || !cover.logs.is_empty());
    widest
}
