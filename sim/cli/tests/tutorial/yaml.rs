//! Actions and workflows as values, and the parts of them that the checks look at.
//!
//! The values are those of YAML 1.2, in which `on` is a word. A repeated key is an error. What GitHub means by a key is
//! not known here, except where inputs and steps stand.

use serde_json::Value;

use super::read;

/// A file in YAML.
pub(crate) struct Page {
    pub(crate) name: String,
    pub(crate) value: Value,
}

impl Page {
    pub(crate) fn parse(name: &str, text: &str) -> Self {
        let value = serde_saphyr::from_str(text).unwrap_or_else(|error| panic!("{name}: {error}"));
        Self {
            name: name.to_owned(),
            value,
        }
    }

    pub(crate) fn read(path: &str) -> Self {
        Self::parse(path, &read(path))
    }

    /// The inputs of an action or of a workflow that others call.
    pub(crate) fn inputs(&self) -> Vec<(&String, &Value)> {
        let inputs = match self.value.get("inputs") {
            None => &self.value["on"]["workflow_call"]["inputs"],
            Some(inputs) => inputs,
        };
        inputs.as_object().into_iter().flatten().collect()
    }

    /// Every text, with the name of its entry.
    pub(crate) fn texts(&self) -> Vec<(&str, &str)> {
        let mut texts = Vec::new();
        gather(&self.value, "", &mut texts);
        texts
    }

    /// Every step, and every job that calls a workflow.
    pub(crate) fn steps(&self) -> Vec<&Value> {
        let jobs = self.value["jobs"].as_object().into_iter().flatten();
        let jobs: Vec<&Value> = jobs.map(|(_, job)| job).collect();
        let steps = jobs
            .iter()
            .map(|job| &job["steps"])
            .chain([&self.value["runs"]["steps"]]);
        let steps = steps.filter_map(Value::as_array).flatten();
        steps
            .chain(jobs.iter().copied().filter(|job| job.get("uses").is_some()))
            .collect()
    }
}

fn gather<'value>(
    value: &'value Value,
    name: &'value str,
    texts: &mut Vec<(&'value str, &'value str)>,
) {
    match value {
        Value::String(text) => texts.push((name, text)),
        Value::Array(values) => values.iter().for_each(|value| gather(value, name, texts)),
        Value::Object(values) => values
            .iter()
            .for_each(|(name, value)| gather(value, name, texts)),
        _ => {}
    }
}

#[test]
fn what_is_no_yaml_is_no_workflow() {
    for text in ["a: [", "a: 1\na: 2\n", "a:\n\t- b\n", "a: b: c\n"] {
        assert!(serde_saphyr::from_str::<Value>(text).is_err(), "{text}");
    }
}
