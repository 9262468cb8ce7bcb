//! The report of a run: tables in Markdown, a plot, and all figures as JSON.

mod plot;
mod ratio;
mod table;

use std::fs;
use std::path::Path;

use crate::Result;
use crate::engines::LITHIFY;
use crate::harness::Results;

/// Prints the tables.
pub(crate) fn print(results: &Results) {
    println!("{}", tables(results));
}

/// Prints the tables of a run that has written its figures to `file`.
pub(crate) fn show(file: &Path) -> Result<()> {
    let text = fs::read_to_string(file).map_err(|error| format!("{}: {error}", file.display()))?;
    let results =
        serde_json::from_str(&text).map_err(|error| format!("{}: {error}", file.display()))?;
    print(&results);
    Ok(())
}

/// Writes the tables, the plot and the figures to `directory`.
pub(crate) fn write(results: &Results, directory: &Path) -> Result<()> {
    fs::create_dir_all(directory)?;
    fs::write(
        directory.join("results.json"),
        serde_json::to_vec_pretty(results)?,
    )?;
    fs::write(directory.join("table.md"), tables(results))?;
    plot::draw(results, &directory.join("plot.svg"))
}

fn tables(results: &Results) -> String {
    let mut parts = Vec::new();
    if !results.measurements.is_empty() {
        parts.push(table::ratios(results));
        parts.push(table::values(results));
    }
    if !results.growth.is_empty() {
        parts.push(table::growth(results));
    }
    let absent: Vec<_> = results
        .absent
        .iter()
        .filter(|name| *name != LITHIFY)
        .collect();
    if !absent.is_empty() {
        let names: Vec<_> = absent.iter().map(|name| name.as_str()).collect();
        parts.push(format!(
            "Left out: {}. `--features peers` builds all that are not slow to build, `--features peers,rocksdb` all.",
            names.join(", ")
        ));
    }
    for failure in &results.failures {
        parts.push(format!("Failed: {failure}"));
    }
    parts.join("\n\n")
}
