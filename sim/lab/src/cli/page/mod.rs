//! Pages in HTML: one file, which loads nothing.
//!
//! A page is drawn from data that `--format json` prints too, and decides nothing. It
//! is readable without its script, on paper, in light and dark, and on a narrow screen.
//!
//! Invariants: the content policy of a page allows its own style and its own script and
//! nothing else, by their hashes, so nothing in the data can load or run anything. All
//! texts are escaped by the templates. No element has a `style` attribute, because the
//! policy forbids it.

mod campaign;
mod curve;
mod finding;
mod timeline;

use maud::{DOCTYPE, Markup, PreEscaped, html};

pub(super) use campaign::campaign;
pub(super) use finding::{Shown, finding};

/// The style of all pages.
const STYLE: &str = include_str!("style.css");
/// The script of all pages: the keyboard, filters, sliders.
const SCRIPT: &str = include_str!("page.js");

/// The SHA-256 hashes of style and script, for the content policy. A test computes them
/// again.
const STYLE_HASH: &str = "sha256-b9AQ3HL6yPrJMF3/5YLLnS9EehdnPq7cNd2YC/Gw+Lk=";
const SCRIPT_HASH: &str = "sha256-lrje4UYfq3jAvuLOfc1NLjLP3X2DnNouSfPSa+vzLOY=";

/// A whole page. `body` begins with a heading of the first level.
#[must_use]
pub fn page(title: &str, body: &Markup) -> String {
    let policy = format!(
        "default-src 'none'; style-src '{STYLE_HASH}'; script-src '{SCRIPT_HASH}'; \
         base-uri 'none'; form-action 'none'"
    );
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content=(policy);
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (title) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                main { (body) }
                footer { p { "Made by lithify " (env!("CARGO_PKG_VERSION")) ". This page loads nothing and needs no network." } }
                script { (PreEscaped(SCRIPT)) }
            }
        }
    };
    page.into_string()
}

/// A table that may be wider than the screen. `title` says what it shows.
#[must_use]
pub fn table(title: &str, columns: &[&str], rows: &[Vec<Markup>]) -> Markup {
    html! {
        div.scroll tabindex="0" role="region" aria-label=(title) {
            table.wide[columns.len() > 4] {
                caption { (title) }
                thead { tr { @for column in columns { th scope="col" { (column) } } } }
                tbody { @for row in rows { tr { @for cell in row { td { (cell) } } } } }
            }
        }
    }
}

/// As [`table`], with a field above it that hides the rows without the typed words. The
/// field is shown only if there is a script.
#[must_use]
pub fn filtered_table(title: &str, columns: &[&str], rows: &[Vec<Markup>]) -> Markup {
    html! {
        div.filtered {
            label.filter hidden {
                "Show only rows with " input type="search" autocomplete="off" spellcheck="false";
                " " output aria-live="polite" {}
            }
            (table(title, columns, rows))
        }
    }
}

/// A word that says how something is, with a colour.
#[must_use]
pub fn badge(class: &str, text: &str) -> Markup {
    html! { span.badge.(class) { (text) } }
}

/// `one` for one, and otherwise the number with `many`.
#[must_use]
pub fn counted(count: usize, one: &str, many: &str) -> String {
    match count {
        1 => format!("1 {one}"),
        count => format!("{count} {many}"),
    }
}
