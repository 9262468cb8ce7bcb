//! Placement: which windows exist, and at which commit each window closes.
//!
//! Goal: arithmetic on commit numbers alone decides where a merge output is placed, so that the
//! settled layout depends on the history and the options, never on timing. A window of level `l` is
//! `((k-1) * width(l), k * width(l)]`.
//!
//! Invariants: `width(0) == 1`; every width divides the next one, so the windows of a level tile
//! the commit axis, nest, and close together with all smaller windows that share their right edge.
//! All arithmetic is checked: any `u64` is a legal argument.
//!
//! This module does not decide *when* a merge runs, and it does not depend on segments, files or
//! keys. Aligned windows of fixed ratio are also used by Prometheus block ranges and Litestream
//! levels; here the axis is the commit number instead of the clock.

mod layout;
mod text;
mod window;

use crate::commit::Commit;

pub use layout::Placed;
pub use text::{AlignmentError, Cascade, UnknownCascade};
pub use window::Window;

/// The level of a segment or window: 0 is a single commit, and each level up is
/// wider by one radix.
pub type Level = u8;

/// The placement rule: radices `r_0, r_1, ..` that give the widths
/// `width(0) = 1` and `width(l) = r_0 * .. * r_(l-1)` commits.
///
/// Two alignments are equal exactly when they place every window alike, in whatever form they were
/// written: `uniform(4)` limited to level 2 equals `mixed([4, 4])`. The text form
/// ([`Display`](std::fmt::Display), [`FromStr`](std::str::FromStr)) is `4` (at every level), `4x3`
/// (three levels of 4), `30,10,12,24`, or `none` (level 0 only).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Alignment {
    /// `widths[l]` is the width of level `l` in commits. Never empty, begins
    /// with 1, and each width is a multiple (two or more) of the one before.
    widths: Vec<u64>,
}

impl Alignment {
    /// The same divisor at every level, for as long as the width fits `u64`.
    ///
    /// # Errors
    /// When `divisor` is 0 or 1.
    pub fn uniform(divisor: u64) -> Result<Self, AlignmentError> {
        if divisor < 2 {
            return Err(AlignmentError::DivisorTooSmall { divisor });
        }
        let widths = std::iter::successors(Some(1_u64), |width| width.checked_mul(divisor));
        Ok(Self {
            widths: widths.collect(),
        })
    }

    /// One radix for each level, lowest first; the highest level is the number
    /// of radices.
    ///
    /// # Errors
    /// When the list is empty, a radix is 0 or 1, or the product exceeds `u64::MAX`.
    pub fn mixed(radices: &[u64]) -> Result<Self, AlignmentError> {
        if radices.is_empty() {
            return Err(AlignmentError::NoRadices);
        }
        let mut widths = vec![1_u64];
        let mut width = 1_u64;
        for (index, &radix) in radices.iter().enumerate() {
            let position = index + 1;
            if radix < 2 {
                return Err(AlignmentError::RadixTooSmall { radix, position });
            }
            width = width.checked_mul(radix).ok_or(AlignmentError::TooWide {
                radix,
                position,
                width,
            })?;
            widths.push(width);
        }
        Ok(Self { widths })
    }

    /// The same rule without the levels above `max_level`. A limit above the current
    /// [`max_level`](Self::max_level) changes nothing.
    #[must_use]
    pub fn with_max_level(mut self, max_level: Level) -> Self {
        self.widths.truncate(usize::from(max_level) + 1);
        self
    }

    /// The radices `r_0 ..= r_(max_level - 1)`, lowest first; empty when level 0
    /// is the only one.
    pub fn radices(&self) -> impl DoubleEndedIterator<Item = u64> + ExactSizeIterator + '_ {
        self.widths.windows(2).map(|pair| pair[1] / pair[0])
    }

    /// The widths `width(0) ..= width(max_level)` in commits, lowest first.
    #[must_use]
    pub fn widths(&self) -> &[u64] {
        &self.widths
    }

    /// The highest level that exists, at most 63.
    #[must_use]
    pub fn max_level(&self) -> Level {
        // At most 64 powers of two fit u64, so the index always fits a level.
        Level::try_from(self.widths.len() - 1).expect("at most 64 widths fit u64")
    }

    /// The width of a level in commits, `None` above [`max_level`](Self::max_level).
    #[must_use]
    pub fn width(&self, level: Level) -> Option<u64> {
        self.widths.get(usize::from(level)).copied()
    }

    /// The highest level whose window ends at `commit`. 0 when no window above
    /// level 0 ends there, and for [`Commit::ZERO`], where nothing ends.
    #[must_use]
    pub fn closing_level(&self, commit: Commit) -> Level {
        if commit == Commit::ZERO {
            return 0;
        }
        // Widths divide one another, so the levels that close are a prefix.
        let closing = self
            .widths
            .iter()
            .take_while(|width| commit.get().is_multiple_of(**width));
        Level::try_from(closing.count() - 1).expect("at most 64 widths fit u64")
    }

    /// The window of `level` that contains `commit`.
    ///
    /// Three special cases are defined here so that no argument panics. A level above
    /// [`max_level`](Self::max_level) means the highest level (see the `level` of the answer).
    /// [`Commit::ZERO`] gives the first window, although no window contains it. A right edge beyond
    /// `u64::MAX` is clipped to [`Commit::MAX`], which is never allocated, so such a window never
    /// closes.
    #[must_use]
    pub fn window(&self, level: Level, commit: Commit) -> Window {
        let level = level.min(self.max_level());
        let width = self.widths[usize::from(level)];
        let before = commit.get().saturating_sub(1);
        let start = before - before % width;
        let end = start.saturating_add(width);
        Window {
            level,
            start: Commit::new(start),
            end: Commit::new(end),
        }
    }

    /// The window of `level` whose last commit is `end`; `None` when no window
    /// of that level ends there, when the level does not exist, and for
    /// [`Commit::ZERO`].
    #[must_use]
    pub fn window_ending(&self, level: Level, end: Commit) -> Option<Window> {
        let width = self.width(level)?;
        let aligned = end != Commit::ZERO && end.get().is_multiple_of(width);
        aligned.then(|| Window {
            level,
            start: end.minus(width),
            end,
        })
    }

    /// The lowest window that contains both commits; `None` when no single
    /// window does, when `first > last`, and for [`Commit::ZERO`].
    #[must_use]
    pub fn smallest_window(&self, first: Commit, last: Commit) -> Option<Window> {
        if first > last {
            return None;
        }
        (Level::from(planted!(SmallestSkipsZero))..=self.max_level())
            .map(|level| self.window(level, last))
            .find(|window| window.contains(first))
    }
}
