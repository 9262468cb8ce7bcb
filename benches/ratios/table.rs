//! Taking turns, and the table of what came out.

use std::fmt;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

static IS_THREAD_TIME: OnceLock<bool> = OnceLock::new();

/// Counts what the processor spends on this thread, as Linux tells it, instead of time: for
/// reads and merges on a machine that has other work. Waiting for a device does not count.
pub(crate) fn count_thread_time() {
    IS_THREAD_TIME.set(true).expect("it is chosen once");
}

fn now() -> Duration {
    static START: OnceLock<Instant> = OnceLock::new();
    if IS_THREAD_TIME.get().is_none() {
        return START.get_or_init(Instant::now).elapsed();
    }
    let text = std::fs::read_to_string("/proc/thread-self/schedstat");
    let text = text.expect("Linux tells the time of a thread");
    let spent = text.split(' ').next().and_then(|word| word.parse().ok());
    Duration::from_nanos(spent.expect("nanoseconds come first"))
}

/// How long this many operations took.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Measured {
    /// Operations.
    pub(crate) operations: u64,
    /// Time they took.
    pub(crate) elapsed: Duration,
}

impl Measured {
    /// Times one piece of work, which says how many operations it was.
    pub(crate) fn time(work: impl FnOnce() -> u64) -> Self {
        let start = now();
        let operations = work();
        Self {
            operations,
            elapsed: now() - start,
        }
    }

    fn rate(self) -> f64 {
        self.operations as f64 / self.elapsed.as_secs_f64().max(1e-9)
    }
}

#[derive(Debug)]
struct Row {
    workload: String,
    unit: &'static str,
    /// Rates of the store and of the floor, turn by turn.
    rates: Vec<(f64, f64)>,
}

/// All rows, in the order in which they were measured.
#[derive(Debug)]
pub(crate) struct Table {
    turns: usize,
    /// All of these words are in the name of a workload that runs.
    filter: Vec<String>,
    /// The floor is left out.
    is_alone: bool,
    rows: Vec<Row>,
}

impl Table {
    /// An empty table; only workloads whose name has all words of `filter` in it will be run.
    pub(crate) fn new(turns: usize, filter: Vec<String>, is_alone: bool) -> Self {
        Self {
            turns,
            filter,
            is_alone,
            rows: Vec::new(),
        }
    }

    /// Whether this workload is asked for.
    pub(crate) fn wants(&self, workload: &str) -> bool {
        self.filter
            .iter()
            .all(|word| workload.contains(word.as_str()))
    }

    /// Lets the store and the floor take turns at a workload.
    pub(crate) fn compare(
        &mut self,
        workload: String,
        unit: &'static str,
        mut store: impl FnMut() -> Measured,
        mut floor: impl FnMut() -> Measured,
    ) {
        if !self.wants(&workload) {
            return;
        }
        let mut floor_rate = || {
            if self.is_alone {
                f64::NAN
            } else {
                floor().rate()
            }
        };
        let rates = (0..self.turns)
            .map(|_| (store().rate(), floor_rate()))
            .collect();
        let row = Row {
            workload,
            unit,
            rates,
        };
        eprintln!("{row}");
        self.rows.push(row);
    }
}

fn median(mut numbers: Vec<f64>) -> f64 {
    numbers.sort_by(f64::total_cmp);
    numbers[numbers.len() / 2]
}

fn short(rate: f64) -> String {
    match rate {
        1e6.. => format!("{:.2}M", rate / 1e6),
        1e3.. => format!("{:.1}k", rate / 1e3),
        _ => format!("{rate:.1}"),
    }
}

impl fmt::Display for Row {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ratios: Vec<f64> = self
            .rates
            .iter()
            .map(|(store, floor)| store / floor)
            .collect();
        let lowest = ratios.iter().copied().fold(f64::INFINITY, f64::min);
        let highest = ratios.iter().copied().fold(0.0, f64::max);
        write!(
            formatter,
            "| {:<44} | {:<9} | {:>8} | {:>8} | {:>6.2} | {lowest:>5.2} to {highest:<5.2} |",
            self.workload,
            self.unit,
            short(median(self.rates.iter().map(|rates| rates.0).collect())),
            short(median(self.rates.iter().map(|rates| rates.1).collect())),
            median(ratios),
        )
    }
}

impl fmt::Display for Table {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            formatter,
            "\n| {:<44} | {:<9} | {:>8} | {:>8} | {:>6} | {:<14} |",
            "workload (medians)", "a second", "lithify", "floor", "ratio", "lowest, highest"
        )?;
        writeln!(
            formatter,
            "|{:-<46}|{:-<11}|{:->10}|{:->10}|{:->8}|{:-<17}|",
            "", "", "", "", "", ""
        )?;
        self.rows
            .iter()
            .try_for_each(|row| writeln!(formatter, "{row}"))
    }
}
