//! Tables in Markdown.

use comfy_table::{Cell, CellAlignment, Table, presets::ASCII_MARKDOWN};

use super::ratio::{Column, Spread, columns, in_order};
use crate::contestant::Contestant;
use crate::figure::text;
use crate::growth;
use crate::harness::Results;

/// How far lithify is ahead in each figure that is compared.
pub(super) fn ratios(results: &Results) -> String {
    let mut table = markdown([
        "row",
        "figure",
        "as",
        "lithify",
        "best peer",
        "",
        "ahead",
        "lowest to highest",
    ]);
    for column in columns(&results.measurements) {
        let best_peer = column.best_peer();
        for contestant in column
            .contestants()
            .iter()
            .filter(|contestant| contestant.is_lithify())
        {
            let (Some(own), Some((peer, best)), Some(ahead)) = (
                column.spread(contestant),
                &best_peer,
                column.ahead(contestant),
            ) else {
                continue;
            };
            table.add_row(vec![
                Cell::new(column.row.name()),
                Cell::new(&column.name),
                Cell::new(contestant),
                number(text(own.median, column.unit)),
                Cell::new(peer),
                number(text(best.median, column.unit)),
                number(ratio(ahead.median)),
                number(format!(
                    "{} to {}",
                    ratio(ahead.lowest),
                    ratio(ahead.highest)
                )),
            ]);
        }
    }
    table.to_string()
}

/// The median of every figure of every engine.
pub(super) fn values(results: &Results) -> String {
    let columns = columns(&results.measurements);
    let everyone = in_order(columns.iter().flat_map(Column::contestants).collect());
    let titles = ["row".to_owned(), "figure".to_owned()];
    let mut table = markdown(
        titles
            .into_iter()
            .chain(everyone.iter().map(Contestant::to_string)),
    );
    for column in &columns {
        let medians = everyone.iter().map(|contestant| {
            let median = column
                .spread(contestant)
                .map(|spread| text(spread.median, column.unit));
            number(median.unwrap_or_default())
        });
        let titles = [Cell::new(column.row.name()), Cell::new(&column.name)];
        table.add_row(titles.into_iter().chain(medians));
    }
    table.to_string()
}

/// Times for N, 2N and 4N, and what a doubling multiplies them with.
pub(super) fn growth(results: &Results) -> String {
    let mut table =
        markdown(["growth", "N", "N", "2N", "4N", "N to 2N", "2N to 4N"].map(str::to_owned));
    for growth in &results.growth {
        let medians: Vec<_> = growth
            .seconds
            .iter()
            .filter_map(|times| Spread::of(times.clone()).map(|spread| spread.median))
            .collect();
        if medians.len() < growth::FACTORS.len() {
            continue;
        }
        let titles = [Cell::new(growth.case.title()), number(growth.n.to_string())];
        let times = medians
            .iter()
            .map(|&median| number(text(median, crate::figure::Unit::Seconds)));
        let factors = medians
            .windows(2)
            .map(|pair| number(ratio(pair[1] / pair[0])));
        table.add_row(titles.into_iter().chain(times).chain(factors));
    }
    table.to_string()
}

fn markdown(titles: impl IntoIterator<Item = impl ToString>) -> Table {
    let mut table = Table::new();
    table
        .load_style(ASCII_MARKDOWN)
        .set_header(titles.into_iter().map(|title| title.to_string()));
    table
}

fn number(text: String) -> Cell {
    Cell::new(text).set_alignment(CellAlignment::Right)
}

fn ratio(value: f64) -> String {
    let digits = if value < 0.1 { 4 } else { 2 };
    format!("{value:.digits$}")
}
