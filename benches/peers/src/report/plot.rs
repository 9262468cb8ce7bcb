//! One strip for each row, one bar for each engine: what the row is about, by what lithify did.
//!
//! The axis is logarithmic, so that twice as much and half as much are as long as each other. A
//! bar to the left of the middle line is an engine that was behind lithify.

use std::path::Path;

use plotters::coord::Shift;
use plotters::prelude::{
    BLACK, Color as _, DrawingArea, IntoDrawingArea as _, IntoFont as _, Palette as _, Palette99,
    PathElement, Rectangle, SVGBackend, Text, WHITE,
};

use super::ratio::{Column, columns};
use crate::Result;
use crate::contestant::{Contestant, Variant};
use crate::engines::LITHIFY;
use crate::figure::Better;
use crate::harness::Results;

const WIDTH: i32 = 1000;
/// Where names of rows end and bars begin.
const LEFT: i32 = 170;
/// Where bars end and names of engines begin.
const RIGHT: i32 = 730;
const BAR: i32 = 11;
const GAP: i32 = 14;
/// Room for the numbers of the axis.
const TOP: i32 = 40;
/// The axis ends here in both directions: this many times more, or less.
const MOST: f64 = 100.0;
const MARKS: [f64; 9] = [0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0];

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;

/// Draws the plot to `file`.
pub(super) fn draw(results: &Results, file: &Path) -> Result<()> {
    let strips = strips(results);
    let bars: usize = strips.iter().map(|strip| strip.bars.len()).sum();
    let height = TOP + bars as i32 * BAR + strips.len() as i32 * GAP + GAP;
    let area = SVGBackend::new(file, (WIDTH as u32, height as u32)).into_drawing_area();
    area.fill(&WHITE)?;
    draw_axis(&area, height)?;
    let mut top = TOP;
    for strip in &strips {
        area.draw(&Text::new(
            strip.name.clone(),
            (8, top),
            ("sans-serif", 13).into_font(),
        ))?;
        for (contestant, ahead) in &strip.bars {
            draw_bar(&area, top, contestant, *ahead)?;
            top += BAR;
        }
        top += GAP;
    }
    area.present()?;
    Ok(())
}

/// The bars of one row.
struct Strip {
    name: String,
    /// How many times better than lithify with its first options.
    bars: Vec<(Contestant, f64)>,
}

fn strips(results: &Results) -> Vec<Strip> {
    let columns = columns(&results.measurements);
    let is_first = |index: usize| index == 0 || columns[index - 1].row != columns[index].row;
    (0..columns.len())
        .filter(|&index| is_first(index))
        .filter_map(|index| strip(&columns[index]))
        .collect()
}

fn strip(column: &Column) -> Option<Strip> {
    let lithify = Contestant {
        engine: LITHIFY.to_owned(),
        variant: Variant::Default,
    };
    let base = column.spread(&lithify)?.median;
    let bars = column.contestants().into_iter().filter_map(|contestant| {
        let median = column.compared(&contestant)?.median;
        let ahead = match column.better {
            Better::Higher | Better::Neither => median / base,
            Better::Lower => base / median,
        };
        Some((contestant, ahead))
    });
    Some(Strip {
        name: column.row.name(),
        bars: bars.collect(),
    })
}

fn draw_axis(area: &Area<'_>, height: i32) -> Result<()> {
    let title = "times as good as lithify with default options (medians)";
    area.draw(&Text::new(title, (LEFT, 4), ("sans-serif", 13).into_font()))?;
    for mark in MARKS {
        let x = position(mark);
        area.draw(&Text::new(
            mark.to_string(),
            (x - 8, 20),
            ("sans-serif", 11).into_font(),
        ))?;
        let strength = if mark == 1.0 { 0.8 } else { 0.15 };
        area.draw(&PathElement::new(
            vec![(x, 34), (x, height)],
            BLACK.mix(strength),
        ))?;
    }
    Ok(())
}

fn draw_bar(area: &Area<'_>, top: i32, contestant: &Contestant, ahead: f64) -> Result<()> {
    let ends = [position(1.0), position(ahead)];
    let (left, right) = (
        ends[0].min(ends[1]),
        ends[0].max(ends[1]).max(ends[0].min(ends[1]) + 2),
    );
    let color = Palette99::pick(color(contestant)).filled();
    area.draw(&Rectangle::new(
        [(left, top), (right, top + BAR - 2)],
        color,
    ))?;
    let label = format!("{contestant} {ahead:.2}");
    area.draw(&Text::new(
        label,
        (RIGHT + 10, top - 1),
        ("sans-serif", 10).into_font(),
    ))?;
    Ok(())
}

/// The same colour for an engine in every strip, whichever other engines play.
fn color(contestant: &Contestant) -> usize {
    crate::engines::all()
        .iter()
        .position(|entry| entry.name == contestant.engine)
        .unwrap_or_default()
}

/// Where `ahead` lies on the axis; what is beyond its end lies at the end.
fn position(ahead: f64) -> i32 {
    let share = (ahead.clamp(1.0 / MOST, MOST).log10() / MOST.log10() + 1.0) / 2.0;
    LEFT + (share * f64::from(RIGHT - LEFT)).round() as i32
}
