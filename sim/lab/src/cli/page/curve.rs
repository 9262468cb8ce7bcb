//! The causality curve: the share of images that end in the finding, at each operation.

use maud::{Markup, html};

use super::table;
use crate::finding::report::{Curve, Point};

/// The distance between two operations.
const STEP: usize = 16;
const HEIGHT: usize = 120;
/// The largest number of points on a page: the last ones.
const MAX_POINTS: usize = 400;

/// The section with the drawing and the table.
pub(super) fn curve(curve: &Curve) -> Markup {
    let first = curve.points.len().saturating_sub(MAX_POINTS);
    let points = &curve.points[first..];
    let sampled = points.iter().filter(|point| !point.is_exact).count();
    let rows: Vec<Vec<Markup>> = points.iter().map(row).collect();
    html! {
        section {
            h2 { "When the finding becomes possible" }
            p {
                "Epoch " (curve.epoch) ": if the power fails directly before an operation, this share of the disks that the model allows ends in the finding. "
                @if sampled == 0 {
                    "Every share is exact: all legal disks were judged, and disks that look alike to a process count once."
                } @else {
                    "A filled bar is exact: all legal disks were judged. A striped bar is a sample (" (sampled) " of " (points.len()) " points)."
                }
            }
            @if first > 0 {
                p.note { "These are the last " (points.len()) " of " (curve.points.len()) " points; " code { "--format json" } " has all of them." }
            }
            @if !curve.is_complete {
                p.note { "The limit of judged disks was reached, so later operations are missing." }
            }
            div.scroll tabindex="0" role="region" aria-label="The curve; it may be wider than the screen" {
                (drawing(points))
            }
            details {
                summary { "The curve as a table" }
                (table("Share of disks that end in the finding", &["before", "disks", "with the finding", "share", "exact"], &rows))
            }
        }
    }
}

fn drawing(points: &[Point]) -> Markup {
    let width = points.len() * STEP + 40;
    html! {
        svg.curve width=(width) height=(HEIGHT + 20) viewBox={ "0 0 " (width) " " (HEIGHT + 20) } role="img" aria-label="The curve; the table below has the same numbers" {
            @for percent in [0, 50, 100] {
                @let y = 10 + HEIGHT - HEIGHT * percent / 100;
                line.lane x1="36" x2=(width) y1=(y) y2=(y) {}
                text x="32" y=(y + 4) text-anchor="end" { (percent) "%" }
            }
            @for (index, point) in points.iter().enumerate() {
                @let height = share(point) * HEIGHT as f64;
                rect.bar.sampled[!point.is_exact] x=(40 + index * STEP) width=(STEP - 4)
                    y=(format!("{:.1}", 10.0 + HEIGHT as f64 - height.max(1.0))) height=(format!("{:.1}", height.max(1.0))) {
                    title { (in_words(point)) }
                }
            }
        }
    }
}

fn share(point: &Point) -> f64 {
    point.failing as f64 / point.images.max(1) as f64
}

fn before(point: &Point) -> &str {
    point.operation.as_deref().unwrap_or("the end")
}

fn in_words(point: &Point) -> String {
    let kind = if point.is_exact { "exact" } else { "sampled" };
    format!(
        "before {}: {} of {} disks, {:.1} %, {kind}",
        before(point),
        point.failing,
        point.images,
        share(point) * 100.0
    )
}

fn row(point: &Point) -> Vec<Markup> {
    vec![
        html! { code { (before(point)) } @if let Some(event) = point.event { " (event " (event + 1) ")" } },
        html! { (point.images) },
        html! { (point.failing) },
        html! { (format!("{:.1} %", share(point) * 100.0)) },
        html! { (if point.is_exact { "yes" } else { "no" }) },
    ]
}
