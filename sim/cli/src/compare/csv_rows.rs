//! The comparison as CSV: a row for each policy on each workload. Each metric has three
//! columns for its prediction, which are empty if there is none.

use lithify_policies::policies::{Metric, Value};
use lithify_sim::cli::exit::{Exit, Outcome};
use lithify_sim::cli::output::Output;

use super::report::{PolicyReport, Report};

const METRICS: [Metric; 15] = [
    Metric::LiveSegments,
    Metric::MostLiveSegments,
    Metric::LiveSegmentsSummed,
    Metric::LiveRecords,
    Metric::Merges,
    Metric::RecordsWritten,
    Metric::LongestPauseRecords,
    Metric::ReadableCommits,
    Metric::ReplayedCommits,
    Metric::Lag,
    Metric::PeakRecords,
    Metric::OldestTombstone,
    Metric::BytesWritten,
    Metric::LiveBytes,
    Metric::PeakBytes,
];

/// Writes the report.
pub(super) fn write(output: &mut Output, report: &Report) -> Outcome {
    let mut writer = csv::Writer::from_writer(Vec::new());
    let failed = |error: csv::Error| Exit::Io.because(error);
    let mut header_written = false;
    for workload in &report.workloads {
        for policy in &workload.policies {
            let mut cells = vec![
                ("workload".to_owned(), workload.workload.clone()),
                ("policy".to_owned(), policy.policy.clone()),
            ];
            cells.extend(measurements(policy));
            cells.extend(predictions(policy));
            if !header_written {
                let header = cells.iter().map(|cell| &cell.0);
                writer.write_record(header).map_err(failed)?;
                header_written = true;
            }
            let row = cells.iter().map(|cell| &cell.1);
            writer.write_record(row).map_err(failed)?;
        }
    }
    let text = writer
        .into_inner()
        .map_err(|error| Exit::Io.because(error))?;
    output.bytes(&text)
}

/// Every number of the measurement with its name. The bytes by cause are in one cell.
fn measurements(policy: &PolicyReport) -> Vec<(String, String)> {
    let value = serde_json::to_value(&policy.measured).unwrap_or_default();
    let mut cells = Vec::new();
    for (name, value) in value.as_object().into_iter().flatten() {
        let text = match (value.as_object(), value.is_null()) {
            (Some(causes), _) => {
                let causes = causes
                    .iter()
                    .map(|(cause, written)| format!("{cause}={}", written["bytes"]));
                causes.collect::<Vec<String>>().join(";")
            }
            (None, true) => String::new(),
            (None, false) => value.to_string(),
        };
        cells.push((name.clone(), text));
    }
    let of = |value: Option<String>| value.unwrap_or_default();
    let layouts = policy
        .schedules
        .map(|schedules| schedules.layouts.to_string());
    let regret = policy.optimal.map(|optimal| optimal.regret.to_string());
    cells.push(("distinct_layouts".to_owned(), of(layouts)));
    cells.push(("regret".to_owned(), of(regret)));
    cells
}

fn predictions(policy: &PolicyReport) -> Vec<(String, String)> {
    let mut cells = Vec::new();
    for metric in METRICS {
        let name = metric.name().replace(", ", " ").replace(' ', "_");
        // An exact prediction or a bound says more than a mean.
        let mut found = policy.predictions.iter();
        let compared = found.find(|compared| compared.expectation.metric == metric);
        let (kind, expected) = match compared.map(|compared| compared.expectation.expected) {
            None => ("", String::new()),
            Some(Value::Exactly(value)) => ("exactly", value.to_string()),
            Some(Value::AtMost(value)) => ("at-most", value.to_string()),
            Some(Value::OnAverage(value)) => ("on-average", value.to_string()),
        };
        let difference = compared.map(|compared| compared.difference.to_string());
        cells.push((format!("prediction_{name}"), kind.to_owned()));
        cells.push((format!("predicted_{name}"), expected));
        cells.push((format!("difference_{name}"), difference.unwrap_or_default()));
    }
    cells
}
