//! Spans and events for the crate `tracing`, with the feature `tracing`: what the engine does, and in
//! the eyes of a subscriber with a clock also how long it takes.
//!
//! Invariants: a span changes no behaviour, and without the feature the macros expand to nothing. Every
//! name is public: the filter of a user may have it. The front page of the crate lists the names.

/// Opens a span until the end of the block: `span!(DEBUG, "sync", file = name)`.
#[cfg(feature = "tracing")]
macro_rules! span {
    ($level:ident, $name:literal $(, $field:ident = $value:expr)* $(,)?) => {
        let span = ::tracing::span!(
            target: "lithify",
            ::tracing::Level::$level,
            $name
            $(, $field = ::tracing::field::display(&$value))*
        );
        let _entered = span.entered();
    };
}

/// Tells what has happened: `event!(DEBUG, "published", through = at)`.
#[cfg(feature = "tracing")]
macro_rules! event {
    ($level:ident, $message:literal $(, $field:ident = $value:expr)* $(,)?) => {
        ::tracing::event!(
            target: "lithify",
            ::tracing::Level::$level,
            $($field = ::tracing::field::display(&$value),)*
            $message
        )
    };
}

/// Does nothing, and lets the values count as used.
#[cfg(not(feature = "tracing"))]
macro_rules! span {
    ($level:ident, $name:literal $(, $field:ident = $value:expr)* $(,)?) => {
        let _ = || { $(_ = &$value;)* };
    };
}

/// Does nothing, and lets the values count as used.
#[cfg(not(feature = "tracing"))]
macro_rules! event {
    ($level:ident, $message:literal $(, $field:ident = $value:expr)* $(,)?) => {
        _ = || { $(_ = &$value;)* }
    };
}
