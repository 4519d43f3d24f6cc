//! The configuration and what can be wrong with it.

use std::collections::BTreeSet;

use authly_plugin_sdk::ConfigIssue;
use serde::Deserialize;

/// Everything the operator may say.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// One rule per claim.
    #[serde(default)]
    pub claims: Vec<Rule>,
}

/// How one claim gets its value.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// Name of the claim.
    pub claim: String,
    /// Where its value comes from.
    pub from: Source,
    /// Which attribute; only with `from = "attribute"`.
    pub name: Option<String>,
    /// Where the claim goes; everywhere unless said.
    #[serde(default = "every_target")]
    pub targets: Vec<String>,
}

/// Where a value comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// An attribute of the person, of any JSON type.
    Attribute,
    /// The names of the person's groups.
    Groups,
}

/// What this version of the contract knows.
const TARGETS: [&str; 3] = ["id-token", "access-token", "userinfo"];

fn every_target() -> Vec<String> {
    TARGETS.iter().map(|&t| t.to_owned()).collect()
}

/// Every issue at once, so that an operator mends them in one go.
pub fn check(config: &Config) -> Vec<ConfigIssue> {
    let mut issues = Vec::new();
    let mut seen = BTreeSet::new();
    for (index, rule) in config.claims.iter().enumerate() {
        let mut issue = |key: &str, message: String| {
            issues.push(ConfigIssue {
                path: format!("claims[{index}].{key}"),
                message,
            });
        };
        check_rule(rule, &mut issue);
        for target in &rule.targets {
            if !seen.insert((rule.claim.as_str(), target.as_str())) {
                issue(
                    "claim",
                    format!("\"{}\" is set twice for the target \"{target}\"", rule.claim),
                );
            }
        }
    }
    issues
}

fn check_rule(rule: &Rule, issue: &mut impl FnMut(&str, String)) {
    if rule.claim.is_empty() {
        issue("claim", "must not be empty".to_owned());
    }
    match (rule.from, rule.name.as_deref()) {
        (Source::Attribute, None | Some("")) => {
            issue(
                "name",
                "must name an attribute, because from = \"attribute\"".to_owned(),
            );
        }
        (Source::Groups, Some(_)) => {
            issue(
                "name",
                "has no meaning with from = \"groups\"; remove it".to_owned(),
            );
        }
        _ => {}
    }
    if rule.targets.is_empty() {
        issue(
            "targets",
            format!("must hold at least one of {}", TARGETS.join(", ")),
        );
    }
    for target in rule.targets.iter().filter(|t| !TARGETS.contains(&t.as_str())) {
        issue(
            "targets",
            format!("\"{target}\" is not a target; use {}", TARGETS.join(", ")),
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn issues(json: &str) -> Vec<(String, String)> {
        check(&serde_json::from_str(json).unwrap())
            .into_iter()
            .map(|i| (i.path, i.message))
            .collect()
    }

    #[test]
    fn good_configuration_has_no_issue() {
        assert!(issues(r#"{"claims":[{"claim":"https://e.com/d","from":"attribute","name":"d","targets":["userinfo"]},{"claim":"https://e.com/g","from":"groups"}]}"#).is_empty());
        assert!(issues("{}").is_empty());
    }

    #[test]
    fn every_issue_is_told_with_its_path() {
        assert_eq!(
            issues(
                r#"{"claims":[{"claim":"","from":"attribute"},{"claim":"a","from":"groups","name":"x","targets":["idtoken"]}]}"#
            ),
            [
                ("claims[0].claim".to_owned(), "must not be empty".to_owned()),
                (
                    "claims[0].name".to_owned(),
                    "must name an attribute, because from = \"attribute\"".to_owned()
                ),
                (
                    "claims[1].name".to_owned(),
                    "has no meaning with from = \"groups\"; remove it".to_owned()
                ),
                (
                    "claims[1].targets".to_owned(),
                    "\"idtoken\" is not a target; use id-token, access-token, userinfo".to_owned()
                ),
            ]
        );
    }

    #[test]
    fn a_claim_is_set_once_per_target() {
        let twice = r#"{"claims":[{"claim":"a","from":"groups","targets":["userinfo"]},{"claim":"a","from":"groups","targets":["userinfo","id-token"]}]}"#;
        assert_eq!(
            issues(twice),
            [(
                "claims[1].claim".to_owned(),
                "\"a\" is set twice for the target \"userinfo\"".to_owned()
            )]
        );
    }
}
