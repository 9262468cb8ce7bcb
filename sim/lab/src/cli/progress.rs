//! The progress of a long command, on standard error. On a terminal it is one line that
//! changes while the command runs, cut at the width of the terminal and removed at the
//! end. In a pipe it is a new line every few seconds, for people who wait there. On a
//! terminal there is no progress beside JSON output.

#![expect(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "a clock and a thread that tell people how far a command is"
)]

use std::io::{IsTerminal, Write as _};
use std::sync::{Arc, Condvar, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

use super::args::Format;

/// The progress of a command.
pub(super) struct Progress {
    bar: ProgressBar,
    teller: Option<Teller>,
}

/// A larger total means "until the time is over".
const ENDLESS: u64 = 1 << 40;
/// The time between two lines in a pipe.
const EVERY: Duration = Duration::from_secs(5);

impl Progress {
    /// Counts `total` things with this name, or counts without an end.
    pub(super) fn of(total: u64, things: &'static str, format: Format) -> Self {
        if total > ENDLESS {
            return Self::endless(things, format);
        }
        let template =
            format!("{{elapsed}} {{bar:10}} {{pos}}/{{len}} {things}, {{per_sec}}{{wide_msg}}");
        Self::shown(format, || ProgressBar::new(total), &template, things)
    }

    /// Counts things with this name whose total is not known.
    pub(super) fn endless(things: &'static str, format: Format) -> Self {
        let template = format!("{{elapsed}} {{spinner}} {{pos}} {things}, {{per_sec}}{{wide_msg}}");
        Self::shown(format, ProgressBar::new_spinner, &template, things)
    }

    fn shown(
        format: Format,
        bar: impl FnOnce() -> ProgressBar,
        template: &str,
        things: &'static str,
    ) -> Self {
        let bar = bar();
        if !std::io::stderr().is_terminal() {
            bar.set_draw_target(indicatif::ProgressDrawTarget::hidden());
            let teller = Some(Teller::start(bar.clone(), things));
            return Self { bar, teller };
        }
        if format == Format::Json {
            bar.set_draw_target(indicatif::ProgressDrawTarget::hidden());
        } else {
            let style = ProgressStyle::with_template(template).expect("the templates are right");
            bar.set_style(style);
            // One step can take seconds; the displayed time must continue meanwhile.
            bar.enable_steady_tick(Duration::from_millis(200));
        }
        Self { bar, teller: None }
    }

    /// Counts one more step.
    pub(super) fn advance(&self) {
        self.bar.inc(1);
    }

    /// Sets the count.
    pub(super) fn reach(&self, count: u64) {
        self.bar.set_position(count);
    }

    /// Shows additional text.
    pub(super) fn say(&self, more: &str) {
        self.bar.set_message(format!(", {more}"));
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.teller = None;
        self.bar.finish_and_clear();
    }
}

/// The running time of a command, for people.
#[derive(Clone, Copy, Debug)]
pub(super) struct Clock(Instant);

impl Clock {
    pub(super) fn start() -> Self {
        Self(Instant::now())
    }

    pub(super) fn elapsed(self) -> Duration {
        self.0.elapsed()
    }
}

/// Writes progress lines into a pipe until it is dropped.
struct Teller {
    is_over: Arc<(Mutex<bool>, Condvar)>,
    thread: Option<JoinHandle<()>>,
}

impl Teller {
    fn start(bar: ProgressBar, things: &'static str) -> Self {
        let is_over = Arc::new((Mutex::new(false), Condvar::new()));
        let shared = Arc::clone(&is_over);
        let start = Clock::start();
        let tell = move || {
            let (flag, changed) = &*shared;
            let mut is_over = flag.lock().expect("nothing panics while it holds the flag");
            while !*is_over {
                let waited = changed.wait_timeout(is_over, EVERY);
                let (guard, timeout) = waited.expect("nothing panics while it holds the flag");
                is_over = guard;
                if timeout.timed_out() && !*is_over {
                    // A failure to write is ignored: progress lines are optional.
                    let _ = writeln!(std::io::stderr(), "{}", line(&bar, things, start));
                }
            }
        };
        // The thread computes nothing for the run; it only reports.
        let thread = std::thread::Builder::new().spawn(tell).ok();
        Self { is_over, thread }
    }
}

impl Drop for Teller {
    fn drop(&mut self) {
        let (flag, changed) = &*self.is_over;
        *flag.lock().expect("nothing panics while it holds the flag") = true;
        changed.notify_all();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn line(bar: &ProgressBar, things: &str, start: Clock) -> String {
    let of = bar
        .length()
        .map_or(String::new(), |total| format!(" of {total}"));
    format!(
        "{} s: {}{of} {things}{}",
        start.elapsed().as_secs(),
        bar.position(),
        bar.message()
    )
}
