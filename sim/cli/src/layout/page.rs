//! The page of a layout: the pyramid at each commit, by the rule above and of the engine
//! below.

use lithify_sim::cli::page::{badge, counted, page, table};
use maud::{Markup, html};

use super::lifetimes::{KeyspaceLifetimes, Lifetime, Lifetimes};

/// The width of a drawing in its own units; a page stretches it.
const WIDTH: f64 = 1000.0;
/// The height of a level.
const LEVEL: usize = 26;
/// The largest number of keyspaces, and of segments of one, on a page; the JSON has all.
const MAX_KEYSPACES: usize = 6;
const MAX_SEGMENTS: usize = 700;

/// The page.
pub(super) fn draw(lifetimes: &Lifetimes, store: &str) -> String {
    let differ = lifetimes
        .keyspaces
        .iter()
        .any(|it| !it.differ_at.is_empty());
    let is_as_predicted = lifetimes.is_store_as_predicted && !differ;
    let class = if is_as_predicted { "good" } else { "bad" };
    let shown = &lifetimes.keyspaces[..lifetimes.keyspaces.len().min(MAX_KEYSPACES)];
    let body = html! {
        header {
            h1 { "The layout of " (store) ", commit by commit" }
            p.verdict.(class) {
                @if lifetimes.is_store_as_predicted {
                    "The store has the layout that the rule predicts for commit " (lifetimes.head) ". "
                } @else {
                    "The store has another layout than the rule predicts for commit " (lifetimes.head) ": it is not settled. "
                }
                @if differ { "In a replay of its history the two differ at some commits." }
                @else { "In a replay of its history the two are equal at every commit that is shown." }
            }
            p { "Each box is a live segment: from left to right the commits of its window, from bottom to top the levels. The rule gives the upper half; the lower half is the engine, which has played the history again in memory and settled after each commit." }
        }
        @if lifetimes.commits.is_empty() {
            p { "The store has no commits." }
        } @else {
            (slider(lifetimes))
            @for keyspace in shown { (keyspace_section(lifetimes, keyspace)) }
            @let left = lifetimes.keyspaces.len() - shown.len();
            @if left > 0 {
                p.note { (counted(left, "further keyspace is", "further keyspaces are")) " left out; " code { "--format json" } " has all of them." }
            }
        }
    };
    page(&format!("Layout of {store}"), &body)
}

/// The slider; without a script the page shows the newest commit.
fn slider(lifetimes: &Lifetimes) -> Markup {
    let last = lifetimes.commits.len() - 1;
    let commits: Vec<String> = lifetimes.commits.iter().map(ToString::to_string).collect();
    html! {
        div.slider data-commits=(commits.join(" ")) {
            label hidden {
                "Commit " input type="range" min="0" max=(last) value=(last) autocomplete="off";
            }
            " " output aria-live="polite" { "commit " (lifetimes.head) }
        }
        @if lifetimes.commits.len() < lifetimes.head as usize {
            p.note { "The history is long, so " (lifetimes.commits.len()) " of " (lifetimes.head) " commits are shown." }
        }
    }
}

fn keyspace_section(lifetimes: &Lifetimes, keyspace: &KeyspaceLifetimes) -> Markup {
    let both = keyspace.predicted.iter().chain(&keyspace.actual);
    let levels = both.map(|it| usize::from(it.level) + 1).max().unwrap_or(1);
    html! {
        section {
            h2 { "Keyspace " code { (keyspace.name) } }
            @if !keyspace.differ_at.is_empty() {
                p { (badge("bad", "differs")) " at " (counted(keyspace.differ_at.len(), "commit", "commits")) ": "
                    (shortened(&keyspace.differ_at)) }
            }
            div.timeline {
                ol.lanes aria-label="Rows" {
                    @for half in ["rule", "engine"] {
                        @for level in (0..levels).rev() { li { (half) ", level " (level) } }
                    }
                }
                div.scroll tabindex="0" role="region" aria-label={ "Segments of keyspace " (keyspace.name) } {
                    (drawing(lifetimes, keyspace, levels))
                }
            }
            details {
                summary { "Segments as a table" }
                (segments(keyspace))
            }
        }
    }
}

fn shortened(commits: &[u64]) -> String {
    const MOST: usize = 20;
    let shown: Vec<String> = commits.iter().take(MOST).map(ToString::to_string).collect();
    let rest = if commits.len() > MOST { ", .." } else { "" };
    shown.join(", ") + rest
}

fn drawing(lifetimes: &Lifetimes, keyspace: &KeyspaceLifetimes, levels: usize) -> Markup {
    let height = 2 * levels * LEVEL;
    html! {
        svg.pyramid viewBox={ "0 0 " (WIDTH) " " (height) } width="100%" height=(height) preserveAspectRatio="none"
            role="group" aria-label="Segments" {
            line.lane x1="0" x2=(WIDTH) y1=(levels * LEVEL) y2=(levels * LEVEL) {}
            @for (half, all, bottom) in [("rule", &keyspace.predicted, levels), ("engine", &keyspace.actual, 2 * levels)] {
                @for segment in newest(all) {
                    (rectangle(lifetimes.head, segment, (half, bottom)))
                }
            }
        }
    }
}

/// The last segments, if there are many.
fn newest(all: &[Lifetime]) -> Vec<&Lifetime> {
    let mut all: Vec<&Lifetime> = all.iter().collect();
    all.sort_by_key(|it| (it.from, it.level, it.first));
    all.split_off(all.len().saturating_sub(MAX_SEGMENTS))
}

fn rectangle(head: u64, segment: &Lifetime, (half, bottom): (&str, usize)) -> Markup {
    let scale = WIDTH / head as f64;
    let x = (segment.first - 1) as f64 * scale;
    let width = (segment.last + 1 - segment.first) as f64 * scale;
    let y = (bottom - 1 - usize::from(segment.level)) * LEVEL + 3;
    let until = segment.until.map(|until| until.to_string());
    html! {
        rect.segment.(half).off[segment.until.is_some()] x=(format!("{x:.2}")) width=(format!("{:.2}", (width - 1.0).max(0.5)))
            y=(y) height=(LEVEL - 6) data-from=(segment.from) data-until=[until] {
            title { (in_words(segment)) }
        }
    }
}

fn in_words(segment: &Lifetime) -> String {
    let until = match segment.until {
        Some(until) => format!("before commit {until}"),
        None => "now".to_owned(),
    };
    format!(
        "level {}, commits {} to {}, live from commit {} until {until}",
        segment.level, segment.first, segment.last, segment.from
    )
}

fn segments(keyspace: &KeyspaceLifetimes) -> Markup {
    let mut rows = Vec::new();
    for (half, all) in [
        ("predicted", &keyspace.predicted),
        ("actual", &keyspace.actual),
    ] {
        for segment in newest(all) {
            rows.push(vec![
                html! { (half) },
                html! { (segment.level) },
                html! { (segment.first) " to " (segment.last) },
                html! { (segment.from) },
                html! { @if let Some(until) = segment.until { (until) } @else { "live now" } },
            ]);
        }
    }
    let all = keyspace.predicted.len() + keyspace.actual.len();
    let title = format!("Segments of keyspace {}", keyspace.name);
    html! {
        (table(&title, &["by", "level", "window", "live from", "gone at"], &rows))
        @if rows.len() < all {
            p.note { "Older segments are left out; " code { "--format json" } " has all of them." }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A difference from the rule is in the first sentence, and where it is.
    #[test]
    fn a_difference_is_told_first() {
        let segment = Lifetime {
            level: 0,
            first: 1,
            last: 1,
            from: 1,
            until: None,
        };
        let mut lifetimes = Lifetimes {
            head: 1,
            commits: vec![1],
            keyspaces: vec![KeyspaceLifetimes {
                name: "a".to_owned(),
                predicted: vec![segment.clone()],
                actual: vec![segment],
                differ_at: Vec::new(),
            }],
            is_store_as_predicted: true,
        };
        let equal = draw(&lifetimes, "S");
        assert!(equal.contains("verdict good") && equal.contains("the two are equal"));
        lifetimes.is_store_as_predicted = false;
        let unsettled = draw(&lifetimes, "S");
        assert!(unsettled.contains("verdict bad") && unsettled.contains("it is not settled"));
        lifetimes.is_store_as_predicted = true;
        lifetimes.keyspaces[0].differ_at = vec![1];
        let other = draw(&lifetimes, "S");
        assert!(other.contains("verdict bad") && other.contains("at 1 commit: 1"));
    }
}
