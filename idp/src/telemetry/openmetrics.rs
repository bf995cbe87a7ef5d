//! Reads the text that `/metrics` gives, as our encoder writes it: the one place where numbers are
//! kept says them in this form alone.

use std::collections::BTreeMap;

/// Samples of one name.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct MetricFamily {
    pub(super) name: String,
    pub(super) help: String,
    pub(super) kind: Kind,
    pub(super) samples: Vec<Sample>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Counter,
    Gauge,
    Histogram,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Sample {
    /// What the name of the sample has behind that of its family, such as `_total`.
    pub(super) suffix: String,
    pub(super) labels: BTreeMap<String, String>,
    pub(super) value: f64,
}

/// The families in their order; lines of another kind are passed over.
pub(super) fn parse(text: &str) -> Vec<MetricFamily> {
    let mut families: Vec<MetricFamily> = Vec::new();
    for line in text.lines() {
        if let Some(comment) = line.strip_prefix("# ") {
            let mut words = comment.splitn(3, ' ');
            match (words.next(), words.next(), words.next()) {
                (Some("HELP"), Some(name), Some(help)) => families.push(MetricFamily {
                    name: name.to_owned(),
                    help: help.to_owned(),
                    kind: Kind::Gauge,
                    samples: Vec::new(),
                }),
                (Some("TYPE"), Some(_), Some(kind)) => {
                    if let Some(family) = families.last_mut() {
                        if kind == "info" {
                            family.name.push_str("_info");
                        }
                        family.kind = match kind {
                            "counter" => Kind::Counter,
                            "histogram" => Kind::Histogram,
                            _ => Kind::Gauge,
                        };
                    }
                }
                _ => {}
            }
        } else if let Some(family) = families.last_mut()
            && let Some(sample) = sample(line, &family.name)
        {
            family.samples.push(sample);
        }
    }
    families
}

fn sample(line: &str, family: &str) -> Option<Sample> {
    let rest = line.strip_prefix(family)?;
    let end = rest.find(['{', ' '])?;
    let (suffix, rest) = rest.split_at(end);
    let (labels, rest) = match rest.strip_prefix('{') {
        Some(rest) => labels(rest)?,
        None => (BTreeMap::new(), rest),
    };
    let value = rest.split_whitespace().next()?.parse().ok()?;
    Some(Sample {
        suffix: suffix.to_owned(),
        labels,
        value,
    })
}

/// Labels, and what follows the closing brace.
fn labels(text: &str) -> Option<(BTreeMap<String, String>, &str)> {
    let mut labels = BTreeMap::new();
    let mut rest = text;
    loop {
        rest = rest.trim_start_matches(',');
        if let Some(rest) = rest.strip_prefix('}') {
            return Some((labels, rest));
        }
        let (name, quoted) = rest.split_once("=\"")?;
        let mut value = String::new();
        let mut letters = quoted.char_indices();
        let end = loop {
            match letters.next()? {
                (at, '"') => break at,
                (_, '\\') => value.push(match letters.next()?.1 {
                    'n' => '\n',
                    other => other,
                }),
                (_, letter) => value.push(letter),
            }
        };
        labels.insert(name.to_owned(), value);
        rest = quoted.get(end + 1..)?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use prometheus_client::encoding::text::encode;
    use prometheus_client::metrics::counter::Counter;
    use prometheus_client::metrics::family::Family;
    use prometheus_client::metrics::gauge::Gauge;
    use prometheus_client::metrics::histogram::Histogram;
    use prometheus_client::metrics::info::Info;
    use prometheus_client::registry::Registry;
    use proptest::prelude::*;

    fn written(registry: &Registry) -> Vec<MetricFamily> {
        let mut text = String::new();
        encode(&mut text, registry).unwrap();
        parse(&text)
    }

    #[test]
    fn what_the_encoder_writes_is_read() {
        let mut registry = Registry::with_prefix("rw");
        let (counter, gauge) = (Counter::<u64>::default(), Gauge::<i64>::default());
        let histogram = Histogram::new([0.1, 1.0]);
        registry.register("calls", "Calls", counter.clone());
        registry.register("calls_under_way", "Calls now", gauge.clone());
        registry.register("call_seconds", "Time", histogram.clone());
        registry.register("build", "Build", Info::new([("version", "1")]));
        counter.inc_by(3);
        gauge.set(-2);
        histogram.observe(0.5);
        let families = written(&registry);
        let told: Vec<_> = families
            .iter()
            .map(|family| (family.name.as_str(), family.help.as_str(), family.kind))
            .collect();
        assert_eq!(
            told,
            [
                ("rw_calls", "Calls.", Kind::Counter),
                ("rw_calls_under_way", "Calls now.", Kind::Gauge),
                ("rw_call_seconds", "Time.", Kind::Histogram),
                ("rw_build_info", "Build.", Kind::Gauge),
            ]
        );
        let samples: Vec<_> = families
            .iter()
            .flat_map(|family| &family.samples)
            .map(|sample| {
                let bound = sample.labels.get("le").map_or("", String::as_str);
                (sample.suffix.as_str(), bound, sample.value)
            })
            .collect();
        assert_eq!(
            samples,
            [
                ("_total", "", 3.0),
                ("", "", -2.0),
                ("_sum", "", 0.5),
                ("_count", "", 1.0),
                ("_bucket", "0.1", 0.0),
                ("_bucket", "1.0", 1.0),
                ("_bucket", "+Inf", 1.0),
                ("", "", 1.0),
            ]
        );
    }

    proptest! {
        #[test]
        fn labels_are_read_as_they_were_set(name in "[a-z_]{1,8}", value in "\\PC*|[\"\\\\\n,}=]{0,6}") {
            let mut registry = Registry::default();
            let family = Family::<Vec<(String, String)>, Gauge>::default();
            registry.register("calls", "Calls", family.clone());
            family.get_or_create(&vec![(name.clone(), value.clone())]).set(1);
            let families = written(&registry);
            prop_assert_eq!(&families[0].samples[0].labels[&name], &value);
        }

        #[test]
        fn any_text_can_be_read(text in "(# (HELP|TYPE) )?[a-z]{1,3}[{ ]\\PC{0,20}") {
            parse(&text);
            parse(&format!("# HELP a b\n{text}"));
        }
    }
}
