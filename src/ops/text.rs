//! Prometheus' text format 0.0.4: families of samples, each with its help and type.

use std::fmt::{Display, Write};

/// What a family's numbers are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Type {
    /// Only ever grows, until the process or its files begin anew.
    Counter,
    /// Goes up and down.
    Gauge,
    /// How often a value lay below each of some bounds.
    Histogram,
}

/// A text that is being put together.
#[derive(Debug, Default)]
pub(super) struct Text(String);

impl Text {
    /// Begins a family; its samples follow.
    pub(super) fn family(&mut self, name: &str, kind: Type, help: &str) {
        let kind = match kind {
            Type::Counter => "counter",
            Type::Gauge => "gauge",
            Type::Histogram => "histogram",
        };
        self.line(&format!("# HELP {name} {help}"));
        self.line(&format!("# TYPE {name} {kind}"));
    }

    /// A sample with its labels.
    pub(super) fn sample(&mut self, name: &str, labels: &[(&str, &str)], value: impl Display) {
        if labels.is_empty() {
            return self.line(&format!("{name} {value}"));
        }
        let labels: Vec<String> = labels.iter().map(|(name, text)| format!("{name}=\"{}\"", escaped(text))).collect();
        self.line(&format!("{name}{{{}}} {value}", labels.join(",")));
    }

    /// A family of one sample.
    pub(super) fn single(&mut self, name: &str, kind: Type, help: &str, value: impl Display) {
        self.family(name, kind, help);
        self.sample(name, &[], value);
    }

    fn line(&mut self, line: &str) {
        // Writing into a text does not fail.
        let _ = writeln!(self.0, "{line}");
    }

    /// The text.
    pub(super) fn into_string(self) -> String {
        self.0
    }
}

fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn families_and_samples_are_written_as_prometheus_reads_them() {
        let mut text = Text::default();
        text.family("a_total", Type::Counter, "How many.");
        text.sample("a_total", &[("feed", "slots"), ("code", "say \"\\\n")], 3);
        text.single("b", Type::Gauge, "A number.", 0.5);
        let expected = "# HELP a_total How many.\n# TYPE a_total counter\na_total{feed=\"slots\",code=\"say \\\"\\\\\\n\"} 3\n\
            # HELP b A number.\n# TYPE b gauge\nb 0.5\n";
        assert_eq!(text.into_string(), expected);
    }
}
