//! A progress bar on standard error, only if that is a terminal.

use std::io::{IsTerminal, stderr};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

/// The bar, or none.
pub(crate) struct Progress(Option<ProgressBar>);

impl Progress {
    /// Counts commits, up to `total` when it is known.
    pub(crate) fn new(total: Option<u64>) -> Self {
        Self::on_terminal(|| match total {
            Some(total) => ProgressBar::new(total).with_style(style(
                "{pos}/{len} commits, {per_sec}, {eta} left {wide_bar}",
            )),
            None => {
                ProgressBar::new_spinner().with_style(style("{spinner} {pos} commits, {per_sec}"))
            }
        })
    }

    /// Shows what the command waits for.
    pub(crate) fn waiting(what: &'static str) -> Self {
        Self::on_terminal(|| {
            let spinner = ProgressBar::new_spinner().with_style(style("{spinner} {msg}"));
            spinner.set_message(what);
            spinner.enable_steady_tick(Duration::from_millis(100));
            spinner
        })
    }

    fn on_terminal(bar: impl FnOnce() -> ProgressBar) -> Self {
        Self(stderr().is_terminal().then(bar))
    }

    pub(crate) fn advance(&self, commits: u64) {
        if let Some(bar) = &self.0 {
            bar.inc(commits);
        }
    }

    /// Removes the bar from the terminal.
    pub(crate) fn clear(&self) {
        if let Some(bar) = &self.0 {
            bar.finish_and_clear();
        }
    }
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).expect("the template is a constant")
}
