//! `sim list --litmus`: each litmus test, what was published about it, and what the models
//! say. The models of a lying disk and of other simulators stand for no file system, and
//! are left out.

use serde::Serialize;

use super::args::Format;
use super::exit::Outcome;
use super::output::Output;
use crate::disk::Model;
use crate::disk::litmus::published::Published;
use crate::disk::litmus::{LITMUS, Litmus};
use crate::disk::model::MODELS;

#[derive(Serialize)]
struct Test {
    litmus: &'static str,
    question: &'static str,
    models: Vec<Row>,
}

#[derive(Serialize)]
struct Row {
    model: &'static str,
    published: &'static str,
    source: &'static str,
    model_says: &'static str,
    agreement: &'static str,
    outcomes: usize,
    surprises: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    example: Option<String>,
    #[serde(skip_serializing_if = "str::is_empty")]
    remark: &'static str,
}

pub(super) fn tell(format: Format) -> Outcome {
    let tests: Vec<Test> = LITMUS.iter().map(test).collect();
    let mut output = Output::for_reading();
    match format {
        Format::Json => output.json(&tests)?,
        Format::Text => text(&mut output, &tests)?,
    }
    output.finish()
}

fn test(litmus: &'static Litmus) -> Test {
    let rows = MODELS.iter().filter_map(|model| {
        let published = litmus.published(model)?;
        Some(row(litmus, published, model))
    });
    Test {
        litmus: litmus.name,
        question: litmus.question,
        models: rows.collect(),
    }
}

fn row(litmus: &Litmus, published: &Published, model: &'static Model) -> Row {
    let surprises = litmus.surprises(model);
    Row {
        model: model.name,
        published: published.verdict.name(),
        source: published.source,
        model_says: litmus.verdict(model).name(),
        agreement: published.agreement(litmus, model).name(),
        outcomes: litmus.outcomes(model).len(),
        surprises: surprises.len(),
        example: surprises.into_iter().next(),
        remark: published.remark,
    }
}

fn text(output: &mut Output, tests: &[Test]) -> Outcome {
    let cells = |[model, published, says, agreement, source]: [&str; 5]| {
        format!("  {model:<16} {published:<9} {says:<7} {agreement:<10} {source}")
    };
    for test in tests {
        output.line(format!("{}: {}", test.litmus, test.question).as_bytes())?;
        output.line(cells(["model", "published", "it says", "", "source"]).as_bytes())?;
        for row in &test.models {
            let line = cells([
                row.model,
                row.published,
                row.model_says,
                row.agreement,
                row.source,
            ]);
            output.line(line.as_bytes())?;
            if !row.remark.is_empty() {
                output.line(format!("{:22}{}", "", row.remark).as_bytes())?;
            }
        }
    }
    output.line(b"unsafe: some crash leaves a surprise; weaker: the model allows more than is published, which is sound; assumes: nothing is published")
}
