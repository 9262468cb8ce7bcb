//! One measured number, with what it takes to compare and to print it.

use serde::{Deserialize, Serialize};

/// Which of two numbers is the better one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Better {
    Higher,
    Lower,
    /// Neither: it tells how the others came about, or came about in another way than they.
    Neither,
}

/// How a number is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Unit {
    PerSecond,
    Seconds,
    Megabytes,
    /// A number of its own, such as a write amplification.
    Plain,
}

/// One measured number.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Figure {
    /// What was measured; the same for every engine.
    pub(crate) name: String,
    /// How it is printed.
    pub(crate) unit: Unit,
    /// How it is compared.
    pub(crate) better: Better,
    /// The number.
    pub(crate) value: f64,
}

impl Figure {
    /// A rate: more is better.
    pub(crate) fn rate(name: impl Into<String>, count: u64, seconds: f64) -> Self {
        Self {
            name: name.into(),
            unit: Unit::PerSecond,
            better: Better::Higher,
            value: count as f64 / seconds.max(1e-9),
        }
    }

    /// A cost: less is better.
    pub(crate) fn cost(name: impl Into<String>, unit: Unit, value: f64) -> Self {
        Self {
            name: name.into(),
            unit,
            better: Better::Lower,
            value,
        }
    }

    /// The same number, which no engine is judged by.
    pub(crate) fn not_compared(self) -> Self {
        Self {
            better: Better::Neither,
            ..self
        }
    }
}

/// `value` for a reader: three digits, and a unit that suits its size.
pub(crate) fn text(value: f64, unit: Unit) -> String {
    let (scaled, suffix) = match unit {
        Unit::PerSecond if value >= 1e6 => (value / 1e6, "M/s"),
        Unit::PerSecond if value >= 1e3 => (value / 1e3, "k/s"),
        Unit::PerSecond => (value, "/s"),
        Unit::Seconds if value >= 1.0 => (value, "s"),
        Unit::Seconds if value >= 1e-3 => (value * 1e3, "ms"),
        Unit::Seconds => (value * 1e6, "us"),
        Unit::Megabytes => (value, "MB"),
        Unit::Plain => (value, ""),
    };
    let digits = match scaled {
        scaled if scaled >= 100.0 => 0,
        scaled if scaled >= 10.0 => 1,
        _ => 2,
    };
    format!("{scaled:.digits$} {suffix}").trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::{Unit, text};

    #[test]
    fn a_number_has_three_digits_and_a_unit_of_its_size() {
        assert_eq!(text(892_512.0, Unit::PerSecond), "893 k/s");
        assert_eq!(text(1_361.9, Unit::PerSecond), "1.36 k/s");
        assert_eq!(text(42.1e-6, Unit::Seconds), "42.1 us");
        assert_eq!(text(1.076, Unit::Plain), "1.08");
        assert_eq!(text(104.1, Unit::Megabytes), "104 MB");
    }
}
