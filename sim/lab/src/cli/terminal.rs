//! Standard output and standard error: whether each is a pipe or a terminal, its width,
//! and whether colours are wanted.
//!
//! Only this file asks the system; commands get a [`Screen`], which is a value. Output
//! to a pipe is never folded, cut or coloured. On a terminal no line is wider than the
//! terminal: a line that is too long continues on the next line, indented. It is not
//! cut there either.

use std::io::Write as _;

use anstream::stream::RawStream;
use anstream::{AutoStream, ColorChoice};
pub use anstyle::AnsiColor as Colour;
use anstyle::Style;
use terminal_size::{Width, terminal_size_of};

/// The width of a terminal that does not report its width.
const USUAL_WIDTH: usize = 80;

/// The largest width of help, because long lines are hard to read.
const WIDEST_HELP: usize = 100;

/// The indent of the continuation of a folded line.
const HANGING: usize = 4;

/// The device on which text is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Screen {
    /// The columns of a terminal; `None` for a pipe.
    width: Option<usize>,
    has_colour: bool,
}

impl Screen {
    /// A pipe or a file.
    pub const PIPE: Self = Self {
        width: None,
        has_colour: false,
    };

    /// Standard output.
    #[must_use]
    pub fn of_output() -> Self {
        Self::of(&std::io::stdout())
    }

    /// Standard error.
    #[must_use]
    pub fn of_errors() -> Self {
        Self::of(&std::io::stderr())
    }

    fn of(stream: &(impl RawStream + std::os::fd::AsFd)) -> Self {
        if !stream.is_terminal() {
            return Self::PIPE;
        }
        let columns = terminal_size_of(stream).map(|(Width(columns), _)| usize::from(columns));
        Self {
            width: Some(columns.unwrap_or(USUAL_WIDTH)),
            // This respects NO_COLOR, CLICOLOR, CLICOLOR_FORCE and TERM.
            has_colour: AutoStream::choice(stream) != ColorChoice::Never,
        }
    }

    /// A terminal without colours.
    #[must_use]
    pub fn terminal(width: usize) -> Self {
        Self {
            width: Some(width),
            has_colour: false,
        }
    }

    /// The columns of a terminal; `None` for a pipe.
    #[must_use]
    pub fn width(self) -> Option<usize> {
        self.width
    }

    /// Whether this is a terminal.
    #[must_use]
    pub fn is_terminal(self) -> bool {
        self.width.is_some()
    }

    /// Whether text may be coloured.
    #[must_use]
    pub fn has_colour(self) -> bool {
        self.has_colour
    }

    /// The width of help.
    pub(super) fn help_width(self) -> usize {
        self.width.unwrap_or(WIDEST_HELP).min(WIDEST_HELP)
    }

    /// Text in a colour, if colours are wanted.
    #[must_use]
    pub fn paint(self, colour: Colour, text: &str) -> String {
        self.styled(colour.on_default(), text)
    }

    /// A heading.
    #[must_use]
    pub fn heading(self, text: &str) -> String {
        self.styled(Style::new().bold(), text)
    }

    fn styled(self, style: Style, text: &str) -> String {
        match self.has_colour && !text.is_empty() {
            true => format!("{style}{text}{style:#}"),
            false => text.to_owned(),
        }
    }

    /// Folds a line into lines that are no wider than the screen, at spaces where
    /// possible.
    #[must_use]
    pub fn fold(self, line: &str) -> String {
        let Some(width) = self.width else {
            return line.to_owned();
        };
        if textwrap::core::display_width(line) <= width && !line.contains('\t') {
            return line.to_owned();
        }
        // The width of a tab depends on its place, so tabs are replaced.
        let line = line.replace('\t', "  ");
        let indent = line.len() - line.trim_start_matches(' ').len() + HANGING;
        let indent = " ".repeat(if indent < width / 2 { indent } else { 0 });
        let options = textwrap::Options::new(width)
            .subsequent_indent(&indent)
            .word_separator(textwrap::WordSeparator::AsciiSpace)
            .word_splitter(textwrap::WordSplitter::NoHyphenation)
            .break_words(true);
        textwrap::fill(&line, options)
    }
}

/// Writes a line to standard error for a person. The line is folded on a terminal.
pub fn tell(line: &str) {
    let text = Screen::of_errors().fold(line) + "\n";
    // If standard error is closed too, there is no place to report that.
    let _ = std::io::stderr().write_all(text.as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pipe_gets_every_line_as_it_is() {
        let line = "word ".repeat(100);
        assert_eq!(Screen::PIPE.fold(&line), line);
        assert_eq!(Screen::PIPE.paint(Colour::Red, "red"), "red");
    }

    #[test]
    fn a_terminal_gets_no_wide_line_and_every_word() {
        let long = format!("  {} {}", "word ".repeat(30), "x".repeat(200));
        for width in [1, 7, 20, 80, 500] {
            let folded = Screen::terminal(width).fold(&long);
            assert!(folded.lines().all(|line| line.len() <= width), "{folded}");
            let letters = |text: &str| text.replace([' ', '\n'], "");
            assert_eq!(letters(&folded), letters(&long));
        }
        let folded = Screen::terminal(20).fold("  one two three four five");
        assert_eq!(folded, "  one two three four\n      five");
    }

    #[test]
    fn colours_have_no_width() {
        let screen = Screen {
            width: Some(10),
            has_colour: true,
        };
        let painted = screen.paint(Colour::Red, "0123456789");
        assert_ne!(painted, "0123456789");
        assert_eq!(screen.fold(&painted), painted);
    }
}
