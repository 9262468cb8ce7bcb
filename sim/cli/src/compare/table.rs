//! The comparison as text for people: a table of measurements with its legend, a table
//! of predictions, and further requested parts. As Markdown for pages: only the
//! measurements.

use lithify_policies::policies::Value;
use lithify_sim::cli::exit::Outcome;
use lithify_sim::cli::output::Output;
use lithify_sim::cli::table::{Column, Table};

use super::explain;
use super::report::{PolicyReport, Report, WorkloadReport};

/// The columns of measurements, and their meaning.
const MEASUREMENTS: [(&str, &str); 13] = [
    (
        "write",
        "bytes written, merges included, for each byte committed",
    ),
    ("read", "segments opened for each read"),
    (
        "space",
        "bytes stored at the end, for each byte that is still needed",
    ),
    ("live", "live segments at the end"),
    ("mean", "live segments, mean over all commits"),
    ("max", "live segments, maximum over all commits"),
    ("pause", "bytes that merges wrote for one commit, maximum"),
    ("readable", "commits at which every keyspace can be read"),
    (
        "boundaries",
        "window edges at which every keyspace can be read / all window edges (--boundary-divisor)",
    ),
    (
        "recovery",
        "bytes of the live segments: what a store reads to load all its state",
    ),
    (
        "syncs",
        "syncs: one for a commit, two for a merge, one for a removal",
    ),
    (
        "lag",
        "commits between the newest commit and the newest one whose callback came, maximum",
    ),
    (
        "lost",
        "records that the policy dropped although they were needed",
    ),
];

/// Shown beside a prediction that must hold and does not.
const WRONG: &str = "WRONG";

/// A number of bytes with its unit, with at least three digits.
fn bytes(number: u64) -> String {
    match number {
        0..10_000 => format!("{number} B"),
        10_000..10_000_000 => format!("{:.1} kB", number as f64 / 1e3),
        10_000_000..10_000_000_000 => format!("{:.1} MB", number as f64 / 1e6),
        _ => format!("{:.1} GB", number as f64 / 1e9),
    }
}

/// Writes the report.
pub(super) fn write(output: &mut Output, report: &Report) -> Outcome {
    for workload in &report.workloads {
        output.line(title(workload).as_bytes())?;
        output.table(&measurements(workload, String::clone))?;
        causes(output, workload)?;
        predictions(output, workload)?;
        extras(output, workload)?;
        explain::write(output, workload)?;
        output.line(b"")?;
    }
    output.line(b"legend:")?;
    let mut legend = Table::new(&[Column::Text(""); 2]).indented(2);
    MEASUREMENTS
        .iter()
        .for_each(|(title, meaning)| legend.row([*title, *meaning]));
    output.table(&legend)
}

/// Writes the measurements as Markdown.
pub(super) fn write_markdown(output: &mut Output, report: &Report) -> Outcome {
    for (place, workload) in report.workloads.iter().enumerate() {
        if place > 0 {
            output.line(b"")?;
        }
        output.line(format!("{}\n", title(workload)).as_bytes())?;
        let code = |policy: &String| format!("`{policy}`");
        output.bytes(measurements(workload, code).markdown().as_bytes())?;
    }
    Ok(())
}

fn title(workload: &WorkloadReport) -> String {
    format!(
        "{}: {} commits, {} keys, {} keyspaces",
        workload.workload, workload.commits, workload.keys, workload.keyspaces
    )
}

/// The table of measurements. `named` formats the name of a policy.
fn measurements(workload: &WorkloadReport, named: impl Fn(&String) -> String) -> Table {
    let titles = MEASUREMENTS.iter().map(|(title, _)| Column::Number(title));
    let columns: Vec<Column> = [Column::Text("policy")].into_iter().chain(titles).collect();
    let mut table = Table::new(&columns);
    for PolicyReport {
        policy, measured, ..
    } in &workload.policies
    {
        table.row([
            named(policy),
            format!("{:.2}", measured.write_amplification),
            format!("{:.2}", measured.read_amplification),
            format!("{:.2}", measured.space_amplification),
            measured.live_segments.to_string(),
            format!("{:.1}", measured.mean_live_segments),
            measured.max_live_segments.to_string(),
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
    let mut table = Table::new(&[
        Column::Text("policy"),
        Column::Text("cause"),
        Column::Number("segments"),
        Column::Number("bytes"),
    ]);
    for policy in &workload.policies {
        for (cause, written) in &policy.measured.by_cause {
            table.row([
                policy.policy.clone(),
                (*cause).to_owned(),
                written.segments.to_string(),
                bytes(written.bytes),
            ]);
        }
    }
    output.table(&table)
}

fn predictions(output: &mut Output, workload: &WorkloadReport) -> Outcome {
    let mut table = Table::new(&[
        Column::Text("policy"),
        Column::Text("metric"),
        Column::Number("predicted"),
        Column::Number("measured"),
        Column::Number("difference"),
    ])
    .alarming(&[WRONG]);
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
                _ if compared.is_broken => format!("{WRONG} {}", compared.difference),
                _ => format!("{}", compared.difference),
            };
            table.row([
                policy.policy.clone(),
                compared.expectation.metric.name().to_owned(),
                predicted,
                compared.measured.to_string(),
                difference,
            ]);
        }
    }
    if table.is_empty() {
        return Ok(());
    }
    output.line(b"\npredictions (= exact, <= at most, ~ on average):")?;
    output.table(&table)
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
                "\n{}: with at most {} live segments, at least {} bytes must be written; the policy \
                 wrote {:.3} times as many",
                policy.policy, optimal.live_segments, optimal.bytes_written, optimal.regret
            );
            output.line(line.as_bytes())?;
        }
    }
    Ok(())
}
