//! The configuration file: TOML, flattened to dotted paths with the line of each value.

use std::path::Path;

use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use super::{
    layers::Raw,
    problem::{Origin, Problem},
};

/// Reads every value of the file, and says what is not TOML. Goes on after a fault, so that all are reported at once.
pub(super) fn parse(path: &Path, text: &str, problems: &mut Vec<Problem>) -> Vec<(String, Raw, usize)> {
    let (table, faults) = DeTable::parse_recoverable(text);
    for fault in faults {
        let line = fault.span().map_or(1, |span| line_of(text, span.start));
        problems.push(Problem {
            origin: Some(Origin::File {
                path: path.to_owned(),
                line,
            }),
            key: String::new(),
            message: format!("is not TOML: {}", fault.message()),
        });
    }
    let mut values = Vec::new();
    flatten(table.get_ref(), "", text, &mut values);
    values
}

fn flatten(table: &DeTable<'_>, prefix: &str, text: &str, values: &mut Vec<(String, Raw, usize)>) {
    for (name, value) in table {
        let path = if prefix.is_empty() {
            name.get_ref().to_string()
        } else {
            format!("{prefix}.{}", name.get_ref())
        };
        match value.get_ref() {
            DeValue::Table(inner) => flatten(inner, &path, text, values),
            other => values.push((path, raw_of(other), line_of(text, name.span().start))),
        }
    }
}

fn raw_of(value: &DeValue<'_>) -> Raw {
    match value {
        DeValue::String(text) => Raw::String(text.to_string()),
        DeValue::Integer(number) => i64::from_str_radix(number.as_str(), number.radix())
            .map_or(Raw::Foreign("an integer that does not fit 64 bits"), Raw::Integer),
        DeValue::Array(items) => {
            let texts: Option<Vec<String>> = items.iter().map(string_of).collect();
            texts.map_or(Raw::Foreign("a list of something else than strings"), Raw::List)
        }
        other => Raw::Foreign(other.type_str()),
    }
}

fn string_of(item: &Spanned<DeValue<'_>>) -> Option<String> {
    item.get_ref().as_str().map(str::to_owned)
}

fn line_of(text: &str, offset: usize) -> usize {
    text.bytes().take(offset).filter(|b| *b == b'\n').count() + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_carry_their_path_and_line() {
        let mut problems = Vec::new();
        let text = "issuer = \"x\"\n[server]\ntrusted_proxies = [\"10.0.0.0/8\"]\n\n[oauth]\nn = 1_000\n";
        let values = parse(Path::new("a.toml"), text, &mut problems);
        assert_eq!(problems, []);
        assert!(values.contains(&("issuer".into(), Raw::String("x".into()), 1)));
        assert!(values.contains(&(
            "server.trusted_proxies".into(),
            Raw::List(vec!["10.0.0.0/8".into()]),
            3
        )));
        assert!(values.contains(&("oauth.n".into(), Raw::Integer(1_000), 6)));
    }

    #[test]
    fn several_faults_of_syntax_are_reported_together() {
        let mut problems = Vec::new();
        parse(Path::new("a.toml"), "a = \nb = 1\nc = [1,\n", &mut problems);
        assert!(problems.len() >= 2, "{problems:?}");
        assert!(
            problems.iter().all(|p| p.to_string().contains("is not TOML: ")),
            "{problems:?}"
        );
        assert!(
            problems.iter().any(|p| p.to_string().starts_with("a.toml:1: ")),
            "{problems:?}"
        );
    }
}
