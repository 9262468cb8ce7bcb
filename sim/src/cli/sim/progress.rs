//! How far a long command is: one line on standard error while it runs, when that is a
//! terminal and the output is not JSON; nothing otherwise, and nothing is left of it.

use std::io::IsTerminal;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use super::super::args::Format;

/// The line, or none.
pub(super) struct Progress(ProgressBar);

/// More than this is no plan but a way to say "until time is up".
const ENDLESS: u64 = 1 << 40;

impl Progress {
    /// Counts `total` things of this name, or without end.
    pub(super) fn of(total: u64, things: &str, format: Format) -> Self {
        if total > ENDLESS {
            return Self::endless(things, format);
        }
        let template =
            format!("{{elapsed_precise}} {{bar:30}} {{pos}}/{{len}} {things}, {{per_sec}}{{msg}}");
        Self::shown(format, || ProgressBar::new(total), &template)
    }

    /// Counts things of this name, of which nobody knows how many there will be.
    pub(super) fn endless(things: &str, format: Format) -> Self {
        let template =
            format!("{{elapsed_precise}} {{spinner}} {{pos}} {things}, {{per_sec}}{{msg}}");
        Self::shown(format, ProgressBar::new_spinner, &template)
    }

    fn shown(format: Format, bar: impl FnOnce() -> ProgressBar, template: &str) -> Self {
        if format == Format::Json || !std::io::stderr().is_terminal() {
            return Self(ProgressBar::hidden());
        }
        let style = ProgressStyle::with_template(template).expect("the templates are right");
        let bar = bar().with_style(style);
        // One thing can take seconds, and the time should go on meanwhile.
        bar.enable_steady_tick(Duration::from_millis(200));
        Self(bar)
    }

    /// One more is done.
    pub(super) fn advance(&self) {
        self.0.inc(1);
    }

    /// So many are done.
    pub(super) fn reach(&self, count: u64) {
        self.0.set_position(count);
    }

    /// What else there is to say.
    pub(super) fn say(&self, more: &str) {
        self.0.set_message(format!(", {more}"));
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}
