//! `--explain`: one line for each job, with the reason why it ran.

use lithify_sim::cli::exit::Outcome;
use lithify_sim::cli::output::Output;

use super::report::WorkloadReport;

/// If there are more inputs, they are counted instead of listed.
const LISTED: usize = 8;

/// Writes the jobs of every policy, if the report has them.
pub(super) fn write(output: &mut Output, workload: &WorkloadReport) -> Outcome {
    for policy in &workload.policies {
        if policy.explained.is_empty() {
            continue;
        }
        output.line(format!("\n{}:", policy.policy).as_bytes())?;
        for job in &policy.explained {
            let inputs = if job.inputs.len() > LISTED {
                format!("{} segments", job.inputs.len())
            } else {
                job.inputs.join(" + ")
            };
            let stream = match &job.keyspace {
                Some(name) => format!("keyspace {name}"),
                None => "all keyspaces".to_owned(),
            };
            let output_name = job.output.as_deref().unwrap_or("nothing");
            let line = format!(
                "  commit {}, {stream}: {inputs} -> {output_name}, {} bytes [{}] {}",
                job.commit, job.bytes, job.cause, job.reason
            );
            output.line(line.as_bytes())?;
        }
    }
    Ok(())
}
