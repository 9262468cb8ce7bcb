//! `sim list --litmus`: each litmus test, what was published about it, and the verdicts
//! of the models. The models of a lying disk and of other simulators describe no file
//! system, so they are left out.

use serde::Serialize;

use super::args::Format;
use super::exit::Outcome;
use super::output::Output;
use super::table::{Column, Table};
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
    for test in tests {
        output.line(format!("{}: {}", test.litmus, test.question).as_bytes())?;
        let titles = [
            "model",
            "published",
            "model says",
            "agreement",
            "source and remark",
        ];
        let mut table = Table::new(&titles.map(Column::Text)).indented(2);
        for row in &test.models {
            let source = match row.remark {
                "" => row.source.to_owned(),
                remark => format!("{}; {remark}", row.source),
            };
            let cells = [
                row.model,
                row.published,
                row.model_says,
                row.agreement,
                &source,
            ];
            table.row(cells);
        }
        output.table(&table)?;
    }
    for line in [
        "unsafe: after some crash a reader sees what it did not expect",
        "weaker: the model allows more than what was published, which is sound",
        "assumes: nothing was published",
    ] {
        output.line(line.as_bytes())?;
    }
    Ok(())
}
