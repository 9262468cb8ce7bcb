//! `name:value:key=value`: a policy or workload with its parameters, as text.
//!
//! A value without a key belongs to the first parameter. Lists inside a value are
//! separated by slashes, because commas separate policies. The error for an unknown name
//! or parameter contains the nearest known one.

use std::fmt;
use std::str::FromStr;

use lithify_sim::names::suggest;

/// A name with the given values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spec {
    /// The name.
    pub name: String,
    given: Vec<(Option<String>, String)>,
}

/// A parameter of a policy or workload.
#[derive(Clone, Copy, Debug)]
pub struct Parameter {
    /// Its name.
    pub name: &'static str,
    /// The default value, as text.
    pub default: &'static str,
    /// The meaning, with the unit.
    pub about: &'static str,
}

/// The values of all parameters, given or by default.
#[derive(Clone, Debug)]
pub struct Values {
    name: String,
    values: Vec<(&'static str, String)>,
}

impl fmt::Display for Spec {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.name)?;
        for (key, value) in &self.given {
            match key {
                Some(key) => write!(formatter, ":{key}={value}")?,
                None => write!(formatter, ":{value}")?,
            }
        }
        Ok(())
    }
}

impl FromStr for Spec {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut words = text.split(':');
        let name = words.next().unwrap_or_default().trim().to_owned();
        if name.is_empty() {
            return Err(format!("{text:?} begins with no name"));
        }
        let given = words.map(|word| match word.split_once('=') {
            Some((key, value)) => (Some(key.trim().to_owned()), value.trim().to_owned()),
            None => (None, word.trim().to_owned()),
        });
        Ok(Self {
            name,
            given: given.collect(),
        })
    }
}

impl Spec {
    /// All parameters with their values.
    ///
    /// # Errors
    /// For a parameter that does not exist or is given twice, and for a value without a
    /// name that is not the first value.
    pub fn values(&self, parameters: &[Parameter]) -> Result<Values, String> {
        let mut values: Vec<(&'static str, Option<String>)> =
            parameters.iter().map(|known| (known.name, None)).collect();
        for (place, (key, value)) in self.given.iter().enumerate() {
            let known = match key {
                Some(key) => values.iter_mut().find(|known| known.0 == key.as_str()),
                None if place == 0 => values.first_mut(),
                None => {
                    return Err(format!(
                        "{self}: only the first value can go without a name, {value:?} cannot"
                    ));
                }
            };
            let Some(known) = known else {
                let key = key.as_deref().unwrap_or(value);
                let names = parameters.iter().map(|known| known.name);
                let what = format!("{} has no parameter {key:?}", self.name);
                return Err(suggest(&what, key, names));
            };
            if known.1.replace(value.clone()).is_some() {
                return Err(format!("{self}: {} is given twice", known.0));
            }
        }
        let values = values.into_iter().zip(parameters);
        let values = values.map(|((name, value), known)| {
            (name, value.unwrap_or_else(|| known.default.to_owned()))
        });
        Ok(Values {
            name: self.name.clone(),
            values: values.collect(),
        })
    }
}

impl Values {
    /// The text of a declared parameter.
    #[must_use]
    pub fn text(&self, parameter: &str) -> &str {
        let value = self.values.iter().find(|value| value.0 == parameter);
        &value.expect("the parameter is declared").1
    }

    /// The value of a parameter.
    ///
    /// # Errors
    /// If the text is not a value of this type.
    pub fn parse<T: FromStr<Err: fmt::Display>>(&self, parameter: &str) -> Result<T, String> {
        let text = self.text(parameter);
        let refused = |error| format!("{}: {parameter}={text}: {error}", self.name);
        text.parse().map_err(refused)
    }

    /// A whole number that is at least `least`.
    ///
    /// # Errors
    /// If the text is not such a number.
    pub fn at_least(&self, parameter: &str, least: u64) -> Result<u64, String> {
        let number: u64 = self.parse(parameter)?;
        if number < least {
            return Err(format!(
                "{}: {parameter}={number} is too small: the lowest allowed is {least}",
                self.name
            ));
        }
        Ok(number)
    }

    /// The error for values that are not valid together.
    #[must_use]
    pub fn refuse(&self, why: impl fmt::Display) -> String {
        format!("{}: {why}", self.name)
    }
}
