//! The comparison as text for people: a table of measurements, one of predictions, and what
//! was asked for besides. As Markdown, for pages: the measurements only.

use lithify_policies::policies::Value;
use lithify_sim::cli::exit::Outcome;
use lithify_sim::cli::output::Output;

use super::explain;
use super::report::{PolicyReport, Report, WorkloadReport};

/// Columns: the first is text, the others are numbers.
struct Table {
    rows: Vec<Vec<String>>,
}

impl Table {
    fn new(header: &[&str]) -> Self {
        let header = header.iter().map(|&title| title.to_owned());
        Self {
            rows: vec![header.collect()],
        }
    }

    fn write(&self, output: &mut Output) -> Outcome {
        let columns = self.rows[0].len();
        let width = |column: usize| self.rows.iter().map(|row| row[column].len()).max();
        let widths: Vec<usize> = (0..columns).filter_map(width).collect();
        for row in &self.rows {
            let mut line = format!("{:<width$}", row[0], width = widths[0]);
            for (cell, width) in row.iter().zip(&widths).skip(1) {
                line += &format!("  {cell:>width$}");
            }
            output.line(line.trim_end().as_bytes())?;
        }
        Ok(())
    }

    /// The first column is code.
    fn write_markdown(&self, output: &mut Output) -> Outcome {
        for (place, row) in self.rows.iter().enumerate() {
            let first = match place {
                0 => row[0].clone(),
                _ => format!("`{}`", row[0]),
            };
            let line = format!("| {first} | {} |", row[1..].join(" | "));
            output.line(line.as_bytes())?;
            if place == 0 {
                let line = format!("|{}", "---|".repeat(row.len()));
                output.line(line.as_bytes())?;
            }
        }
        Ok(())
    }
}

/// A number of bytes with three digits or so.
fn bytes(number: u64) -> String {
    match number {
        0..10_000 => number.to_string(),
        10_000..10_000_000 => format!("{:.1}k", number as f64 / 1e3),
        10_000_000..10_000_000_000 => format!("{:.1}M", number as f64 / 1e6),
        _ => format!("{:.1}G", number as f64 / 1e9),
    }
}

/// Writes the report.
pub(super) fn write(output: &mut Output, report: &Report) -> Outcome {
    for (place, workload) in report.workloads.iter().enumerate() {
        if place > 0 {
            output.line(b"")?;
        }
        output.line(title(workload).as_bytes())?;
        measurements(workload).write(output)?;
        causes(output, workload)?;
        predictions(output, workload)?;
        extras(output, workload)?;
        explain::write(output, workload)?;
    }
    Ok(())
}

/// Writes the measurements as Markdown.
pub(super) fn write_markdown(output: &mut Output, report: &Report) -> Outcome {
    for (place, workload) in report.workloads.iter().enumerate() {
        if place > 0 {
            output.line(b"")?;
        }
        output.line(format!("{}\n", title(workload)).as_bytes())?;
        measurements(workload).write_markdown(output)?;
    }
    Ok(())
}

fn title(workload: &WorkloadReport) -> String {
    format!(
        "{}: {} commits, {} keys, {} keyspaces",
        workload.workload, workload.commits, workload.keys, workload.keyspaces
    )
}

fn measurements(workload: &WorkloadReport) -> Table {
    let mut table = Table::new(&[
        "policy",
        "write",
        "read",
        "space",
        "live",
        "mean",
        "most",
        "pause",
        "readable",
        "boundaries",
        "recovery",
        "syncs",
        "lag",
        "lost",
    ]);
    for PolicyReport {
        policy, measured, ..
    } in &workload.policies
    {
        table.rows.push(vec![
            policy.clone(),
            format!("{:.2}", measured.write_amplification),
            format!("{:.2}", measured.read_amplification),
            format!("{:.2}", measured.space_amplification),
            measured.live_segments.to_string(),
            format!("{:.1}", measured.mean_live_segments),
            measured.most_live_segments.to_string(),
            bytes(measured.longest_pause_bytes),
            measured.readable_commits.to_string(),
            format!("{}/{}", measured.readable_boundaries, measured.boundaries),
            bytes(measured.recovery_bytes),
            measured.syncs.to_string(),
            measured.lag.to_string(),
            measured.lost_records.to_string(),
        ]);
    }
    table
}

fn causes(output: &mut Output, workload: &WorkloadReport) -> Outcome {
    output.line(b"\nbytes written by cause:")?;
    let mut table = Table::new(&["policy", "cause", "segments", "bytes"]);
    for policy in &workload.policies {
        for (cause, written) in &policy.measured.by_cause {
            table.rows.push(vec![
                policy.policy.clone(),
                (*cause).to_owned(),
                written.segments.to_string(),
                bytes(written.bytes),
            ]);
        }
    }
    table.write(output)
}

fn predictions(output: &mut Output, workload: &WorkloadReport) -> Outcome {
    let mut table = Table::new(&["policy", "metric", "predicted", "measured", "difference"]);
    for policy in &workload.policies {
        for compared in &policy.predictions {
            let predicted = match compared.expectation.expected {
                Value::Exactly(value) => format!("= {value}"),
                Value::AtMost(value) => format!("<= {value}"),
                Value::OnAverage(value) => format!("~ {value:.1}"),
            };
            let difference = match compared.expectation.expected {
                Value::OnAverage(value) => {
                    format!(
                        "{:+.2}%",
                        100.0 * compared.difference / value.max(f64::MIN_POSITIVE)
                    )
                }
                _ => format!("{}", compared.difference),
            };
            table.rows.push(vec![
                policy.policy.clone(),
                compared.expectation.metric.name().to_owned(),
                predicted,
                compared.measured.to_string(),
                difference,
            ]);
        }
    }
    if table.rows.len() == 1 {
        return Ok(());
    }
    output.line(b"\npredictions (= exact, <= at most, ~ on average):")?;
    table.write(output)
}

fn extras(output: &mut Output, workload: &WorkloadReport) -> Outcome {
    for policy in &workload.policies {
        if let Some(schedules) = policy.schedules {
            let line = format!(
                "\n{}: {} distinct layouts in {} schedules, callbacks up to {} commits late",
                policy.policy, schedules.layouts, schedules.schedules, schedules.reordering
            );
            output.line(line.as_bytes())?;
        }
        if let Some(optimal) = policy.optimal {
            let line = format!(
                "\n{}: at least {} bytes have to be written with at most {} live segments; regret {:.3}",
                policy.policy, optimal.bytes_written, optimal.live_segments, optimal.regret
            );
            output.line(line.as_bytes())?;
        }
    }
    Ok(())
}
