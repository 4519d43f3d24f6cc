//! Claims asked for one by one (OIDC Core §5.5) and the person's say in them: each is agreed to as the scope that holds
//! it would be, so that the parameter is no way around the consent page.
//!
//! What is remembered are scopes. A claim of a scope that was never agreed to is listed, and so asked for, every time.

use std::collections::BTreeSet;

use authly_core::{Scope, ScopeSet, claims_request::ClaimsRequest, client::Client};

use crate::claims;

/// The claims that `scope` does not hold: they are listed beside it.
///
/// Depends on nothing that may change while a page is open, so the answer is about what the page listed.
pub(super) fn beyond<'a>(request: &'a ClaimsRequest, scope: &ScopeSet) -> BTreeSet<&'a str> {
    let is_beyond = |name: &str| claims::scope_of(name).is_some_and(|holder| !scope.contains(holder));
    let asked = request.userinfo.keys().chain(request.id_token.keys());
    asked.map(String::as_str).filter(|name| is_beyond(name)).collect()
}

/// What must have been agreed to before for the request to be granted `scope` without asking: the scope, and each that
/// holds a claim asked for beside it.
pub(super) fn needed(request: &ClaimsRequest, scope: &ScopeSet) -> ScopeSet {
    let holders = beyond(request, scope).into_iter().filter_map(claims::scope_of);
    let holders: ScopeSet = holders.filter_map(|holder| Scope::parse(holder).ok()).collect();
    scope.union(&holders)
}

/// Whether the claim comes with a scope that was agreed to.
pub(super) fn is_agreed(name: &str, agreed: &ScopeSet) -> bool {
    claims::scope_of(name).is_some_and(|holder| agreed.contains(holder))
}

/// What a grant may answer of the request: nothing that its client may not be granted any more.
pub(super) fn grantable(request: &ClaimsRequest, client: &Client) -> ClaimsRequest {
    let may = |name: &str| claims::scope_of(name).is_none_or(|holder| client.scopes.contains(holder));
    let mut granted = request.clone();
    granted.userinfo.retain(|name, _| may(name));
    granted.id_token.retain(|name, _| may(name));
    granted
}

#[cfg(test)]
mod tests {
    use authly_core::claims_request::RequestedClaim;

    use super::*;
    use crate::testing;

    fn request() -> ClaimsRequest {
        let ask = |names: &[&str]| {
            let each = names
                .iter()
                .map(|name| ((*name).to_owned(), RequestedClaim::default()));
            each.collect()
        };
        ClaimsRequest {
            userinfo: ask(&["email", "birthdate"]),
            id_token: ask(&["auth_time", "birthdate", "phone_number"]),
            locales: vec!["de".to_owned()],
        }
    }

    fn scope(text: &str) -> ScopeSet {
        ScopeSet::parse(text).unwrap()
    }

    #[test]
    fn what_no_scope_holds_is_listed_once() {
        let request = request();
        let beyond = |text| beyond(&request, &scope(text)).into_iter().collect::<Vec<_>>();
        assert_eq!(beyond("openid"), ["birthdate", "email", "phone_number"]);
        assert_eq!(beyond("openid email profile"), ["phone_number"]);
        assert!(is_agreed("birthdate", &scope("profile")) && !is_agreed("email", &scope("profile")));
    }

    #[test]
    fn what_is_granted_without_asking_needs_the_scope_of_every_claim() {
        let needed = |text| needed(&request(), &scope(text)).to_string();
        assert_eq!(needed("openid"), "email openid phone profile");
        assert_eq!(needed("openid email profile x"), "email openid phone profile x");
    }

    #[test]
    fn a_client_is_granted_no_claim_of_a_scope_that_it_lost() {
        let mut client = testing::client("c");
        client.scopes = scope("openid email");
        let granted = grantable(&request(), &client);
        assert_eq!(granted.userinfo.into_keys().collect::<Vec<_>>(), ["email"]);
        assert_eq!(granted.id_token.into_keys().collect::<Vec<_>>(), ["auth_time"]);
        assert_eq!(granted.locales, ["de"]);
    }
}
