//! The timeline of a finding: a lane for clients, tasks, faults, the power, and each
//! file; a mark for each event; a line from each change to what made it durable.

use maud::{Markup, html};

use super::{badge, table};
use crate::finding::report::{Event, Fate, Lane, LaneKind, Report, What};

/// The largest number of events on a page: the last ones. The JSON has all of them.
const MAX_EVENTS: usize = 500;

/// The distance between two events.
const STEP: usize = 16;
/// The height of a lane.
const LANE: usize = 26;

/// The section with the drawing and the table of events.
pub(super) fn timeline(report: &Report) -> Markup {
    if report.events.is_empty() {
        return html! {};
    }
    let first = report.events.len().saturating_sub(MAX_EVENTS);
    let events: Vec<(usize, &Event)> = report.events.iter().enumerate().skip(first).collect();
    let mut lanes: Vec<usize> = events.iter().map(|(_, event)| event.lane).collect();
    lanes.sort_unstable();
    lanes.dedup();
    let drawn = Drawn {
        report,
        first,
        events: &events,
        lanes: &lanes,
    };
    html! {
        section {
            h2 { "What happened" }
            p {
                "Events from left to right, in their order. Each file has a lane of its own, whatever its name is at that moment. "
                "A line runs from each change to the event that made it durable, or to the loss of power that decided about it."
            }
            @if first > 0 {
                p.note { "These are the last " (events.len()) " of " (report.events.len()) " events; " code { "--format json" } " has all of them." }
            }
            (legend())
            div.timeline {
                (names(report, &lanes))
                div.scroll tabindex="0" role="region" aria-label="The timeline; it may be wider than the screen" {
                    (drawn.drawing())
                }
            }
            output.details id="event" aria-live="polite" {
                "With a script, the arrow keys go from event to event: left and right in order, up and down between lanes."
            }
            details {
                summary { "All events as a table" }
                (table("Events", &["nr", "epoch", "line", "lane", "event", "what became of it"], &drawn.rows()))
            }
        }
    }
}

fn legend() -> Markup {
    html! {
        ul.legend aria-label="Legend" {
            li { (badge("good", "● durable")) " a change that became durable" }
            li { (badge("kept", "○ kept")) " not durable, but a crash kept it" }
            li { (badge("bad", "× lost")) " lost in a crash" }
            li { (badge("plain", "◌ pending")) " not durable up to the end" }
            li { (badge("plain", "●")) " creates or writes" }
            li { (badge("plain", "▶")) " renames" }
            li { (badge("plain", "■")) " removes" }
            li { (badge("plain", "❙")) " a sync" }
            li { (badge("plain", "▮")) " a line of the trace" }
            li { (badge("good", "◆")) " a commit is acknowledged" }
            li { (badge("plain", "◇")) " a commit is shown" }
            li { (badge("bad", "▲")) " a fault" }
            li { (badge("bad", "↯")) " the power fails" }
        }
    }
}

/// The names of the lanes, which stay in place while the drawing is scrolled.
fn names(report: &Report, lanes: &[usize]) -> Markup {
    html! {
        ol.lanes aria-label="Lanes" {
            @for lane in lanes {
                @let lane = &report.lanes[*lane];
                li title=(full_name(lane)) { (lane.name) }
            }
        }
    }
}

fn full_name(lane: &Lane) -> String {
    match lane.file {
        Some(file) => format!("file {file}: {}", lane.name),
        None => lane.name.clone(),
    }
}

struct Drawn<'run> {
    report: &'run Report,
    /// The number of the first event that is drawn.
    first: usize,
    events: &'run [(usize, &'run Event)],
    /// The lanes that are drawn, from the top.
    lanes: &'run [usize],
}

impl Drawn<'_> {
    fn x(&self, event: usize) -> usize {
        (event.max(self.first) - self.first) * STEP + STEP
    }

    fn y(&self, lane: usize) -> usize {
        let row = self.lanes.binary_search(&lane).unwrap_or_default();
        row * LANE + LANE / 2
    }

    fn width(&self) -> usize {
        self.events.len() * STEP + 2 * STEP
    }

    fn drawing(&self) -> Markup {
        let (width, height) = (self.width(), self.lanes.len() * LANE);
        html! {
            svg width=(width) height=(height) viewBox={ "0 0 " (width) " " (height) } role="group" aria-label="Timeline" {
                @for lane in self.lanes {
                    line.lane x1="0" x2=(width) y1=(self.y(*lane)) y2=(self.y(*lane)) {}
                }
                @for (number, event) in self.events { (self.reach(*number, event)) }
                @for (number, event) in self.events {
                    @if event.what == What::PowerFailure {
                        line.power x1=(self.x(*number)) x2=(self.x(*number)) y1="0" y2=(height) {}
                    }
                }
                @for (number, event) in self.events { (self.mark(*number, event)) }
            }
        }
    }

    /// The line from a change to the event that decided about it.
    fn reach(&self, number: usize, event: &Event) -> Markup {
        let y = self.y(event.lane);
        let end = match event.fate {
            Some(Fate::Pending) => self.width(),
            Some(fate) => self.x(decided_by(fate).unwrap_or(number)),
            None => return html! {},
        };
        html! { line.reach.(class(event)) x1=(self.x(number)) x2=(end) y1=(y) y2=(y) {} }
    }

    fn mark(&self, number: usize, event: &Event) -> Markup {
        let (x, y) = (self.x(number), self.y(event.lane));
        let text = self.text(number, event);
        html! {
            g.mark.(class(event)) id={ "e" (number + 1) } tabindex="-1" role="img"
                data-lane=(event.lane) transform={ "translate(" (x) " " (y) ")" } {
                title { (text) }
                (shape(event))
            }
        }
    }

    /// The event in words.
    fn text(&self, number: usize, event: &Event) -> String {
        let lane = &self.report.lanes[event.lane];
        let line = event.line.map(|line| format!(", line {line}"));
        let fate = event
            .fate
            .map(|fate| format!("; {}", fate_in_words(fate)))
            .unwrap_or_default();
        let owner = match lane.kind {
            LaneKind::File | LaneKind::Directory => full_name(lane),
            _ => lane.name.clone(),
        };
        format!(
            "Event {}{}: {}{fate} ({owner})",
            number + 1,
            line.unwrap_or_default(),
            event.text
        )
    }

    fn rows(&self) -> Vec<Vec<Markup>> {
        let rows = self.events.iter().map(|(number, event)| {
            vec![
                html! { (number + 1) },
                html! { (event.epoch) },
                html! { @if let Some(line) = event.line { (line) } },
                html! { (full_name(&self.report.lanes[event.lane])) },
                html! { code { (event.text) } },
                html! { @if let Some(fate) = event.fate { (fate_in_words(fate)) } },
            ]
        });
        rows.collect()
    }
}

fn decided_by(fate: Fate) -> Option<usize> {
    match fate {
        Fate::Durable(event)
        | Fate::Kept(event)
        | Fate::Lost(event)
        | Fate::PartlyLost(event)
        | Fate::Forgotten(event) => Some(event),
        Fate::Pending => None,
    }
}

fn fate_in_words(fate: Fate) -> String {
    match fate {
        Fate::Durable(event) => format!("durable since event {}", event + 1),
        Fate::Kept(event) => format!("not durable, kept by the crash of event {}", event + 1),
        Fate::Lost(event) => format!("lost at event {}", event + 1),
        Fate::PartlyLost(event) => format!("partly lost at event {}", event + 1),
        Fate::Forgotten(event) => {
            format!(
                "forgotten by the failed sync of event {}, never durable",
                event + 1
            )
        }
        Fate::Pending => "pending up to the end".to_owned(),
    }
}

fn class(event: &Event) -> &'static str {
    match (event.what, event.fate) {
        (What::Fault | What::Rot | What::PowerFailure, _) => "bad",
        (What::Acknowledged, _) => "good",
        (_, Some(Fate::Durable(_))) => "good",
        (_, Some(Fate::Kept(_))) => "kept",
        (_, Some(Fate::Lost(_) | Fate::PartlyLost(_) | Fate::Forgotten(_))) => "bad",
        _ => "plain",
    }
}

/// The shape says what the colour says, for those who do not see the colour.
fn shape(event: &Event) -> Markup {
    html! {
        rect.hit x="-8" y="-12" width="16" height="24" {}
        @match (event.what, event.fate) {
            (What::Action | What::Opening, _) => { rect x="-5" y="-8" width="10" height="16" rx="2" {} }
            (What::Acknowledged, _) => { path d="M0-7 7 0 0 7-7 0Z" {} }
            (What::Shown, _) => { path.hollow d="M0-7 7 0 0 7-7 0Z" {} }
            (What::Fault | What::Rot, _) => { path d="M0-7 7 6H-7Z" {} }
            (What::PowerFailure, _) => { path d="M2-11-6 2H-1L-2 11 6-2H1Z" {} }
            (What::Barrier, _) => { rect x="-2.5" y="-10" width="5" height="20" {} }
            (_, Some(Fate::Lost(_) | Fate::PartlyLost(_) | Fate::Forgotten(_))) => {
                path.cross d="M-5-5 5 5M5-5-5 5" {}
            }
            (What::Remove, Some(Fate::Durable(_))) => { rect x="-5" y="-5" width="10" height="10" {} }
            (What::Remove, _) => { rect.hollow x="-5" y="-5" width="10" height="10" {} }
            (What::Rename, Some(Fate::Durable(_))) => { path d="M-5-6 7 0-5 6Z" {} }
            (What::Rename, _) => { path.hollow d="M-5-6 7 0-5 6Z" {} }
            (_, Some(Fate::Durable(_))) => { circle r="5" {} }
            (_, Some(Fate::Pending)) => { circle.hollow.dotted r="5" {} }
            _ => { circle.hollow r="5" {} }
        }
    }
}
