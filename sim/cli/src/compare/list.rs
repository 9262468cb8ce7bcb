//! `--list`: all policies and workloads, with parameters and defaults.

use lithify_policies::compare::workloads::WORKLOADS;
use lithify_policies::policies::POLICIES;
use lithify_policies::policies::registry::ALL;
use lithify_policies::policies::spec::Parameter;
use lithify_sim::cli::exit::{Exit, Outcome};
use lithify_sim::cli::output::Output;
use lithify_sim::cli::table::{Column, Table};
use serde::Serialize;

use super::CompareFormat;

#[derive(Serialize)]
struct Listed {
    name: &'static str,
    about: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    source: Option<&'static str>,
    parameters: Vec<ListedParameter>,
}

#[derive(Serialize)]
struct ListedParameter {
    name: &'static str,
    default: &'static str,
    about: &'static str,
}

#[derive(Serialize)]
struct Everything {
    policies: Vec<Listed>,
    all: &'static [&'static str],
    workloads: Vec<Listed>,
}

fn parameters(parameters: &'static [Parameter]) -> Vec<ListedParameter> {
    let listed = parameters.iter().map(|parameter| ListedParameter {
        name: parameter.name,
        default: parameter.default,
        about: parameter.about,
    });
    listed.collect()
}

/// Lists everything.
pub(super) fn list(format: CompareFormat) -> Outcome {
    let policies = POLICIES.iter().map(|policy| Listed {
        name: policy.name,
        about: policy.about,
        source: Some(policy.source),
        parameters: parameters(policy.parameters),
    });
    let workloads = WORKLOADS.iter().map(|workload| Listed {
        name: workload.name,
        about: workload.about,
        source: None,
        parameters: parameters(workload.parameters),
    });
    let everything = Everything {
        policies: policies.collect(),
        all: ALL,
        workloads: workloads.collect(),
    };
    let mut output = Output::for_reading();
    match format {
        CompareFormat::Json => output.json(&everything)?,
        CompareFormat::Csv => {
            return Err(Exit::Usage.because("--list has no CSV form: use table or json"));
        }
        CompareFormat::Markdown => {
            return Err(Exit::Usage.because("--list has no Markdown form: use table or json"));
        }
        CompareFormat::Table => text(&mut output, &everything)?,
    }
    output.finish()
}

fn text(output: &mut Output, everything: &Everything) -> Outcome {
    for (title, listed) in [
        ("policies", &everything.policies),
        ("workloads (and git:PATH)", &everything.workloads),
    ] {
        output.line(title.as_bytes())?;
        let mut table = Table::new(&[Column::Text(""); 2]).indented(2);
        for one in listed {
            let source = one.source.map(|source| format!(" [{source}]"));
            let about = format!("{}{}", one.about, source.unwrap_or_default());
            table.row([one.name.to_owned(), about]);
            for parameter in &one.parameters {
                let default = format!("  {}={}", parameter.name, parameter.default);
                table.row([default, parameter.about.to_owned()]);
            }
        }
        output.table(&table)?;
    }
    output.line(format!("all: {}", everything.all.join(", ")).as_bytes())
}
